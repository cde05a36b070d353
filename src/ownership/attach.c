/*-------------------------------------------------------------------------
 *
 * attach.c
 *		Triggers and constraints on governed tables: what must be there, and
 *		the statements that make it so.
 *
 * What is attached is read from pg_trigger and pg_constraint, never from what
 * we believe to have done: a plan names just the statements that are missing,
 * and applying the same document again mends an attachment.
 *
 * Row triggers go on the dataset's relation; PostgreSQL clones them onto
 * partitions.  Statement triggers fire only for the table that a statement
 * names, so they go on every member of the tree.  Inheritance children that
 * are no partitions get all four.  Members that join the tree later get theirs
 * from the DDL guard.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/expression.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "catalog/spine_catalog.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "ownership/attach.h"
#include "ownership/guard.h"
#include "ownership/trigger_inventory.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* One trigger that a governed table carries. */
typedef struct TriggerSpec
{
	const char *name;
	const char *function;
	int16		type;	/* pg_trigger.tgtype */
	const char *events; /* as CREATE TRIGGER spells type */
} TriggerSpec;

static const TriggerSpec row_triggers[] = {
	{TRIGGER_GUARD, "guard",
	 TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_UPDATE |
		 TRIGGER_TYPE_DELETE,
	 "BEFORE UPDATE OR DELETE"},
	{TRIGGER_INSERT, "guard_insert", TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT,
	 "AFTER INSERT"},
};

static const TriggerSpec statement_triggers[] = {
	{TRIGGER_TRUNCATE, "guard_truncate",
	 TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_TRUNCATE, "BEFORE TRUNCATE"},
	{TRIGGER_FLUSH, "guard_flush",
	 TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE,
	 "AFTER INSERT OR UPDATE OR DELETE"},
};

/* A trigger as pg_trigger has it. */
typedef struct FoundTrigger
{
	const char *name;
	Oid			function;
	int16		type;
	char		enabled;
	bool		cloned;		/* from a partition's parent */
	const char *dataset;	/* first argument, or NULL */
	const char *child;		/* second argument, or NULL */
} FoundTrigger;

/* A table (a dataset's own or a child's) and the triggers it needs. */
typedef struct Target
{
	const char *dataset;
	const char *child;	/* or NULL */
	const char *key;	/* asset key, for the plan */
	Oid			relid;
} Target;

/* ---- reading what is there ---- */

/*
 * The oids of the trigger functions, row ones first.  Looked up once and
 * forgotten when any function changes: a plan compares them for every
 * governed table.
 */
static Oid	functions[lengthof(row_triggers) + lengthof(statement_triggers)];
static bool functions_known = false;

static void
forget_functions(Datum arg, int cacheid, uint32 hashvalue)
{
	functions_known = false;
}

static Oid
look_up_function(const char *name)
{
	List *qualified =
		list_make2(makeString(SPINE_SCHEMA), makeString(pstrdup(name)));

	return LookupFuncName(qualified, 0, NULL, true);
}

static const Oid *
trigger_functions(void)
{
	int			n = 0;

	if (functions_known)
		return functions;
	for (int i = 0; i < (int) lengthof(row_triggers); i++)
		functions[n++] = look_up_function(row_triggers[i].function);
	for (int i = 0; i < (int) lengthof(statement_triggers); i++)
		functions[n++] = look_up_function(statement_triggers[i].function);
	functions_known = true;
	return functions;
}

/* The function that a kind of trigger calls. */
static Oid
trigger_function(const TriggerSpec *spec)
{
	const Oid  *known = trigger_functions();

	if (spec >= row_triggers && spec < row_triggers + lengthof(row_triggers))
		return known[spec - row_triggers];
	return known[lengthof(row_triggers) + (spec - statement_triggers)];
}

/* The arguments are stored one after the other, each ended by a NUL. */
static void
read_arguments(FoundTrigger *found, HeapTuple tuple, Relation catalog)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	bool		isnull;
	bytea	   *args;
	const char *text;

	if (form->tgnargs == 0)
		return;
	args = DatumGetByteaPP(heap_getattr(tuple, Anum_pg_trigger_tgargs,
										RelationGetDescr(catalog), &isnull));
	if (isnull)
		return;
	text = VARDATA_ANY(args);
	found->dataset = pstrdup(text);
	if (form->tgnargs > 1)
		found->child = pstrdup(text + strlen(text) + 1);
}

/* All triggers of a table whose names are ours; snapshot NULL: as of now. */
static List *
read_triggers(Oid relid, Snapshot snapshot)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *triggers = NIL;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, snapshot,
							  1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
		FoundTrigger *found;

		if (strncmp(NameStr(form->tgname), TRIGGER_GUARD,
					strlen(TRIGGER_GUARD)) != 0)
			continue;
		found = palloc0(sizeof(FoundTrigger));
		found->name = pstrdup(NameStr(form->tgname));
		found->function = form->tgfoid;
		found->type = form->tgtype;
		found->enabled = form->tgenabled;
		found->cloned = OidIsValid(form->tgparentid);
		read_arguments(found, tuple, catalog);
		triggers = lappend(triggers, found);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return triggers;
}

static const FoundTrigger *
find_trigger(const List *triggers, const char *name)
{
	ListCell   *lc;

	foreach (lc, triggers)
		if (strcmp(((FoundTrigger *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
trigger_fits(const FoundTrigger *found, const TriggerSpec *spec,
			 const Target *target)
{
	return found->function == trigger_function(spec) &&
		found->type == spec->type &&
		same_text(found->dataset, target->dataset) &&
		same_text(found->child, target->child);
}

bool
is_guard_function(Oid function)
{
	const Oid  *known = trigger_functions();

	for (int i = 0; i < (int) lengthof(functions); i++)
		if (function == known[i])
			return true;
	return false;
}

bool
guard_is_attached(void)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	bool		attached = false;
	HeapTuple	tuple;

	while (!attached && HeapTupleIsValid(tuple = systable_getnext(scan)))
		attached =
			is_guard_function(((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return attached;
}

/* ---- writing statements ---- */

static char *
table_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(
										  get_rel_namespace(relid)),
									  get_rel_name(relid));
}

static void
append_drop(StringInfo sql, const char *name, Oid relid)
{
	appendStringInfo(sql, "DROP TRIGGER %s ON %s;\n", quote_identifier(name),
					 table_name(relid));
}

static void
append_create(StringInfo sql, const TriggerSpec *spec, const Target *target,
			  Oid relid)
{
	bool		row = TRIGGER_FOR_ROW(spec->type);

	appendStringInfo(
		sql,
		"CREATE TRIGGER %s %s ON %s FOR EACH %s EXECUTE FUNCTION %s.%s(%s",
		quote_identifier(spec->name), spec->events, table_name(relid),
		row ? "ROW" : "STATEMENT", SPINE_SCHEMA, spec->function,
		quote_literal_cstr(target->dataset));
	if (target->child != NULL)
		appendStringInfo(sql, ", %s", quote_literal_cstr(target->child));
	appendStringInfoString(sql, ");\n");
}

static void
append_always(StringInfo sql, const char *name, Oid relid)
{
	appendStringInfo(sql, "ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s;\n",
					 table_name(relid), quote_identifier(name));
}

/* ---- triggers of one table ---- */

/* Make one trigger fit; clones of a partition come with their root's. */
static void
mend_trigger(StringInfo sql, const TriggerSpec *spec, const Target *target,
			 Oid relid, const List *found, bool clone)
{
	const FoundTrigger *have = find_trigger(found, spec->name);
	bool		fits = have != NULL && trigger_fits(have, spec, target);

	if (have != NULL && !fits && !have->cloned)
		append_drop(sql, spec->name, relid);
	if (!fits && !clone)
		append_create(sql, spec, target, relid);
	if (!fits || have->enabled != TRIGGER_FIRES_ALWAYS)
		append_always(sql, spec->name, relid);
}

static void
mend_table(StringInfo sql, const Target *target, Oid relid)
{
	List	   *found = read_triggers(relid, NULL);
	bool		clone = relid != target->relid && get_rel_relispartition(relid);

	for (int i = 0; i < (int) lengthof(row_triggers); i++)
		mend_trigger(sql, &row_triggers[i], target, relid, found, clone);
	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
		return;
	for (int i = 0; i < (int) lengthof(statement_triggers); i++)
		mend_trigger(sql, &statement_triggers[i], target, relid, found, false);
}

static void
strip_table(StringInfo sql, const Target *target, Oid relid)
{
	List	   *found = read_triggers(relid, NULL);
	ListCell   *lc;

	foreach (lc, found)
	{
		const FoundTrigger *trigger = lfirst(lc);

		if (!trigger->cloned && same_text(trigger->dataset, target->dataset))
			append_drop(sql, trigger->name, relid);
	}
}

/* ---- what the DDL guard asks ---- */

/* The n-th of the guard's triggers, row ones first. */
static const TriggerSpec *
nth_trigger(int n)
{
	return n < (int) lengthof(row_triggers) ?
		&row_triggers[n] :
		&statement_triggers[n - (int) lengthof(row_triggers)];
}

const char *
attach_trigger_name(int n)
{
	return nth_trigger(n)->name;
}

/* Foreign tables have no statement triggers. */
int
attach_trigger_count(char relkind)
{
	return (int) lengthof(row_triggers) +
		(relkind == RELKIND_FOREIGN_TABLE ?
			 0 :
			 (int) lengthof(statement_triggers));
}

/* Bit n: the n-th trigger is there, as it should be, and fires always. */
uint32
attach_whole_triggers(Oid relid, const char *dataset, const char *child,
					  Snapshot snapshot)
{
	Target		target = {.dataset = dataset, .child = child, .relid = relid};
	List	   *found = read_triggers(relid, snapshot);
	uint32		whole = 0;

	for (int n = 0; n < (int) lengthof(functions); n++)
	{
		const TriggerSpec *spec = nth_trigger(n);
		const FoundTrigger *have = find_trigger(found, spec->name);

		if (have != NULL && trigger_fits(have, spec, &target) &&
			have->enabled == TRIGGER_FIRES_ALWAYS)
			whole |= ((uint32) 1) << n;
	}
	return whole;
}

/* Does it carry any trigger of ours, whole or not? */
bool
attach_is_attached(Oid relid, Snapshot snapshot)
{
	ListCell   *lc;
	List	   *found = read_triggers(relid, snapshot);

	foreach (lc, found)
		if (is_guard_function(((FoundTrigger *) lfirst(lc))->function))
			return true;
	return false;
}

/* How a trigger of ours fires now, as tgenabled; 0 if it is not there. */
char
attach_trigger_firing(Oid relid, int n)
{
	const FoundTrigger *have =
		find_trigger(read_triggers(relid, NULL), attach_trigger_name(n));

	return have != NULL ? have->enabled : '\0';
}

/* What a member of a governed tree lacks, as statements; NULL if nothing. */
char *
attach_member_sql(const char *dataset, const char *child, Oid root, Oid relid)
{
	Target		target = {.dataset = dataset, .child = child, .relid = root};
	StringInfoData sql;

	initStringInfo(&sql);
	mend_table(&sql, &target, relid);
	return sql.len > 0 ? sql.data : NULL;
}

/* What takes the guard's triggers off a table that left the tree; NULL if
 * there are none. */
char *
attach_strip_sql(const char *dataset, Oid relid)
{
	Target		target = {.dataset = dataset, .relid = relid};
	StringInfoData sql;

	initStringInfo(&sql);
	strip_table(&sql, &target, relid);
	return sql.len > 0 ? sql.data : NULL;
}

/* The statements for a whole tree of tables; NULL if nothing is to do. */
static char *
tree_sql(const Target *target, bool attach)
{
	StringInfoData sql;
	List	   *tree;
	ListCell   *lc;

	if (!OidIsValid(target->relid))
		return NULL;
	initStringInfo(&sql);
	tree = find_all_inheritors(target->relid, AccessShareLock, NULL);
	foreach (lc, tree)
	{
		CHECK_FOR_INTERRUPTS();
		if (attach)
			mend_table(&sql, target, lfirst_oid(lc));
		else
			strip_table(&sql, target, lfirst_oid(lc));
	}
	return sql.len > 0 ? sql.data : NULL;
}

static void
add_step(List **steps, const char *action, const char *kind, const char *key,
		 const char *risk, char *sql)
{
	PlanStep   *step = palloc0(sizeof(PlanStep));

	step->action = action;
	step->kind = kind;
	step->key = key;
	step->risk = risk;
	step->sql = sql;
	step->execute = true;
	*steps = lappend(*steps, step);
}

/* ---- targets of a dataset ---- */

/* Is the guard of this dataset attached at all? */
bool
wants_guard(const SpecDataset *spec)
{
	return spec != NULL && spec->local && spec->relation != NULL &&
		spec->enforcement != ENFORCEMENT_OFF;
}

static Target *
target_new(const SpecDataset *spec, const SpecChild *child)
{
	Target	   *target = palloc0(sizeof(Target));

	target->dataset = spec->key;
	target->child = child ? child->name : NULL;
	target->key = child ?
		psprintf("%s.%s", spec->key, asset_key_quote(child->name)) :
		spec->key;
	target->relid =
		spec_relation_oid(child ? child->relation : spec->relation);
	return target;
}

/* The tables that a dataset governs here: its own and its children's. */
static List *
targets_of(const SpecDataset *spec)
{
	List	   *targets = NIL;
	ListCell   *lc;

	if (!wants_guard(spec))
		return NIL;
	targets = lappend(targets, target_new(spec, NULL));
	if (spec->lifecycle != NULL)
		foreach (lc, spec->lifecycle->children)
			targets = lappend(targets, target_new(spec, lfirst(lc)));
	return targets;
}

static bool
target_listed(const List *targets, const Target *target)
{
	ListCell   *lc;

	foreach (lc, targets)
		if (((Target *) lfirst(lc))->relid == target->relid)
			return true;
	return false;
}

static void
trigger_steps(const List *before, const List *after, List **steps)
{
	ListCell   *lc;

	foreach (lc, before)
	{
		const Target *target = lfirst(lc);
		char	   *sql;

		if (target_listed(after, target))
			continue;
		sql = tree_sql(target, false);
		if (sql != NULL)
			add_step(steps, "detach", "guard", target->key, "breaking", sql);
	}
	foreach (lc, after)
	{
		const Target *target = lfirst(lc);
		char	   *sql = tree_sql(target, true);

		if (sql != NULL)
			add_step(steps, "attach", "guard", target->key, "review", sql);
	}
}

/* ---- invariants as CHECK constraints ---- */

static const char *
constraint_name(const SpecInvariant *invariant)
{
	return psprintf("spine_%s", invariant->name);
}

/* The invariant as SQL; NULL for what the matrix itself keeps. */
static char *
constraint_expression(const SpecDataset *spec, const SpecInvariant *invariant)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	if (invariant->check != NULL)
		appendStringInfo(&sql, "%s", invariant->check);
	if (invariant->not_null != NIL)
	{
		if (sql.len > 0)
			appendStringInfoString(&sql, ") AND (");
		if (invariant->except_in != NIL)
		{
			appendStringInfo(&sql, "%s IN (",
							 quote_identifier(spec->lifecycle->governing));
			foreach (lc, invariant->except_in)
				appendStringInfo(&sql, "%s%s",
								 foreach_current_index(lc) > 0 ? ", " : "",
								 quote_literal_cstr(lfirst(lc)));
			appendStringInfoString(&sql, ") OR (");
		}
		foreach (lc, invariant->not_null)
			appendStringInfo(&sql, "%s%s IS NOT NULL",
							 foreach_current_index(lc) > 0 ? " AND " : "",
							 quote_identifier(lfirst(lc)));
		if (invariant->except_in != NIL)
			appendStringInfoChar(&sql, ')');
	}
	return sql.len > 0 ? sql.data : NULL;
}

static const SpecInvariant *
find_invariant(const SpecDataset *spec, const char *name)
{
	ListCell   *lc;

	if (spec == NULL || spec->lifecycle == NULL)
		return NULL;
	foreach (lc, spec->lifecycle->invariants)
		if (strcmp(((SpecInvariant *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Constraints stand only where the guard enforces. */
bool
wants_constraints(const SpecDataset *spec)
{
	return wants_guard(spec) && spec->enforcement == ENFORCEMENT_ENFORCE &&
		spec->lifecycle != NULL;
}

static char *
wanted_expression(const SpecDataset *spec, const char *name)
{
	const SpecInvariant *invariant;

	if (!wants_constraints(spec))
		return NULL;
	invariant = find_invariant(spec, name);
	return invariant ? constraint_expression(spec, invariant) : NULL;
}

static char *
constraint_key(const SpecDataset *spec, const SpecInvariant *invariant)
{
	return psprintf("%s:%s", spec->key, invariant->name);
}

/* Drop what is no longer wanted as it stands. */
static void
drop_constraints(const SpecDataset *before, const SpecDataset *after,
				 List **steps)
{
	ListCell   *lc;

	if (!wants_constraints(before))
		return;
	foreach (lc, before->lifecycle->invariants)
	{
		const SpecInvariant *invariant = lfirst(lc);
		Oid			relid = spec_relation_oid(before->relation);
		const char *name = constraint_name(invariant);

		if (!OidIsValid(relid) ||
			same_text(wanted_expression(before, invariant->name),
					  wanted_expression(after, invariant->name)))
			continue;
		if (OidIsValid(get_relation_constraint_oid(relid, name, true)))
			add_step(steps, "delete", "constraint",
					 constraint_key(before, invariant), "breaking",
					 psprintf("ALTER TABLE %s DROP CONSTRAINT %s;\n",
							  table_name(relid), quote_identifier(name)));
	}
}

static void
add_constraints(const SpecDataset *before, const SpecDataset *after,
				List **steps)
{
	ListCell   *lc;

	if (!wants_constraints(after))
		return;
	foreach (lc, after->lifecycle->invariants)
	{
		const SpecInvariant *invariant = lfirst(lc);
		Oid			relid = spec_relation_oid(after->relation);
		const char *name = constraint_name(invariant);
		char	   *expression = wanted_expression(after, invariant->name);
		bool		kept = before != NULL &&
			same_text(wanted_expression(before, invariant->name), expression);

		if (expression == NULL || !OidIsValid(relid) ||
			(kept &&
			 OidIsValid(get_relation_constraint_oid(relid, name, true))))
			continue;
		add_step(
			steps, "create", "constraint", constraint_key(after, invariant),
			"breaking",
			psprintf(
				"ALTER TABLE %s ADD CONSTRAINT %s CHECK ((%s)) NOT VALID;\n",
				table_name(relid), quote_identifier(name), expression));
	}
}

/* ---- the hooks ---- */

static void
attach_steps(const SpecDataset *before, const SpecDataset *after, List **steps)
{
	trigger_steps(targets_of(before), targets_of(after), steps);
	drop_constraints(before, after, steps);
	add_constraints(before, after, steps);
}

/* Add pins to others, each function once. */
static List *
add_pins(List *pins, const List *more)
{
	ListCell   *lc;

	foreach (lc, more)
	{
		FunctionPin *pin = lfirst(lc);
		bool		known = false;
		ListCell   *other;

		foreach (other, pins)
			known |= strcmp(((FunctionPin *) lfirst(other))->identity,
							pin->identity) == 0;
		if (!known)
			pins = lappend(pins, pin);
	}
	return pins;
}

/* Collect the pins of everything that an edge's guard and handoffs use. */
static void
edge_pins(const SpecTransition *edge, Relation rel, List **pins)
{
	Findings   *findings = findings_new();
	Place		nowhere = place_member(NULL, "");
	List	   *found = NIL;
	ListCell   *lc;

	if (edge->guard != NULL)
	{
		(void) expression_check(edge->guard, rel, EXPRESSION_OLD_NEW, &nowhere,
								findings, &found);
		*pins = add_pins(*pins, found);
	}
	if (edge->guard_function != NULL)
	{
		found = NIL;
		(void) function_check(edge->guard_function, rel, BOOLOID, false,
							  &nowhere, findings, &found);
		*pins = add_pins(*pins, found);
	}
	foreach (lc, edge->handoffs)
	{
		const SpecHandoff *handoff = lfirst(lc);

		found = NIL;
		if (handoff->kind == HANDOFF_CALL)
			(void) function_check(handoff->name, rel, VOIDOID, true, &nowhere,
								  findings, &found);
		*pins = add_pins(*pins, found);
	}
}

static List *
attach_pins(const SpecDataset *spec, Relation rel)
{
	List	   *pins = NIL;
	ListCell   *lc;

	if (spec->lifecycle != NULL)
		foreach (lc, spec->lifecycle->transitions)
			edge_pins(lfirst(lc), rel, &pins);
	return add_pins(pins, trigger_pins(spec, rel));
}

/*
 * Is every governed table guarded as it should be?  What the next apply would
 * attach is what is missing.
 */
static void
attach_health(void (*report)(void *arg, const char *check_name, bool ok,
							 const char *detail, const char *hint),
			  void *arg)
{
	StringInfoData missing;
	int			tables = 0;
	ListCell   *lc;

	initStringInfo(&missing);
	foreach (lc, catalog_local_datasets())
	{
		const SpecDataset *spec = lfirst(lc);
		List	   *steps = NIL;
		ListCell   *step;

		tables += list_length(targets_of(spec));
		attach_steps(spec, spec, &steps);
		foreach (step, steps)
			appendStringInfo(&missing, "%s%s of %s",
							 missing.len > 0 ? ", " : "",
							 ((PlanStep *) lfirst(step))->kind,
							 ((PlanStep *) lfirst(step))->key);
	}
	report(arg, "guards", missing.len == 0,
		   missing.len > 0 ?
			   psprintf("missing: %s", missing.data) :
			   psprintf("governed tables: %d, all guarded", tables),
		   missing.len > 0 ?
			   "SELECT spine.apply(spine.export()) attaches what is missing." :
			   NULL);
}

void
attach_init(void)
{
	CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
	catalog_register_steps(attach_steps);
	catalog_register_pins(attach_pins);
	catalog_register_health(attach_health);
}
