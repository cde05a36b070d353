/*-------------------------------------------------------------------------
 *
 * read_view.c
 *		The view that shows each reader what the Read column lets it read.
 *
 * It belongs to the relation's owner and so reads with the owner's rights,
 * while spine.may_read() in it judges by the user who asks.  It is a security
 * barrier: a reader's own conditions see no row that may_read() turned away,
 * unless they are leakproof.  Its WITH clause does nothing but keep PostgreSQL
 * from writing through it.
 *
 * Whether a view is as it should be is read from its rule, never from what we
 * believe to have done: the query that it should have is analysed and compared
 * with the one that it has, node by node, so that a dump and restore, which
 * spells it anew, makes no difference.
 *
 * CREATE OR REPLACE keeps what hangs on a view, but can neither rename nor
 * drop columns.  Columns that the table has renamed are renamed first; where
 * that does not do, the view is dropped and made anew, unless others use it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "base/compat.h"
#include "base/rights.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "ownership/read_rules.h"
#include "ownership/read_view.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "rewrite/rewriteSupport.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#define MAY_READ SPINE_SCHEMA ".may_read"

/* A column that the view is to have. */
typedef struct WantedColumn
{
	const char *name;
	Oid			type;
	int32		typmod;
	Oid			collation;
} WantedColumn;

const char *
read_view_name(const SpecDataset *spec)
{
	return jb_get_text(spec->definition, "read_view");
}

/* ---- the query that the view should have ---- */

/* May everybody who reads the row read this column of it? */
static void
append_column(StringInfo sql, const SpecDataset *spec, const List *consumers,
			  const char *name, const char *state)
{
	const char *column = quote_identifier(name);

	if (read_column_is_closed(consumers, name))
		appendStringInfo(sql,
						 "CASE WHEN " MAY_READ
						 "(%s, %s, %s) THEN r.%s END AS %s",
						 quote_literal_cstr(spec->key), state,
						 quote_literal_cstr(name), column, column);
	else
		appendStringInfo(sql, "r.%s", column);
}

/* The columns of the table, each as the view shows it; how many there are. */
static int
append_columns(StringInfo sql, const SpecDataset *spec, Relation rel,
			   const char *state)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *consumers = read_column_consumers(spec, true);
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		appendStringInfoString(sql, n++ > 0 ? ",\n  " : "\n  ");
		append_column(sql, spec, consumers, NameStr(att->attname), state);
	}
	return n;
}

/* The view's query; NULL if the table is not fit for one. */
static char *
query_sql(const SpecDataset *spec, Relation rel)
{
	const char *state = "NULL::pg_catalog.text";
	StringInfoData sql;

	if (spec->lifecycle != NULL)
	{
		const char *governing = spec->lifecycle->governing;

		if (governing == NULL ||
			get_attnum(RelationGetRelid(rel), governing) <= 0)
			return NULL;
		state = psprintf("r.%s::pg_catalog.text", quote_identifier(governing));
	}
	initStringInfo(&sql);
	appendStringInfoString(
		&sql, "WITH for_select_only AS (SELECT true AS only)\nSELECT");
	if (append_columns(&sql, spec, rel, state) == 0)
		return NULL;
	appendStringInfo(&sql, "\n FROM %s AS r\n WHERE " MAY_READ "(%s, %s)",
					 quote_qualified_identifier(get_namespace_name(
													RelationGetNamespace(rel)),
												RelationGetRelationName(rel)),
					 quote_literal_cstr(spec->key), state);
	return sql.data;
}

/*
 * Analyse a query of ours, with the rights of the extension's owner: names in
 * schemas that the caller may not use have to be found.
 */
static Query *
query_analyse(const char *sql)
{
	ActAs		before = act_as(extension_owner(), false);
	RawStmt *raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
	Query	   *query = parse_analyze_fixedparams(raw, sql, NULL, 0, NULL);

	act_done(&before);
	return query;
}

/* The columns of an analysed query (List of WantedColumn). */
static List *
query_columns(const Query *query)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach (lc, query->targetList)
	{
		const TargetEntry *entry = lfirst(lc);
		WantedColumn *column = palloc(sizeof(WantedColumn));

		column->name = entry->resname;
		column->type = exprType((Node *) entry->expr);
		column->typmod = exprTypmod((Node *) entry->expr);
		column->collation = exprCollation((Node *) entry->expr);
		columns = lappend(columns, column);
	}
	return columns;
}

/* ---- the view that is there ---- */

/* The number of the one table that a query of our kind reads; 0 if it is of
 * another kind. */
static int
only_table(const Query *query, Oid relid)
{
	RangeTblRef *ref;
	RangeTblEntry *table;

	if (query->commandType != CMD_SELECT || list_length(query->cteList) != 1 ||
		query->hasAggs || query->hasWindowFuncs || query->hasTargetSRFs ||
		query->hasSubLinks || query->groupClause != NIL ||
		query->groupingSets != NIL || query->havingQual != NULL ||
		query->distinctClause != NIL || query->sortClause != NIL ||
		query->limitOffset != NULL || query->limitCount != NULL ||
		query->rowMarks != NIL || query->setOperations != NULL ||
		list_length(query->jointree->fromlist) != 1)
		return 0;
	ref = linitial(query->jointree->fromlist);
	if (!IsA(ref, RangeTblRef))
		return 0;
	table = rt_fetch(ref->rtindex, query->rtable);
	if (table->rtekind != RTE_RELATION || table->relid != relid ||
		!table->inh || table->tablesample != NULL)
		return 0;
	return ref->rtindex;
}

/* Do two queries of our kind over the same table say the same? */
static bool
queries_equal(const Query *wanted, const Query *found, Oid relid)
{
	int			wanted_table = only_table(wanted, relid);
	int			found_table = only_table(found, relid);
	Query	   *copy;
	ListCell   *a;
	ListCell   *b;

	if (wanted_table == 0 || found_table == 0 ||
		list_length(wanted->targetList) != list_length(found->targetList))
		return false;

	/* A stored rule may number its tables differently. */
	copy = copyObject(unconstify(Query *, found));
	if (found_table != wanted_table)
	{
		ChangeVarNodes((Node *) copy->targetList, found_table, wanted_table,
					   0);
		ChangeVarNodes(copy->jointree->quals, found_table, wanted_table, 0);
	}
	forboth (a, wanted->targetList, b, copy->targetList)
		if (!equal(((TargetEntry *) lfirst(a))->expr,
				   ((TargetEntry *) lfirst(b))->expr))
			return false;
	return equal(wanted->jointree->quals, copy->jointree->quals);
}

/* Is the column of that number in the view what it should be, but for its
 * name? */
static bool
column_fits(Relation view, int n, const WantedColumn *wanted)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(view), n);

	return !att->attisdropped && att->atttypid == wanted->type &&
		att->atttypmod == wanted->typmod &&
		att->attcollation == wanted->collation;
}

/* Can the view become the wanted one without being dropped? */
static bool
replaceable(Relation view, const List *columns)
{
	int			natts = RelationGetDescr(view)->natts;

	if (natts > list_length(columns))
		return false;
	for (int i = 0; i < natts; i++)
		if (!column_fits(view, i, list_nth(columns, i)))
			return false;
	return true;
}

static const char *
view_column(Relation view, int n)
{
	return NameStr(TupleDescAttr(RelationGetDescr(view), n)->attname);
}

/* Has the view all the wanted columns by their names? */
static bool
names_fit(Relation view, const List *columns)
{
	if (RelationGetDescr(view)->natts != list_length(columns))
		return false;
	for (int i = 0; i < list_length(columns); i++)
		if (strcmp(view_column(view, i),
				   ((WantedColumn *) list_nth(columns, i))->name) != 0)
			return false;
	return true;
}

/* Is the view in all respects what it should be? */
static bool
view_fits(Relation view, const ReadView *look, const Query *wanted,
		  const List *columns)
{
	return view->rd_rel->relowner == look->owner &&
		RelationIsSecurityView(view) && !RelationHasSecurityInvoker(view) &&
		!RelationHasCheckOption(view) && replaceable(view, columns) &&
		names_fit(view, columns) &&
		queries_equal(wanted, get_view_query(view), look->relid);
}

/* The oid of the view's rule. */
static Oid
view_rule(Oid view)
{
	HeapTuple	tuple;
	Oid			rule;

	tuple = SearchSysCache2(RULERELNAME, ObjectIdGetDatum(view),
							PointerGetDatum(ViewSelectRuleName));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	rule = ((Form_pg_rewrite) GETSTRUCT(tuple))->oid;
	ReleaseSysCache(tuple);
	return rule;
}

/* Is the function spine.may_read()? */
static bool
is_may_read(Oid function)
{
	char	   *name = get_func_name(function);

	return name != NULL && strcmp(name, "may_read") == 0 &&
		get_func_namespace(function) == get_namespace_oid(SPINE_SCHEMA, true);
}

/* Does the view's rule use spine.may_read()? */
static bool
asks_may_read(Oid view)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RewriteRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(view_rule(view)));
	scan =
		systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found = form->refclassid == ProcedureRelationId &&
			is_may_read(form->refobjid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/* Does anything but a rule hang on an object? */
static bool
has_dependents(Oid class, Oid object, Oid but_rule)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(class));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object));
	scan =
		systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		found = form->deptype == DEPENDENCY_NORMAL &&
			!(form->classid == RewriteRelationId && form->objid == but_rule);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/* Would dropping the view take something else with it? */
static bool
is_used(Oid view)
{
	return has_dependents(RelationRelationId, view, view_rule(view)) ||
		has_dependents(TypeRelationId, get_rel_type_id(view), InvalidOid);
}

/* ---- looking at it ---- */

static Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* May a view be made in this schema for this owner? */
static bool
schema_is_open(Oid schema, Oid owner)
{
	return schema != get_namespace_oid(SPINE_SCHEMA, true) &&
		!IsCatalogNamespace(schema) && !IsToastNamespace(schema) &&
		!isAnyTempNamespace(schema) && schema_create_allowed(schema, owner);
}

/* Is what has the view's name ours to replace? */
static bool
is_ours(Oid view, Oid owner, bool named)
{
	if (get_rel_relkind(view) != RELKIND_VIEW)
		return false;
	return asks_may_read(view) || (named && relation_owner(view) == owner);
}

/* How does the view that is there stand to what it should be? */
static ViewStanding
judge_view(const ReadView *look, const char *sql)
{
	Relation	view = relation_open(look->view, AccessShareLock);
	Query	   *wanted = query_analyse(sql);
	List	   *columns = query_columns(wanted);
	ViewStanding standing = VIEW_DIFFERS;

	if (view_fits(view, look, wanted, columns))
		standing = VIEW_FITS;
	else if (!replaceable(view, columns))
		standing = is_used(look->view) ? VIEW_STUCK : VIEW_REBUILD;
	relation_close(view, AccessShareLock);
	return standing;
}

/* The view's standing, everything else being known. */
static ViewStanding
look_closely(const SpecDataset *spec, ReadView *look, bool named)
{
	Relation	rel;
	char	   *sql;

	look->schema_oid = get_namespace_oid(look->schema, true);
	if (!OidIsValid(look->schema_oid))
		return VIEW_NO_SCHEMA;
	look->view = get_relname_relid(look->name, look->schema_oid);
	if (OidIsValid(look->view) && !is_ours(look->view, look->owner, named))
		return VIEW_TAKEN;

	rel = try_relation_open(look->relid, AccessShareLock);
	if (rel == NULL)
		return VIEW_UNREADY;
	sql = query_sql(spec, rel);
	relation_close(rel, NoLock);
	if (sql == NULL)
		return VIEW_UNREADY;
	if (OidIsValid(look->view))
		return judge_view(look, sql);
	return schema_is_open(look->schema_oid, look->owner) ? VIEW_ABSENT :
														   VIEW_CLOSED;
}

ReadView *
read_view_look(const SpecDataset *spec, bool named)
{
	ReadView   *look = palloc0(sizeof(ReadView));
	const char *name = spec != NULL ? read_view_name(spec) : NULL;
	List	   *names;

	if (name == NULL || !spec->local || spec->relation == NULL ||
		!SplitIdentifierString(pstrdup(name), '.', &names) ||
		list_length(names) != 2)
		return look;
	look->schema = linitial(names);
	look->name = lsecond(names);
	look->standing = VIEW_UNREADY;
	look->relid = spec_relation_oid(spec->relation);
	look->owner = relation_owner(look->relid);
	if (OidIsValid(look->owner))
		look->standing = look_closely(spec, look, named);
	return look;
}

bool
read_view_stands(const ReadView *view)
{
	return view->standing == VIEW_FITS || view->standing == VIEW_ABSENT ||
		view->standing == VIEW_DIFFERS || view->standing == VIEW_REBUILD;
}

/* ---- steps ---- */

static char *
view_ident(const ReadView *look)
{
	return quote_qualified_identifier(look->schema, look->name);
}

static void
add_step(List **steps, const char *action, const char *key, const char *risk,
		 char *sql)
{
	PlanStep   *step = palloc0(sizeof(PlanStep));

	step->action = action;
	step->kind = "view";
	step->key = key;
	step->risk = risk;
	step->sql = sql;
	step->execute = true;
	*steps = lappend(*steps, step);
}

static void
append_rename(StringInfo sql, const ReadView *look, const char *from,
			  const char *to)
{
	appendStringInfo(sql, "ALTER VIEW %s RENAME COLUMN %s TO %s;\n",
					 view_ident(look), quote_identifier(from),
					 quote_identifier(to));
}

/*
 * Give the view's columns the wanted names: by way of names that nobody has,
 * since two columns may have changed theirs for one another's.
 */
static void
append_renames(StringInfo sql, const ReadView *look, Relation view,
			   const List *columns)
{
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < RelationGetDescr(view)->natts; i++)
		{
			const char *from = view_column(view, i);
			const char *to = ((WantedColumn *) list_nth(columns, i))->name;
			const char *between = psprintf("~spine_%d", i + 1);

			if (strcmp(from, to) != 0)
				append_rename(sql, look, pass == 0 ? from : between,
							  pass == 0 ? between : to);
		}
}

/* Give those who read a view that is dropped the same right to the new one. */
static void
append_regrants(StringInfo sql, const ReadView *look)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(look->view));
	bool		isnull;
	Datum		value =
		SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &isnull);

	if (!isnull)
	{
		Acl		   *acl = DatumGetAclPCopy(value);

		for (int i = 0; i < ACL_NUM(acl); i++)
		{
			const AclItem *item = &ACL_DAT(acl)[i];
			char		  *role = item->ai_grantee == ACL_ID_PUBLIC ?
						 pstrdup("PUBLIC") :
						 GetUserNameFromId(item->ai_grantee, true);

			if ((ACLITEM_GET_PRIVS(*item) & ACL_SELECT) != 0 &&
				item->ai_grantee != look->owner && role != NULL)
				appendStringInfo(sql, "GRANT SELECT ON TABLE %s TO %s;\n",
								 view_ident(look),
								 item->ai_grantee == ACL_ID_PUBLIC ?
									 role :
									 quote_identifier(role));
		}
	}
	ReleaseSysCache(tuple);
}

/* Append a name to a comment, which ends with its line. */
static void
append_comment_word(StringInfo sql, const char *word)
{
	for (; *word != '\0'; word++)
		appendStringInfoChar(sql, (unsigned char) *word < ' ' ? '?' : *word);
}

/* What a person has to grant where apply does not. */
static void
append_advice(StringInfo sql, const SpecDataset *spec, const ReadView *look)
{
	List	   *states = read_states(spec);
	List	   *parties = read_whole_parties(spec);
	ListCell   *lc;
	bool		first = true;

	if (jb_get_bool(spec->definition, "manage_grants", false))
		return;
	foreach (lc, read_column_consumers(spec, false))
		parties =
			lappend(parties,
					unconstify(char *, ((ReadColumns *) lfirst(lc))->party));
	foreach (lc, parties)
	{
		if (read_reach(states, lfirst(lc)) == READS_NOTHING)
			continue;
		appendStringInfoString(sql,
							   first ? "-- SELECT on it is for the parties " :
									   ", ");
		append_comment_word(sql, lfirst(lc));
		first = false;
	}
	if (!first)
		appendStringInfoString(sql, "; manage_grants would grant it.\n");
}

/* The statement that makes the view, and what goes with it. */
static void
append_create(StringInfo sql, const SpecDataset *spec, const ReadView *look,
			  const char *query)
{
	appendStringInfo(sql,
					 "CREATE OR REPLACE VIEW %s WITH (security_barrier = "
					 "true) AS\n%s;\n",
					 view_ident(look), query);
	if (!OidIsValid(look->view) || look->standing == VIEW_REBUILD ||
		relation_owner(look->view) != look->owner)
		appendStringInfo(sql, "ALTER VIEW %s OWNER TO %s;\n", view_ident(look),
						 quote_identifier(
							 GetUserNameFromId(look->owner, false)));
	if (!OidIsValid(look->view) || look->standing == VIEW_REBUILD)
		appendStringInfo(sql, "COMMENT ON VIEW %s IS %s;\n", view_ident(look),
						 quote_literal_cstr(
							 psprintf("What each reader may read of %s; "
									  "kept by spine.apply()",
									  spec->key)));
}

/* The statements that make the view what it should be. */
static char *
make_sql(const SpecDataset *spec, const ReadView *look)
{
	Relation	rel = relation_open(look->relid, AccessShareLock);
	char	   *query = query_sql(spec, rel);
	StringInfoData sql;

	relation_close(rel, NoLock);
	initStringInfo(&sql);
	if (look->standing == VIEW_REBUILD)
		appendStringInfo(&sql, "DROP VIEW %s;\n", view_ident(look));
	if (look->standing == VIEW_DIFFERS)
	{
		Relation	view = relation_open(look->view, AccessShareLock);

		append_renames(&sql, look, view, query_columns(query_analyse(query)));
		relation_close(view, AccessShareLock);
	}
	append_create(&sql, spec, look, query);
	if (look->standing == VIEW_REBUILD)
		append_regrants(&sql, look);
	append_advice(&sql, spec, look);
	return sql.data;
}

bool
read_view_same(const SpecDataset *a, const SpecDataset *b)
{
	const char *left = a != NULL ? read_view_name(a) : NULL;
	const char *right = b != NULL ? read_view_name(b) : NULL;

	return left != NULL && right != NULL && strcmp(left, right) == 0;
}

/* Take a view away that no longer has a name in the document. */
static void
drop_step(const SpecDataset *before, List **steps)
{
	const ReadView *look = read_view_look(before, true);

	if (OidIsValid(look->view) && look->standing != VIEW_TAKEN)
		add_step(steps, "delete", before->key, "breaking",
				 psprintf("DROP VIEW %s;\n", view_ident(look)));
}

static void
read_view_steps(const SpecDataset *before, const SpecDataset *after,
				List **steps)
{
	const ReadView *look;
	bool		named = read_view_same(before, after);

	if (before != NULL && read_view_name(before) != NULL &&
		(!named || !after->local))
		drop_step(before, steps);
	look = read_view_look(after, named);
	if (look->standing == VIEW_ABSENT)
		add_step(steps, "create", after->key, "review", make_sql(after, look));
	else if (look->standing == VIEW_DIFFERS || look->standing == VIEW_REBUILD)
		add_step(steps, "update", after->key, "review", make_sql(after, look));
}

/* ---- health ---- */

static const char *
standing_text(ViewStanding standing)
{
	switch (standing)
	{
		case VIEW_UNREADY:
			return "its table is not fit for it";
		case VIEW_ABSENT:
			return "missing";
		case VIEW_DIFFERS:
		case VIEW_REBUILD:
			return "not as apply made it";
		case VIEW_STUCK:
			return "not as apply made it, and other objects use it";
		case VIEW_TAKEN:
			return "another relation has its name";
		case VIEW_NO_SCHEMA:
			return "its schema is missing";
		case VIEW_CLOSED:
			return "the table's owner may not create in its schema";
		case VIEW_NONE:
		case VIEW_FITS:
			break;
	}
	return NULL;
}

/*
 * Are the views as the document says?  Says nothing where no dataset has one.
 */
static void
read_view_health(void (*report)(void *arg, const char *check_name, bool ok,
								const char *detail, const char *hint),
				 void *arg)
{
	StringInfoData wrong;
	int			views = 0;
	ListCell   *lc;

	initStringInfo(&wrong);
	foreach (lc, catalog_local_datasets())
	{
		const ReadView *look = read_view_look(lfirst(lc), true);

		CHECK_FOR_INTERRUPTS();
		if (look->standing == VIEW_NONE)
			continue;
		views++;
		if (look->standing != VIEW_FITS)
			appendStringInfo(&wrong, "%s%s: %s", wrong.len > 0 ? ", " : "",
							 view_ident(look), standing_text(look->standing));
	}
	if (views > 0)
		report(arg, "read_views", wrong.len == 0,
			   wrong.len > 0 ?
				   wrong.data :
				   psprintf("%d views, all as apply made them", views),
			   wrong.len > 0 ?
				   "SELECT spine.apply(spine.export()) mends what can be "
				   "mended; what other objects use has to be dropped first." :
				   NULL);
}

void
read_view_init(void)
{
	catalog_register_steps(read_view_steps);
	catalog_register_health(read_view_health);
}
