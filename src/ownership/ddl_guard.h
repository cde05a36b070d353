/*-------------------------------------------------------------------------
 *
 * ddl_guard.h
 *		The event triggers that keep governed tables governed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_DDL_GUARD_H
#define OWNERSHIP_DDL_GUARD_H

extern void ddl_guard_init(void);

#endif /* OWNERSHIP_DDL_GUARD_H */
