/*-------------------------------------------------------------------------
 *
 * errors.h
 *		The SQLSTATEs of spine's own class SP, listed in docs/errors.md.
 *
 * A standard code is used where one fits (42501 for a write by a stranger,
 * 40001 for a version race, 23514 for an invariant, 22023 for a document
 * with errors); these are for what no standard code says.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_ERRORS_H
#define SPINE_ERRORS_H

/* A state change that no transition lists. */
#define ERRCODE_SPINE_UNDECLARED_TRANSITION                                   \
	MAKE_SQLSTATE('S', 'P', '0', '0', '1')
/* A guard that is false, NULL or raised an error. */
#define ERRCODE_SPINE_GUARD_FAILED MAKE_SQLSTATE('S', 'P', '0', '0', '2')
/* An expect_rev that is no longer the newest revision. */
#define ERRCODE_SPINE_STALE_REVISION MAKE_SQLSTATE('S', 'P', '0', '0', '3')
/* A schema that breaks the level of its subject. */
#define ERRCODE_SPINE_INCOMPATIBLE_SCHEMA                                     \
	MAKE_SQLSTATE('S', 'P', '0', '0', '4')
/* A migration that breaks the level of a dataset. */
#define ERRCODE_SPINE_MIGRATION_REFUSED MAKE_SQLSTATE('S', 'P', '0', '0', '5')

/* Sides that cannot be compared, or a digest that would prove nothing. */
#define ERRCODE_SPINE_INCOMPARABLE MAKE_SQLSTATE('S', 'P', '0', '0', '7')
/* A schema's text that is not valid. */
#define ERRCODE_SPINE_INVALID_SCHEMA MAKE_SQLSTATE('S', 'P', '0', '0', '8')

#endif /* SPINE_ERRORS_H */
