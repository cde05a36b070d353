/*-------------------------------------------------------------------------
 *
 * spine_ownership.h
 *		The ownership room: the state matrix and the guard that obeys it.
 *
 * Other rooms need nothing of it but its start: it plugs itself into the
 * catalog's validate, plan and apply.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_OWNERSHIP_H
#define SPINE_OWNERSHIP_H

extern void ownership_init(void);

#endif /* SPINE_OWNERSHIP_H */
