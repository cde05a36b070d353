/*-------------------------------------------------------------------------
 *
 * turn.c
 *		Checks of a copy follow one another, and so do its repairs.
 *
 * Everybody may take the advisory locks that SQL has, so whoever held one of
 * those could keep copies from being checked.  These are of other classes.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "common/hashfn.h"
#include "consistency/turn.h"
#include "miscadmin.h"
#include "storage/lock.h"

bool
take_turn(Turn turn, const char *placement, bool wait)
{
	LOCKTAG		tag;
	uint64		hash = hash_bytes_extended((const unsigned char *) placement,
										   (int) strlen(placement), 0);

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32),
						 (uint32) hash, turn);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) !=
		LOCKACQUIRE_NOT_AVAIL;
}
