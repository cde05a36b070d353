/*-------------------------------------------------------------------------
 *
 * row_program.h
 *		What a walk over a tuple does at each of its columns.
 *
 * Made by row_program.c, run by row_walk.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_ROW_PROGRAM_H
#define CONSISTENCY_ROW_PROGRAM_H

#include "consistency/canonical.h"
#include "consistency/row.h"

/* How the walk writes a column's payload. */
typedef enum StepKind
{
	STEP_END,			/* behind the last column */
	STEP_SKIP,			/* not among the columns */
	STEP_1_BYTE,		/* fixed bytes as they stand: boolean */
	STEP_4_BYTES,		/* date */
	STEP_8_BYTES,		/* bigint, timestamp */
	STEP_16_BYTES,		/* uuid */
	STEP_INT2,			/* widened to eight bytes */
	STEP_INT4,
	STEP_UINT4,
	STEP_FLOAT4,
	STEP_FLOAT8,
	STEP_STRING,		/* length and bytes, if not toasted */
	STEP_NUMERIC,		/* likewise */
	STEP_JSONB,			/* likewise */
	STEP_OTHER			/* by the type's own writer */
} StepKind;

/* One column of the table, in the order of its tuples. */
typedef struct Step
{
	uint8		kind;		/* StepKind */
	uint8		alignby;	/* attalign in bytes */
	uint8		bit;		/* of the column in present[byte] */
	bool		byval;
	uint16		byte;		/* of the bitmap that says what is not NULL */
	uint16		field;		/* position among the row's fields */
	int16		len;		/* attlen */
	CanonicalType *type;	/* NULL where it is skipped */
	const char *missing;	/* payload in tuples from before the column was
							 * added, NULL if it is NULL there */
	Size		missing_length;
} Step;

/* How a table's tuples become rows. */
struct RowProgram
{
	TupleDesc	desc;
	int			nsteps;		/* columns to pass */
	Step	   *steps;		/* with a STEP_END behind them */
	int			nfields;
	CanonicalType **types;	/* of the fields */
	AttrNumber *attnums;	/* of the fields */
	bool		in_order;	/* fields come in the order of the tuple */
	char	   *head;		/* number of fields and tags of a row without NULLs,
							 * with bytes behind it that say nothing */
	Size		head_length;
	Size		fixed_room; /* bytes that rows take beside their tuple's own */
	bits8	   *all;		/* bitmap of a tuple without NULLs */
	bits8	   *present;	/* bitmap of a tuple that lacks columns */
	Datum	   *values;		/* to deform into where the walk cannot go */
	bool	   *nulls;
	CanonicalBytes bytes;	/* of the row at hand */
	MemoryContext scratch;	/* for what type writers allocate */
};

#endif /* CONSISTENCY_ROW_PROGRAM_H */
