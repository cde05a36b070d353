/*-------------------------------------------------------------------------
 *
 * consistency.c
 *		The room: where its jobs and callbacks are registered.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/cache/cache_clean.h"
#include "consistency/jobs/consistency_internal.h"
#include "consistency/progress.h"
#include "consistency/spine_consistency.h"

/* Called once, from _PG_init; worker_init comes after it. */
void
consistency_init(void)
{
	progress_init();
	schedule_checks_init();
	mend_copies_init();
	scrub_copies_init();
	watch_copies_init();
	page_cache_init();
	trim_checks_init();
}
