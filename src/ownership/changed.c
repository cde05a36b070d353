/*-------------------------------------------------------------------------
 *
 * changed.c
 *		Which attributes of a row changed, by image.
 *
 * "Changed" means that the stored value is another one, bit for bit: 1.0 and
 * 1.00 differ though they are equal.  Only compression, TOAST and the short
 * varlena header are looked through, since they are not part of the value.
 *
 * The common case is two tuples of one layout that differ in a few bytes: run
 * over both byte by byte, and only where they differ ask which column that
 * is.  Columns in front of the first NULL or variable-length one are found by
 * their fixed offset, the others by walking.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/detoast.h"
#include "ownership/changed.h"
#include "utils/datum.h"

/* Two tuples being compared, and how far the walk has come. */
typedef struct Walk
{
	const Matrix *matrix;
	HeapTuple	old;
	HeapTuple	new;
	const char *old_data;
	const char *new_data;
	uint32		old_off; /* end of the last column walked over */
	uint32		new_off;
	int			next;	 /* next column to walk over */
	uint64	   *changed;
	bool		any;
} Walk;

static void
mark(Walk *walk, int i)
{
	if (walk->matrix->columns[i].ignored)
		return;
	SET_BIT(walk->changed, i + 1);
	walk->any = true;
}

/* The first offset from pos on at which two byte strings differ, or len. */
static inline uint32
first_difference(const char *a, const char *b, uint32 pos, uint32 len)
{
	while (pos + 32 <= len)
	{
		uint64		x[4];
		uint64		y[4];

		memcpy(x, a + pos, 32);
		memcpy(y, b + pos, 32);
		if ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]))
			break;
		pos += 32;
	}
	while (pos + 8 <= len)
	{
		uint64		x;
		uint64		y;

		memcpy(&x, a + pos, 8);
		memcpy(&y, b + pos, 8);
		if (x != y)
			break;
		pos += 8;
	}
	while (pos < len && a[pos] == b[pos])
		pos++;
	return pos;
}

/* Are two variable-length values the same once unpacked? */
static bool
same_varlena(const char *a, const char *b)
{
	Size		la;
	Size		lb;

	if (VARATT_IS_EXTENDED(a) || VARATT_IS_EXTENDED(b))
	{
		if (!VARATT_IS_SHORT(a) || !VARATT_IS_SHORT(b))
			return datum_image_eq(PointerGetDatum(a), PointerGetDatum(b),
								  false, -1);
	}
	la = VARSIZE_ANY_EXHDR(a);
	lb = VARSIZE_ANY_EXHDR(b);
	return la == lb && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), la) == 0;
}

static bool
same_value(const Column *column, const char *a, const char *b)
{
	if (column->len > 0)
		return memcmp(a, b, column->len) == 0;
	if (column->len == -1)
		return same_varlena(a, b);
	return strcmp(a, b) == 0;
}

static uint32
value_end(const Column *column, const char *data, uint32 off)
{
	return att_addlength_pointer(off, column->len, data + off);
}

static bool
is_null(HeapTuple tuple, int i)
{
	return HeapTupleHasNulls(tuple) && att_isnull(i, tuple->t_data->t_bits);
}

/* Step over column i in both tuples, marking it if it differs. */
static void
walk_column(Walk *walk, int i)
{
	const Column *column = &walk->matrix->columns[i];
	bool		old_null = is_null(walk->old, i);
	bool		new_null = is_null(walk->new, i);
	uint32		old_off = walk->old_off;
	uint32		new_off = walk->new_off;

	if (!old_null)
	{
		old_off = att_align_pointer(old_off, column->align, column->len,
									walk->old_data + old_off);
		walk->old_off = value_end(column, walk->old_data, old_off);
	}
	if (!new_null)
	{
		new_off = att_align_pointer(new_off, column->align, column->len,
									walk->new_data + new_off);
		walk->new_off = value_end(column, walk->new_data, new_off);
	}
	walk->next = i + 1;

	if (old_null != new_null)
		mark(walk, i);
	else if (!old_null && !same_value(column, walk->old_data + old_off,
									  walk->new_data + new_off))
		mark(walk, i);
}

/* Compare the columns from walk->next to the end of the shorter tuple. */
static void
walk_rest(Walk *walk, int natts)
{
	for (int i = walk->next; i < natts; i++)
		walk_column(walk, i);
}

/* The column of the fixed part that holds a byte, or that begins after it. */
static int
fixed_column_at(const Matrix *matrix, uint32 pos)
{
	int			low = 0;
	int			high = matrix->nfixed;

	while (low < high)
	{
		int			mid = (low + high) / 2;
		const Column *column = &matrix->columns[mid];

		if ((uint32) (column->offset + column->len) <= pos)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * Two tuples without NULLs: mark what differs in the fixed part, jumping from
 * difference to difference.  Returns whether the part after it differs.
 */
static bool
compare_fixed(Walk *walk, uint32 len)
{
	const Matrix *matrix = walk->matrix;
	uint32		pos = 0;

	while ((pos = first_difference(walk->old_data, walk->new_data,
								   pos, len)) < len)
	{
		int			i = fixed_column_at(matrix, pos);
		const Column *column;

		if (i >= matrix->nfixed)
			return true;
		column = &matrix->columns[i];
		if (pos >= (uint32) column->offset)
			mark(walk, i);		/* otherwise a difference in the padding */
		pos = column->offset + (pos >= (uint32) column->offset ?
								column->len : 0);
	}
	return false;
}

/* Columns that at least one tuple is too short to hold. */
static void
compare_missing(Walk *walk, int from)
{
	const Matrix *matrix = walk->matrix;

	for (int i = from; i < matrix->natts; i++)
	{
		const Column *column = &matrix->columns[i];
		bool		old_null;
		bool		new_null;
		Datum		old_value;
		Datum		new_value;

		if (column->ignored)
			continue;
		old_value = heap_getattr(walk->old, i + 1, matrix->desc, &old_null);
		new_value = heap_getattr(walk->new, i + 1, matrix->desc, &new_null);
		if (old_null != new_null ||
			(!old_null && !datum_image_eq(old_value, new_value, column->byval,
										  column->len)))
			mark(walk, i);
	}
}

bool
changed_attributes(const Matrix *matrix, HeapTuple old, HeapTuple new,
				   uint64 *changed)
{
	int			old_natts = HeapTupleHeaderGetNatts(old->t_data);
	int			new_natts = HeapTupleHeaderGetNatts(new->t_data);
	int			natts = Min(Min(old_natts, new_natts), matrix->natts);
	bool		nulls = HeapTupleHasNulls(old) || HeapTupleHasNulls(new);
	Walk		walk = {0};

	walk.matrix = matrix;
	walk.old = old;
	walk.new = new;
	walk.old_data = (char *) old->t_data + old->t_data->t_hoff;
	walk.new_data = (char *) new->t_data + new->t_data->t_hoff;
	walk.changed = changed;

	if (!nulls && natts == matrix->natts)
	{
		uint32		old_len = old->t_len - old->t_data->t_hoff;
		uint32		new_len = new->t_len - new->t_data->t_hoff;
		uint32		fixed_len = 0;

		if (old_len == new_len)
		{
			if (!compare_fixed(&walk, old_len))
				return walk.any;
		}
		else if (matrix->nfixed > 0)
		{
			const Column *last = &matrix->columns[matrix->nfixed - 1];

			fixed_len = last->offset + last->len;
			(void) compare_fixed(&walk, fixed_len);
		}

		/* Something differs behind the fixed part: walk over that. */
		if (matrix->nfixed > 0)
		{
			const Column *last = &matrix->columns[matrix->nfixed - 1];

			walk.old_off = walk.new_off = last->offset + last->len;
			walk.next = matrix->nfixed;
		}
	}

	walk_rest(&walk, natts);
	if (natts < matrix->natts)
		compare_missing(&walk, natts);
	return walk.any;
}
