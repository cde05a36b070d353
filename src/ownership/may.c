/*-------------------------------------------------------------------------
 *
 * may.c
 *		spine.may and spine.next_states: what a role may do with a row.
 *
 * They ask the same judge with the same compiled matrix as the guard does, so
 * that the answer is what the real statement would meet, were the dataset
 * enforced.  What is denied by the rules may still be let through by the
 * fallback of an owner or by an override: these are asked as the guard asks
 * them.  The row is read as the caller, who needs SELECT on it; nothing is
 * written and nothing is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "base/jb.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "ownership/changed.h"
#include "ownership/may.h"
#include "ownership/settle.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

PG_FUNCTION_INFO_V1(spine_may);
PG_FUNCTION_INFO_V1(spine_next_states);

/* What is asked. */
typedef struct Question
{
	Oid			role;
	Relation	rel;
	Matrix	   *matrix;
	MatrixUser *user;
	Jsonb	   *key;	 /* or NULL */
	Jsonb	   *changes; /* or NULL */
	HeapTuple	old;	 /* the row, or NULL */
} Question;

/* The answer. */
typedef struct Answer
{
	bool		allowed;
	const char *reason;
	const char *rule;
	int			state;
	const char *owner;
	const Bitmapset *who_may;
	const Denial *denial; /* or NULL */
	Attempt    *attempt;  /* the write with its values, if they are known */
} Answer;

/* What kind of action a text names. */
typedef enum ActionKind
{
	ACTION_INSERT,
	ACTION_DELETE,
	ACTION_MOVE,
	ACTION_WRITE
} ActionKind;

/* ---- reading the question ---- */

/* The caller must be able to read the table. */
static void
require_select(Oid relid)
{
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table \"%s\"", get_rel_name(relid)),
			 errdetail(
				 "The caller must be able to read the rows that it asks about.")));
}

/* And all of its rows. */
static void
require_all_rows(Oid relid)
{
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("row security of table \"%s\" applies to the caller",
					get_rel_name(relid)),
			 errdetail(
				 "What may be done with rows that the caller cannot see is not told.")));
}

Relation
may_open(Oid relid, Matrix **matrix)
{
	Relation	rel = table_open(relid, AccessShareLock);
	char	   *child = NULL;
	char	   *dataset;

	require_select(relid);
	dataset = catalog_dataset_of(relid, &child);
	if (dataset == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("table \"%s\" is not governed",
					RelationGetRelationName(rel)),
			 errhint(
				 "Only tables of a dataset in the applied document have rules.")));
	*matrix = matrix_lookup(rel, dataset, child);
	return rel;
}

static void
question_open(Question *question, Name role, Oid relid)
{
	question->role = get_role_oid(NameStr(*role), false);
	question->rel = may_open(relid, &question->matrix);
	require_all_rows(relid);
	question->user = matrix_user(question->matrix, question->role);
}

static void
question_close(Question *question)
{
	table_close(question->rel, AccessShareLock);
}

static Judgement
judgement_of(const Question *question, HeapTuple new)
{
	Judgement judgement = {question->matrix, question->user, question->rel,
						   question->old, new};

	return judgement;
}

static ActionKind
action_kind(const char *action)
{
	if (strcmp(action, "insert") == 0)
		return ACTION_INSERT;
	if (strcmp(action, "delete") == 0)
		return ACTION_DELETE;
	if (strncmp(action, "-> ", 3) == 0)
		return ACTION_MOVE;
	return ACTION_WRITE;
}

pg_noreturn static void refuse_action(const char *action, const char *why);

static void
refuse_action(const char *action, const char *why)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("invalid action \"%s\"", action), errdetail("%s", why),
		 errhint(
			 "Actions are insert, delete, an attribute, a path below one, and \"-> state\"; an attribute called like an action is double-quoted.")));
}

/* ---- reading the row ---- */

static bool
key_has(const Jsonb *key, const char *name)
{
	JsonbValue	value;

	return jb_get(&key->root, name, &value) && value.type != jbvNull;
}

/* WHERE clause over all key columns, each taken from the jsonb in $1. */
static void
append_key_conditions(StringInfo sql, const Question *question)
{
	const Matrix *matrix = question->matrix;
	const char *glue = " WHERE ";
	int			used = 0;

	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		Form_pg_attribute att = TupleDescAttr(matrix->desc, attnum - 1);

		if (!HAS_BIT(matrix->keys, attnum))
			continue;
		if (!key_has(question->key, NameStr(att->attname)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("key lacks the column \"%s\"",
							NameStr(att->attname)),
					 errhint(
						 "A key is an object of all key columns by name.")));
		appendStringInfo(
			sql,
			"%st.%s OPERATOR(pg_catalog.=) ($1 OPERATOR(pg_catalog.->>) %s)::%s",
			glue, quote_identifier(NameStr(att->attname)),
			quote_literal_cstr(NameStr(att->attname)),
			format_type_extended(att->atttypid, att->atttypmod,
								 FORMAT_TYPE_TYPEMOD_GIVEN |
									 FORMAT_TYPE_FORCE_QUALIFY));
		glue = " AND ";
		used++;
	}
	if (used == 0 || JB_ROOT_COUNT(question->key) != (uint32) used)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key does not fit table \"%s\"", matrix->relation),
			 errhint(
				 "A key is an object of all key columns by name, and of nothing else.")));
}

/* Run a query as the caller; the first column of its first row is a row. */
static HeapTuple
query_row(const char *sql, int nargs, Oid *types, Datum *values,
		  const char *nulls)
{
	MemoryContext caller = CurrentMemoryContext;
	HeapTuple	row = NULL;

	SPI_connect();
	if (SPI_execute_with_args(sql, nargs, types, values, nulls, true, 1) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);	/* cannot happen */
	if (SPI_processed > 0)
	{
		bool		isnull;
		Datum		datum;

		datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							  &isnull);
		if (!isnull)
		{
			HeapTupleData tuple = {0};
			MemoryContext old = MemoryContextSwitchTo(caller);

			tuple.t_data = DatumGetHeapTupleHeader(datum);
			tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
			ItemPointerSetInvalid(&tuple.t_self);
			tuple.t_tableOid = InvalidOid;
			row = heap_copytuple(&tuple);
			MemoryContextSwitchTo(old);
		}
	}
	SPI_finish();
	return row;
}

static const char *
relation_name(const Question *question)
{
	return quote_qualified_identifier(get_namespace_name(
										  RelationGetNamespace(question->rel)),
									  RelationGetRelationName(question->rel));
}

/* The row that the key names; NULL if there is none. */
static HeapTuple
read_row(const Question *question)
{
	Oid			types[] = {JSONBOID};
	Datum		values[] = {JsonbPGetDatum(question->key)};
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t FROM %s t", relation_name(question));
	append_key_conditions(&sql, question);
	return query_row(sql.data, 1, types, values, NULL);
}

/* A row with proposed values in it; unknown columns are refused. */
static HeapTuple
row_with(const Question *question, HeapTuple row, Jsonb *changes)
{
	const Matrix *matrix = question->matrix;
	Oid			types[] = {question->rel->rd_rel->reltype, JSONBOID};
	Datum		values[2];
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	value;
	HeapTuple	result;

	jb_walk(&cursor, &changes->root);
	while (jb_next_member(&cursor, &name, &value))
	{
		bool		known = false;

		for (int i = 0; i < matrix->natts; i++)
		{
			const char *column =
				NameStr(TupleDescAttr(matrix->desc, i)->attname);

			known |= !TupleDescAttr(matrix->desc, i)->attisdropped &&
				strlen(column) == (size_t) name.val.string.len &&
				memcmp(column, name.val.string.val, strlen(column)) == 0;
		}
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of table \"%s\" does not exist",
							jb_text(&name), matrix->relation)));
	}

	values[0] = heap_copy_tuple_as_datum(row, RelationGetDescr(question->rel));
	values[1] = JsonbPGetDatum(changes);
	result = query_row("SELECT pg_catalog.jsonb_populate_record($1, $2)", 2,
					   types, values, NULL);
	return result;
}

/* A row in another state and of another version; either may be NULL. */
static HeapTuple
row_moved(const Question *question, HeapTuple row, const char *target,
		  const char *version)
{
	const Matrix *matrix = question->matrix;
	JsonbParseState *state = NULL;

	if (target == NULL && version == NULL)
		return row;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (target != NULL)
		jb_push_text(&state, matrix_column_name(matrix, matrix->governing),
					 target);
	if (version != NULL)
		jb_push_text(&state, matrix_column_name(matrix, matrix->version),
					 version);
	return row_with(question, row,
					JsonbValueToJsonb(
						pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* The version that a client has to send, unless the changes say one; or NULL. */
static const char *
required_version(const Question *question)
{
	const Matrix *matrix = question->matrix;
	JsonbValue	value;
	bool		isnull;
	int64		version;

	if (matrix->version == 0 || matrix->version_mode != VERSION_REQUIRE ||
		jb_get(&question->changes->root,
			   matrix_column_name(matrix, matrix->version), &value))
		return NULL;
	version = version_of(matrix, question->old, &isnull);
	return isnull ? NULL : psprintf(INT64_FORMAT, version + 1);
}

/* ---- answering ---- */

static Answer
allowed(const Question *question, int state, const char *reason,
		const char *rule)
{
	Answer		answer = {true, reason, rule, state, NULL, NULL, NULL, NULL};

	if (state != STATE_UNKNOWN)
		answer.owner = question->matrix->states[state].owner;
	return answer;
}

static Answer
denied(int state, const Denial *denial)
{
	Answer answer = {false,			  denial->reason, denial->rule, state,
					 denial->owner, denial->who_may, denial,		 NULL};

	return answer;
}

static Answer
verdict(const Question *question, int state, const Denial *denial,
		const char *rule)
{
	return denial ? denied(state, denial) :
					allowed(question, state, "allowed", rule);
}

/* The answer to a write whose values are known. */
static Answer
verdict_on(const Question *question, int state, const Attempt *attempt,
		   const char *rule)
{
	Answer answer = verdict(question, state, attempt_judge(attempt), rule);

	answer.attempt = palloc(sizeof(Attempt));
	*answer.attempt = *attempt;
	return answer;
}

static int
row_state(const Question *question)
{
	return question->matrix->parent ?
		parent_state(question->matrix, question->old, false) :
		matrix_state_of_tuple(question->matrix, question->old);
}

/* What a change of the given values would change, as words; NULL if nothing. */
static uint64 *
words_changed(const Question *question, HeapTuple new)
{
	uint64	   *changed = palloc0(sizeof(uint64) * question->matrix->nwords);

	return changed_attributes(question->matrix, question->old, new, changed) ?
		changed :
		NULL;
}

/*
 * An UPDATE with the given values that leads to a state (NULL: as the values
 * say); false if it changes nothing.  The version step is taken for granted
 * where the values do not speak of it.
 */
static bool
attempt_changes(const Question *question, int from, const char *target,
				Attempt *attempt)
{
	const Matrix *matrix = question->matrix;
	int			to = target ? matrix_state_by_name(matrix, target) : from;
	HeapTuple new =
		row_moved(question,
				  row_with(question, question->old, question->changes),
				  to == STATE_UNKNOWN ? NULL : target, NULL);
	Judgement	judgement = judgement_of(question, new);
	uint64	   *changed = words_changed(question, new);

	if (target != NULL && to == STATE_UNKNOWN)
	{
		/* No such state, so there may be no such value either. */
		if (changed == NULL)
			changed = palloc0(sizeof(uint64) * matrix->nwords);
		SET_BIT(changed, matrix->governing);
	}
	else if (changed == NULL)
		return false;

	*attempt = attempt_of(&judgement, ATTEMPT_UPDATE, changed, false);
	if (target != NULL && to == STATE_UNKNOWN)
		attempt->to = STATE_UNKNOWN;
	attempt->judgement.new =
		row_moved(question, new, NULL, required_version(question));
	return true;
}

/* -- writing -- */

/* The rule that says who may write in a state. */
static const char *
write_rule(const Matrix *matrix, int state)
{
	return state == STATE_UNKNOWN ? NULL : matrix->states[state].write_rule;
}

static Answer
answer_write(const Question *question, const char *action)
{
	Matrix	   *matrix = question->matrix;
	int			state = row_state(question);
	List	   *parts = asset_key_parts(action);
	Judgement	judgement = judgement_of(question, question->old);
	AttrNumber	attnum = 0;
	Denial	   *denial;

	if (parts == NIL)
		refuse_action(action, "It is not a well-formed attribute name.");
	for (int i = 0; i < matrix->natts; i++)
		if (!TupleDescAttr(matrix->desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(matrix->desc, i)->attname),
				   linitial(parts)) == 0)
			attnum = i + 1;
	if (attnum == 0)
		refuse_action(action,
					  psprintf("Table \"%s\" has no column \"%s\".",
							   matrix->relation, (char *) linitial(parts)));
	if (attnum == matrix->governing)
		refuse_action(action,
					  "The governing attribute changes by transitions alone.");

	if (question->changes != NULL)
	{
		Attempt		attempt;

		return attempt_changes(question, state, NULL, &attempt) ?
			verdict_on(question, state, &attempt, write_rule(matrix, state)) :
			allowed(question, state, "allowed", write_rule(matrix, state));
	}
	if (matrix->parent != NULL)
		denial = judge_child(&judgement, "update", state);
	else
		denial = judge_attribute(&judgement, state, attnum,
								 list_copy_tail(parts, 1));
	return verdict(question, state, denial, write_rule(matrix, state));
}

/* -- moving -- */

/* The children that a guard counts are known even where values are not. */
static bool
counts_hold(const Question *question, const MatrixEdge *edge)
{
	ListCell   *lc;

	foreach (lc, edge->counts)
		if (!children_at_least(question->matrix, question->rel, question->old,
							   lfirst(lc)))
			return false;
	return true;
}

static Answer
answer_edge(const Question *question, int from, const char *target)
{
	Matrix	   *matrix = question->matrix;
	int			to = matrix_state_by_name(matrix, target);
	MatrixEdge *edge = matrix_edge(matrix, from, to);
	Judgement	judgement = judgement_of(question, NULL);
	Denial	   *denial = NULL;
	Attempt		attempt;

	if (question->changes != NULL &&
		attempt_changes(question, from, target, &attempt))
	{
		Answer answer =
			verdict_on(question, from, &attempt, edge ? edge->rule : NULL);

		if (answer.allowed && from == to)
			answer.reason = "no_change";
		return answer;
	}
	if (question->changes == NULL && (from != to || from == STATE_UNKNOWN))
		denial = judge_edge(&judgement, from, to);
	if (denial != NULL)
		return denied(from, denial);
	if (from == to)
		return allowed(question, from, "no_change", NULL);

	if (guard_reads_new(&judgement, edge) && counts_hold(question, edge))
		return allowed(question, from, "guard_unknown", edge->rule);
	judgement.new = row_moved(question, question->old, target, NULL);
	return verdict(question, from, judge_guard(&judgement, edge), edge->rule);
}

static void
require_lifecycle(const Question *question, const char *action)
{
	if (question->matrix->governing == 0)
		refuse_action(action,
					  psprintf("Dataset \"%s\" has no states of its own.",
							   question->matrix->key));
}

/* -- deleting and inserting -- */

static Answer
answer_delete(const Question *question)
{
	Matrix	   *matrix = question->matrix;
	int			state = row_state(question);
	Judgement	judgement = judgement_of(question, NULL);
	Attempt attempt = attempt_of(&judgement, ATTEMPT_DELETE, NULL, false);

	return verdict_on(question, state, &attempt,
					  state == STATE_UNKNOWN ?
						  NULL :
						  TextDatumGetCString(
							  matrix->states[state].remove_label));
}

/* A row of column defaults; volatile ones stay NULL. */
static HeapTuple
default_row(const Question *question)
{
	Matrix	   *matrix = question->matrix;
	Datum	   *values = palloc0(sizeof(Datum) * matrix->natts);
	bool	   *nulls = palloc0(sizeof(bool) * matrix->natts);

	for (int i = 0; i < matrix->natts; i++)
	{
		nulls[i] = true;
		if (!matrix->columns[i].ignored)
			values[i] = default_value_of(matrix, i + 1, &nulls[i]);
	}
	return heap_form_tuple(matrix->desc, values, nulls);
}

static Answer
answer_insert_row(const Question *question)
{
	Matrix	   *matrix = question->matrix;
	Judgement	judgement =
		judgement_of(question,
					 row_with(question, default_row(question),
							  question->changes));
	Attempt attempt = attempt_of(&judgement, ATTEMPT_INSERT, NULL, false);

	return verdict_on(question, attempt.to, &attempt,
					  attempt.to == STATE_UNKNOWN ?
						  NULL :
						  TextDatumGetCString(
							  matrix->states[attempt.to].insert_label));
}

/* Without values: may the role insert into any state at all? */
static Answer
answer_insert(const Question *question)
{
	Matrix	   *matrix = question->matrix;
	Judgement	judgement = judgement_of(question, NULL);
	Answer		answer = {0};

	answer.reason = "not_initial";
	answer.rule = "states";
	answer.state = STATE_UNKNOWN;
	if (question->changes != NULL)
		return answer_insert_row(question);

	for (int state = 0; state < matrix->nstates; state++)
	{
		Denial	   *denial;

		if (!matrix->states[state].initial)
			continue;
		denial = matrix->parent ? judge_child(&judgement, "insert", state) :
								  judge_inserter(&judgement, state);
		answer =
			verdict(question, state, denial,
					TextDatumGetCString(matrix->states[state].insert_label));
		if (answer.allowed)
			break;
	}
	return answer;
}

/* ---- table privileges: told, not judged ---- */

static AclMode
action_privilege(ActionKind kind)
{
	switch (kind)
	{
		case ACTION_INSERT:
			return ACL_INSERT;
		case ACTION_DELETE:
			return ACL_DELETE;
		default:
			return ACL_UPDATE;
	}
}

/* Does the role hold the privilege on the table, or on some column? */
static bool
has_privilege(const Question *question, ActionKind kind)
{
	Oid			relid = RelationGetRelid(question->rel);
	AclMode		mode = action_privilege(kind);

	return pg_class_aclcheck(relid, question->role, mode) == ACLCHECK_OK ||
		(mode != ACL_DELETE &&
		 pg_attribute_aclcheck_all(relid, question->role, mode, ACLMASK_ANY) ==
			 ACLCHECK_OK);
}

/* ---- rows of the result ---- */

static Datum
party_array(const Matrix *matrix, const Bitmapset *parties)
{
	Datum	   *names = palloc0(sizeof(Datum) * (matrix->nparties + 1));
	int			n = 0;
	int			i = -1;

	while ((i = bms_next_member(parties, i)) >= 0)
		names[n++] = matrix->party_labels[i];
	return PointerGetDatum(
		construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
set_text(Datum *value, bool *isnull, const char *text)
{
	*isnull = text == NULL;
	*value = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
return_answer(FunctionCallInfo fcinfo, const Question *question,
			  const Answer *answer, ActionKind kind)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const Matrix *matrix = question->matrix;
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = BoolGetDatum(answer->allowed);
	values[1] =
		CStringGetTextDatum(has_privilege(question, kind) ?
								answer->reason :
								psprintf("%s, no_privilege", answer->reason));
	set_text(&values[2], &nulls[2], answer->rule);
	set_text(&values[3], &nulls[3], matrix_state_name(matrix, answer->state));
	set_text(&values[4], &nulls[4], answer->owner);
	values[5] = party_array(matrix, answer->who_may);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
return_no_row(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum values[6] = {BoolGetDatum(false), CStringGetTextDatum("no_row")};
	bool		nulls[6] = {false, false, true, true, true, true};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* ---- the functions ---- */

void
may_require_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* -- what lets a denied write through -- */

static Answer answer(const Question *question, ActionKind kind,
					 const char *action);

/* The write that a question without values is about, as far as it is known. */
static Attempt
attempt_asked(const Question *question, ActionKind kind)
{
	Attempt		attempt = {0};

	attempt.judgement = judgement_of(question, NULL);
	attempt.kind = ATTEMPT_UPDATE;
	attempt.from = STATE_UNKNOWN;
	attempt.to = STATE_UNKNOWN;
	if (kind == ACTION_INSERT)
		attempt.kind = ATTEMPT_INSERT;
	else if (kind == ACTION_DELETE)
		attempt.kind = ATTEMPT_DELETE;
	if (question->old != NULL)
		attempt.from = row_state(question);
	return attempt;
}

/* Ask again as the owner whom the user may stand in for. */
static bool
answer_as_fallback(const Question *question, const Attempt *attempt,
				   ActionKind kind, const char *action, Answer *reply)
{
	Question	again = *question;
	const char *owner;
	Answer		other;

	again.user = fallback_user(attempt, &owner);
	if (again.user == NULL)
		return false;
	other = answer(&again, kind, action);
	if (!other.allowed)
		return false;
	*reply = other;
	if (strcmp(other.reason, "allowed") == 0)
		reply->reason = "allowed_by_fallback";
	return true;
}

/* The answer where an override lifts what the rules say: content remains. */
static Answer
override_answer(const Attempt *attempt, const Answer *reply)
{
	Answer		answer = *reply;
	const Judgement *judgement = &attempt->judgement;
	Denial	   *denial = NULL;

	if (judgement->new != NULL && judgement->matrix->spec->forbids != NIL)
		denial = judge_content(judgement, attempt->changed);
	if (denial != NULL)
		return denied(reply->state, denial);
	answer.allowed = true;
	answer.reason = "allowed_by_override";
	return answer;
}

/* The answer of the rules, and of what stands beside them. */
static Answer
full_answer(const Question *question, ActionKind kind, const char *action)
{
	Answer		reply = answer(question, kind, action);
	Attempt		attempt;
	const char *party;

	if (reply.allowed)
		return reply;
	attempt = reply.attempt ? *reply.attempt : attempt_asked(question, kind);
	if (answer_as_fallback(question, &attempt, kind, action, &reply))
		return reply;
	if (reply.denial == NULL || !denial_is_liftable(reply.denial) ||
		(reply.attempt != NULL && !attempt_is_sound(&attempt)))
		return reply;
	if (override_for(&attempt, &party) != 0)
		return override_answer(&attempt, &reply);
	if (may_wait(&attempt, reply.denial))
		reply.reason = psprintf("%s, queued", reply.reason);
	return reply;
}

/* Read the row that the question is about; false if there is none. */
static bool
question_read_row(FunctionCallInfo fcinfo, Question *question, int key_arg)
{
	may_require_argument(fcinfo, key_arg, "key");
	question->key = PG_GETARG_JSONB_P(key_arg);
	if (!JB_ROOT_IS_OBJECT(question->key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key must be an object of all key columns by name")));
	question->old = read_row(question);
	return question->old != NULL;
}

static Answer
answer(const Question *question, ActionKind kind, const char *action)
{
	switch (kind)
	{
		case ACTION_INSERT:
			return answer_insert(question);
		case ACTION_DELETE:
			return answer_delete(question);
		case ACTION_MOVE:
			require_lifecycle(question, action);
			return answer_edge(question, row_state(question), action + 3);
		case ACTION_WRITE:
			break;
	}
	return answer_write(question, action);
}

/* spine.may(role, relation, key, action, changes) */
Datum
spine_may(PG_FUNCTION_ARGS)
{
	Question	question = {0};
	ActionKind	kind;
	char	   *action;

	may_require_argument(fcinfo, 0, "role");
	may_require_argument(fcinfo, 1, "relation");
	may_require_argument(fcinfo, 3, "action");
	InitMaterializedSRF(fcinfo, 0);

	question_open(&question, PG_GETARG_NAME(0), PG_GETARG_OID(1));
	action = text_to_cstring(PG_GETARG_TEXT_PP(3));
	kind = action_kind(action);
	if (!PG_ARGISNULL(4))
	{
		question.changes = PG_GETARG_JSONB_P(4);
		if (!JB_ROOT_IS_OBJECT(question.changes))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("changes must be an object of columns by name")));
	}

	if (kind != ACTION_INSERT && !question_read_row(fcinfo, &question, 2))
		return_no_row(fcinfo);
	else
	{
		Answer		reply = full_answer(&question, kind, action);

		return_answer(fcinfo, &question, &reply, kind);
	}
	question_close(&question);
	PG_RETURN_NULL();
}

/* spine.next_states(role, relation, key) */
Datum
spine_next_states(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Question	question = {0};
	int			from;

	may_require_argument(fcinfo, 0, "role");
	may_require_argument(fcinfo, 1, "relation");
	InitMaterializedSRF(fcinfo, 0);

	question_open(&question, PG_GETARG_NAME(0), PG_GETARG_OID(1));
	require_lifecycle(&question, "next_states");
	if (question_read_row(fcinfo, &question, 2))
	{
		from = row_state(&question);
		for (int i = 0; i < question.matrix->nedges; i++)
		{
			const MatrixEdge *edge = &question.matrix->edges[i];
			const char *target = question.matrix->states[edge->to].name;
			Datum		values[3];
			bool		nulls[3] = {false};
			Answer		reply;

			if (edge->from != from)
				continue;
			reply =
				full_answer(&question, ACTION_MOVE, psprintf("-> %s", target));
			values[0] = CStringGetTextDatum(target);
			values[1] = BoolGetDatum(reply.allowed);
			values[2] = CStringGetTextDatum(reply.reason);
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 nulls);
		}
	}
	question_close(&question);
	PG_RETURN_NULL();
}
