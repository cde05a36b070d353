/*-------------------------------------------------------------------------
 *
 * copy.c
 *		A placement of a dataset as a question: which rows of the source of
 *		truth should be which rows of the copy?
 *
 * What a placement says about columns are expressions of a document, which
 * may have been written by somebody else than who compares.  So they are
 * checked anew each time: single expressions of immutable functions of
 * pg_catalog, which do no harm whoever runs them.  Checking takes the source's
 * relation, so they are only evaluated where the source is here.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/expression.h"
#include "consistency/check/copy.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

/* ---- finding the placement ---- */

Copy *
copy_find(const char *placement)
{
	Copy	   *copy = palloc0(sizeof(Copy));

	copy->spec = catalog_placement(placement);
	if (copy->spec == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the document names no copy \"%s\"", placement),
				 errdetail("Copies are named as context.dataset.placement."),
				 errhint("The view spine.topology lists all of them.")));
	copy->placement = copy->spec->key;
	copy->dataset = copy->spec->dataset;
	copy->entry = copy->spec->entry;
	copy->max_lag = jb_get_text(copy->entry, "max_lag");
	/* Of what is cached, how long it counts is how old it may be. */
	if (copy->max_lag == NULL)
		copy->max_lag = jb_get_text(copy->entry, "ttl");
	return copy;
}

bool
copy_is_snapshot(const Copy *copy)
{
	return strcmp(copy->spec->section, "snapshots") == 0;
}

static void
incomparable(const Copy *copy, const char *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPARABLE),
			 errmsg("copy \"%s\" cannot be compared", copy->placement),
			 errdetail("%s", why), hint ? errhint("%s", hint) : 0));
}

/* Whether rows can be asked for at all. */
static void
check_store(const Copy *copy)
{
	const SpecStore *store = copy->spec->store;

	if (store != NULL && store->kind != NULL &&
		strcmp(store->kind, "postgres") != 0)
		incomparable(copy,
					 psprintf("Store \"%s\" is of kind %s; it is compared by "
							  "digests that it pushes.",
							  store->name, store->kind),
					 "See spine.push_digest.");
	if (strcmp(copy->spec->section, "derived") == 0 &&
		jb_get_object(copy->entry, "columns") == NULL)
		incomparable(copy,
					 "What is derived is compared where \"columns\" says "
					 "what each of its columns holds.",
					 NULL);
}

/* ---- columns ---- */

/*
 * The source's column that an expression is, if it is nothing else.  Words
 * that SQL reads otherwise, like current_user, are none.
 */
static const SideColumn *
plain_column(const Copy *copy, const char *source)
{
	List	   *names;
	const SideColumn *column;

	if (!SplitIdentifierString(pstrdup(source), '.', &names) ||
		list_length(names) != 1)
		return NULL;
	column = side_column(copy->source, linitial(names));
	if (column == NULL)
		return NULL;
	return source[0] == '"' ||
			strcmp(quote_identifier(column->name), column->name) == 0 ?
		column :
		NULL;
}

/* What a column should hold by the placement's own word. */
static void
map_column(const Copy *copy, CopyColumn *column, const char *source)
{
	Findings   *findings = findings_new();
	Place		place = place_member(NULL, column->name);

	column->from = plain_column(copy, source);
	column->source = psprintf("(%s)", source);
	if (copy->source->rel == NULL)
	{
		if (column->from == NULL)
			incomparable(copy,
						 psprintf("Column \"%s\": expressions are evaluated "
								  "where the source of truth is.",
								  column->name),
						 "Compare from there.");
		column->source = quote_identifier(column->from->name);
	}
	else if (!expression_check(source, copy->source->rel, EXPRESSION_VALUE,
							   &place, findings, NULL))
		incomparable(copy,
					 psprintf("Column \"%s\": %s.", column->name,
							  ((Finding *) linitial(findings->items))
								  ->message),
					 NULL);
}

/* A column that holds what its namesake in the source does. */
static void
match_column(const Copy *copy, CopyColumn *column)
{
	column->from = side_column(copy->source, column->name);
	if (column->from == NULL)
		incomparable(copy,
					 psprintf("The source has no column \"%s\"; \"columns\" "
							  "tells what the copy's holds.",
							  column->name),
					 NULL);
	column->source = psprintf("row_.%s", quote_identifier(column->name));
}

/* All columns of the copy, or those that the placement maps. */
static void
make_columns(Copy *copy)
{
	const JsonbContainer *map = jb_get_object(copy->entry, "columns");
	ListCell   *lc;

	foreach (lc, copy->target->columns)
	{
		const SideColumn *to = lfirst(lc);
		CopyColumn *column;

		if (map != NULL && jb_get_text(map, to->name) == NULL)
			continue;
		column = palloc0(sizeof(CopyColumn));
		column->name = to->name;
		column->to = to;
		if (map != NULL)
			map_column(copy, column, jb_get_text(map, to->name));
		else
			match_column(copy, column);
		copy->columns = lappend(copy->columns, column);
	}
	if (copy->columns == NIL)
		incomparable(copy, "None of its columns is mapped.", NULL);
}

static CopyColumn *
find_column(const Copy *copy, const char *name)
{
	ListCell   *lc;

	foreach (lc, copy->columns)
		if (strcmp(((CopyColumn *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Is each column of the source's primary key part of the key? */
static bool
holds_source_key(const Copy *copy)
{
	ListCell   *lc;

	foreach (lc, copy->source->key)
	{
		ListCell   *lc2;
		bool		found = false;

		foreach (lc2, copy->columns)
		{
			const CopyColumn *column = lfirst(lc2);

			if (column->key && column->from != NULL &&
				strcmp(column->from->name, lfirst(lc)) == 0)
				found = true;
		}
		if (!found)
			return false;
	}
	return copy->source->key != NIL;
}

/* What can be said of the key once it is marked. */
static void
judge_key(Copy *copy)
{
	ListCell   *lc;

	copy->unique = holds_source_key(copy);
	copy->plain_keys = copy->has_key;
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);

		if (column->key &&
			(column->from == NULL || !column->from->plain_key ||
			 !column->to->plain_key))
			copy->plain_keys = false;
	}
}

/*
 * Mark the key: as the placement says, else the copy's primary key; without
 * either, the whole row tells itself apart.
 */
static void
mark_key(Copy *copy)
{
	List	   *key = jb_get_texts(copy->entry, "key");
	ListCell   *lc;

	if (key == NIL)
		key = copy->target->key;
	foreach (lc, key)
	{
		CopyColumn *column = find_column(copy, lfirst(lc));

		if (column == NULL)
			incomparable(copy,
						 psprintf("Its key column \"%s\" is not mapped.",
								  (char *) lfirst(lc)),
						 NULL);
		column->key = true;
	}
	copy->has_key = key != NIL;
	if (key == NIL)
		foreach (lc, copy->columns)
			((CopyColumn *) lfirst(lc))->key = true;
	judge_key(copy);
}

static void
read_filter(Copy *copy)
{
	char	   *filter = jb_get_text(copy->entry, "filter");
	Findings   *findings = findings_new();
	Place		place = place_member(NULL, "filter");

	if (filter == NULL)
		return;
	if (copy->source->rel == NULL)
		incomparable(copy,
					 "Its filter is evaluated where the source of truth is.",
					 "Compare from there.");
	if (!expression_check(filter, copy->source->rel, EXPRESSION_CHECK, &place,
						  findings, NULL))
		incomparable(copy,
					 psprintf("Its filter: %s.",
							  ((Finding *) linitial(findings->items))
								  ->message),
					 NULL);
	copy->filter = filter;
}

/* A snapshot has nothing to be mapped from: it is compared with itself. */
static void
take_columns(Copy *copy)
{
	ListCell   *lc;

	foreach (lc, copy->target->columns)
	{
		CopyColumn *column = palloc0(sizeof(CopyColumn));

		column->to = lfirst(lc);
		column->name = column->to->name;
		column->key = true;
		copy->columns = lappend(copy->columns, column);
	}
}

void
copy_open(Copy *copy)
{
	check_store(copy);
	if (!copy_is_snapshot(copy))
	{
		if (copy->spec->source_locator == NULL)
			incomparable(copy, "Its dataset names no relation.", NULL);
		copy->source = side_open("source", copy->spec->source,
								 copy->spec->source_locator);
	}
	copy->target = side_open("copy", copy->spec->store, copy->spec->locator);
	if (copy_is_snapshot(copy))
	{
		take_columns(copy);
		return;
	}
	make_columns(copy);
	mark_key(copy);
	read_filter(copy);
}

void
copy_close(Copy *copy)
{
	side_close(copy->target);
	if (copy->source != NULL)
		side_close(copy->source);
}

/* ---- as SQL ---- */

/*
 * Which version of a row it is, and whether somebody holds or changes it,
 * where the table can tell.  Who made the version may have left his own lock
 * on it, as triggers before the write do; he has ended.
 */
static const char *
identity(const Side *side)
{
	if (side->versions)
		return "pg_catalog.concat_ws(' ', row_.tableoid::pg_catalog.oid,"
			   " row_.xmin, row_.ctid) AS identity,"
			   " row_.xmax OPERATOR(pg_catalog.<>) '0'::pg_catalog.xid"
			   " AND row_.xmax OPERATOR(pg_catalog.<>) row_.xmin"
			   " AS touched";
	return "NULL::pg_catalog.text AS identity, true AS touched";
}

char *
copy_source_rows(const Copy *copy)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach (lc, copy->columns)
		appendStringInfo(&sql, "%s AS v%d, ",
						 ((CopyColumn *) lfirst(lc))->source,
						 foreach_current_index(lc) + 1);
	appendStringInfo(&sql, "%s FROM %s row_", identity(copy->source),
					 copy->source->relation);
	if (copy->filter != NULL)
		appendStringInfo(&sql, " WHERE (%s)", copy->filter);
	return sql.data;
}

char *
copy_rows(const Copy *copy)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach (lc, copy->columns)
		appendStringInfo(&sql, "row_.%s AS v%d, ",
						 quote_identifier(((CopyColumn *) lfirst(lc))->name),
						 foreach_current_index(lc) + 1);
	appendStringInfo(&sql, "%s FROM %s row_", identity(copy->target),
					 copy->target->relation);
	return sql.data;
}

char *
copy_values(const Copy *copy, const char *prefix, bool key)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach (lc, copy->columns)
		if (!key || ((CopyColumn *) lfirst(lc))->key)
			appendStringInfo(&sql, "%s%sv%d", sql.len > 0 ? ", " : "", prefix,
							 foreach_current_index(lc) + 1);
	return sql.data;
}

int
copy_value_count(const Copy *copy, bool key)
{
	int			count = 0;
	ListCell   *lc;

	foreach (lc, copy->columns)
		if (!key || ((CopyColumn *) lfirst(lc))->key)
			count++;
	return count;
}

/* Arguments that a function is given at most; it takes a few more. */
#define MOST_FIELDS 90

char *
fields_digest(const List *fields)
{
	StringInfoData sql;
	ListCell   *lc;
	bool		wide = list_length(fields) > MOST_FIELDS;

	initStringInfo(&sql);
	foreach (lc, fields)
	{
		int			n = foreach_current_index(lc);

		if (wide && n % MOST_FIELDS == 0)
			appendStringInfo(&sql, "%sspine.digest_row(", n > 0 ? "), " : "");
		else if (n > 0)
			appendStringInfoString(&sql, ", ");
		appendStringInfoString(&sql, lfirst(lc));
	}
	return psprintf("spine.digest_row(%s%s)", sql.data, wide ? ")" : "");
}

bool
copy_is_wide(const Copy *copy, bool key)
{
	return copy_value_count(copy, key) > MOST_FIELDS;
}

char *
copy_digest(const Copy *copy, const char *prefix, bool key)
{
	List	   *fields = NIL;
	ListCell   *lc;

	foreach (lc, copy->columns)
		if (!key || ((CopyColumn *) lfirst(lc))->key)
			fields = lappend(fields,
							 psprintf("%sv%d", prefix,
									  foreach_current_index(lc) + 1));
	return fields_digest(fields);
}

char *
copy_digest_agg(const Copy *copy, const char *prefix)
{
	return psprintf("spine.digest_agg(%s)",
					copy_is_wide(copy, false) ?
						copy_digest(copy, prefix, false) :
						copy_values(copy, prefix, false));
}

char *
copy_key_fields(const Copy *copy, const char *prefix)
{
	return copy_is_wide(copy, true) ? copy_digest(copy, prefix, true) :
									  copy_values(copy, prefix, true);
}

/*
 * A key's value for its object.  Of types that somebody made it is their text:
 * as JSON it might be what a cast makes of it, which is code of others, and
 * need not tell keys apart.
 */
static char *
key_value(const CopyColumn *column, const char *value)
{
	if (!column->to->own_type &&
		(column->from == NULL || !column->from->own_type))
		return psprintf("%s", value);
	return psprintf("CASE WHEN %s IS DISTINCT FROM NULL"
					" THEN pg_catalog.format('%%s', %s) END",
					value, value);
}

char *
copy_key_object(const Copy *copy, const char *prefix)
{
	StringInfoData sql;
	int			n = 0;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);
		const char *between = ", ";

		if (!column->key)
			continue;
		/* Two arguments each. */
		if (n++ % (MOST_FIELDS / 2) == 0)
			between = n > 1 ?
				") OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(" :
				"";
		appendStringInfo(&sql, "%s%s, %s", between,
						 quote_literal_cstr(column->name),
						 key_value(column,
								   psprintf("%sv%d", prefix,
											foreach_current_index(lc) + 1)));
	}
	return psprintf("pg_catalog.jsonb_build_object(%s)", sql.data);
}

List *
copy_plain_columns(const Copy *copy, const Side *side)
{
	List	   *columns = NIL;
	ListCell   *lc;

	if (side == copy->source && copy->filter != NULL)
		return NIL;
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);

		if (side == copy->target)
			columns = lappend(columns, (char *) column->name);
		else if (column->from != NULL)
			columns = lappend(columns, (char *) column->from->name);
		else
			return NIL;
	}
	return columns;
}
