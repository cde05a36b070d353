/*-------------------------------------------------------------------------
 *
 * canonical.c
 *		Canonical row bytes: the same row gives the same bytes in every
 *		table, cluster and store.
 *
 *		row		= u16 fields, a tag byte for each, their payloads
 *
 * The tags tell where each payload ends, so that no two different rows give
 * the same bytes.  Numbers are little-endian.  What a value says counts, not
 * how it is stored: neither toast nor compression, the scale of a numeric,
 * the sign of zero, the blanks behind a bpchar, the width of an integer.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <sys/socket.h>

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "consistency/rows/payload.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/geo_decls.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"
#include "utils/varbit.h"

/* ---- bytes ---- */

/* What a first row may take without growing. */
#define FIRST_ROOM 1024

void
canonical_begin(CanonicalBytes *bytes)
{
	bytes->mcxt = CurrentMemoryContext;
	bytes->data = palloc(FIRST_ROOM);
	bytes->room = FIRST_ROOM;
	bytes->length = 0;
	/* Of SQL_ASCII nobody knows what it is. */
	bytes->convert = GetDatabaseEncoding() != PG_UTF8 &&
		GetDatabaseEncoding() != PG_SQL_ASCII;
}

void
canonical_grow(CanonicalBytes *bytes, Size more)
{
	Size		room = bytes->room;

	while (room < bytes->length + more)
		room *= 2;
	bytes->data = repalloc_huge(bytes->data, room);
	bytes->room = room;
}

static inline void
put_bytes(CanonicalBytes *bytes, const void *data, Size length)
{
	canonical_reserve(bytes, length);
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

static inline void
put_u8(CanonicalBytes *bytes, uint8 value)
{
	put_bytes(bytes, &value, sizeof(value));
}

static inline void
put_u16(CanonicalBytes *bytes, uint16 value)
{
#ifdef WORDS_BIGENDIAN
	value = pg_bswap16(value);
#endif
	put_bytes(bytes, &value, sizeof(value));
}

static inline void
put_u32(CanonicalBytes *bytes, uint32 value)
{
#ifdef WORDS_BIGENDIAN
	value = pg_bswap32(value);
#endif
	put_bytes(bytes, &value, sizeof(value));
}

static inline void
put_u64(CanonicalBytes *bytes, uint64 value)
{
#ifdef WORDS_BIGENDIAN
	value = pg_bswap64(value);
#endif
	put_bytes(bytes, &value, sizeof(value));
}

static inline void
put_float(CanonicalBytes *bytes, double value)
{
	uint64		image;

	memcpy(&image, &value, sizeof(image));
	put_u64(bytes, canonical_float(image));
}

/* A length and so many bytes. */
static inline void
put_string(CanonicalBytes *bytes, const char *data, Size length)
{
	put_u32(bytes, (uint32) length);
	put_bytes(bytes, data, length);
}

/* A copy of a text of the server's encoding in UTF-8. */
char *
canonical_utf8(const char *text, Size length, Size *utf8_length)
{
	char *utf8 = pg_server_to_any(text, (int) length, PG_UTF8);

	if (utf8 == text)
	{
		*utf8_length = length;
		return pnstrdup(text, length);
	}
	*utf8_length = strlen(utf8);
	return utf8;
}

/* Everything is compared as UTF-8. */
void
canonical_text(CanonicalBytes *bytes, const char *text, Size length)
{
	char	   *utf8;

	if (!bytes->convert)
	{
		put_string(bytes, text, length);
		return;
	}
	utf8 = canonical_utf8(text, length, &length);
	put_string(bytes, utf8, length);
	pfree(utf8);
}

/* ---- scalars ---- */

static void
write_bool(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_u8(bytes, DatumGetBool(value) ? 1 : 0);
}

static void
write_int2(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_u64(bytes, (uint64) (int64) DatumGetInt16(value));
}

static void
write_int4(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_u64(bytes, (uint64) (int64) DatumGetInt32(value));
}

static void
write_int8(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_u64(bytes, (uint64) DatumGetInt64(value));
}

/* oid, xid, cid: numbers without a sign. */
static void
write_uint4(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_u64(bytes, DatumGetUInt32(value));
}

static void
write_float4(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_float(bytes, DatumGetFloat4(value));
}

static void
write_float8(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_float(bytes, DatumGetFloat8(value));
}

static void
write_char(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	char		c = DatumGetChar(value);

	put_string(bytes, &c, c == '\0' ? 0 : 1);
}

static void
write_name(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	const char *name = NameStr(*DatumGetName(value));

	canonical_text(bytes, name, strlen(name));
}

/* Free the copy that detoasting made, if it made one. */
static void
free_copy(void *value, Datum original)
{
	if (value != DatumGetPointer(original))
		pfree(value);
}

static void
write_text(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	text	   *string = DatumGetTextPP(value);
	Size		length = VARSIZE_ANY_EXHDR(string);

	if (type->blank_padded)
		while (length > 0 && VARDATA_ANY(string)[length - 1] == ' ')
			length--;
	canonical_text(bytes, VARDATA_ANY(string), length);
	free_copy(string, value);
}

static void
write_bytea(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	bytea	   *data = DatumGetByteaPP(value);

	put_string(bytes, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	free_copy(data, value);
}

static void
write_date(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_u32(bytes, (uint32) DatumGetDateADT(value));
}

static void
write_timetz(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	const TimeTzADT *time = DatumGetTimeTzADTP(value);

	put_u64(bytes, (uint64) time->time);
	put_u32(bytes, (uint32) time->zone);
}

static void
write_interval(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	const Interval *interval = DatumGetIntervalP(value);

	put_u32(bytes, (uint32) interval->month);
	put_u32(bytes, (uint32) interval->day);
	put_u64(bytes, (uint64) interval->time);
}

/* uuid, macaddr, macaddr8: the bytes as they are. */
static void
write_fixed(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	put_bytes(bytes, DatumGetPointer(value), type->len);
}

static void
write_enum(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	char	   *label = OutputFunctionCall((FmgrInfo *) &type->output, value);

	canonical_text(bytes, label, strlen(label));
	pfree(label);
}

/* A type that goes by its text, which says all of it. */
static void
write_output(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	char	   *text = OutputFunctionCall((FmgrInfo *) &type->output, value);

	canonical_text(bytes, text, strlen(text));
	pfree(text);
}

static void
write_inet(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	inet	   *address = DatumGetInetPP(value);

	put_u8(bytes, ip_family(address) == PGSQL_AF_INET ? 4 : 6);
	put_u8(bytes, ip_bits(address));
	put_bytes(bytes, ip_addr(address), ip_addrsize(address));
	free_copy(address, value);
}

static void
write_bits(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	VarBit	   *bits = DatumGetVarBitP(value);

	put_u32(bytes, VARBITLEN(bits));
	put_bytes(bytes, VARBITS(bits), VARBITBYTES(bits));
	free_copy(bits, value);
}

/* ---- numeric ---- */

/* The forms of a numeric's header beside those of payload.h. */
#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_SPECIAL 0xC000
#define NUMERIC_SPECIAL_MASK 0xF000
#define NUMERIC_POSITIVE_INFINITY 0xD000
#define NUMERIC_NEGATIVE_INFINITY 0xF000

/* The first payload byte of a numeric. */
enum
{
	SIGN_POSITIVE,
	SIGN_NEGATIVE,
	SIGN_NAN,
	SIGN_INFINITY,
	SIGN_MINUS_INFINITY
};

/* A numeric of base 10000, taken apart. */
typedef struct NumericParts
{
	uint8		sign;
	int			weight; /* of the first digit, as power of 10000 */
	int			ndigits;
	const char *digits; /* int16 each, perhaps unaligned */
} NumericParts;

static uint8
special_sign(uint16 header)
{
	switch (header & NUMERIC_SPECIAL_MASK)
	{
		case NUMERIC_POSITIVE_INFINITY:
			return SIGN_INFINITY;
		case NUMERIC_NEGATIVE_INFINITY:
			return SIGN_MINUS_INFINITY;
		default:
			return SIGN_NAN;
	}
}

static NumericParts
numeric_parts(const char *data, Size length)
{
	Size		offset = sizeof(uint16);
	uint16		header;
	NumericParts parts;

	if (length < offset)
		payload_corrupt();
	header = read_u16(data);
	if ((header & NUMERIC_FORM_MASK) == NUMERIC_SPECIAL)
		return (NumericParts){special_sign(header), 0, 0, NULL};

	if ((header & NUMERIC_FORM_MASK) == NUMERIC_SHORT)
	{
		parts.sign =
			(header & NUMERIC_SHORT_NEGATIVE) ? SIGN_NEGATIVE : SIGN_POSITIVE;
		parts.weight = numeric_short_weight(header);
	}
	else
	{
		if (length < 2 * offset)
			payload_corrupt();
		parts.sign = (header & NUMERIC_FORM_MASK) == NUMERIC_NEGATIVE ?
			SIGN_NEGATIVE :
			SIGN_POSITIVE;
		parts.weight = (int16) read_u16(data + offset);
		offset += sizeof(uint16);
	}
	parts.digits = data + offset;
	parts.ndigits = (int) ((length - offset) / sizeof(uint16));
	return parts;
}

/* Take off digits that are zero, which say nothing. */
static void
numeric_strip(NumericParts *parts)
{
	while (parts->ndigits > 0 &&
		   read_u16(parts->digits + (parts->ndigits - 1) * sizeof(uint16)) ==
			   0)
		parts->ndigits--;
	while (parts->ndigits > 0 && read_u16(parts->digits) == 0)
	{
		parts->digits += sizeof(uint16);
		parts->ndigits--;
		parts->weight--;
	}
	if (parts->ndigits == 0)
		parts->weight = 0;
}

char *
payload_any_numeric(char *out, const char *data, Size length)
{
	NumericParts parts = numeric_parts(data, length);

	numeric_strip(&parts);
	out = payload_u8(out, parts.sign);
	out = payload_u16(out, (uint16) parts.weight);
	out = payload_u16(out, (uint16) parts.ndigits);
	for (int i = 0; i < parts.ndigits; i++)
		out = payload_u16(out, read_u16(parts.digits + i * sizeof(uint16)));
	return out;
}

static void
write_numeric(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	struct varlena *number = PG_DETOAST_DATUM_PACKED(value);
	const char *data = VARDATA_ANY(number);
	Size		length = VARSIZE_ANY_EXHDR(number);
	char	   *out;

	canonical_reserve(bytes, NUMERIC_HEAD + length + PAYLOAD_SLACK);
	out = bytes->data + bytes->length;
	out = payload_any_numeric(out, data, length);
	bytes->length = out - bytes->data;
	free_copy(number, value);
}

static void
write_jsonb(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	struct varlena *jsonb = PG_DETOAST_DATUM_PACKED(value);

	canonical_json(bytes, VARDATA_ANY(jsonb), VARSIZE_ANY_EXHDR(jsonb));
	free_copy(jsonb, value);
}

/* ---- geometry: numbers, with a count where it varies ---- */

/* Values of a fixed number of float8s. */
static void
write_numbers(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	const double *numbers = (const double *) DatumGetPointer(value);

	for (int i = 0; i < type->numbers; i++)
		put_float(bytes, numbers[i]);
}

static void
put_points(CanonicalBytes *bytes, const Point *points, int n)
{
	put_u32(bytes, n);
	for (int i = 0; i < n; i++)
	{
		put_float(bytes, points[i].x);
		put_float(bytes, points[i].y);
	}
}

static void
write_path(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	PATH	   *path = DatumGetPathP(value);

	put_u8(bytes, path->closed ? 1 : 0);
	put_points(bytes, path->p, path->npts);
	free_copy(path, value);
}

static void
write_polygon(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	POLYGON    *polygon = DatumGetPolygonP(value);

	put_points(bytes, polygon->p, polygon->npts);
	free_copy(polygon, value);
}

/* ---- containers ---- */

/* A field that stands alone: its tag, then its payload. */
static void
put_field(CanonicalBytes *bytes, const CanonicalType *type, Datum value,
		  bool isnull)
{
	check_stack_depth();
	put_u8(bytes, isnull ? CANONICAL_NULL : type->tag);
	if (!isnull)
		type->write(bytes, type, value);
}

static void
write_array(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	const CanonicalType *element = type->element;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	put_u32(bytes, ARR_NDIM(array));
	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		put_u32(bytes, ARR_DIMS(array)[i]);
		put_u32(bytes, (uint32) ARR_LBOUND(array)[i]);
	}
	deconstruct_array(array, ARR_ELEMTYPE(array), element->len, element->byval,
					  element->align, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_field(bytes, element, elements[i], nulls[i]);
	}
	pfree(elements);
	pfree(nulls);
	free_copy(array, value);
}

/* Flags of a range's payload. */
#define RANGE_IS_EMPTY 1
#define RANGE_LOWER_INCLUSIVE 2
#define RANGE_UPPER_INCLUSIVE 4
#define RANGE_LOWER_INFINITE 8
#define RANGE_UPPER_INFINITE 16

static void
put_range(CanonicalBytes *bytes, const CanonicalType *bound_type,
		  const RangeBound *lower, const RangeBound *upper, bool empty)
{
	if (empty)
	{
		put_u8(bytes, RANGE_IS_EMPTY);
		return;
	}
	put_u8(bytes,
		   (lower->inclusive ? RANGE_LOWER_INCLUSIVE : 0) |
			   (upper->inclusive ? RANGE_UPPER_INCLUSIVE : 0) |
			   (lower->infinite ? RANGE_LOWER_INFINITE : 0) |
			   (upper->infinite ? RANGE_UPPER_INFINITE : 0));
	if (!lower->infinite)
		put_field(bytes, bound_type, lower->val, false);
	if (!upper->infinite)
		put_field(bytes, bound_type, upper->val, false);
}

static void
write_range(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	RangeType  *range = DatumGetRangeTypeP(value);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(type->typcache, range, &lower, &upper, &empty);
	put_range(bytes, type->element, &lower, &upper, empty);
	free_copy(range, value);
}

static void
write_multirange(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	MultirangeType *multirange = DatumGetMultirangeTypeP(value);
	TypeCacheEntry *typcache = type->typcache;

	put_u32(bytes, multirange->rangeCount);
	for (uint32 i = 0; i < multirange->rangeCount; i++)
	{
		RangeBound	lower;
		RangeBound	upper;

		CHECK_FOR_INTERRUPTS();
		multirange_get_bounds(typcache->rngtype, multirange, i, &lower,
							  &upper);
		put_range(bytes, type->element, &lower, &upper, false);
	}
	free_copy(multirange, value);
}

static void
write_composite(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple;
	Datum	   *values = palloc(sizeof(Datum) * type->nfields);
	bool	   *nulls = palloc(sizeof(bool) * type->nfields);
	int			live = 0;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, type->desc, values, nulls);

	for (int i = 0; i < type->nfields; i++)
		live += type->fields[i] != NULL;
	put_u16(bytes, live);
	for (int i = 0; i < type->nfields; i++)
		if (type->fields[i] != NULL)
			put_field(bytes, type->fields[i], values[i], nulls[i]);
	pfree(values);
	pfree(nulls);
	free_copy(header, value);
}

/* ---- which type is written how ---- */

/* Built-in types that are what they are. */
static const struct
{
	Oid			type;
	CanonicalTag tag;
	CanonicalWriter write;
	int			numbers;
} known[] = {
	{BOOLOID, CANONICAL_BOOL, write_bool, 0},
	{INT2OID, CANONICAL_INTEGER, write_int2, 0},
	{INT4OID, CANONICAL_INTEGER, write_int4, 0},
	{INT8OID, CANONICAL_INTEGER, write_int8, 0},
	{OIDOID, CANONICAL_INTEGER, write_uint4, 0},
	{XIDOID, CANONICAL_INTEGER, write_uint4, 0},
	{XID8OID, CANONICAL_INTEGER, write_int8, 0},
	{LSNOID, CANONICAL_INTEGER, write_int8, 0},
	{FLOAT4OID, CANONICAL_FLOAT, write_float4, 0},
	{FLOAT8OID, CANONICAL_FLOAT, write_float8, 0},
	{NUMERICOID, CANONICAL_NUMERIC, write_numeric, 0},
	{TEXTOID, CANONICAL_TEXT, write_text, 0},
	{VARCHAROID, CANONICAL_TEXT, write_text, 0},
	{BPCHAROID, CANONICAL_TEXT, write_text, 0},
	{NAMEOID, CANONICAL_TEXT, write_name, 0},
	{CHAROID, CANONICAL_TEXT, write_char, 0},
	{JSONOID, CANONICAL_TEXT, write_text, 0},
	{XMLOID, CANONICAL_TEXT, write_text, 0},
	{BYTEAOID, CANONICAL_BYTES, write_bytea, 0},
	{DATEOID, CANONICAL_DATE, write_date, 0},
	{TIMEOID, CANONICAL_TIME, write_int8, 0},
	{TIMETZOID, CANONICAL_TIMETZ, write_timetz, 0},
	{TIMESTAMPOID, CANONICAL_TIMESTAMP, write_int8, 0},
	{TIMESTAMPTZOID, CANONICAL_TIMESTAMPTZ, write_int8, 0},
	{INTERVALOID, CANONICAL_INTERVAL, write_interval, 0},
	{UUIDOID, CANONICAL_UUID, write_fixed, 0},
	{JSONBOID, CANONICAL_JSON, write_jsonb, 0},
	{INETOID, CANONICAL_INET, write_inet, 0},
	{CIDROID, CANONICAL_INET, write_inet, 0},
	{MACADDROID, CANONICAL_MACADDR, write_fixed, 0},
	{MACADDR8OID, CANONICAL_MACADDR, write_fixed, 0},
	{MONEYOID, CANONICAL_MONEY, write_int8, 0},
	{BITOID, CANONICAL_BITS, write_bits, 0},
	{VARBITOID, CANONICAL_BITS, write_bits, 0},
	{POINTOID, CANONICAL_GEOMETRY, write_numbers, 2},
	{LSEGOID, CANONICAL_GEOMETRY, write_numbers, 4},
	{BOXOID, CANONICAL_GEOMETRY, write_numbers, 4},
	{LINEOID, CANONICAL_GEOMETRY, write_numbers, 3},
	{CIRCLEOID, CANONICAL_GEOMETRY, write_numbers, 3},
	{PATHOID, CANONICAL_GEOMETRY, write_path, 0},
	{POLYGONOID, CANONICAL_GEOMETRY, write_polygon, 0},
	{TSVECTOROID, CANONICAL_OUTPUT, write_output, 0},
	{TSQUERYOID, CANONICAL_OUTPUT, write_output, 0},
	{JSONPATHOID, CANONICAL_OUTPUT, write_output, 0},
	/* An argument of unknown type is a string literal. */
	{UNKNOWNOID, CANONICAL_TEXT, write_output, 0},
};

static void
no_canonical_form(Oid type, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("type %s of \"%s\" has no canonical form",
					format_type_be(type), name),
			 errdetail("Its values cannot be compared between databases."),
			 errhint("Digest an expression of it that has one, such as its "
					 "text, with spine.digest_agg.")));
}

/* Is it a built-in type?  Then fill in what the table says. */
static bool
find_known(CanonicalType *result)
{
	for (int i = 0; i < (int) lengthof(known); i++)
		if (known[i].type == result->type)
		{
			result->tag = known[i].tag;
			result->write = known[i].write;
			result->numbers = known[i].numbers;
			result->blank_padded = known[i].type == BPCHAROID;
			return true;
		}
	return false;
}

static void
use_output(CanonicalType *result)
{
	Oid			function;
	bool		is_varlena;

	getTypeOutputInfo(result->type, &function, &is_varlena);
	fmgr_info(function, &result->output);
}

/* The attributes of a composite type, in their order. */
static void
find_fields(CanonicalType *result, const char *name)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(result->type, -1);

	result->tag = CANONICAL_COMPOSITE;
	result->write = write_composite;
	result->desc = desc;
	result->nfields = desc->natts;
	result->fields = palloc0(sizeof(CanonicalType *) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			result->fields[i] =
				canonical_type(TupleDescAttr(desc, i)->atttypid, name);
}

static void
find_range(CanonicalType *result, const char *name)
{
	TypeCacheEntry *typcache =
		lookup_type_cache(result->type, TYPECACHE_RANGE_INFO);

	result->tag = CANONICAL_RANGE;
	result->write = write_range;
	result->typcache = typcache;
	result->element = canonical_type(typcache->rngelemtype->type_id, name);
}

static void
find_multirange(CanonicalType *result, const char *name)
{
	TypeCacheEntry *typcache =
		lookup_type_cache(result->type, TYPECACHE_MULTIRANGE_INFO);

	result->tag = CANONICAL_MULTIRANGE;
	result->write = write_multirange;
	result->typcache = typcache;
	result->element =
		canonical_type(typcache->rngtype->rngelemtype->type_id, name);
}

/* A type that is made of others; or an error. */
static void
find_made(CanonicalType *result, const char *name)
{
	Oid			element = get_element_type(result->type);

	if (OidIsValid(element) && result->len == -1)
	{
		result->tag = CANONICAL_ARRAY;
		result->write = write_array;
		result->element = canonical_type(element, name);
		return;
	}
	switch (get_typtype(result->type))
	{
		case TYPTYPE_ENUM:
			result->tag = CANONICAL_ENUM;
			result->write = write_enum;
			use_output(result);
			return;
		case TYPTYPE_COMPOSITE:
			find_fields(result, name);
			return;
		case TYPTYPE_RANGE:
			find_range(result, name);
			return;
		case TYPTYPE_MULTIRANGE:
			find_multirange(result, name);
			return;
		default:
			no_canonical_form(result->type, name);
	}
}

CanonicalType *
canonical_type(Oid type, const char *name)
{
	CanonicalType *result = palloc0(sizeof(CanonicalType));

	check_stack_depth();
	result->type = getBaseType(type);
	get_typlenbyvalalign(result->type, &result->len, &result->byval,
						 &result->align);
	if (!find_known(result))
		find_made(result, name);
	else if (result->write == write_output)
		use_output(result);
	return result;
}

/* ---- rows ---- */

/* Append a varlena that is neither toasted nor compressed; is it one? */
static inline bool
put_plain(CanonicalBytes *bytes, const CanonicalType *type, const char *value)
{
	const char *data = VARDATA_ANY(value);
	Size		length;
	char	   *out;

	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		return false;
	length = VARSIZE_ANY_EXHDR(value);
	canonical_reserve(bytes, length + sizeof(uint64) + PAYLOAD_SLACK);
	out = bytes->data + bytes->length;
	if (type->tag == CANONICAL_NUMERIC)
		out = payload_numeric_exactly(out, data, length);
	else
		out = payload_string_exactly(out, data, length);
	bytes->length = out - bytes->data;
	return true;
}

/* Append a field's payload, without a call if it is of a type that most are. */
static inline void
put_payload(CanonicalBytes *bytes, const CanonicalType *type, Datum value)
{
	switch (type->type)
	{
		case INT4OID:
			put_u64(bytes, (uint64) (int64) DatumGetInt32(value));
			return;
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			put_u64(bytes, (uint64) DatumGetInt64(value));
			return;
		case FLOAT8OID:
			put_float(bytes, DatumGetFloat8(value));
			return;
		case TEXTOID:
		case VARCHAROID:
			if (!bytes->convert &&
				put_plain(bytes, type, DatumGetPointer(value)))
				return;
			break;
		case NUMERICOID:
			if (put_plain(bytes, type, DatumGetPointer(value)))
				return;
			break;
		default:
			break;
	}
	type->write(bytes, type, value);
}

void
canonical_row(CanonicalBytes *bytes, int nfields, CanonicalType *const *types,
			  const NullableDatum *fields)
{
	char	   *tags;

	put_u16(bytes, (uint16) nfields);
	canonical_reserve(bytes, nfields);
	tags = bytes->data + bytes->length;
	for (int i = 0; i < nfields; i++)
		tags[i] = fields[i].isnull ? CANONICAL_NULL : types[i]->tag;
	bytes->length += nfields;
	for (int i = 0; i < nfields; i++)
		if (!fields[i].isnull)
			put_payload(bytes, types[i], fields[i].value);
}
