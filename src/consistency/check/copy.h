/*-------------------------------------------------------------------------
 *
 * copy.h
 *		A placement of a dataset as a question: which rows of the source of
 *		truth should be which rows of the copy?
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_COPY_H
#define CONSISTENCY_COPY_H

#include "catalog/spine_catalog.h"
#include "consistency/check/side.h"

/* A column of the copy, and what it should hold. */
typedef struct CopyColumn
{
	const char *name;		/* in the copy */
	const char *source;		/* SQL over the source's columns, in parentheses */
	const SideColumn *from; /* the source's, where that is all; else NULL */
	const SideColumn *to;	/* the copy's */
	bool		key;		/* does it tell rows apart? */
} CopyColumn;

typedef struct Copy
{
	const char *placement;	/* asset key */
	const SpecPlacement *spec;
	const SpecDataset *dataset;
	const JsonbContainer *entry; /* the placement's member */
	Side	   *source;			 /* open */
	Side	   *target;			 /* the copy, open */
	List	   *columns;	/* of CopyColumn, in the copy's order */
	const char *filter;		/* over the source, or NULL */
	const char *max_lag;	/* duration, or NULL */
	bool		has_key;	/* does anything but the whole row tell it? */
	bool		plain_keys; /* can rows of both sides be found by their key? */
	bool		unique;		/* is the key the source's primary key? */
} Copy;

/*
 * What the document says of a placement, by its key.  Raises 42704 if it
 * names none.
 */
extern Copy *copy_find(const char *placement);

/*
 * Open both sides, and work out the columns.  Raises if they are not to be
 * compared, and why; see side_open.  side_settings must be in force.
 */
extern void copy_open(Copy *copy);
extern void copy_close(Copy *copy);

/* Does a placement stand for one moment, never updated? */
extern bool copy_is_snapshot(const Copy *copy);

/*
 * The rows that the copy should hold, and those that it holds, as subqueries
 * of columns v1, v2, ... and identity: the row's version as text, or NULL;
 * touched: may somebody be changing this version?
 */
extern char *copy_source_rows(const Copy *copy);
extern char *copy_rows(const Copy *copy);

/* v1, v2, ... of all columns or of the key; with a prefix such as "s.". */
extern char *copy_values(const Copy *copy, const char *prefix, bool key);
/* How many that are. */
extern int	copy_value_count(const Copy *copy, bool key);
/*
 * A function takes 100 arguments at most.  The digest of fields (List of char
 * *, SQL) as SQL; of more fields than that, it is that of digests of some.
 */
extern char *fields_digest(const List *fields);
/* Has the row more columns than a function takes, or has its key? */
extern bool copy_is_wide(const Copy *copy, bool key);
/* The digest of the row, or of its key, and the digest of all rows. */
extern char *copy_digest(const Copy *copy, const char *prefix, bool key);
extern char *copy_digest_agg(const Copy *copy, const char *prefix);
/* The key's columns, or their digest where a function takes not so many. */
extern char *copy_key_fields(const Copy *copy, const char *prefix);

/* An expression that builds the key as jsonb. */
extern char *copy_key_object(const Copy *copy, const char *prefix);

/*
 * The columns of a side's relation, in the order of the values, if they are
 * all that its rows are made of (List of char *); NIL if they are not.
 */
extern List *copy_plain_columns(const Copy *copy, const Side *side);

#endif /* CONSISTENCY_COPY_H */
