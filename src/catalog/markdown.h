/*-------------------------------------------------------------------------
 *
 * markdown.h
 *		Writing Markdown: headings, tables and lists of plain text.
 *
 * Text is handed over as it is, and escaped here and nowhere else: whatever
 * a document says, it is read as text, within its cell.  Line feeds become
 * <br>.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MARKDOWN_H
#define MARKDOWN_H

#include "catalog/listing.h"
#include "lib/stringinfo.h"

/* A column of a table over a map: its title and the member that it shows. */
typedef struct MemberColumn
{
	const char *title;
	const char *member;
} MemberColumn;

extern void md_heading(StringInfo out, int level, const char *text);
extern void md_line(StringInfo out, const char *text);

/* A list item; label is set in bold and may be NULL. */
extern void md_item(StringInfo out, const char *label, const char *text);

/* A table's heading, of n titles, and its rows, of n cells; NULL and "" make
 * a dash.  After the last row comes md_end. */
extern void md_titles(StringInfo out, int n, const char *const *titles);
extern void md_row(StringInfo out, int n, const char *const *cells);
extern void md_end(StringInfo out);

/* A row of two, left out where the text is NULL or "". */
extern void md_field(StringInfo out, const char *field, const char *text);

/*
 * A value of the document in words: lists with commas, objects as "name:
 * value" with semicolons, booleans as yes and no.
 */
extern char *value_words(const JsonbValue *value);

/* The member of an object in words; NULL if it is not there. */
extern char *member_words(const JsonbContainer *obj, const char *key);

/* The documents themselves, in sheet.c and in sheet_context.c. */
extern void dataset_sheet(StringInfo out, const Found *found);
extern void context_sheet(StringInfo out, const Found *found);

/* A copy of a dataset. */
typedef struct Copy
{
	const char *kind;	/* replica, cache, snapshot or derived */
	Member	   *member; /* its name and definition */
} Copy;

/* All copies of a dataset (List of Copy), by kind and name. */
extern List *dataset_copies(const JsonbContainer *dataset);

#endif /* MARKDOWN_H */
