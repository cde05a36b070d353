/*-------------------------------------------------------------------------
 *
 * tables.c
 *		The tables of the audit room, and rows put straight into their heaps.
 *
 * Rows go into the heap as COPY puts them there, without a plan, triggers or
 * privileges: whoever may write the governed table leaves a trace, and needs
 * no right to do so.  The partition is found in the parent's bounds.  A leaf
 * that somebody gave indexes, constraints, another layout or another access
 * method takes the same rows one by one through the executor.
 *
 * What is known of a table dies by relcache invalidation of it, so CREATE
 * and DROP EXTENSION need no care.  The layout that waiting rows were formed
 * with cannot change under them: the table is locked as soon as one waits.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "audit/audit_internal.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"

/* Rows given to the heap at once. */
#define BATCH_ROWS 256

/* Types of the columns, as sql/audit/10_tables.sql makes them. */
static const Oid audit_types[AUDIT_COLUMNS] =
	{TIMESTAMPTZOID, XID8OID, INT4OID, INT8OID, TEXTOID, TEXTOID, JSONBOID,
	 TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID,
	 TEXTOID, TEXTOID, TEXTOID, INETOID, JSONBOID};
static const Oid denied_types[DENIED_COLUMNS] =
	{TIMESTAMPTZOID, XID8OID, INT4OID, INT8OID, TEXTOID, TEXTOID, JSONBOID,
	 TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	 TEXTOID, TEXTOID, TEXTOID, INETOID, JSONBOID};
static const Oid outbox_types[OUTBOX_COLUMNS] = {TIMESTAMPTZOID, XID8OID,
												 INT4OID, TEXTOID,
												 TEXTOID, TEXTOID,
												 JSONBOID, JSONBOID,
												 TEXTOID};

/* What is known of one of the tables. */
typedef struct TableEntry
{
	/* fixed */
	const char *name;	 /* in schema spine */
	int			numbers; /* columns of numbers in front; the rest varlena */
	int			columns; /* that we write; it may have more behind them */
	const Oid  *types;	 /* of these */

	/* changes */
	bool	  valid;	  /* is what follows true? */
	Oid		  relid;	  /* the table */
	TupleDesc layout;	  /* own copy of its descriptor */
	int		  lock_level; /* nest level that holds its lock, or 0 */
	Oid		  plain_leaf; /* leaf known to take rows as they are */
} TableEntry;

static TableEntry tables[LOG_TABLES] = {{.name = "audit_log",
										 .numbers = 4,
										 .columns = AUDIT_COLUMNS,
										 .types = audit_types},
										{.name = "denied_log",
										 .numbers = 4,
										 .columns = DENIED_COLUMNS,
										 .types = denied_types},
										{.name = "outbox",
										 .numbers = 3,
										 .columns = OUTBOX_COLUMNS,
										 .types = outbox_types}};

/* A heap that rows are being put into. */
typedef struct Leaf
{
	Relation	rel;	/* open; NULL before the first row */
	Oid			branch; /* partition of the table that it is or is in */
	bool		plain;	/* does it take rows as they are? */
	TimestampTz at;		/* a time that it was chosen for */
} Leaf;

/*
 * Slots to hand rows to the heap in, of no columns since nobody looks into
 * them.  Those in use point to rows that they do not own.
 */
static TupleTableSlot *batch[BATCH_ROWS];
static int			   batch_rows = 0;

/* ----- what is known of a table ----- */

/* No table, no audit, and then no write. */
static void
table_missing(const TableEntry *entry)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("table \"%s.%s\" does not exist", SPINE_SCHEMA,
					entry->name),
			 errdetail("A governed write is refused where it cannot be "
					   "recorded."),
			 errhint("CREATE EXTENSION spine, or detach the guards that are "
					 "left of it.")));
}

/* Refuse a table that lost or changed a column that we write. */
static void
check_layout(const TableEntry *entry, TupleDesc desc)
{
	bool sound = desc->natts >= entry->columns;

	for (int i = 0; sound && i < entry->columns; i++)
		sound = TupleDescAttr(desc, i)->atttypid == entry->types[i];

	if (!sound)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" does not have the columns that "
						"spine made",
						SPINE_SCHEMA, entry->name),
				 errdetail("A governed write is refused where it cannot be "
						   "recorded.")));
}

/* Find and lock the table, and copy its layout. */
static void
table_load(TableEntry *entry)
{
	Oid schema = get_namespace_oid(SPINE_SCHEMA, true);
	Oid relid = OidIsValid(schema) ? get_relname_relid(entry->name, schema) :
									 InvalidOid;
	Relation	  rel = NULL;
	MemoryContext old;

	if (OidIsValid(relid))
		rel = try_table_open(relid, RowExclusiveLock);
	if (rel == NULL)
		table_missing(entry);
	check_layout(entry, RelationGetDescr(rel));

	if (entry->layout != NULL)
		FreeTupleDesc(entry->layout);
	entry->layout = NULL;
	old = MemoryContextSwitchTo(TopMemoryContext);
	entry->layout = CreateTupleDescCopy(RelationGetDescr(rel));
	MemoryContextSwitchTo(old);
	/* A row is formed as any record: it never stands for a composite value. */
	entry->layout->tdtypeid = RECORDOID;
	entry->layout->tdtypmod = -1;

	entry->relid = relid;
	entry->plain_leaf = InvalidOid;
	entry->lock_level = GetCurrentTransactionNestLevel();
	entry->valid = true;

	/* The lock stays until the transaction ends. */
	table_close(rel, NoLock);
}

HeapTuple
table_form(LogTable table, const Datum *values)
{
	TableEntry *entry = &tables[table];

	if (unlikely(!entry->valid || entry->lock_level == 0))
		table_load(entry);
	return log_form(entry->numbers, entry->columns, values);
}

/* Relcache callback: forget a table, or its leaf; all if relid is invalid. */
static void
tables_invalidate(Datum arg, Oid relid)
{
	for (int i = 0; i < LOG_TABLES; i++)
	{
		if (!OidIsValid(relid) || relid == tables[i].relid)
			tables[i].valid = false;
		if (!OidIsValid(relid) || relid == tables[i].plain_leaf)
			tables[i].plain_leaf = InvalidOid;
	}
}

/* Empty the slots without freeing the rows that they point to. */
static void
batch_clear(void)
{
	for (int i = 0; i < batch_rows; i++)
	{
		batch[i]->tts_flags &= ~TTS_FLAG_SHOULDFREE;
		ExecClearTuple(batch[i]);
	}
	batch_rows = 0;
}

void
table_insert_ended(void)
{
	batch_clear();
}

void
tables_end_level(int level, bool committed)
{
	for (int i = 0; i < LOG_TABLES; i++)
	{
		if (tables[i].lock_level >= level)
			tables[i].lock_level = committed ? level - 1 : 0;
	}
}

void
tables_init(void)
{
	CacheRegisterRelcacheCallback(tables_invalidate, (Datum) 0);
}

/* ----- finding the leaf ----- */

/* The partition of a table partitioned by at that takes a time. */
static Oid
partition_for(Relation parent, TimestampTz at)
{
	PartitionKey  key = RelationGetPartitionKey(parent);
	PartitionDesc desc = RelationGetPartitionDesc(parent, true);
	int			  index = -1;

	if (key->strategy != PARTITION_STRATEGY_RANGE || key->partnatts != 1 ||
		key->parttypid[0] != TIMESTAMPTZOID || key->partattrs[0] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not partitioned by ranges of "
						"\"at\"",
						RelationGetRelationName(parent))));

	if (desc->nparts > 0)
	{
		PartitionBoundInfo bounds = desc->boundinfo;
		Datum			   value = TimestampTzGetDatum(at);
		bool			   equal;
		int				   bound;

		bound =
			partition_range_datum_bsearch(key->partsupfunc, key->partcollation,
										  bounds, 1, &value, &equal);
		index = bounds->indexes[bound + 1];
		if (index < 0)
			index = bounds->default_index;
	}

	if (index < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("no partition of table \"%s\" found for row",
						RelationGetRelationName(parent)),
				 errdetail("Its default partition is missing."),
				 errtable(parent)));
	return desc->oids[index];
}

/*
 * Open the heap below a table that takes a time; *branch is the partition of
 * the table that it is or is in, the table itself if not partitioned.  A
 * partition that was attached while we waited for the lock of the default
 * one changes the choice, hence the second look.
 */
static Relation
open_leaf(Relation table, TimestampTz at, Oid *branch)
{
	Relation parent = table;
	Relation rel = NULL;

	*branch = RelationGetRelid(table);
	while (parent->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		Oid chosen = partition_for(parent, at);

		rel = table_open(chosen, RowExclusiveLock);
		if (partition_for(parent, at) != chosen)
		{
			table_close(rel, NoLock);
			continue;
		}

		if (parent == table)
			*branch = chosen;
		else
			table_close(parent, NoLock);
		parent = rel;
	}

	return rel ? rel : table_open(RelationGetRelid(table), NoLock);
}

/* Do rows of this layout mean the same in that heap? */
static bool
same_layout(TupleDesc layout, TupleDesc leaf)
{
	if (layout->natts != leaf->natts)
		return false;

	for (int i = 0; i < layout->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(layout, i);
		Form_pg_attribute b = TupleDescAttr(leaf, i);

		if (a->attisdropped != b->attisdropped || a->atttypid != b->atttypid ||
			a->attlen != b->attlen || a->attalign != b->attalign ||
			strcmp(NameStr(a->attname), NameStr(b->attname)) != 0)
			return false;
	}
	return true;
}

/* Can rows be put into a heap as they are, and nothing else? */
static bool
takes_plain(const TableEntry *entry, Relation leaf)
{
	TupleConstr *constr = RelationGetDescr(leaf)->constr;

	if (leaf->rd_tableam != GetHeapamTableAmRoutine())
		return false;
	if (leaf->rd_rel->relhasindex && RelationGetIndexList(leaf) != NIL)
		return false;
	if (constr != NULL &&
		(constr->num_check > 0 || constr->has_generated_stored))
		return false;
	return same_layout(entry->layout, RelationGetDescr(leaf));
}

/* Choose the leaf for a time and open it. */
static void
leaf_open(Leaf *leaf, TableEntry *entry, Relation table, TimestampTz at)
{
	leaf->rel = open_leaf(table, at, &leaf->branch);
	leaf->at = at;
	leaf->plain = entry->plain_leaf == RelationGetRelid(leaf->rel);
	if (!leaf->plain && takes_plain(entry, leaf->rel))
	{
		leaf->plain = true;
		entry->plain_leaf = RelationGetRelid(leaf->rel);
	}
}

/* Does the open leaf take another time, too? */
static bool
leaf_takes(Leaf *leaf, Relation table, TimestampTz at)
{
	if (at == leaf->at)
		return true;
	if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return true;
	/* Below a partition with partitions of its own, look again. */
	return leaf->branch == RelationGetRelid(leaf->rel) &&
		partition_for(table, at) == leaf->branch;
}

/* ----- inserting ----- */

/*
 * Put a row into the next slot, by hand: the slot has no columns to check it
 * against, and by claiming to own the row it saves a copy (see batch_clear).
 */
static void
batch_add(HeapTuple tuple)
{
	HeapTupleTableSlot *slot;

	if (unlikely(batch[batch_rows] == NULL))
	{
		static TupleDesc no_columns = NULL;
		MemoryContext	 old = MemoryContextSwitchTo(TopMemoryContext);

		if (no_columns == NULL)
			no_columns = CreateTemplateTupleDesc(0);
		batch[batch_rows] = MakeTupleTableSlot(no_columns, &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old);
	}

	slot = (HeapTupleTableSlot *) batch[batch_rows++];
	slot->tuple = tuple;
	slot->off = 0;
	slot->base.tts_nvalid = 0;
	slot->base.tts_flags &= ~TTS_FLAG_EMPTY;
	slot->base.tts_flags |= TTS_FLAG_SHOULDFREE;
}

/* Insert one by one with all that an INSERT would do, triggers excepted. */
static void
insert_slowly(const TableEntry *entry, Relation leaf)
{
	EState			   *estate = CreateExecutorState();
	ResultRelInfo	   *target = makeNode(ResultRelInfo);
	TupleTableSlot	   *slot = table_slot_create(leaf, NULL);
	TupleConversionMap *map;

	InitResultRelInfo(target, leaf, 0, NULL, 0);
	target->ri_TrigDesc = NULL;
	ExecOpenIndices(target, false);
	map = convert_tuples_by_name(entry->layout, RelationGetDescr(leaf));

	for (int i = 0; i < batch_rows; i++)
	{
		HeapTuple tuple = ExecFetchSlotHeapTuple(batch[i], false, NULL);

		if (map != NULL)
			tuple = execute_attr_map_tuple(tuple, map);
		ExecForceStoreHeapTuple(tuple, slot, false);
		ExecSimpleRelationInsert(target, estate, slot);
		ResetPerTupleExprContext(estate);
	}

	ExecCloseIndices(target);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

/* Insert the batch into the leaf. */
static void
batch_insert(const TableEntry *entry, Leaf *leaf)
{
	if (batch_rows == 0)
		return;

	if (!leaf->plain)
		insert_slowly(entry, leaf->rel);
	else if (batch_rows == 1)
		heap_insert(leaf->rel, ExecFetchSlotHeapTuple(batch[0], false, NULL),
					GetCurrentCommandId(true), 0, NULL);
	else
		heap_multi_insert(leaf->rel, batch, batch_rows,
						  GetCurrentCommandId(true), 0, NULL);

	batch_clear();
}

void
table_insert(LogTable table, const LogEntry *entries, int n)
{
	TableEntry *entry = &tables[table];
	Relation	rel = try_table_open(entry->relid, RowExclusiveLock);
	Leaf		leaf = {NULL, InvalidOid, false, 0};

	/* Its own transaction may drop the extension over waiting rows. */
	if (rel == NULL)
		table_missing(entry);

	for (int i = 0; i < n; i++)
	{
		if (entries[i].table != table)
			continue;

		if (batch_rows == BATCH_ROWS)
			batch_insert(entry, &leaf);
		if (leaf.rel != NULL && !leaf_takes(&leaf, rel, entries[i].at))
		{
			batch_insert(entry, &leaf);
			table_close(leaf.rel, NoLock);
			leaf.rel = NULL;
		}
		if (leaf.rel == NULL)
			leaf_open(&leaf, entry, rel, entries[i].at);
		batch_add(entries[i].tuple);
	}

	batch_insert(entry, &leaf);
	if (leaf.rel != NULL)
		table_close(leaf.rel, NoLock);
	table_close(rel, NoLock);
}
