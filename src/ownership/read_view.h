/*-------------------------------------------------------------------------
 *
 * read_view.h
 *		The view that shows each reader what the Read column lets it read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_READ_VIEW_H
#define OWNERSHIP_READ_VIEW_H

#include "catalog/spine_catalog.h"

/* How a dataset's read_view stands to what it should be. */
typedef enum ViewStanding
{
	VIEW_NONE,		/* the dataset has none, or does not live here */
	VIEW_UNREADY,	/* the relation is not there, or lacks its columns */
	VIEW_FITS,
	VIEW_ABSENT,	/* to be created */
	VIEW_DIFFERS,	/* to be replaced, keeping what hangs on it */
	VIEW_REBUILD,	/* to be dropped and created: other columns */
	/* What apply does not touch: */
	VIEW_STUCK,		/* to be dropped and created, but others use it */
	VIEW_TAKEN,		/* something of others has its name */
	VIEW_NO_SCHEMA, /* its schema does not exist */
	VIEW_CLOSED		/* the relation's owner may not create there */
} ViewStanding;

typedef struct ReadView
{
	ViewStanding standing;
	Oid			relid;	/* the dataset's relation */
	Oid			owner;	/* its owner, who is to own the view */
	const char *schema; /* of the view */
	const char *name;
	Oid			schema_oid;
	Oid			view; /* what has its name now, or InvalidOid */
} ReadView;

/*
 * Look at a dataset's view.  named: does the document that is in force name
 * it, so that a view of that name which the relation's owner owns is it?
 */
extern ReadView *read_view_look(const SpecDataset *spec, bool named);

/* Is there such a view once the document is applied? */
extern bool read_view_stands(const ReadView *view);

/* The name of the dataset's view as the document has it, or NULL. */
extern const char *read_view_name(const SpecDataset *spec);

/* Do both name the same view?  Either may be NULL. */
extern bool read_view_same(const SpecDataset *a, const SpecDataset *b);

extern void read_view_init(void);

#endif /* OWNERSHIP_READ_VIEW_H */
