/*-------------------------------------------------------------------------
 *
 * past.c
 *		The server's catalogs as they are, and as they were before a command
 *		of this transaction.
 *
 * What a command did to a table is found by comparing the catalogs after it
 * with those before it.  The rows of before are still there, marked as deleted
 * by a later command of our own transaction: a snapshot whose command counter
 * stands where it stood sees them, and nothing of what came since.  So nobody
 * has to look at a table before a command just because it might be governed.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "ownership/past.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

Snapshot
past_take(CommandId before)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	/* Registering has made a copy, which is ours. */
	snapshot->curcid = before;
	return snapshot;
}

void
past_release(Snapshot snapshot)
{
	UnregisterSnapshot(snapshot);
}

/* ---- scans ---- */

void
catalog_scan_begin(CatalogScan *scan, Oid catalog, Oid index,
				   AttrNumber column, Oid value, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(value));
	scan->rel = table_open(catalog, AccessShareLock);
	scan->scan = systable_beginscan(scan->rel, index, true, snapshot, 1, &key);
}

/* The next row, good until the next call; NULL at the end. */
HeapTuple
catalog_scan_next(CatalogScan *scan)
{
	return systable_getnext(scan->scan);
}

void
catalog_scan_end(CatalogScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->rel, AccessShareLock);
}

/* ---- relations ---- */

char *
past_schema_name(Oid schema, Snapshot snapshot)
{
	CatalogScan scan;
	HeapTuple	row;
	char	   *name = NULL;

	catalog_scan_begin(&scan, NamespaceRelationId, NamespaceOidIndexId,
					   Anum_pg_namespace_oid, schema, snapshot);
	row = catalog_scan_next(&scan);
	if (HeapTupleIsValid(row))
		name = pstrdup(NameStr(((Form_pg_namespace) GETSTRUCT(row))->nspname));
	catalog_scan_end(&scan);
	return name;
}

bool
past_relation(Oid relid, Snapshot snapshot, PastRelation *relation)
{
	CatalogScan scan;
	HeapTuple	row;
	bool		found;

	catalog_scan_begin(&scan, RelationRelationId, ClassOidIndexId,
					   Anum_pg_class_oid, relid, snapshot);
	row = catalog_scan_next(&scan);
	found = HeapTupleIsValid(row);
	if (found)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(row);

		relation->name = pstrdup(NameStr(form->relname));
		relation->namespace = form->relnamespace;
		relation->kind = form->relkind;
		relation->owner = form->relowner;
		relation->method = form->relam;
	}
	catalog_scan_end(&scan);
	if (found)
	{
		char	   *schema = past_schema_name(relation->namespace, snapshot);

		relation->schema = schema != NULL ? schema : "";
	}
	return found;
}

/* One column of the rows of pg_inherits whose other column is relid. */
static List *
inheritance(Oid relid, Snapshot snapshot, bool up)
{
	CatalogScan scan;
	HeapTuple	row;
	List	   *found = NIL;

	catalog_scan_begin(&scan, InheritsRelationId,
					   up ? InheritsRelidSeqnoIndexId : InheritsParentIndexId,
					   up ? Anum_pg_inherits_inhrelid :
							Anum_pg_inherits_inhparent,
					   relid, snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_inherits form = (Form_pg_inherits) GETSTRUCT(row);

		found = lappend_oid(found, up ? form->inhparent : form->inhrelid);
	}
	catalog_scan_end(&scan);
	return found;
}

List *
past_parents(Oid relid, Snapshot snapshot)
{
	return inheritance(relid, snapshot, true);
}

List *
past_children(Oid relid, Snapshot snapshot)
{
	return inheritance(relid, snapshot, false);
}

/* ---- what belongs to a relation ---- */

/* The oid in one column of the row with an oid of a catalog. */
static Oid
column_of(Oid catalog, Oid index, AttrNumber oid_column, Oid oid,
		  AttrNumber column, Snapshot snapshot)
{
	CatalogScan scan;
	HeapTuple	row;
	bool		isnull;
	Oid			value = InvalidOid;

	catalog_scan_begin(&scan, catalog, index, oid_column, oid, snapshot);
	row = catalog_scan_next(&scan);
	if (HeapTupleIsValid(row))
		value = DatumGetObjectId(
			heap_getattr(row, column, RelationGetDescr(scan.rel), &isnull));
	catalog_scan_end(&scan);
	return value;
}

/* The type of a relation's rows. */
static Oid
row_type(Oid relid, Snapshot snapshot)
{
	return column_of(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid,
					 relid, Anum_pg_class_reltype, snapshot);
}

/* Add the relations whose columns are made of a type, however deep inside. */
static void
add_holders(Oid type, Snapshot snapshot, List **types, List **found)
{
	Relation	rel;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	row;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!OidIsValid(type) || list_member_oid(*types, type))
		return;
	*types = lappend_oid(*types, type);

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(type));
	rel = table_open(DependRelationId, AccessShareLock);
	scan = systable_beginscan(rel, DependReferenceIndexId, true, snapshot, 2,
							  keys);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(row);

		if (form->classid == TypeRelationId)
			add_holders(form->objid, snapshot, types, found);
		else if (form->classid == RelationRelationId && form->objsubid > 0)
		{
			*found = list_append_unique_oid(*found, form->objid);
			add_holders(row_type(form->objid, snapshot), snapshot, types,
						found);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

List *
past_holders(Oid relid, Snapshot snapshot)
{
	List	   *types = NIL;
	List	   *found = NIL;

	add_holders(row_type(relid, snapshot), snapshot, &types, &found);
	return found;
}

Oid
past_relation_of(Oid class_id, Oid object_id, Snapshot snapshot)
{
	switch (class_id)
	{
		case RelationRelationId:
			return object_id;
		case TriggerRelationId:
			return column_of(TriggerRelationId, TriggerOidIndexId,
							 Anum_pg_trigger_oid, object_id,
							 Anum_pg_trigger_tgrelid, snapshot);
		case RewriteRelationId:
			return column_of(RewriteRelationId, RewriteOidIndexId,
							 Anum_pg_rewrite_oid, object_id,
							 Anum_pg_rewrite_ev_class, snapshot);
		case ConstraintRelationId:
			return column_of(ConstraintRelationId, ConstraintOidIndexId,
							 Anum_pg_constraint_oid, object_id,
							 Anum_pg_constraint_conrelid, snapshot);
		default:
			return InvalidOid;
	}
}
