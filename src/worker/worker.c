/*-------------------------------------------------------------------------
 *
 * worker.c
 *		Starting the worker room.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "miscadmin.h"
#include "worker/spine_worker.h"
#include "worker/worker_internal.h"

void
worker_init(void)
{
	jobs_init();
	if (!process_shared_preload_libraries_in_progress)
		return;
	shared_init();
	launcher_init();
}
