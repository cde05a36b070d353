/*-------------------------------------------------------------------------
 *
 * consistency.c
 *		The room: where its jobs and callbacks are registered.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/cache_clean.h"
#include "consistency/consistency_internal.h"
#include "consistency/spine_consistency.h"

/* Called once, from _PG_init; worker_init comes after it. */
void
consistency_init(void)
{
	schedule_checks_init();
	watch_copies_init();
	page_cache_init();
}
