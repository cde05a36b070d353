/*-------------------------------------------------------------------------
 *
 * may.h
 *		What the questions about rights share: opening a governed table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_MAY_H
#define OWNERSHIP_MAY_H

#include "ownership/matrix.h"

/*
 * Open a table for the caller, who must hold SELECT on it, and find its
 * matrix; raises if it is not governed.
 */
extern Relation may_open(Oid relid, Matrix **matrix);

/* Raise unless an argument of the running function is given. */
extern void may_require_argument(FunctionCallInfo fcinfo, int n,
								 const char *name);

#endif /* OWNERSHIP_MAY_H */
