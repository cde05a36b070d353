/*-------------------------------------------------------------------------
 *
 * shared.c
 *		What launcher, stewards and backends tell one another.
 *
 * Backends ask for a steward by raising the flag of their database, which it
 * may share with others: then these get a visit, too.  The launcher lowers a
 * flag before the steward starts, so whoever raises it later, or finds it
 * raised, is served by a steward that starts later.
 *
 * Nothing here points into a process; the launcher's latch is the one in its
 * slot of the server's own shared memory, which stays a latch when the slot
 * changes hands.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
#include "worker/worker_internal.h"

/* Flags of databases, a power of two. */
#define REQUEST_FLAGS 1024

typedef struct WorkerShared
{
	slock_t			 mutex;	   /* guards all but the flags */
	Latch			*launcher; /* NULL: there is none */
	int				 launcher_pid;
	StewardPlace	 places[ALL_PLACES];
	pg_atomic_uint32 requests[REQUEST_FLAGS];
} WorkerShared;

static WorkerShared *shared = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

/* ---- the memory ---- */

static void
request_memory(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(WorkerShared)));
}

static void
find_memory(void)
{
	bool found;

	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("spine workers", sizeof(WorkerShared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(WorkerShared));
		SpinLockInit(&shared->mutex);
		for (int i = 0; i < REQUEST_FLAGS; i++)
			pg_atomic_init_u32(&shared->requests[i], 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

bool
workers_preloaded(void)
{
	return shared != NULL;
}

/* ---- the launcher ---- */

int
launcher_pid(void)
{
	int pid;

	if (shared == NULL)
		return 0;
	SpinLockAcquire(&shared->mutex);
	pid = shared->launcher_pid;
	SpinLockRelease(&shared->mutex);
	return pid;
}

static void
launcher_exit(int code, Datum arg)
{
	SpinLockAcquire(&shared->mutex);
	if (shared->launcher_pid == MyProcPid)
	{
		shared->launcher = NULL;
		shared->launcher_pid = 0;
	}
	SpinLockRelease(&shared->mutex);
}

/*
 * Stewards that were asked for by a launcher that is gone find that their
 * turn has passed; those that run leave by themselves.
 */
void
launcher_enter(void)
{
	on_shmem_exit(launcher_exit, 0);
	SpinLockAcquire(&shared->mutex);
	shared->launcher = MyLatch;
	shared->launcher_pid = MyProcPid;
	for (int i = 0; i < ALL_PLACES; i++)
		if (shared->places[i].state == PLACE_STARTING)
		{
			shared->places[i].turn++;
			shared->places[i].state = PLACE_FREE;
		}
	SpinLockRelease(&shared->mutex);
}

static void
wake_launcher(void)
{
	Latch *latch;

	SpinLockAcquire(&shared->mutex);
	latch = shared->launcher;
	SpinLockRelease(&shared->mutex);
	if (latch != NULL)
		SetLatch(latch);
}

/* ---- requests ---- */

uint32
request_number(Oid database)
{
	return murmurhash32(database) & (REQUEST_FLAGS - 1);
}

/* JobRequestHook */
static void
request_raise(void)
{
	pg_atomic_uint32 *flag;

	if (shared == NULL || !OidIsValid(MyDatabaseId))
		return;
	flag = &shared->requests[request_number(MyDatabaseId)];

	/* What is to be found by the steward is written before the flag is read:
	 * one that is still raised is lowered later than that. */
	pg_memory_barrier();
	if (pg_atomic_read_u32(flag) != 0)
		return;
	if (pg_atomic_exchange_u32(flag, 1) == 0)
		wake_launcher();
}

bool
request_pending(Oid database)
{
	return pg_atomic_read_u32(&shared->requests[request_number(database)]) !=
		0;
}

void
request_take(uint32 number)
{
	(void) pg_atomic_exchange_u32(&shared->requests[number], 0);
}

/* ---- stewards' places ---- */

StewardPlace
place_read(int n)
{
	StewardPlace place;

	SpinLockAcquire(&shared->mutex);
	place = shared->places[n];
	SpinLockRelease(&shared->mutex);
	return place;
}

uint32
place_take(int n, Oid database)
{
	StewardPlace *place = &shared->places[n];
	TimestampTz	  now = GetCurrentTimestamp();
	uint32		  turn;

	SpinLockAcquire(&shared->mutex);
	turn = ++place->turn;
	place->database = database;
	place->pid = 0;
	place->finished = false;
	place->at_home = false;
	place->long_wanted = false;
	place->due = 0;
	place->since = now;
	place->state = PLACE_STARTING;
	SpinLockRelease(&shared->mutex);
	return turn;
}

bool
place_give_up(int n, uint32 turn)
{
	StewardPlace *place = &shared->places[n];
	bool		  given_up;

	SpinLockAcquire(&shared->mutex);
	given_up = place->state == PLACE_STARTING && place->turn == turn;
	if (given_up)
	{
		place->turn++;
		place->state = PLACE_FREE;
	}
	SpinLockRelease(&shared->mutex);
	return given_up;
}

void
place_clear(int n)
{
	SpinLockAcquire(&shared->mutex);
	if (shared->places[n].state == PLACE_LEFT)
		shared->places[n].state = PLACE_FREE;
	SpinLockRelease(&shared->mutex);
}

/* The steward's process ends, whichever way. */
static void
place_exit(int code, Datum arg)
{
	StewardPlace *place = &shared->places[DatumGetInt32(arg)];

	SpinLockAcquire(&shared->mutex);
	if (place->state == PLACE_RUNNING && place->pid == MyProcPid)
		place->state = PLACE_LEFT;
	SpinLockRelease(&shared->mutex);
	wake_launcher();
}

bool
place_enter(int n, uint32 turn, Oid *database)
{
	StewardPlace *place = &shared->places[n];
	TimestampTz	  now = GetCurrentTimestamp();
	bool		  mine;

	SpinLockAcquire(&shared->mutex);
	mine = place->state == PLACE_STARTING && place->turn == turn;
	if (mine)
	{
		place->pid = MyProcPid;
		*database = place->database;
		place->since = now;
		place->state = PLACE_RUNNING;
	}
	SpinLockRelease(&shared->mutex);
	if (mine)
		on_shmem_exit(place_exit, Int32GetDatum(n));
	return mine;
}

void
place_report(int n, bool at_home, TimestampTz due, bool long_wanted)
{
	StewardPlace *place = &shared->places[n];

	SpinLockAcquire(&shared->mutex);
	place->finished = true;
	place->at_home = at_home;
	place->due = due;
	place->long_wanted = long_wanted;
	SpinLockRelease(&shared->mutex);
}

void
shared_init(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = find_memory;
	job_request_hook = request_raise;
}
