/*-------------------------------------------------------------------------
 *
 * fk_action.c
 *		Actions of foreign keys that a dataset names in allow_fk_actions.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/settle.h"

bool
fk_action_concedes(const Attempt *attempt, const Denial *denial,
				   Concession *concession)
{
	return false;
}
