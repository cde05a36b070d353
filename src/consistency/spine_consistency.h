/*-------------------------------------------------------------------------
 *
 * spine_consistency.h
 *		Copies proved equal to their source of truth: what others may use.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_CONSISTENCY_H
#define SPINE_CONSISTENCY_H

extern void consistency_init(void);

#endif /* SPINE_CONSISTENCY_H */
