/*-------------------------------------------------------------------------
 *
 * listing.h
 *		The document in the order that people read: names sorted, states from
 *		the first to the last.
 *
 * jsonb keeps members by length, so what is written out for a person is
 * brought into an order here.  All results are the caller's own lists.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LISTING_H
#define LISTING_H

#include "catalog/catalog_internal.h"

/* A member of an object. */
typedef struct Member
{
	char	   *name;
	JsonbValue	value;
} Member;

/* What a key names in the newest document. */
typedef struct Found
{
	const JsonbContainer *document;
	const char *context_name;
	const JsonbContainer *context;
	const char *dataset_name; /* NULL where the key is a context's */
	SpecDataset *dataset;	  /* likewise */
} Found;

/* Look up a context or a dataset; raises 42704 if there is none. */
extern void found_by_key(const char *key, Found *found);

/* The model of a dataset of the context that was found. */
extern SpecDataset *found_dataset(const Found *found, const Member *member);

/* The members of a map by name (List of Member); NULL has none. */
extern List *members_sorted(const JsonbContainer *map);

/* Names (List of char *) sorted by their bytes, in place. */
extern void names_sort(List *names);

/* Is the name in the list? */
extern bool names_have(const List *names, const char *name);

/* The list with the name behind it, if it is not in it yet. */
extern List *names_add(List *names, const char *name);

/* The names with something between them; "" for none. */
extern char *names_join(const List *names, const char *between);

/*
 * The states (List of SpecState): initial ones, then those that transitions
 * lead to, nearest first, then those that are never reached.
 */
extern List *states_in_order(const SpecLifecycle *lifecycle);

/* The transitions (List of SpecTransition) in that order of their states. */
extern List *transitions_in_order(const SpecLifecycle *lifecycle,
								  const List		  *states);

/* The place of a state in a list; -1 if it is not there. */
extern int	state_position(const List *states, const char *name);

/* Does the transition have a guard of any sort? */
extern bool transition_guarded(const SpecTransition *transition);

/* What a handoff does, in words such as "emit OrderPaid". */
extern char *handoff_text(const SpecHandoff *handoff);

#endif /* LISTING_H */
