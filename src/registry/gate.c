/*-------------------------------------------------------------------------
 *
 * gate.c
 *		The migration gate: event triggers that follow what a transaction does
 *		to governed relations, and the judgement at its end.
 *
 *		spine_gate_start	ddl_command_start: takes shapes before they change
 *		spine_gate_drop		sql_drop: a relation lost something, or is gone
 *		spine_gate_command	ddl_command_end: warns of what would be refused
 *
 * A transaction is judged as a whole, before it commits or is prepared: what it
 * breaks and mends again does no harm, and a rename is fine that leaves a view
 * under the old name.  What passes becomes a version of the relation's
 * subject in the same transaction.
 *
 * Nobody is exempt; but spine's own statements, extension scripts and
 * pg_upgrade are no migrations.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "audit/spine_audit.h"
#include "base/ddl_objects.h"
#include "base/rights.h"
#include "base/settings.h"
#include "base/spi.h"
#include "catalog/pg_class.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "registry/gate.h"
#include "registry/spine_registry.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(spine_gate_start);
PG_FUNCTION_INFO_V1(spine_gate_drop);
PG_FUNCTION_INFO_V1(spine_gate_command);

/* What the transaction has touched (GateSubject), in TopTransactionContext. */
static List *touched = NIL;

/* ---- what has been touched ---- */

/* Is spine here, and is this somebody's own command? */
static bool
is_watched(void)
{
	return spine_migration_gate && !creating_extension && !IsBinaryUpgrade &&
		!catalog_is_applying();
}

static GateSubject *
find_touched(const char *key)
{
	ListCell   *lc;

	foreach (lc, touched)
	{
		GateSubject *subject = lfirst(lc);

		if (strcmp(subject->key, key) == 0)
			return subject;
	}
	return NULL;
}

/* Keep a subject until the transaction ends. */
static GateSubject *
keep_touched(const GateSubject *subject)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	GateSubject *kept = palloc0(sizeof(GateSubject));

	kept->key = pstrdup(subject->key);
	kept->dataset = pstrdup(subject->dataset);
	kept->relid = subject->relid;
	kept->name = subject->name ? pstrdup(subject->name) : NULL;
	touched = lappend(touched, kept);
	MemoryContextSwitchTo(old);
	return kept;
}

/* Note a relation; with its shape, if it is as the transaction found it. */
static void
touch(Oid relid, bool before)
{
	GateSubject *subject = gate_subject(relid);
	GateSubject *kept;
	char	   *shape;

	if (subject == NULL)
		return;
	kept = find_touched(subject->key);
	if (kept == NULL)
	{
		kept = keep_touched(subject);
		shape = before ? gate_shape(subject->relid) : NULL;
		if (shape != NULL)
			kept->before = MemoryContextStrdup(TopTransactionContext, shape);
	}
	kept->fresh = true;
}

static void
touch_all(bool before)
{
	ListCell   *lc;

	foreach (lc, catalog_governed_relations())
	{
		CHECK_FOR_INTERRUPTS();
		touch(lfirst_oid(lc), before);
	}
}

/* Those of the relations that are governed, of objects likewise. */
static List *
governed_among(const List *relations)
{
	List	   *governed = NIL;
	ListCell   *lc;

	foreach (lc, relations)
		if (gate_may_concern(lfirst_oid(lc)))
			governed = list_append_unique_oid(governed, lfirst_oid(lc));
	return governed;
}

static List *
governed_among_objects(const List *objects)
{
	List	   *relations = NIL;
	ListCell   *lc;

	foreach (lc, objects)
	{
		const DdlObject *object = lfirst(lc);

		if (object->class_id == RelationRelationId)
			relations = list_append_unique_oid(relations, object->object_id);
	}
	return governed_among(relations);
}

static void
gate_transaction_end(void)
{
	touched = NIL;
}

/* ---- as the extension's owner ---- */

/* Memory of one piece of work, which outlives SPI's. */
static MemoryContext
begin_work(ActAs *before)
{
	MemoryContext mcxt =
		AllocSetContextCreate(TopTransactionContext, "spine migration gate",
							  ALLOCSET_DEFAULT_SIZES);

	*before = act_as(extension_owner(), false);
	SPI_connect();
	MemoryContextSwitchTo(mcxt);
	return mcxt;
}

static void
end_work(const ActAs *before)
{
	SPI_finish();
	act_done(before);
}

/* ---- verdicts ---- */

static bool
is_off(const GateVerdict *verdict)
{
	return verdict->dataset == NULL ||
		verdict->dataset->enforcement == ENFORCEMENT_OFF;
}

static void
refuse(const GateVerdict *verdict)
{
	const SchemaDifference *first = linitial(verdict->violations);

	ereport(ERROR,
			(errcode(ERRCODE_SPINE_MIGRATION_REFUSED),
			 errmsg("migration of \"%s\" breaks level %s",
					verdict->subject->key, verdict->level),
			 errdetail_internal("%s", gate_detail(verdict)),
			 errhint("%s", gate_hint(first->kind))));
}

/* Say what enforce would refuse; *at_end: the transaction goes on. */
static void
warn(const GateVerdict *verdict, bool at_end)
{
	const SchemaDifference *first = linitial(verdict->violations);

	ereport(
		WARNING,
		(errcode(ERRCODE_SPINE_MIGRATION_REFUSED),
		 at_end ?
			 errmsg(
				 "migration of \"%s\" breaks level %s, and would be refused if it were enforced",
				 verdict->subject->key, verdict->level) :
			 errmsg(
				 "migration of \"%s\" breaks level %s, and will be refused at the end of the transaction",
				 verdict->subject->key, verdict->level),
		 errdetail_internal("%s", gate_detail(verdict)),
		 errhint("%s", gate_hint(first->kind))));
}

/* A row of spine.denied for what observe mode lets pass. */
static void
note_observed(const GateVerdict *verdict)
{
	const SchemaDifference *first = linitial(verdict->violations);
	DeniedEvent event = {0};

	event.dataset = verdict->subject->dataset;
	event.action = "migration";
	event.attribute = first->path;
	event.sqlstate = ERRCODE_SPINE_MIGRATION_REFUSED;
	event.message = psprintf("migration of \"%s\" breaks level %s",
							 verdict->subject->key, verdict->level);
	event.rule = first->kind;
	event.mode = "observe";
	denied_push(&event);
}

/* Judge one subject at the end; returns what became a version. */
static List *
settle(const GateSubject *subject, const char *author, List **observed)
{
	GateVerdict *verdict = gate_judge(subject);

	if (is_off(verdict))
		return NIL;
	if (verdict->violations != NIL)
	{
		if (verdict->dataset->enforcement == ENFORCEMENT_ENFORCE)
			refuse(verdict);
		warn(verdict, true);
		*observed = lappend(*observed, verdict);
	}
	return gate_accept(verdict, author);
}

/* Judge the transaction. */
static void
gate_before_commit(void)
{
	List	   *accepted = NIL;
	List	   *observed = NIL;
	MemoryContext old = CurrentMemoryContext;
	MemoryContext mcxt;
	ActAs		before;
	ListCell   *lc;
	char	   *author;

	if (touched == NIL || !OidIsValid(get_extension_oid("spine", true)))
		return;
	author = GetUserNameFromId(GetUserId(), false);
	PushActiveSnapshot(GetTransactionSnapshot());
	mcxt = begin_work(&before);
	foreach (lc, touched)
		accepted =
			list_concat(accepted, settle(lfirst(lc), author, &observed));
	end_work(&before);
	MemoryContextSwitchTo(mcxt);
	foreach (lc, observed)
		note_observed(lfirst(lc));
	foreach (lc, accepted)
	{
		const GateAccepted *one = lfirst(lc);

		offer_announce(one->offer, &one->published);
	}
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(mcxt);
	touched = NIL;
}

static void
gate_xact_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			gate_before_commit();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			gate_transaction_end();
			break;
		default:
			break;
	}
}

/* ---- event triggers ---- */

static EventTriggerData *
called_as(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("function \"spine.%s\" must be called as an event trigger",
					name)));
	return (EventTriggerData *) fcinfo->context;
}

/* May a command of this tag change the shape of a relation? */
static bool
is_relevant(CommandTag tag)
{
	switch (tag)
	{
		case CMDTAG_ALTER_TABLE:
		case CMDTAG_ALTER_FOREIGN_TABLE:
		case CMDTAG_ALTER_VIEW:
		case CMDTAG_ALTER_MATERIALIZED_VIEW:
		case CMDTAG_ALTER_TYPE:
		case CMDTAG_ALTER_DOMAIN:
		case CMDTAG_ALTER_SCHEMA:
		case CMDTAG_ALTER_POLICY:
		case CMDTAG_CREATE_POLICY:
		case CMDTAG_CREATE_VIEW:
			return true;
		default:
			return false;
	}
}

/* Note relations, and all that have columns of types, or all there are. */
static void
touch_these(List *relations, const List *types, bool all, bool before)
{
	MemoryContext old = CurrentMemoryContext;
	ActAs		acting;
	MemoryContext mcxt = begin_work(&acting);
	ListCell   *lc;

	foreach (lc, types)
		relations = gate_users_of_type(relations, lfirst_oid(lc));
	if (all)
		touch_all(before);
	foreach (lc, relations)
		touch(lfirst_oid(lc), before);
	end_work(&acting);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(mcxt);
}

Datum
spine_gate_start(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = called_as(fcinfo, "gate_start");
	List	   *relations;
	List	   *types;
	ListCell   *lc;
	bool		all;

	foreach (lc, touched)
		((GateSubject *) lfirst(lc))->fresh = false;
	if (!is_watched() ||
		!(is_relevant(trigger->tag) || IsA(trigger->parsetree, DropStmt) ||
		  IsA(trigger->parsetree, DropOwnedStmt)))
		PG_RETURN_NULL();
	relations = governed_among(gate_targets(trigger->parsetree, &types, &all));
	if (relations != NIL || types != NIL || all)
		touch_these(relations, types, all, true);
	PG_RETURN_NULL();
}

Datum
spine_gate_drop(PG_FUNCTION_ARGS)
{
	List	   *relations;

	(void) called_as(fcinfo, "gate_drop");
	if (!is_watched())
		PG_RETURN_NULL();
	relations = governed_among_objects(ddl_dropped_objects());
	if (relations != NIL)
		touch_these(relations, NIL, false, false);
	PG_RETURN_NULL();
}

/* Warn of what the transaction would be refused for, as it is now. */
static void
warn_early(void)
{
	MemoryContext old = CurrentMemoryContext;
	ActAs		before;
	MemoryContext mcxt = begin_work(&before);
	ListCell   *lc;

	foreach (lc, touched)
	{
		const GateSubject *subject = lfirst(lc);
		GateVerdict *verdict;

		if (!subject->fresh)
			continue;
		verdict = gate_judge(subject);
		if (!is_off(verdict) && verdict->violations != NIL &&
			verdict->dataset->enforcement == ENFORCEMENT_ENFORCE)
			warn(verdict, false);
	}
	end_work(&before);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(mcxt);
}

static bool
has_fresh(void)
{
	ListCell   *lc;

	foreach (lc, touched)
		if (((const GateSubject *) lfirst(lc))->fresh)
			return true;
	return false;
}

Datum
spine_gate_command(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = called_as(fcinfo, "gate_command");
	List	   *relations;

	if (!is_watched())
		PG_RETURN_NULL();
	if (is_relevant(trigger->tag))
	{
		relations = governed_among_objects(ddl_command_objects());
		if (relations != NIL)
			touch_these(relations, NIL, false, false);
	}
	/* A command alone is refused at once, which says it all. */
	if (IsTransactionBlock() && has_fresh())
		warn_early();
	PG_RETURN_NULL();
}

void
registry_init(void)
{
	RegisterXactCallback(gate_xact_event, NULL);
	gate_adopt_init();
}
