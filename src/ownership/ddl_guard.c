/*-------------------------------------------------------------------------
 *
 * ddl_guard.c
 *		The event triggers that keep governed tables governed.
 *
 *		spine_ddl_start			ddl_command_start: notes where the command begins
 *		spine_sql_drop			sql_drop: notes the tables that lost something
 *		spine_table_rewrite		table_rewrite: values change past all triggers
 *		spine_ddl_guard			ddl_command_end: judges what has become of them
 *
 * No command is parsed.  The facts that the protection of a table rests on
 * (table_facts.h) are read as they were before the command and as they are
 * after it; what went missing, or came and should not have, weakens the table.
 * Who is neither superuser nor spine_admin is refused, where the dataset is
 * enforced; what passes is an audit row.  A table that was not whole before is
 * nobody's fault now, so a restore passes and leaves no such rows.
 *
 * A table that joins a governed tree gets the guard's triggers at once, and a
 * rename writes a revision (rename.c of the catalog).
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "audit/spine_audit.h"
#include "base/rights.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/spine_catalog.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "ownership/attach.h"
#include "ownership/ddl_guard.h"
#include "ownership/ddl_touched.h"
#include "ownership/guard.h"
#include "ownership/matrix.h"
#include "ownership/past.h"
#include "ownership/posture.h"
#include "ownership/table_facts.h"
#include "ownership/trigger_inventory.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(spine_ddl_start);
PG_FUNCTION_INFO_V1(spine_ddl_guard);
PG_FUNCTION_INFO_V1(spine_sql_drop);
PG_FUNCTION_INFO_V1(spine_table_rewrite);

/* How many things a log row and a message spell out. */
#define WEAKENS_SHOWN 20

/* A command that is running; they nest. */
typedef struct Frame
{
	const Node *parsetree; /* which command it is */
	CommandId	first;	   /* what it does has this number or a higher one */
	SubTransactionId subxact;
	List	   *dropped;   /* Oid: relations that lost something */
	bool		types;	   /* do rows of others consist of these? */
	List	   *rewritten; /* Oid: governed relations that were rewritten */
} Frame;

static List *frames = NIL;	/* of Frame, in TopTransactionContext */
static int	mending = 0;	/* are we attaching triggers ourselves? */

/* A relation that a command touched. */
typedef struct Inspected
{
	Oid			relid;
	Governed   *before; /* NULL: it was not governed */
	Governed   *after;	/* NULL: it is not governed */
} Inspected;

/* One command being judged. */
typedef struct Inspection
{
	CommandTag	tag;
	bool		admin;	/* is the user one who is logged only? */
	Snapshot	past;	/* before the command; NULL if nothing was there */
	List	   *datasets; /* read so far */
	List	   *seen;	/* Oid */
	List	   *tables; /* of Inspected */
	List	   *named;	/* Oid: those that a document names */
	const List *rewritten; /* Oid: those whose values were rewritten */
	List	   *weakenings; /* of Weakening */
} Inspection;

/* What a command does to one dataset. */
typedef struct Weakening
{
	const CatalogDataset *entry;
	List	   *what;	/* of char *: "disable trigger …" */
	const char *refused; /* the first of them that is not for everybody */
	const char *hint;	/* of that one, or NULL */
} Weakening;

/* ---- frames ---- */

static void
frames_push(const Node *parsetree, CommandId first)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	Frame	   *frame = palloc0(sizeof(Frame));

	frame->parsetree = parsetree;
	frame->first = first;
	frame->subxact = GetCurrentSubTransactionId();
	frames = lappend(frames, frame);
	MemoryContextSwitchTo(old);
}

/*
 * Take the command's frame, and whatever is left above it.  Without one (the
 * start was not told, or the command has committed on its way) all that the
 * transaction did counts as the command's.
 */
static Frame
frames_pop(const Node *parsetree)
{
	Frame		found = {.first = FirstCommandId};

	for (int i = list_length(frames) - 1; i >= 0; i--)
	{
		const Frame *frame = list_nth(frames, i);

		if (frame->parsetree != parsetree)
			continue;
		found = *frame;
		frames = list_truncate(frames, i);
		break;
	}
	return found;
}

static Frame *
frames_top(void)
{
	return frames != NIL ? llast(frames) : NULL;
}

static void
ddl_transaction_end(XactEvent event, void *arg)
{
	frames = NIL;
	mending = 0;
}

static void
ddl_subtransaction_end(SubXactEvent event, SubTransactionId mine,
					   SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	for (int i = 0; i < list_length(frames); i++)
		if (((Frame *) list_nth(frames, i))->subxact == mine)
		{
			frames = list_truncate(frames, i);
			return;
		}
}

/* Do our own statements, a restore or an upgrade run? */
static bool
stands_aside(void)
{
	return mending > 0 || catalog_is_applying() || creating_extension ||
		IsBinaryUpgrade;
}

static EventTriggerData *
called_as_event_trigger(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("function \"spine.%s\" must be called as an event trigger",
					name)));
	return (EventTriggerData *) fcinfo->context;
}

/* ---- which tables ---- */

/*
 * By whom a relation is governed, if the guard was attached before the
 * command: what is detached, or not yet attached, is nobody's business.
 */
static Governed *
guarded_by(Inspection *inspection, Oid relid, Snapshot snapshot)
{
	Governed   *governed =
		governed_lookup(&inspection->datasets, relid, snapshot);

	if (governed != NULL &&
		attach_is_attached(governed->root, inspection->past))
		return governed;
	return NULL;
}

/* Add a relation and everything below it, as far as it is governed. */
static void
inspect_tree(Inspection *inspection, Oid relid)
{
	Governed   *before = NULL;
	Governed   *after;
	char	   *child;
	ListCell   *lc;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (list_member_oid(inspection->seen, relid))
		return;
	inspection->seen = lappend_oid(inspection->seen, relid);

	after = guarded_by(inspection, relid, NULL);
	if (inspection->past != NULL)
		before = guarded_by(inspection, relid, inspection->past);
	if (before != NULL || after != NULL)
	{
		Inspected  *table = palloc(sizeof(Inspected));

		table->relid = relid;
		table->before = before;
		table->after = after;
		inspection->tables = lappend(inspection->tables, table);
	}
	if (inspection->past == NULL)
		return;
	if (catalog_dataset_at(relid, &child) != NULL)
		inspection->named = lappend_oid(inspection->named, relid);
	foreach (lc, past_children(relid, inspection->past))
		inspect_tree(inspection, lfirst_oid(lc));
	foreach (lc, past_children(relid, NULL))
		inspect_tree(inspection, lfirst_oid(lc));
}

/* ---- what is wrong, in words ---- */

/* What was done to a trigger of ours that is no longer whole. */
static const char *
trigger_verb(CommandTag tag, const Fact *fact)
{
	switch (attach_trigger_firing(fact->key.relid, (int) fact->key.object))
	{
		case '\0':
			return tag == CMDTAG_ALTER_TRIGGER ? "rename" : "drop";
		case TRIGGER_DISABLED:
			return "disable";
		case TRIGGER_FIRES_ALWAYS:
			return "change";
		default:
			return "take ENABLE ALWAYS from";
	}
}

/* The name of a column as it is now; NULL if it is gone. */
static char *
column_name(Oid relid, AttrNumber attnum)
{
	HeapTuple	row = SearchSysCacheAttNum(relid, attnum);
	char	   *name;

	if (!HeapTupleIsValid(row))
		return NULL;
	name = pstrdup(NameStr(((Form_pg_attribute) GETSTRUCT(row))->attname));
	ReleaseSysCache(row);
	return name;
}

/* What was done to a table that left its tree. */
static char *
leaving_text(const Fact *fact)
{
	const Governed *governed = fact->governed;
	PastRelation gone;
	const char *verb =
		past_relation(governed->relid, NULL, &gone) ? "detach" : "drop";

	if (governed->relid == governed->root)
		return psprintf("%s governed table \"%s\"", verb, fact->table);
	return psprintf("%s table \"%s\", part of dataset \"%s\"", verb,
					fact->table, governed->entry->spec->key);
}

/* What a command did, as the end of "cannot …". */
static char *
fact_text(CommandTag tag, const Fact *fact)
{
	const char *name = fact->name ? fact->name : "";
	const char *verb;

	switch (fact->key.kind)
	{
		case FACT_MEMBER:
			return leaving_text(fact);
		case FACT_TRIGGER:
			verb = psprintf("%s trigger", trigger_verb(tag, fact));
			break;
		case FACT_COLUMN:
			verb =
				column_name(fact->key.relid, (AttrNumber) fact->key.object) ?
				"change the type of column" :
				"drop column";
			break;
		case FACT_CONSTRAINT:
			verb = "drop or rename constraint";
			break;
		case FACT_KEY:
			verb = "drop or change primary key";
			break;
		case FACT_METHOD:
			return psprintf("change the access method of governed table "
							"\"%s\"",
							fact->table);
		case FACT_OWNER:
			return psprintf("take governed table \"%s\" from its owner "
							"\"%s\"",
							fact->table, name);
		case FACT_LABEL:
			verb = "drop or rename state";
			break;
		case FACT_PART:
			return psprintf("drop or rename \"%s\", part of a type of "
							"governed table \"%s\"",
							name, fact->table);
		case FACT_OTHER_TRIGGER:
			verb = "put undeclared trigger";
			break;
		case FACT_LATE_TRIGGER:
			return psprintf("put trigger \"%s\", which would run after the "
							"guard, on governed table \"%s\"",
							name, fact->table);
		case FACT_RULE:
			verb = "put rule";
			break;
		default:
			verb = "change";
			break;
	}
	return psprintf("%s \"%s\" %s governed table \"%s\"", verb, name,
					FACT_IS_BAD(fact->key.kind) ? "on" : "of", fact->table);
}

/* What would let the command pass. */
static const char *
fact_hint(FactKind kind)
{
	switch (kind)
	{
		case FACT_OTHER_TRIGGER:
			return "Name the trigger in \"triggers\" of the dataset and apply "
				   "that first, or ask a member of spine_admin.";
		case FACT_LATE_TRIGGER:
			return "Give it a name that sorts before \"~spine_guard\".";
		case FACT_MEMBER:
			return "Take the table out of the document first, or ask a member "
				   "of spine_admin.";
		default:
			return "Ask a member of spine_admin to run it, or apply a "
				   "document that does not enforce the dataset first.";
	}
}

/* ---- verdicts ---- */

static Weakening *
weakening_of(Inspection *inspection, const CatalogDataset *entry)
{
	Weakening  *weakening;
	ListCell   *lc;

	foreach (lc, inspection->weakenings)
	{
		weakening = lfirst(lc);
		if (weakening->entry == entry)
			return weakening;
	}
	weakening = palloc0(sizeof(Weakening));
	weakening->entry = entry;
	inspection->weakenings = lappend(inspection->weakenings, weakening);
	return weakening;
}

/* Note what the command does to a dataset; hint NULL: anybody may. */
static void
note_weakening(Inspection *inspection, const CatalogDataset *entry, char *what,
			   const char *hint)
{
	Weakening  *weakening = weakening_of(inspection, entry);

	weakening->what = lappend(weakening->what, what);
	if (hint != NULL && weakening->refused == NULL)
	{
		weakening->refused = what;
		weakening->hint = hint;
	}
}

/* The things that a command does, beside the first, for DETAIL. */
static char *
also_text(const Weakening *weakening)
{
	StringInfoData text;
	int			shown = 0;
	ListCell   *lc;

	initStringInfo(&text);
	foreach (lc, weakening->what)
	{
		if (lfirst(lc) == weakening->refused)
			continue;
		if (++shown > WEAKENS_SHOWN)
			break;
		appendStringInfo(&text, "%s%s",
						 text.len > 0 ? "; " : "  It would also ",
						 (char *) lfirst(lc));
	}
	if (shown > WEAKENS_SHOWN)
		appendStringInfoString(&text, "; and more");
	if (text.len > 0)
		appendStringInfoChar(&text, '.');
	return text.data;
}

static void
refuse(const Weakening *weakening)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("cannot %s", weakening->refused),
			 errdetail("It would weaken the guard of dataset \"%s\".%s",
					   weakening->entry->spec->key, also_text(weakening)),
			 errhint("%s", weakening->hint)));
}

/* The detail of a log row. */
static Jsonb *
log_detail(CommandTag tag, const Weakening *weakening)
{
	JsonbParseState *state = NULL;
	JsonbValue	element;
	int			shown = 0;
	ListCell   *lc;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "command", GetCommandTagName(tag));
	jb_push_key(&state, "weakens");
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, weakening->what)
	{
		bool		more = ++shown > WEAKENS_SHOWN;

		element.type = jbvString;
		element.val.string.val = more ?
			psprintf("and %d more",
					 list_length(weakening->what) - WEAKENS_SHOWN) :
			lfirst(lc);
		element.val.string.len = (int) strlen(element.val.string.val);
		(void) pushJsonbValue(&state, WJB_ELEM, &element);
		if (more)
			break;
	}
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* One audit row for what the command does to a dataset. */
static void
log_weakening(CommandTag tag, const Weakening *weakening)
{
	AuditEvent	event = {0};

	event.dataset = CStringGetTextDatum(weakening->entry->spec->key);
	event.action = CStringGetTextDatum("ddl");
	event.rev = weakening->entry->rev;
	event.via = CStringGetTextDatum("ddl");
	event.detail = JsonbPGetDatum(log_detail(tag, weakening));
	audit_push(&event);
}

/* Refuse what the user may not do, log the rest. */
static void
pass_judgement(const Inspection *inspection)
{
	ListCell   *lc;

	foreach (lc, inspection->weakenings)
	{
		const Weakening *weakening = lfirst(lc);

		if (weakening->refused == NULL || inspection->admin)
			continue;
		if (weakening->entry->spec->enforcement == ENFORCEMENT_ENFORCE)
			refuse(weakening);
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("would be refused if dataset \"%s\" were enforced: %s",
						weakening->entry->spec->key, weakening->refused)));
	}
	foreach (lc, inspection->weakenings)
		log_weakening(inspection->tag, lfirst(lc));
}

/* ---- comparing before and after ---- */

/* The facts of all tables on one side. */
static List *
all_facts(const Inspection *inspection, bool before, bool labels)
{
	List	   *facts = NIL;
	ListCell   *lc;

	foreach (lc, inspection->tables)
	{
		const Inspected *table = lfirst(lc);
		const Governed *governed = before ? table->before : table->after;

		if (governed != NULL)
			facts = list_concat(facts,
								facts_of(governed,
										 before ? inspection->past : NULL,
										 labels));
	}
	return facts;
}

/* Was the table that the document names guarded before the command? */
static bool
was_whole(const Inspection *inspection, const Governed *governed)
{
	PastRelation root;
	uint32		all;

	if (inspection->past == NULL ||
		!past_relation(governed->root, inspection->past, &root))
		return true;
	all = (((uint32) 1) << attach_trigger_count(root.kind)) - 1;
	return (attach_whole_triggers(governed->root, governed->entry->spec->key,
								  governed->child, inspection->past) &
			all) == all;
}

/* Note what went missing. */
static void
note_lost(Inspection *inspection, const List *before, const List *after)
{
	List	   *lost = facts_beyond(before, after);
	ListCell   *lc;

	foreach (lc, lost)
	{
		const Fact *fact = lfirst(lc);
		FactKind	kind = fact->key.kind;

		/* A table that left takes everything with it; a new type makes
		 * constraints anew. */
		if (FACT_IS_BAD(kind) ||
			(kind != FACT_MEMBER &&
			 facts_have(lost, FACT_MEMBER, fact->key.relid)) ||
			(kind == FACT_CONSTRAINT && inspection->rewritten != NIL &&
			 facts_have(after, kind, fact->key.relid)))
			continue;
		note_weakening(inspection, fact->governed->entry,
					   fact_text(inspection->tag, fact),
					   kind == FACT_OWNER ? NULL : fact_hint(kind));
	}
}

/* Note what came and should not have. */
static void
note_gained(Inspection *inspection, const List *before, const List *after)
{
	ListCell   *lc;

	foreach (lc, facts_beyond(after, before))
	{
		const Fact *fact = lfirst(lc);

		if (!FACT_IS_BAD(fact->key.kind) ||
			(inspection->admin && !was_whole(inspection, fact->governed)))
			continue;
		note_weakening(inspection, fact->governed->entry,
					   fact_text(inspection->tag, fact),
					   fact_hint(fact->key.kind));
	}
}

/* Warn of labels that no state of the dataset names. */
static void
warn_of_labels(const List *before, const List *after)
{
	ListCell   *lc;

	foreach (lc, facts_beyond(after, before))
	{
		const Fact *fact = lfirst(lc);
		const SpecDataset *spec = fact->governed->entry->spec;

		if (fact->key.kind != FACT_LABEL ||
			spec_state(spec->lifecycle, fact->name) != NULL)
			continue;
		ereport(WARNING,
				(errmsg("no rule of dataset \"%s\" covers state \"%s\"",
						spec->key, fact->name),
				 errdetail(
					 "Rows can neither come to that state nor be written in "
					 "it."),
				 errhint("Apply a document that names the state.")));
	}
}

static void
compare_and_judge(Inspection *inspection, bool labels)
{
	List *before =
		inspection->past != NULL ? all_facts(inspection, true, labels) : NIL;
	List	   *after = all_facts(inspection, false, labels);

	note_lost(inspection, before, after);
	note_gained(inspection, before, after);
	pass_judgement(inspection);
	if (labels)
		warn_of_labels(before, after);
}

/* ---- tables that join a tree ---- */

/* Run statements as the extension's owner, unseen by ourselves. */
static void
run_as_owner(const char *sql)
{
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	mending++;
	PG_TRY();
	{
		if (SPI_execute(sql, false, 0) < 0)
			/* cannot happen */
			elog(ERROR, "could not run: %s", sql);
	}
	PG_FINALLY();
	{
		mending--;
	}
	PG_END_TRY();
	SPI_finish();
	act_done(&before);
}

/*
 * Give a new member the guard's triggers.  Where its root has none (a restore
 * brings them later) there is nothing to follow.
 */
static void
mend_member(const Governed *governed)
{
	const char *key = governed->entry->spec->key;
	uint32		rows =
		(((uint32) 1) << attach_trigger_count(RELKIND_FOREIGN_TABLE)) - 1;
	char	   *sql;

	if (governed->relid == governed->root ||
		(attach_whole_triggers(governed->root, key, governed->child, NULL) &
		 rows) != rows)
		return;
	sql = attach_member_sql(key, governed->child, governed->root,
							governed->relid);
	if (sql != NULL)
		run_as_owner(sql);
}

/* What rows a table brings along. */
typedef enum Cargo
{
	CARGO_NONE,
	CARGO_ROWS,
	CARGO_UNKNOWN_STATES /* some of them in a state that no rule names */
} Cargo;

/* Look at the rows of a table, up to the first in an unknown state. */
static Cargo
scan_rows(Relation rel, const Matrix *matrix)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Cargo		cargo = CARGO_NONE;

	while (cargo != CARGO_UNKNOWN_STATES &&
		   table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		copied;
		HeapTuple	row = ExecFetchSlotHeapTuple(slot, false, &copied);

		CHECK_FOR_INTERRUPTS();
		cargo = matrix->governing != 0 &&
				matrix_state_of_tuple(matrix, row) == STATE_UNKNOWN ?
			CARGO_UNKNOWN_STATES :
			CARGO_ROWS;
		if (matrix->governing == 0)
			break;
		if (copied)
			heap_freetuple(row);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return cargo;
}

/* Rows that come with a table were judged by nobody. */
static void
note_cargo(Inspection *inspection, const Governed *governed)
{
	Relation	rel = table_open(governed->relid, AccessShareLock);
	const char *table =
		psprintf("%s.%s", get_namespace_name(RelationGetNamespace(rel)),
				 RelationGetRelationName(rel));
	Cargo		cargo = CARGO_NONE;

	if (rel->rd_rel->relkind == RELKIND_RELATION)
		cargo = scan_rows(rel,
						  matrix_lookup(rel, governed->entry->spec->key,
										governed->child));
	table_close(rel, NoLock);

	if (cargo == CARGO_UNKNOWN_STATES)
		note_weakening(inspection, governed->entry,
					   psprintf("attach table \"%s\", which holds rows in a "
								"state that no rule names",
								table),
					   "Bring these rows to a state of the document first.");
	else if (cargo == CARGO_ROWS)
		note_weakening(inspection, governed->entry,
					   psprintf("attach table \"%s\" with its rows", table),
					   "Attach it empty and insert the rows, so that they are "
					   "judged.");
}

/* Tables that are governed now and were not before the command. */
static void
welcome_members(Inspection *inspection)
{
	ListCell   *lc;

	foreach (lc, inspection->tables)
	{
		const Inspected *table = lfirst(lc);

		if (table->before != NULL || table->after == NULL)
			continue;
		mend_member(table->after);
		if (inspection->past != NULL)
			note_cargo(inspection, table->after);
	}
}

/* Tables that were governed before the command, stay, and are so no more. */
static void
part_with_members(const Inspection *inspection)
{
	ListCell   *lc;

	foreach (lc, inspection->tables)
	{
		const Inspected *table = lfirst(lc);
		PastRelation relation;
		char	   *sql;

		if (table->before == NULL || table->after != NULL ||
			!past_relation(table->relid, NULL, &relation))
			continue;
		sql = attach_strip_sql(table->before->entry->spec->key, table->relid);
		if (sql != NULL)
			run_as_owner(sql);
	}
}

/* ---- renames ---- */

/* Note the columns of a table that have other names than before. */
static void
renamed_columns(Oid relid, Snapshot past, CatalogRename *rename)
{
	CatalogScan scan;
	HeapTuple	row;

	catalog_scan_begin(&scan, AttributeRelationId, AttributeRelidNumIndexId,
					   Anum_pg_attribute_attrelid, relid, past);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(row);
		char	   *now;

		if (form->attnum <= 0 || form->attisdropped)
			continue;
		now = column_name(relid, form->attnum);
		if (now == NULL || strcmp(now, NameStr(form->attname)) == 0)
			continue;
		rename->columns =
			lappend(rename->columns, pstrdup(NameStr(form->attname)));
		rename->new_columns = lappend(rename->new_columns, now);
	}
	catalog_scan_end(&scan);
}

/* How a table was renamed; NULL if it was not. */
static CatalogRename *
rename_of_table(Oid relid, Snapshot past)
{
	CatalogRename *rename = palloc0(sizeof(CatalogRename));
	PastRelation before;
	PastRelation after;

	if (!past_relation(relid, past, &before) ||
		!past_relation(relid, NULL, &after))
		return NULL;
	rename->schema = before.schema;
	rename->name = before.name;
	rename->new_schema = after.schema;
	rename->new_name = after.name;
	renamed_columns(relid, past, rename);
	if (rename->columns == NIL && strcmp(before.schema, after.schema) == 0 &&
		strcmp(before.name, after.name) == 0)
		return NULL;
	return rename;
}

/* Have the document follow what was renamed. */
static void
follow_renames(const Inspection *inspection, Oid schema)
{
	char	   *before = NULL;
	char	   *after = NULL;
	List	   *renames = NIL;
	ListCell   *lc;

	if (inspection->past == NULL)
		return;
	if (OidIsValid(schema))
	{
		before = past_schema_name(schema, inspection->past);
		after = past_schema_name(schema, NULL);
	}
	if (before != NULL && after != NULL && strcmp(before, after) == 0)
		before = NULL;
	foreach (lc, inspection->named)
	{
		CatalogRename *rename =
			rename_of_table(lfirst_oid(lc), inspection->past);

		if (rename != NULL)
			renames = lappend(renames, rename);
	}
	if (renames != NIL || (before != NULL && after != NULL))
		(void) catalog_follow_renames(renames, before, after);
}

/* ---- the event triggers ---- */

/*
 * ALTER TABLE … DETACH PARTITION … CONCURRENTLY commits halfway, so it has to
 * be refused before it starts; what it did is found when it ends.
 */
static void
refuse_concurrent_detach(const AlterTableStmt *stmt)
{
	Inspection	inspection = {.tag = CMDTAG_ALTER_TABLE};
	ListCell   *lc;

	foreach (lc, stmt->cmds)
	{
		const AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		const RangeVar *part;
		Governed   *governed;
		Oid			relid;

		if (cmd->subtype != AT_DetachPartition ||
			!((PartitionCmd *) cmd->def)->concurrent)
			continue;
		relid = RangeVarGetRelid(stmt->relation, NoLock, true);
		governed = OidIsValid(relid) ?
			governed_lookup(&inspection.datasets, relid, NULL) :
			NULL;
		if (governed == NULL || is_spine_admin(GetUserId()) ||
			governed->entry->spec->enforcement != ENFORCEMENT_ENFORCE)
			continue;
		part = ((PartitionCmd *) cmd->def)->name;
		relid = RangeVarGetRelid(part, NoLock, true);
		note_weakening(&inspection, governed->entry,
					   psprintf("detach table \"%s.%s\", part of dataset "
								"\"%s\"",
								OidIsValid(relid) ?
									get_namespace_name(
										get_rel_namespace(relid)) :
									"",
								part->relname, governed->entry->spec->key),
					   fact_hint(FACT_MEMBER));
		refuse(linitial(inspection.weakenings));
	}
}

/* Event trigger at ddl_command_start. */
Datum
spine_ddl_start(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = called_as_event_trigger(fcinfo, "ddl_start");

	if (stands_aside())
		PG_RETURN_NULL();
	frames_push(trigger->parsetree, GetCurrentCommandId(false));
	if (trigger->parsetree != NULL && IsA(trigger->parsetree, AlterTableStmt))
		refuse_concurrent_detach((AlterTableStmt *) trigger->parsetree);
	PG_RETURN_NULL();
}

/* Judge one command that touched tables. */
static void
judge_command(Inspection *inspection, const Touched *touched,
			  const List *rewritten)
{
	ListCell   *lc;

	foreach (lc, touched->relations)
		inspect_tree(inspection, lfirst_oid(lc));
	if (inspection->tables == NIL && inspection->named == NIL &&
		!OidIsValid(touched->schema))
		return;

	inspection->admin = is_spine_admin(GetUserId());
	inspection->rewritten = rewritten;
	foreach (lc, rewritten)
	{
		Governed   *governed =
			governed_lookup(&inspection->datasets, lfirst_oid(lc), NULL);

		if (governed != NULL)
			note_weakening(inspection, governed->entry,
						   psprintf("rewrite the values of governed table "
									"\"%s.%s\"",
									get_namespace_name(
										get_rel_namespace(governed->relid)),
									get_rel_name(governed->relid)),
						   fact_hint(FACT_COLUMN));
	}
	welcome_members(inspection);
	compare_and_judge(inspection, touched->labels);
	part_with_members(inspection);
	follow_renames(inspection, touched->schema);
}

/* Tables that hold rows of those that were touched are touched as well. */
static void
touch_holders(Inspection *inspection, Touched *touched)
{
	List	   *all = NIL;
	ListCell   *lc;

	foreach (lc, touched->relations)
		all = list_concat_unique_oid(all,
									 past_holders(lfirst_oid(lc),
												  inspection->past));
	foreach (lc, all)
		if (governed_lookup(&inspection->datasets, lfirst_oid(lc),
							inspection->past) != NULL)
			touched->labels = true;
	if (touched->labels)
		touched->relations = list_concat(touched->relations, all);
}

/* Event trigger at ddl_command_end. */
Datum
spine_ddl_guard(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = called_as_event_trigger(fcinfo, "ddl_guard");
	Inspection	inspection = {.tag = trigger->tag};
	Touched		touched = {.relations = NIL};
	Frame		frame;

	if (stands_aside())
		PG_RETURN_NULL();
	frame = frames_pop(trigger->parsetree);
	if (touches_tables(trigger->tag))
		touched_by_command(trigger->tag, &touched);
	touched.relations = list_concat(touched.relations, frame.dropped);
	if (touched.relations == NIL && !OidIsValid(touched.schema))
		PG_RETURN_NULL();

	touched.labels |= frame.types;
	if (!touched.new_only || frame.dropped != NIL)
		inspection.past = past_take(frame.first);
	if (inspection.past != NULL && !touched.labels)
		touch_holders(&inspection, &touched);
	judge_command(&inspection, &touched, frame.rewritten);
	if (inspection.past != NULL)
		past_release(inspection.past);
	PG_RETURN_NULL();
}

/*
 * Event trigger at sql_drop.  Only notes which governed tables have lost
 * something: the end of the command judges.
 */
Datum
spine_sql_drop(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = called_as_event_trigger(fcinfo, "sql_drop");
	Frame	   *frame;
	Snapshot	past;
	List	   *relations;
	List	   *datasets = NIL;
	ListCell   *lc;
	int			own;

	if (stands_aside())
		PG_RETURN_NULL();
	if (frames == NIL)
		frames_push(trigger->parsetree, FirstCommandId);
	frame = frames_top();
	past = past_take(frame->first);
	relations = touched_by_drop(past);
	own = list_length(relations);
	for (int i = 0; i < own; i++)
		relations =
			list_concat(relations,
						past_holders(list_nth_oid(relations, i), past));
	frame->types |= list_length(relations) > own;
	foreach (lc, relations)
	{
		MemoryContext old;

		if (governed_lookup(&datasets, lfirst_oid(lc), past) == NULL &&
			past_children(lfirst_oid(lc), past) == NIL)
			continue;
		old = MemoryContextSwitchTo(TopTransactionContext);
		frame->dropped = lappend_oid(frame->dropped, lfirst_oid(lc));
		MemoryContextSwitchTo(old);
	}
	past_release(past);
	PG_RETURN_NULL();
}

/*
 * Event trigger at table_rewrite: ALTER COLUMN … TYPE … USING computes new
 * values without firing a trigger.  Refused before the work is done.
 */
Datum
spine_table_rewrite(PG_FUNCTION_ARGS)
{
	Inspection	inspection = {.tag = CMDTAG_ALTER_TABLE};
	EventTriggerData *trigger =
		called_as_event_trigger(fcinfo, "table_rewrite");
	MemoryContext old;
	Governed   *governed;
	Frame	   *frame = frames_top();
	Oid			relid;
	int			reason;

	if (stands_aside())
		PG_RETURN_NULL();
	relid = DatumGetObjectId(
		OidFunctionCall0(F_PG_EVENT_TRIGGER_TABLE_REWRITE_OID));
	reason = DatumGetInt32(
		OidFunctionCall0(F_PG_EVENT_TRIGGER_TABLE_REWRITE_REASON));
	if (!(reason & (AT_REWRITE_COLUMN_REWRITE | AT_REWRITE_ACCESS_METHOD)))
		PG_RETURN_NULL();
	governed = guarded_by(&inspection, relid, NULL);
	if (governed == NULL)
		PG_RETURN_NULL();

	inspection.tag = trigger->tag;
	inspection.admin = is_spine_admin(GetUserId());
	if (inspection.admin && frame != NULL)
	{
		/* Logged with what else the command does. */
		old = MemoryContextSwitchTo(TopTransactionContext);
		frame->rewritten = lappend_oid(frame->rewritten, relid);
		MemoryContextSwitchTo(old);
		PG_RETURN_NULL();
	}
	note_weakening(&inspection, governed->entry,
				   psprintf("rewrite the values of governed table \"%s.%s\"",
							get_namespace_name(get_rel_namespace(relid)),
							get_rel_name(relid)),
				   fact_hint(FACT_COLUMN));
	pass_judgement(&inspection);
	PG_RETURN_NULL();
}

/* ---- start ---- */

void
ddl_guard_init(void)
{
	trigger_inventory_init();
	posture_init();
	RegisterXactCallback(ddl_transaction_end, NULL);
	RegisterSubXactCallback(ddl_subtransaction_end, NULL);
}
