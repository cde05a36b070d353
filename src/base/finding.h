/*-------------------------------------------------------------------------
 *
 * finding.h
 *		What a check has to say about a document: findings as data.
 *
 * A check never raises: it adds findings, each with the JSON pointer of its
 * place, and goes on, so that one pass names everything.  One place turns
 * them into rows, one into an error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_FINDING_H
#define SPINE_FINDING_H

#include "nodes/pg_list.h"

/*
 * A place in a document, kept on the stack of the walk that stands there.
 * Costs nothing until a finding asks for its JSON pointer.
 */
typedef struct Place
{
	const struct Place *up; /* the container, NULL at the document's root */
	const char *key;		/* member name, or NULL for an array element */
	int			keylen;		/* length of key, which need not end in NUL */
	int			index;		/* array position where key is NULL */
} Place;

typedef enum FindingSeverity
{
	FINDING_ERROR,
	FINDING_WARNING,
	FINDING_INFO
} FindingSeverity;

typedef struct Finding
{
	FindingSeverity severity;
	const char *code;	 /* snake_case name of the rule, a literal */
	const char *pointer; /* RFC 6901 pointer into the document */
	const char *message; /* primary-message style: lower case, no period */
	const char *hint;	 /* a full sentence, or NULL */
} Finding;

typedef struct Findings
{
	MemoryContext mcxt; /* holds the list and all its text */
	List	   *items;	/* of Finding, in the order of discovery */
	int			errors; /* how many are of severity error */
} Findings;

/* Step into a member or an element; the result lives on the caller's stack. */
extern Place place_member(const Place *up, const char *key);
extern Place place_member_n(const Place *up, const char *key, int keylen);
extern Place place_element(const Place *up, int index);

/* The RFC 6901 JSON pointer of a place, palloc'd; "" for the root. */
extern char *place_pointer(const Place *place);

extern Findings *findings_new(void);

/* Add a finding at a place; hint may be NULL. */
extern void finding_add(Findings *findings, FindingSeverity severity,
						const char *code, const Place *place, const char *hint,
						const char *fmt, ...) pg_attribute_printf(6, 7);

extern const char *finding_severity_name(FindingSeverity severity);

/* Every finding of severity error, a line each: place, message, code. */
extern char *findings_detail(const Findings *findings);

/*
 * Raise 22023 if there is any finding of severity error: every one of them
 * stands in DETAIL, a line each.
 */
extern void findings_raise(const Findings *findings);

#endif /* SPINE_FINDING_H */
