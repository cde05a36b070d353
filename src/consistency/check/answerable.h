/*-------------------------------------------------------------------------
 *
 * answerable.h
 *		Who answers for a copy, and so may have it checked and repaired.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_ANSWERABLE_H
#define CONSISTENCY_ANSWERABLE_H

#include "catalog/spine_catalog.h"

/*
 * Does the current user answer for the data, or for the copy, or for all
 * data: the dataset's owner and steward, the copy's owner, spine_steward and
 * spine_admin?
 */
extern bool is_answerable(const SpecPlacement *placement);
/* Raise 42501 unless he is; what: "check", "repair". */
extern void require_answerable(const SpecPlacement *placement,
							   const char *what);
/* Is he spine_admin or acts for the copy's owner (the dataset's, where the
 * copy has none)?  They alone see values that repairs kept. */
extern bool is_copy_owner(const SpecPlacement *placement);

#endif /* CONSISTENCY_ANSWERABLE_H */
