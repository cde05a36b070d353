/*-------------------------------------------------------------------------
 *
 * settings.c
 *		The settings spine.*
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/settings.h"
#include "miscadmin.h"
#include "utils/guc.h"

char	   *spine_store = NULL;
int			spine_require_owner_level = REQUIRE_OWNER_OFF;
int			spine_denied_ring_size = 4096;
int			spine_denied_rate = 2000;
char	   *spine_audit_keep = NULL;
bool		spine_workers = true;
int			spine_steward_interval = 10;
int			spine_max_stewards = 2;
int			spine_max_long_stewards = 1;
int			spine_schema_cache = 65536;
bool		spine_migration_gate = false;
int			spine_override_max = 86400;
int			spine_page_cache_limit = 10240;
int			spine_check_max_lag = 10000;
int			spine_confirm_wait = 10000;
char	   *spine_check_keep = NULL;
int			spine_check_pages_per_second = 0;

static const struct config_enum_entry require_owner_words[] =
	{{"off", REQUIRE_OWNER_OFF, false},
	 {"warn", REQUIRE_OWNER_WARN, false},
	 {"error", REQUIRE_OWNER_ERROR, false},
	 {NULL, 0, false}};

/* spine.audit_keep, spine.check_keep: empty, or so many days, months or years. */
static bool
check_keep(char **value, void **extra, GucSource source)
{
	static const char *const units[] = {"day", "days", "month",
										"months", "year", "years"};
	char	   *end;
	long		number;

	if ((*value)[0] == '\0')
		return true;

	/* So many that the time before them is still one of our calendar. */
	errno = 0;
	number = strtol(*value, &end, 10);
	if (errno == 0 && *end == ' ' && number > 0 &&
		number <= (end[1] == 'y' ? 1000 : 10000))
		for (int i = 0; i < (int) lengthof(units); i++)
			if (strcmp(end + 1, units[i]) == 0)
				return true;

	GUC_check_errdetail("Give a number of days, months or years, as in "
						"\"13 months\".");
	return false;
}

/* What the audit log and the log of denied writes keep. */
static void
audit_settings(void)
{
	/* Memory is there for whom the server asked for it, when it started. */
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable(
			"spine.denied_ring_size",
			"Refused attempts that shared memory has room for.",
			"They wait there until a job writes them to spine.denied_log.",
			&spine_denied_ring_size, 4096, 64, 262144, PGC_POSTMASTER, 0, NULL,
			NULL, NULL);

	DefineCustomIntVariable(
		"spine.denied_rate", "Refused attempts that are kept in a second.",
		"For each role, dataset and attribute; what is more is counted.",
		&spine_denied_rate, 2000, 1, 1000000, PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"spine.audit_keep", "How long audited and denied rows are kept.",
		"A number of days, months or years; whole months go. Empty: for ever.",
		&spine_audit_keep, "", PGC_SUSET, 0, check_keep, NULL, NULL);
}

/* How checks of copies leave room for others. */
static void
check_settings(void)
{
	DefineCustomIntVariable(
		"spine.check_max_lag",
		"Lag of a standby above which the job makes no checks.",
		"Time that its replay is behind; 0: it is not looked at.",
		&spine_check_max_lag, 10000, 0, 86400000, PGC_SIGHUP, GUC_UNIT_MS,
		NULL, NULL, NULL);

	DefineCustomIntVariable(
		"spine.check_pages_per_second",
		"Pages that the job reads in a second to prepare a check.",
		"0: as fast as it can.", &spine_check_pages_per_second, 0, 0, 10000000,
		PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"spine.check_keep", "How long every check of a copy is kept.",
		"A number of days, months or years; then a day's last proof is. "
		"Empty: for ever.",
		&spine_check_keep, "90 days", PGC_SUSET, 0, check_keep, NULL, NULL);
}

void
settings_init(void)
{
	DefineCustomStringVariable("spine.store",
							   "Name of the store that this database is.",
							   "Needed only where a document has several "
							   "stores of kind postgres without a server.",
							   &spine_store, "", PGC_SUSET, 0, NULL, NULL,
							   NULL);

	DefineCustomEnumVariable(
		"spine.require_owner",
		"What happens to a table that is made without an owner.",
		"It concerns schemas that a context lists or that hold governed "
		"tables; superusers and spine_admin are only warned.",
		&spine_require_owner_level, REQUIRE_OWNER_OFF, require_owner_words,
		PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("spine.workers",
							 "Runs jobs by background workers.",
							 "They need spine in shared_preload_libraries.",
							 &spine_workers, true, PGC_SIGHUP, 0, NULL, NULL,
							 NULL);

	DefineCustomIntVariable(
		"spine.steward_interval",
		"Time between two visits of a steward to a database.",
		"It comes sooner where it is asked for.", &spine_steward_interval, 10,
		1, 3600, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable("spine.max_stewards",
							"Number of databases that are visited at a time.",
							"Each takes a slot of max_worker_processes.",
							&spine_max_stewards, 2, 1, 16, PGC_SIGHUP, 0, NULL,
							NULL, NULL);

	DefineCustomIntVariable(
		"spine.max_long_stewards",
		"Number of databases in which long jobs run at a time.",
		"Each takes a slot of max_worker_processes.", &spine_max_long_stewards,
		1, 1, 16, PGC_SIGHUP, 0, NULL, NULL, NULL);

	audit_settings();

	DefineCustomIntVariable("spine.page_cache_limit",
							"Size that all page caches may have together.",
							"They are below pg_spine; 0 means none, -1 any "
							"size.",
							&spine_page_cache_limit, 10240, -1, 1000000000,
							PGC_SUSET, GUC_UNIT_MB, NULL, NULL, NULL);

	DefineCustomIntVariable("spine.override_max",
							"Longest time for which an override may be given.",
							NULL, &spine_override_max, 86400, 1, 31536000,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);

	check_settings();

	DefineCustomIntVariable(
		"spine.confirm_wait",
		"How long a check waits for a copy to get to where its source was.",
		"Rows that differ and are not confirmed by then stay suspects.",
		&spine_confirm_wait, 10000, 0, 3600000, PGC_USERSET, GUC_UNIT_MS, NULL,
		NULL, NULL);

	DefineCustomIntVariable("spine.schema_cache",
							"Size of the parsed schemas that a session keeps.",
							"They spare parsing old versions again; 0 keeps "
							"none.",
							&spine_schema_cache, 65536, 0, 2097151,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomBoolVariable(
		"spine.migration_gate", "Are migrations of guarded tables judged?",
		"What breaks the level of a dataset then does not "
		"commit.",
		&spine_migration_gate, false, PGC_SUSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("spine");
}
