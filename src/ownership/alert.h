/*-------------------------------------------------------------------------
 *
 * alert.h
 *		Telling parties that something needs them: spine.alert.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_ALERT_H
#define OWNERSHIP_ALERT_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * Something that is wrong.  What is open already, by kind, dataset, rule and
 * key, is not raised twice.  Start from {0}: members may be added.
 */
typedef struct AlertEvent
{
	const char *kind;	  /* escalated_write, attachment, invariant, … */
	const char *dataset;  /* asset key, or NULL */
	const char *rule;	  /* what tells it from others of the kind */
	Datum		key;	  /* jsonb: key columns of the row, or 0 */
	const char *state;	  /* of the row, or NULL */
	const char *severity; /* page, ticket, info; NULL: ticket */
	List	   *parties;  /* of char *: who is told; NIL: spine_steward */
	const char *runbook;  /* or NULL */
	Datum		detail;	  /* jsonb without values of rows, or 0 */
} AlertEvent;

/*
 * Raise an alert in the current transaction, which it shares the fate of; a
 * job announces it afterwards, so the transaction may be prepared.  An open
 * one gets the new detail.  Acts as the extension's owner by itself; needs
 * no SPI connection.
 */
extern void alert_raise(const AlertEvent *event);

/* What was wrong is right again; dataset may be NULL, as it was. */
extern void alert_resolve(const char *kind, const char *dataset,
						  const char *rule);

extern void alert_init(void);

#endif /* OWNERSHIP_ALERT_H */
