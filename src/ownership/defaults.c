/*-------------------------------------------------------------------------
 *
 * defaults.c
 *		Is an attribute of a new row what its column default gives?
 *
 * A default that is not volatile gives the same value when it is evaluated
 * again in the same transaction, so it can be compared with what was
 * inserted.  Of a volatile one nothing can be said, so every value counts as
 * set: NULL too, which it hardly ever gives.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "ownership/judge.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Marks a default that was looked at and cannot be compared. */
static ExprState unknowable;

/* Marks the absence of a default, which is NULL. */
static ExprState no_default;

/*
 * The default that a row gets when it is inserted by way of the dataset's own
 * relation, which for a partition is its root.
 */
static Node *
default_expression(const Matrix *matrix, AttrNumber attnum)
{
	Relation	root = relation_open(matrix->root, AccessShareLock);
	AttrNumber	root_attnum =
		get_attnum(matrix->root,
				   NameStr(TupleDescAttr(matrix->desc, attnum - 1)->attname));
	Node *expr = root_attnum == InvalidAttrNumber ?
		NULL :
		build_column_default(root, root_attnum);

	relation_close(root, NoLock);
	return expr;
}

static ExprState *
compile_default(Matrix *matrix, AttrNumber attnum)
{
	MemoryContext old = MemoryContextSwitchTo(matrix->mcxt);
	Node	   *expr = default_expression(matrix, attnum);
	ExprState  *state = &no_default;

	if (expr != NULL)
		state = contain_volatile_functions(expr) || IsA(expr, NextValueExpr) ?
			&unknowable :
			ExecInitExpr(expression_planner((Expr *) expr), NULL);
	MemoryContextSwitchTo(old);
	return state;
}

/* The compiled default of an attribute, or one of the two markers. */
static ExprState *
default_state(Matrix *matrix, AttrNumber attnum)
{
	if (matrix->defaults[attnum - 1] == NULL)
		matrix->defaults[attnum - 1] = compile_default(matrix, attnum);
	return matrix->defaults[attnum - 1];
}

/* Does the attribute have a default of which nothing can be said? */
static bool
default_is_volatile(Matrix *matrix, AttrNumber attnum)
{
	return default_state(matrix, attnum) == &unknowable;
}

Datum
default_value_of(Matrix *matrix, AttrNumber attnum, bool *isnull)
{
	const Column *column = &matrix->columns[attnum - 1];
	ExprState  *state = default_state(matrix, attnum);
	ExprContext *context;
	Datum		value;

	*isnull = true;
	if (state == &unknowable || state == &no_default)
		return (Datum) 0;

	context = CreateStandaloneExprContext();
	value = ExecEvalExpr(state, context, isnull);
	if (!*isnull)
		value = datumCopy(value, column->byval, column->len);
	FreeExprContext(context, true);
	return value;
}

DefaultMatch
default_match(Matrix *matrix, HeapTuple tuple, AttrNumber attnum,
			  Datum *default_value, bool *default_isnull)
{
	const Column *column = &matrix->columns[attnum - 1];
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, matrix->desc, &isnull);

	*default_value = default_value_of(matrix, attnum, default_isnull);
	if (default_is_volatile(matrix, attnum))
		return DEFAULT_UNKNOWABLE;
	if (isnull || *default_isnull)
		return isnull == *default_isnull ? DEFAULT_SAME : DEFAULT_OTHER;
	return datum_image_eq(value, *default_value, column->byval, column->len) ?
		DEFAULT_SAME :
		DEFAULT_OTHER;
}
