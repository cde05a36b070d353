/*-------------------------------------------------------------------------
 *
 * copy.c
 *		A placement of a dataset as a question: which rows of the source of
 *		truth should be which rows of the copy?
 *
 * What a placement says about columns are expressions of a document, which
 * may have been written by somebody else than who compares.  So they are
 * checked anew each time: single expressions of immutable functions of
 * pg_catalog, which do no harm whoever runs them.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "base/expression.h"
#include "consistency/copy.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* ---- finding the placement ---- */

static void
not_found(const char *placement)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("no copy \"%s\" is stored in this database", placement),
			 errdetail("Copies are named as context.dataset.placement; those "
					   "in other stores are not compared yet."),
			 errhint("The view spine.topology lists all of them.")));
}

static const SpecCopy *
find_copy(const SpecDataset *dataset, const char *name)
{
	ListCell   *lc;

	foreach (lc, dataset->copies)
		if (strcmp(((SpecCopy *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Fill in dataset, spec and entry. */
static void
find_placement(Copy *copy)
{
	List	   *parts = asset_key_parts(copy->placement);
	char	   *key;
	ListCell   *lc;

	if (list_length(parts) != 3)
		not_found(copy->placement);
	key = asset_key(linitial(parts), lsecond(parts), NULL);
	foreach (lc, catalog_copied_datasets())
	{
		const SpecDataset *dataset = lfirst(lc);

		if (strcmp(dataset->key, key) != 0)
			continue;
		copy->dataset = dataset;
		copy->spec = find_copy(dataset, lthird(parts));
	}
	if (copy->spec == NULL)
		not_found(copy->placement);
	copy->entry = jb_get_object(jb_get_object(copy->dataset->definition,
											  copy->spec->section),
								copy->spec->name);
}

static void
incomparable(const Copy *copy, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPARABLE),
			 errmsg("copy \"%s\" cannot be compared", copy->placement),
			 errdetail("%s", why)));
}

static Relation
open_side(const Copy *copy, const char *name, const char *what)
{
	Oid			relid = spec_relation_oid(name);

	if (!OidIsValid(relid))
		incomparable(copy,
					 psprintf("The relation %s of the %s is not here.", name,
							  what));
	return relation_open(relid, AccessShareLock);
}

/* ---- columns ---- */

/* What a column should hold by the placement's own word, or by its name. */
static CopyColumn *
make_column(const Copy *copy, const char *name)
{
	const JsonbContainer *map = jb_get_object(copy->entry, "columns");
	CopyColumn *column = palloc0(sizeof(CopyColumn));
	Findings   *findings = findings_new();
	Place		place = place_member(NULL, name);
	char	   *source;

	column->name = name;
	source = map ? jb_get_text(map, name) : pstrdup(quote_identifier(name));
	if (map == NULL &&
		get_attnum(RelationGetRelid(copy->sot), name) == InvalidAttrNumber)
		incomparable(copy,
					 psprintf("The source has no column \"%s\"; \"columns\" "
							  "tells what the copy's holds.",
							  name));
	if (!expression_check(source, copy->sot, EXPRESSION_VALUE, &place,
						  findings, NULL))
		incomparable(copy,
					 psprintf("Column \"%s\": %s.", name,
							  ((Finding *) linitial(findings->items))
								  ->message));
	column->plain = map == NULL;
	column->source = psprintf("(%s)", source);
	return column;
}

/* Is the column among those that the placement maps?  All are if none is. */
static bool
is_mapped(const Copy *copy, const char *name)
{
	const JsonbContainer *map = jb_get_object(copy->entry, "columns");

	return map == NULL || jb_get_text(map, name) != NULL;
}

static void
make_columns(Copy *copy)
{
	TupleDesc	desc = RelationGetDescr(copy->rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && is_mapped(copy, NameStr(att->attname)))
			copy->columns =
				lappend(copy->columns,
						make_column(copy, pstrdup(NameStr(att->attname))));
	}
	if (copy->columns == NIL)
		incomparable(copy, "None of its columns is mapped.");
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
		key = relation_primary_key(copy->rel);
	foreach (lc, key)
	{
		CopyColumn *column = find_column(copy, lfirst(lc));

		if (column == NULL)
			incomparable(copy,
						 psprintf("Its key column \"%s\" is not mapped.",
								  (char *) lfirst(lc)));
		column->key = true;
	}
	if (key == NIL)
		foreach (lc, copy->columns)
			((CopyColumn *) lfirst(lc))->key = true;
}

static void
read_filter(Copy *copy)
{
	char	   *filter = jb_get_text(copy->entry, "filter");
	Findings   *findings = findings_new();
	Place		place = place_member(NULL, "filter");

	if (filter == NULL)
		return;
	if (!expression_check(filter, copy->sot, EXPRESSION_CHECK, &place,
						  findings, NULL))
		incomparable(copy,
					 psprintf("Its filter: %s.",
							  ((Finding *) linitial(findings->items))
								  ->message));
	copy->filter = filter;
}

Copy *
copy_open(const char *placement)
{
	Copy	   *copy = palloc0(sizeof(Copy));

	copy->placement = placement;
	find_placement(copy);
	if (copy->dataset->relation == NULL || !copy->dataset->local)
		incomparable(copy, "Its source of truth is in another store.");
	copy->sot = open_side(copy, copy->dataset->relation, "source");
	copy->rel = open_side(copy, copy->spec->relation, "copy");
	copy->max_lag = jb_get_text(copy->entry, "max_lag");
	make_columns(copy);
	mark_key(copy);
	read_filter(copy);
	return copy;
}

void
copy_close(Copy *copy)
{
	relation_close(copy->rel, NoLock);
	relation_close(copy->sot, NoLock);
}

/* ---- as SQL ---- */

static char *
table_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(
										  RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

/* Which version of a row it is, where the table can tell. */
static const char *
identity(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
			return "pg_catalog.concat_ws(' ', row_.tableoid::pg_catalog.oid,"
				   " row_.xmin, row_.ctid)";
		default:
			return "NULL::pg_catalog.text";
	}
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
	appendStringInfo(&sql, "%s AS identity FROM %s row_", identity(copy->sot),
					 table_name(copy->sot));
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
	appendStringInfo(&sql, "%s AS identity FROM %s row_", identity(copy->rel),
					 table_name(copy->rel));
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

char *
copy_key_object(const Copy *copy, const char *prefix)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);

		if (column->key)
			appendStringInfo(&sql, "%s%s, %sv%d", sql.len > 0 ? ", " : "",
							 quote_literal_cstr(column->name), prefix,
							 foreach_current_index(lc) + 1);
	}
	return psprintf("pg_catalog.jsonb_build_object(%s)", sql.data);
}
