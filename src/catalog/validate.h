/*-------------------------------------------------------------------------
 *
 * validate.h
 *		What the files that check a document share.
 *
 * shape.c judges the document alone, references.c what its names mean inside
 * it, dataset_check.c what it says about each dataset, relation_check.c a
 * dataset against its relation, validate.c the rest; it calls them in that
 * order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CATALOG_VALIDATE_H
#define CATALOG_VALIDATE_H

#include "catalog/catalog_internal.h"
#include "utils/hsearch.h"

/* ---- in references.c ---- */

/*
 * Findings about what the names of a document refer to inside it.  Returns
 * the set of relations that datasets govern here, in relation_spelling.
 */
extern HTAB *check_references(const JsonbContainer *doc,
							  const char *local_store, Findings *findings);

/* A set of names, each with the place where it stood first. */
typedef struct NameEntry
{
	const char *text; /* points into the document */
	int			len;
	char	   *first; /* JSON pointer, or whatever the user keeps */
} NameEntry;

extern HTAB *names_new(void);
extern NameEntry *names_enter(HTAB *names, const char *text, int len,
							  bool *found);

/* "schema.table" in one spelling, palloc'd; NULL if it is no such name. */
extern char *relation_spelling(const char *relation);

/* ---- in dataset_check.c ---- */

/* Findings about who answers for a context or a dataset. */
extern void check_ownership(const JsonbContainer *level, const Place *place,
							Findings *findings);

/* Findings about a dataset's owner, source, copies, readers and writers. */
extern void check_governance(const SpecDataset *dataset,
							 const JsonbContainer *context,
							 const JsonbContainer *doc, const Place *place,
							 Findings *findings);

/* ---- in relation_check.c ---- */

/*
 * Findings about a local dataset and the database: its relation, columns,
 * state type, children.  Returns the relation, open and locked, for the
 * rooms' checks; NULL if it is not usable.
 */
extern Relation check_relation(const SpecDataset *dataset, HTAB *governed,
							   const Place *place, Findings *findings);

#endif /* CATALOG_VALIDATE_H */
