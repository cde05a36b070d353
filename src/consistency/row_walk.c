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
#include "consistency/payload.h"
#include "consistency/row_program.h"
#include "utils/memutils.h"

/* ---- which columns a tuple has ---- */

/* The bitmap of a tuple that lacks the columns added after it. */
static const bits8 *
present_in_short_tuple(const RowProgram *program, HeapTupleHeader header)
{
	int			natts = HeapTupleHeaderGetNatts(header);

	memset(program->present, 0, BITMAPLEN(program->desc->natts));
	memcpy(program->present,
		   header->t_infomask & HEAP_HASNULL ? header->t_bits : program->all,
		   BITMAPLEN(natts));
	if (natts % 8 != 0)
		program->present[natts / 8] &= (1 << (natts % 8)) - 1;
	return program->present;
}

/* A bit for each column of the program: is it there, and not NULL? */
static inline const bits8 *
present_in(const RowProgram *program, HeapTupleHeader header)
{
	if (unlikely(HeapTupleHeaderGetNatts(header) < program->nsteps))
		return present_in_short_tuple(program, header);
	return header->t_infomask & HEAP_HASNULL ? header->t_bits : program->all;
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
value_end(const Step *step, const char *value)
{
	if (step->len > 0)
		return value + step->len;
	return value + att_addlength_pointer(0, step->len, value);
}

/*
 * The bytes of a varlena, if it is neither toasted nor compressed; *data goes
 * to its end.
 */
static inline const char *
plain_value(const Step *step, const char **data, Size *length, const char *end)
{
	const char *value = *data;

	if (likely(VARATT_IS_1B(value)))
	{
		if (unlikely(VARATT_IS_1B_E(value)))
			return NULL;
		*length = VARSIZE_1B(value) - VARHDRSZ_SHORT;
		value += VARHDRSZ_SHORT;
	}
	else
	{
		value = align(value, step->alignby);
		if (!VARATT_IS_4B_U(value))
			return NULL;
		*length = VARSIZE_4B(value) - VARHDRSZ;
		value += VARHDRSZ;
		if (unlikely(*length > (Size) (end - value)))
			payload_corrupt();
	}
	*data = value + *length;
	return value;
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
static inline char *
write_absent(RowProgram *program, const Step *step, char *out,
			 HeapTupleHeader header)
{
	if (unlikely(step->missing != NULL) &&
		step - program->steps >= HeapTupleHeaderGetNatts(header))
	{
		memcpy(out, step->missing, step->missing_length);
		return out + step->missing_length;
	}
	if (step->kind != STEP_SKIP)
		program->bytes.data[sizeof(uint16) + step->field] = CANONICAL_NULL;
	return out;
}

/* ---- the walk ---- */

#ifdef HAVE_COMPUTED_GOTO
#define WALK_SWITCH()
#define WALK_CASE(name) CASE_##name:
#define WALK_JUMP() goto *labels[step->kind]
#else
#define WALK_SWITCH()                                                         \
jump:                                                                         \
	switch ((StepKind) step->kind)
#define WALK_CASE(name) case name:
#define WALK_JUMP() goto jump
#endif

/* Go to the code of a step, unless its column is not there. */
#define WALK_STEP()                                                           \
	do                                                                        \
	{                                                                         \
		if (!(present[step->byte] & step->bit))                               \
			goto absent;                                                      \
		WALK_JUMP();                                                          \
	} while (0)

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

/* The row of a tuple, by passing its columns once. */
static void
walk_tuple(RowProgram *program, HeapTuple tuple, const char *limit)
{
#ifdef HAVE_COMPUTED_GOTO
	/* In the order of StepKind. */
	static const void *const labels[] =
		{&&CASE_STEP_END,	  &&CASE_STEP_SKIP,	   &&CASE_STEP_1_BYTE,
		 &&CASE_STEP_4_BYTES, &&CASE_STEP_8_BYTES, &&CASE_STEP_16_BYTES,
		 &&CASE_STEP_INT2,	  &&CASE_STEP_INT4,	   &&CASE_STEP_UINT4,
		 &&CASE_STEP_FLOAT4,  &&CASE_STEP_FLOAT8,  &&CASE_STEP_STRING,
		 &&CASE_STEP_NUMERIC, &&CASE_STEP_JSONB,   &&CASE_STEP_OTHER};
#endif
	HeapTupleHeader header = tuple->t_data;
	const bits8 *present = present_in(program, header);
	const char *data = (const char *) header + header->t_hoff;
	const char *end = (const char *) header + tuple->t_len;
	const Step *step = program->steps;
	Size		rest = program->fixed_room + JSON_ROOM(tuple->t_len);
	char	   *out;

	program->bytes.length = 0;
	canonical_reserve(&program->bytes, rest);
	out =
		payload_bytes(program->bytes.data, program->head, program->head_length,
					  program->head + program->head_length + PAYLOAD_SLACK);
#ifdef HAVE_COMPUTED_GOTO
	StaticAssertStmt(lengthof(labels) == STEP_OTHER + 1,
					 "each kind of step has a label");
#endif
	WALK_STEP();
	WALK_SWITCH()
	{
		const char *value;
		Size		length;

		WALK_CASE(STEP_SKIP)
		{
			data = value_end(step, value_start(step, data));
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
		{
			value = plain_value(step, &data, &length, end);
			if (unlikely(value == NULL))
				goto other;
			out = payload_string(out, value, length, limit);
			WALK_NEXT();
		}
		WALK_CASE(STEP_NUMERIC)
		{
			value = plain_value(step, &data, &length, end);
			if (unlikely(value == NULL))
				goto other;
			out = payload_numeric(out, value, length, limit);
			WALK_NEXT();
		}
		WALK_CASE(STEP_JSONB)
		{
			value = plain_value(step, &data, &length, end);
			if (unlikely(value == NULL))
				goto other;
			out =
				payload_json(&program->bytes, out, value, length, rest, limit);
			WALK_NEXT();
		}
		WALK_CASE(STEP_OTHER)
		{
other:
			value = value_start(step, data);
			out = write_other(program, step, value, out, rest);
			data = value_end(step, value);
			WALK_NEXT();
		}
		WALK_CASE(STEP_END)
		{
			goto done;
		}
	}
absent:
	if (step->kind != STEP_END)
	{
		out = write_absent(program, step, out, header);
		WALK_NEXT();
	}
done:
	if (unlikely(data > end))
		payload_corrupt();
	program->bytes.length = out - program->bytes.data;
}

/* The row of a tuple in another order of columns. */
static void
deform_tuple(RowProgram *program, HeapTuple tuple)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];
	MemoryContext old = MemoryContextSwitchTo(program->scratch);

	heap_deform_tuple(tuple, program->desc, program->values, program->nulls);
	for (int i = 0; i < program->nfields; i++)
	{
		values[i] = program->values[program->attnums[i] - 1];
		nulls[i] = program->nulls[program->attnums[i] - 1];
	}
	program->bytes.length = 0;
	canonical_row(&program->bytes, program->nfields, program->types, values,
				  nulls);
	MemoryContextSwitchTo(old);
}

Hash128
row_hash_within(RowProgram *program, HeapTuple tuple, const char *limit)
{
	if (likely(program->in_order))
		walk_tuple(program, tuple, limit);
	else
		deform_tuple(program, tuple);
	return hash128(program->bytes.data, program->bytes.length);
}

Hash128
row_hash(RowProgram *program, HeapTuple tuple)
{
	return row_hash_within(program, tuple,
						   (const char *) tuple->t_data + tuple->t_len);
}
