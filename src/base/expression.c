/*-------------------------------------------------------------------------
 *
 * expression.c
 *		Expressions and functions of a document, made ready and run.
 *
 * What is ready to run lives in a memory context of its own below the one it
 * was made in, needs nothing of the statement or transaction that made it, and
 * stays good until that context goes; whoever keeps it must drop it when the
 * relation changes (relcache) and need not care for functions: those are
 * compared with their pins again after anything in pg_proc changed.
 *
 * An expression made of immutable functions of pg_catalog runs no code of
 * anybody's and looks at nothing, so it is evaluated right away.  All else
 * runs as the relation's owner in a security-restricted operation, with
 * settings held (steady.h).
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "base/expression_internal.h"
#include "base/rights.h"
#include "base/steady.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "parser/parse_coerce.h"
#include "parser/parse_node.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

struct Expression
{
	/* fixed */
	MemoryContext mcxt;		/* holds all of this */
	char	   *text;		/* for error messages */
	Oid			owner;		/* as whom it runs */
	bool		plain;		/* runs nobody's code and looks at nothing */
	Node	   *tree;		/* with INNER_VAR for old, OUTER_VAR for new */
	TupleDesc	tupdesc;	/* of the relation, our copy */
	Bitmapset  *new_columns;
	List	   *functions;	/* Oid of each pinned function */
	List	   *pins;		/* of FunctionPin, at least theirs */

	/* changes */
	uint64		verified_at; /* proc_generation when the pins held */
	bool		running;	/* is an evaluation going on? */
	ExprState  *state;
	ExprContext *econtext;
	TupleTableSlot *old_slot;
	TupleTableSlot *new_slot;
};

/* A function is the expression f(OLD.*, NEW.*). */
struct RowFunction
{
	Expression	call;
};

/* Grows whenever pg_proc may have changed; 0 until we listen. */
static uint64 proc_generation = 0;

/* Syscache callback: pins must be compared anew. */
static void
proc_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	proc_generation++;
}

/* Listen to changes of pg_proc from the first expression on. */
static void
listen_to_proc(void)
{
	if (proc_generation > 0)
		return;
	CacheRegisterSyscacheCallback(PROCOID, proc_changed, (Datum) 0);
	proc_generation = 1;
}

/* Copy pins into the current memory context. */
static List *
copy_pins(const List *pins)
{
	List	   *copy = NIL;
	ListCell   *lc;

	foreach (lc, pins)
	{
		const FunctionPin *pin = lfirst(lc);
		FunctionPin *twin = palloc(sizeof(FunctionPin));

		twin->identity = pstrdup(pin->identity);
		twin->sha256 = pstrdup(pin->sha256);
		copy = lappend(copy, twin);
	}
	return copy;
}

/* An expression without a tree, in a memory context of its own. */
static Expression *
expression_new(const char *text, Relation rel, const List *pins, Size size)
{
	MemoryContext mcxt =
		AllocSetContextCreate(CurrentMemoryContext, "spine expression",
							  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(mcxt);
	Expression *expression = palloc0(size);

	expression->mcxt = mcxt;
	expression->text = pstrdup(text);
	expression->owner = rel->rd_rel->relowner;
	expression->tupdesc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	expression->pins = copy_pins(pins);
	expression->verified_at = proc_generation;
	MemoryContextSwitchTo(caller);

	return expression;
}

/*
 * Make the tree ready to run, in the current memory context.  The planner
 * folds constants, which may run immutable functions: this belongs between
 * act_as and act_done, after the pins were verified.
 */
static void
prepare_state(Expression *expression)
{
	Expr *planned = expression_planner(copyObject((Expr *) expression->tree));

	expression->state = ExecInitExpr(planned, NULL);
	expression->econtext = CreateStandaloneExprContext();
	expression->old_slot =
		MakeSingleTupleTableSlot(expression->tupdesc, &TTSOpsHeapTuple);
	expression->new_slot =
		MakeSingleTupleTableSlot(expression->tupdesc, &TTSOpsHeapTuple);
	expression->econtext->ecxt_innertuple = expression->old_slot;
	expression->econtext->ecxt_outertuple = expression->new_slot;
}

/* Raise SP002 with what an analysis complained of first. */
static void
reject_unsound(const Analysis *analysis)
{
	const Finding *first = linitial(analysis->findings->items);

	ereport(ERROR,
			(errcode(ERRCODE_SPINE_GUARD_FAILED), errmsg("%s", first->message),
			 first->hint ? errhint("%s", first->hint) : 0));
}

/* Take what an analysis found into the expression and make that ready. */
static void
adopt_analysis(Expression *expression, const Analysis *analysis)
{
	MemoryContext caller;

	if (analysis->findings->errors > 0)
		reject_unsound(analysis);
	function_pins_verify(analysis->functions, expression->pins);

	caller = MemoryContextSwitchTo(expression->mcxt);
	expression->tree = copyObject(analysis->tree);
	ChangeVarNodes(expression->tree, OLD_VARNO, INNER_VAR, 0);
	ChangeVarNodes(expression->tree, NEW_VARNO, OUTER_VAR, 0);
	expression->plain = analysis->plain;
	expression->functions = list_copy(analysis->functions);
	expression->new_columns = bms_copy(analysis->new_columns);
	prepare_state(expression);
	MemoryContextSwitchTo(caller);
}

/* Analyse and make ready as the owner, in scratch memory. */
static void
compile_as_owner(Expression *expression, Analysis *analysis,
				 void (*analyse)(Analysis *))
{
	ActAs		before = act_as(expression->owner, true);

	steady_settings();
	analysis->findings = findings_new();
	analyse(analysis);
	adopt_analysis(expression, analysis);
	act_done(&before);
}

/* Raise an error of the server again as SP002, if it is about the text. */
static void
reject_error(const Analysis *analysis, ErrorData *error)
{
	if (error_is_a_verdict(error) &&
		error->sqlerrcode != ERRCODE_SPINE_GUARD_FAILED)
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_GUARD_FAILED),
				 errmsg("%s", error->message),
				 error->detail ? errdetail("%s", error->detail) : 0,
				 error->hint ? errhint("%s", error->hint) : 0,
				 errcontext("reading \"%s\" of table \"%s\"", analysis->text,
							RelationGetRelationName(analysis->rel))));
	ReThrowError(error);
}

/*
 * Compile, or leave nothing behind and raise.  The error ends the
 * (sub)transaction, which is what cleans up after the server.
 */
static void
compile(Expression *expression, Analysis *analysis,
		void (*analyse)(Analysis *))
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "spine analysis",
												  ALLOCSET_DEFAULT_SIZES);

	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		compile_as_owner(expression, analysis, analyse);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		MemoryContextDelete(scratch);
		MemoryContextDelete(expression->mcxt);
		reject_error(analysis, error);
	}
	PG_END_TRY();

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

Expression *
expression_compile(const char *text, Relation rel, ExpressionScope scope,
				   const List *pins)
{
	Expression *expression;
	Analysis	analysis = {0};

	listen_to_proc();
	expression = expression_new(text, rel, pins, sizeof(Expression));
	analysis.text = text;
	analysis.rel = rel;
	analysis.scope = scope;
	compile(expression, &analysis, expression_analyse);
	return expression;
}

const Bitmapset *
expression_new_columns(const Expression *expression)
{
	return expression->new_columns;
}

/* Raise SP002 if a pinned function changed since we looked last. */
static void
verify_again(Expression *expression)
{
	uint64		now = proc_generation;

	if (expression->verified_at == now)
		return;
	function_pins_verify(expression->functions, expression->pins);
	expression->verified_at = now;
}

/* Put the rows into their slots; the tuples stay the caller's. */
static void
store_rows(Expression *expression, HeapTuple old, HeapTuple new)
{
	if (old != NULL)
		ExecStoreHeapTuple(old, expression->old_slot, false);
	else
		ExecClearTuple(expression->old_slot);
	ExecStoreHeapTuple(new, expression->new_slot, false);
}

/*
 * Run with whatever rights and settings there are.  A result passed by
 * reference is good until the next run.
 */
static Datum
run_bare(Expression *expression, HeapTuple old, HeapTuple new, bool *isnull)
{
	Datum		result;

	ResetExprContext(expression->econtext);
	store_rows(expression, old, new);
	result = ExecEvalExprSwitchContext(expression->state, expression->econtext,
									   isnull);
	ExecClearTuple(expression->old_slot);
	ExecClearTuple(expression->new_slot);
	return result;
}

/* Run as the owner, under an active snapshot and held settings. */
static Datum
run_as_owner(Expression *expression, HeapTuple old, HeapTuple new,
			 bool *isnull)
{
	ActAs		before = act_as(expression->owner, true);
	bool		lacks_snapshot = !ActiveSnapshotSet();
	Datum		result;

	steady_settings();
	verify_again(expression);
	if (lacks_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	result = run_bare(expression, old, new, isnull);
	if (lacks_snapshot)
		PopActiveSnapshot();
	act_done(&before);

	return result;
}

/*
 * Run with a mark that it is running: the code in it may come back here, and
 * the state of an evaluation cannot be shared.
 */
static Datum
run_marked(Expression *expression, HeapTuple old, HeapTuple new, bool *isnull)
{
	Datum		result;

	expression->running = true;
	PG_TRY();
	{
		result = run_as_owner(expression, old, new, isnull);
	}
	PG_FINALLY();
	{
		expression->running = false;
	}
	PG_END_TRY();

	return result;
}

/*
 * A second state for an expression that is running: a shallow copy in the
 * current memory context, which must not outlive the first.
 */
static Expression *
second_state(const Expression *expression)
{
	Expression *second = palloc(sizeof(Expression));
	ActAs		before = act_as(expression->owner, true);

	memcpy(second, expression, sizeof(Expression));
	second->running = false;
	steady_settings();
	verify_again(second);
	prepare_state(second);
	act_done(&before);
	return second;
}

/* Run an expression, the cheap way if that comes to the same. */
static Datum
run(Expression *expression, HeapTuple old, HeapTuple new, bool *isnull)
{
	check_stack_depth();
	if (expression->plain && steady_for_immutables())
		return run_bare(expression, old, new, isnull);
	if (expression->running)
		expression = second_state(expression);
	return run_marked(expression, old, new, isnull);
}

ExpressionResult
expression_evaluate(Expression *expression, HeapTuple old, HeapTuple new)
{
	bool		isnull;
	Datum		result = run(expression, old, new, &isnull);

	if (isnull)
		return EXPRESSION_NULL;
	return DatumGetBool(result) ? EXPRESSION_TRUE : EXPRESSION_FALSE;
}

/* The row of a range table position, as what the function takes. */
static Node *
row_argument(Relation rel, int varno, Oid wanted)
{
	Var		   *row = makeVar(varno, 0, rel->rd_rel->reltype, -1, InvalidOid, 0);

	return coerce_type(NULL, (Node *) row, rel->rd_rel->reltype, wanted, -1,
					   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
}

/* Analyse a function and build the call of it. */
static void
row_function_analyse(Analysis *analysis)
{
	Oid		   *types;
	int			ntypes;
	Oid			result;
	List	   *args;

	function_analyse(analysis);
	if (analysis->findings->errors > 0)
		return;

	result = get_func_signature(analysis->function, &types, &ntypes);
	args = list_make2(row_argument(analysis->rel, OLD_VARNO, types[0]),
					  row_argument(analysis->rel, NEW_VARNO, types[1]));
	analysis->tree =
		(Node *) makeFuncExpr(analysis->function, result, args, InvalidOid,
							  InvalidOid, COERCE_EXPLICIT_CALL);
}

RowFunction *
row_function_compile(const char *regprocedure, Relation rel, const List *pins)
{
	RowFunction *function;
	Analysis	analysis = {0};

	listen_to_proc();
	function = (RowFunction *) expression_new(regprocedure, rel, pins,
											  sizeof(RowFunction));
	analysis.text = regprocedure;
	analysis.rel = rel;
	analysis.scope = EXPRESSION_OLD_NEW;
	analysis.result_type = VOIDOID;
	analysis.allow_volatile = true;
	compile(&function->call, &analysis, row_function_analyse);
	return function;
}

Datum
row_function_call(RowFunction *function, HeapTuple old, HeapTuple new,
				  bool *isnull)
{
	return run(&function->call, old, new, isnull);
}
