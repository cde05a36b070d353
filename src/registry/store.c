/*-------------------------------------------------------------------------
 *
 * store.c
 *		Reading what is stored of subjects.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "base/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "registry/store.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* References of references, deeper than this, are refused. */
#define MOST_REFERENCES 1000

/* ---- versions ---- */

static const char versions_sql[] =
	"SELECT v.version, v.id, b.type, v.semver, v.text, v.deleted, b.identity,"
	" b.metadata, b.rule_set FROM spine.schema_version v"
	" JOIN spine.schema_body b ON b.context = v.context"
	" AND b.id = v.id"
	" WHERE v.context = $1"
	" AND v.subject = $2"
	" AND ($3 IS NULL OR v.version = $3)"
	" ORDER BY v.version";

static const char references_sql[] =
	"SELECT r.name, r.ref_context, r.ref_subject, r.ref_version"
	" FROM spine.schema_reference r"
	" WHERE r.context = $1"
	" AND r.subject = $2"
	" AND r.version = $3 ORDER BY r.n";

static StoredVersion *
keep_version(MemoryContext mcxt, uint64 row)
{
	StoredVersion *version =
		MemoryContextAllocZero(mcxt, sizeof(StoredVersion));

	version->version = spi_int4(row, 1, 0);
	version->id = spi_int4(row, 2, 0);
	version->type = spi_keep_text(mcxt, row, 3);
	version->semver = spi_keep_text(mcxt, row, 4);
	version->text = spi_keep_text(mcxt, row, 5);
	version->deleted = spi_bool(row, 6, false);
	version->identity = spi_keep(mcxt, row, 7);
	version->metadata = spi_keep(mcxt, row, 8);
	version->rule_set = spi_keep(mcxt, row, 9);
	return version;
}

/* A subject of a context that is known to be good. */
static Subject *
stored_subject(const char *context, const char *name)
{
	if (strcmp(context, DEFAULT_CONTEXT) == 0)
		return subject_read(pstrdup(name));
	return subject_read(psprintf(":%s:%s", context, name));
}

static List *
keep_references(MemoryContext mcxt, const Subject *subject, int version)
{
	SpiArgs		args = {0};
	List	   *references = NIL;
	MemoryContext old;
	uint64		n;

	spi_arg_text(&args, subject->context);
	spi_arg_text(&args, subject->name);
	spi_arg_int4(&args, version);
	n = spi_run(references_sql, &args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
	{
		StoredReference *reference =
			MemoryContextAllocZero(mcxt, sizeof(StoredReference));

		reference->name = spi_keep_text(mcxt, i, 1);
		old = MemoryContextSwitchTo(mcxt);
		reference->subject = stored_subject(spi_text(i, 2), spi_text(i, 3));
		references = lappend(references, reference);
		MemoryContextSwitchTo(old);
		reference->version = spi_int4(i, 4, 0);
	}
	return references;
}

/* Versions of a subject, or the one of a number (0: all). */
static List *
read_versions(MemoryContext mcxt, const Subject *subject, int number)
{
	SpiArgs		args = {0};
	List	   *versions = NIL;
	ListCell   *lc;
	MemoryContext old;
	uint64		n;

	spi_arg_text(&args, subject->context);
	spi_arg_text(&args, subject->name);
	spi_arg(&args, INT4OID, Int32GetDatum(number), number == 0);
	n = spi_run(versions_sql, &args, SPI_OK_SELECT);
	old = MemoryContextSwitchTo(mcxt);
	for (uint64 i = 0; i < n; i++)
		versions = lappend(versions, keep_version(mcxt, i));
	MemoryContextSwitchTo(old);
	foreach (lc, versions)
	{
		StoredVersion *version = lfirst(lc);

		version->references = keep_references(mcxt, subject, version->version);
	}
	return versions;
}

List *
stored_versions(MemoryContext mcxt, const Subject *subject)
{
	return read_versions(mcxt, subject, 0);
}

StoredVersion *
stored_version(MemoryContext mcxt, const Subject *subject, int version)
{
	List	   *versions = read_versions(mcxt, subject, version);

	return versions == NIL ? NULL : linitial(versions);
}

/* ---- what they refer to ---- */

/* Texts gathered so far; each stands behind what it refers to. */
typedef struct Texts
{
	MemoryContext mcxt;
	SchemaReference *items;
	int			count;
} Texts;

static bool
is_gathered(const Texts *texts, const char *name)
{
	for (int i = 0; i < texts->count; i++)
		if (strcmp(texts->items[i].name, name) == 0)
			return true;
	return false;
}

static char *
utf8_copy(MemoryContext mcxt, const char *text)
{
	return MemoryContextStrdup(mcxt,
							   pg_server_to_any(text, (int) strlen(text),
												PG_UTF8));
}

static void
append_text(Texts *texts, const char *name, const char *text)
{
	SchemaReference *item = &texts->items[texts->count++];

	item->name = utf8_copy(texts->mcxt, name);
	item->text = utf8_copy(texts->mcxt, text);
	item->length = strlen(item->text);
}

static void
gather(Texts *texts, const List *references)
{
	ListCell   *lc;

	check_stack_depth();
	foreach (lc, references)
	{
		const StoredReference *reference = lfirst(lc);
		StoredVersion *version;

		CHECK_FOR_INTERRUPTS();
		if (is_gathered(texts, reference->name))
			continue;
		version = stored_version(CurrentMemoryContext, reference->subject,
								 reference->version);
		if (version == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("reference \"%s\" leads to version %d of subject "
							"\"%s\", which does not exist",
							reference->name, reference->version,
							reference->subject->shown)));
		gather(texts, version->references);
		if (texts->count == MOST_REFERENCES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("schema refers to more than %d others",
							MOST_REFERENCES)));
		append_text(texts, reference->name, version->text);
	}
}

SchemaReference *
stored_texts(MemoryContext mcxt, const List *references, int *count)
{
	Texts		texts = {mcxt, NULL, 0};

	if (references != NIL)
	{
		texts.items =
			MemoryContextAllocZero(mcxt,
								   sizeof(SchemaReference) * MOST_REFERENCES);
		gather(&texts, references);
	}
	*count = texts.count;
	return texts.items;
}

Datum
references_jsonb(const List *references)
{
	JsonbParseState *state = NULL;
	ListCell   *lc;

	if (references == NIL)
		return (Datum) 0;
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, references)
	{
		const StoredReference *reference = lfirst(lc);
		JsonbValue	version;

		version.type = jbvNumeric;
		version.val.numeric = DatumGetNumeric(
			DirectFunctionCall1(int4_numeric,
								Int32GetDatum(reference->version)));
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		jb_push_text(&state, "name", reference->name);
		jb_push_text(&state, "subject", reference->subject->shown);
		jb_push_value(&state, "version", &version);
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}

/* ---- settings ---- */

/* The nearest scope that says something, of each thing that may be said. */
static const char setting_sql[] =
	"SELECT (pg_catalog.array_agg(s.level ORDER BY s.rank)"
	" FILTER (WHERE s.level IS NOT NULL))[1],"
	" coalesce((pg_catalog.array_agg(s.mode ORDER BY s.rank DESC)"
	" FILTER (WHERE s.mode = 'READONLY_OVERRIDE'))[1],"
	" (pg_catalog.array_agg(s.mode ORDER BY s.rank)"
	" FILTER (WHERE s.mode IS NOT NULL))[1]),"
	" (pg_catalog.array_agg(s.policy ORDER BY s.rank)"
	" FILTER (WHERE s.policy IS NOT NULL))[1],"
	" (pg_catalog.array_agg(s.options ->> 'group'"
	" ORDER BY s.rank) FILTER (WHERE s.options ? 'group'))[1]"
	" FROM (SELECT c.*, CASE c.scope WHEN $1 THEN 1 WHEN $2 THEN 2 ELSE 3 END"
	" AS rank FROM spine.schema_setting c"
	" WHERE c.scope = ANY (ARRAY[$1, $2, ''])) s";

StoredSetting
stored_setting(MemoryContext mcxt, const Subject *subject, const char *type)
{
	StoredSetting setting = {0};
	SpiArgs		args = {0};
	const char *policy;

	spi_arg_text(&args, subject->shown);
	spi_arg_text(&args, psprintf(":%s:", subject->context));
	(void) spi_run(setting_sql, &args, SPI_OK_SELECT);
	setting.level = spi_keep_text(mcxt, 0, 1);
	setting.mode = spi_keep_text(mcxt, 0, 2);
	policy = spi_text(0, 3);
	setting.lenient = policy != NULL && strcmp(policy, "lenient") == 0;
	setting.group = spi_keep_text(mcxt, 0, 4);
	if (setting.level == NULL)
		setting.level = strcmp(type, "TABLE") == 0 ? "FULL" : "BACKWARD";
	if (setting.mode == NULL)
		setting.mode = "READWRITE";
	return setting;
}
