/*-------------------------------------------------------------------------
 *
 * sketch_decode.c
 *		What two sketches tell of the rows in which their sides differ: about
 *		how many they are, and which.
 *
 * Keys are found by peeling: a cell that only one differing key is left in
 * names it, and taking that one out of its other cells may leave them with
 * one.  Invariant: keys are only told if nothing at all is left at the end.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <math.h>

#include "consistency/sketch/sketch_internal.h"
#include "miscadmin.h"

/* The cells of a difference, and those to look at next. */
typedef struct Peeling
{
	Sketch	   *left;		/* what is not yet explained */
	int		   *queue;		/* cells, each at most once */
	bool	   *queued;
	int			nqueued;
	SketchElement *found;
	int			nfound;
} Peeling;

/* ---- which ---- */

/* What the wire keeps of a weight, with its sign. */
static int64
weight_of(const SketchCell *cell)
{
	return (int64) (cell->weight << 24) >> 24;
}

static bool
cell_is_empty(const SketchCell *cell)
{
	return weight_of(cell) == 0 && cell->keys == 0 &&
		cell->check % CHECK_PRIME == 0 && (cell->rows & 255) == 0;
}

/* 1/weight, by Fermat. */
static uint64
key_inverse(uint64 weight)
{
	uint64		power = KEY_PRIME - 2;
	uint64		result = 1;

	for (; power > 0; power >>= 1)
	{
		if (power & 1)
			result = key_product(result, weight);
		weight = key_product(weight, weight);
	}
	return result;
}

/* A weight times a key's check. */
static uint64
check_of(int64 weight, uint32 check)
{
	int64		rest = weight % CHECK_PRIME;

	return (uint64) (rest < 0 ? rest + CHECK_PRIME : rest) * check %
		CHECK_PRIME;
}

/* Does the key explain all that is in the cell? */
static bool
explains(const Sketch *sketch, int at, uint64 key, SketchPlace *place)
{
	const SketchCell *cell = &sketch->cells[at];
	int			choice = at / (sketch->ncells / SKETCH_CHOICES);

	sketch_place(place, key);
	return sketch_cell(sketch, place, choice) == at &&
		check_of(weight_of(cell), place->check) == cell->check % CHECK_PRIME;
}

/* Is there one key left in a cell?  Then find it and where it belongs. */
static bool
cell_names(const Sketch *sketch, int at, uint64 *key, SketchPlace *place)
{
	const SketchCell *cell = &sketch->cells[at];
	int64		weight = weight_of(cell);

	if (weight == 0)
		return false;
	*key = key_product(cell->keys, key_inverse(key_of_weight(weight)));
	if (explains(sketch, at, *key, place))
		return true;
	/* Fifty-nine keys are the same number modulo the prime as others. */
	if (*key >= (uint64) 0 - KEY_PRIME)
		return false;
	*key += KEY_PRIME;
	return explains(sketch, at, *key, place);
}

static void
enqueue(Peeling *peeling, int at)
{
	if (peeling->queued[at] || cell_is_empty(&peeling->left->cells[at]))
		return;
	peeling->queued[at] = true;
	peeling->queue[peeling->nqueued++] = at;
}

/* Take what a cell has out of all cells of its key. */
static void
take_out(Peeling *peeling, int at, uint64 key, const SketchPlace *place)
{
	SketchCell	mine = peeling->left->cells[at];
	SketchElement *element = &peeling->found[peeling->nfound++];

	element->key = key;
	element->net = (int8) mine.rows;
	mine.weight = (uint64) weight_of(&mine);
	mine.rows = element->net;
	for (int i = 0; i < SKETCH_CHOICES; i++)
	{
		int			other = sketch_cell(peeling->left, place, i);

		sketch_subtract_cell(&peeling->left->cells[other], &mine);
		enqueue(peeling, other);
	}
}

static void
peel(Peeling *peeling)
{
	while (peeling->nqueued > 0 && peeling->nfound < peeling->left->ncells)
	{
		int			at = peeling->queue[--peeling->nqueued];
		SketchPlace place;
		uint64		key;

		CHECK_FOR_INTERRUPTS();
		peeling->queued[at] = false;
		if (cell_names(peeling->left, at, &key, &place))
			take_out(peeling, at, key, &place);
	}
}

static bool
nothing_left(const Sketch *sketch)
{
	for (int i = 0; i < sketch->ncells; i++)
		if (!cell_is_empty(&sketch->cells[i]))
			return false;
	return true;
}

bool
sketch_name_keys(const Sketch *mine, const Sketch *theirs,
				 SketchElement **elements, int *n)
{
	Peeling		peeling = {0};

	peeling.left = sketch_difference(mine, theirs);
	peeling.queue = palloc(sizeof(int) * (peeling.left->ncells + 1));
	peeling.queued = palloc0(peeling.left->ncells + 1);
	peeling.found = palloc(sizeof(SketchElement) * (peeling.left->ncells + 1));
	for (int i = 0; i < peeling.left->ncells; i++)
		enqueue(&peeling, i);
	peel(&peeling);
	*elements = peeling.found;
	*n = peeling.nfound;
	return nothing_left(peeling.left);
}

/* ---- how many ---- */

/* The logarithm of how likely these numbers of slots that differ are. */
static double
likelihood(double differing, const int *unequal)
{
	double		sum = 0;

	for (int i = 0; i < SKETCH_LEVELS; i++)
	{
		int			halvings = Min(i + 1, SKETCH_LEVELS - 1);
		double		each = ldexp(differing, -halvings) / SKETCH_SLOTS;
		double		chance = -expm1(-each) * 15 / 16;

		sum += unequal[i] * log(Max(chance, 1e-300)) +
			(SKETCH_SLOTS - unequal[i]) * log1p(-chance);
	}
	return sum;
}

/* The most likely number of keys that differ. */
static double
most_likely(const int *unequal)
{
	double		least = log(0.5);
	double		most = log(1e10);

	for (int i = 0; i < 80; i++)
	{
		double		third = (most - least) / 3;

		if (likelihood(exp(least + third), unequal) <
			likelihood(exp(most - third), unequal))
			least += third;
		else
			most -= third;
	}
	return exp((least + most) / 2);
}

int64
sketch_estimate(const Sketch *mine, const Sketch *theirs)
{
	int			unequal[SKETCH_LEVELS] = {0};

	if (!mine->has_estimate || !theirs->has_estimate)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sketch has no part that estimates")));
	if (mine->totals.rows == theirs->totals.rows &&
		hash128_equal(mine->totals.sum, theirs->totals.sum))
		return 0;
	for (int i = 0; i < SKETCH_LEVELS; i++)
		for (int j = 0; j < SKETCH_SLOTS; j++)
			unequal[i] +=
				((mine->levels[i][j] - theirs->levels[i][j]) & 15) != 0;
	return Max((int64) rint(most_likely(unequal)), 1);
}

/*
 * Estimates are a tenth off as a rule, and below three quarters of the truth
 * one time of a thousand.  Few rows need more than the 1.35 cells each that
 * many do, as chance may put all of two into the same cells.
 */
int
sketch_cells_for(int64 differing)
{
	double		rows = differing / 0.75 + 2;

	return (int) Min(rows * 1.35 + 84, (double) SKETCH_MOST_CELLS);
}
