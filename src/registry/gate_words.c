/*-------------------------------------------------------------------------
 *
 * gate_words.c
 *		What the migration gate says: findings, who is affected, and how to
 *		do the same without breaking anybody.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "registry/gate.h"
#include "registry/request.h"
#include "utils/builtins.h"

/* Findings and names that an error spells out. */
#define MOST_TOLD 20

/* ---- hints ---- */

/* The compatible way, by what the kind begins with. */
typedef struct Way
{
	const char *kind;
	const char *hint;
} Way;

static const Way ways[] = {
	{"COLUMN_RENAMED",
	 "Add a column of the new name, write both, move readers, then ask for an approval to drop the old one; or rename it and leave a view of the old shape under the old name of the table."},
	{"COLUMN_REMOVED",
	 "Take the column out of all programs first; then the owner approves the drop with spine.approve_migration."},
	{"COLUMN_RECREATED",
	 "Change the column in place, or add one of another name: dropping it loses its values."},
	{"REQUIRED_COLUMN_ADDED",
	 "Give the column a default, or add it without NOT NULL and fill it."},
	{"TYPE_",
	 "Add a column of the new type beside it, write both, move readers, then drop the old one with an approval."},
	{"NOT_NULL_ADDED",
	 "Fill the column first and let all programs write it; then the owner approves NOT NULL."},
	{"RELATION_RENAMED",
	 "In the same transaction create a view of the old shape under the old name."},
	{"CONSTRAINT_ADDED",
	 "See that old rows and all programs obey it, then the owner approves it; NOT VALID keeps the lock short."},
	{"ENUM_LABEL_",
	 "Teach all readers the labels first; then the owner approves the change."},
};

const char *
gate_hint(const char *kind)
{
	for (size_t i = 0; i < lengthof(ways); i++)
		if (strncmp(kind, ways[i].kind, strlen(ways[i].kind)) == 0)
			return ways[i].hint;
	return "The owner of the dataset, or a schema delegate, approves it with "
		   "spine.approve_migration.";
}

/* ---- who is affected ---- */

/* Views that read the relation, however deep. */
static const char views_sql[] =
	"WITH RECURSIVE above(relid) AS (SELECT $1 UNION"
	" SELECT r.ev_class FROM above a JOIN pg_catalog.pg_depend d"
	" ON d.refobjid = a.relid"
	" AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
	" AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass"
	" JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid)"
	" SELECT a.relid::pg_catalog.regclass::pg_catalog.text FROM above a"
	" WHERE a.relid <> $1 ORDER BY 1";

static List *
views_above(Oid relid)
{
	SpiArgs		args = {0};
	List	   *views = NIL;
	uint64		n;

	spi_arg(&args, OIDOID, ObjectIdGetDatum(relid), false);
	n = spi_run(views_sql, &args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
		views = lappend(views, spi_text(i, 1));
	return views;
}

/* The names of the members of a part of the dataset. */
static List *
names_in(const GateVerdict *verdict, const char *section)
{
	const JsonbContainer *part = verdict->dataset ?
		jb_get_object(verdict->dataset->definition, section) :
		NULL;
	List	   *names = NIL;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (part == NULL)
		return NIL;
	jb_walk(&cursor, part);
	while (jb_next_member(&cursor, &key, &value))
		names = lappend(names, jb_text(&key));
	return names;
}

static List *
copies_of(const GateVerdict *verdict)
{
	static const char *const sections[] = {"replicas", "caches", "snapshots",
										   "derived"};
	List	   *copies = NIL;

	for (size_t i = 0; i < lengthof(sections); i++)
		copies = list_concat(copies, names_in(verdict, sections[i]));
	return copies;
}

static void
append_names(StringInfo text, const char *what, const List *names)
{
	ListCell   *lc;

	if (names == NIL)
		return;
	appendStringInfo(text, "\nAffected %s: ", what);
	foreach (lc, names)
	{
		if (foreach_current_index(lc) == MOST_TOLD)
		{
			appendStringInfoString(text, ", …");
			break;
		}
		appendStringInfo(text, "%s%s",
						 foreach_current_index(lc) > 0 ? ", " : "",
						 (char *) lfirst(lc));
	}
}

static void
push_names(JsonbParseState **state, const char *key, const List *names)
{
	ListCell   *lc;

	jb_push_key(state, key);
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, names)
	{
		JsonbValue	value;

		value.type = jbvString;
		value.val.string.val = lfirst(lc);
		value.val.string.len = (int) strlen(lfirst(lc));
		(void) pushJsonbValue(state, WJB_ELEM, &value);
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

Datum
gate_affected(const GateVerdict *verdict)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_names(&state, "consumers", names_in(verdict, "consumers"));
	push_names(&state, "copies", copies_of(verdict));
	push_names(&state, "views", views_above(verdict->subject->relid));
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* ---- the detail of an error ---- */

char *
gate_detail(const GateVerdict *verdict)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach (lc, verdict->violations)
	{
		const SchemaDifference *difference = lfirst(lc);

		if (foreach_current_index(lc) == MOST_TOLD)
		{
			appendStringInfoString(&text, "\n…");
			break;
		}
		appendStringInfo(&text, "%s%s%s%s: %s", text.len > 0 ? "\n" : "",
						 difference->kind, difference->path[0] ? " at " : "",
						 text_to_cstring(request_result(difference->path)),
						 text_to_cstring(request_result(difference->message)));
	}
	append_names(&text, "consumers", names_in(verdict, "consumers"));
	append_names(&text, "copies", copies_of(verdict));
	append_names(&text, "views", views_above(verdict->subject->relid));
	return text.data;
}
