/*-------------------------------------------------------------------------
 *
 * sketch_internal.h
 *		What a sketch is made of, for the files sketch*.c.
 *
 * A row has a key k of 64 bits and a tag w of 32, both hashes (see sketch.h).
 * Each of its four cells adds w to weight, w*k to keys, w*h(k) to check and 1
 * to rows.  So rows of the same key share cells and add up to (W, W*k): a row
 * that changed is one element as one that is missing is, weighing the
 * difference of two tags.  A cell with one element left gives k = keys/weight,
 * which check confirms.
 *
 * Invariant: weight is a number modulo 2^64 of which the wire keeps 2^40, keys
 * is a number modulo KEY_PRIME, check one modulo CHECK_PRIME.  Sums of weights
 * that stay below 2^39 are the same number in all three.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_SKETCH_INTERNAL_H
#define CONSISTENCY_SKETCH_INTERNAL_H

#include "consistency/sketch/sketch.h"

/* Cells of an element, one in each quarter of them. */
#define SKETCH_CHOICES 4

#define KEY_PRIME UINT64CONST(0xFFFFFFFFFFFFFFC5) /* 2^64 - 59 */
#define CHECK_PRIME 16777213					  /* 2^24 - 3 */

typedef struct SketchCell
{
	uint64		weight;
	uint64		keys;
	uint64		check;		/* not reduced */
	int64		rows;
} SketchCell;

struct Sketch
{
	int			built;		/* cells that rows were added to; 0: of no rows */
	int			ncells;		/* into which those were folded */
	bool		has_estimate; /* are totals and levels known? */
	bool		has_cells;
	Bucket		totals;
	uint8		levels[SKETCH_LEVELS][SKETCH_SLOTS]; /* modulo 16 */
	SketchCell	cells[FLEXIBLE_ARRAY_MEMBER];
};

/* Where a key belongs. */
typedef struct SketchPlace
{
	uint32		choice[SKETCH_CHOICES]; /* of 2^32 */
	uint32		check;		/* below CHECK_PRIME */
	int			level;
	int			slot;
} SketchPlace;

extern void sketch_place(SketchPlace *place, uint64 key);

/* The cell, among those of a sketch, of one of a key's choices. */
static inline int
sketch_cell(const Sketch *sketch, const SketchPlace *place, int choice)
{
	uint64		quarter = (uint32) sketch->built / SKETCH_CHOICES;
	uint64		folded = (uint32) sketch->ncells / SKETCH_CHOICES;
	uint64		at = (place->choice[choice] * quarter) >> 32;

	/* Dividing is slow, and not needed while rows are added. */
	if (folded != quarter)
		at = at * folded / quarter;
	return (int) (choice * folded + at);
}

extern Sketch *sketch_make(int built, int ncells);
extern void sketch_subtract_cell(SketchCell *cell, const SketchCell *other);
/* The cells of one less those of another; the first is folded to fit. */
extern Sketch *sketch_difference(const Sketch *mine, const Sketch *theirs);

/* ---- numbers modulo KEY_PRIME ---- */

static inline uint64
key_reduce(uint64 a)
{
	return unlikely(a >= KEY_PRIME) ? a - KEY_PRIME : a;
}

static inline uint64
key_sum(uint64 a, uint64 b)
{
	uint64		sum = a + b;

	/* 2^64 is 59; half of the sums are beyond, so no branch. */
	return key_reduce(sum + (((uint64) 0 - (sum < a)) & 59));
}

static inline uint64
key_difference(uint64 a, uint64 b)
{
	return a - b - (((uint64) 0 - (a < b)) & 59);
}

static inline uint64
key_product(uint64 a, uint64 b)
{
	XXH128_hash_t product = XXH_mult64to128(a, b);
	XXH128_hash_t high = XXH_mult64to128(product.high64, 59);
	uint64		sum = product.low64 + high.low64;
	uint64		rest = (high.high64 + (sum < high.low64)) * 59;

	return key_sum(sum, rest);
}

/* A weight, which may be negative. */
static inline uint64
key_of_weight(int64 weight)
{
	return weight >= 0 ? (uint64) weight : KEY_PRIME - (uint64) -weight;
}

#endif /* CONSISTENCY_SKETCH_INTERNAL_H */
