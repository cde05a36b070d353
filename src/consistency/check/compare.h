/*-------------------------------------------------------------------------
 *
 * compare.h
 *		What compare.c has for those that ask sides as it does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_COMPARE_H
#define CONSISTENCY_COMPARE_H

#include "consistency/check/side.h"

/* Names (List of char *) as text of an array. */
extern char *array_of_names(const List *names);

/* Are digests of the side's relation kept in a page cache? */
extern bool side_uses_cache(const Side *side);

#endif /* CONSISTENCY_COMPARE_H */
