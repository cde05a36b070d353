/*-------------------------------------------------------------------------
 *
 * override.c
 *		Leaves that somebody gave, for a reason and a while.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/settle.h"

bool
override_concedes(const Attempt *attempt, const Denial *denial,
				  Concession *concession)
{
	return false;
}
