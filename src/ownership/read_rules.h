/*-------------------------------------------------------------------------
 *
 * read_rules.h
 *		The Read column of a dataset: who reads the rows of which state, and
 *		which of their columns.
 *
 * By the rows: a state without "read" is open to all.  With it, its rows are
 * for the parties that it names, for its owner, writers, inserters, deleters
 * and those who lead out of it, and for the dataset's owner.  A row whose
 * state is NULL or unknown is for the dataset's owner alone.
 *
 * By the columns: where a consumer lists "attributes", the other columns are
 * for those who act for a party that reads whole rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_READ_RULES_H
#define OWNERSHIP_READ_RULES_H

#include "catalog/spine_catalog.h"

/* Who reads the rows of one state. */
typedef struct ReadState
{
	const char *name;
	bool		open;	 /* to all */
	List	   *parties; /* of char *, each once; who reads if it is not open */
} ReadState;

/* A consumer that reads some columns only. */
typedef struct ReadColumns
{
	const char *party;
	List	   *columns; /* of char * */
} ReadColumns;

/* How much of a dataset's rows a party reads. */
typedef enum ReadReach
{
	READS_NOTHING, /* no state's */
	READS_SOME,	   /* some states' */
	READS_ALL
} ReadReach;

/* The states of the lifecycle (List of ReadState); NIL without one. */
extern List *read_states(const SpecDataset *spec);
/* Has any state a restriction? */
extern bool read_is_restricted(const List *states);
extern ReadReach read_reach(const List *states, const char *party);

/* Parties that states name in "read" (List of char *). */
extern List *read_named_parties(const SpecDataset *spec);
/* Does the party's entry speak of the dataset's own table, not of a copy in
 * another store?  member is "reads" or "writes". */
extern bool read_speaks_of_table(const SpecDataset *spec,
								 const JsonbContainer *entry,
								 const char *member);
/* Has the last day of a consumer's access passed? */
extern bool read_expired(const JsonbContainer *consumer);
/* The consumer's entry; NULL if the party is none. */
extern const JsonbContainer *read_consumer(const SpecDataset *spec,
										   const char *party);

/*
 * Consumers that list attributes of the dataset's own table (List of
 * ReadColumns), those whose access has ended included if past is true.
 */
extern List *read_column_consumers(const SpecDataset *spec, bool past);
/* Parties that read whole rows (List of char *, each once). */
extern List *read_whole_parties(const SpecDataset *spec);
/* Is a column for whole-row readers alone?  columns as
 * read_column_consumers(spec, true) returns them. */
extern bool read_column_is_closed(const List *columns, const char *column);

extern void read_rules_init(void);

#endif /* OWNERSHIP_READ_RULES_H */
