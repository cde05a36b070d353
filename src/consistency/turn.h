/*-------------------------------------------------------------------------
 *
 * turn.h
 *		Checks of a copy follow one another, and so do its repairs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_TURN_H
#define CONSISTENCY_TURN_H

/* What there is one of at a time; the class of its locks. */
typedef enum Turn
{
	TURN_CHECK = 5,
	TURN_REPAIR = 6
} Turn;

/*
 * Be the one who checks or repairs a copy, until the transaction ends.  False
 * if somebody else is, and it was not to be waited for.
 */
extern bool take_turn(Turn turn, const char *placement, bool wait);

#endif /* CONSISTENCY_TURN_H */
