/*-------------------------------------------------------------------------
 *
 * trigger_inventory.c
 *		Other people's triggers on governed tables: which there are, which
 *		the dataset names, and what their functions did when it was applied.
 *
 * Such a trigger is code that writes under the name of whoever writes.  A
 * dataset names those that may be there ("triggers"); their functions are
 * pinned with its other functions when it is applied.  One that is not named
 * is a warning when the document is applied, is refused by the DDL guard when
 * it is made later, and a row of health() as long as it is there; so is a
 * function that changed.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "base/expression.h"
#include "base/rights.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "ownership/attach.h"
#include "ownership/guard.h"
#include "ownership/past.h"
#include "ownership/trigger_inventory.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* How many names a row of health() spells out. */
#define NAMES_SHOWN 10

List *
triggers_of_others(Oid relid, Snapshot snapshot)
{
	CatalogScan scan;
	HeapTuple	row;
	List	   *triggers = NIL;

	catalog_scan_begin(&scan, TriggerRelationId, TriggerRelidNameIndexId,
					   Anum_pg_trigger_tgrelid, relid, snapshot);
	while ((row = catalog_scan_next(&scan)) != NULL)
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(row);
		OtherTrigger *trigger;

		if (form->tgisinternal || form->tgenabled == TRIGGER_DISABLED ||
			is_guard_function(form->tgfoid))
			continue;
		trigger = palloc(sizeof(OtherTrigger));
		trigger->oid = form->oid;
		trigger->name = pstrdup(NameStr(form->tgname));
		trigger->function = form->tgfoid;
		trigger->type = form->tgtype;
		triggers = lappend(triggers, trigger);
	}
	catalog_scan_end(&scan);
	return triggers;
}

bool
trigger_is_declared(const SpecDataset *spec, const char *name)
{
	const JsonbContainer *declared =
		jb_get_array(spec->definition, "triggers");
	JbCursor	cursor;
	JsonbValue	element;

	if (declared == NULL)
		return false;
	jb_walk(&cursor, declared);
	while (jb_next_element(&cursor, &element))
		if (element.type == jbvString &&
			element.val.string.len == (int) strlen(name) &&
			memcmp(element.val.string.val, name, strlen(name)) == 0)
			return true;
	return false;
}

/* Triggers fire in the order of the bytes of their names. */
bool
trigger_is_late(const OtherTrigger *trigger)
{
	return TRIGGER_FOR_ROW(trigger->type) &&
		TRIGGER_FOR_BEFORE(trigger->type) &&
		(TRIGGER_FOR_UPDATE(trigger->type) ||
		 TRIGGER_FOR_DELETE(trigger->type)) &&
		strcmp(trigger->name, TRIGGER_GUARD) > 0;
}

/* ---- walking a dataset's tables ---- */

/* Called for each other trigger of a dataset. */
typedef void (*TriggerVisit)(void *arg, const SpecDataset *spec, Oid relid,
							 const OtherTrigger *trigger);

static void
visit_tree(const SpecDataset *spec, Oid root, TriggerVisit visit, void *arg)
{
	List	   *tree;
	ListCell   *lc;
	ListCell   *found;

	if (!OidIsValid(root))
		return;
	tree = find_all_inheritors(root, AccessShareLock, NULL);
	foreach (lc, tree)
	{
		List	   *triggers = triggers_of_others(lfirst_oid(lc), NULL);

		CHECK_FOR_INTERRUPTS();
		foreach (found, triggers)
			visit(arg, spec, lfirst_oid(lc), lfirst(found));
	}
}

/* All other triggers on a dataset's table, its children and their trees. */
static void
visit_dataset(const SpecDataset *spec, TriggerVisit visit, void *arg)
{
	ListCell   *lc;

	if (!wants_guard(spec))
		return;
	visit_tree(spec, spec_relation_oid(spec->relation), visit, arg);
	if (spec->lifecycle == NULL)
		return;
	foreach (lc, spec->lifecycle->children)
		visit_tree(spec,
				   spec_relation_oid(((SpecChild *) lfirst(lc))->relation),
				   visit, arg);
}

/* ---- pins ---- */

static void
pin_trigger(void *arg, const SpecDataset *spec, Oid relid,
			const OtherTrigger *trigger)
{
	List	  **pins = arg;

	if (trigger_is_declared(spec, trigger->name))
		*pins = lappend(*pins, function_pin(trigger->function));
}

List *
trigger_pins(const SpecDataset *spec, Relation rel)
{
	List	   *pins = NIL;
	ActAs		before;

	if (jb_get_array(spec->definition, "triggers") == NULL)
		return NIL;
	/* For the names in the hash. */
	before = act_as(GetUserId(), false);
	visit_dataset(spec, pin_trigger, &pins);
	act_done(&before);
	return pins;
}

/* ---- what validate says ---- */

typedef struct FindingTarget
{
	const Place *place;
	Findings   *findings;
	List	   *told;	/* names that have their finding */
} FindingTarget;

static bool
told_already(FindingTarget *target, const char *name)
{
	ListCell   *lc;

	foreach (lc, target->told)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	target->told = lappend(target->told, pstrdup(name));
	return false;
}

static void
find_trigger_faults(void *arg, const SpecDataset *spec, Oid relid,
					const OtherTrigger *trigger)
{
	FindingTarget *target = arg;
	bool		declared = trigger_is_declared(spec, trigger->name);

	if ((declared && !trigger_is_late(trigger)) ||
		told_already(target, trigger->name))
		return;
	if (!declared)
		finding_add(target->findings, FINDING_WARNING, "undeclared_trigger",
					target->place,
					"Name it in \"triggers\" if it is meant to be there.",
					"table \"%s\" has a trigger \"%s\", which writes under "
					"the name of whoever writes",
					get_rel_name(relid), trigger->name);
	if (trigger_is_late(trigger))
		finding_add(target->findings, FINDING_WARNING, "late_trigger",
					target->place,
					"Give it a name that sorts before \"~spine_guard\".",
					"trigger \"%s\" of table \"%s\" can change a row after "
					"the guard has judged it",
					trigger->name, get_rel_name(relid));
}

static void
inventory_check(const SpecDataset *dataset, Relation rel,
				const JsonbContainer *doc, const Place *place,
				Findings *findings)
{
	Place		here = place_member(place, "triggers");
	FindingTarget target = {.place = &here, .findings = findings};

	if (rel != NULL)
		visit_dataset(dataset, find_trigger_faults, &target);
}

/* ---- what health says ---- */

/* Names for a row of health(): the first few, and how many there are. */
typedef struct Names
{
	StringInfoData text;
	int			count;
} Names;

static void
names_add(Names *names, const char *name)
{
	if (names->count++ < NAMES_SHOWN)
		appendStringInfo(&names->text, "%s%s", names->text.len > 0 ? ", " : "",
						 name);
}

static char *
names_text(Names *names)
{
	if (names->count > NAMES_SHOWN)
		appendStringInfo(&names->text, " and %d more",
						 names->count - NAMES_SHOWN);
	return names->text.data;
}

static void
note_trigger(void *arg, const SpecDataset *spec, Oid relid,
			 const OtherTrigger *trigger)
{
	Names	   *names = arg;
	const char *fault = trigger_is_late(trigger) ? "runs after the guard" :
		!trigger_is_declared(spec, trigger->name) ?
												   "not named by its dataset" :
												   NULL;

	if (fault != NULL)
		names_add(names,
				  psprintf("%s of %s.%s: %s", trigger->name,
						   get_namespace_name(get_rel_namespace(relid)),
						   get_rel_name(relid), fault));
}

/* The function with that identity as it is now; InvalidOid if it is gone. */
static Oid
pinned_function(const char *identity)
{
	Datum		name = CStringGetTextDatum(identity);
	LOCAL_FCINFO(fcinfo, 1);
	Datum		found;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = name;
	fcinfo->args[0].isnull = false;
	found = to_regprocedure(fcinfo);
	return fcinfo->isnull ? InvalidOid : DatumGetObjectId(found);
}

/* Note the pins of a dataset that its functions no longer fit. */
static void
note_functions(Names *names, const char *dataset, const List *pins)
{
	ListCell   *lc;

	foreach (lc, pins)
	{
		const FunctionPin *pin = lfirst(lc);
		Oid			function = pinned_function(pin->identity);

		CHECK_FOR_INTERRUPTS();
		if (!OidIsValid(function))
			names_add(names,
					  psprintf("%s of %s: dropped", pin->identity, dataset));
		else if (strcmp(function_pin(function)->sha256, pin->sha256) != 0)
			names_add(names,
					  psprintf("%s of %s: changed", pin->identity, dataset));
	}
}

/* spine.health(): the functions and the triggers that rules rest on. */
static void
inventory_health(void (*report)(void *arg, const char *check_name, bool ok,
								const char *detail, const char *hint),
				 void *arg)
{
	Names		functions = {.count = 0};
	Names		triggers = {.count = 0};
	List	   *datasets = catalog_local_datasets();
	ListCell   *lc;

	initStringInfo(&functions.text);
	initStringInfo(&triggers.text);
	foreach (lc, datasets)
	{
		const SpecDataset *spec = lfirst(lc);
		CatalogDataset *entry = catalog_dataset(spec->key);

		if (entry != NULL)
			note_functions(&functions, spec->key, entry->pins);
		visit_dataset(spec, note_trigger, &triggers);
	}
	report(arg, "functions", functions.count == 0, names_text(&functions),
		   functions.count == 0 ?
			   NULL :
			   "Review them, then apply a document that names the dataset: "
			   "that takes them as they are.");
	report(arg, "triggers", triggers.count == 0, names_text(&triggers),
		   triggers.count == 0 ?
			   NULL :
			   "Drop them, or name them in \"triggers\" of the dataset; one "
			   "that runs after the guard needs a name that sorts before it.");
}

void
trigger_inventory_init(void)
{
	catalog_register_check(inventory_check);
	catalog_register_health(inventory_health);
}
