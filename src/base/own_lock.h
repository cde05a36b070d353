/*-------------------------------------------------------------------------
 *
 * own_lock.h
 *		Locks of our own, which nothing but our code can take.
 *
 * They are heavyweight locks of this database, among the advisory locks but
 * of classes that no SQL function reaches, so that nobody can delay us by
 * taking one by its number.  pg_locks shows the class as objsubid.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_OWN_LOCK_H
#define SPINE_OWN_LOCK_H

#include "storage/lock.h"

/* What is locked.  SQL's own advisory locks are of the classes 1 and 2. */
typedef enum OwnLock
{
	OWN_LOCK_JOB = 3,	 /* a job, while it runs */
	OWN_LOCK_SUBJECT,	 /* a subject, while its versions change */
	OWN_LOCK_PAGE_CACHE, /* a table's page cache, while it is used */
	OWN_LOCK_CHECK,		 /* a copy, while it is checked */
	OWN_LOCK_REPAIR		 /* a copy, while it is repaired */
} OwnLock;

/* The lock of that class with two numbers, for LockAcquire. */
extern void own_lock_tag(LOCKTAG *tag, OwnLock what, uint32 a, uint32 b);

/* Take that of a name until the transaction ends; names are told apart by
 * their hash. */
extern void own_lock(OwnLock what, const char *name);
/* The same without waiting; false if another process has it. */
extern bool own_lock_try(OwnLock what, const char *name);

#endif /* SPINE_OWN_LOCK_H */
