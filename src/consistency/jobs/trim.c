/*-------------------------------------------------------------------------
 *
 * trim.c
 *		The job trim_checks: what of the history of checks is kept.
 *
 * Every check is kept for as long as spine.check_keep says.  What is older
 * shrinks to what somebody may still have to show: the last proof of each
 * day; and to what is still spoken of: the last check of each copy, the first
 * complete one (a snapshot is compared with it), checks that drift or a repair
 * names.
 * Samples of lag and failures are of use for a week.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/job.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "consistency/jobs/consistency_internal.h"
#include "executor/spi.h"
#include "utils/builtins.h"

/* Rows that one piece removes. */
#define MOST_AT_ONCE 5000

static void
check_result(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not trim the history of checks: %s",
			 SPI_result_code_string(result));
}

static const char checks_sql[] =
	"DELETE FROM spine.check_log WHERE run_id IN (SELECT c.run_id FROM"
	" (SELECT l.run_id, l.finished_at, l.complete,"
	" l.complete AND l.verdict = 'equal' AS proof,"
	" pg_catalog.row_number() OVER (PARTITION BY l.placement"
	" ORDER BY l.run_id DESC) AS from_last,"
	" pg_catalog.row_number() OVER (PARTITION BY l.placement, l.complete"
	" ORDER BY l.run_id) AS from_first,"
	" pg_catalog.row_number() OVER (PARTITION BY l.placement, l.complete,"
	" l.verdict, pg_catalog.date_trunc('day', l.finished_at)"
	" ORDER BY l.run_id DESC) AS of_day FROM spine.check_log l) c"
	" WHERE c.finished_at < pg_catalog.now() - $1::interval"
	" AND c.from_last > 1 AND NOT (c.complete AND c.from_first = 1)"
	" AND NOT (c.proof AND c.of_day = 1)"
	" AND c.run_id NOT IN (SELECT d.first_run FROM spine.drift_log d"
	" UNION SELECT d.last_run FROM spine.drift_log d"
	" UNION SELECT d.closed_run FROM spine.drift_log d"
	" WHERE d.closed_run IS NOT NULL"
	" UNION SELECT r.check_run FROM spine.repair_run r"
	" WHERE r.check_run IS NOT NULL)"
	" ORDER BY c.run_id LIMIT $2)";

static const char *const week_sql[] =
	{"DELETE FROM spine.replica_sample"
	 " WHERE sampled_at < pg_catalog.now() - '7 days'::interval",
	 "DELETE FROM spine.check_failure"
	 " WHERE failed_at < pg_catalog.now() - '7 days'::interval"};

static bool
work_trim(void)
{
	Oid	  types[] = {TEXTOID, INT4OID};
	Datum values[2];

	for (int i = 0; i < (int) lengthof(week_sql); i++)
		check_result(SPI_execute(week_sql[i], false, 0), SPI_OK_DELETE);
	if (spine_check_keep[0] == '\0')
		return false;
	values[0] = CStringGetTextDatum(spine_check_keep);
	values[1] = Int32GetDatum(MOST_AT_ONCE);
	check_result(SPI_execute_with_args(checks_sql, lengthof(types), types,
									   values, NULL, false, 0),
				 SPI_OK_DELETE);
	return SPI_processed == MOST_AT_ONCE;
}

void
trim_checks_init(void)
{
	static const Job trim = {"trim_checks",
							 "Removes checks that spine.check_keep does not "
							 "keep.",
							 86400, false, work_trim};

	job_register(&trim);
}
