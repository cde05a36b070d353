/*-------------------------------------------------------------------------
 *
 * analyse.h
 *		What is wrong with a lifecycle, found out before it is applied.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_ANALYSE_H
#define OWNERSHIP_ANALYSE_H

/* Plug the analysis into the catalog's checks. */
extern void analyse_init(void);

#endif /* OWNERSHIP_ANALYSE_H */
