/*-------------------------------------------------------------------------
 *
 * posture.h
 *		What in the server's own settings and roles could get past the guard.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_POSTURE_H
#define OWNERSHIP_POSTURE_H

extern void posture_init(void);

#endif /* OWNERSHIP_POSTURE_H */
