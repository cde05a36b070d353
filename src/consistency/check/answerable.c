/*-------------------------------------------------------------------------
 *
 * answerable.c
 *		Who answers for a copy, and so may have it checked and repaired.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/rights.h"
#include "consistency/check/answerable.h"
#include "miscadmin.h"
#include "utils/acl.h"

static bool
acts_for_party(const char *party)
{
	return party != NULL && acts_for(GetUserId(), catalog_party_role(party));
}

bool
is_answerable(const SpecPlacement *placement)
{
	const SpecDataset *dataset = placement->dataset;

	return is_spine_admin(GetUserId()) ||
		acts_for(GetUserId(), get_role_oid("spine_steward", true)) ||
		acts_for_party(dataset->standing) ||
		acts_for_party(jb_get_text(placement->entry, "owner")) ||
		acts_for_party(jb_get_text(dataset->definition, "steward"));
}

void
require_answerable(const SpecPlacement *placement, const char *what)
{
	if (is_answerable(placement))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to %s copy \"%s\"", what,
					placement->key),
			 errdetail("The owner and the steward of \"%s\", the owner of the "
					   "copy, spine_steward and spine_admin may do so.",
					   placement->dataset->key)));
}

bool
is_copy_owner(const SpecPlacement *placement)
{
	const char *owner = jb_get_text(placement->entry, "owner");

	return is_spine_admin(GetUserId()) ||
		acts_for_party(owner ? owner : placement->dataset->standing);
}
