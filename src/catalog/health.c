/*-------------------------------------------------------------------------
 *
 * health.c
 *		spine.health(): is what is enforced what was applied?
 *
 * The catalog's own checks are questions to its tables; each other room adds
 * its rows through a hook.  Nothing is changed, and nothing is raised: what
 * is wrong is a row that says so, and what to do.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/rights.h"
#include "catalog/catalog_internal.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(spine_health);

/* A check that is a question: the query counts and names what is wrong. */
typedef struct HealthQuery
{
	const char *check_name;
	const char *sql; /* one row: count bigint, examples text */
	const char *hint;
} HealthQuery;

/*
 * The hashes of all revisions must form a chain; that a document fits its
 * hash is asked of the newest twenty, as that takes a while for large ones.
 */
static const HealthQuery queries[] = {
	{"revision_chain",
	 "SELECT pg_catalog.count(*),"
	 " pg_catalog.string_agg('revision ' || rev, ', ' ORDER BY rev)"
	 " FROM (SELECT rev, sha256, parent_sha256, document,"
	 " pg_catalog.lag(sha256) OVER (ORDER BY rev) AS parent"
	 " FROM spine.revision) r"
	 " WHERE parent_sha256 IS DISTINCT FROM parent"
	 " OR CASE WHEN rev > (SELECT pg_catalog.max(rev) - 20"
	 " FROM spine.revision) THEN sha256 <> pg_catalog.encode("
	 "pg_catalog.sha256(pg_catalog.convert_to(document::text, 'UTF8')),"
	 " 'hex') END",
	 "A revision was changed behind spine's back: compare with a backup."},
	{"party_roles",
	 "SELECT pg_catalog.count(*),"
	 " pg_catalog.string_agg(pg_catalog.format('party %I: role %I', p.party,"
	 " p.role), ', ' ORDER BY p.party)"
	 " FROM spine.party p"
	 " LEFT JOIN pg_catalog.pg_roles r ON r.oid = p.roleid"
	 " WHERE p.role IS NOT NULL AND r.rolname IS DISTINCT FROM p.role",
	 "The role was dropped, renamed or is not here yet: create it, or apply a "
	 "document with its present name."},
	{"relations",
	 "SELECT pg_catalog.count(*),"
	 " pg_catalog.string_agg(pg_catalog.format('%s: %s', a.asset,"
	 " a.relation), ', ' ORDER BY a.asset)"
	 " FROM spine.asset a LEFT JOIN pg_catalog.pg_class c ON c.oid = a.relid"
	 " WHERE a.local AND a.relation IS NOT NULL AND c.oid IS NULL",
	 "The table was dropped or is not here yet: create it or remove the "
	 "dataset, then apply the document."},
};

/* Append a row to spine.health's result. */
static void
report_row(void *arg, const char *check_name, bool ok, const char *detail,
		   const char *hint)
{
	ReturnSetInfo *rsinfo = arg;
	bool		nulls[4] = {false};
	Datum		values[4];

	values[0] = CStringGetTextDatum(check_name);
	values[1] = BoolGetDatum(ok);
	values[2] = CStringGetTextDatum(detail ? detail : "");
	nulls[3] = hint == NULL;
	values[3] = hint ? CStringGetTextDatum(hint) : (Datum) 0;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static CatalogHealthHook health_hooks[16];
static int	health_hook_count = 0;

/* Take a room's hook; called from _PG_init. */
void
catalog_register_health(CatalogHealthHook hook)
{
	if (health_hook_count == lengthof(health_hooks))
		/* cannot happen */
		elog(ERROR, "too many rooms report health");
	health_hooks[health_hook_count++] = hook;
}

/* Ask one question of the catalog's own. */
static void
check_query(ReturnSetInfo *rsinfo, const HealthQuery *query)
{
	bool		isnull;
	int64		wrong;
	char	   *examples;

	if (SPI_execute(query->sql, true, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		/* cannot happen */
		elog(ERROR, "could not check %s", query->check_name);

	wrong = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
										SPI_tuptable->tupdesc, 1, &isnull));
	examples = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	report_row(rsinfo, query->check_name, wrong == 0, examples,
			   wrong == 0 ? NULL : query->hint);
}

/*
 * Rows of the projection that a document does not say, and the other way
 * round; told by what they show, not by oids.
 */
static const char projection_difference[] =
	"WITH doc AS (SELECT $1 AS d),"
	" ctx AS (SELECT c.key AS name, c.value AS def FROM doc,"
	" pg_catalog.jsonb_each(COALESCE(d -> 'contexts', '{}')) c),"
	" said AS ("
	" SELECT 'context' AS kind, name, def - 'datasets' AS def FROM ctx"
	" UNION ALL SELECT 'dataset', s.key, s.value FROM ctx,"
	" pg_catalog.jsonb_each(COALESCE(def -> 'datasets', '{}')) s"
	" UNION ALL SELECT 'attribute', t.key, t.value FROM ctx,"
	" pg_catalog.jsonb_each(COALESCE(def -> 'datasets', '{}')) s,"
	" pg_catalog.jsonb_each(COALESCE(s.value -> 'attributes', '{}')) t"
	" UNION ALL SELECT 'child', t.key, t.value FROM ctx,"
	" pg_catalog.jsonb_each(COALESCE(def -> 'datasets', '{}')) s,"
	" pg_catalog.jsonb_each(COALESCE(s.value #> '{lifecycle,children}',"
	" '{}')) t"
	" UNION ALL SELECT 'party', p.key, p.value FROM doc,"
	" pg_catalog.jsonb_each(COALESCE(d -> 'parties', '{}')) p"
	" UNION ALL SELECT 'terms', s.key || ':' || t.key, t.value FROM doc,"
	" pg_catalog.jsonb_each(COALESCE(d -> 'terms', '{}')) s,"
	" pg_catalog.jsonb_each(s.value) t"
	" UNION ALL SELECT s.key, e.key, e.value FROM doc,"
	" pg_catalog.jsonb_each(d - '{kind,apiVersion,contexts,parties,terms}'"
	"::text[]) s, pg_catalog.jsonb_each(s.value) e),"
	" shown AS ("
	" SELECT kind, name, definition AS def FROM spine.asset"
	" UNION ALL SELECT 'party', party, definition FROM spine.party"
	" UNION ALL SELECT section, name, definition FROM spine.entry),"
	" wrong AS ((TABLE said EXCEPT ALL TABLE shown)"
	" UNION ALL (TABLE shown EXCEPT ALL TABLE said))"
	" SELECT pg_catalog.count(*) FROM wrong";

/* How many rows of the projection differ from the document. */
static int64
count_differences(Jsonb *document)
{
	Oid			type = JSONBOID;
	Datum		value = JsonbPGetDatum(document);
	bool		isnull;

	if (SPI_execute_with_args(projection_difference, 1, &type, &value, NULL,
							  true, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		/* cannot happen */
		elog(ERROR, "could not compare the projection");
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/* Is the projection there, and does it show the newest revision? */
static void
check_projection(ReturnSetInfo *rsinfo)
{
	int64		rev;
	Jsonb	   *document = document_newest(&rev);
	int64		shown = projection_revision();
	int64		wrong = count_differences(document);
	bool		ok = shown == rev && wrong == 0;

	report_row(rsinfo, "projection", ok,
			   psprintf("shows revision " INT64_FORMAT " of " INT64_FORMAT
						"; differences: " INT64_FORMAT,
						shown, rev, wrong),
			   ok ? NULL : "SELECT spine.refresh_projection() rebuilds it.");
}

/* Which version of the extension runs here. */
static void
check_version(ReturnSetInfo *rsinfo)
{
	bool		found;

	found = SPI_execute("SELECT extversion FROM pg_catalog.pg_extension"
						" WHERE extname = 'spine'",
						true, 0) == SPI_OK_SELECT &&
		SPI_processed == 1;
	report_row(rsinfo, "extension", found,
			   found ? SPI_getvalue(SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 1) :
					   NULL,
			   found ? NULL : "Run CREATE EXTENSION spine.");
}

/* Is the library preloaded?  Never wrong, but good to know. */
static void
check_preload(ReturnSetInfo *rsinfo)
{
	const char *libraries =
		GetConfigOption("shared_preload_libraries", true, false);
	List	   *names = NIL;
	bool		preloaded = false;
	ListCell   *lc;

	if (libraries != NULL &&
		SplitDirectoriesString(pstrdup(libraries), ',', &names))
		foreach (lc, names)
			if (strcmp(lfirst(lc), "spine") == 0 ||
				strcmp(lfirst(lc), "$libdir/spine") == 0)
				preloaded = true;
	report_row(rsinfo, "preload", true,
			   preloaded ? "spine is in shared_preload_libraries" :
						   "spine is not in shared_preload_libraries",
			   preloaded ? NULL :
						   "Background work needs it; enforcement does not.");
}

/*
 * Compiling the questions takes longer than answering them.  The setting goes
 * with the section of act_as.
 */
static void
disable_jit(void)
{
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* spine.health(): see docs/catalog.md. */
Datum
spine_health(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo;
	ActAs		before;

	InitMaterializedSRF(fcinfo, 0);
	rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	before = act_as(extension_owner(), false);
	disable_jit();
	SPI_connect();
	check_version(rsinfo);
	check_preload(rsinfo);
	check_projection(rsinfo);
	for (size_t i = 0; i < lengthof(queries); i++)
		check_query(rsinfo, &queries[i]);
	for (int i = 0; i < health_hook_count; i++)
		health_hooks[i](report_row, rsinfo);
	SPI_finish();
	act_done(&before);
	return (Datum) 0;
}
