/*-------------------------------------------------------------------------
 *
 * spine_ownership.h
 *		The ownership room: the state matrix and the guard that obeys it.
 *
 * It plugs itself into the catalog's validate, plan and apply; other rooms
 * start it, write copies, and raise alerts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_OWNERSHIP_H
#define SPINE_OWNERSHIP_H

/* in alert.c */
#include "ownership/alert.h"

/* ---- in replica.c ---- */

/*
 * While a sync section is open, the caller (and no trigger that it sets off)
 * may write the copy of a dataset that it names: its asset key and the
 * placement's name.  Ends by itself with the (sub)transaction on errors.
 */
extern void replica_sync_begin(const char *dataset, const char *placement);
extern void replica_sync_end(void);

extern void ownership_init(void);

#endif /* SPINE_OWNERSHIP_H */
