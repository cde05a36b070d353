/*-------------------------------------------------------------------------
 *
 * markdown.c
 *		Writing Markdown, and spine.export_markdown.
 *
 * The dialect is GitHub's: CommonMark with tables.  Only ASCII is written
 * beside the document's own text, so that every database encoding will do.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <ctype.h>

#include "catalog/markdown.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(spine_export_markdown);

/* ---- escaping ---- */

static bool
is_word(char c)
{
	return isalnum((unsigned char) c) || IS_HIGHBIT_SET(c);
}

/*
 * Would the character at c be markup in the text?  What begins a list or
 * another block counts only where one can begin; an underscore within a word
 * is no emphasis.
 */
static bool
is_markup(const char *text, const char *c, bool block)
{
	if (strchr("\\`*[]|~$", *c) != NULL)
		return true;
	if (*c == '_')
		return c == text || !is_word(c[-1]) || !is_word(c[1]);
	if (*c == '#')
		return c == text || c[-1] == ' ';
	if (!block)
		return false;
	if (*c == '.' || *c == ')')
		return c > text && strspn(text, "0123456789") == (size_t) (c - text);
	return c == text && strchr("-+=:>", *c) != NULL;
}

/* Append text that is to be read as it is; line_feed is what one becomes. */
static void
put_text(StringInfo out, const char *text, const char *line_feed, bool block)
{
	/* a text that is set in would be code */
	while (*text != '\0' && (unsigned char) *text <= ' ')
		text++;
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '\n')
			appendStringInfoString(out, line_feed);
		else if (*c == '\r' && c[1] == '\n')
			continue;
		else if ((unsigned char) *c < ' ' || *c == 0x7f)
			appendStringInfoChar(out, ' ');
		else if (*c == '<')
			appendStringInfoString(out, "&lt;");
		else if (*c == '&' && (c[1] == '#' || is_word(c[1])))
			appendStringInfoString(out, "&amp;");
		else if (is_markup(text, c, block))
			appendStringInfo(out, "\\%c", *c);
		else
			appendStringInfoChar(out, *c);
	}
}

/* ---- blocks ---- */

void
md_heading(StringInfo out, int level, const char *text)
{
	for (int i = 0; i < level; i++)
		appendStringInfoChar(out, '#');
	appendStringInfoChar(out, ' ');
	put_text(out, text, " ", false);
	appendStringInfoString(out, "\n\n");
}

void
md_line(StringInfo out, const char *text)
{
	put_text(out, text, "<br>", true);
	appendStringInfoString(out, "\n\n");
}

void
md_item(StringInfo out, const char *label, const char *text)
{
	appendStringInfoString(out, "- ");
	if (label != NULL)
	{
		appendStringInfoString(out, "**");
		put_text(out, label, " ", false);
		appendStringInfoString(out, "**: ");
	}
	put_text(out, text, "<br>", label == NULL);
	appendStringInfoChar(out, '\n');
}

void
md_row(StringInfo out, int n, const char *const *cells)
{
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(out, "| ");
		if (cells[i] == NULL || cells[i][0] == '\0')
			appendStringInfoString(out, "&mdash;");
		else
			put_text(out, cells[i], "<br>", false);
		appendStringInfoChar(out, ' ');
	}
	appendStringInfoString(out, "|\n");
}

void
md_titles(StringInfo out, int n, const char *const *titles)
{
	md_row(out, n, titles);
	for (int i = 0; i < n; i++)
		appendStringInfoString(out, "|---");
	appendStringInfoString(out, "|\n");
}

void
md_end(StringInfo out)
{
	appendStringInfoChar(out, '\n');
}

void
md_field(StringInfo out, const char *field, const char *text)
{
	const char *cells[] = {field, text};

	if (text != NULL && text[0] != '\0')
		md_row(out, lengthof(cells), cells);
}

/* ---- values ---- */

/* The elements of an array, or the members of an object, in words. */
static char *
container_words(const JsonbContainer *container)
{
	StringInfoData out;
	JbCursor	cursor;
	JsonbValue	value;
	ListCell   *lc;

	initStringInfo(&out);
	if (JsonContainerIsArray(container))
	{
		jb_walk(&cursor, container);
		while (jb_next_element(&cursor, &value))
			appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "",
							 value_words(&value));
		return out.data;
	}
	foreach (lc, members_sorted(container))
	{
		const Member *member = lfirst(lc);

		appendStringInfo(&out, "%s%s: %s", out.len > 0 ? "; " : "",
						 member->name, value_words(&member->value));
	}
	return out.data;
}

char *
value_words(const JsonbValue *value)
{
	check_stack_depth();
	switch (value->type)
	{
		case jbvString:
			return jb_text(value);
		case jbvNumeric:
			return numeric_normalize(value->val.numeric);
		case jbvBool:
			return pstrdup(value->val.boolean ? "yes" : "no");
		case jbvBinary:
			return container_words(value->val.binary.data);
		default:
			return pstrdup("");
	}
}

char *
member_words(const JsonbContainer *obj, const char *key)
{
	JsonbValue	value;

	return jb_get(obj, key, &value) ? value_words(&value) : NULL;
}

List *
dataset_copies(const JsonbContainer *dataset)
{
	static const char *const kinds[][2] = {
		{"replicas", "replica"},
		{"caches", "cache"},
		{"snapshots", "snapshot"},
		{"derived", "derived"},
	};
	List	   *copies = NIL;

	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		ListCell   *lc;

		foreach (lc, members_sorted(jb_get_object(dataset, kinds[i][0])))
		{
			Copy	   *copy = palloc(sizeof(Copy));

			copy->kind = kinds[i][1];
			copy->member = lfirst(lc);
			copies = lappend(copies, copy);
		}
	}
	return copies;
}

/* spine.export_markdown(asset): see docs/views.md. */
Datum
spine_export_markdown(PG_FUNCTION_ARGS)
{
	Found		found;
	StringInfoData out;

	found_by_key(text_to_cstring(PG_GETARG_TEXT_PP(0)), &found);
	initStringInfo(&out);
	if (found.dataset != NULL)
		dataset_sheet(&out, &found);
	else
		context_sheet(&out, &found);
	/* every block ends with an empty line, the last one with its own end */
	while (out.len > 1 && out.data[out.len - 2] == '\n')
		out.data[--out.len] = '\0';
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
