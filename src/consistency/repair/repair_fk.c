/*-------------------------------------------------------------------------
 *
 * repair_fk.c
 *		What foreign keys mean for repairs: in which order copies are written,
 *		and which rows are not deleted since others hang on them.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "base/spi.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "consistency/repair/repair_internal.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(spine_repair_order);

/* A copy to be ordered. */
typedef struct Ordered
{
	char	   *placement;
	Oid			relid;		/* InvalidOid: not a table of this node */
	List	   *parents;	/* of Oid: relations that it refers to */
	int			depth;		/* 0: refers to none of the others */
} Ordered;

/* ---- rows that hang on one ---- */

/* Does deleting a referenced row write the referencing ones? */
static bool
has_action(Form_pg_constraint fk)
{
	return fk->confdeltype == FKCONSTR_ACTION_CASCADE ||
		fk->confdeltype == FKCONSTR_ACTION_SETNULL ||
		fk->confdeltype == FKCONSTR_ACTION_SETDEFAULT;
}

/* A member of a constraint that is an array of one element a column. */
static void *
array_of(HeapTuple tuple, Relation catalog, int column, int *n)
{
	bool		isnull;
	ArrayType  *array = DatumGetArrayTypeP(
		heap_getattr(tuple, column, RelationGetDescr(catalog), &isnull));

	*n = ARR_DIMS(array)[0];
	return ARR_DATA_PTR(array);
}

/* A condition over row_: a row of the referencing table hangs on it. */
static char *
dependent_condition(HeapTuple tuple, Relation catalog)
{
	Form_pg_constraint fk = (Form_pg_constraint) GETSTRUCT(tuple);
	StringInfoData sql;
	int			n;
	int16 *theirs = array_of(tuple, catalog, Anum_pg_constraint_conkey, &n);
	int16	   *ours = array_of(tuple, catalog, Anum_pg_constraint_confkey, &n);
	Oid *equal = array_of(tuple, catalog, Anum_pg_constraint_conpfeqop, &n);

	initStringInfo(&sql);
	appendStringInfo(&sql, "EXISTS (SELECT FROM %s.%s child_ WHERE ",
					 quote_identifier(
						 get_namespace_name(get_rel_namespace(fk->conrelid))),
					 quote_identifier(get_rel_name(fk->conrelid)));
	for (int i = 0; i < n; i++)
		appendStringInfo(&sql, "%srow_.%s %s child_.%s", i > 0 ? " AND " : "",
						 quote_identifier(
							 get_attname(fk->confrelid, ours[i], false)),
						 repair_operator_name(equal[i]),
						 quote_identifier(
							 get_attname(fk->conrelid, theirs[i], false)));
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* The conditions of all constraints with an action on a relation. */
static List *
dependent_conditions(Oid relid)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	List	   *conditions = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint fk = (Form_pg_constraint) GETSTRUCT(tuple);

		if (fk->contype == CONSTRAINT_FOREIGN && fk->confrelid == relid &&
			!OidIsValid(fk->conparentid) && has_action(fk))
			conditions =
				lappend(conditions, dependent_condition(tuple, catalog));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return conditions;
}

/* Kept with the request: it asks for each row that it deletes. */
static List *
dependents_of(RepairRequest *request)
{
	MemoryContext old;

	if (request->knows_dependents)
		return request->dependents;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(request));
	request->dependents = dependent_conditions(RelationGetRelid(request->rel));
	request->knows_dependents = true;
	MemoryContextSwitchTo(old);
	return request->dependents;
}

void
repair_require_no_dependents(RepairRequest *request, const char *where)
{
	ListCell   *lc;

	foreach (lc, dependents_of(request))
	{
		char *sql = psprintf("SELECT FROM %s row_ WHERE %s AND %s",
							 repair_table_name(request->rel), where,
							 (char *) lfirst(lc));

		if (spi_run(sql, NULL, SPI_OK_SELECT) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_RESTRICT_VIOLATION),
					 errmsg("rows of another table would be deleted or "
							"changed along with it")));
	}
}

/* ---- order ---- */

/* The relations that a relation refers to by foreign keys. */
static List *
referenced_relations(Oid relid)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	List	   *parents = NIL;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint fk = (Form_pg_constraint) GETSTRUCT(tuple);

		if (fk->contype == CONSTRAINT_FOREIGN && fk->confrelid != relid)
			parents = list_append_unique_oid(parents, fk->confrelid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return parents;
}

static Ordered *
make_ordered(char *placement)
{
	Ordered    *ordered = palloc0(sizeof(Ordered));
	const SpecPlacement *found = catalog_placement(placement);

	ordered->placement = placement;
	if (found != NULL && found->store != NULL && found->store->here &&
		found->locator != NULL)
		ordered->relid = spec_relation_oid(found->locator);
	if (OidIsValid(ordered->relid))
		ordered->parents = referenced_relations(ordered->relid);
	return ordered;
}

/* One more than the deepest that it refers to; true if that is news. */
static bool
deepen(Ordered *child, List *all)
{
	int			depth = child->depth;
	ListCell   *lc;

	foreach (lc, all)
	{
		const Ordered *parent = lfirst(lc);

		if (OidIsValid(parent->relid) &&
			list_member_oid(child->parents, parent->relid))
			depth = Max(depth, parent->depth + 1);
	}
	if (depth == child->depth)
		return false;
	child->depth = depth;
	return true;
}

/* Those of other nodes come last. */
static int
compare_depth(const ListCell *a, const ListCell *b)
{
	const Ordered *left = lfirst(a);
	const Ordered *right = lfirst(b);

	if (OidIsValid(left->relid) != OidIsValid(right->relid))
		return OidIsValid(left->relid) ? -1 : 1;
	return left->depth - right->depth;
}

/* In a cycle depths would grow for ever: as many rounds as copies. */
static List *
order(List *placements)
{
	List	   *all = NIL;
	bool		news = true;
	ListCell   *lc;

	foreach (lc, placements)
		all = lappend(all, make_ordered(lfirst(lc)));
	for (int round = 0; news && round < list_length(all); round++)
	{
		CHECK_FOR_INTERRUPTS();
		news = false;
		foreach (lc, all)
			news = deepen(lfirst(lc), all) || news;
	}
	list_sort(all, compare_depth);
	return all;
}

List *
repair_order(List *placements)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach (lc, order(placements))
		names = lappend(names, ((Ordered *) lfirst(lc))->placement);
	return names;
}

/* spine.repair_order(placements): see docs/repair.md. */
Datum
spine_repair_order(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *placements = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			placements = lappend(placements, TextDatumGetCString(elements[i]));
	foreach (lc, order(placements))
	{
		const Ordered *ordered = lfirst(lc);
		Datum		   values[] = {CStringGetTextDatum(ordered->placement),
								   Int32GetDatum(ordered->depth)};
		bool		isnull[] = {false, !OidIsValid(ordered->relid)};

		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
	return (Datum) 0;
}
