/*-------------------------------------------------------------------------
 *
 * projection.c
 *		Keeping the projection equal to the newest revision.
 *
 * The trigger on spine.revision compares the document that the projection
 * shows with the newest one and rewrites only the entities that differ; if it
 * shows nothing that is known, it rebuilds all.  It also fires on a restore,
 * where roles and relations may be missing: names that resolve to nothing are
 * projected without an oid, and nothing here raises an error because of them.
 *
 * Rows are written straight into the tables, past the executor: no privilege
 * of the acting user, no search_path, no snapshot of an open transaction is
 * involved.  A changed dataset is announced to all backends by a relcache
 * invalidation of its tables, which is what the guards' caches listen to.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "base/expression.h"
#include "base/job.h"
#include "catalog/catalog_internal.h"
#include "catalog/indexing.h"
#include "catalog/owner.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(spine_project);
PG_FUNCTION_INFO_V1(spine_refresh_projection);
PG_FUNCTION_INFO_V1(spine_refuse_change);

/* A projection table that is open for writing. */
typedef struct Table
{
	Relation	rel;
	CatalogIndexState indexes;
} Table;

/* A run over what differs between two documents. */
typedef struct Projector
{
	Table		party;
	Table		asset;
	Table		entry;
	Table		pin;
	Table		subject;
	int64		rev;		  /* the revision that is being projected */
	const char *before_store; /* local store of the document shown so far */
	const char *after_store;  /* and of the newest one */
	List	   *relations;	  /* oids of tables whose rules changed */
	bool		roles_changed; /* does a party stand for another role? */
} Projector;

/* Documents that the insert of a revision hands over to its trigger. */
static struct
{
	int64		rev;
	const Jsonb *document;
}			known[2];
static int	known_count = 0;

/* ---- rows ---- */

static void
table_begin(Table *table, const char *name)
{
	table->rel = table_open(spine_table_oid_strict(name), RowExclusiveLock);
	table->indexes = CatalogOpenIndexes(table->rel);
}

static void
table_end(Table *table)
{
	CatalogCloseIndexes(table->indexes);
	table_close(table->rel, NoLock);
}

/* Insert a row. */
static void
insert_row(Table *table, const Datum *values, const bool *nulls)
{
	HeapTuple row = heap_form_tuple(RelationGetDescr(table->rel),
									unconstify(Datum *, values),
									unconstify(bool *, nulls));

	CatalogTupleInsertWithInfo(table->rel, row, table->indexes);
	heap_freetuple(row);
}

/* Delete the rows that the keys find; without keys all rows. */
static void
delete_rows(Table *table, const char *index, int nkeys, ScanKey keys)
{
	Oid			index_oid = index ? spine_table_oid_strict(index) : InvalidOid;
	SysScanDesc scan = systable_beginscan(table->rel, index_oid, index != NULL,
										  NULL, nkeys, keys);
	HeapTuple	row;

	while ((row = systable_getnext(scan)) != NULL)
		CatalogTupleDelete(table->rel, &row->t_self);
	systable_endscan(scan);
}

/* A scan key: column = text. */
static void
text_key(ScanKey key, AttrNumber column, const char *text)
{
	ScanKeyInit(key, column, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(text));
	key->sk_collation = DEFAULT_COLLATION_OID;
}

/* Delete the rows whose column has the text. */
static void
delete_by_text(Table *table, const char *index, AttrNumber column,
			   const char *text)
{
	ScanKeyData key;

	text_key(&key, column, text);
	delete_rows(table, index, 1, &key);
}

/* Set a text column; NULL is null. */
static void
set_text(Datum *values, bool *nulls, AttrNumber column, const char *text)
{
	nulls[column - 1] = text == NULL;
	values[column - 1] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* Set an oid column; InvalidOid is null. */
static void
set_oid(Datum *values, bool *nulls, AttrNumber column, Oid oid)
{
	nulls[column - 1] = !OidIsValid(oid);
	values[column - 1] = ObjectIdGetDatum(oid);
}

/* ---- entries ---- */

/* Show an entry of a section as it is now: absent, or with its definition. */
static void
project_entry(Projector *projector, const char *section, const char *name,
			  const JsonbValue *before, const JsonbValue *after)
{
	bool		nulls[Natts_entry] = {false};
	Datum		values[Natts_entry];
	ScanKeyData keys[2];

	if (before != NULL)
	{
		text_key(&keys[0], Anum_entry_section, section);
		text_key(&keys[1], Anum_entry_name, name);
		delete_rows(&projector->entry, "entry_pkey", 2, keys);
	}
	if (after == NULL)
		return;

	set_text(values, nulls, Anum_entry_section, section);
	set_text(values, nulls, Anum_entry_name, name);
	values[Anum_entry_definition - 1] = JsonbPGetDatum(value_document(after));
	insert_row(&projector->entry, values, nulls);
}

/* Show the entries of one section, or of one scheme of terms, that differ. */
static void
project_entries(Projector *projector, const char *section, const char *prefix,
				const JsonbValue *before, const JsonbValue *after)
{
	Pairs		pairs;

	pairs_begin(&pairs, value_object(before), value_object(after));
	while (pairs_next(&pairs))
		if (!values_equal(pairs.before, pairs.after))
			project_entry(projector, section,
						  psprintf("%s%s", prefix, jb_text(&pairs.key)),
						  pairs.before, pairs.after);
}

/* Show the terms that differ, as scheme:code. */
static void
project_terms(Projector *projector, const Pairs *section)
{
	Pairs		pairs;

	pairs_begin(&pairs, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&pairs))
		project_entries(projector, "terms",
						psprintf("%s:", jb_text(&pairs.key)), pairs.before,
						pairs.after);
}

/* ---- parties ---- */

/* Do the two definitions of a party name the same role? */
static bool
same_role(const JsonbValue *before, const JsonbValue *after)
{
	char	   *a = jb_get_text(value_object(before), "role");
	char	   *b = jb_get_text(value_object(after), "role");

	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Show a party as it is now. */
static void
project_party(Projector *projector, const Pairs *party)
{
	char	   *name = jb_text(&party->key);
	const JsonbContainer *obj = value_object(party->after);
	char	   *kind = jb_get_text(obj, "kind");
	char	   *role = jb_get_text(obj, "role");
	bool		nulls[Natts_party] = {false};
	Datum		values[Natts_party];

	if (!same_role(party->before, party->after))
		projector->roles_changed = true;
	if (party->before != NULL)
		delete_by_text(&projector->party, "party_pkey", Anum_party_party,
					   name);
	if (obj == NULL)
		return;

	set_text(values, nulls, Anum_party_party, name);
	set_text(values, nulls, Anum_party_kind, kind ? kind : "");
	set_text(values, nulls, Anum_party_role, role);
	set_oid(values, nulls, Anum_party_roleid,
			role ? get_role_oid(role, true) : InvalidOid);
	values[Anum_party_definition - 1] =
		JsonbPGetDatum(value_document(party->after));
	insert_row(&projector->party, values, nulls);
}

/* Show the parties that differ. */
static void
project_parties(Projector *projector, const Pairs *section)
{
	Pairs		pairs;

	pairs_begin(&pairs, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&pairs))
		if (!values_equal(pairs.before, pairs.after))
			project_party(projector, &pairs);
}

/*
 * Find the role of a party whose role was not there, or is gone: by name.
 * Returns whether there is one now.
 */
static bool
mend_party(Table *table, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(table->rel);
	bool		replaces[Natts_party] = {false};
	bool		nulls[Natts_party] = {false};
	Datum		values[Natts_party];
	bool		isnull;
	Datum		oid = heap_getattr(row, Anum_party_roleid, desc, &isnull);
	Datum		role;

	if (!isnull && SearchSysCacheExists1(AUTHOID, oid))
		return false;
	role = heap_getattr(row, Anum_party_role, desc, &isnull);
	if (isnull)
		return false;

	set_oid(values, nulls, Anum_party_roleid,
			get_role_oid(TextDatumGetCString(role), true));
	replaces[Anum_party_roleid - 1] = true;
	if (nulls[Anum_party_roleid - 1])
		return false;
	CatalogTupleUpdateWithInfo(table->rel, &row->t_self,
							   heap_modify_tuple(row, desc, values, nulls,
												 replaces),
							   table->indexes);
	return true;
}

/* Find the roles of all parties that lack theirs. */
static void
mend_parties(Projector *projector)
{
	SysScanDesc scan = systable_beginscan(projector->party.rel, InvalidOid,
										  false, NULL, 0, NULL);
	HeapTuple	row;

	while ((row = systable_getnext(scan)) != NULL)
		if (mend_party(&projector->party, row))
			projector->roles_changed = true;
	systable_endscan(scan);
}

/* ---- pins ---- */

/* Show the pins of a dataset, which has none shown. */
static void
insert_pins(Projector *projector, const char *dataset, const List *pins)
{
	ListCell *lc;

	foreach (lc, pins)
	{
		const FunctionPin *pin = lfirst(lc);
		bool			   nulls[Natts_pin] = {false};
		Datum			   values[Natts_pin];

		set_text(values, nulls, Anum_pin_dataset, dataset);
		set_text(values, nulls, Anum_pin_identity, pin->identity);
		set_text(values, nulls, Anum_pin_sha256, pin->sha256);
		insert_row(&projector->pin, values, nulls);
	}
}

/* ---- assets ---- */

/* A row of spine.asset before it is written. */
typedef struct Asset
{
	const char *key;
	const char *kind;
	const char *parent;
	const char *name;
	const char *owner;
	const char *standing;
	const char *relation;
	Oid			relid;
	const char *classification;
	bool		local;
	Jsonb	   *definition;
} Asset;

static void
insert_asset(Projector *projector, const Asset *asset)
{
	bool		nulls[Natts_asset] = {false};
	Datum		values[Natts_asset];

	set_text(values, nulls, Anum_asset_asset, asset->key);
	set_text(values, nulls, Anum_asset_kind, asset->kind);
	set_text(values, nulls, Anum_asset_parent, asset->parent);
	set_text(values, nulls, Anum_asset_name, asset->name);
	set_text(values, nulls, Anum_asset_owner, asset->owner);
	set_text(values, nulls, Anum_asset_relation, asset->relation);
	set_oid(values, nulls, Anum_asset_relid, asset->relid);
	set_text(values, nulls, Anum_asset_classification, asset->classification);
	values[Anum_asset_rev - 1] = Int64GetDatum(projector->rev);
	values[Anum_asset_definition - 1] = JsonbPGetDatum(asset->definition);
	values[Anum_asset_local - 1] = BoolGetDatum(asset->local);
	set_text(values, nulls, Anum_asset_standing, asset->standing);
	insert_row(&projector->asset, values, nulls);
}

/* Show the listed attributes; they inherit the dataset's classification. */
static void
insert_attributes(Projector *projector, const SpecDataset *dataset)
{
	char	   *inherited = jb_get_text(dataset->definition, "classification");
	Pairs		pairs;

	pairs_begin(&pairs, jb_get_object(dataset->definition, "attributes"),
				NULL);
	while (pairs_next(&pairs))
	{
		const JsonbContainer *obj = value_object(pairs.before);
		Asset		asset = {0};

		asset.name = jb_text(&pairs.key);
		asset.key = psprintf("%s.%s", dataset->key, asset.name);
		asset.kind = "attribute";
		asset.parent = dataset->key;
		asset.owner = jb_get_text(obj, "owner");
		asset.classification = jb_get_text(obj, "classification");
		if (asset.classification == NULL)
			asset.classification = inherited;
		asset.local = dataset->local;
		asset.definition = value_document(pairs.before);
		insert_asset(projector, &asset);
	}
}

/* Note a table whose rules change; names that resolve to nothing are none. */
static Oid
note_relation(Projector *projector, const char *relation)
{
	Oid			relid = spec_relation_oid(relation);

	if (OidIsValid(relid))
		projector->relations = lappend_oid(projector->relations, relid);
	return relid;
}

/* Show the child tables. */
static void
insert_children(Projector *projector, const SpecDataset *dataset)
{
	const JsonbContainer *map =
		jb_get_object(jb_get_object(dataset->definition, "lifecycle"),
					  "children");
	Pairs		pairs;

	pairs_begin(&pairs, map, NULL);
	while (pairs_next(&pairs))
	{
		Asset		asset = {0};

		asset.name = jb_text(&pairs.key);
		asset.key = asset_key(dataset->context, dataset->name, asset.name);
		asset.kind = "child";
		asset.parent = dataset->key;
		asset.relation = jb_get_text(value_object(pairs.before), "relation");
		asset.local = dataset->local;
		if (asset.local)
			asset.relid = note_relation(projector, asset.relation);
		asset.definition = value_document(pairs.before);
		insert_asset(projector, &asset);
	}
}

/* Show the subjects that a dataset lists; validate lets no name stand twice. */
static void
insert_subjects(Projector *projector, const SpecDataset *dataset)
{
	List	   *subjects = jb_get_texts(dataset->definition, "subjects");
	ListCell   *lc;

	foreach (lc, subjects)
	{
		bool		nulls[Natts_dataset_subject] = {false};
		Datum		values[Natts_dataset_subject];

		set_text(values, nulls, Anum_dataset_subject_dataset, dataset->key);
		set_text(values, nulls, Anum_dataset_subject_subject, lfirst(lc));
		insert_row(&projector->subject, values, nulls);
	}
}

/* Show a dataset and all that belongs to it. */
static void
insert_dataset(Projector *projector, const SpecDataset *dataset,
			   const JsonbValue *definition)
{
	Asset		asset = {0};

	asset.key = dataset->key;
	asset.kind = "dataset";
	asset.parent = asset_key(dataset->context, NULL, NULL);
	asset.name = dataset->name;
	asset.owner = dataset->owner;
	asset.standing = dataset->standing;
	asset.relation = dataset->relation;
	asset.local = dataset->local;
	if (asset.local)
		asset.relid = note_relation(projector, asset.relation);
	asset.classification = jb_get_text(dataset->definition, "classification");
	asset.definition = value_document(definition);
	insert_asset(projector, &asset);
	insert_attributes(projector, dataset);
	insert_children(projector, dataset);
	insert_pins(projector, dataset->key, pins_find(dataset, asset.relid));
	insert_subjects(projector, dataset);
}

/* Note the tables of a dataset that is changed or gone. */
static void
note_dataset(Projector *projector, const JsonbContainer *dataset)
{
	Pairs		pairs;

	(void) note_relation(projector, jb_get_text(dataset, "relation"));
	pairs_begin(&pairs,
				jb_get_object(jb_get_object(dataset, "lifecycle"), "children"),
				NULL);
	while (pairs_next(&pairs))
		(void) note_relation(projector,
							 jb_get_text(value_object(pairs.before),
										 "relation"));
}

/* Show a dataset as it is now. */
static void
project_dataset(Projector *projector, const Pairs *context,
				const Pairs *dataset)
{
	char	   *context_name = jb_text(&context->key);
	char	   *name = jb_text(&dataset->key);
	char	   *key = asset_key(context_name, name, NULL);
	SpecDataset *spec;

	CHECK_FOR_INTERRUPTS();
	if (dataset->before != NULL)
	{
		note_dataset(projector, value_object(dataset->before));
		delete_by_text(&projector->asset, "asset_pkey", Anum_asset_asset, key);
		delete_by_text(&projector->asset, "asset_parent_idx",
					   Anum_asset_parent, key);
		delete_by_text(&projector->pin, "pin_pkey", Anum_pin_dataset, key);
		delete_by_text(&projector->subject, "dataset_subject_pkey",
					   Anum_dataset_subject_dataset, key);
	}
	if (value_object(dataset->after) == NULL)
		return;

	spec = spec_dataset_read(context_name, value_object(context->after), name,
							 value_object(dataset->after));
	spec->local =
		dataset_is_local(value_object(dataset->after), projector->after_store);
	insert_dataset(projector, spec, dataset->after);
}

/* The owner that a dataset names, or its context does. */
static const char *
named_owner(const JsonbContainer *context, const JsonbContainer *dataset)
{
	char	   *owner = jb_get_text(dataset, "owner");

	return owner != NULL ? owner : jb_get_text(context, "owner");
}

static bool
same_party(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Does a dataset that is the same have another owner by its context? */
static bool
owner_differs(const Pairs *context, const Pairs *dataset)
{
	const JsonbContainer *old_context = value_object(context->before);
	const JsonbContainer *new_context = value_object(context->after);
	const JsonbContainer *old = value_object(dataset->before);
	const JsonbContainer *new = value_object(dataset->after);

	return !same_party(named_owner(old_context, old),
					   named_owner(new_context, new)) ||
		!same_party(standing_owner(old_context, old),
					standing_owner(new_context, new));
}

/* Does the projection of a dataset change? */
static bool
dataset_differs(const Projector *projector, const Pairs *context,
				const Pairs *dataset)
{
	if (!values_equal(dataset->before, dataset->after))
		return true;
	if (dataset_is_local(value_object(dataset->before),
						 projector->before_store) !=
		dataset_is_local(value_object(dataset->after), projector->after_store))
		return true;

	return owner_differs(context, dataset);
}

/* A context without its datasets. */
static Jsonb *
context_definition(const JsonbValue *context)
{
	Assembly	object;
	Pairs		pairs;

	assembly_begin(&object);
	pairs_begin(&pairs, value_object(context), NULL);
	while (pairs_next(&pairs))
		if (!key_is(&pairs.key, "datasets"))
			assembly_add(&object, &pairs.key, pairs.before);
	return assembly_document(&object);
}

/* Show a context's own row as it is now, if that changes. */
static void
project_context_row(Projector *projector, const Pairs *context)
{
	Jsonb	   *before = context_definition(context->before);
	Jsonb	   *after = context_definition(context->after);
	JsonbValue	before_value = document_value(before);
	JsonbValue	after_value = document_value(after);
	Asset		asset = {0};

	if (context->before != NULL && context->after != NULL &&
		values_equal(&before_value, &after_value))
		return;

	asset.name = jb_text(&context->key);
	asset.key = asset_key(asset.name, NULL, NULL);
	asset.kind = "context";
	if (context->before != NULL)
		delete_by_text(&projector->asset, "asset_pkey", Anum_asset_asset,
					   asset.key);
	if (context->after == NULL)
		return;
	asset.owner = jb_get_text(&after->root, "owner");
	asset.classification = jb_get_text(&after->root, "classification");
	asset.definition = after;
	insert_asset(projector, &asset);
}

/* Do the two documents have the same store as this database? */
static bool
same_store(const Projector *projector)
{
	const char *a = projector->before_store;
	const char *b = projector->after_store;

	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Show a context and those of its datasets that differ. */
static void
project_context(Projector *projector, const Pairs *context)
{
	Pairs		datasets;

	if (same_store(projector) && values_equal(context->before, context->after))
		return;

	project_context_row(projector, context);
	pairs_begin(&datasets,
				jb_get_object(value_object(context->before), "datasets"),
				jb_get_object(value_object(context->after), "datasets"));
	while (pairs_next(&datasets))
		if (dataset_differs(projector, context, &datasets))
			project_dataset(projector, context, &datasets);
}

/* Show the contexts that differ. */
static void
project_contexts(Projector *projector, const Pairs *section)
{
	Pairs		pairs;

	pairs_begin(&pairs, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&pairs))
		project_context(projector, &pairs);
}

/* ---- the whole document ---- */

/* Show one section as it is now. */
static void
project_section(Projector *projector, const Pairs *section)
{
	if (key_is(&section->key, "contexts"))
		project_contexts(projector, section);
	else if (values_equal(section->before, section->after))
		return;
	else if (key_is(&section->key, "parties"))
		project_parties(projector, section);
	else if (key_is(&section->key, "terms"))
		project_terms(projector, section);
	else
		project_entries(projector, jb_text(&section->key), "", section->before,
						section->after);
}

/* Tell all backends that the rules of a table and of its heirs changed. */
static void
announce_relation(Oid relid)
{
	ListCell   *lc;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		return;
	foreach (lc, find_all_inheritors(relid, NoLock, NULL))
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(lc))))
			CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
}

/* The oids of all tables that the projection knows. */
static List *
all_relations(Projector *projector)
{
	Relation	rel = projector->asset.rel;
	SysScanDesc scan =
		systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	List	   *relations = NIL;
	HeapTuple	row;

	while ((row = systable_getnext(scan)) != NULL)
	{
		bool		isnull;
		Datum oid = heap_getattr(row, Anum_asset_relid, RelationGetDescr(rel),
								 &isnull);

		if (!isnull)
			relations = lappend_oid(relations, DatumGetObjectId(oid));
	}
	systable_endscan(scan);
	return relations;
}

/* Tell all backends which tables' rules changed. */
static void
announce(Projector *projector)
{
	ListCell   *lc;

	if (projector->roles_changed)
		projector->relations =
			list_concat(projector->relations, all_relations(projector));
	foreach (lc, projector->relations)
		announce_relation(lfirst_oid(lc));
}

static void
projector_begin(Projector *projector, int64 rev)
{
	memset(projector, 0, sizeof(*projector));
	projector->rev = rev;
	table_begin(&projector->party, "party");
	table_begin(&projector->asset, "asset");
	table_begin(&projector->entry, "entry");
	table_begin(&projector->pin, "pin");
	table_begin(&projector->subject, "dataset_subject");
}

/* Announce what changed and close the tables. */
static void
projector_end(Projector *projector)
{
	announce(projector);
	table_end(&projector->party);
	table_end(&projector->asset);
	table_end(&projector->entry);
	table_end(&projector->pin);
	table_end(&projector->subject);
}

/* Show nothing. */
static void
clear_projection(Projector *projector)
{
	projector->relations = all_relations(projector);
	delete_rows(&projector->party, NULL, 0, NULL);
	delete_rows(&projector->asset, NULL, 0, NULL);
	delete_rows(&projector->entry, NULL, 0, NULL);
	delete_rows(&projector->pin, NULL, 0, NULL);
	delete_rows(&projector->subject, NULL, 0, NULL);
	CommandCounterIncrement();
}

/* The revision that the projection shows; 0 if none. */
int64
projection_revision(void)
{
	Relation rel =
		table_open(spine_table_oid_strict("projection"), AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	row = systable_getnext(scan);
	bool		isnull;
	int64		rev = 0;

	if (HeapTupleIsValid(row))
		rev = DatumGetInt64(heap_getattr(row, Anum_projection_rev,
										 RelationGetDescr(rel), &isnull));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return rev;
}

/* Note which revision the projection shows from now on. */
static void
set_projection_revision(int64 rev)
{
	bool		nulls[Natts_projection] = {false};
	Datum		values[Natts_projection];
	Table		table;

	table_begin(&table, "projection");
	delete_rows(&table, NULL, 0, NULL);
	values[Anum_projection_rev - 1] = Int64GetDatum(rev);
	insert_row(&table, values, nulls);
	table_end(&table);
}

/*
 * Make the projection show a document.  shown is what it shows by now; NULL
 * if that is not known, or if all is to be rebuilt.
 */
static void
project_document(const Jsonb *shown, const Jsonb *document, int64 rev)
{
	Projector	projector;
	Pairs		pairs;

	projector_begin(&projector, rev);
	if (shown == NULL)
	{
		clear_projection(&projector);
		shown = document_empty();
	}
	else
		mend_parties(&projector);
	projector.before_store = document_local_store(&shown->root);
	projector.after_store = document_local_store(&document->root);

	pairs_begin(&pairs, &shown->root, &document->root);
	while (pairs_next(&pairs))
		project_section(&projector, &pairs);
	projector_end(&projector);
	set_projection_revision(rev);
	/* Jobs follow the document, too. */
	job_request_at_commit();
}

/* Only one backend writes the projection at a time. */
static void
lock_projection(void)
{
	LockRelationOid(spine_table_oid_strict("projection"),
					ShareRowExclusiveLock);
}

/* The document of a revision, from memory if apply has just written it. */
static const Jsonb *
known_document(int64 rev)
{
	for (int i = 0; i < known_count; i++)
		if (known[i].rev == rev)
			return known[i].document;
	return document_of_revision(rev);
}

/*
 * Make the projection show the newest revision, whatever it shows by now.
 * Revisions never change, so one that is gone was never committed.
 */
static void
follow_revisions(void)
{
	const Jsonb *shown = NULL;
	int64		rev;
	int64		shown_rev;

	lock_projection();
	CommandCounterIncrement();
	rev = revision_newest();
	shown_rev = projection_revision();
	if (shown_rev != 0 && shown_rev <= rev)
		shown = known_document(shown_rev);
	project_document(shown, rev == 0 ? document_empty() : known_document(rev),
					 rev);
}

/*
 * Insert the document as the revision after rev, whose document is current.
 * The trigger finds both in memory; they are forgotten before anything else
 * can happen.
 */
void
projection_insert_revision(const Jsonb *current, int64 rev,
						   const Jsonb *document, const char *message)
{
	known[0].rev = rev;
	known[0].document = current;
	known[1].rev = rev + 1;
	known[1].document = document;
	known_count = 2;
	PG_TRY();
	{
		revision_insert(rev + 1, document, message);
	}
	PG_FINALLY();
	{
		known_count = 0;
	}
	PG_END_TRY();
}

/*
 * Make good what happened without a revision: a projection that was lost,
 * roles that came back.  Writes nothing if all is well.
 */
void
projection_mend(int64 rev)
{
	Projector	projector;

	lock_projection();
	if (projection_revision() != rev)
	{
		follow_revisions();
		return;
	}
	projector_begin(&projector, rev);
	mend_parties(&projector);
	projector_end(&projector);
}

/* Show new pins of datasets whose definitions stay (List of PinChange). */
void
projection_repin(const List *changes, int64 rev)
{
	Projector projector;
	ListCell *lc;

	if (changes == NIL)
		return;
	lock_projection();
	projector_begin(&projector, rev);
	foreach (lc, changes)
	{
		const PinChange *change = lfirst(lc);

		delete_by_text(&projector.pin, "pin_pkey", Anum_pin_dataset,
					   change->dataset->key);
		insert_pins(&projector, change->dataset->key, change->after);
		projector.relations = lappend_oid(projector.relations, change->relid);
	}
	projector_end(&projector);
}

/*
 * spine.project(): trigger on spine.revision, after each statement that
 * inserts, COPY included.
 */
Datum
spine_project(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		RelationGetRelid(trigger->tg_relation) != spine_table_oid("revision"))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("spine.project() is the trigger of spine.revision "
						"after insert")));
	follow_revisions();
	return PointerGetDatum(NULL);
}

/* spine.refresh_projection(): rebuild all of it. */
Datum
spine_refresh_projection(PG_FUNCTION_ARGS)
{
	Jsonb	   *document;
	int64		rev;

	PreventCommandIfReadOnly("spine.refresh_projection()");
	lock_projection();
	document = document_newest(&rev);
	project_document(NULL, document, rev);
	PG_RETURN_INT64(rev);
}

/* spine.refuse_change(): trigger of tables that only grow. */
Datum
spine_refuse_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("spine.refuse_change() must be called as a trigger")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("table \"%s.%s\" only grows", SPINE_SCHEMA,
					RelationGetRelationName(trigger->tg_relation)),
			 errhint("To go back, apply an older document: "
					 "spine.rollback(rev).")));
	PG_RETURN_NULL();
}
