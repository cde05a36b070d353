/*-------------------------------------------------------------------------
 *
 * ownership.c
 *		Starting the ownership room.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/alert.h"
#include "ownership/analyse.h"
#include "ownership/attach.h"
#include "ownership/ddl_guard.h"
#include "ownership/content.h"
#include "ownership/fk_action.h"
#include "ownership/grants.h"
#include "ownership/guard.h"
#include "ownership/handoff.h"
#include "ownership/matrix.h"
#include "ownership/read_audit.h"
#include "ownership/read_check.h"
#include "ownership/read_rules.h"
#include "ownership/read_view.h"
#include "ownership/replica.h"
#include "ownership/settle.h"
#include "ownership/spine_ownership.h"
#include "ownership/upkeep.h"

void
ownership_init(void)
{
	matrix_cache_init();
	guard_init();
	handoff_init();
	attach_init();
	ddl_guard_init();
	/* A view is made before rights to it are granted. */
	read_rules_init();
	read_view_init();
	grants_init();
	read_check_init();
	read_audit_init();
	analyse_init();
	fallback_init();
	override_init();
	escalate_init();
	content_init();
	upkeep_init();
	alert_init();
	fk_action_init();
	replica_init();
}
