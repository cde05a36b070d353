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
#include "utils/relcache.h"

/* A column of the copy, and what it should hold. */
typedef struct CopyColumn
{
	const char *name;	/* in the copy */
	const char *source; /* SQL over the source's columns, in parentheses */
	bool		plain;	/* is source just a column's name? */
	bool		key;	/* does it tell rows apart? */
} CopyColumn;

typedef struct Copy
{
	const char *placement; /* asset key */
	const SpecDataset *dataset;
	const SpecCopy *spec;
	const JsonbContainer *entry; /* the placement's member */
	Relation	sot;		/* open */
	Relation	rel;		/* the copy, open */
	List	   *columns;	/* of CopyColumn, in the copy's order */
	const char *filter;		/* over the source, or NULL */
	const char *max_lag;	/* duration, or NULL */
} Copy;

/*
 * Look up a placement that is stored here, open both sides and work out the
 * columns.  Raises if it is not to be compared here, and why.
 */
extern Copy *copy_open(const char *placement);
extern void copy_close(Copy *copy);

/* The rows that the copy should hold, and those that it holds, as subqueries
 * of columns v1, v2, ... and identity: the row's version as text, or NULL. */
extern char *copy_source_rows(const Copy *copy);
extern char *copy_rows(const Copy *copy);

/* v1, v2, ... of all columns or of the key; with a prefix such as "s.". */
extern char *copy_values(const Copy *copy, const char *prefix, bool key);
/* An expression that builds the key as jsonb. */
extern char *copy_key_object(const Copy *copy, const char *prefix);

#endif /* CONSISTENCY_COPY_H */
