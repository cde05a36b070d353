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

#include "consistency/rows/canonical.h"
#include "consistency/rows/row.h"

/* What the walk does at a step. */
typedef enum StepKind
{
	STEP_END,			/* behind the last column */
	STEP_IF_PRESENT,	/* pass over the next step if its column is not there */
	STEP_SKIP,			/* a column that is not among the row's */
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

/* One column of the table. */
typedef struct Step
{
	const void *code;		/* where the walk goes on at this step */
	uint8		kind;		/* StepKind */
	uint8		alignby;	/* attalign in bytes */
	bool		byval;
	int16		len;		/* attlen */
	int16		column;		/* from 0 on */
	int16		field;		/* position among the row's fields */
	CanonicalType *type;	/* NULL where it is skipped */
	const char *missing;	/* payload in tuples from before the column was
							 * added, NULL if it is NULL there */
	Size		missing_length;
} Step;

/* The steps for tuples that have and lack the same columns. */
typedef struct RowPlan
{
	uint64		present;	/* a bit for each column: is it there, not NULL? */
	Step	   *steps;
	char	   *head;		/* number and tags of the fields, with bytes behind
							 * them that say nothing */
} RowPlan;

/*
 * Plans for tuples with NULLs that are kept, and how many are made before
 * tuples with yet other columns are thought to be endless.
 */
#define ROW_PLAN_BITS 5
#define ROW_PLANS (1 << ROW_PLAN_BITS)
#define MOST_ROW_PLANS (8 * ROW_PLANS)

/* A program of more columns has no plans but the first two. */
#define ROW_PLAN_COLUMNS 64

/* How a table's tuples become rows. */
struct RowProgram
{
	TupleDesc	desc;
	int			nsteps;		/* columns to pass */
	Step	   *steps;		/* one for each */
	RowPlan		full;		/* of tuples that have all of them */
	RowPlan		any;		/* of any tuples: asks for each column */
	RowPlan		plans[ROW_PLANS];	/* by a hash of present; else full */
	int			nplans;		/* made for them until now */
	int			nfields;
	CanonicalType **types;	/* of the fields */
	AttrNumber *attnums;	/* of the fields */
	bool		in_order;	/* fields come in the order of the tuple */
	bool		integer;	/* the only field is an integer, the first column */
	Size		head_length;
	Size		fixed_room; /* bytes that rows take beside their tuple's own */
	bits8	   *present;	/* bitmap of a tuple that lacks columns */
	CanonicalBytes copy;	/* of a tuple at the end of its page */
	Datum	   *values;		/* to deform into where the walk cannot go */
	bool	   *nulls;
	CanonicalBytes bytes;	/* of the row at hand */
	MemoryContext scratch;	/* for what type writers allocate */
};

/* Where the walk goes on at a kind of step; NULL if it finds out by itself. */
extern const void *row_step_code(StepKind kind);

/* A plan for tuples with these columns, if it pays to make one. */
extern const RowPlan *row_plan(RowProgram *program, uint64 present,
							   RowPlan *plan);

#endif /* CONSISTENCY_ROW_PROGRAM_H */
