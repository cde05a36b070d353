/*-------------------------------------------------------------------------
 *
 * row_json.c
 *		Columns of a tuple as a jsonb object, written in jsonb's own form.
 *
 * The audit log takes three objects per row written, so none of them may
 * cost a parse state, a sort or a conversion through text.  What is the same
 * for each row is worked out when the shape is made: the order of the
 * members (jsonb sorts names by length, then bytes) and how each type is
 * written.  A row then costs two passes over the chosen columns: names, then
 * values.
 *
 * The result is what to_jsonb gives, with two exceptions that keep it
 * independent of settings and of other people's code: a float has its
 * shortest exact digits whatever extra_float_digits says, and a cast to json
 * that somebody made for a type is not called.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/detoast.h"
#include "audit/audit_internal.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

/* How a value is written. */
typedef enum ValueKind
{
	VALUE_BOOL,
	VALUE_INT2,
	VALUE_INT4,
	VALUE_INT8,
	VALUE_FLOAT4,
	VALUE_FLOAT8,
	VALUE_NUMERIC,
	VALUE_TEXT,	 /* a varlena whose bytes are its text */
	VALUE_JSON,	 /* json text, parsed */
	VALUE_JSONB, /* copied as it is */
	VALUE_DATE,	 /* these three in ISO 8601, whatever DateStyle says */
	VALUE_TIMESTAMP,
	VALUE_TIMESTAMPTZ,
	VALUE_NESTED, /* array or composite, see row_nested.c */
	VALUE_OUTPUT  /* any other: the text of its output function */
} ValueKind;

/* What is known of a column. */
typedef struct ShapeColumn
{
	ValueKind	kind;
	int			rank;	 /* place among all columns in jsonb's order */
	int			namelen; /* bytes of the name */
	const char *name;	 /* in the shape's descriptor; NULL if dropped */
	Oid			type;	 /* where nested */
	FmgrInfo	fn;		 /* output function */
} ShapeColumn;

struct RowShape
{
	TupleDesc	 desc;	  /* own copy, with the values of missing columns */
	int			 nlive;	  /* columns that are not dropped */
	AttrNumber	*order;	  /* these, in jsonb's order */
	int			 nall;	  /* columns that are not generated either */
	AttrNumber	*all;	  /* these, in jsonb's order */
	ShapeColumn *columns; /* by attribute number - 1 */
};

/* An object being written.  Offsets count from data, which is maxaligned. */
typedef struct Writer
{
	char *data;	 /* varlena header, then the object */
	Size  len;	 /* bytes written */
	Size  size;	 /* bytes allocated */
	Size  entry; /* offset of the next JEntry */
	int	  index; /* which JEntry that is */
	Size  base;	 /* offset of the first member's data */
} Writer;

/* Columns beyond this are kept in palloc'd arrays instead of on the stack. */
#define STACK_COLUMNS 64

/* With more chosen columns than this a tuple is taken apart as a whole. */
#define GETATTR_COLUMNS 3

/*
 * The parts of numeric's storage format that are needed here; it is fixed by
 * what is on disk.
 */
#define NUMERIC_HEADER_SHORT 0x8000
#define NUMERIC_HEADER_NEGATIVE 0x2000
#define NUMERIC_HEADER_SPECIAL 0xC000
#define NUMERIC_HEADER_PINF 0xD000
#define NUMERIC_HEADER_NINF 0xF000
#define NUMERIC_BASE 10000

/* ----- making a shape ----- */

/* The fixed kinds; arrays, composites and all else are told by the caller. */
static ValueKind
builtin_kind(Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return VALUE_BOOL;
		case INT2OID:
			return VALUE_INT2;
		case INT4OID:
			return VALUE_INT4;
		case INT8OID:
			return VALUE_INT8;
		case FLOAT4OID:
			return VALUE_FLOAT4;
		case FLOAT8OID:
			return VALUE_FLOAT8;
		case NUMERICOID:
			return VALUE_NUMERIC;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return VALUE_TEXT;
		case JSONOID:
			return VALUE_JSON;
		case JSONBOID:
			return VALUE_JSONB;
		case DATEOID:
			return VALUE_DATE;
		case TIMESTAMPOID:
			return VALUE_TIMESTAMP;
		case TIMESTAMPTZOID:
			return VALUE_TIMESTAMPTZ;
		default:
			return VALUE_OUTPUT;
	}
}

/* Work out how a column is written. */
static void
shape_column(ShapeColumn *column, Form_pg_attribute attr)
{
	Oid	 type = getBaseType(attr->atttypid);
	Oid	 output;
	bool varlena;

	column->name = NameStr(attr->attname);
	column->namelen = (int) strlen(column->name);
	column->kind = builtin_kind(type);
	if (column->kind != VALUE_OUTPUT)
		return;

	if (OidIsValid(get_element_type(type)) || type_is_rowtype(type))
	{
		column->kind = VALUE_NESTED;
		column->type = type;
		return;
	}

	getTypeOutputInfo(type, &output, &varlena);
	fmgr_info(output, &column->fn);
}

/* jsonb's order of member names. */
static int
compare_names(const void *a, const void *b, void *arg)
{
	const ShapeColumn *columns = arg;
	const ShapeColumn *first = &columns[*(const AttrNumber *) a - 1];
	const ShapeColumn *second = &columns[*(const AttrNumber *) b - 1];

	if (first->namelen != second->namelen)
		return first->namelen - second->namelen;
	return memcmp(first->name, second->name, first->namelen);
}

RowShape *
row_shape(TupleDesc desc)
{
	RowShape *shape = palloc0(sizeof(RowShape));
	int		  natts = desc->natts;

	shape->desc = CreateTupleDescCopyConstr(desc);
	shape->columns = palloc0(sizeof(ShapeColumn) * Max(natts, 1));
	shape->order = palloc(sizeof(AttrNumber) * Max(natts, 1));
	shape->all = palloc(sizeof(AttrNumber) * Max(natts, 1));

	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(shape->desc, i);

		if (attr->attisdropped)
			continue;
		shape_column(&shape->columns[i], attr);
		shape->order[shape->nlive++] = attr->attnum;
	}

	qsort_arg(shape->order, shape->nlive, sizeof(AttrNumber), compare_names,
			  shape->columns);

	for (int rank = 0; rank < shape->nlive; rank++)
	{
		AttrNumber attnum = shape->order[rank];

		shape->columns[attnum - 1].rank = rank;
		if (TupleDescAttr(shape->desc, attnum - 1)->attgenerated == '\0')
			shape->all[shape->nall++] = attnum;
	}

	return shape;
}

/* ----- bytes ----- */

static void
object_too_large(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("total size of jsonb object elements exceeds the maximum "
					"of %u bytes",
					JENTRY_OFFLENMASK)));
}

/* Make room for more bytes than there are. */
static pg_noinline void
writer_enlarge(Writer *w, Size more)
{
	Size size = w->size;

	if (w->len + more > JENTRY_OFFLENMASK)
		object_too_large();

	while (size < w->len + more)
		size *= 2;
	w->data = repalloc(w->data, size);
	w->size = size;
}

/* Append room for so many bytes and return where it is. */
static inline char *
writer_room(Writer *w, Size bytes)
{
	char *room;

	if (unlikely(w->len + bytes > w->size))
		writer_enlarge(w, bytes);
	room = w->data + w->len;
	w->len += bytes;
	return room;
}

static inline void
writer_append(Writer *w, const char *bytes, Size len)
{
	memcpy(writer_room(w, len), bytes, len);
}

/* Numbers and containers start at multiples of four; the padding is theirs. */
static inline void
writer_align(Writer *w)
{
	Size padding = INTALIGN(w->len) - w->len;

	if (padding > 0)
		memset(writer_room(w, padding), 0, padding);
}

/*
 * Close the member that started at an offset: write its JEntry, which holds
 * its length or, at every stride, its end.
 */
static inline void
writer_entry(Writer *w, Size start, JEntry type)
{
	JEntry entry;

	if (w->index % JB_OFFSET_STRIDE == 0)
		entry = type | JENTRY_HAS_OFF | (JEntry) (w->len - w->base);
	else
		entry = type | (JEntry) (w->len - start);
	memcpy(w->data + w->entry, &entry, sizeof(JEntry));
	w->entry += sizeof(JEntry);
	w->index++;
}

/* ----- values ----- */

static inline void
write_string(Writer *w, const char *bytes, Size len)
{
	Size start = w->len;

	writer_append(w, bytes, len);
	writer_entry(w, start, JENTRY_ISSTRING);
}

/* Write a numeric of which only what follows the length word is given. */
static inline void
write_number(Writer *w, const char *payload, Size len)
{
	Size  start = w->len;
	char *room;

	writer_align(w);
	room = writer_room(w, VARHDRSZ + len);
	SET_VARSIZE(room, VARHDRSZ + len);
	memcpy(room + VARHDRSZ, payload, len);
	writer_entry(w, start, JENTRY_ISNUMERIC);
}

/* An integer as numeric makes it: no fraction, no trailing zero digits. */
static inline void
write_int(Writer *w, int64 value)
{
	uint64 rest = value < 0 ? -(uint64) value : (uint64) value;
	uint16 words[6]; /* header, then digits, the last ones first filled */
	int	   first = lengthof(words);
	int	   end = lengthof(words);
	int	   weight = -1;

	while (rest != 0)
	{
		uint16 digit = rest % NUMERIC_BASE;

		rest /= NUMERIC_BASE;
		weight++;
		if (digit == 0 && first == end)
			continue;
		words[--first] = digit;
	}

	words[--first] = NUMERIC_HEADER_SHORT |
		(value < 0 ? NUMERIC_HEADER_NEGATIVE : 0) | Max(weight, 0);
	write_number(w, (const char *) &words[first],
				 sizeof(uint16) * (end - first));
}

/* NaN and the infinities are no JSON numbers: they become strings. */
static void
write_special(Writer *w, uint16 header)
{
	const char *name = "NaN";

	if (header == NUMERIC_HEADER_PINF)
		name = "Infinity";
	else if (header == NUMERIC_HEADER_NINF)
		name = "-Infinity";
	write_string(w, name, strlen(name));
}

static void
write_numeric(Writer *w, Datum value)
{
	struct varlena *raw = (struct varlena *) DatumGetPointer(value);
	struct varlena *flat = pg_detoast_datum_packed(raw);
	uint16			header;

	memcpy(&header, VARDATA_ANY(flat), sizeof(header));
	if ((header & NUMERIC_HEADER_SPECIAL) == NUMERIC_HEADER_SPECIAL)
		write_special(w, header);
	else
		write_number(w, VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat));

	if (flat != raw)
		pfree(flat);
}

/* The digits of a float, read as a number. */
static void
write_float_digits(Writer *w, char *digits)
{
	Datum number;

	/* Every other output has no letter but the e of the exponent. */
	if (strchr(digits, 'N') != NULL || strchr(digits, 'n') != NULL)
	{
		write_string(w, digits, strlen(digits));
		return;
	}

	number =
		DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	write_numeric(w, number);
	pfree(DatumGetPointer(number));
}

static void
write_float8(Writer *w, float8 value)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	write_float_digits(w, digits);
}

static void
write_float4(Writer *w, float4 value)
{
	char digits[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(value, digits);
	write_float_digits(w, digits);
}

static void
write_text(Writer *w, Datum value)
{
	struct varlena *raw = (struct varlena *) DatumGetPointer(value);
	struct varlena *flat = pg_detoast_datum_packed(raw);

	write_string(w, VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat));

	if (flat != raw)
		pfree(flat);
}

/* A scalar is stored as an array of one: take it out of there. */
static void
write_scalar(Writer *w, const char *root)
{
	Size   start = w->len;
	JEntry entry;

	memcpy(&entry, root + sizeof(uint32), sizeof(JEntry));
	if (JBE_ISNUMERIC(entry))
		writer_align(w);
	writer_append(w, root + sizeof(uint32) + sizeof(JEntry),
				  JBE_OFFLENFLD(entry));
	writer_entry(w, start, entry & JENTRY_TYPEMASK);
}

/* A container's bytes mean the same wherever they stand, if aligned. */
static void
write_jsonb(Writer *w, Datum value)
{
	struct varlena *raw = (struct varlena *) DatumGetPointer(value);
	struct varlena *flat = pg_detoast_datum_packed(raw);
	const char	   *root = VARDATA_ANY(flat);
	Size			start = w->len;
	uint32			header;

	memcpy(&header, root, sizeof(header));
	if (header & JB_FSCALAR)
		write_scalar(w, root);
	else
	{
		writer_align(w);
		writer_append(w, root, VARSIZE_ANY_EXHDR(flat));
		writer_entry(w, start, JENTRY_ISCONTAINER);
	}

	if (flat != raw)
		pfree(flat);
}

static void
write_json(Writer *w, Datum value)
{
	char *source = TextDatumGetCString(value);
	Datum parsed = DirectFunctionCall1(jsonb_in, CStringGetDatum(source));

	write_jsonb(w, parsed);
	pfree(DatumGetPointer(parsed));
	pfree(source);
}

static void
write_nested(Writer *w, Oid type, Datum value)
{
	Datum nested = nested_json(type, value);

	write_jsonb(w, nested);
	pfree(DatumGetPointer(nested));
}

static void
write_datetime(Writer *w, Datum value, Oid type)
{
	char buf[MAXDATELEN + 1];

	JsonEncodeDateTime(buf, value, type, NULL);
	write_string(w, buf, strlen(buf));
}

static void
write_output(Writer *w, FmgrInfo *output, Datum value)
{
	char *printed = OutputFunctionCall(output, value);

	write_string(w, printed, strlen(printed));
	pfree(printed);
}

/* Write one value, or null, with its JEntry. */
static inline void
write_value(Writer *w, ShapeColumn *column, Datum value, bool isnull)
{
	if (isnull)
	{
		writer_entry(w, w->len, JENTRY_ISNULL);
		return;
	}

	switch (column->kind)
	{
		case VALUE_BOOL:
			writer_entry(w, w->len,
						 DatumGetBool(value) ? JENTRY_ISBOOL_TRUE :
											   JENTRY_ISBOOL_FALSE);
			break;
		case VALUE_INT2:
			write_int(w, DatumGetInt16(value));
			break;
		case VALUE_INT4:
			write_int(w, DatumGetInt32(value));
			break;
		case VALUE_INT8:
			write_int(w, DatumGetInt64(value));
			break;
		case VALUE_FLOAT4:
			write_float4(w, DatumGetFloat4(value));
			break;
		case VALUE_FLOAT8:
			write_float8(w, DatumGetFloat8(value));
			break;
		case VALUE_NUMERIC:
			write_numeric(w, value);
			break;
		case VALUE_TEXT:
			write_text(w, value);
			break;
		case VALUE_JSON:
			write_json(w, value);
			break;
		case VALUE_JSONB:
			write_jsonb(w, value);
			break;
		case VALUE_DATE:
			write_datetime(w, value, DATEOID);
			break;
		case VALUE_TIMESTAMP:
			write_datetime(w, value, TIMESTAMPOID);
			break;
		case VALUE_TIMESTAMPTZ:
			write_datetime(w, value, TIMESTAMPTZOID);
			break;
		case VALUE_NESTED:
			write_nested(w, column->type, value);
			break;
		case VALUE_OUTPUT:
			write_output(w, &column->fn, value);
			break;
	}
}

/* ----- objects ----- */

/* Few columns: collect them from the bits and sort them by rank. */
static int
choose_few(const RowShape *shape, const uint64 *attrs, AttrNumber *chosen)
{
	int nwords = (shape->desc->natts + 63) / 64;
	int n = 0;

	for (int word = 0; word < nwords; word++)
	{
		for (uint64 bits = attrs[word]; bits != 0; bits &= bits - 1)
		{
			AttrNumber attnum = word * 64 + pg_rightmost_one_pos64(bits) + 1;
			int		   rank = shape->columns[attnum - 1].rank;
			int		   at;

			if (shape->columns[attnum - 1].name == NULL)
				continue;

			at = n++;
			while (at > 0 && shape->columns[chosen[at - 1] - 1].rank > rank)
			{
				chosen[at] = chosen[at - 1];
				at--;
			}
			chosen[at] = attnum;
		}
	}
	return n;
}

/* Many columns: take those whose bit is set from the sorted list. */
static int
choose_many(const RowShape *shape, const uint64 *attrs, AttrNumber *chosen)
{
	int n = 0;

	for (int i = 0; i < shape->nlive; i++)
	{
		AttrNumber attnum = shape->order[i];

		if (attrs[(attnum - 1) / 64] & (UINT64CONST(1) << ((attnum - 1) % 64)))
			chosen[n++] = attnum;
	}
	return n;
}

/* The chosen columns in jsonb's order; chosen has room for all columns. */
static int
choose_columns(const RowShape *shape, const uint64 *attrs, AttrNumber *chosen)
{
	int nwords = (shape->desc->natts + 63) / 64;
	int count = 0;

	for (int word = 0; word < nwords; word++)
		count += pg_popcount64(attrs[word]);

	if (count <= 8)
		return choose_few(shape, attrs, chosen);
	return choose_many(shape, attrs, chosen);
}

/* Start an object: its header, room for the entries, and the names. */
static void
write_names(Writer *w, const RowShape *shape, const AttrNumber *chosen, int n)
{
	Size   entries = sizeof(JEntry) * 2 * n;
	uint32 header = JB_FOBJECT | n;

	w->size = 64 + (Size) n * 48;
	w->data = palloc(w->size);
	w->len = VARHDRSZ;
	writer_append(w, (char *) &header, sizeof(header));
	w->entry = w->len;
	w->index = 0;
	(void) writer_room(w, entries);
	w->base = w->len;

	for (int i = 0; i < n; i++)
	{
		const ShapeColumn *column = &shape->columns[chosen[i] - 1];

		write_string(w, column->name, column->namelen);
	}
}

/* A few columns are fetched one by one. */
static void
write_few(Writer *w, RowShape *shape, HeapTuple tuple,
		  const AttrNumber *chosen, int n)
{
	for (int i = 0; i < n; i++)
	{
		bool  isnull;
		Datum value = heap_getattr(tuple, chosen[i], shape->desc, &isnull);

		write_value(w, &shape->columns[chosen[i] - 1], value, isnull);
	}
}

/* Many columns: the tuple is taken apart once. */
static void
write_many(Writer *w, RowShape *shape, HeapTuple tuple,
		   const AttrNumber *chosen, int n)
{
	int	   natts = shape->desc->natts;
	Datum  stack_values[STACK_COLUMNS];
	bool   stack_isnull[STACK_COLUMNS];
	Datum *values = stack_values;
	bool  *isnull = stack_isnull;

	if (natts > STACK_COLUMNS)
	{
		values = palloc(sizeof(Datum) * natts);
		isnull = palloc(sizeof(bool) * natts);
	}

	heap_deform_tuple(tuple, shape->desc, values, isnull);
	for (int i = 0; i < n; i++)
	{
		int at = chosen[i] - 1;

		write_value(w, &shape->columns[at], values[at], isnull[at]);
	}

	if (natts > STACK_COLUMNS)
	{
		pfree(values);
		pfree(isnull);
	}
}

Datum
row_shape_json(RowShape *shape, HeapTuple tuple, const uint64 *attrs)
{
	AttrNumber	stack_chosen[STACK_COLUMNS];
	AttrNumber *chosen = stack_chosen;
	int			n;
	Writer		w;

	if (attrs == NULL)
	{
		chosen = shape->all;
		n = shape->nall;
	}
	else
	{
		if (shape->desc->natts > STACK_COLUMNS)
			chosen = palloc(sizeof(AttrNumber) * shape->desc->natts);
		n = choose_columns(shape, attrs, chosen);
	}

	write_names(&w, shape, chosen, n);
	if (n <= GETATTR_COLUMNS)
		write_few(&w, shape, tuple, chosen, n);
	else
		write_many(&w, shape, tuple, chosen, n);

	if (w.len - VARHDRSZ > JENTRY_OFFLENMASK)
		object_too_large();
	SET_VARSIZE(w.data, w.len);

	if (attrs != NULL && chosen != stack_chosen)
		pfree(chosen);
	return PointerGetDatum(w.data);
}
