/*-------------------------------------------------------------------------
 *
 * sketch.c
 *		Sketches of rows: adding rows, and sketches to one another.
 *
 * All parts of a sketch are sums, so it does not matter who added what and in
 * which order; sketch_internal.h tells of what.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/sketch/sketch_internal.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#define PLACE_SEED UINT64CONST(0x5370696E65536B31)

/* Bytes of a row of one integer: number of fields, its tag, the number. */
#define INTEGER_ROW (2 + 1 + 8)

static uint64
little_endian(uint64 number)
{
#ifdef WORDS_BIGENDIAN
	return pg_bswap64(number);
#else
	return number;
#endif
}

uint64
sketch_key(const CanonicalBytes *key)
{
	uint64		number;

	if (key->length != INTEGER_ROW || key->data[2] != CANONICAL_INTEGER)
		return hash128(key->data, key->length).low;
	memcpy(&number, key->data + 3, sizeof(number));
	return little_endian(number);
}

/* Bits that depend on all of a hash, and that its own do not give away. */
static inline uint64
mix(XXH128_hash_t hash)
{
	uint64 bits = hash.low64 * UINT64CONST(0x9E3779B97F4A7C15) + hash.high64;

	bits = (bits ^ (bits >> 32)) * UINT64CONST(0xBF58476D1CE4E5B9);
	bits = (bits ^ (bits >> 29)) * UINT64CONST(0x94D049BB133111EB);
	return bits ^ (bits >> 32);
}

/* Find out where a key belongs. */
void
sketch_place(SketchPlace *place, uint64 key)
{
	uint64		bytes = little_endian(key);
	XXH128_hash_t where =
		XXH3_128bits_withSeed(&bytes, sizeof(bytes), PLACE_SEED);
	uint64		what = mix(where);
	uint32		bits = (uint32) (what >> 8);

	place->choice[0] = (uint32) where.low64;
	place->choice[1] = (uint32) (where.low64 >> 32);
	place->choice[2] = (uint32) where.high64;
	place->choice[3] = (uint32) (where.high64 >> 32);
	place->check = (uint32) (what >> 32) % CHECK_PRIME;
	place->slot = (int) (what % SKETCH_SLOTS);
	/* Half of the keys are of level 0, half of the others of level 1, ... */
	place->level = pg_rightmost_one_pos32(bits | 1 << (SKETCH_LEVELS - 1));
}

Sketch *
sketch_make(int built, int ncells)
{
	Sketch *sketch =
		palloc_extended(offsetof(Sketch, cells) + sizeof(SketchCell) * ncells,
						MCXT_ALLOC_ZERO);

	sketch->built = built;
	sketch->ncells = ncells;
	sketch->has_estimate = true;
	sketch->has_cells = true;
	return sketch;
}

Sketch *
sketch_begin(int ncells)
{
	int			rounded;

	if (ncells < SKETCH_CHOICES || ncells > SKETCH_MOST_CELLS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of cells must be from %d to %d",
						SKETCH_CHOICES, SKETCH_MOST_CELLS)));
	rounded = (ncells + SKETCH_CHOICES - 1) / SKETCH_CHOICES * SKETCH_CHOICES;
	return sketch_make(rounded, rounded);
}

Sketch *
sketch_none(void)
{
	return sketch_make(0, 0);
}

void
sketch_add(Sketch *sketch, uint64 key, Hash128 row)
{
	/* A row that weighed nothing would not be there. */
	uint32		weight = Max((uint32) row.high, 1);
	SketchPlace place;
	uint64		keys = key_product(weight, key_reduce(key));
	uint64		check;

	sketch_place(&place, key);
	check = (uint64) weight * place.check % CHECK_PRIME;
	for (int i = 0; i < SKETCH_CHOICES; i++)
	{
		SketchCell *cell = &sketch->cells[sketch_cell(sketch, &place, i)];

		cell->weight += weight;
		cell->keys = key_sum(cell->keys, keys);
		cell->check += check;
		cell->rows++;
	}
	sketch->levels[place.level][place.slot] += weight % 16;
	sketch->totals.rows++;
	hash128_add(&sketch->totals.sum, row);
}

int
sketch_ncells(const Sketch *sketch)
{
	return sketch->ncells;
}

const Bucket *
sketch_totals(const Sketch *sketch)
{
	return &sketch->totals;
}

Sketch *
sketch_copy(const Sketch *sketch)
{
	Size size = offsetof(Sketch, cells) + sizeof(SketchCell) * sketch->ncells;
	Sketch	   *copy = palloc_extended(size, 0);

	memcpy(copy, sketch, size);
	return copy;
}

/* ---- sketches and sketches ---- */

static void
check_same(const Sketch *a, const Sketch *b)
{
	if (a->built != b->built || a->ncells != b->ncells)
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_INCOMPARABLE),
				 errmsg("sketches have different cells"),
				 errdetail("One has %d of %d cells, the other %d of %d.",
						   a->ncells, a->built, b->ncells, b->built)));
}

static void
add_cell(SketchCell *cell, const SketchCell *other)
{
	cell->weight += other->weight;
	cell->keys = key_sum(cell->keys, other->keys);
	cell->check += other->check;
	cell->rows += other->rows;
}

void
sketch_subtract_cell(SketchCell *cell, const SketchCell *other)
{
	cell->weight -= other->weight;
	cell->keys = key_difference(cell->keys, other->keys);
	cell->check =
		cell->check % CHECK_PRIME + CHECK_PRIME - other->check % CHECK_PRIME;
	cell->rows -= other->rows;
}

void
sketch_merge(Sketch *sketch, const Sketch *other)
{
	if (other->built == 0)
		return;
	check_same(sketch, other);
	for (int i = 0; i < sketch->ncells; i++)
		add_cell(&sketch->cells[i], &other->cells[i]);
	for (int i = 0; i < SKETCH_LEVELS; i++)
		for (int j = 0; j < SKETCH_SLOTS; j++)
			sketch->levels[i][j] += other->levels[i][j];
	sketch->totals.rows += other->totals.rows;
	hash128_add(&sketch->totals.sum, other->totals.sum);
}

static void
require_cells(const Sketch *sketch)
{
	if (!sketch->has_cells)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sketch has no cells")));
}

Sketch *
sketch_fold(const Sketch *sketch, int ncells)
{
	uint64		quarter = sketch->ncells / SKETCH_CHOICES;
	uint64		folded = (ncells + SKETCH_CHOICES - 1) / SKETCH_CHOICES;
	Sketch	   *result;

	if (ncells < SKETCH_CHOICES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of cells must be at least %d",
						SKETCH_CHOICES)));
	require_cells(sketch);
	if (sketch->ncells == 0 || folded >= quarter)
		return sketch_copy(sketch);
	/* Folding twice would not be folding once. */
	if (sketch->ncells != sketch->built)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sketch was folded before")));
	result = sketch_make(sketch->built, (int) folded * SKETCH_CHOICES);
	result->has_estimate = sketch->has_estimate;
	result->totals = sketch->totals;
	memcpy(result->levels, sketch->levels, sizeof(result->levels));
	for (uint64 i = 0; i < SKETCH_CHOICES; i++)
		for (uint64 j = 0; j < quarter; j++)
			add_cell(&result->cells[i * folded + j * folded / quarter],
					 &sketch->cells[i * quarter + j]);
	return result;
}

/* A copy that has as many cells as another one, which may be of no rows. */
static Sketch *
copy_to_fit(const Sketch *sketch, const Sketch *other)
{
	if (sketch->built == 0)
		return sketch_make(other->built, other->ncells);
	if (other->built == 0)
		return sketch_copy(sketch);
	return sketch_fold(sketch, other->ncells);
}

Sketch *
sketch_difference(const Sketch *mine, const Sketch *theirs)
{
	Sketch	   *result;

	require_cells(mine);
	require_cells(theirs);
	result = copy_to_fit(mine, theirs);
	if (theirs->built == 0)
		return result;
	check_same(result, theirs);
	for (int i = 0; i < result->ncells; i++)
		sketch_subtract_cell(&result->cells[i], &theirs->cells[i]);
	return result;
}
