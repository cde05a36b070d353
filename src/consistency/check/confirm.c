/*-------------------------------------------------------------------------
 *
 * confirm.c
 *		Reading suspects again, on both sides, until lag is ruled out.
 *
 * A row that differs while both sides are read at different times need not be
 * drift: the copy may be behind, or ahead.  So, for each suspect:
 *
 *	1. the source's row is read, and then its position in the WAL;
 *	2. the copy must get past that position;
 *	3. the copy's row is read;
 *	4. the source's row is read again, and must be the same version.
 *
 * Then what the copy showed lies between two moments at which the source had
 * one and the same version, and if it is another one, that is drift.
 *
 * Rows that the copy has too many may have come and gone at the source between
 * those moments, unseen.  So they are read in the copy once more, when it is
 * past the source's position of step 4: if they are the same versions still,
 * the copy had them while it was where the source had none of them.
 *
 * One thing more must not be: a transaction that the copy already shows while
 * it is still running at the source, waiting for its synchronous standby.  It
 * would have left its mark in the row's xmax; where there is no row that
 * could bear a mark, all transactions that had begun when the copy was read
 * must have ended before step 4.
 *
 * A copy that does not tell how far it is can only be held to its bound: a
 * suspect that passed steps 1, 3 and 4 is steady, and becomes drift when it
 * was so for longer than the bound (account.c).
 *
 * Either way a suspect that equals what the source had at step 1 or has at
 * step 4 is equal.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/transam.h"
#include "access/xact.h"
#include "base/settings.h"
#include "consistency/check/check.h"
#include "consistency/progress.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Milliseconds between two rounds, at first and at last. */
#define FIRST_PAUSE 50
#define LONGEST_PAUSE 1000
/* Transactions that are looked at one by one, at most. */
#define MOST_TRANSACTIONS 100000
/* Rounds for copies that do not tell how far they are. */
#define ROUNDS_BY_TIME 3

/* Suspects about which nothing is known yet. */
static List *
open_suspects(const Check *check)
{
	List	   *open = NIL;
	ListCell   *lc;

	foreach (lc, check->suspects)
		if (((Suspect *) lfirst(lc))->state == SUSPECT_OPEN)
			open = lappend(open, lfirst(lc));
	return open;
}

/* Read suspects on one side at this very moment. */
static void
read_now(Check *check, Side *side, const List *suspects)
{
	/* There, a statement has a snapshot of its own. */
	if (side->remote == NULL)
		sides_begin(side, NULL);
	read_suspects(check, side, suspects);
	if (side->remote == NULL)
		sides_end(side, NULL);
}

/* ---- versions ---- */

/* What the source showed of each suspect at an earlier step. */
static List *
source_rows(const List *suspects)
{
	List	   *rows = NIL;
	ListCell   *lc;

	foreach (lc, suspects)
		rows = lappend(rows, ((Suspect *) lfirst(lc))->source);
	return rows;
}

/* Are these the same versions of the same rows?  Both are in order. */
static bool
same_versions(const List *a, const List *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a) != list_length(b))
		return false;
	forboth (la, a, lb, b)
	{
		const SameRows *ra = lfirst(la);
		const SameRows *rb = lfirst(lb);

		if (ra->count != rb->count || strcmp(ra->digest, rb->digest) != 0 ||
			strcmp(ra->identity, rb->identity) != 0)
			return false;
	}
	return true;
}

/* Does the copy hold what the source held when these were its rows? */
static bool
equals_source(const Suspect *suspect, const List *source)
{
	Suspect		then = *suspect;
	int64		missing;
	int64		extra;

	then.source = (List *) source;
	compare_suspect(&then, &missing, &extra);
	return missing == 0 && extra == 0;
}

/*
 * Would whoever changes the suspect's row have marked it?  Not if there is no
 * row at the source, or if there may be another one of the same key.
 */
static bool
change_would_show(const Check *check, const Suspect *suspect)
{
	ListCell   *lc;
	int64		missing;
	int64		extra;

	if (!check->copy->source->versions || suspect->source == NIL)
		return false;
	compare_suspect(suspect, &missing, &extra);
	if (extra > 0 && !check->copy->unique)
		return false;
	foreach (lc, suspect->source)
		if (((SameRows *) lfirst(lc))->touched)
			return false;
	return true;
}

/* ---- transactions at the source ---- */

/* A number greater than that of any transaction that has begun. */
static uint64
next_transaction(Side *source)
{
	RemoteRows *rows;

	if (source->remote == NULL)
		return U64FromFullTransactionId(ReadNextFullTransactionId());
	/* There, nothing but a transaction's own number tells. */
	rows = side_query(source, "SELECT pg_current_xact_id()", 0, NULL);
	return strtoull(side_value(rows, 0, 0), NULL, 10);
}

/* Have all others' transactions here with lesser numbers ended? */
static bool
have_ended_here(TransactionId next)
{
	TransactionId xid = GetLatestSnapshot()->xmin;

	for (int n = 0; TransactionIdPrecedes(xid, next); n++)
	{
		if (n > MOST_TRANSACTIONS ||
			(TransactionIdIsInProgress(xid) &&
			 !TransactionIdIsCurrentTransactionId(xid)))
			return false;
		TransactionIdAdvance(xid);
	}
	return true;
}

static bool
have_ended(Side *source, uint64 next)
{
	RemoteRows *rows;

	if (source->remote == NULL)
		return have_ended_here((TransactionId) next);
	rows = side_query(source, "SELECT pg_snapshot_xmin(pg_current_snapshot())",
					  0, NULL);
	return strtoull(side_value(rows, 0, 0), NULL, 10) >= next;
}

/* Wait a while until they have. */
static bool
wait_for_transactions(Side *source, uint64 next, TimestampTz until)
{
	long		pause = FIRST_PAUSE / 5;

	while (!have_ended(source, next))
	{
		if (GetCurrentTimestamp() >= until)
			return false;
		lag_pause(pause);
		pause = Min(pause * 2, LONGEST_PAUSE);
	}
	return true;
}

/* Do any of the suspects need that? */
static bool
any_unmarked(const Check *check, const List *suspects)
{
	ListCell   *lc;

	foreach (lc, suspects)
	{
		const Suspect *suspect = lfirst(lc);

		if (!equals_source(suspect, suspect->source) &&
			!change_would_show(check, suspect))
			return true;
	}
	return false;
}

/* ---- copies that tell how far they are ---- */

/*
 * Is nothing wrong with the copy but rows too many, which may have been at the
 * source in between?  Of a key that is unique there is no other row while
 * there is one.
 */
static bool
may_have_been_there(const Check *check, const Suspect *suspect)
{
	int64		missing;
	int64		extra;

	compare_suspect(suspect, &missing, &extra);
	return missing == 0 && !(check->copy->unique && suspect->source != NIL);
}

/* Judge a suspect; true if its rows in the copy must be read once more. */
static bool
judge_by_position(const Check *check, Suspect *suspect, const List *before,
				  bool all_ended)
{
	if (equals_source(suspect, before) ||
		equals_source(suspect, suspect->source))
		suspect->state = SUSPECT_EQUAL;
	else if (same_versions(before, suspect->source) &&
			 (all_ended || change_would_show(check, suspect)))
	{
		if (may_have_been_there(check, suspect))
			return check->copy->target->versions;
		suspect->state = SUSPECT_CONFIRMED;
	}
	return false;
}

/* Are rows too many the same once the copy is past where they were not? */
static void
judge_extra_rows(Check *check, const List *suspects, TimestampTz until)
{
	Copy	   *copy = check->copy;
	List	   *before = NIL;
	ListCell   *lc;
	ListCell   *lb;

	if (suspects == NIL ||
		!lag_wait(check, side_sent_position(copy->source), until))
		return;
	foreach (lc, suspects)
		before = lappend(before, ((Suspect *) lfirst(lc))->copy);
	read_now(check, copy->target, suspects);
	forboth (lc, suspects, lb, before)
		if (same_versions(lfirst(lb), ((Suspect *) lfirst(lc))->copy))
			((Suspect *) lfirst(lc))->state = SUSPECT_CONFIRMED;
}

/* Steps 1 to 4 for those that are open; false if it is too late. */
static bool
round_by_position(Check *check, TimestampTz until)
{
	Copy	   *copy = check->copy;
	List	   *suspects = open_suspects(check);
	List	   *before;
	List	   *extra = NIL;
	bool		all_ended = false;
	ListCell   *lc;
	ListCell   *lb;

	read_now(check, copy->source, suspects);
	before = source_rows(suspects);
	if (!lag_wait(check, side_sent_position(copy->source), until))
		return false;
	read_now(check, copy->target, suspects);
	if (any_unmarked(check, suspects))
		all_ended = wait_for_transactions(
			copy->source, next_transaction(copy->source),
			Min(until,
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											LONGEST_PAUSE)));
	read_now(check, copy->source, suspects);
	forboth (lc, suspects, lb, before)
		if (judge_by_position(check, lfirst(lc), lfirst(lb), all_ended))
			extra = lappend(extra, lfirst(lc));
	judge_extra_rows(check, extra, until);
	return true;
}

static void
confirm_by_position(Check *check, TimestampTz until)
{
	long		pause = FIRST_PAUSE;

	while (round_by_position(check, until))
	{
		if (open_suspects(check) == NIL || GetCurrentTimestamp() >= until)
			return;
		lag_pause(pause);
		pause = Min(pause * 2, LONGEST_PAUSE);
	}
}

/* ---- copies that do not ---- */

static void
judge_by_time(Suspect *suspect, const List *before)
{
	if (equals_source(suspect, before) ||
		equals_source(suspect, suspect->source))
		suspect->state = SUSPECT_EQUAL;
	else if (same_versions(before, suspect->source))
		suspect->state = SUSPECT_STEADY;
}

static void
round_by_time(Check *check)
{
	Copy	   *copy = check->copy;
	List	   *suspects = open_suspects(check);
	List	   *before;
	ListCell   *lc;
	ListCell   *lb;

	read_now(check, copy->source, suspects);
	before = source_rows(suspects);
	read_now(check, copy->target, suspects);
	read_now(check, copy->source, suspects);
	forboth (lc, suspects, lb, before)
		judge_by_time(lfirst(lc), lfirst(lb));
}

static void
confirm_by_time(Check *check)
{
	for (int i = 0; i < ROUNDS_BY_TIME && open_suspects(check) != NIL; i++)
	{
		if (i > 0)
			lag_pause(FIRST_PAUSE);
		round_by_time(check);
	}
}

/* ---- copies that were read together with the source ---- */

/*
 * One snapshot read both.  A foreign table took one of its own when it was
 * first asked, later than the source was read: then the source is to be the
 * same still.  Where the source itself is one, nothing can be told by reading
 * it again, since what was taken stays for the transaction.
 */
static void
confirm_together(Check *check)
{
	Copy	   *copy = check->copy;
	List	   *before = source_rows(check->suspects);
	ListCell   *lc;
	ListCell   *lb;

	if (copy->target->own_snapshot && !copy->source->own_snapshot)
		read_now(check, copy->source, check->suspects);
	forboth (lc, check->suspects, lb, before)
		judge_by_time(lfirst(lc), lfirst(lb));
}

void
confirm_suspects(Check *check)
{
	TimestampTz until;

	if (check->suspects == NIL)
		return;
	progress_phase(PROGRESS_CONFIRMING, list_length(check->suspects));
	until =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), spine_confirm_wait);
	switch (check->lag.kind)
	{
		case LAG_NONE:
			confirm_together(check);
			break;
		case LAG_STANDBY:
		case LAG_LOGICAL:
			confirm_by_position(check, until);
			break;
		case LAG_TIME:
			confirm_by_time(check);
			break;
	}
}
