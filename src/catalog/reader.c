/*-------------------------------------------------------------------------
 *
 * reader.c
 *		Reading the projection, for whoever judges a write.
 *
 * Index scans with a snapshot of this very moment: no SPI, no privilege of
 * the acting user, and a change that was committed a moment ago is obeyed
 * inside an open REPEATABLE READ transaction too.  Each result is a copy in
 * the current memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/expression.h"
#include "catalog/catalog_internal.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* A lookup in one of spine's tables by equality on one column. */
typedef struct Lookup
{
	Relation	rel;
	SysScanDesc scan;
} Lookup;

/*
 * Start a lookup in spine.<table> through an index.  False if the table is
 * not there, which is to say that the extension is not.
 */
static bool
lookup_begin(Lookup *lookup, const char *table, const char *index, ScanKey key)
{
	Oid			relid = spine_table_oid(table);

	if (!OidIsValid(relid))
		return false;
	lookup->rel = table_open(relid, AccessShareLock);
	lookup->scan = systable_beginscan(lookup->rel, spine_table_oid(index),
									  true, NULL, 1, key);
	return true;
}

/* The next row, good until the next call; NULL at the end. */
static HeapTuple
lookup_next(Lookup *lookup)
{
	return systable_getnext(lookup->scan);
}

static void
lookup_end(Lookup *lookup)
{
	systable_endscan(lookup->scan);
	table_close(lookup->rel, AccessShareLock);
}

/* A scan key: column = text. */
static void
text_key(ScanKey key, AttrNumber column, const char *text)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(text));
	key->sk_collation = DEFAULT_COLLATION_OID;
}

/* A text column of the row as a copy; NULL where it is null. */
static char *
column_text(Lookup *lookup, HeapTuple row, AttrNumber column)
{
	bool		isnull;
	Datum		value =
		heap_getattr(row, column, RelationGetDescr(lookup->rel), &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A column that is passed by value; 0 where it is null. */
static Datum
column_plain(Lookup *lookup, HeapTuple row, AttrNumber column)
{
	bool		isnull;
	Datum		value =
		heap_getattr(row, column, RelationGetDescr(lookup->rel), &isnull);

	return isnull ? (Datum) 0 : value;
}

/* A jsonb column as a copy. */
static Jsonb *
column_jsonb(Lookup *lookup, HeapTuple row, AttrNumber column)
{
	return DatumGetJsonbPCopy(column_plain(lookup, row, column));
}

/* The oid of a table or an index of ours; InvalidOid if there is none. */
Oid
spine_table_oid(const char *name)
{
	Oid			schema = get_namespace_oid(SPINE_SCHEMA, true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* Likewise, but its absence is an error. */
Oid
spine_table_oid_strict(const char *name)
{
	Oid			relid = spine_table_oid(name);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", SPINE_SCHEMA,
						name),
				 errhint("Run CREATE EXTENSION spine.")));
	return relid;
}

/* The function pins of a dataset (List of FunctionPin). */
List *
catalog_pins(const char *dataset)
{
	Lookup		lookup;
	ScanKeyData key;
	HeapTuple	row;
	List	   *pins = NIL;

	text_key(&key, Anum_pin_dataset, dataset);
	if (!lookup_begin(&lookup, "pin", "pin_pkey", &key))
		return NIL;
	while ((row = lookup_next(&lookup)) != NULL)
	{
		FunctionPin *pin = palloc(sizeof(FunctionPin));

		pin->identity = column_text(&lookup, row, Anum_pin_identity);
		pin->sha256 = column_text(&lookup, row, Anum_pin_sha256);
		pins = lappend(pins, pin);
	}
	lookup_end(&lookup);
	return pins;
}

/*
 * The spec of a dataset's row.  The row's owner is already resolved, so no
 * context is needed.
 */
static SpecDataset *
row_spec(Lookup *lookup, HeapTuple row)
{
	Jsonb	   *definition = column_jsonb(lookup, row, Anum_asset_definition);
	char	   *context = column_text(lookup, row, Anum_asset_parent);
	char	   *name = column_text(lookup, row, Anum_asset_name);
	List	   *parts = asset_key_parts(context);
	SpecDataset *spec;

	spec = spec_dataset_read(parts != NIL ? linitial(parts) : context, NULL,
							 name, &definition->root);
	spec->owner = column_text(lookup, row, Anum_asset_owner);
	spec->standing = column_text(lookup, row, Anum_asset_standing);
	spec->local = DatumGetBool(column_plain(lookup, row, Anum_asset_local));
	return spec;
}

CatalogDataset *
catalog_dataset(const char *key)
{
	Lookup		lookup;
	ScanKeyData scankey;
	HeapTuple	row;
	CatalogDataset *dataset = NULL;

	text_key(&scankey, Anum_asset_asset, key);
	if (!lookup_begin(&lookup, "asset", "asset_pkey", &scankey))
		return NULL;
	row = lookup_next(&lookup);
	if (HeapTupleIsValid(row) &&
		strcmp(column_text(&lookup, row, Anum_asset_kind), "dataset") == 0)
	{
		dataset = palloc0(sizeof(CatalogDataset));
		dataset->spec = row_spec(&lookup, row);
		dataset->rev =
			DatumGetInt64(column_plain(&lookup, row, Anum_asset_rev));
		dataset->relid =
			DatumGetObjectId(column_plain(&lookup, row, Anum_asset_relid));
	}
	lookup_end(&lookup);

	if (dataset != NULL)
		dataset->pins = catalog_pins(key);
	return dataset;
}

double
catalog_audit_reads(const char *key)
{
	Lookup		lookup;
	ScanKeyData scankey;
	HeapTuple	row;
	double		share = 0;

	text_key(&scankey, Anum_asset_asset, key);
	if (!lookup_begin(&lookup, "asset", "asset_pkey", &scankey))
		return 0;
	row = lookup_next(&lookup);
	if (HeapTupleIsValid(row))
		share = spec_audit_reads(
			&column_jsonb(&lookup, row, Anum_asset_definition)->root);
	lookup_end(&lookup);
	return share;
}

/*
 * The dataset that a relation itself belongs to: as its own relation rather
 * than as a child table, if it is both.
 */
char *
catalog_dataset_at(Oid relid, char **child)
{
	Lookup		lookup;
	ScanKeyData key;
	HeapTuple	row;
	char	   *found = NULL;

	ScanKeyInit(&key, Anum_asset_relid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	if (!lookup_begin(&lookup, "asset", "asset_relid_idx", &key))
		return NULL;
	while ((row = lookup_next(&lookup)) != NULL)
	{
		char	   *kind = column_text(&lookup, row, Anum_asset_kind);

		if (strcmp(kind, "dataset") == 0)
		{
			found = column_text(&lookup, row, Anum_asset_asset);
			*child = NULL;
			break;
		}
		found = column_text(&lookup, row, Anum_asset_parent);
		*child = column_text(&lookup, row, Anum_asset_name);
	}
	lookup_end(&lookup);
	return found;
}

/* The relations that a relation inherits from or is a partition of. */
static List *
parents_of(Oid relid)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	row;
	List	   *parents = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL,
							  1, &key);
	while ((row = systable_getnext(scan)) != NULL)
		parents = lappend_oid(parents,
							  ((Form_pg_inherits) GETSTRUCT(row))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return parents;
}

/*
 * The key of the dataset that governs a relation or its nearest governed
 * ancestor; NULL if there is none.  child may be NULL.
 */
char *
catalog_dataset_of(Oid relid, char **child)
{
	char	   *ignored = NULL;
	char	  **name = child != NULL ? child : &ignored;
	char	   *found;
	ListCell   *lc;

	check_stack_depth();
	*name = NULL;
	found = catalog_dataset_at(relid, name);
	if (found != NULL)
		return found;

	foreach (lc, parents_of(relid))
	{
		found = catalog_dataset_of(lfirst_oid(lc), name);
		if (found != NULL)
			return found;
	}
	return NULL;
}

/*
 * The role of a party.  The oid that was found when the party was applied
 * counts, not the name; a party that was projected before its role existed
 * (a restore) goes by name.
 */
Oid
catalog_party_role(const char *party)
{
	Lookup		lookup;
	ScanKeyData key;
	HeapTuple	row;
	Oid			role = InvalidOid;
	char	   *name = NULL;

	text_key(&key, Anum_party_party, party);
	if (!lookup_begin(&lookup, "party", "party_pkey", &key))
		return InvalidOid;
	row = lookup_next(&lookup);
	if (HeapTupleIsValid(row))
	{
		role = DatumGetObjectId(column_plain(&lookup, row, Anum_party_roleid));
		name = column_text(&lookup, row, Anum_party_role);
	}
	lookup_end(&lookup);

	if (!OidIsValid(role))
		return name != NULL ? get_role_oid(name, true) : InvalidOid;
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)) ? role :
																	InvalidOid;
}

/* Every relation here that a dataset names, once (List of Oid). */
List *
catalog_governed_relations(void)
{
	Lookup		lookup;
	List	   *relations = NIL;
	HeapTuple	row;

	lookup.rel = table_open(spine_table_oid_strict("asset"), AccessShareLock);
	lookup.scan =
		systable_beginscan(lookup.rel, InvalidOid, false, NULL, 0, NULL);
	while ((row = lookup_next(&lookup)) != NULL)
	{
		Oid relid =
			DatumGetObjectId(column_plain(&lookup, row, Anum_asset_relid));

		if (OidIsValid(relid))
			relations = list_append_unique_oid(relations, relid);
	}
	lookup_end(&lookup);
	return relations;
}

/* Is any function pinned at all? */
bool
catalog_has_pins(void)
{
	Relation rel = table_open(spine_table_oid_strict("pin"), AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	bool		found = HeapTupleIsValid(systable_getnext(scan));

	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* The party of a row if its role has another name now; NULL otherwise. */
static RenamedRole *
renamed_role(Lookup *lookup, HeapTuple row)
{
	Oid role = DatumGetObjectId(column_plain(lookup, row, Anum_party_roleid));
	char	   *before = column_text(lookup, row, Anum_party_role);
	char	   *after;
	RenamedRole *renamed;

	if (!OidIsValid(role) || before == NULL)
		return NULL;
	after = GetUserNameFromId(role, true);
	if (after == NULL || strcmp(before, after) == 0)
		return NULL;

	renamed = palloc(sizeof(RenamedRole));
	renamed->party = column_text(lookup, row, Anum_party_party);
	renamed->before = before;
	renamed->after = after;
	return renamed;
}

/* All parties whose roles have other names now (List of RenamedRole). */
List *
catalog_renamed_roles(void)
{
	Lookup		lookup;
	List	   *renamed = NIL;
	HeapTuple	row;

	lookup.rel = table_open(spine_table_oid_strict("party"), AccessShareLock);
	lookup.scan =
		systable_beginscan(lookup.rel, InvalidOid, false, NULL, 0, NULL);
	while ((row = lookup_next(&lookup)) != NULL)
	{
		RenamedRole *entry = renamed_role(&lookup, row);

		if (entry != NULL)
			renamed = lappend(renamed, entry);
	}
	lookup_end(&lookup);
	return renamed;
}
