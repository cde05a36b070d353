/*-------------------------------------------------------------------------
 *
 * format.h
 *		The document format as one table of shapes.
 *
 * The table (in format.c) is the only description of the format: the check of
 * a document's shape (shape.c), the JSON Schema (schema.c) and the check of
 * what the document's names refer to (references.c) all read it, so they
 * cannot disagree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CATALOG_FORMAT_H
#define CATALOG_FORMAT_H

#include "base/finding.h"
#include "base/jb.h"

typedef enum ShapeKind
{
	/* strings */
	SHAPE_TEXT,		/* any string */
	SHAPE_CODE,		/* a string that is not empty: an expression, a function */
	SHAPE_NAME,		/* 1 to 200 characters, see format_string_pattern */
	SHAPE_SCHEME,	/* an identifier: letter, then letters, digits, _ and - */
	SHAPE_DATE,		/* a day that exists, yyyy-mm-dd */
	SHAPE_DURATION, /* ISO 8601, such as PT60S or P10Y */
	SHAPE_WORD,		/* one of words */
	/* other scalars */
	SHAPE_BOOL,
	SHAPE_INT,		/* an integer from min to max */
	SHAPE_NUMBER,	/* a number from min to max */
	/* containers */
	SHAPE_OBJECT,	/* members as fields say */
	SHAPE_MAP,		/* names of shape key, each with a value of shape item */
	SHAPE_LIST,		/* elements of shape item */
	SHAPE_UNION,	/* of shape key or item, which differ in their JSON type */
	SHAPE_ANY		/* any object, taken as it is */
} ShapeKind;

/* What a string, or a name in a map, refers to. */
typedef enum FormatRef
{
	REF_NONE,
	/* to other parts of the document */
	REF_PARTY,
	REF_STORE,
	REF_TERM,		/* of the shape's scheme */
	REF_SAME_SCHEME, /* a term's parent, in its own scheme */
	REF_TAG,		/* "scheme:term" */
	REF_STATE,		/* of the dataset's lifecycle */
	REF_CHILD,		/* of the dataset's lifecycle */
	REF_CONTEXT,
	REF_DATASET,	/* asset key context.dataset */
	REF_CONTRACT,
	REF_EVENT,
	REF_TOPIC,
	REF_ROUTE,
	REF_SUBJECT,
	/* to what is outside: a URL or a path */
	REF_LINK,
	/* to what the database has */
	REF_ROLE,
	REF_SERVER,
	REF_RELATION,
	REF_COLUMN,		/* of the dataset's relation */
	REF_ATTRIBUTE,	/* the same, or a jsonb path below it */
	REF_WRITE,		/* the same, or *; it is written */
	REF_FREEZE,		/* the same (but *), or a child */
	REF_SET,		/* a column of it that is written */
	/* names that are made here and that something must be able to say */
	REF_NEW_NAME,
	REF_NEW_STATE,
	REF_NEW_INVARIANT,
	REF_NEW_CHILD
} FormatRef;

typedef struct Shape Shape;

/* One member of an object. */
typedef struct Field
{
	const char *name;
	const Shape *shape;
	bool		required;
	const char *about; /* one sentence, for the schema */
} Field;

struct Shape
{
	ShapeKind	kind;
	const char *name; /* what the schema calls it, or NULL */
	FormatRef	ref;
	const char *scheme;		  /* of REF_TERM */
	const char *const *words; /* of SHAPE_WORD, ends with NULL */
	double		min;		  /* numbers; members or elements: at least */
	double		max;		  /* numbers; members: at most, 0 for any */
	const Field *fields;	  /* of SHAPE_OBJECT, ends with a NULL name */
	const Shape *key;
	const Shape *item;
};

/* The shapes that code outside the table knows by name. */
extern const Shape format_document;
extern const Shape format_dataset;

/* The member of an object; NULL if it is unknown. */
extern const Field *format_field(const Shape *object, const char *name,
								 int len);

/* What of a union a value is meant to be; the shape itself otherwise. */
extern const Shape *format_choose(const Shape *shape, const JsonbValue *value);

/* The ECMA 262 pattern that strings of this kind match; NULL for any. */
extern const char *format_string_pattern(ShapeKind kind);

/* Does a string match the pattern of its kind? */
extern bool format_string_matches(ShapeKind kind, const char *text, int len);

/* The JSON type that values of a shape have, as a message names it. */
extern const char *format_type_name(const Shape *shape);

/*
 * Called for each value of a walk whose JSON type fits its shape, containers
 * before what is in them, and for each name in a map (shape is then the
 * map's key).  Returns whether to go into a container.
 */
typedef bool (*FormatVisit)(void *arg, const Shape *shape,
							const JsonbValue *value, const Place *place);

/* Walk a container along a shape; what the format does not know is left out. */
extern void format_walk(const Shape *shape, const JsonbContainer *container,
						const Place *place, FormatVisit visit, void *arg);

#endif /* CATALOG_FORMAT_H */
