/*-------------------------------------------------------------------------
 *
 * settle.h
 *		What becomes of a write that the judge denies.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_SETTLE_H
#define OWNERSHIP_SETTLE_H

#include "ownership/judge.h"

/* What the guard does with the row; a refusal is raised, not returned. */
typedef enum Settlement
{
	SETTLED_WRITE,	/* it is written after all */
	SETTLED_SKIP,	/* it stays, and the statement goes on without it */
	SETTLED_KEEP	/* it stays, and the statement counts it as written */
} Settlement;

/* What the audit row of a write says that was denied and then let through. */
typedef struct Concession
{
	Datum		detail;	/* jsonb, or 0 */
	Datum		via;	/* text, or 0: as any other */
	Datum		party;	/* text: whom the actor stood for, or 0 */
} Concession;

/*
 * Settle a denied write: let it through by a concession, record it (observe),
 * keep it for the owner's decision, or raise the denial.
 */
extern Settlement settle(const Attempt *attempt, const Denial *denial,
						 Concession *concession);

/*
 * Does anything let the denied write through?  Changes nothing but
 * *concession, so spine.may asks here too.
 */
extern bool concede(const Attempt *attempt, const Denial *denial,
					Concession *concession);

/* May a denied write wait for its owner's decision, as far as its kind goes? */
extern bool may_wait(const Attempt *attempt, const Denial *denial);

/* ---- in fk_action.c: an action of a foreign key that the dataset names ---- */

extern bool fk_action_concedes(const Attempt *attempt, const Denial *denial,
							   Concession *concession);

/* ---- in fallback.c: the fallback of an owner who has not acted in time ---- */

extern bool fallback_concedes(const Attempt *attempt, const Denial *denial,
							  Concession *concession);

/*
 * The user of a judgement as if it were the owner of the row's state, where
 * the fallback of that owner may step in now, and *owner; else NULL.
 */
extern MatrixUser *fallback_user(const Attempt *attempt, const char **owner);
extern void fallback_init(void);

/* ---- in override.c: a leave that somebody gave for a reason ---- */

extern bool override_concedes(const Attempt *attempt, const Denial *denial,
							  Concession *concession);

/* Is it a denial that an override lifts? */
extern bool denial_is_liftable(const Denial *denial);
/* The id of an override for the row and user of a judgement, *party receives
 * whose; 0 if there is none. */
extern int64 override_for(const Attempt *attempt, const char **party);
extern void override_init(void);

/* ---- in request.c: writes that wait for the owner ---- */

/* Keep the write as a request, and tell the writer; false: it cannot wait. */
extern bool request_keep(const Attempt *attempt, const Denial *denial);
/* Is this backend applying a request? */
extern bool request_is_applied(void);
/* If this is the write of the request that is being applied, say so. */
extern void request_label(const Attempt *attempt, Concession *concession);

/* ---- in escalate.c: refusals that somebody is told of ---- */

extern bool is_escalated(const Attempt *attempt, const Denial *denial);
/* What the denied log says of such an attempt: jsonb. */
extern Datum escalation_detail(void);
extern void escalate_init(void);

/* ---- in apply_trust.c: changes of logical replication ---- */

/* Is this an apply worker whose subscription the dataset trusts? */
extern bool apply_is_trusted(const SpecDataset *spec);
/* Is the row that is being written a change that an apply worker applies? */
extern bool written_by_apply(void);

#endif /* OWNERSHIP_SETTLE_H */
