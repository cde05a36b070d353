/*-------------------------------------------------------------------------
 *
 * launcher.c
 *		Sends stewards into databases.
 *
 * The launcher is connected to no database, so it stands in nobody's way.
 * A steward stays for one round of due jobs; a few of them may be out at a
 * time, and the database that waited longest is next.  For long jobs there
 * are stewards of a lane of their own, sent where another one found that such
 * a job is wanted.  Whoever drops, renames
 * or copies a database holds a lock on it and waits for its sessions to end:
 * the launcher sees the lock and calls its steward back.
 *
 * What it knows of the databases is its own and lost with it: the next
 * launcher sends a steward everywhere and knows again.  It ends with exit
 * code 1 on SIGTERM, since one that ends with 0 is never started again.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <signal.h>

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/settings.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/worker_internal.h"

/* Seconds until a database without the extension is looked at again. */
#define STRANGER_INTERVAL 60
/* Seconds between looks at the list of databases. */
#define LIST_INTERVAL 10
/* Milliseconds between looks whether a steward stands in somebody's way. */
#define GIVE_WAY_INTERVAL 500
/* Seconds after which a steward that never came is given up. */
#define START_TIMEOUT 60
/* Seconds of the longest pause after failures. */
#define LONGEST_PAUSE 300
/* Seconds between complaints that there is no slot. */
#define COMPLAINT_INTERVAL 300

/* Visits to a database in one lane. */
typedef struct Visits
{
	bool		asked;	  /* somebody wants a steward */
	TimestampTz due;	  /* when the next visit is due */
	TimestampTz visited;  /* when the last one ended */
	int			failures; /* visits in a row that ended badly */
} Visits;

/* A database that stewards are sent to. */
typedef struct Database
{
	Oid	   oid;
	bool   listed; /* still there at the last look */
	Visits visits[LANES];
} Database;

static List		  *databases = NIL;	  /* of Database */
static TimestampTz listed_at = 0;	  /* when they were last looked up */
static bool		   woken = true;	  /* since then: maybe by a new one */
static TimestampTz no_slot_until = 0; /* no start is tried before */
static TimestampTz complained_at = 0;
static int		   no_slot_pause = 0; /* milliseconds */
static BackgroundWorkerHandle *handles[ALL_PLACES];

static TimestampTz
seconds_after(TimestampTz t, int seconds)
{
	return TimestampTzPlusMilliseconds(t, (int64) seconds * 1000);
}

/* ---- the list of databases ---- */

static Database *
find_database(Oid oid)
{
	ListCell *lc;

	foreach (lc, databases)
		if (((Database *) lfirst(lc))->oid == oid)
			return lfirst(lc);
	return NULL;
}

/* Keep a database, in memory that outlives the transaction. */
static void
list_database(Oid oid)
{
	Database *database = find_database(oid);

	if (database == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		database = palloc0(sizeof(Database));
		database->oid = oid;
		database->visits[LANE_LONG].due = DT_NOEND;
		databases = lappend(databases, database);
		MemoryContextSwitchTo(old);
	}
	database->listed = true;
}

static void
forget_unlisted(void)
{
	ListCell *lc;

	foreach (lc, databases)
	{
		Database *database = lfirst(lc);

		if (database->listed)
			continue;
		databases = foreach_delete_current(databases, lc);
		pfree(database);
	}
}

/* Templates are for copying, and what is half dropped lets nobody in. */
static bool
may_be_visited(Form_pg_database form)
{
	return form->datallowconn && !form->datistemplate &&
		form->datconnlimit >= -1;
}

static void
list_databases(void)
{
	Relation	  rel;
	TableScanDesc scan;
	HeapTuple	  tuple;
	ListCell	 *lc;

	foreach (lc, databases)
		((Database *) lfirst(lc))->listed = false;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (may_be_visited(form))
			list_database(form->oid);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();

	forget_unlisted();
	listed_at = GetCurrentTimestamp();
	woken = false;
}

/* When to look again: soon if somebody woke us, as he may be in a new one. */
static TimestampTz
list_due(void)
{
	return seconds_after(listed_at, woken ? 1 : LIST_INTERVAL);
}

/* ---- stewards ---- */

/* Is a steward of the lane there, or on its way? */
static bool
is_visited(Oid database, Lane lane)
{
	for (int i = 0; i < ALL_PLACES; i++)
	{
		StewardPlace place;

		if (lane_of(i) != lane)
			continue;
		place = place_read(i);
		if (place.state != PLACE_FREE && place.database == database)
			return true;
	}
	return false;
}

/* The pause after so many failures in a row. */
static int
pause_after(int failures)
{
	int pause = spine_steward_interval;

	while (failures-- > 1 && pause < LONGEST_PAUSE)
		pause *= 2;
	return Min(pause, Max(LONGEST_PAUSE, spine_steward_interval));
}

/* A visit is over: when is the next one? */
static void
visit_over(const StewardPlace *place, Lane lane)
{
	Database   *database = find_database(place->database);
	TimestampTz now = GetCurrentTimestamp();
	Visits	   *visits;

	if (database == NULL)
		return;
	visits = &database->visits[lane];
	visits->visited = now;
	if (!place->finished)
	{
		visits->failures++;
		visits->due = seconds_after(now, pause_after(visits->failures));
		return;
	}
	visits->failures = 0;
	if (place->long_wanted)
		database->visits[LANE_LONG].asked = true;
	if (place->at_home && place->due == 0)
		/* It left work behind; others come first. */
		visits->due = now;
	else if (lane == LANE_LONG)
		visits->due = DT_NOEND;
	else if (!place->at_home)
		visits->due = seconds_after(now, STRANGER_INTERVAL);
	else
		visits->due =
			Max(place->due, seconds_after(now, spine_steward_interval));
}

/* A steward that could not be started ends up nowhere. */
static bool
never_came(int n, const StewardPlace *place)
{
	pid_t pid;

	if (handles[n] != NULL &&
		GetBackgroundWorkerPid(handles[n], &pid) == BGWH_STOPPED)
		return true;
	return seconds_after(place->since, START_TIMEOUT) < GetCurrentTimestamp();
}

static void
release_handle(int n)
{
	if (handles[n] != NULL)
		pfree(handles[n]);
	handles[n] = NULL;
}

/* Take note of stewards that left.  Counts those that are out, by lane. */
static void
take_back_stewards(int out[LANES])
{
	memset(out, 0, sizeof(int) * LANES);
	for (int i = 0; i < ALL_PLACES; i++)
	{
		StewardPlace place = place_read(i);

		if (place.state == PLACE_LEFT)
		{
			visit_over(&place, lane_of(i));
			place_clear(i);
			release_handle(i);
		}
		else if (place.state == PLACE_STARTING && never_came(i, &place) &&
				 place_give_up(i, place.turn))
		{
			visit_over(&place, lane_of(i));
			release_handle(i);
		}
		else if (place.state != PLACE_FREE)
			out[lane_of(i)]++;
	}
}

/*
 * Does somebody drop, rename, move or copy the database?  He waits for its
 * sessions to end with this lock held, and new ones wait for him.
 */
static bool
is_locked(Oid database)
{
	LOCKTAG tag;
	bool	locked;

	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
	StartTransactionCommand();
	locked = LockAcquire(&tag, RowExclusiveLock, false, true) ==
		LOCKACQUIRE_NOT_AVAIL;
	CommitTransactionCommand();
	return locked;
}

/* Call back stewards that somebody waits for. */
static void
give_way(void)
{
	for (int i = 0; i < ALL_PLACES; i++)
	{
		StewardPlace place = place_read(i);

		CHECK_FOR_INTERRUPTS();
		if (place.state != PLACE_RUNNING ||
			TimestampTzPlusMilliseconds(place.since, GIVE_WAY_INTERVAL) >
				GetCurrentTimestamp() ||
			!is_locked(place.database))
			continue;
		/* It may have left while we looked. */
		if (place_read(i).turn == place.turn &&
			place_read(i).state == PLACE_RUNNING)
			(void) kill(place.pid, SIGTERM);
	}
}

/* ---- sending them ---- */

static int
free_place(Lane lane)
{
	for (int i = 0; i < ALL_PLACES; i++)
		if (lane_of(i) == lane && place_read(i).state == PLACE_FREE)
			return i;
	return -1;
}

/* How many stewards may be out in a lane. */
static int
most_stewards(Lane lane)
{
	return lane == LANE_LONG ? spine_max_long_stewards : spine_max_stewards;
}

/*
 * All slots are taken, by others or by stewards: wait, and say so where it is
 * more than a steward's that is just leaving.
 */
static void
no_slot(Oid database)
{
	TimestampTz now = GetCurrentTimestamp();

	no_slot_pause = no_slot_pause == 0 ? 100 : Min(no_slot_pause * 2, 60000);
	no_slot_until = TimestampTzPlusMilliseconds(now, no_slot_pause);
	if (no_slot_pause < 1000 ||
		(complained_at != 0 &&
		 now < seconds_after(complained_at, COMPLAINT_INTERVAL)))
		return;
	complained_at = now;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("no background worker slot for a steward of spine"),
			 errdetail("The jobs of database %u and of others wait.",
					   database),
			 errhint("Raise max_worker_processes, or lower "
					 "spine.max_stewards and spine.max_long_stewards.")));
}

/* Turn and number of the place, as the steward's argument. */
static Datum
steward_argument(int n, uint32 turn)
{
	return Int64GetDatum((int64) (((uint64) turn << 8) | n));
}

static bool
send_steward(Database *database, int n)
{
	BackgroundWorker worker = {0};
	Lane			 lane = lane_of(n);
	const char		*type =
		 lane == LANE_LONG ? "spine long steward" : "spine steward";
	uint32		  turn;
	MemoryContext old;
	bool		  registered;

	strlcpy(worker.bgw_name, type, BGW_MAXLEN);
	strlcpy(worker.bgw_type, type, BGW_MAXLEN);
	worker.bgw_flags =
		BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "spine", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "spine_steward_main",
			sizeof(worker.bgw_function_name));
	worker.bgw_notify_pid = MyProcPid;

	if (lane == LANE_SHORT)
		request_take(request_number(database->oid));
	turn = place_take(n, database->oid);
	worker.bgw_main_arg = steward_argument(n, turn);
	release_handle(n);
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &handles[n]);
	MemoryContextSwitchTo(old);
	if (!registered)
	{
		handles[n] = NULL;
		(void) place_give_up(n, turn);
		no_slot(database->oid);
		return false;
	}
	no_slot_pause = 0;
	database->visits[lane].asked = false;
	return true;
}

/* Several databases may share a flag: each one's wish is kept by itself, as
 * the first steward lowers it. */
static void
collect_requests(void)
{
	ListCell *lc;

	foreach (lc, databases)
	{
		Database *database = lfirst(lc);

		if (request_pending(database->oid))
			database->visits[LANE_SHORT].asked = true;
	}
}

/* When a database's turn is: asked for, a second after the last visit. */
static TimestampTz
due_at(const Database *database, Lane lane)
{
	const Visits *visits = &database->visits[lane];

	if (visits->asked && visits->failures == 0)
		return Min(visits->due, seconds_after(visits->visited, 1));
	return visits->due;
}

/* The database that has waited longest, if any is due. */
static Database *
next_database(Lane lane, TimestampTz now)
{
	Database *next = NULL;
	ListCell *lc;

	foreach (lc, databases)
	{
		Database *database = lfirst(lc);

		if (due_at(database, lane) <= now &&
			!is_visited(database->oid, lane) &&
			(next == NULL || due_at(database, lane) < due_at(next, lane)))
			next = database;
	}
	return next;
}

/* Send stewards of a lane, of which so many are out. */
static void
send_stewards(Lane lane, int out)
{
	Database *database;
	int		  n;

	while (out < most_stewards(lane) &&
		   GetCurrentTimestamp() >= no_slot_until &&
		   (database = next_database(lane, GetCurrentTimestamp())) != NULL &&
		   (n = free_place(lane)) >= 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_locked(database->oid))
		{
			database->visits[lane].due = database->visits[lane].visited =
				seconds_after(GetCurrentTimestamp(), 1);
			continue;
		}
		if (!send_steward(database, n))
			break;
		out++;
	}
}

/* ---- the loop ---- */

/* Milliseconds until there is something to do by itself. */
static long
pause_until_next(const int out[LANES])
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = list_due();
	ListCell   *lc;

	/* The end of a visit wakes us. */
	for (Lane lane = LANE_SHORT; lane <= LANE_LONG; lane++)
		if (out[lane] < most_stewards(lane))
			foreach (lc, databases)
			{
				Database *database = lfirst(lc);

				if (!is_visited(database->oid, lane))
					until =
						Min(until, Max(due_at(database, lane), no_slot_until));
			}
	if (out[LANE_SHORT] + out[LANE_LONG] > 0)
		until =
			Min(until, TimestampTzPlusMilliseconds(now, GIVE_WAY_INTERVAL));
	return Max(TimestampDifferenceMilliseconds(now, until), 0);
}

/*
 * One turn of the loop; returns how long there is nothing to do. */
static long
launch(void)
{
	int out[LANES];

	take_back_stewards(out);
	give_way();
	if (!spine_workers)
		return out[LANE_SHORT] + out[LANE_LONG] > 0 ? GIVE_WAY_INTERVAL :
													  LIST_INTERVAL * 1000L;
	if (list_due() <= GetCurrentTimestamp())
		list_databases();
	collect_requests();
	for (Lane lane = LANE_SHORT; lane <= LANE_LONG; lane++)
		send_stewards(lane, out[lane]);
	take_back_stewards(out);
	return pause_until_next(out);
}

/* The launcher's process. */
void
spine_launcher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("spine launcher");
	launcher_enter();

	for (;;)
	{
		long pause;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}

		pause = launch();
		if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					  pause, PG_WAIT_EXTENSION) &
			WL_LATCH_SET)
			woken = true;
		ResetLatch(MyLatch);
	}
}

void
launcher_init(void)
{
	BackgroundWorker worker = {0};

	strlcpy(worker.bgw_name, "spine launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "spine launcher", BGW_MAXLEN);
	worker.bgw_flags =
		BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "spine", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "spine_launcher_main",
			sizeof(worker.bgw_function_name));
	RegisterBackgroundWorker(&worker);
}
