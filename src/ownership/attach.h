/*-------------------------------------------------------------------------
 *
 * attach.h
 *		Triggers and constraints on governed tables: what must be there, and
 *		the statements that make it so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_ATTACH_H
#define OWNERSHIP_ATTACH_H

extern void attach_init(void);

/* Does any table of this database carry one of the guard's triggers? */
extern bool guard_is_attached(void);

#endif /* OWNERSHIP_ATTACH_H */
