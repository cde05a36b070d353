/*-------------------------------------------------------------------------
 *
 * guard.h
 *		The triggers' part of the ownership room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_GUARD_H
#define OWNERSHIP_GUARD_H

/* Names of the triggers on a governed table. */
#define TRIGGER_GUARD "~spine_guard"
#define TRIGGER_INSERT "~spine_guard_insert"
#define TRIGGER_TRUNCATE "~spine_guard_truncate"
#define TRIGGER_FLUSH "~spine_guard_flush"

extern void guard_init(void);

#endif /* OWNERSHIP_GUARD_H */
