/*-------------------------------------------------------------------------
 *
 * expression_internal.h
 *		What the files about expressions share among themselves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EXPRESSION_INTERNAL_H
#define EXPRESSION_INTERNAL_H

#include "base/expression.h"
#include "nodes/primnodes.h"

/* Range table positions of an analysed expression. */
#define OLD_VARNO 1
#define NEW_VARNO 2

/*
 * One expression, or one function, being judged against a relation.  What is
 * found wrong goes to findings, except for errors that the server raises.
 */
typedef struct Analysis
{
	/* fixed */
	const char *text;	   /* as the document has it */
	Relation	rel;	   /* open and locked by the caller */
	ExpressionScope scope; /* not looked at for functions */
	const Place *place;	   /* NULL outside a document */
	Findings   *findings;

	/* a function's own rules */
	Oid			result_type;
	bool		allow_volatile;

	/* results */
	Node	   *tree;		 /* analysed and sound, or NULL */
	Oid			function;	 /* of function_analyse */
	Bitmapset  *new_columns; /* attribute numbers of NEW that it reads */
	List	   *functions;	 /* Oid of each function to be pinned */
	bool		plain;		 /* immutable functions of pg_catalog only */

	/* changes */
	const char *code; /* name for the error about to be raised, or NULL */
	int			depth; /* > 0 inside a default or a domain's constraint */
	List	   *produced_types; /* judged as types of computed values */
	List	   *read_types;		/* judged as types of what is only read */
	List	   *judged_functions;
} Analysis;

/* ---- in expression_parse.c ---- */

/*
 * Parse and analyse the text into a boolean expression over old and new.
 * Returns NULL after adding a finding; raises what the server raises.
 */
extern Node *expression_parse(Analysis *analysis);

/* Parse regprocedure text; InvalidOid after adding a finding. */
extern Oid	function_parse(Analysis *analysis);

/* ---- in expression_rules.c ---- */

/* Judge an analysed expression; fills the results of the analysis. */
extern void expression_judge(Analysis *analysis, Node *tree);

/* May this function be used at all?  Remembers it for pinning if so. */
extern void function_judge(Analysis *analysis, Oid function, int location,
						   bool allow_volatile);

/* Add a finding; location is a byte offset into the text, or -1. */
extern void complain(Analysis *analysis, const char *code, int location,
					 const char *hint, const char *fmt, ...)
	pg_attribute_printf(5, 6);

/* ---- in expression_check.c ---- */

/*
 * The whole analysis of an expression or a function, as the caller's user and
 * with the caller's settings: it belongs between act_as and act_done.
 */
extern void expression_analyse(Analysis *analysis);
extern void function_analyse(Analysis *analysis);

/* Is the error about what was given, and not about the server's state? */
extern bool error_is_a_verdict(const ErrorData *error);

/* ---- in function_pin.c ---- */

/* The pin of a function in a list, by identity; NULL if there is none. */
extern const FunctionPin *function_pin_find(const List *pins,
											const char *identity);
/* Raise SP002 unless each function is as pinned. */
extern void function_pins_verify(const List *functions, const List *pins);

#endif /* EXPRESSION_INTERNAL_H */
