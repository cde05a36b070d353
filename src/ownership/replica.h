/*-------------------------------------------------------------------------
 *
 * replica.h
 *		Guarding copies that are stored here: only their sync writes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_REPLICA_H
#define OWNERSHIP_REPLICA_H

/* Names of the triggers on a copy. */
#define TRIGGER_REPLICA "~spine_replica"
#define TRIGGER_REPLICA_TRUNCATE "~spine_replica_truncate"

/* Does any table of this database carry one of these triggers? */
extern bool replica_is_attached(void);

extern void replica_init(void);

#endif /* OWNERSHIP_REPLICA_H */
