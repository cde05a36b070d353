/*-------------------------------------------------------------------------
 *
 * fk_action.h
 *		Starting the recognition of foreign keys' own queries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_FK_ACTION_H
#define OWNERSHIP_FK_ACTION_H

extern void fk_action_init(void);

#endif /* OWNERSHIP_FK_ACTION_H */
