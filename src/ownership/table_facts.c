/*-------------------------------------------------------------------------
 *
 * table_facts.c
 *		What the protection of a governed table rests on, as facts that can
 *		be compared: before a command and after it.
 *
 * Some facts must not go away (the guard's triggers, governed columns and
 * their types, the place in the tree), others must not come (triggers that the
 * dataset does not name, rules).  A command weakens a table if it takes one of
 * the former or brings one of the latter; what was missing before it, it is
 * not blamed for.  Everything is read from the catalogs with one snapshot, no
 * cache of the server is asked, so that it can be asked of the past as well.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "ownership/attach.h"
#include "ownership/past.h"
#include "ownership/table_facts.h"
#include "ownership/trigger_inventory.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* ---- who governs ---- */

/* A dataset, read once; NULL if there is none or if nothing is attached. */
static CatalogDataset *
read_dataset(List **datasets, const char *key)
{
	ListCell   *lc;
	CatalogDataset *entry;

	foreach (lc, *datasets)
	{
		entry = lfirst(lc);
		if (strcmp(entry->spec->key, key) == 0)
			return wants_guard(entry->spec) ? entry : NULL;
	}
	entry = catalog_dataset(key);
	if (entry == NULL)
		return NULL;
	*datasets = lappend(*datasets, entry);
	return wants_guard(entry->spec) ? entry : NULL;
}

/* The dataset that names a relation itself. */
static Governed *
named_by(List **datasets, Oid relid)
{
	char	   *child = NULL;
	char	   *key = catalog_dataset_at(relid, &child);
	CatalogDataset *entry = key ? read_dataset(datasets, key) : NULL;
	Governed   *governed;

	if (entry == NULL)
		return NULL;
	governed = palloc(sizeof(Governed));
	governed->entry = entry;
	governed->child = child;
	governed->relid = relid;
	governed->root = relid;
	return governed;
}

Governed *
governed_lookup(List **datasets, Oid relid, Snapshot snapshot)
{
	Governed   *governed = named_by(datasets, relid);
	List	   *parents;
	ListCell   *lc;

	check_stack_depth();
	if (governed != NULL)
		return governed;
	parents = past_parents(relid, snapshot);
	foreach (lc, parents)
	{
		governed = governed_lookup(datasets, lfirst_oid(lc), snapshot);
		if (governed != NULL)
		{
			governed->relid = relid;
			return governed;
		}
	}
	return NULL;
}

/* ---- collecting ---- */

/* What the facts of one relation are being collected into. */
typedef struct Collector
{
	const Governed *governed;
	Snapshot	snapshot;
	PastRelation relation;
	const char *table;
	List	   *facts;
} Collector;

static void
add_fact(Collector *collector, FactKind kind, uint32 object, uint32 detail,
		 const char *name)
{
	Fact	   *fact = palloc0(sizeof(Fact));

	fact->key.kind = kind;
	fact->key.relid = collector->governed->relid;
	fact->key.object = object;
	fact->key.detail = detail;
	fact->governed = collector->governed;
	fact->table = collector->table;
	fact->name = name ? pstrdup(name) : NULL;
	collector->facts = lappend(collector->facts, fact);
}

static uint32
hash_name(const char *name)
{
	return hash_bytes((const unsigned char *) name, (int) strlen(name));
}

/* Is it the relation that the document names? */
static bool
is_root(const Collector *collector)
{
	return collector->governed->root == collector->governed->relid;
}

static void
collect_relation(Collector *collector)
{
	const Governed *governed = collector->governed;

	add_fact(collector, FACT_MEMBER, governed->root, 0, NULL);
	add_fact(collector, FACT_METHOD, collector->relation.method, 0, NULL);
	if (is_root(collector))
		add_fact(collector, FACT_OWNER, collector->relation.owner, 0,
				 GetUserNameFromId(collector->relation.owner, true));
}

static void
collect_guard_triggers(Collector *collector)
{
	const Governed *governed = collector->governed;
	uint32		whole =
		attach_whole_triggers(governed->relid, governed->entry->spec->key,
							  governed->child, collector->snapshot);
	int			count = attach_trigger_count(collector->relation.kind);

	for (int n = 0; n < count; n++)
		if (whole & ((uint32) 1) << n)
			add_fact(collector, FACT_TRIGGER, n, 0, attach_trigger_name(n));
}

/* Other people's triggers: those that the dataset does not name, and those
 * that can change a row after the guard has judged it. */
static void
collect_other_triggers(Collector *collector)
{
	const Governed *governed = collector->governed;
	ListCell   *lc;
	List *others = triggers_of_others(governed->relid, collector->snapshot);

	foreach (lc, others)
	{
		const OtherTrigger *trigger = lfirst(lc);
		uint32				detail =
			hash_combine(hash_name(trigger->name),
						 hash_combine(trigger->function, trigger->type));

		if (!trigger_is_declared(governed->entry->spec, trigger->name))
			add_fact(collector, FACT_OTHER_TRIGGER, trigger->oid, detail,
					 trigger->name);
		if (trigger_is_late(trigger))
			add_fact(collector, FACT_LATE_TRIGGER, trigger->oid, detail,
					 trigger->name);
	}
}

static void
collect_rules(Collector *collector)
{
	CatalogScan scan;
	HeapTuple	row;

	catalog_scan_begin(&scan, RewriteRelationId, RewriteRelRulenameIndexId,
					   Anum_pg_rewrite_ev_class, collector->governed->relid,
					   collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_rewrite form = (Form_pg_rewrite) GETSTRUCT(row);

		add_fact(collector, FACT_RULE, form->oid, 0, NameStr(form->rulename));
	}
	catalog_scan_end(&scan);
}

/* ---- columns ---- */

static bool
lists_name(const List *names, const char *name)
{
	ListCell   *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Does a state close, or cover by a star, what it does not name? */
static bool
state_covers_all(const SpecState *state)
{
	ListCell   *lc;

	if (state->locked)
		return true;
	foreach (lc, state->write)
		if (((SpecWrite *) lfirst(lc))->path == NIL)
			return true;
	return false;
}

/*
 * Is every column governed?  So it is without a lifecycle, in a child table,
 * and where some state closes what it does not name.
 */
static bool
governs_all(const Governed *governed)
{
	const SpecLifecycle *lifecycle = governed->entry->spec->lifecycle;
	ListCell   *lc;

	if (lifecycle == NULL || governed->child != NULL)
		return true;
	foreach (lc, lifecycle->states)
		if (state_covers_all(lfirst(lc)))
			return true;
	return false;
}

/* Does a rule of some state name the column? */
static bool
state_names(const SpecLifecycle *lifecycle, const char *column)
{
	ListCell   *lc;
	ListCell   *rule;

	foreach (lc, lifecycle->states)
		foreach (rule, ((SpecState *) lfirst(lc))->write)
		{
			const SpecWrite *write = lfirst(rule);

			if (write->path != NIL &&
				strcmp(linitial(write->path), column) == 0)
				return true;
		}
	return false;
}

static bool
is_column(const char *named, const char *column)
{
	return named != NULL && strcmp(named, column) == 0;
}

/* Does the dataset's matrix say anything of the column? */
static bool
governs_column(const Governed *governed, const List *key, const char *column)
{
	const SpecLifecycle *lifecycle = governed->entry->spec->lifecycle;
	ListCell   *lc;

	if (governs_all(governed) || lists_name(key, column) ||
		is_column(lifecycle->governing, column) ||
		is_column(lifecycle->version, column) ||
		is_column(lifecycle->entered_at, column) ||
		state_names(lifecycle, column))
		return true;
	foreach (lc, lifecycle->invariants)
	{
		const SpecInvariant *invariant = lfirst(lc);

		if (lists_name(invariant->frozen, column) ||
			lists_name(invariant->not_null, column))
			return true;
	}
	foreach (lc, lifecycle->transitions)
		if (lists_name(((SpecTransition *) lfirst(lc))->with_write, column))
			return true;
	return false;
}

/*
 * The columns with their types.  Which are governed is asked of the past
 * alone: there they have the names that the document knows.
 */
static void
collect_columns(Collector *collector)
{
	const List *key = collector->governed->entry->spec->key_columns;
	CatalogScan scan;
	HeapTuple	row;

	catalog_scan_begin(&scan, AttributeRelationId, AttributeRelidNumIndexId,
					   Anum_pg_attribute_attrelid, collector->governed->relid,
					   collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(row);
		uint32			  type =
			hash_combine(form->atttypid,
						 hash_combine(form->atttypmod, form->attcollation));

		if (form->attnum <= 0 || form->attisdropped)
			continue;
		if (collector->snapshot == NULL ||
			governs_column(collector->governed, key, NameStr(form->attname)))
			add_fact(collector, FACT_COLUMN, form->attnum, type,
					 NameStr(form->attname));
	}
	catalog_scan_end(&scan);
}

/* ---- constraints ---- */

/* Is it one of the dataset's invariants? */
static bool
is_invariant(const SpecDataset *spec, const char *constraint)
{
	ListCell   *lc;

	if (!wants_constraints(spec) || strncmp(constraint, "spine_", 6) != 0)
		return false;
	foreach (lc, spec->lifecycle->invariants)
		if (strcmp(((SpecInvariant *) lfirst(lc))->name, constraint + 6) == 0)
			return true;
	return false;
}

/* A hash of the columns of a key. */
static uint32
key_columns(CatalogScan *scan, HeapTuple row)
{
	bool		isnull;
	ArrayType  *columns;
	Datum		value;

	value = heap_getattr(row, Anum_pg_constraint_conkey,
						 RelationGetDescr(scan->rel), &isnull);
	if (isnull)
		return 0;
	columns = DatumGetArrayTypeP(value);
	return hash_bytes((const unsigned char *) ARR_DATA_PTR(columns),
					  VARSIZE(columns) - ARR_DATA_OFFSET(columns));
}

/* Invariants and the primary key, which stand on the root. */
static void
collect_constraints(Collector *collector)
{
	const Governed *governed = collector->governed;
	CatalogScan scan;
	HeapTuple	row;

	catalog_scan_begin(&scan, ConstraintRelationId,
					   ConstraintRelidTypidNameIndexId,
					   Anum_pg_constraint_conrelid, governed->relid,
					   collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(row);
		const char *name = NameStr(form->conname);

		if (form->contype == CONSTRAINT_PRIMARY)
			add_fact(collector, FACT_KEY, 0, key_columns(&scan, row), name);
		else if (form->contype == CONSTRAINT_CHECK &&
				 is_invariant(governed->entry->spec, name))
			add_fact(collector, FACT_CONSTRAINT, form->oid, hash_name(name),
					 name);
	}
	catalog_scan_end(&scan);
}

/* ---- labels of the states' enum ---- */

/* The type of the governing column, domains taken off. */
static Oid
state_type(const Collector *collector)
{
	const SpecLifecycle *lifecycle =
		collector->governed->entry->spec->lifecycle;
	CatalogScan scan;
	HeapTuple	row;
	Oid			type = InvalidOid;

	catalog_scan_begin(&scan, AttributeRelationId, AttributeRelidNumIndexId,
					   Anum_pg_attribute_attrelid, collector->governed->relid,
					   collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(row);

		if (!form->attisdropped &&
			is_column(lifecycle->governing, NameStr(form->attname)))
			type = form->atttypid;
	}
	catalog_scan_end(&scan);
	/* A type that is gone has taken the column along, which says enough. */
	return SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)) ?
		getBaseType(type) :
		InvalidOid;
}

static void
collect_labels(Collector *collector)
{
	Oid			type = state_type(collector);
	CatalogScan scan;
	HeapTuple	row;

	if (!OidIsValid(type) || get_typtype(type) != TYPTYPE_ENUM)
		return;
	catalog_scan_begin(&scan, EnumRelationId, EnumTypIdLabelIndexId,
					   Anum_pg_enum_enumtypid, type, collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(row);
		const char *label = NameStr(form->enumlabel);

		add_fact(collector, FACT_LABEL, form->oid, hash_name(label), label);
	}
	catalog_scan_end(&scan);
}

/* ---- what the types of columns are made of ---- */

/* The fields of a composite type; adds their types. */
static void
collect_fields(Collector *collector, Oid relid, List **types)
{
	CatalogScan scan;
	HeapTuple	row;

	catalog_scan_begin(&scan, AttributeRelationId, AttributeRelidNumIndexId,
					   Anum_pg_attribute_attrelid, relid, collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(row);
		const char *name = NameStr(form->attname);

		if (form->attnum <= 0 || form->attisdropped)
			continue;
		add_fact(collector, FACT_PART, relid,
				 hash_combine((uint32) form->attnum, hash_name(name)), name);
		*types = list_append_unique_oid(*types, form->atttypid);
	}
	catalog_scan_end(&scan);
}

/* The labels of an enum. */
static void
collect_enum(Collector *collector, Oid type, FactKind kind)
{
	CatalogScan scan;
	HeapTuple	row;

	catalog_scan_begin(&scan, EnumRelationId, EnumTypIdLabelIndexId,
					   Anum_pg_enum_enumtypid, type, collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(row);
		const char *label = NameStr(form->enumlabel);

		add_fact(collector, kind, form->oid, hash_name(label), label);
	}
	catalog_scan_end(&scan);
}

/* What a type is made of; adds the types below it. */
static void
collect_type(Collector *collector, Oid type, List **types)
{
	CatalogScan scan;
	HeapTuple	row;

	catalog_scan_begin(&scan, TypeRelationId, TypeOidIndexId, Anum_pg_type_oid,
					   type, collector->snapshot);
	row = catalog_scan_next(&scan);
	if (row != NULL)
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(row);

		if (form->typtype == TYPTYPE_ENUM)
			collect_enum(collector, type, FACT_PART);
		else if (form->typtype == TYPTYPE_COMPOSITE)
			collect_fields(collector, form->typrelid, types);
		else if (form->typtype == TYPTYPE_DOMAIN)
			*types = list_append_unique_oid(*types, form->typbasetype);
		else if (OidIsValid(form->typelem))
			*types = list_append_unique_oid(*types, form->typelem);
	}
	catalog_scan_end(&scan);
}

/*
 * The fields and labels that values of governed columns show: who alters their
 * types changes what the rows say.  The states' own labels are apart.
 */
static void
collect_parts(Collector *collector)
{
	const SpecDataset *spec = collector->governed->entry->spec;
	CatalogScan scan;
	HeapTuple	row;
	List	   *types = NIL;

	catalog_scan_begin(&scan, AttributeRelationId, AttributeRelidNumIndexId,
					   Anum_pg_attribute_attrelid, collector->governed->relid,
					   collector->snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(row);

		if (form->attnum > 0 && !form->attisdropped &&
			(spec->lifecycle == NULL || collector->governed->child != NULL ||
			 !is_column(spec->lifecycle->governing, NameStr(form->attname))) &&
			(collector->snapshot == NULL ||
			 governs_column(collector->governed, spec->key_columns,
							NameStr(form->attname))))
			types = list_append_unique_oid(types, form->atttypid);
	}
	catalog_scan_end(&scan);

	/* The list grows while it is walked: each type in it is visited once. */
	for (int i = 0; i < list_length(types); i++)
		if (list_nth_oid(types, i) >= FirstNormalObjectId)
			collect_type(collector, list_nth_oid(types, i), &types);
}

List *
facts_of(const Governed *governed, Snapshot snapshot, bool labels)
{
	Collector	collector = {.governed = governed, .snapshot = snapshot};

	CHECK_FOR_INTERRUPTS();
	if (!past_relation(governed->relid, snapshot, &collector.relation))
		return NIL;
	collector.table =
		psprintf("%s.%s", collector.relation.schema, collector.relation.name);
	collect_relation(&collector);
	collect_guard_triggers(&collector);
	collect_other_triggers(&collector);
	collect_rules(&collector);
	collect_columns(&collector);
	if (labels)
		collect_parts(&collector);
	if (is_root(&collector) && governed->entry->spec->lifecycle != NULL)
	{
		collect_constraints(&collector);
		if (labels && governed->child == NULL)
			collect_labels(&collector);
	}
	return collector.facts;
}

/* ---- comparing ---- */

/* A set of the keys of some facts. */
static HTAB *
keys_of(const List *facts)
{
	HASHCTL		ctl = {0};
	HTAB	   *keys;
	ListCell   *lc;

	ctl.keysize = sizeof(FactKey);
	ctl.entrysize = sizeof(FactKey);
	ctl.hcxt = CurrentMemoryContext;
	keys = hash_create("spine facts", 256, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach (lc, facts)
		(void) hash_search(keys, &((Fact *) lfirst(lc))->key, HASH_ENTER,
						   NULL);
	return keys;
}

List *
facts_beyond(const List *some, const List *others)
{
	HTAB	   *known = keys_of(others);
	List	   *beyond = NIL;
	ListCell   *lc;

	foreach (lc, some)
		if (!hash_search(known, &((Fact *) lfirst(lc))->key, HASH_FIND, NULL))
			beyond = lappend(beyond, lfirst(lc));
	hash_destroy(known);
	return beyond;
}

bool
facts_have(const List *facts, FactKind kind, Oid relid)
{
	ListCell   *lc;

	foreach (lc, facts)
	{
		const FactKey *key = &((Fact *) lfirst(lc))->key;

		if (key->kind == kind && key->relid == relid)
			return true;
	}
	return false;
}
