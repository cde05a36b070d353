/*-------------------------------------------------------------------------
 *
 * fk_action.c
 *		Actions of foreign keys that a dataset names in allow_fk_actions.
 *
 * A named constraint may write by the query that it fires itself, and by no
 * other.  PostgreSQL says that a constraint is at work (the user id is the
 * table owner's, InNoForceRLSOperation() is true), but not in which query: a
 * BEFORE trigger, a rule, a default or a function that the planner folds runs
 * under the same flag, and may run a query of the very same text.
 *
 * So the query is told by where it is run.  A foreign key's action is an AFTER
 * trigger, fired while the query that changed the referenced row is being
 * finished; it sets the flag and runs its query by SPI at once.  Everything
 * that runs queries by SPI leaves a frame on the stack of error contexts.
 * Hence, where
 *
 *		the flag was not set when the innermost query began to finish,
 *		the flag is set now, and
 *		since then the stack of error contexts has grown by one frame,
 *
 * that frame belongs to the call which set the flag, that is to the
 * constraint: code of others below it would have added a frame of its own.
 * What the query writes in its own name is then checked: the relation has no
 * rule, the text is that of a constraint, every constraint with this text is
 * named, and nothing changed but the columns that the constraint sets, to the
 * values that it sets.
 *
 * The stack is compared only while the query whose finish noted it is still
 * being finished; both hooks restore what they found, also on errors.
 *
 * Where the module is not preloaded, the first action of a session loads it in
 * the middle of its query, when the hooks come too late.  Then a stack of one
 * frame says as much: the constraint's own is on it whenever the flag is set.
 * Its text is what that frame says of itself.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/compat.h"
#include "base/jb.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "ownership/fk_action.h"
#include "ownership/settle.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* A foreign key of the relation that its action writes. */
typedef struct ForeignKey
{
	const char *name;		/* of the constraint, its topmost ancestor's */
	Oid			relid;		/* referencing relation */
	Oid			confrelid;	/* referenced relation */
	char		on_update;	/* FKCONSTR_ACTION_... */
	char		on_delete;
	int			nkeys;
	AttrNumber	keys[INDEX_MAX_KEYS];
	AttrNumber	refs[INDEX_MAX_KEYS];
	Oid			operators[INDEX_MAX_KEYS];
	int			nset;		/* of ON DELETE SET ... (columns) */
	AttrNumber	set[INDEX_MAX_KEYS];
} ForeignKey;

/* The query that a constraint runs, as far as it is known. */
typedef struct Running
{
	const char *text;
	bool		framed;		/* are there words around the text? */
	List	   *relids;		/* what it may write, each a relation by name */
} Running;

/* What a constraint's query does. */
typedef struct KeyAction
{
	char		kind;		/* FKCONSTR_ACTION_..., of DELETE: CASCADE */
	int			nset;		/* columns that it sets */
	const AttrNumber *set;
} KeyAction;

static ExecutorRun_hook_type next_run = NULL;
static ExecutorFinish_hook_type next_finish = NULL;

/* Is a query being finished that no constraint runs, and what was on the
 * stack of error contexts when that began? */
static bool finishing = false;
static ErrorContextCallback *finish_stack = NULL;

/* The innermost running query, if a constraint fired it; else NULL. */
static QueryDesc *action_query = NULL;

/* ---- which query is a constraint's own ---- */

static bool
fired_by_constraint(void)
{
	return finishing && error_context_stack != NULL &&
		error_context_stack->previous == finish_stack;
}

static void
run_next(EXECUTOR_RUN_ARGS)
{
	if (next_run)
		next_run(EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(EXECUTOR_RUN_PASS);
}

/* Without the flag nothing below looks at action_query. */
static void
fk_executor_run(EXECUTOR_RUN_ARGS)
{
	QueryDesc  *outer = action_query;

	if (likely(!InNoForceRLSOperation()))
	{
		run_next(EXECUTOR_RUN_PASS);
		return;
	}

	PG_TRY();
	{
		action_query = fired_by_constraint() ? queryDesc : NULL;
		run_next(EXECUTOR_RUN_PASS);
	}
	PG_FINALLY();
	{
		action_query = outer;
	}
	PG_END_TRY();
}

static void
finish_next(QueryDesc *query)
{
	if (next_finish)
		next_finish(query);
	else
		standard_ExecutorFinish(query);
}

static void
fk_executor_finish(QueryDesc *query)
{
	bool		outer_finishing = finishing;
	ErrorContextCallback *outer_stack = finish_stack;
	QueryDesc  *outer_query = action_query;

	if (query->operation == CMD_SELECT && !query->plannedstmt->hasModifyingCTE)
	{
		finish_next(query);
		return;
	}

	PG_TRY();
	{
		finishing = !InNoForceRLSOperation();
		finish_stack = error_context_stack;
		action_query = NULL;
		finish_next(query);
	}
	PG_FINALLY();
	{
		finishing = outer_finishing;
		finish_stack = outer_stack;
		action_query = outer_query;
	}
	PG_END_TRY();
}

/* ---- the foreign keys of a relation ---- */

/* The name by which people know a constraint that partitioning multiplied. */
static char *
topmost_name(Form_pg_constraint form)
{
	char	   *name = pstrdup(NameStr(form->conname));
	Oid			parent = form->conparentid;

	while (OidIsValid(parent))
	{
		HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(parent));
		Form_pg_constraint up;

		if (!HeapTupleIsValid(tuple))
			break;
		up = (Form_pg_constraint) GETSTRUCT(tuple);
		name = pstrdup(NameStr(up->conname));
		parent = up->conparentid;
		ReleaseSysCache(tuple);
	}
	return name;
}

static ForeignKey *
read_foreign_key(HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	ForeignKey *key = palloc0(sizeof(ForeignKey));

	key->name = topmost_name(form);
	key->relid = form->conrelid;
	key->confrelid = form->confrelid;
	key->on_update = form->confupdtype;
	key->on_delete = form->confdeltype;
	DeconstructFkConstraintRow(tuple, &key->nkeys, key->keys, key->refs,
							   key->operators, NULL, NULL, &key->nset,
							   key->set);
	return key;
}

/* All foreign keys by which a relation refers to others. */
static List *
foreign_keys_of(Oid relid)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	List	   *keys = NIL;
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&scankey, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &scankey);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		if (((Form_pg_constraint) GETSTRUCT(tuple))->contype ==
			CONSTRAINT_FOREIGN)
			keys = lappend(keys, read_foreign_key(tuple));
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return keys;
}

static bool
listed(const List *names, const char *name)
{
	ListCell   *lc;

	foreach (lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Does the action write the referencing rows? */
static bool
writes(char action)
{
	return action == FKCONSTR_ACTION_CASCADE ||
		action == FKCONSTR_ACTION_SETNULL ||
		action == FKCONSTR_ACTION_SETDEFAULT;
}

/* ---- the texts that ri_triggers.c runs ---- */

static void
append_quoted(StringInfo buf, const char *name)
{
	appendStringInfoChar(buf, '"');
	for (; *name != '\0'; name++)
	{
		if (*name == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *name);
	}
	appendStringInfoChar(buf, '"');
}

static char *
quoted_column(Oid relid, AttrNumber attnum)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_quoted(&buf, get_attname(relid, attnum, false));
	return buf.data;
}

static void
append_target(StringInfo buf, const ForeignKey *key)
{
	if (get_rel_relkind(key->relid) != RELKIND_PARTITIONED_TABLE)
		appendStringInfoString(buf, "ONLY ");
	append_quoted(buf, get_namespace_name(get_rel_namespace(key->relid)));
	appendStringInfoChar(buf, '.');
	append_quoted(buf, get_rel_name(key->relid));
}

/* The parameters after the first skipped ones are compared. */
static void
append_where(StringInfo buf, const ForeignKey *key, int skip)
{
	for (int i = 0; i < key->nkeys; i++)
	{
		appendStringInfo(buf, " %s ", i == 0 ? "WHERE" : "AND");
		generate_operator_clause(buf, psprintf("$%d", skip + i + 1),
								 get_atttype(key->confrelid, key->refs[i]),
								 key->operators[i],
								 quoted_column(key->relid, key->keys[i]),
								 get_atttype(key->relid, key->keys[i]));
	}
}

static char *
action_text(const ForeignKey *key, const KeyAction *action, bool delete)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (delete)
	{
		appendStringInfoString(&buf, "DELETE FROM ");
		append_target(&buf, key);
		append_where(&buf, key, 0);
		return buf.data;
	}
	appendStringInfoString(&buf, "UPDATE ");
	append_target(&buf, key);
	appendStringInfoString(&buf, " SET");
	for (int i = 0; i < action->nset; i++)
	{
		appendStringInfo(&buf, "%s %s = ", i == 0 ? "" : ",",
						 quoted_column(key->relid, action->set[i]));
		if (action->kind == FKCONSTR_ACTION_CASCADE)
			appendStringInfo(&buf, "$%d", i + 1);
		else
			appendStringInfoString(&buf,
								   action->kind == FKCONSTR_ACTION_SETNULL ?
									   "NULL" :
									   "DEFAULT");
	}
	append_where(&buf, key,
				 action->kind == FKCONSTR_ACTION_CASCADE ? key->nkeys : 0);
	return buf.data;
}

/* Is the running query's text this one?  A frame has words around it. */
static bool
text_is(const Running *running, const ForeignKey *key, const KeyAction *action,
		bool delete)
{
	const char *text = action_text(key, action, delete);
	const char *found = strstr(running->text, text);

	if (running->framed)
		return found != NULL && found[strlen(text)] != ' ';
	return found == running->text && found[strlen(text)] == '\0';
}

/* Is the text a query of this foreign key?  Then *action says what it does. */
static bool
is_text_of(const Running *running, const ForeignKey *key, CmdType operation,
		   KeyAction *action)
{
	if (operation == CMD_DELETE)
	{
		*action = (KeyAction){FKCONSTR_ACTION_CASCADE, 0, NULL};
		return key->on_delete == FKCONSTR_ACTION_CASCADE &&
			text_is(running, key, action, true);
	}
	*action = (KeyAction){key->on_update, key->nkeys, key->keys};
	if (writes(key->on_update) && text_is(running, key, action, false))
		return true;
	action->kind = key->on_delete;
	if (key->nset > 0)
	{
		action->nset = key->nset;
		action->set = key->set;
	}
	return (key->on_delete == FKCONSTR_ACTION_SETNULL ||
			key->on_delete == FKCONSTR_ACTION_SETDEFAULT) &&
		text_is(running, key, action, false);
}

/* ---- the constraint at work ---- */

/* The relation that a query writes, as it names it; or InvalidOid. */
static Oid
written_relation(const QueryDesc *query)
{
	const ModifyTable *modify = (ModifyTable *) query->plannedstmt->planTree;
	Index		rti;

	if (!IsA(modify, ModifyTable) || modify->resultRelations == NIL)
		return InvalidOid;
	rti = modify->rootRelation ? modify->rootRelation :
								 (Index) linitial_int(modify->resultRelations);
	return rt_fetch(rti, query->plannedstmt->rtable)->relid;
}

static bool
has_rules(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		rules = rel->rd_rules != NULL;

	table_close(rel, NoLock);
	return rules;
}

/* The query that is running, if a constraint fired it. */
static bool
find_running(const Matrix *matrix, CmdType operation, Running *running)
{
	List	   *relids =
		lcons_oid(matrix->relid, get_partition_ancestors(matrix->relid));
	Oid			relid;

	if (action_query != NULL)
	{
		relid = written_relation(action_query);
		*running =
			(Running){action_query->sourceText, false, list_make1_oid(relid)};
		return action_query->operation == operation &&
			list_member_oid(relids, relid);
	}
	if (error_context_stack == NULL || error_context_stack->previous != NULL)
		return false;
	*running = (Running){GetErrorContextStack(), true, relids};
	return true;
}

/*
 * The foreign key of a relation whose query is running.  *named is set to
 * false if one that might be meant is not among the names.
 */
static ForeignKey *
running_key(const Running *running, Oid relid, CmdType operation,
			const List *names, KeyAction *action, bool *named)
{
	ForeignKey *found = NULL;
	ListCell   *lc;

	foreach (lc, foreign_keys_of(relid))
	{
		ForeignKey *key = lfirst(lc);
		KeyAction	candidate;

		if (!is_text_of(running, key, operation, &candidate))
			continue;
		*named &= listed(names, key->name);
		*action = candidate;
		found = key;
	}
	return found;
}

/* The foreign key at work, if the names let it write; else NULL. */
static ForeignKey *
key_at_work(const Attempt *attempt, const List *names, KeyAction *action)
{
	CmdType		operation =
		attempt->kind == ATTEMPT_DELETE ? CMD_DELETE : CMD_UPDATE;
	Running		running;
	ListCell   *lc;

	if (!find_running(attempt->judgement.matrix, operation, &running))
		return NULL;
	foreach (lc, running.relids)
	{
		Oid			relid = lfirst_oid(lc);
		bool		named = true;
		ForeignKey *key =
			running_key(&running, relid, operation, names, action, &named);

		if (key != NULL)
			return named && !has_rules(relid) ? key : NULL;
	}
	return NULL;
}

/* ---- what the query wrote ---- */

/* Do other BEFORE triggers see an UPDATE of the relation's rows? */
static bool
others_before_update(const Relation rel)
{
	int			triggers = 0;

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers;
		 i++)
	{
		int16		type = rel->trigdesc->triggers[i].tgtype;

		if (TRIGGER_FOR_ROW(type) && TRIGGER_FOR_BEFORE(type) &&
			TRIGGER_FOR_UPDATE(type))
			triggers++;
	}
	return triggers > 1;
}

/* Is a column's new value the parameter that CASCADE sets it to? */
static bool
is_parameter(const Attempt *attempt, AttrNumber attnum, int n)
{
	const Matrix *matrix = attempt->judgement.matrix;
	Form_pg_attribute attribute = TupleDescAttr(matrix->desc, attnum - 1);
	ParamListInfo params = action_query ? action_query->params : NULL;
	bool		isnull;
	Datum		value =
		heap_getattr(attempt->judgement.new, attnum, matrix->desc, &isnull);

	if (params == NULL || n >= params->numParams ||
		params->params[n].ptype != attribute->atttypid)
		return false;
	if (isnull || params->params[n].isnull)
		return isnull && params->params[n].isnull;
	return datum_image_eq(value, params->params[n].value, attribute->attbyval,
						  attribute->attlen);
}

/* Is a column's new value what the action sets it to, whoever came after? */
static bool
is_set_value(const Attempt *attempt, const KeyAction *action,
			 AttrNumber attnum, int n)
{
	Matrix	   *matrix = attempt->judgement.matrix;
	Datum		value;
	bool		isnull;

	switch (action->kind)
	{
		case FKCONSTR_ACTION_SETNULL:
			return heap_attisnull(attempt->judgement.new, attnum,
								  matrix->desc);
		case FKCONSTR_ACTION_CASCADE:
			return is_parameter(attempt, attnum, n);
		default:
			return matrix->parent == NULL &&
				default_match(matrix, attempt->judgement.new, attnum, &value,
							  &isnull) == DEFAULT_SAME;
	}
}

/*
 * Does the UPDATE change nothing but what the action sets, and to its values?
 * A state never changes so: that takes a transition.
 */
static bool
update_is_actions(const Attempt *attempt, const ForeignKey *key,
				  const KeyAction *action)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	uint64	   *left = palloc(sizeof(uint64) * matrix->nwords);
	bool		others = others_before_update(judgement->rel);

	memcpy(left, attempt->changed, sizeof(uint64) * matrix->nwords);
	for (int i = 0; i < action->nset; i++)
	{
		AttrNumber	attnum =
			get_attnum(matrix->relid,
					   get_attname(key->relid, action->set[i], false));

		if (attnum <= 0 || attnum == matrix->governing ||
			(others && !is_set_value(attempt, action, attnum, i)))
			return false;
		CLEAR_BIT(left, attnum);
	}
	return words_empty(left, matrix->nwords);
}

static Datum
constraint_detail(const char *name)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "constraint", name);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

bool
fk_action_concedes(const Attempt *attempt, const Denial *denial,
				   Concession *concession)
{
	const List *names = attempt->judgement.matrix->spec->fk_actions;
	KeyAction	action = {0};
	ForeignKey *key;

	if (names == NIL || !InNoForceRLSOperation() ||
		(attempt->kind != ATTEMPT_DELETE && attempt->kind != ATTEMPT_UPDATE))
		return false;
	key = key_at_work(attempt, names, &action);
	if (key == NULL ||
		(attempt->kind == ATTEMPT_UPDATE &&
		 !update_is_actions(attempt, key, &action)))
		return false;

	concession->via = CStringGetTextDatum("fk");
	concession->detail = constraint_detail(key->name);
	return true;
}

/* ---- findings ---- */

/* The foreign keys of the dataset's own relation and its children. */
static List *
governed_keys(const SpecDataset *spec, Relation rel)
{
	List	   *keys = foreign_keys_of(RelationGetRelid(rel));
	ListCell   *lc;

	if (spec->lifecycle == NULL)
		return keys;
	foreach (lc, spec->lifecycle->children)
	{
		const SpecChild *child = lfirst(lc);
		Oid				 relid = child->relation == NULL ?
						 InvalidOid :
						 spec_relation_oid(child->relation);

		if (OidIsValid(relid))
			keys = list_concat(keys, foreign_keys_of(relid));
	}
	return keys;
}

static bool
names_key(const List *keys, const char *name)
{
	ListCell   *lc;

	foreach (lc, keys)
		if (strcmp(((ForeignKey *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

/* A named constraint must exist, else it names nothing. */
static void
check_named(const SpecDataset *spec, const List *keys, const Place *place,
			Findings *findings)
{
	ListCell   *lc;

	foreach (lc, spec->fk_actions)
	{
		Place		item = place_element(place, foreach_current_index(lc));

		if (!names_key(keys, lfirst(lc)))
			finding_add(
				findings, FINDING_WARNING, "unknown_foreign_key", &item,
				"Name foreign keys of the dataset's relation or of a child's.",
				"no foreign key of \"%s\" is called \"%s\"", spec->relation,
				(char *) lfirst(lc));
	}
}

/* Actions that are not named are judged as the table's owner. */
static void
check_unnamed(const SpecDataset *spec, const List *keys, const Place *place,
			  Findings *findings)
{
	ListCell   *lc;

	foreach (lc, keys)
	{
		const ForeignKey *key = lfirst(lc);

		if ((writes(key->on_update) || writes(key->on_delete)) &&
			!listed(spec->fk_actions, key->name))
			finding_add(
				findings, FINDING_INFO, "foreign_key_action", place,
				"To let it write, name the constraint in \"allow_fk_actions\".",
				"the action of foreign key \"%s\" of \"%s\" is judged as a write of the table's owner",
				key->name, get_rel_name(key->relid));
	}
}

static void
fk_action_check(const SpecDataset *spec, Relation rel,
				const JsonbContainer *doc, const Place *place,
				Findings *findings)
{
	Place		list = place_member(place, "allow_fk_actions");
	List	   *keys;

	if (rel == NULL || spec->enforcement == ENFORCEMENT_OFF)
		return;
	keys = governed_keys(spec, rel);
	check_named(spec, keys, &list, findings);
	check_unnamed(spec, keys, place, findings);
}

void
fk_action_init(void)
{
	next_run = ExecutorRun_hook;
	ExecutorRun_hook = fk_executor_run;
	next_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = fk_executor_finish;
	catalog_register_check(fk_action_check);
}
