/*-------------------------------------------------------------------------
 *
 * handoff.h
 *		What a state change hands over: outbox rows and calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_HANDOFF_H
#define OWNERSHIP_HANDOFF_H

#include "ownership/judge.h"

/*
 * Do the handoffs of an edge for a row that is about to be written: outbox
 * rows at once (they share the transaction's fate), calls once the statement
 * has written the row.
 */
extern void handoff_push(const Judgement *judgement, MatrixEdge *edge);

/* Keep when a row came to a state, where no attribute does. */
extern void state_entry_push(const Judgement *judgement, int state);
extern void state_entry_forget(const Judgement *judgement);

/* Run what the current transaction level has pending. */
extern void handoff_flush(void);

extern void handoff_init(void);

#endif /* OWNERSHIP_HANDOFF_H */
