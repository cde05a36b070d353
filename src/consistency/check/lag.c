/*-------------------------------------------------------------------------
 *
 * lag.c
 *		How far a copy has got, in the source's own WAL.
 *
 * A physical standby says so itself.  Of a logical subscriber its slot knows,
 * on the source's side: what the slot has confirmed is applied and committed
 * there, as far as the table's initial copy has ended.  Either holds only for
 * a relation that is really fed that way: the very same one on a standby, one
 * of the same name that the subscription lists.
 *
 * Other copies tell nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/check/check.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* Milliseconds between two looks, at first and at last. */
#define FIRST_PAUSE 10
#define LONGEST_PAUSE 200
/* Milliseconds to wait for news of the copy. */
#define NEWS_WAIT 1000

/* Which database this is: cluster, oid, and whether it follows another. */
static const char identity_sql[] =
	"SELECT (SELECT s.system_identifier FROM pg_control_system() s), d.oid,"
	" pg_is_in_recovery() FROM pg_database d"
	" WHERE d.datname = current_database()";

/* The subscriptions that feed a relation, its partitions or what it is a
 * partition of: slots, and whether the initial copy has ended. */
static const char subscriptions_sql[] =
	"WITH RECURSIVE below AS (SELECT $1::oid AS oid UNION SELECT i.inhrelid"
	" FROM below b JOIN pg_inherits i ON i.inhparent = b.oid),"
	" above AS (SELECT $1::oid AS oid UNION SELECT i.inhparent"
	" FROM above a JOIN pg_inherits i ON i.inhrelid = a.oid)"
	" SELECT array_agg(DISTINCT s.subslotname::text)::text,"
	" bool_and(r.srsubstate = 'r' AND s.subslotname IS NOT NULL)"
	" FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid"
	" WHERE r.srrelid IN (SELECT oid FROM below UNION SELECT oid FROM above)"
	" HAVING count(*) > 0";

/* How many of the slots are here, and what they all have confirmed. */
static const char slots_sql[] =
	"SELECT count(*), cardinality($1::text[]), min(confirmed_flush_lsn)"
	" FROM pg_replication_slots WHERE slot_name::text = ANY ($1::text[])"
	" AND slot_type = 'logical' AND database = current_database()";

/*
 * Is the copy the source's own relation on a standby of its cluster?  The
 * source itself must not be read there: its copies would know better.
 */
static bool
is_standby(const Copy *copy)
{
	RemoteRows *source = side_query(copy->source, identity_sql, 0, NULL);
	RemoteRows *target = side_query(copy->target, identity_sql, 0, NULL);

	if (side_true(source, 0, 2))
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_INCOMPARABLE),
				 errmsg("the source of truth is reached on a standby"),
				 errdetail("Server \"%s\" is a standby; copies may be ahead "
						   "of it.",
						   copy->source->server)));
	return side_true(target, 0, 2) &&
		strcmp(side_value(source, 0, 0), side_value(target, 0, 0)) == 0 &&
		strcmp(side_value(source, 0, 1), side_value(target, 0, 1)) == 0 &&
		copy->source->relid == copy->target->relid;
}

/* Does the source's database hold the slots of the copy's subscriptions? */
static bool
is_subscriber(Check *check)
{
	const Copy *copy = check->copy;
	const char *relid[] = {psprintf("%u", copy->target->relid)};
	RemoteRows *rows;

	/* What comes through another copy is not confirmed to the source. */
	if (jb_get_text(copy->entry, "upstream") != NULL ||
		strcmp(copy->source->relation, copy->target->relation) != 0)
		return false;
	rows = side_query(copy->target, subscriptions_sql, 1, relid);
	if (rows->nrows == 0 || side_value(rows, 0, 0) == NULL)
		return false;
	check->lag.slots = side_value(rows, 0, 0);
	check->lag.synced = side_true(rows, 0, 1);
	rows = side_query(copy->source, slots_sql, 1, &check->lag.slots);
	return side_number(rows, 0, 0) > 0 &&
		side_number(rows, 0, 0) == side_number(rows, 0, 1);
}

void
lag_find(Check *check)
{
	const Copy *copy = check->copy;

	if (copy->source->remote == NULL && copy->target->remote == NULL)
		check->lag.kind = LAG_NONE;
	else if (is_standby(copy))
		check->lag.kind = LAG_STANDBY;
	else if (is_subscriber(check))
		check->lag.kind = LAG_LOGICAL;
	else
		check->lag.kind = LAG_TIME;
}

bool
lag_by_position(const Check *check)
{
	return check->lag.kind == LAG_STANDBY || check->lag.kind == LAG_LOGICAL;
}

static XLogRecPtr
standby_position(Check *check)
{
	RemoteRows *rows = side_query(check->copy->target,
								  "SELECT pg_last_wal_replay_lsn(),"
								  " pg_last_xact_replay_timestamp()",
								  0, NULL);

	check->lag.replayed_at = side_value(rows, 0, 1);
	return side_lsn(rows, 0, 0);
}

static XLogRecPtr
subscriber_position(Check *check)
{
	RemoteRows *rows;

	if (!check->lag.synced)
		return InvalidXLogRecPtr;
	rows = side_query(check->copy->source, slots_sql, 1, &check->lag.slots);
	/* A slot that is gone has confirmed nothing any more. */
	if (side_number(rows, 0, 0) != side_number(rows, 0, 1))
		return InvalidXLogRecPtr;
	return side_lsn(rows, 0, 2);
}

XLogRecPtr
lag_position(Check *check)
{
	switch (check->lag.kind)
	{
		case LAG_STANDBY:
			check->lag.reached = standby_position(check);
			break;
		case LAG_LOGICAL:
			check->lag.reached = subscriber_position(check);
			break;
		default:
			check->lag.reached = InvalidXLogRecPtr;
			break;
	}
	return check->lag.reached;
}

/* Let some time pass that whatever ends the statement ends too. */
void
lag_pause(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

bool
lag_wait(Check *check, XLogRecPtr position, TimestampTz until)
{
	long		pause = FIRST_PAUSE;

	while (lag_position(check) < position)
	{
		if (GetCurrentTimestamp() >= until ||
			(check->lag.kind == LAG_LOGICAL && !check->lag.synced))
			return false;
		lag_pause(pause);
		pause = Min(pause * 2, LONGEST_PAUSE);
	}
	return true;
}

/*
 * Whether it has got to where the source was when the check began.  News of
 * that may take a moment longer than what they are of.
 */
void
lag_measure(Check *check)
{
	if (lag_by_position(check) && lag_position(check) < check->as_of &&
		check->suspects == NIL)
		(void) lag_wait(check, check->as_of,
						TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													NEWS_WAIT));
}
