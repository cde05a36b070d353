/*-------------------------------------------------------------------------
 *
 * upkeep.h
 *		Jobs that keep what is attached to governed tables whole.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_UPKEEP_H
#define OWNERSHIP_UPKEEP_H

extern void upkeep_init(void);

#endif /* OWNERSHIP_UPKEEP_H */
