/*-------------------------------------------------------------------------
 *
 * row_walk.c
 *		From a tuple as it stands in its page to the hash of its row.
 *
 * Nothing is deformed: one walk over a tuple writes the payloads of its
 * columns as it passes them.  Each step jumps to the next one's code by
 * itself, as in execExprInterp.c, since a processor foresees such jumps
 * better than those of one switch.
 *
 * Invariants: the bytes are those of canonical_row for the same values.  A
 * tuple that is corrupt is called so before it made the walk write beyond the
 * room that there is.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "consistency/rows/payload.h"
#include "consistency/rows/row_program.h"
#include "utils/memutils.h"

#if defined(__GNUC__)
#define prefetch(address) __builtin_prefetch(address)
#else
#define prefetch(address) ((void) 0)
#endif

/* Bytes that the processor fetches at a time, and that a walk has it fetch
 * for each tuple. */
#define CACHE_LINE 64
#define FETCH_BYTES (2 * CACHE_LINE)

/* ---- which columns a tuple has ---- */

/* The first columns of the tuple, a bit for each that is not NULL. */
static inline uint64
present_columns(const RowProgram *program, HeapTupleHeader header)
{
	/* More than the bitmap is read, as may be behind any tuple. */
	uint64		present = read_u64((const char *) header->t_bits);

#ifdef WORDS_BIGENDIAN
	present = pg_bswap64(present);
#endif
	return present & program->full.present;
}

/* The bitmap of a tuple that lacks the columns added after it. */
static const bits8 *
present_in_short_tuple(const RowProgram *program, HeapTupleHeader header)
{
	int			natts = HeapTupleHeaderGetNatts(header);

	memset(program->present, 0, BITMAPLEN(program->desc->natts));
	if (header->t_infomask & HEAP_HASNULL)
		memcpy(program->present, header->t_bits, BITMAPLEN(natts));
	else
		memset(program->present, 0xff, BITMAPLEN(natts));
	if (natts % 8 != 0)
		program->present[natts / 8] &= (1 << (natts % 8)) - 1;
	return program->present;
}

/*
 * The plan for a tuple.  *present is its bitmap, which only the plan for any
 * tuples looks at.
 */
static inline const RowPlan *
plan_for(RowProgram *program, HeapTupleHeader header, const bits8 **present)
{
	uint64		columns;
	RowPlan    *plan;

	if (unlikely(HeapTupleHeaderGetNatts(header) < program->nsteps))
	{
		*present = present_in_short_tuple(program, header);
		return &program->any;
	}
	if (!(header->t_infomask & HEAP_HASNULL))
		return &program->full;
	*present = header->t_bits;
	if (unlikely(program->nsteps > ROW_PLAN_COLUMNS))
		return &program->any;
	columns = present_columns(program, header);
	plan = &program->plans[(columns * UINT64CONST(0x9E3779B97F4A7C15)) >>
						   (64 - ROW_PLAN_BITS)];
	return likely(plan->present == columns) ? plan :
											  row_plan(program, columns, plan);
}

/* ---- values ---- */

static inline const char *
align(const char *data, uintptr_t alignby)
{
	return (const char *) TYPEALIGN(alignby, data);
}

/* Where a column's value starts, if the one before it ends at data. */
static inline const char *
value_start(const Step *step, const char *data)
{
	/* A short varlena is not aligned, and its first byte is never zero. */
	if (step->len == -1 && *data != 0)
		return data;
	return align(data, step->alignby);
}

static inline const char *
value_end(const Step *step, const char *value, const char *end)
{
	const char *value_end = step->len > 0 ?
		value + step->len :
		value + att_addlength_pointer(0, step->len, value);

	if (unlikely(value_end > end))
		payload_corrupt();
	return value_end;
}

/*
 * Where the bytes of a varlena start, or NULL if it is toasted or compressed;
 * *length receives how many they are.
 */
static inline const char *
plain_value(const char *data, Size *length, const char *end)
{
	if (likely(VARATT_IS_1B(data)))
	{
		/* That of a toasted one is its tag, which makes it too long. */
		*length = (Size) VARSIZE_1B(data) - VARHDRSZ_SHORT;
		data += VARHDRSZ_SHORT;
		if (likely(*length <= (Size) (end - data)))
			return data;
		if (VARATT_IS_1B_E(data - VARHDRSZ_SHORT))
			return NULL;
		payload_corrupt();
	}
	data = align(data, ALIGNOF_INT);
	if (!VARATT_IS_4B_U(data))
		return NULL;
	*length = VARSIZE_4B(data) - VARHDRSZ;
	data += VARHDRSZ;
	if (unlikely(*length > (Size) (end - data)))
		payload_corrupt();
	return data;
}

/* Write a value of a type that the walk has no short way for. */
static char *
write_other(RowProgram *program, const Step *step, const char *value,
			char *out, Size rest)
{
	CanonicalBytes *bytes = &program->bytes;
	MemoryContext old = MemoryContextSwitchTo(program->scratch);

	bytes->length = out - bytes->data;
	step->type->write(bytes, step->type,
					  fetch_att(value, step->byval, step->len));
	canonical_reserve(bytes, rest);
	MemoryContextSwitchTo(old);
	return bytes->data + bytes->length;
}

/* A column that is NULL, or from after the tuple. */
static char *
write_absent(RowProgram *program, const Step *step, char *out,
			 HeapTupleHeader header)
{
	if (step->missing != NULL &&
		step->column >= HeapTupleHeaderGetNatts(header))
	{
		memcpy(out, step->missing, step->missing_length);
		return out + step->missing_length;
	}
	if (step->field >= 0)
		program->bytes.data[sizeof(uint16) + step->field] = CANONICAL_NULL;
	return out;
}

/* A copy of a tuple, behind which bytes may be read. */
static HeapTupleHeader
copy_tuple(RowProgram *program, const RowTuple *tuple)
{
	CanonicalBytes *copy = &program->copy;

	copy->length = 0;
	canonical_reserve(copy, tuple->length + program->fixed_room);
	memcpy(copy->data, tuple->header, tuple->length);
	return (HeapTupleHeader) copy->data;
}

/* ---- the walk ---- */

#ifdef HAVE_COMPUTED_GOTO
#define WALK_SWITCH()
#define WALK_CASE(name) CASE_##name:
#define WALK_STEP() goto *step->code
#else
#define WALK_SWITCH()                                                         \
walk_step:                                                                    \
	switch ((StepKind) step->kind)
#define WALK_CASE(name) case name:
#define WALK_STEP() goto walk_step
#endif

#define WALK_NEXT()                                                           \
	do                                                                        \
	{                                                                         \
		step++;                                                               \
		WALK_STEP();                                                          \
	} while (0)

/* A number of fixed size, read as type and written by a payload function. */
#define WALK_NUMBER(type, payload)                                            \
	do                                                                        \
	{                                                                         \
		data = align(data, sizeof(type));                                     \
		out = payload(out, *(const type *) data);                             \
		data += sizeof(type);                                                 \
		WALK_NEXT();                                                          \
	} while (0)

/* A varlena of a type for which there is a payload function. */
#define WALK_VARLENA(payload)                                                 \
	do                                                                        \
	{                                                                         \
		value = plain_value(data, &length, end);                              \
		if (unlikely(value == NULL))                                          \
			goto other;                                                       \
		data = value + length;                                                \
		out = payload(out, value, length);                                    \
		WALK_NEXT();                                                          \
	} while (0)

/*
 * The hashes of the rows of n tuples, by passing the columns of each once.
 * Behind a tuple that is too near to limit no bytes may be read, so a copy of
 * it is walked.  While a tuple is walked, some of what stands before fetch is
 * brought near.
 *
 * Returns where each kind of step goes on, all that it does without a program.
 */
static const void *const *
walk_tuples(RowProgram *program, const RowTuple *tuples, int n,
			const char *limit, const char *fetch, Hash128 *hashes)
{
#ifdef HAVE_COMPUTED_GOTO
	/* In the order of StepKind. */
	static const void *const labels[] =
		{&&CASE_STEP_END,	   &&CASE_STEP_IF_PRESENT, &&CASE_STEP_SKIP,
		 &&CASE_STEP_1_BYTE,   &&CASE_STEP_4_BYTES,	   &&CASE_STEP_8_BYTES,
		 &&CASE_STEP_16_BYTES, &&CASE_STEP_INT2,	   &&CASE_STEP_INT4,
		 &&CASE_STEP_UINT4,	   &&CASE_STEP_FLOAT4,	   &&CASE_STEP_FLOAT8,
		 &&CASE_STEP_STRING,   &&CASE_STEP_NUMERIC,	   &&CASE_STEP_JSONB,
		 &&CASE_STEP_OTHER};

	StaticAssertDecl(lengthof(labels) == STEP_OTHER + 1,
					 "each kind of step has a label");
#else
	static const void *const labels[STEP_OTHER + 1] = {NULL};
#endif
	const RowTuple *tuple = tuples;
	const RowTuple *tuples_end = tuples + n;
	HeapTupleHeader header;
	const bits8 *present = NULL;
	const Step *step;
	const char *data;			/* what is read next */
	const char *end;			/* of the tuple */
	char	   *out;			/* where is written next */

	if (program == NULL)
		return labels;
next_tuple:
	if (tuple == tuples_end)
		return labels;
	fetch -= FETCH_BYTES;
	prefetch(fetch);
	prefetch(fetch + CACHE_LINE);

	header = tuple->header;
	end = (const char *) header + tuple->length;
	if (unlikely(end + PAYLOAD_SLACK > limit))
	{
		header = copy_tuple(program, tuple);
		end = (const char *) header + tuple->length;
	}
	{
		const RowPlan *plan = plan_for(program, header, &present);

		step = plan->steps;
		out = payload_bytes(program->bytes.data, plan->head,
							program->head_length);
	}
	data = (const char *) header + header->t_hoff;
	WALK_STEP();
	WALK_SWITCH()
	{
		const char *value;
		Size		length;
		Hash128		hash;

		WALK_CASE(STEP_IF_PRESENT)
		{
			if (att_isnull(step->column, present))
			{
				out = write_absent(program, step, out, header);
				step++;
			}
			WALK_NEXT();
		}
		WALK_CASE(STEP_SKIP)
		{
			data = value_end(step, value_start(step, data), end);
			WALK_NEXT();
		}
		WALK_CASE(STEP_1_BYTE)
		{
			*out++ = *data++;
			WALK_NEXT();
		}
		WALK_CASE(STEP_4_BYTES)
		WALK_NUMBER(uint32, payload_u32);
		WALK_CASE(STEP_8_BYTES)
		WALK_NUMBER(uint64, payload_u64);
		WALK_CASE(STEP_16_BYTES)
		{
			memcpy(out, data, 16);
			out += 16;
			data += 16;
			WALK_NEXT();
		}
		WALK_CASE(STEP_INT2)
		WALK_NUMBER(int16, payload_u64);
		WALK_CASE(STEP_INT4)
		WALK_NUMBER(int32, payload_u64);
		WALK_CASE(STEP_UINT4)
		WALK_NUMBER(uint32, payload_u64);
		WALK_CASE(STEP_FLOAT4)
		WALK_NUMBER(float4, payload_float);
		WALK_CASE(STEP_FLOAT8)
		WALK_NUMBER(float8, payload_float);
		WALK_CASE(STEP_STRING)
		WALK_VARLENA(payload_string);
		WALK_CASE(STEP_NUMERIC)
		WALK_VARLENA(payload_numeric);
		WALK_CASE(STEP_JSONB)
		WALK_VARLENA(payload_json);
		WALK_CASE(STEP_OTHER)
		{
other:
			value = value_start(step, data);
			data = value_end(step, value, end);
			out = write_other(program, step, value, out,
							  program->fixed_room + JSON_ROOM(tuple->length));
			WALK_NEXT();
		}
		WALK_CASE(STEP_END)
		{
			if (unlikely(data > end))
				payload_corrupt();
			hash = hash128(program->bytes.data, out - program->bytes.data);
			/* Not as a whole, which gcc would take by way of the stack. */
			hashes->low = hash.low;
			hashes->high = hash.high;
			hashes++;
			tuple++;
			goto next_tuple;
		}
	}
	pg_unreachable();
}

const void *
row_step_code(StepKind kind)
{
	return walk_tuples(NULL, NULL, 0, NULL, NULL, NULL)[kind];
}

/* The hash of a tuple's row in another order of columns. */
static Hash128
deform_tuple(RowProgram *program, const RowTuple *row)
{
	NullableDatum fields[MaxTupleAttributeNumber];
	MemoryContext old = MemoryContextSwitchTo(program->scratch);
	HeapTupleData tuple = {0};

	tuple.t_data = row->header;
	tuple.t_len = row->length;
	heap_deform_tuple(&tuple, program->desc, program->values, program->nulls);
	for (int i = 0; i < program->nfields; i++)
	{
		fields[i].value = program->values[program->attnums[i] - 1];
		fields[i].isnull = program->nulls[program->attnums[i] - 1];
	}
	program->bytes.length = 0;
	canonical_row(&program->bytes, program->nfields, program->types, fields);
	MemoryContextSwitchTo(old);
	return hash128(program->bytes.data, program->bytes.length);
}

/* ---- rows of one integer, as most keys are ---- */

/* Bytes of such a row: number of fields, tag, value. */
#define INTEGER_HEAD 3
#define INTEGER_ROW (INTEGER_HEAD + 8)

static inline uint64
read_integer(StepKind kind, const char *data)
{
	switch (kind)
	{
		case STEP_INT2:
			return (uint64) (int64) *(const int16 *) data;
		case STEP_INT4:
			return (uint64) (int64) *(const int32 *) data;
		case STEP_UINT4:
			return *(const uint32 *) data;
		default:
			return *(const uint64 *) data;
	}
}

/*
 * Hash rows of one integer that stands first in its tuples.  The rows are
 * written to where their hashes will be.  False if one of them lacks it.
 */
static bool
hash_integers(const RowProgram *program, const RowTuple *tuples, int n,
			  Hash128 *hashes)
{
	for (int i = 0; i < n; i++)
	{
		HeapTupleHeader header = tuples[i].header;
		const char *data = (const char *) header + header->t_hoff;
		char	   *row = (char *) &hashes[i];

		if (unlikely(HeapTupleHeaderGetNatts(header) == 0 ||
					 ((header->t_infomask & HEAP_HASNULL) &&
					  att_isnull(0, header->t_bits))))
			return false;
		memcpy(row, program->full.head, INTEGER_HEAD);
		payload_u64(row + INTEGER_HEAD,
					read_integer(program->steps[0].kind, data));
	}
	for (int i = 0; i < n; i++)
		hashes[i] = hash128((const char *) &hashes[i], INTEGER_ROW);
	return true;
}

/* ---- tuples ---- */

/* Make room for the rows of tuples of at most so many bytes. */
static void
make_room(RowProgram *program, Size length)
{
	program->bytes.length = 0;
	canonical_reserve(&program->bytes,
					  program->fixed_room + JSON_ROOM(length));
}

Hash128
row_hash(RowProgram *program, HeapTuple tuple)
{
	RowTuple	row = {tuple->t_data, tuple->t_len};
	const char *end = (const char *) row.header + row.length;
	Hash128		hash;

	if (!program->in_order)
		return deform_tuple(program, &row);
	make_room(program, row.length);
	walk_tuples(program, &row, 1, end, end, &hash);
	return hash;
}

void
row_hash_page(RowProgram *program, const RowTuple *tuples, int n, Page page,
			  Page next, Hash128 *hashes)
{
	const char *page_end = (const char *) page + BLCKSZ;

	if (!program->in_order)
	{
		for (int i = 0; i < n; i++)
			hashes[i] = deform_tuple(program, &tuples[i]);
		return;
	}
	if (program->integer && hash_integers(program, tuples, n, hashes))
		return;
	make_room(program, BLCKSZ);
	walk_tuples(program, tuples, n, page_end, (const char *) next + BLCKSZ,
				hashes);
}
