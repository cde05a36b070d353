/*-------------------------------------------------------------------------
 *
 * request.c
 *		Writes by strangers that wait for the owner's decision.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/settle.h"

bool
request_keep(const Attempt *attempt, const Denial *denial)
{
	return false;
}
