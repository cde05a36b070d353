/*-------------------------------------------------------------------------
 *
 * sketch_wire.c
 *		Sketches as bytes.
 *
 *	u8 version of this form, u8 version of canonical bytes, u8 parts (1: the
 *	estimate, 2: cells), u8 0, u32 cells that rows were added to, u32 cells
 *	that are here
 *	estimate: i64 rows, u64 low and u64 high half of the digest, two levels'
 *	slots of four bits in each byte, the first one lower
 *	each cell: u40 weight, u64 keys, u24 check, u8 rows
 *
 * Numbers are little-endian.  A sketch of no rows has 0 cells.  What comes
 * from elsewhere is checked before anything is made of it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/sketch/sketch_internal.h"

#define HEAD_BYTES 12
#define PART_ESTIMATE 1
#define PART_CELLS 2

/* ---- writing ---- */

static uint8 *
put(uint8 *to, uint64 number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*to++ = (uint8) (number >> (8 * i));
	return to;
}

static uint8 *
put_estimate(uint8 *to, const Sketch *sketch)
{
	const uint8 *levels = &sketch->levels[0][0];

	to = put(to, (uint64) sketch->totals.rows, 8);
	to = put(to, sketch->totals.sum.low, 8);
	to = put(to, sketch->totals.sum.high, 8);
	for (int i = 0; i < SKETCH_LEVELS * SKETCH_SLOTS; i += 2)
		*to++ = (levels[i] & 15) | (uint8) (levels[i + 1] << 4);
	return to;
}

static uint8 *
put_cell(uint8 *to, const SketchCell *cell)
{
	to = put(to, cell->weight, 5);
	to = put(to, cell->keys, 8);
	to = put(to, cell->check % CHECK_PRIME, 3);
	return put(to, (uint64) cell->rows, 1);
}

static bytea *
write_parts(const Sketch *sketch, int parts)
{
	int			ncells = parts & PART_CELLS ? sketch->ncells : 0;
	Size		size = VARHDRSZ + HEAD_BYTES +
		(parts & PART_ESTIMATE ? SKETCH_ESTIMATE_BYTES - HEAD_BYTES : 0) +
		(Size) ncells * SKETCH_CELL_BYTES;
	bytea	   *image = palloc(size);
	uint8	   *to = (uint8 *) VARDATA(image);

	SET_VARSIZE(image, size);
	to = put(to, SKETCH_VERSION, 1);
	to = put(to, CANONICAL_VERSION, 1);
	to = put(to, parts, 1);
	to = put(to, 0, 1);
	to = put(to, sketch->built, 4);
	to = put(to, ncells, 4);
	if (parts & PART_ESTIMATE)
		to = put_estimate(to, sketch);
	for (int i = 0; i < ncells; i++)
		to = put_cell(to, &sketch->cells[i]);
	return image;
}

bytea *
sketch_write(const Sketch *sketch)
{
	return write_parts(sketch,
					   (sketch->has_estimate ? PART_ESTIMATE : 0) |
						   (sketch->has_cells ? PART_CELLS : 0));
}

bytea *
sketch_write_estimate(const Sketch *sketch)
{
	return write_parts(sketch, PART_ESTIMATE);
}

bytea *
sketch_write_cells(const Sketch *sketch)
{
	return write_parts(sketch, PART_CELLS);
}

/* ---- reading ---- */

static uint64
take(const uint8 **from, int bytes)
{
	uint64		number = 0;

	for (int i = 0; i < bytes; i++)
		number |= (uint64) (*from)[i] << (8 * i);
	*from += bytes;
	return number;
}

static void
malformed(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("malformed sketch"), errdetail("%s", why)));
}

static void
check_version(int version, int canonical)
{
	if (version == SKETCH_VERSION && canonical == CANONICAL_VERSION)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPARABLE),
			 errmsg("sketch is of another version"),
			 errdetail("It is version %d over canonical bytes of version %d; "
					   "here they are %d and %d.",
					   version, canonical, SKETCH_VERSION, CANONICAL_VERSION),
			 errhint("Both sides must run the same version of spine.")));
}

/* Are these numbers that a sketch can have? */
static void
check_head(int parts, int zero, uint64 built, uint64 ncells, Size size)
{
	Size		expected = HEAD_BYTES +
		(parts & PART_ESTIMATE ? SKETCH_ESTIMATE_BYTES - HEAD_BYTES : 0) +
		(Size) ncells * SKETCH_CELL_BYTES;

	if (parts < PART_ESTIMATE || parts > (PART_ESTIMATE | PART_CELLS) ||
		zero != 0)
		malformed("It has parts that are unknown.");
	if (built > SKETCH_MOST_CELLS || ncells > built ||
		built % SKETCH_CHOICES != 0 || ncells % SKETCH_CHOICES != 0 ||
		(built > 0 && ((parts & PART_CELLS) != 0) != (ncells > 0)))
		malformed("Its number of cells is impossible.");
	if (size != expected)
		malformed(
			psprintf("It has %zu bytes instead of %zu.", size, expected));
}

static void
take_estimate(Sketch *sketch, const uint8 **from)
{
	uint8	   *levels = &sketch->levels[0][0];

	sketch->totals.rows = (int64) take(from, 8);
	sketch->totals.sum.low = take(from, 8);
	sketch->totals.sum.high = take(from, 8);
	for (int i = 0; i < SKETCH_LEVELS * SKETCH_SLOTS; i += 2)
	{
		uint8		both = (uint8) take(from, 1);

		levels[i] = both & 15;
		levels[i + 1] = both >> 4;
	}
}

static void
take_cell(SketchCell *cell, const uint8 **from)
{
	cell->weight = take(from, 5);
	cell->keys = take(from, 8);
	cell->check = take(from, 3);
	cell->rows = (int64) take(from, 1);
	if (cell->keys >= KEY_PRIME || cell->check >= CHECK_PRIME)
		malformed("A cell has a number that is too large.");
}

Sketch *
sketch_read(const bytea *image)
{
	const uint8 *from = (const uint8 *) VARDATA_ANY(image);
	Size		size = VARSIZE_ANY_EXHDR(image);
	uint64		head[6];
	const int	widths[6] = {1, 1, 1, 1, 4, 4};
	Sketch	   *sketch;

	if (size < HEAD_BYTES)
		malformed("It is too short.");
	for (int i = 0; i < (int) lengthof(head); i++)
		head[i] = take(&from, widths[i]);
	check_version((int) head[0], (int) head[1]);
	check_head((int) head[2], (int) head[3], head[4], head[5], size);

	sketch = sketch_make((int) head[4], (int) head[5]);
	sketch->has_estimate = (head[2] & PART_ESTIMATE) != 0;
	sketch->has_cells = (head[2] & PART_CELLS) != 0;
	if (sketch->has_estimate)
		take_estimate(sketch, &from);
	for (int i = 0; i < sketch->ncells; i++)
		take_cell(&sketch->cells[i], &from);
	return sketch;
}
