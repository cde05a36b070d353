/*-------------------------------------------------------------------------
 *
 * table_facts.h
 *		What the protection of a governed table rests on, as facts that can
 *		be compared: before a command and after it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_TABLE_FACTS_H
#define OWNERSHIP_TABLE_FACTS_H

#include "catalog/spine_catalog.h"
#include "utils/snapshot.h"

typedef enum FactKind
{
	/* what must not go away */
	FACT_MEMBER,	 /* the relation is part of the governed tree */
	FACT_TRIGGER,	 /* one of the guard's triggers is whole */
	FACT_COLUMN,	 /* a governed column with its type */
	FACT_CONSTRAINT, /* an invariant */
	FACT_KEY,		 /* the columns of the primary key */
	FACT_METHOD,	 /* the access method */
	FACT_OWNER,		 /* who owns it */
	FACT_LABEL,		 /* a label of the enum that holds the states */
	FACT_PART,		 /* a label or a field of another column's type */
	/* what must not come */
	FACT_OTHER_TRIGGER, /* code that the dataset does not name */
	FACT_LATE_TRIGGER,	/* code that runs after the guard */
	FACT_RULE
} FactKind;

#define FACT_IS_BAD(kind) ((kind) >= FACT_OTHER_TRIGGER)

/* What makes two facts the same one. */
typedef struct FactKey
{
	FactKind	kind;
	Oid			relid;
	uint32		object; /* number or oid of what it is about */
	uint32		detail; /* hash of how that is */
} FactKey;

/* A relation that is governed: itself, or by an ancestor. */
typedef struct Governed
{
	CatalogDataset *entry;
	const char *child;	/* name of the dataset's child table, or NULL */
	Oid			relid;	/* the relation */
	Oid			root;	/* what the document names: itself or an ancestor */
} Governed;

typedef struct Fact
{
	FactKey		key;
	const Governed *governed;
	const char *table;	/* schema.table, as it was called then */
	const char *name;	/* of what it is about, or NULL */
} Fact;

/*
 * By whom a relation is (or was) governed, with the rules of now; NULL if by
 * nobody.  datasets keeps what was read, for the next call.
 */
extern Governed *governed_lookup(List **datasets, Oid relid,
								 Snapshot snapshot);

/* The facts of one governed relation (List of Fact *). */
extern List *facts_of(const Governed *governed, Snapshot snapshot,
					  bool labels);

/* Those of some facts that others lack. */
extern List *facts_beyond(const List *some, const List *others);

/* Is the fact there, by kind and relation? */
extern bool facts_have(const List *facts, FactKind kind, Oid relid);

#endif /* OWNERSHIP_TABLE_FACTS_H */
