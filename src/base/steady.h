/*-------------------------------------------------------------------------
 *
 * steady.h
 *		Settings held at fixed values, so that no session can bend the
 *		meaning of an expression.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_STEADY_H
#define SPINE_STEADY_H

/*
 * Hold every setting that the meaning of an expression or the result of a
 * built-in function may depend on at its fixed value, until the GUC nest
 * level that act_as opened ends.
 */
extern void steady_settings(void);

/*
 * Does each setting stand at its fixed value, as far as immutable functions
 * look at settings at all?
 */
extern bool steady_for_immutables(void);

#endif /* SPINE_STEADY_H */
