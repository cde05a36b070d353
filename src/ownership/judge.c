/*-------------------------------------------------------------------------
 *
 * judge.c
 *		The verdict on one action of one user, by the compiled matrix.
 *
 * Values are judged by the old state, the state change by the transitions;
 * both must pass.  An unknown or NULL state lets nothing through.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "ownership/changed.h"
#include "ownership/judge.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/* ---- making denials ---- */

static const char *
user_name(const Judgement *judgement)
{
	return GetUserNameFromId(judgement->user->userid, false);
}

/* A state as a message names it. */
static const char *
state_words(const Matrix *matrix, int state)
{
	const char *name = matrix_state_name(matrix, state);

	if (name != NULL)
		return psprintf("in state \"%s\"", name);
	if (matrix->governing != 0 || matrix->parent != NULL)
		return "in a state that no rule names";
	return "";
}

static Denial *
denial_new(const Judgement *judgement, int sqlstate, const char *action,
		   const char *reason, int state)
{
	Denial	   *denial = palloc0(sizeof(Denial));
	const Matrix *matrix = judgement->matrix;

	denial->sqlstate = sqlstate;
	denial->action = action;
	denial->reason = reason;
	denial->from_state = matrix_state_name(matrix, state);
	if (state != STATE_UNKNOWN)
		denial->owner = matrix->states[state].owner;
	return denial;
}

/* Say who owns the state and which rule decides. */
static void
denial_explain(const Judgement *judgement, Denial *denial, const char *rule,
			   const Bitmapset *who_may)
{
	const Matrix *matrix = judgement->matrix;
	StringInfoData detail;

	denial->rule = rule;
	denial->who_may = who_may;

	initStringInfo(&detail);
	if (denial->owner != NULL && denial->from_state != NULL)
		appendStringInfo(&detail, "State \"%s\" is owned by party \"%s\".  ",
						 denial->from_state, denial->owner);
	else if (denial->owner != NULL)
		appendStringInfo(&detail, "The dataset is owned by party \"%s\".  ",
						 denial->owner);
	else if (denial->from_state != NULL)
		appendStringInfo(&detail, "State \"%s\" has no owner.  ",
						 denial->from_state);
	appendStringInfo(&detail, "The rule is \"%s\" of \"%s\", revision %lld.",
					 rule, matrix->key, (long long) matrix->rev);
	denial->detail = detail.data;
	denial->hint = bms_is_empty(who_may) ?
		"No party may do this." :
		psprintf("Parties that may: %s.", matrix_party_names(matrix, who_may));
}

/* The state in which nobody may write anything: none that is known. */
static Denial *
deny_unknown_state(const Judgement *judgement, const char *action)
{
	Denial *denial = denial_new(judgement, ERRCODE_INSUFFICIENT_PRIVILEGE,
								action, "unknown_state", STATE_UNKNOWN);

	denial->message = psprintf(
		"role \"%s\" may not %s a row of \"%s\" in a state that no rule names",
		user_name(judgement), action, judgement->matrix->key);
	denial_explain(judgement, denial, "states", NULL);
	return denial;
}

/* A closed attribute: why, and who may.  decided is the rule of a path, or
 * NULL where it is the column's. */
static Denial *
deny_attribute(const Judgement *judgement, int state, const char *action,
			   AttrNumber attnum, const char *path, const PathRule *decided)
{
	const Matrix *matrix = judgement->matrix;
	const MatrixState *rules = &matrix->states[state];
	Denial	   *denial = denial_new(judgement, ERRCODE_INSUFFICIENT_PRIVILEGE,
									action, "not_writer", state);
	const char *column = matrix_column_name(matrix, attnum);
	bool		special = matrix->governing != 0 &&
		(HAS_BIT(matrix->keys, attnum) || attnum == matrix->entered_at);
	const Bitmapset *who = special ? NULL :
		decided					   ? decided->parties :
									 rules->write[attnum - 1];

	denial->attnum = attnum;
	denial->attribute =
		path && path[0] ? psprintf("%s.%s", column, path) : column;
	denial->message =
		psprintf("role \"%s\" may not write attribute \"%s\" of \"%s\"%s%s",
				 user_name(judgement), denial->attribute, matrix->key,
				 rules->name ? " " : "", state_words(matrix, state));
	denial_explain(judgement, denial, rules->write_rule, who);
	if (special)
	{
		denial->reason =
			HAS_BIT(matrix->keys, attnum) ? "key" : "kept_by_guard";
		denial->hint = HAS_BIT(matrix->keys, attnum) ?
			"The key of a governed row never changes." :
			"The guard keeps this attribute itself.";
	}
	return denial;
}

/* ---- writes ---- */

static Jsonb *
jsonb_of(const Matrix *matrix, HeapTuple tuple, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, matrix->desc, &isnull);

	return isnull ? NULL : DatumGetJsonbP(value);
}

static bool
has_path_rule(const MatrixState *state, AttrNumber attnum)
{
	ListCell   *lc;

	foreach (lc, state->paths)
		if (((const PathRule *) lfirst(lc))->attnum == attnum)
			return true;
	return false;
}

/* Is the column as a whole open to the user in a state? */
static bool
whole_open(const Judgement *judgement, const MatrixState *state,
		   AttrNumber attnum)
{
	if (HAS_BIT(state->named, attnum))
		return bms_overlap(state->write[attnum - 1], judgement->user->parties);
	return state->open;
}

/* A changed attribute whose bit is closed: do its paths save it? */
static Denial *
judge_closed(const Judgement *judgement, int state, AttrNumber attnum)
{
	const Matrix *matrix = judgement->matrix;
	const MatrixState *rules = &matrix->states[state];
	const PathRule *decided = NULL;
	const char *path = NULL;

	if (has_path_rule(rules, attnum))
	{
		path =
			forbidden_path(rules->paths, attnum, judgement->user->parties,
						   whole_open(judgement, rules, attnum),
						   jsonb_of(matrix, judgement->old, attnum),
						   jsonb_of(matrix, judgement->new, attnum), &decided);
		if (path == NULL)
			return NULL;
	}
	return deny_attribute(judgement, state, "update", attnum, path, decided);
}

/*
 * In a state that no rule names nothing may be written: neither what the
 * guard keeps nor the version, which is exempt from rules, not from having
 * any.  A state change alone is left to the transitions, which list none.
 */
static Denial *
judge_unknown_state(const Judgement *judgement, const uint64 *changed)
{
	const Matrix *matrix = judgement->matrix;
	bool		moves = HAS_BIT(changed, matrix->governing);

	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
		if (HAS_BIT(changed, attnum) && attnum != matrix->governing &&
			!(moves && attnum == matrix->version))
			return deny_unknown_state(judgement, "update");
	return NULL;
}

Denial *
judge_write(const Judgement *judgement, int state, const uint64 *changed,
			const MatrixEdge *edge)
{
	const Matrix *matrix = judgement->matrix;
	const uint64 *closed;
	bool		party;

	if (state == STATE_UNKNOWN)
		return judge_unknown_state(judgement, changed);

	closed = &judgement->user->closed[state * matrix->nwords];
	if (!words_overlap(changed, closed, matrix->nwords))
		return NULL;

	party = edge != NULL && bms_overlap(edge->by, judgement->user->parties);
	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		Denial	   *denial;

		if (!HAS_BIT(changed, attnum) || !HAS_BIT(closed, attnum))
			continue;
		if (party && HAS_BIT(edge->with_write, attnum))
			continue;
		denial = judge_closed(judgement, state, attnum);
		if (denial != NULL)
			return denial;
	}
	return NULL;
}

Denial *
judge_attribute(const Judgement *judgement, int state, AttrNumber attnum,
				const List *parts)
{
	const Matrix *matrix = judgement->matrix;
	const MatrixState *rules;
	const PathRule *decided = NULL;
	StringInfoData path;
	ListCell   *lc;

	if (state == STATE_UNKNOWN)
		return deny_unknown_state(judgement, "update");
	rules = &matrix->states[state];
	if (!HAS_BIT(&judgement->user->closed[state * matrix->nwords], attnum))
		return NULL;
	if ((matrix->governing == 0 || !HAS_BIT(matrix->keys, attnum)) &&
		attnum != matrix->entered_at &&
		path_allowed(rules->paths, attnum, judgement->user->parties,
					 whole_open(judgement, rules, attnum), parts,
					 has_path_rule(rules, attnum) ?
						 jsonb_of(matrix, judgement->old, attnum) :
						 NULL,
					 &decided))
		return NULL;

	initStringInfo(&path);
	foreach (lc, parts)
		appendStringInfo(&path, "%s%s", path.len > 0 ? "." : "",
						 asset_key_quote(lfirst(lc)));
	return deny_attribute(judgement, state, "update", attnum, path.data,
						  decided);
}

Denial *
judge_update(const Judgement *judgement, const uint64 *changed, int from,
			 int to)
{
	const Matrix *matrix = judgement->matrix;
	bool moves = matrix->governing != 0 && HAS_BIT(changed, matrix->governing);
	Denial *denial = judge_write(judgement, from, changed,
								 moves ? matrix_edge(matrix, from, to) : NULL);

	if (denial == NULL && moves)
		denial = judge_transition(judgement, from, to);
	if (denial == NULL)
		denial = judge_version(judgement, changed);
	return denial;
}

/* ---- transitions ---- */

/* The states that some edge leads to from here, for a message. */
static const char *
targets_of(const Matrix *matrix, int from)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < matrix->nedges; i++)
		if (matrix->edges[i].from == from)
			appendStringInfo(&buf, "%s\"%s\"", buf.len > 0 ? ", " : "",
							 matrix->states[matrix->edges[i].to].name);
	return buf.len > 0 ? buf.data : "none";
}

static Denial *
deny_edge(const Judgement *judgement, int from, int to)
{
	const Matrix *matrix = judgement->matrix;
	Denial *denial = denial_new(judgement, ERRCODE_SPINE_UNDECLARED_TRANSITION,
								"transition", "no_transition", from);
	const char *name = matrix_state_name(matrix, from);

	denial->attnum = matrix->governing;
	denial->attribute = matrix_column_name(matrix, matrix->governing);
	denial->to_state = matrix_state_name(matrix, to);
	denial->message =
		psprintf("dataset \"%s\" has no transition from %s to %s", matrix->key,
				 name ? psprintf("state \"%s\"", name) : "an unknown state",
				 denial->to_state ?
					 psprintf("state \"%s\"", denial->to_state) :
					 "an unknown state");
	denial_explain(judgement, denial, "transitions", NULL);
	denial->hint = from == STATE_UNKNOWN ?
		NULL :
		psprintf("From here the spec lists: %s.", targets_of(matrix, from));
	return denial;
}

static Denial *
deny_transition(const Judgement *judgement, const MatrixEdge *edge,
				int sqlstate, const char *reason)
{
	const Matrix *matrix = judgement->matrix;
	Denial		 *denial =
		denial_new(judgement, sqlstate, "transition", reason, edge->from);

	denial->attnum = matrix->governing;
	denial->attribute = matrix_column_name(matrix, matrix->governing);
	denial->to_state = matrix->states[edge->to].name;
	denial_explain(judgement, denial, edge->rule, edge->by);
	return denial;
}

Denial *
judge_edge(const Judgement *judgement, int from, int to)
{
	const Matrix *matrix = judgement->matrix;
	const MatrixEdge *edge = matrix_edge(matrix, from, to);
	Denial	   *denial;

	if (edge == NULL)
		return deny_edge(judgement, from, to);
	if (bms_overlap(edge->by, judgement->user->parties))
		return NULL;

	denial = deny_transition(judgement, edge, ERRCODE_INSUFFICIENT_PRIVILEGE,
							 "not_transitioner");
	denial->message =
		psprintf("role \"%s\" may not move \"%s\" from state \"%s\" to \"%s\"",
				 user_name(judgement), matrix->key, denial->from_state,
				 denial->to_state);
	return denial;
}

Denial *
judge_transition(const Judgement *judgement, int from, int to)
{
	Denial	   *denial = judge_edge(judgement, from, to);

	if (denial != NULL)
		return denial;
	return judge_guard(judgement, matrix_edge(judgement->matrix, from, to));
}

/* ---- guards ---- */

static Denial *
deny_guard(const Judgement *judgement, const MatrixEdge *edge,
		   const char *what, const char *hint)
{
	Denial *denial =
		deny_transition(judgement, edge, ERRCODE_SPINE_GUARD_FAILED, "guard");

	denial->message =
		psprintf("guard of transition \"%s\" of \"%s\" does not hold",
				 edge->name, judgement->matrix->key);
	denial->detail = psprintf("%s  %s", what, denial->detail);
	denial->hint = hint;
	return denial;
}

/* Must an error end the statement as itself, not as a failed guard? */
static bool
error_is_not_the_guards(int sqlstate)
{
	int			class = ERRCODE_TO_CATEGORY(sqlstate);

	return class == ERRCODE_TO_CATEGORY(ERRCODE_QUERY_CANCELED) ||
		class == ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE) ||
		class == ERRCODE_TO_CATEGORY(ERRCODE_OUT_OF_MEMORY);
}

/* The guard's function, called with two rows of the dataset's table. */
static ExpressionResult
call_guard_function(const Judgement *judgement, MatrixEdge *edge)
{
	bool		isnull;
	Datum		result =
		matrix_call(judgement->matrix, &edge->row_function, edge->function,
					judgement->old, judgement->new, &isnull);

	if (isnull)
		return EXPRESSION_NULL;
	return DatumGetBool(result) ? EXPRESSION_TRUE : EXPRESSION_FALSE;
}

/* Expression, children, function; NULL if all that is given holds. */
static Denial *
guard_verdict(const Judgement *judgement, MatrixEdge *edge)
{
	Matrix	   *matrix = judgement->matrix;
	Expression *expression =
		matrix_edge_expression(matrix, edge, judgement->rel);
	ExpressionResult result;
	ListCell   *lc;

	if (expression != NULL)
	{
		result =
			expression_evaluate(expression, judgement->old, judgement->new);
		if (result != EXPRESSION_TRUE)
			return deny_guard(judgement, edge,
							  result == EXPRESSION_NULL ?
								  psprintf("The expression (%s) is null.",
										   edge->guard) :
								  psprintf("The expression (%s) is false.",
										   edge->guard),
							  NULL);
	}
	foreach (lc, edge->counts)
	{
		const MatrixCount *count = lfirst(lc);

		if (!children_at_least(matrix, judgement->rel, judgement->old, count))
			return deny_guard(judgement, edge,
							  psprintf("The row has fewer than %d \"%s\".",
									   count->least, count->child),
							  NULL);
	}
	if (edge->function != NULL &&
		call_guard_function(judgement, edge) != EXPRESSION_TRUE)
		return deny_guard(judgement, edge,
						  psprintf("The function %s does not return true.",
								   edge->function),
						  NULL);
	return NULL;
}

/* Undo the guard's subtransaction after an error in it; return the error. */
static ErrorData *
guard_error(MemoryContext mcxt, ResourceOwner owner)
{
	ErrorData  *error;

	MemoryContextSwitchTo(mcxt);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return error;
}

/* The denial for a guard that raised an error. */
static Denial *
deny_error(const Judgement *judgement, const MatrixEdge *edge,
		   const ErrorData *error)
{
	Denial *denial =
		deny_guard(judgement, edge,
				   psprintf("The guard raised an error with SQLSTATE %s.",
							unpack_sql_state(error->sqlerrcode)),
				   NULL);

	/* The guard is not sound any more, and the error says why. */
	if (error->sqlerrcode == ERRCODE_SPINE_GUARD_FAILED)
	{
		denial->message = error->message;
		if (error->detail != NULL)
			denial->detail = error->detail;
		denial->hint = error->hint;
	}
	return denial;
}

/* What may raise an error of the guard's own; result is the work's. */
typedef void (*GuardWork)(const Judgement *judgement, MatrixEdge *edge,
						  void *result);

/*
 * Do work in a subtransaction of its own, so that we can go on after an error
 * of the guard: it is returned.  Errors that are not the guard's propagate.
 */
static ErrorData *
try_guard(GuardWork work, const Judgement *judgement, MatrixEdge *edge,
		  void *result)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		work(judgement, edge, result);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(mcxt);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		error = guard_error(mcxt, owner);
	}
	PG_END_TRY();

	if (error != NULL && error_is_not_the_guards(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

static void
work_out_verdict(const Judgement *judgement, MatrixEdge *edge, void *result)
{
	*(Denial **) result = guard_verdict(judgement, edge);
}

/* As guard_verdict, but an error of the guard is a denial. */
Denial *
judge_guard(const Judgement *judgement, MatrixEdge *edge)
{
	Denial	   *denial = NULL;
	ErrorData  *error;

	if (edge->guard == NULL && edge->counts == NIL && edge->function == NULL)
		return NULL;
	error = try_guard(work_out_verdict, judgement, edge, &denial);
	return error == NULL ? denial : deny_error(judgement, edge, error);
}

/* Are columns of NEW other than the governing one read by an expression? */
static void
expression_reads_new(const Judgement *judgement, MatrixEdge *edge,
					 void *result)
{
	Expression *expression =
		matrix_edge_expression(judgement->matrix, edge, judgement->rel);
	const Bitmapset *columns = expression_new_columns(expression);
	int			x = -1;

	while ((x = bms_next_member(columns, x)) >= 0)
		if (x != judgement->matrix->governing)
			*(bool *) result = true;
}

bool
guard_reads_new(const Judgement *judgement, MatrixEdge *edge)
{
	bool		reads = false;

	if (edge->function != NULL)
		return true;
	/* Making the expression ready may fail: 1/0 is folded there. */
	if (edge->guard != NULL)
		(void) try_guard(expression_reads_new, judgement, edge, &reads);
	return reads;
}

/* ---- version ---- */

int64
version_of(const Matrix *matrix, HeapTuple tuple, bool *isnull)
{
	Datum value = heap_getattr(tuple, matrix->version, matrix->desc, isnull);

	if (*isnull)
		return 0;
	switch (matrix->columns[matrix->version - 1].len)
	{
		case 2:
			return DatumGetInt16(value);
		case 4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

Denial *
judge_version(const Judgement *judgement, const uint64 *changed)
{
	const Matrix *matrix = judgement->matrix;
	bool		old_null;
	bool		new_null;
	int64		old;
	int64		new;
	Denial	   *denial;

	if (matrix->version == 0 || matrix->version_mode != VERSION_REQUIRE)
		return NULL;

	old = version_of(matrix, judgement->old, &old_null);
	new = version_of(matrix, judgement->new, &new_null);
	if (!old_null && !new_null && new - 1 == old)
		return NULL;

	denial =
		denial_new(judgement, ERRCODE_T_R_SERIALIZATION_FAILURE, "update",
				   "version", matrix_state_of_tuple(matrix, judgement->old));
	denial->attnum = matrix->version;
	denial->attribute = matrix_column_name(matrix, matrix->version);
	denial->message = psprintf(
		"row of \"%s\" is not of the version that this write was made for",
		matrix->key);
	denial_explain(judgement, denial, "contention/version", NULL);
	denial->hint = psprintf(
		"Read the row again and write \"%s\" as the version read plus one.",
		denial->attribute);
	return denial;
}

/* ---- inserts ---- */

/* Does an attribute of a new row have its column default, or none to have? */
static bool
keeps_default(const Judgement *judgement, AttrNumber attnum)
{
	Datum		value;
	bool		isnull;

	return attnum == 0 ||
		default_match(judgement->matrix, judgement->new, attnum, &value,
					  &isnull) == DEFAULT_SAME;
}

/* An attribute that keeps its default on insert, whoever inserts. */
static Denial *
judge_kept_default(const Judgement *judgement, int state, AttrNumber attnum)
{
	Denial	   *denial;

	if (keeps_default(judgement, attnum))
		return NULL;
	denial = deny_attribute(judgement, state, "insert", attnum, NULL, NULL);
	denial->reason = "kept_by_guard";
	denial->hint = "On insert this attribute takes its column default.";
	return denial;
}

/* A closed attribute of a new row: is it away from its default? */
static Denial *
judge_set_attribute(const Judgement *judgement, int state, AttrNumber attnum)
{
	Matrix	   *matrix = judgement->matrix;
	const MatrixState *rules = &matrix->states[state];
	const PathRule *decided = NULL;
	const char *path = NULL;
	Denial	   *denial;
	Datum		value;
	bool		isnull;
	DefaultMatch	   match =
		default_match(matrix, judgement->new, attnum, &value, &isnull);

	if (match == DEFAULT_SAME)
		return NULL;
	if (has_path_rule(rules, attnum) && match == DEFAULT_OTHER)
	{
		path =
			forbidden_path(rules->paths, attnum, judgement->user->parties,
						   whole_open(judgement, rules, attnum),
						   isnull ? NULL : DatumGetJsonbP(value),
						   jsonb_of(matrix, judgement->new, attnum), &decided);
		if (path == NULL)
			return NULL;
	}
	denial = deny_attribute(judgement, state, "insert", attnum, path, decided);
	if (match == DEFAULT_UNKNOWABLE)
		denial->detail = psprintf(
			"%s  Its column default is volatile, so that every value counts as set.",
			denial->detail);
	return denial;
}

Denial *
judge_inserter(const Judgement *judgement, int state)
{
	const Matrix *matrix = judgement->matrix;
	Denial	   *denial;

	if (state == STATE_UNKNOWN || !matrix->states[state].initial)
	{
		denial = denial_new(judgement, ERRCODE_SPINE_UNDECLARED_TRANSITION,
							"insert", "not_initial", state);
		denial->attnum = matrix->governing;
		denial->attribute = matrix_column_name(matrix, matrix->governing);
		denial->message = psprintf("a row of \"%s\" may not begin %s",
								   matrix->key, state_words(matrix, state));
		denial_explain(judgement, denial, "states", NULL);
		denial->to_state = denial->from_state;
		denial->from_state = NULL;
		denial->hint = "Insert into an initial state and move on from there.";
		return denial;
	}
	if (judgement->user->insert[state])
		return NULL;

	denial = denial_new(judgement, ERRCODE_INSUFFICIENT_PRIVILEGE, "insert",
						"not_inserter", state);
	denial->message = psprintf("role \"%s\" may not insert into \"%s\"%s%s",
							   user_name(judgement), matrix->key,
							   matrix->states[state].name ? " " : "",
							   state_words(matrix, state));
	denial_explain(judgement, denial,
				   TextDatumGetCString(matrix->states[state].insert_label),
				   matrix->states[state].insert);
	return denial;
}

Denial *
judge_insert(const Judgement *judgement, int state)
{
	const Matrix *matrix = judgement->matrix;
	Denial	   *denial = judge_inserter(judgement, state);
	const uint64 *closed;

	if (denial != NULL)
		return denial;
	if (matrix->entered_at != 0)
		denial = judge_kept_default(judgement, state, matrix->entered_at);
	if (denial == NULL && matrix->version_mode == VERSION_AUTO)
		denial = judge_kept_default(judgement, state, matrix->version);
	if (denial != NULL || judgement->user->insert_all[state])
		return denial;

	closed = &judgement->user->closed[state * matrix->nwords];
	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		if (!HAS_BIT(closed, attnum) || HAS_BIT(matrix->keys, attnum) ||
			HAS_BIT(matrix->exempt, attnum))
			continue;
		denial = judge_set_attribute(judgement, state, attnum);
		if (denial != NULL)
			return denial;
	}
	return NULL;
}

/* ---- deletes, truncates, children ---- */

Denial *
judge_delete(const Judgement *judgement, int state)
{
	const Matrix *matrix = judgement->matrix;
	Denial	   *denial;

	if (state == STATE_UNKNOWN)
		return deny_unknown_state(judgement, "delete");
	if (judgement->user->remove[state])
		return NULL;

	denial = denial_new(judgement, ERRCODE_INSUFFICIENT_PRIVILEGE, "delete",
						"not_deleter", state);
	denial->message =
		psprintf("role \"%s\" may not delete a row of \"%s\"%s%s",
				 user_name(judgement), matrix->key,
				 matrix->states[state].name ? " " : "",
				 state_words(matrix, state));
	denial_explain(judgement, denial,
				   TextDatumGetCString(matrix->states[state].remove_label),
				   matrix->states[state].remove);
	return denial;
}

Denial *
judge_truncate(const Judgement *judgement)
{
	const Matrix *matrix = judgement->matrix;
	bool		lifecycle = matrix->governing != 0 || matrix->parent != NULL;
	Denial	   *denial;

	if (!lifecycle && judgement->user->remove[0])
		return NULL;

	denial = denial_new(judgement, ERRCODE_INSUFFICIENT_PRIVILEGE, "truncate",
						"not_deleter", lifecycle ? STATE_UNKNOWN : 0);
	denial->message = psprintf("role \"%s\" may not truncate \"%s\"",
							   user_name(judgement), matrix->key);
	denial_explain(judgement, denial,
				   lifecycle ? "lifecycle" : "owner and producers",
				   lifecycle ? NULL : matrix->states[0].remove);
	if (lifecycle)
		denial->hint =
			"Rows with a lifecycle leave by DELETE, in a state that allows it.";
	return denial;
}

Denial *
judge_child(const Judgement *judgement, const char *action, int state)
{
	const Matrix *matrix = judgement->matrix;
	Denial	   *denial;

	if (state == STATE_UNKNOWN)
	{
		denial = deny_unknown_state(judgement, action);
		denial->message = psprintf(
			"role \"%s\" may not %s a row of \"%s\" without a parent in a known state",
			user_name(judgement), action, matrix->key);
		denial->reason = "no_parent";
		return denial;
	}
	if (judgement->user->insert[state])
		return NULL;

	denial = denial_new(judgement, ERRCODE_INSUFFICIENT_PRIVILEGE, action,
						"not_writer", state);
	denial->message = psprintf(
		"role \"%s\" may not %s a row of \"%s\" while its parent is %s",
		user_name(judgement), action, matrix->key, state_words(matrix, state));
	denial_explain(judgement, denial, matrix->states[state].write_rule,
				   matrix->states[state].insert);
	return denial;
}

/* ---- whole writes ---- */

/* Does an UPDATE of a child row give it another parent? */
static bool
changes_parent(const Matrix *matrix, const uint64 *changed)
{
	for (int i = 0; i < matrix->parent->nkeys; i++)
		if (HAS_BIT(changed, matrix->parent->via[i]))
			return true;
	return false;
}

/* The state of a row, or of its parent. */
static int
state_of_row(Matrix *matrix, HeapTuple row, bool lock)
{
	return matrix->parent ? parent_state(matrix, row, lock) :
							matrix_state_of_tuple(matrix, row);
}

/* The state that an UPDATE leads to. */
static int
state_after(const Attempt *attempt, bool lock)
{
	Matrix	   *matrix = attempt->judgement.matrix;
	bool		may_differ;

	if (matrix->parent != NULL)
		may_differ = changes_parent(matrix, attempt->changed);
	else
		may_differ = matrix->governing != 0 &&
			HAS_BIT(attempt->changed, matrix->governing);
	return may_differ ? state_of_row(matrix, attempt->judgement.new, lock) :
						attempt->from;
}

Attempt
attempt_of(const Judgement *judgement, AttemptKind kind, const uint64 *changed,
		   bool lock)
{
	Attempt attempt = {*judgement, kind, changed, STATE_UNKNOWN,
					   STATE_UNKNOWN};

	if (judgement->old != NULL)
		attempt.from = state_of_row(judgement->matrix, judgement->old, lock);
	if (kind == ATTEMPT_UPDATE)
		attempt.to = state_after(&attempt, lock);
	else if (judgement->new != NULL)
		attempt.to = state_of_row(judgement->matrix, judgement->new, lock);
	return attempt;
}

/* A child row that is changed: judged by its parent, before and after. */
static Denial *
judge_child_update(const Attempt *attempt)
{
	const Judgement *judgement = &attempt->judgement;
	Denial	   *denial = judge_child(judgement, "update", attempt->from);

	if (denial == NULL && changes_parent(judgement->matrix, attempt->changed))
		denial = judge_child(judgement, "update", attempt->to);
	return denial;
}

/* The verdict on who writes what, in which state. */
static Denial *
judge_rights(const Attempt *attempt)
{
	const Judgement *judgement = &attempt->judgement;
	bool		child = judgement->matrix->parent != NULL;

	switch (attempt->kind)
	{
		case ATTEMPT_INSERT:
			return child ? judge_child(judgement, "insert", attempt->to) :
						   judge_insert(judgement, attempt->to);
		case ATTEMPT_UPDATE:
			return child ? judge_child_update(attempt) :
						   judge_update(judgement, attempt->changed,
										attempt->from, attempt->to);
		case ATTEMPT_DELETE:
			return child ? judge_child(judgement, "delete", attempt->from) :
						   judge_delete(judgement, attempt->from);
		case ATTEMPT_TRUNCATE:
			break;
	}
	return judge_truncate(judgement);
}

Denial *
attempt_judge(const Attempt *attempt)
{
	const Judgement *judgement = &attempt->judgement;
	Denial	   *denial = judge_rights(attempt);

	if (denial == NULL && judgement->new != NULL &&
		judgement->matrix->spec->forbids != NIL)
		denial = judge_content(judgement, attempt->changed);
	return denial;
}

/* ---- what no leave lifts ---- */

/* Does the write change the key, or what the guard keeps itself? */
static bool
touches_kept_values(const Attempt *attempt)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;

	if (matrix->governing == 0)
		return false;
	switch (attempt->kind)
	{
		case ATTEMPT_INSERT:
			return !keeps_default(judgement, matrix->entered_at) ||
				(matrix->version_mode == VERSION_AUTO &&
				 !keeps_default(judgement, matrix->version));
		case ATTEMPT_UPDATE:
			return words_overlap(attempt->changed, matrix->keys,
								 matrix->nwords) ||
				(matrix->entered_at != 0 &&
				 HAS_BIT(attempt->changed, matrix->entered_at));
		case ATTEMPT_DELETE:
		case ATTEMPT_TRUNCATE:
			break;
	}
	return false;
}

bool
attempt_is_sound(const Attempt *attempt)
{
	const Judgement *judgement = &attempt->judgement;

	if (touches_kept_values(attempt))
		return false;
	return attempt->kind != ATTEMPT_UPDATE ||
		judgement->matrix->parent != NULL ||
		judge_version(judgement, attempt->changed) == NULL;
}

/* ---- raising ---- */

void
denial_raise(const Judgement *judgement, const Denial *denial)
{
	ereport(ERROR,
			(errcode(denial->sqlstate), errmsg_internal("%s", denial->message),
			 errdetail_internal("%s", denial->detail),
			 denial->hint ? errhint("%s", denial->hint) : 0,
			 denial->attnum > 0 ? errtablecol(judgement->rel, denial->attnum) :
								  errtable(judgement->rel)));
}
