/*-------------------------------------------------------------------------
 *
 * spine.c
 *		Where the server enters: _PG_init starts each room, nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/rights.h"
#include "base/settings.h"
#include "catalog/spine_catalog.h"
#include "consistency/spine_consistency.h"
#include "ownership/spine_ownership.h"
#include "registry/spine_registry.h"
#include "worker/spine_worker.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	settings_init();
	rights_init();
	catalog_init();
	audit_init();
	registry_init();
	ownership_init();
	consistency_init();
	worker_init();
}
