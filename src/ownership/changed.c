/*-------------------------------------------------------------------------
 *
 * changed.c
 *		Which attributes of a row changed, by image.
 *
 * "Changed" means that the stored value is another one, bit for bit: 1.0 and
 * 1.00 differ though they are equal.  Only compression, TOAST and the short
 * varlena header are looked through, since they are not part of the value.
 *
 * The common case is two tuples with the same columns NULL that differ in a
 * few bytes: run over both byte by byte, and only where they differ ask which
 * column that is.  As far as they are alike, one walk over the columns tells
 * where both have them; a fixed offset saves even that.
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

/* Must a value be fetched or decompressed before it can be read? */
static bool
is_toasted(const char *value)
{
	/* A TOAST pointer passes for a short header, too: ask for it first. */
	return VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value);
}

/* Are two variable-length values the same once unpacked? */
static bool
same_varlena(const char *a, const char *b)
{
	Size		la = VARSIZE_ANY(a);
	Size		lb = VARSIZE_ANY(b);

	/* The same bytes are the same value: nothing to fetch then. */
	if (la == lb && memcmp(a, b, la) == 0)
		return true;
	if (is_toasted(a) || is_toasted(b))
		return datum_image_eq(PointerGetDatum(a), PointerGetDatum(b), false,
							  -1);
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
		old_off = column_start(column, walk->old_data, old_off);
		walk->old_off = column_end(column, walk->old_data, old_off);
	}
	if (!new_null)
	{
		new_off = column_start(column, walk->new_data, new_off);
		walk->new_off = column_end(column, walk->new_data, new_off);
	}
	walk->next = i + 1;

	if (old_null != new_null)
		mark(walk, i);
	else if (!old_null &&
			 !same_value(column, walk->old_data + old_off,
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
 * Two tuples that are alike up to pos: walk over the columns that end there or
 * before it.  Walking over one of the tuples does for both.
 */
static void
walk_alike(Walk *walk, uint32 pos, int natts)
{
	const Matrix *matrix = walk->matrix;
	HeapTupleHeader header = walk->old->t_data;
	const bits8 *nulls = HeapTupleHasNulls(walk->old) ? header->t_bits : NULL;
	uint32		off = walk->old_off;
	int			i = walk->next;

	if (nulls == NULL && i < matrix->nfixed)
	{
		i = fixed_column_at(matrix, pos);
		if (i > 0)
			off = matrix->columns[i - 1].offset + matrix->columns[i - 1].len;
	}
	for (; i < natts; i++)
	{
		const Column *column = &matrix->columns[i];
		uint32		end;

		if (nulls != NULL && att_isnull(i, nulls))
			continue;
		end = column_end(column, walk->old_data,
						 column_start(column, walk->old_data, off));
		if (end > pos)
			break;
		off = end;
	}
	walk->next = i;
	walk->old_off = walk->new_off = off;
}

/*
 * Two tuples of as many columns, the same ones NULL: mark what differs,
 * jumping from difference to difference.
 */
static void
compare_alike(Walk *walk, int natts)
{
	uint32		old_len = walk->old->t_len - walk->old->t_data->t_hoff;
	uint32		new_len = walk->new->t_len - walk->new->t_data->t_hoff;
	uint32		len = Min(old_len, new_len);

	while (walk->next < natts && walk->old_off == walk->new_off)
	{
		uint32		pos = first_difference(walk->old_data, walk->new_data,
									  walk->old_off, len);

		if (pos == len && old_len == new_len)
			return;
		walk_alike(walk, pos, natts);
		if (walk->next < natts)
			walk_column(walk, walk->next);
	}
	/* From here on the columns stand at different places. */
	walk_rest(walk, natts);
}

/* Are the same columns NULL in two tuples of natts columns? */
static bool
same_nulls(HeapTuple old, HeapTuple new, int natts)
{
	if (HeapTupleHasNulls(old) != HeapTupleHasNulls(new))
		return false;
	return !HeapTupleHasNulls(old) ||
		memcmp(old->t_data->t_bits, new->t_data->t_bits, BITMAPLEN(natts)) ==
		0;
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
			(!old_null &&
			 !datum_image_eq(old_value, new_value, column->byval,
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
	Walk		walk = {0};

	walk.matrix = matrix;
	walk.old = old;
	walk.new = new;
	walk.old_data = (char *) old->t_data + old->t_data->t_hoff;
	walk.new_data = (char *) new->t_data + new->t_data->t_hoff;
	walk.changed = changed;

	if (old_natts == new_natts && same_nulls(old, new, natts))
		compare_alike(&walk, natts);
	else
		walk_rest(&walk, natts);
	if (natts < matrix->natts)
		compare_missing(&walk, natts);
	return walk.any;
}
