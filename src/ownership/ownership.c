/*-------------------------------------------------------------------------
 *
 * ownership.c
 *		Starting the ownership room.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/analyse.h"
#include "ownership/attach.h"
#include "ownership/grants.h"
#include "ownership/guard.h"
#include "ownership/handoff.h"
#include "ownership/matrix.h"
#include "ownership/spine_ownership.h"

void
ownership_init(void)
{
	matrix_cache_init();
	guard_init();
	handoff_init();
	attach_init();
	grants_init();
	analyse_init();
}
