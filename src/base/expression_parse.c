/*-------------------------------------------------------------------------
 *
 * expression_parse.c
 *		From text to an analysed expression or to a function, and not a
 *		token further.
 *
 * The server's grammar reads the text in its mode for PL/pgSQL expressions,
 * which knows no statement separator; what it lets through beyond one
 * expression (a second column, an alias, FROM, WHERE, ORDER BY and so on) is
 * refused here, as are comments: the text may end up between parentheses of a
 * statement.
 *
 * Analysis evaluates literals, and the input function of an array of domains
 * checks its elements, which may call anybody's function.  So while analysis
 * lasts, a hook refuses to execute any function that initdb did not make.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/transam.h"
#include "base/expression_internal.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "parser/scansup.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/regproc.h"

/* Longer texts are refused unread. */
#define EXPRESSION_MAX_LENGTH 65536

/* What the hook needs to know; both are restored by expression_parse. */
static Analysis *being_read = NULL;
static object_access_hook_type next_access_hook = NULL;

/* Object access hook: no function but the server's own runs while we read. */
static void
refuse_execution(ObjectAccessType access, Oid classId, Oid objectId, int subId,
				 void *arg)
{
	if (next_access_hook != NULL)
		next_access_hook(access, classId, objectId, subId, arg);

	if (access != OAT_FUNCTION_EXECUTE || objectId < FirstNormalObjectId)
		return;

	being_read->code = "expression_executes";
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("reading the expression would execute function %s",
					format_procedure_qualified(objectId))));
}

/* Is there nothing between two places of the text but white space? */
static bool
only_space(const char *from, const char *to)
{
	while (from < to && scanner_isspace(*from))
		from++;
	return from >= to;
}

/*
 * Look for comments, which are what the scanner skips between tokens beside
 * white space.  It leaves a zero byte behind the token that it read last.
 */
static bool
has_comment(const char *text)
{
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			end = 0;
	int			token;
	bool		found = false;
	core_yyscan_t	   scanner =
		scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);

	extra.escape_string_warning = false;
	do
	{
		token = core_yylex(&value, &location, scanner);
		if (token == 0)
			location = (int) strlen(text);
		if (!only_space(text + end, text + location))
			found = true;
		end = location + (int) strlen(extra.scanbuf + location);
	} while (token != 0 && !found);
	scanner_finish(scanner);

	return found;
}

/* Is this the bare *, which is a column list and not an expression? */
static bool
is_star(Node *node)
{
	return IsA(node, ColumnRef) &&
		IsA(linitial(((ColumnRef *) node)->fields), A_Star);
}

/*
 * Does the statement consist of one expression and nothing else?  Everything
 * but the column must be as in a statement that was just made; a column that
 * starts later than the text has SELECT's own ALL before it.
 */
static bool
is_lone_expression(SelectStmt *stmt, const char *text)
{
	SelectStmt *blank = makeNode(SelectStmt);
	ResTarget  *column;

	if (list_length(stmt->targetList) != 1)
		return false;
	blank->targetList = stmt->targetList;
	if (!equal(blank, stmt))
		return false;

	column = linitial_node(ResTarget, stmt->targetList);
	return column->name == NULL && column->indirection == NIL &&
		column->val != NULL && !is_star(column->val) &&
		only_space(text, text + column->location);
}

/* The raw expression in the text; NULL after adding a finding. */
static Node *
parse_raw(Analysis *analysis)
{
	List *statements = raw_parser(analysis->text, RAW_PARSE_PLPGSQL_EXPR);
	RawStmt    *raw = linitial_node(RawStmt, statements);
	SelectStmt *stmt = castNode(SelectStmt, raw->stmt);

	if (list_length(statements) != 1 ||
		!is_lone_expression(stmt, analysis->text))
	{
		complain(analysis, "expression_syntax", -1, NULL,
				 "expected one expression and nothing else");
		return NULL;
	}
	if (has_comment(analysis->text))
	{
		complain(analysis, "expression_syntax", -1, NULL,
				 "an expression may not contain comments");
		return NULL;
	}
	return linitial_node(ResTarget, stmt->targetList)->val;
}

/* Raw tree walker: stop at the first subquery. */
static bool
find_subquery(Node *node, void *context)
{
	Analysis   *analysis = context;

	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		complain(
			analysis, "expression_subquery", ((SubLink *) node)->location,
			"Count child rows with \"children\", or use a guard's \"function\".",
			"an expression may not contain a subquery");
		return true;
	}
	return raw_expression_tree_walker(node, find_subquery, context);
}

/* Add the relation under an alias; without one its columns are bare, too. */
static void
add_row(ParseState *pstate, Relation rel, const char *alias)
{
	ParseNamespaceItem *item;

	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock,
										 alias ? makeAlias(alias, NIL) : NULL,
										 false, false);
	addNSItemToQuery(pstate, item, false, true, alias == NULL);
}

/* A parse state in which the names of the scope mean something. */
static ParseState *
open_scope(const Analysis *analysis)
{
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_sourcetext = analysis->text;
	if (analysis->scope == EXPRESSION_OLD_NEW)
	{
		add_row(pstate, analysis->rel, "old");
		add_row(pstate, analysis->rel, "new");
	}
	else
		add_row(pstate, analysis->rel, NULL);
	return pstate;
}

/* Make the expression a boolean one; NULL after adding a finding. */
static Node *
coerce_to_verdict(ParseState *pstate, Analysis *analysis, Node *tree)
{
	Oid			type = exprType(tree);
	Node	   *verdict =
		coerce_to_target_type(pstate, tree, type, BOOLOID, -1,
							  COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);

	if (verdict == NULL)
		complain(analysis, "expression_not_boolean", exprLocation(tree), NULL,
				 "an expression must be of type boolean, not %s",
				 format_type_be(type));
	return verdict;
}

/*
 * Analyse the raw expression.  As a column of SELECT everything is allowed
 * here; what an expression may not contain is judged afterwards.
 */
static Node *
analyse_raw(Analysis *analysis, Node *raw)
{
	ParseState *pstate = open_scope(analysis);
	Node	   *tree = transformExpr(pstate, raw, EXPR_KIND_SELECT_TARGET);

	if (analysis->scope == EXPRESSION_VALUE)
		tree = coerce_type(pstate, tree, exprType(tree),
						   exprType(tree) == UNKNOWNOID ? TEXTOID :
														  exprType(tree),
						   -1, COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	else
		tree = coerce_to_verdict(pstate, analysis, tree);
	if (tree != NULL)
		assign_expr_collations(pstate, tree);
	free_parsestate(pstate);

	if (tree != NULL && analysis->scope != EXPRESSION_OLD_NEW)
		ChangeVarNodes(tree, OLD_VARNO, NEW_VARNO, 0);
	return tree;
}

/* Analyse with the hook in place. */
static Node *
analyse_without_executing(Analysis *analysis, Node *raw)
{
	Analysis   *outer_reading = being_read;
	object_access_hook_type outer_next = next_access_hook;
	object_access_hook_type outer_hook = object_access_hook;
	Node	   *tree;

	being_read = analysis;
	if (outer_hook != refuse_execution)
		next_access_hook = outer_hook;
	object_access_hook = refuse_execution;

	PG_TRY();
	{
		tree = analyse_raw(analysis, raw);
	}
	PG_FINALLY();
	{
		object_access_hook = outer_hook;
		next_access_hook = outer_next;
		being_read = outer_reading;
	}
	PG_END_TRY();

	return tree;
}

Node *
expression_parse(Analysis *analysis)
{
	Node	   *raw;

	if (strlen(analysis->text) > EXPRESSION_MAX_LENGTH)
	{
		complain(analysis, "expression_too_long", -1, NULL,
				 "an expression may not be longer than %d bytes",
				 EXPRESSION_MAX_LENGTH);
		return NULL;
	}

	raw = parse_raw(analysis);
	if (raw == NULL || find_subquery(raw, analysis))
		return NULL;
	return analyse_without_executing(analysis, raw);
}

/* Is the text something that regprocedure takes and a document may not say? */
static bool
is_number_or_dash(const char *text)
{
	return strcmp(text, "-") == 0 ||
		strspn(text, "0123456789") == strlen(text);
}

Oid
function_parse(Analysis *analysis)
{
	const char *text = analysis->text;
	Datum		function;

	if (is_number_or_dash(text))
	{
		complain(analysis, "function_syntax", -1, NULL,
				 "a function is named as schema.name(argument types)");
		return InvalidOid;
	}
	analysis->code = "function_unknown";
	function = DirectFunctionCall1(regprocedurein, CStringGetDatum(text));
	analysis->code = NULL;
	return DatumGetObjectId(function);
}
