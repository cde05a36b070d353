/*-------------------------------------------------------------------------
 *
 * expression_rename.c
 *		Texts of expressions and functions after something that they name was
 *		renamed.
 *
 * The server's grammar says which words are column references and where they
 * stand, its scanner where each word ends; only these bytes are replaced.
 * Nothing is analysed: the caller has the result judged like any document.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <ctype.h>

#include "base/expression.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "utils/builtins.h"

/* Which column references are looked for, and what was found. */
typedef struct ColumnSearch
{
	const char *column;
	int			position; /* of the column's name in OLD.column: 1; bare: 0 */
	List	   *starts;	  /* byte offsets of such references */
} ColumnSearch;

/* A word of the text. */
typedef struct Token
{
	int			start;
	int			end;
	int			kind; /* as the scanner says: a character, or IDENT and so on */
	const char *name; /* of an identifier or a keyword, else NULL */
} Token;

/* Is the n-th field of a reference this word? */
static bool
field_is(const ColumnRef *ref, int n, const char *word)
{
	Node	   *field;

	if (list_length(ref->fields) <= n)
		return false;
	field = list_nth(ref->fields, n);
	return IsA(field, String) && strcmp(strVal(field), word) == 0;
}

/* Raw tree walker: note the references to the column. */
static bool
find_column(Node *node, void *context)
{
	ColumnSearch *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		const ColumnRef *ref = (ColumnRef *) node;

		if (field_is(ref, search->position, search->column) &&
			(search->position == 0 || field_is(ref, 0, "old") ||
			 field_is(ref, 0, "new")))
			search->starts = lappend_int(search->starts, ref->location);
		return false;
	}
	return raw_expression_tree_walker(node, find_column, context);
}

/*
 * The name that a token is; NULL if it is none.  Numbers of kinds are the
 * grammar's own, but what a name starts with tells it from all else.
 */
static const char *
word_of(int kind, const core_YYSTYPE *value, const char *start)
{
	if (kind < 256)
		return NULL;
	if (*start == '"')
		return pstrdup(value->str);
	if (!isalpha((unsigned char) *start) && *start != '_' &&
		!IS_HIGHBIT_SET(*start))
		return NULL;
	/* Prefixes of strings: E'', B'', U&'' and so on. */
	if (start[strcspn(start, "'\" \t\n\r\f.(),:")] == '\'')
		return NULL;
	/* Keywords and identifiers share the union's first word. */
	return pstrdup(value->str);
}

/* The words of a text (List of Token). */
static List *
tokens_of(const char *text)
{
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	List	   *tokens = NIL;
	int			kind;
	core_yyscan_t scanner =
		scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);

	extra.escape_string_warning = false;
	while ((kind = core_yylex(&value, &location, scanner)) != 0)
	{
		Token	   *token = palloc(sizeof(Token));

		/* It leaves a zero byte behind the token that it read last. */
		token->start = location;
		token->end = location + (int) strlen(extra.scanbuf + location);
		token->kind = kind;
		token->name = word_of(kind, &value, text + token->start);
		tokens = lappend(tokens, token);
	}
	scanner_finish(scanner);
	return tokens;
}

/* The references in a text; the grammar raises what is no expression. */
static List *
references_to(const char *text, ColumnSearch *search)
{
	List	   *statements = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *stmt =
		castNode(SelectStmt, linitial_node(RawStmt, statements)->stmt);

	(void) find_column((Node *) stmt->targetList, search);
	return search->starts;
}

char *
expression_rename(const char *text, ExpressionScope scope, const char *before,
				  const char *after)
{
	ColumnSearch search = {before, scope == EXPRESSION_OLD_NEW ? 1 : 0, NIL};
	List	   *starts = references_to(text, &search);
	List	   *tokens = starts != NIL ? tokens_of(text) : NIL;
	StringInfoData result;
	int			copied = 0;

	initStringInfo(&result);
	for (int i = 0; i < list_length(tokens); i++)
	{
		const Token *start = list_nth(tokens, i);
		const Token *name;

		/* OLD, a dot, the column: two words further. */
		if (!list_member_int(starts, start->start) ||
			i + 2 * search.position >= list_length(tokens))
			continue;
		name = list_nth(tokens, i + 2 * search.position);
		appendBinaryStringInfo(&result, text + copied, name->start - copied);
		appendStringInfoString(&result, quote_identifier(after));
		copied = name->end;
	}
	appendStringInfoString(&result, text + copied);
	return result.data;
}

/* Is the token that name? */
static bool
token_is(const Token *token, const char *name)
{
	return token->name != NULL && strcmp(token->name, name) == 0;
}

char *
qualified_rename(const char *text, const char *schema, const char *name,
				 const char *new_schema, const char *new_name)
{
	List	   *tokens = tokens_of(text);
	StringInfoData result;
	int			copied = 0;

	initStringInfo(&result);
	for (int i = 0; i + 2 < list_length(tokens); i++)
	{
		const Token *first = list_nth(tokens, i);
		const Token *dot = list_nth(tokens, i + 1);
		const Token *second = list_nth(tokens, i + 2);

		if (!token_is(first, schema) || dot->kind != '.' ||
			second->name == NULL || (name != NULL && !token_is(second, name)))
			continue;
		appendBinaryStringInfo(&result, text + copied, first->start - copied);
		appendStringInfoString(&result, quote_identifier(new_schema));
		copied = first->end;
		if (name != NULL)
		{
			appendStringInfo(&result, ".%s", quote_identifier(new_name));
			copied = second->end;
		}
		i += 2;
	}
	appendStringInfoString(&result, text + copied);
	return result.data;
}
