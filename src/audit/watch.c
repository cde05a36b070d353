/*-------------------------------------------------------------------------
 *
 * watch.c
 *		What spine.health() says of the logs.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/audit_internal.h"
#include "audit/months.h"
#include "audit/ring.h"
#include "catalog/spine_catalog.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

/* The default partition is large from so many bytes on. */
#define LARGE_DEFAULT (INT64CONST(1024) * 1024 * 1024)

/* Attempts that were lost are reported for so long. */
#define LOST_SECONDS (24 * 60 * 60)

const char months_unkept[] =
	"SELECT c.oid::pg_catalog.regclass::pg_catalog.text"
	" FROM pg_catalog.pg_class c"
	" WHERE (c.oid = 'spine.denied_log'::pg_catalog.regclass OR c.oid IN"
	" (SELECT relid FROM pg_catalog.pg_partition_tree('spine.audit_log')))"
	" AND c.relkind IN ('r', 'p')"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t"
	" WHERE t.tgrelid = c.oid AND t.tgname = 'refuse_change'"
	" AND t.tgenabled = 'A' AND t.tgfoid ="
	" 'spine.refuse_audit_change()'::pg_catalog.regprocedure)"
	" ORDER BY 1";

typedef void (*Report)(void *arg, const char *check_name, bool ok,
					   const char *detail, const char *hint);

/* Are refused attempts kept, and all of them? */
static void
report_ring(Report report, void *arg)
{
	RingFigures figures;
	bool		ok;

	ring_figures(&figures);
	if (figures.capacity == 0)
	{
		report(arg, "denied_ring", true,
			   "not preloaded: refused writes are not kept",
			   "Add spine to shared_preload_libraries to find them in "
			   "spine.denied.");
		return;
	}

	ok = figures.lost == 0 ||
		TimestampDifferenceExceeds(figures.last_lost, GetCurrentTimestamp(),
								   LOST_SECONDS * 1000);
	report(
		arg, "denied_ring", ok,
		psprintf(
			"%d of %d in use; only counted since the server started: " UINT64_FORMAT
			" above the rate, " UINT64_FORMAT " while it was full",
			figures.used, figures.capacity, figures.suppressed, figures.lost),
		ok ? NULL :
			 "Raise spine.denied_ring_size, and see that the job "
			 "\"denied\" runs.");
}

/* Are the next months made, and is the default partition small? */
static void
report_months(Report report, void *arg)
{
	bool  ready = months_ready();
	int64 size = months_default_size();
	bool  ok = size < LARGE_DEFAULT;

	report(arg, "audit_months", ok,
		   psprintf("next month %s; default partition: " INT64_FORMAT " MB",
					ready ? "is made" : "is not made", size / (1024 * 1024)),
		   ok && ready ? NULL :
						 "SELECT spine.make_audit_months() makes the months, "
						 "and moves rows out of the default partition; in a "
						 "quiet hour if that is large.");
}

/* Can the logs be changed? */
static void
report_keeping(Report report, void *arg)
{
	bool ok;

	if (SPI_execute(months_unkept, true, 1) != SPI_OK_SELECT)
		/* cannot happen */
		elog(ERROR, "could not read the triggers of the audit log");
	ok = SPI_processed == 0;
	report(arg, "audit_append_only", ok,
		   ok ? NULL :
				psprintf("table %s can be changed",
						 SPI_getvalue(SPI_tuptable->vals[0],
									  SPI_tuptable->tupdesc, 1)),
		   ok ? NULL :
				"SELECT spine.make_audit_months() gives it the trigger "
				"\"refuse_change\" again; find out who took it away.");
}

static void
audit_health(Report report, void *arg)
{
	report_ring(report, arg);
	report_months(report, arg);
	report_keeping(report, arg);
}

void
watch_init(void)
{
	catalog_register_health(audit_health);
}
