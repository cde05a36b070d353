/*-------------------------------------------------------------------------
 *
 * fallback.c
 *		The fallback of an owner who has not acted in time.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/settle.h"

bool
fallback_concedes(const Attempt *attempt, const Denial *denial,
				  Concession *concession)
{
	return false;
}
