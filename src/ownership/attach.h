/*-------------------------------------------------------------------------
 *
 * attach.h
 *		Triggers and constraints on governed tables: what must be there, and
 *		the statements that make it so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_ATTACH_H
#define OWNERSHIP_ATTACH_H

#include "catalog/spine_catalog.h"
#include "utils/snapshot.h"

extern void attach_init(void);

/* Does any table of this database carry one of the guard's triggers? */
extern bool guard_is_attached(void);

/* Is it one of the functions that the guard's triggers call? */
extern bool is_guard_function(Oid function);

/* Is the guard of this dataset attached at all?  spec may be NULL. */
extern bool wants_guard(const SpecDataset *spec);

/* Do its invariants stand as constraints? */
extern bool wants_constraints(const SpecDataset *spec);

/*
 * The guard's triggers by number, row triggers first; how many of them a
 * relation of that kind carries.
 */
extern int	attach_trigger_count(char relkind);
extern const char *attach_trigger_name(int n);

/*
 * Which of them are whole on one relation: bit n is set if the n-th is there
 * with its function and arguments, ENABLE ALWAYS.  snapshot NULL: as of now.
 */
extern uint32 attach_whole_triggers(Oid relid, const char *dataset,
									const char *child, Snapshot snapshot);

/* Is any of them there, whole or not? */
extern bool attach_is_attached(Oid relid, Snapshot snapshot);

/* How one of them fires now, as pg_trigger.tgenabled; 0 if it is not there. */
extern char attach_trigger_firing(Oid relid, int n);

/* Statements that give one member of the tree under root what it lacks of
 * them; NULL if nothing. */
extern char *attach_member_sql(const char *dataset, const char *child,
							   Oid root, Oid relid);

/* Statements that take them off a relation that left the tree; NULL if there
 * are none. */
extern char *attach_strip_sql(const char *dataset, Oid relid);

#endif /* OWNERSHIP_ATTACH_H */
