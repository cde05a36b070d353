/*-------------------------------------------------------------------------
 *
 * changed.h
 *		Which attributes of a row changed, by image; and which paths of a
 *		jsonb value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_CHANGED_H
#define OWNERSHIP_CHANGED_H

#include "ownership/matrix.h"

/*
 * Set the bits of the attributes whose images differ between two tuples of
 * the matrix's table; dropped and generated columns never differ.  changed
 * must be nwords long and zero.  Returns whether anything differs.
 */
extern bool changed_attributes(const Matrix *matrix, HeapTuple old,
							   HeapTuple new, uint64 *changed);

/*
 * Find a path below a jsonb column whose change a user's parties may not
 * make: the most specific rule along the path decides, whole is whether the
 * column as a whole is open to them.  A NULL datum pointer is SQL NULL.
 * Returns the offending path ("" for the column itself), or NULL if all that
 * changed may be changed; *decided is the rule that forbids it, or NULL where
 * it is the column's.
 */
extern const char *forbidden_path(const List *rules, AttrNumber attnum,
								  const Bitmapset *parties, bool whole,
								  const Jsonb *old, const Jsonb *new,
								  const PathRule **decided);

/*
 * May the parties write this very path (parts below the column)?  The value
 * that the column has tells positions in arrays from keys like "0".
 */
extern bool path_allowed(const List *rules, AttrNumber attnum,
						 const Bitmapset *parties, bool whole,
						 const List *parts, const Jsonb *value,
						 const PathRule **decided);

#endif /* OWNERSHIP_CHANGED_H */
