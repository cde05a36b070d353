/*-------------------------------------------------------------------------
 *
 * form.c
 *		A row of one of the audit room's tables as a heap tuple.
 *
 * The server's heap_form_tuple asks the descriptor about each column, twice.
 * These tables are known: some numbers, then nothing but varlena columns.
 * So their rows are formed in one pass, to the same bytes, at half the cost.
 * tables.c has checked that the tables still have these columns.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "audit/audit_internal.h"
#include "utils/timestamp.h"

/* Bytes of the numbers in front: at, xid, n, and rev on its own alignment. */
#define NUMBERS_SIZE 20
#define NUMBERS_REV_SIZE 32

/* Write the numbers; returns the end of them. */
static char *
form_numbers(char *data, int numbers, const Datum *values)
{
	TimestampTz at = DatumGetTimestampTz(values[0]);
	uint64		xid = DatumGetUInt64(values[1]);
	int32		n = DatumGetInt32(values[2]);
	int64		rev;

	memcpy(data, &at, sizeof(at));
	memcpy(data + 8, &xid, sizeof(xid));
	memcpy(data + 16, &n, sizeof(n));
	if (numbers == 3)
		return data + NUMBERS_SIZE;

	rev = DatumGetInt64(values[3]);
	memset(data + NUMBERS_SIZE, 0, 4);
	memcpy(data + 24, &rev, sizeof(rev));
	return data + NUMBERS_REV_SIZE;
}

/* Append a varlena, with a header of one byte where that is enough. */
static inline char *
form_varlena(char *end, const char *data, const struct varlena *value)
{
	Size size;

	if (VARATT_IS_SHORT(value))
	{
		size = VARSIZE_SHORT(value);
		memcpy(end, value, size);
		return end + size;
	}

	if (VARATT_CAN_MAKE_SHORT(value))
	{
		size = VARATT_CONVERTED_SHORT_SIZE(value);
		SET_VARSIZE_SHORT(end, size);
		memcpy(end + 1, VARDATA(value), size - 1);
		return end + size;
	}

	/* A long header is aligned, and what it skips must be zero. */
	while ((end - data) % ALIGNOF_INT != 0)
		*end++ = '\0';
	size = VARSIZE(value);
	memcpy(end, value, size);
	return end + size;
}

HeapTuple
log_form(int numbers, int columns, const Datum *values)
{
	const struct varlena *varlenas[LOG_MAX_COLUMNS];
	Size				  room = NUMBERS_REV_SIZE;
	bool				  hasnull = false;
	int					  offset = SizeofHeapTupleHeader;
	HeapTuple			  tuple;
	HeapTupleHeader		  header;
	char				 *data;
	char				 *end;

	for (int i = numbers; i < columns; i++)
	{
		struct varlena *value = (struct varlena *) DatumGetPointer(values[i]);

		/* Never a pointer to what may be gone at the flush. */
		if (value != NULL && VARATT_IS_EXTERNAL(value))
			value = detoast_external_attr(value);

		varlenas[i] = value;
		if (value != NULL)
			room += VARSIZE_ANY(value) + ALIGNOF_INT;
		else
			hasnull = true;
	}

	if (hasnull)
		offset += BITMAPLEN(columns);
	offset = MAXALIGN(offset);

	tuple = palloc(HEAPTUPLESIZE + offset + room);
	header = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
	memset(header, 0, offset);
	header->t_hoff = offset;
	header->t_infomask = HEAP_HASVARWIDTH;
	HeapTupleHeaderSetNatts(header, columns);

	data = (char *) header + offset;
	end = form_numbers(data, numbers, values);
	for (int i = numbers; i < columns; i++)
		if (varlenas[i] != NULL)
			end = form_varlena(end, data, varlenas[i]);

	if (hasnull)
	{
		header->t_infomask |= HEAP_HASNULL;
		for (int i = 0; i < columns; i++)
			if (i < numbers || varlenas[i] != NULL)
				header->t_bits[i >> 3] |= 1 << (i & 7);
	}

	tuple->t_len = end - (char *) header;
	ItemPointerSetInvalid(&tuple->t_self);
	tuple->t_tableOid = InvalidOid;
	tuple->t_data = header;
	return tuple;
}
