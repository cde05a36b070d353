/*-------------------------------------------------------------------------
 *
 * expression.h
 *		Expressions of a document: checked as data, evaluated with the rights
 *		of the relation's owner.
 *
 * A document's expression is one scalar SQL expression, parsed with
 * search_path pg_catalog alone: no subquery, no aggregate, window or
 * set-returning function, nothing volatile, no parameter.  Functions outside
 * pg_catalog (also behind operators and casts) must belong to the relation's
 * owner or to a superuser; each is pinned by a hash of its definition.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_EXPRESSION_H
#define SPINE_EXPRESSION_H

#include "access/htup.h"
#include "base/finding.h"
#include "nodes/bitmapset.h"
#include "utils/relcache.h"

/* Which rows an expression may speak of. */
typedef enum ExpressionScope
{
	EXPRESSION_OLD_NEW, /* OLD.column and NEW.column, as in a trigger's WHEN */
	EXPRESSION_CHECK,	/* bare columns of one row; immutable functions of
						 * pg_catalog only, since a CHECK runs as the writer */
	EXPRESSION_VALUE	/* the same, of any type: it runs as whoever asks */
} ExpressionScope;

/* What was found out about a function that an expression uses. */
typedef struct FunctionPin
{
	char	   *identity; /* schema.name(argument types), all qualified */
	char	   *sha256;	  /* hex hash of what the function does */
} FunctionPin;

/* The pin of a function as it is now.  Belongs between act_as and act_done:
 * names in it are qualified by what search_path leaves out. */
extern FunctionPin *function_pin(Oid function);

/*
 * The expression with a column's new name, where it names the column (as
 * OLD.column, NEW.column, or bare for EXPRESSION_CHECK); the text itself if
 * it does not.
 */
extern char *expression_rename(const char *text, ExpressionScope scope,
							   const char *before, const char *after);

/*
 * The same for schema.name in an expression or a function's text; name NULL:
 * for the schema before any name.
 */
extern char *qualified_rename(const char *text, const char *schema,
							  const char *name, const char *new_schema,
							  const char *new_name);

typedef struct Expression Expression;

typedef enum ExpressionResult
{
	EXPRESSION_FALSE,
	EXPRESSION_TRUE,
	EXPRESSION_NULL
} ExpressionResult;

/*
 * Check an expression (of type boolean, EXPRESSION_VALUE excepted) against a
 * relation, adding findings at the place.  Executes nothing.  Returns whether it is sound;
 * pins (may be NULL) receives a List of FunctionPin.
 */
extern bool expression_check(const char *text, Relation rel,
							 ExpressionScope scope, const Place *place,
							 Findings *findings, List **pins);

/*
 * Check a function named by a document as schema.name(type, …) (regprocedure
 * text): exists, belongs to the relation's owner or a superuser, takes the
 * given row twice (old and new), is of the given result type (VOIDOID or
 * BOOLOID; for VOIDOID any result is taken) and, if asked, not volatile.
 */
extern bool function_check(const char *regprocedure, Relation rel,
						   Oid result_type, bool allow_volatile,
						   const Place *place, Findings *findings,
						   List **pins);

/*
 * Make an expression ready to run, in the current memory context.  Raises
 * SP002 if it is no longer sound or if a function differs from its pin.
 */
extern Expression *expression_compile(const char *text, Relation rel,
									  ExpressionScope scope, const List *pins);

/* Which attribute numbers of NEW the expression reads (member = attnum). */
extern const Bitmapset *expression_new_columns(const Expression *expression);

/*
 * Evaluate for one row (old may be NULL for EXPRESSION_CHECK) as the owner of
 * the relation in a security-restricted operation, with the settings of
 * steady.h.  An error inside it propagates; who catches it does so with a
 * subtransaction or raises again.
 */
extern ExpressionResult expression_evaluate(Expression *expression,
											HeapTuple old, HeapTuple new);

/*
 * A function of a document, ready to be called with two rows of the relation:
 * as the owner, restricted.  Returns the raw result; *isnull as usual.  What
 * is passed by reference is good until the next call.  Where the relation is
 * a partition, the function may take rows of a parent.
 */
typedef struct RowFunction RowFunction;

extern RowFunction *row_function_compile(const char *regprocedure,
										 Relation rel, const List *pins);

extern Datum row_function_call(RowFunction *function, HeapTuple old,
							   HeapTuple new, bool *isnull);

#endif /* SPINE_EXPRESSION_H */
