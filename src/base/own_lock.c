/*-------------------------------------------------------------------------
 *
 * own_lock.c
 *		Locks of our own, which nothing but our code can take.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/own_lock.h"
#include "common/hashfn.h"
#include "miscadmin.h"

void
own_lock_tag(LOCKTAG *tag, OwnLock what, uint32 a, uint32 b)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, a, b, what);
}

static void
named_tag(LOCKTAG *tag, OwnLock what, const char *name)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) name,
									  (int) strlen(name), 0);

	own_lock_tag(tag, what, (uint32) (hash >> 32), (uint32) hash);
}

void
own_lock(OwnLock what, const char *name)
{
	LOCKTAG		tag;

	named_tag(&tag, what, name);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

bool
own_lock_try(OwnLock what, const char *name)
{
	LOCKTAG		tag;

	named_tag(&tag, what, name);
	return LockAcquire(&tag, ExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}
