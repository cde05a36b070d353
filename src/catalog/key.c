/*-------------------------------------------------------------------------
 *
 * key.c
 *		Asset keys: context.dataset.attribute, parts joined by dots.
 *
 * A part that holds a dot or a double quote stands in double quotes, with
 * inner double quotes doubled, so a key always splits into the parts that it
 * was made of.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/spine_catalog.h"
#include "lib/stringinfo.h"

/* Does a part need its quotes to be read back? */
static bool
needs_quotes(const char *part)
{
	return part[0] == '\0' || strpbrk(part, ".\"") != NULL;
}

/* Append one part, quoted if it needs it. */
static void
append_part(StringInfo buf, const char *part)
{
	if (!needs_quotes(part))
	{
		appendStringInfoString(buf, part);
		return;
	}

	appendStringInfoChar(buf, '"');
	for (const char *c = part; *c; c++)
	{
		if (*c == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '"');
}

/* Quote one part if it needs it; palloc'd. */
char *
asset_key_quote(const char *part)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_part(&buf, part);
	return buf.data;
}

/*
 * Join the parts of a key; dataset and rest may be NULL.  rest is one part: a
 * placement, a child.  An attribute is written as a key already, so callers
 * append that one as it is.
 */
char *
asset_key(const char *context, const char *dataset, const char *rest)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_part(&buf, context);
	if (dataset != NULL)
	{
		appendStringInfoChar(&buf, '.');
		append_part(&buf, dataset);
	}
	if (rest != NULL)
	{
		appendStringInfoChar(&buf, '.');
		append_part(&buf, rest);
	}
	return buf.data;
}

/*
 * Read a quoted part that starts at *at; moves *at behind the closing quote.
 * Returns NULL if the quote never closes.
 */
static char *
read_quoted_part(const char **at)
{
	const char *c = *at + 1;
	StringInfoData buf;

	initStringInfo(&buf);
	for (;; c++)
	{
		if (*c == '\0')
			return NULL;
		if (*c == '"')
		{
			if (c[1] != '"')
				break;
			c++;
		}
		appendStringInfoChar(&buf, *c);
	}
	*at = c + 1;
	return buf.data;
}

/* Read a bare part, which ends at a dot or at the end; NULL if malformed. */
static char *
read_bare_part(const char **at)
{
	size_t		len = strcspn(*at, ".\"");
	char	   *part = pnstrdup(*at, len);

	*at += len;
	return (len == 0 || **at == '"') ? NULL : part;
}

/* Split a key into its parts (List of char *); NIL if malformed. */
List *
asset_key_parts(const char *key)
{
	List	   *parts = NIL;
	const char *at = key;

	for (;;)
	{
		char *part = *at == '"' ? read_quoted_part(&at) : read_bare_part(&at);

		if (part == NULL)
			return NIL;
		parts = lappend(parts, part);
		if (*at == '\0')
			return parts;
		if (*at != '.')
			return NIL;
		at++;
	}
}
