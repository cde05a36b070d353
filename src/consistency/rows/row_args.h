/*-------------------------------------------------------------------------
 *
 * row_args.h
 *		A function's arguments as the fields of a row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_ROW_ARGS_H
#define CONSISTENCY_ROW_ARGS_H

#include "consistency/rows/canonical.h"

/*
 * The canonical bytes of nfields arguments from one on, or of all of them if
 * that is 0; good until the next call.  Always ask from the same one on.
 */
extern const CanonicalBytes *row_args(FunctionCallInfo fcinfo, int first,
									  int nfields);

#endif /* CONSISTENCY_ROW_ARGS_H */
