/*-------------------------------------------------------------------------
 *
 * push_source.c
 *		The source's side of digests that were pushed: the same buckets over
 *		the same columns, by a query of the caller's.
 *
 * With each bucket goes a digest of the versions of its rows, which is the
 * same for as long as none of them was written: equal contents before and
 * after would not say that nothing happened in between.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/expression.h"
#include "base/spi.h"
#include "consistency/push/push.h"
#include "consistency/check/side.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

static int
position_of(const List *names, const char *name)
{
	ListCell   *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc) + 1;
	return 0;
}

/* v1, v2, ...: the key's columns, in its order; all without a key. */
static char *
key_values(const Push *push)
{
	List	   *key = jb_get_texts(push->placement->entry, "key");
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach (lc, key != NIL ? key : push->columns)
	{
		int			position = position_of(push->columns, lfirst(lc));

		if (position == 0)
			ereport(ERROR,
					(errcode(ERRCODE_SPINE_INCOMPARABLE),
					 errmsg("copy \"%s\" cannot be compared",
							push->placement->key),
					 errdetail("Its key column \"%s\" is not mapped.",
							   (char *) lfirst(lc))));
		appendStringInfo(&sql, "%sv%d", sql.len > 0 ? ", " : "", position);
	}
	return sql.data;
}

static char *
all_values(const Push *push)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 1; i <= list_length(push->columns); i++)
		appendStringInfo(&sql, "%sv%d", i > 1 ? ", " : "", i);
	return sql.data;
}

/* The filter, checked anew, since somebody else may have written it. */
static char *
filter_of(const Push *push, Relation source)
{
	char	   *filter = jb_get_text(push->placement->entry, "filter");
	Findings   *findings = findings_new();
	Place		place = place_member(NULL, "filter");

	if (filter != NULL &&
		!expression_check(filter, source, EXPRESSION_CHECK, &place, findings,
						  NULL))
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_INCOMPARABLE),
				 errmsg("copy \"%s\" cannot be compared",
						push->placement->key),
				 errdetail("Its filter: %s.",
						   ((Finding *) linitial(findings->items))->message)));
	return filter;
}

/* Which version of a row it is, where the table can tell. */
static const char *
identity_of(Relation source)
{
	switch (source->rd_rel->relkind)
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

/* What a column holds; it may be gone since it was pushed. */
static const char *
expression_of(const Push *push, const List *columns, const char *name)
{
	ListCell   *lc;

	foreach (lc, columns)
		if (strcmp(((PushColumn *) lfirst(lc))->name, name) == 0)
			return ((PushColumn *) lfirst(lc))->source;
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPARABLE),
			 errmsg("copy \"%s\" cannot be compared", push->placement->key),
			 errdetail("Its column \"%s\" is no longer mapped.", name)));
}

/* The rows that the copy should hold. */
static char *
source_rows(const Push *push, const List *columns, Relation source)
{
	char	   *filter = filter_of(push, source);
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach (lc, push->columns)
		appendStringInfo(&sql, "%s AS v%d, ",
						 expression_of(push, columns, lfirst(lc)),
						 foreach_current_index(lc) + 1);
	appendStringInfo(&sql, "%s AS identity FROM %s row_", identity_of(source),
					 quote_qualified_identifier(
						 get_namespace_name(RelationGetNamespace(source)),
						 RelationGetRelationName(source)));
	if (filter != NULL)
		appendStringInfo(&sql, " WHERE (%s)", filter);
	return sql.data;
}

static char *
source_query(const Push *push, const List *columns, Relation source)
{
	return psprintf(
		"SELECT pg_catalog.array_agg(coalesce(d.n, 0) ORDER BY b),"
		" pg_catalog.array_agg(coalesce(d.d, pg_catalog.repeat('0', 32))"
		" ORDER BY b),"
		" pg_catalog.array_agg(coalesce(d.v, pg_catalog.repeat('0', 32))"
		" ORDER BY b)"
		" FROM pg_catalog.generate_series(0, %d) b LEFT JOIN ("
		"SELECT spine.digest_bucket(%d, %s) AS b, pg_catalog.count(*) AS n,"
		" spine.digest_agg(%s) AS d, spine.digest_agg(identity) AS v"
		" FROM (%s) q GROUP BY 1) d USING (b)",
		push->nbuckets - 1, push->nbuckets, key_values(push), all_values(push),
		source_rows(push, columns, source));
}

static void
check_source(Relation source)
{
	if (check_enable_rls(RelationGetRelid(source), InvalidOid, true) ==
		RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot compare \"%s\": row security applies to you",
						RelationGetRelationName(source)),
				 errhint("Ask a role that sees all rows.")));
}

void
push_read_source(Push *push, const List *columns, Relation source)
{
	MemoryContext mcxt = CurrentMemoryContext;
	int			settings;

	check_source(source);
	settings = side_settings();
	SPI_connect();
	/* By a snapshot that is taken now: what was pushed is older. */
	spi_run(source_query(push, columns, source), NULL, SPI_OK_SELECT);
	push->source_row_counts = spi_keep(mcxt, 0, 1);
	push->source_digests = spi_keep(mcxt, 0, 2);
	push->source_versions = spi_keep(mcxt, 0, 3);
	SPI_finish();
	AtEOXact_GUC(false, settings);
	push->source_total =
		push_total(push->source_row_counts, push->source_digests);
}
