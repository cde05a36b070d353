/*-------------------------------------------------------------------------
 *
 * row.c
 *		From a tuple as it stands in its page to the hash of its row.
 *
 * Nothing is deformed: one walk over a tuple writes the payloads of its
 * columns as it passes them.
 *
 * Invariant: the bytes are those of canonical_row for the same values.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "consistency/row.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* How the walk writes a column's payload. */
typedef enum StepKind
{
	STEP_SKIP,			/* not among the columns */
	STEP_BYTES,			/* fixed bytes as they stand: uuid, boolean */
	STEP_4_BYTES,
	STEP_8_BYTES,
	STEP_INT2,			/* widened to eight bytes */
	STEP_INT4,
	STEP_FLOAT4,
	STEP_FLOAT8,
	STEP_TEXT,			/* length and bytes, if not toasted */
	STEP_NUMERIC,
	STEP_JSONB,
	STEP_OTHER			/* by the type's own writer */
} StepKind;

/* One column of the table, in the order of its tuples. */
typedef struct Step
{
	StepKind	kind;
	int16		len;		/* attlen */
	uint8		alignby;	/* attalign in bytes */
	bool		byval;
	int			field;		/* position among the row's fields */
	CanonicalType *type;	/* NULL where it is skipped */
} Step;

/* How a table's tuples become rows. */
struct RowProgram
{
	TupleDesc	desc;
	int			nsteps;		/* columns to pass */
	Step	   *steps;
	int			nfields;
	CanonicalType **types;	/* of the fields */
	AttrNumber *attnums;	/* of the fields */
	bool		in_order;	/* fields come in the order of the tuple */
	char	   *head;		/* number of fields and tags of a row without NULLs */
	int			head_length;
	int			fixed_room; /* bytes that fields take beside the tuple's own */
	Datum	   *values;		/* to deform into where the walk cannot go */
	bool	   *nulls;
	CanonicalBytes bytes;	/* of the row at hand */
	MemoryContext scratch;	/* for what type writers allocate */
};

/* ---- making the program ---- */

static StepKind
step_kind(const CanonicalType *type)
{
#ifdef WORDS_BIGENDIAN
	return STEP_OTHER;
#endif
	switch (type->type)
	{
		case BOOLOID:
		case UUIDOID:
			return STEP_BYTES;
		case DATEOID:
			return STEP_4_BYTES;
		case INT8OID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case MONEYOID:
			return STEP_8_BYTES;
		case INT2OID:
			return STEP_INT2;
		case INT4OID:
			return STEP_INT4;
		case FLOAT4OID:
			return STEP_FLOAT4;
		case FLOAT8OID:
			return STEP_FLOAT8;
		case TEXTOID:
		case VARCHAROID:
			return GetDatabaseEncoding() == PG_UTF8 ? STEP_TEXT : STEP_OTHER;
		case NUMERICOID:
			return STEP_NUMERIC;
		case JSONBOID:
			return STEP_JSONB;
		default:
			return STEP_OTHER;
	}
}

/* The column of a name; names were checked when the digest began. */
static AttrNumber
column_of(Relation rel, const char *name)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						name, RelationGetRelationName(rel))));
	return attnum;
}

static void
fill_step(Step *step, Form_pg_attribute att)
{
	step->kind = STEP_SKIP;
	step->len = att->attlen;
	step->byval = att->attbyval;
	step->alignby = att->attalign == TYPALIGN_DOUBLE ? ALIGNOF_DOUBLE :
		att->attalign == TYPALIGN_INT				 ? ALIGNOF_INT :
		att->attalign == TYPALIGN_SHORT				 ? ALIGNOF_SHORT :
													   1;
}

/* Take one column as the next field. */
static void
add_field(RowProgram *program, AttrNumber attnum, const char *name)
{
	Step	   *step = &program->steps[attnum - 1];
	int			field = program->nfields++;

	program->attnums[field] = attnum;
	program->types[field] =
		canonical_type(TupleDescAttr(program->desc, attnum - 1)->atttypid,
					   name);
	if (step->kind != STEP_SKIP ||
		(field > 0 && program->attnums[field - 1] >= attnum))
		program->in_order = false;
	step->type = program->types[field];
	step->kind = step_kind(step->type);
	step->field = field;
	program->nsteps = Max(program->nsteps, attnum);
	program->fixed_room += 16;
}

static void
make_head(RowProgram *program)
{
	CanonicalBytes head;

	canonical_begin(&head);
	canonical_reserve(&head, sizeof(uint16) + program->nfields);
	head.data[0] = (char) (program->nfields & 0xff);
	head.data[1] = (char) (program->nfields >> 8);
	for (int i = 0; i < program->nfields; i++)
		head.data[2 + i] = (char) program->types[i]->tag;
	program->head = head.data;
	program->head_length = 2 + program->nfields;
}

RowProgram *
row_program(Relation rel, const List *columns)
{
	RowProgram *program = palloc0(sizeof(RowProgram));
	ListCell   *lc;

	program->desc = RelationGetDescr(rel);
	program->steps = palloc0(sizeof(Step) * program->desc->natts);
	for (int i = 0; i < program->desc->natts; i++)
		fill_step(&program->steps[i], TupleDescAttr(program->desc, i));

	program->types = palloc0(sizeof(CanonicalType *) * list_length(columns));
	program->attnums = palloc0(sizeof(AttrNumber) * list_length(columns));
	program->in_order = true;
	foreach (lc, columns)
		add_field(program, column_of(rel, lfirst(lc)), lfirst(lc));
	make_head(program);
	program->values = palloc(sizeof(Datum) * program->desc->natts);
	program->nulls = palloc(sizeof(bool) * program->desc->natts);
	program->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "spine digest row",
							  ALLOCSET_DEFAULT_SIZES);
	canonical_begin(&program->bytes);
	return program;
}

/* ---- walking a tuple ---- */

/* Where a column's value starts, if the one before it ends at off. */
static inline uint32
value_start(const Step *step, const char *data, uint32 off)
{
	/* A short varlena is not aligned, and its first byte is never zero. */
	if (step->len == -1 && data[off] != 0)
		return off;
	return TYPEALIGN(step->alignby, off);
}

static inline uint32
value_end(const Step *step, const char *data, uint32 start)
{
	if (step->len > 0)
		return start + step->len;
	return att_addlength_pointer(start, step->len, data + start);
}

/* Append a value of a type that the walk has no short way for. */
static void
write_other(const RowProgram *program, CanonicalBytes *bytes, const Step *step,
			const char *value)
{
	MemoryContext old = MemoryContextSwitchTo(program->scratch);

	step->type->write(bytes, step->type,
					  fetch_att(value, step->byval, step->len));
	MemoryContextSwitchTo(old);
}

/* Room is there for what fits into the tuple and sixteen bytes more. */
static inline void
append(CanonicalBytes *bytes, const void *data, Size length)
{
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

static inline void
append_number(CanonicalBytes *bytes, int64 number)
{
	append(bytes, &number, sizeof(number));
}

static inline void
append_float(CanonicalBytes *bytes, double number)
{
	number = canonical_float(number);
	append(bytes, &number, sizeof(number));
}

static inline void
append_text(CanonicalBytes *bytes, const char *value)
{
	uint32		length = (uint32) VARSIZE_ANY_EXHDR(value);

	append(bytes, &length, sizeof(length));
	append(bytes, VARDATA_ANY(value), length);
}

/*
 * Append the payload of one value.  rest is the room that the values to come
 * may take by the short ways.
 */
static inline void
take_step(const RowProgram *program, CanonicalBytes *bytes, const Step *step,
		  const char *value, Size rest)
{
	switch (step->kind)
	{
		case STEP_SKIP:
			return;
		case STEP_BYTES:
			append(bytes, value, step->len);
			return;
		case STEP_4_BYTES:
			append(bytes, value, 4);
			return;
		case STEP_8_BYTES:
			append(bytes, value, 8);
			return;
		case STEP_INT2:
			append_number(bytes, *(const int16 *) value);
			return;
		case STEP_INT4:
			append_number(bytes, *(const int32 *) value);
			return;
		case STEP_FLOAT4:
			append_float(bytes, *(const float4 *) value);
			return;
		case STEP_FLOAT8:
			append_float(bytes, *(const float8 *) value);
			return;
		case STEP_TEXT:
			if (likely(!VARATT_IS_EXTENDED(value) || VARATT_IS_SHORT(value)))
			{
				append_text(bytes, value);
				return;
			}
			break;
		case STEP_NUMERIC:
			if (likely(!VARATT_IS_EXTENDED(value) || VARATT_IS_SHORT(value)))
			{
				canonical_numeric(bytes, value);
				return;
			}
			break;
		case STEP_JSONB:
			if (likely(!VARATT_IS_EXTENDED(value) || VARATT_IS_SHORT(value)))
			{
				canonical_jsonb(bytes, value);
				canonical_reserve(bytes, rest);
				return;
			}
			break;
		case STEP_OTHER:
			break;
	}
	write_other(program, bytes, step, value);
	canonical_reserve(bytes, rest);
}

/* The row of a tuple, by passing its columns once. */
static void
walk_tuple(const RowProgram *program, CanonicalBytes *bytes, HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;
	const char *data = (const char *) header + header->t_hoff;
	const bits8 *bits = HeapTupleHasNulls(tuple) ? header->t_bits : NULL;
	Size		rest = program->fixed_room + tuple->t_len;
	uint32		off = 0;

	bytes->length = 0;
	canonical_reserve(bytes, program->head_length + rest);
	append(bytes, program->head, program->head_length);
	for (int i = 0; i < program->nsteps; i++)
	{
		const Step *step = &program->steps[i];

		if (bits != NULL && att_isnull(i, bits))
		{
			if (step->kind != STEP_SKIP)
				bytes->data[2 + step->field] = CANONICAL_NULL;
			continue;
		}
		off = value_start(step, data, off);
		take_step(program, bytes, step, data + off, rest);
		off = value_end(step, data, off);
	}
}

/* The row of a tuple in any order of columns, or with missing ones. */
static void
deform_tuple(const RowProgram *program, CanonicalBytes *bytes, HeapTuple tuple)
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
	bytes->length = 0;
	canonical_row(bytes, program->nfields, program->types, values, nulls);
	MemoryContextSwitchTo(old);
}

Hash128
row_hash(RowProgram *program, HeapTuple tuple)
{
	CanonicalBytes *bytes = &program->bytes;

	if (program->in_order &&
		HeapTupleHeaderGetNatts(tuple->t_data) >= program->nsteps)
		walk_tuple(program, bytes, tuple);
	else
		deform_tuple(program, bytes, tuple);
	return hash128(bytes->data, bytes->length);
}

void
row_release(RowProgram *program)
{
	MemoryContextReset(program->scratch);
}
