/*-------------------------------------------------------------------------
 *
 * canonical.h
 *		Canonical row bytes: the same row gives the same bytes in every
 *		table, cluster and store.
 *
 * docs/canonical.md is the format, version 1; test/data/canonical has
 * vectors, test/canonical.py an independent implementation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_CANONICAL_H
#define CONSISTENCY_CANONICAL_H

#include "fmgr.h"

/* The version of the format; digests of two versions are incomparable. */
#define CANONICAL_VERSION 1

/* What kind of value follows; the first byte of each in the format. */
typedef enum CanonicalTag
{
	CANONICAL_NULL = 0,
	CANONICAL_BOOL = 1,
	CANONICAL_INTEGER = 2,
	CANONICAL_FLOAT = 3,
	CANONICAL_NUMERIC = 4,
	CANONICAL_TEXT = 5,
	CANONICAL_BYTES = 6,
	CANONICAL_DATE = 7,
	CANONICAL_TIME = 8,
	CANONICAL_TIMETZ = 9,
	CANONICAL_TIMESTAMP = 10,
	CANONICAL_TIMESTAMPTZ = 11,
	CANONICAL_INTERVAL = 12,
	CANONICAL_UUID = 13,
	CANONICAL_ENUM = 14,
	CANONICAL_ARRAY = 15,
	CANONICAL_RANGE = 16,
	CANONICAL_MULTIRANGE = 17,
	CANONICAL_COMPOSITE = 18,
	CANONICAL_JSON = 19,
	CANONICAL_INET = 20,
	CANONICAL_MACADDR = 21,
	CANONICAL_MONEY = 22,
	CANONICAL_BITS = 23,
	CANONICAL_GEOMETRY = 24,
	CANONICAL_OUTPUT = 25
} CanonicalTag;

/* Bytes that grow. */
typedef struct CanonicalBytes
{
	char	   *data;
	Size		length;
	Size		room;
	MemoryContext mcxt; /* holds data */
	bool		convert;	/* texts come in an encoding other than UTF-8 */
} CanonicalBytes;

typedef struct CanonicalType CanonicalType;

/* Appends the value's payload (what comes after the tag). */
typedef void (*CanonicalWriter)(CanonicalBytes *bytes,
								const CanonicalType *type, Datum value);

/* How values of one type are written. */
struct CanonicalType
{
	CanonicalTag tag;
	CanonicalWriter write;
	Oid			type;		/* base type, where it is a domain */
	int16		len;		/* typlen */
	bool		byval;		/* typbyval */
	char		align;		/* typalign */
	bool		blank_padded; /* text: trailing blanks do not count */
	int			numbers;	/* geometry: float8s of one value */
	CanonicalType *element; /* of arrays, ranges, multiranges */
	int			nfields;	/* of composites: attributes, dropped included */
	CanonicalType **fields; /* NULL where dropped */
	TupleDesc	desc;		/* of composites */
	FmgrInfo	output;		/* of types that go by their text */
	void	   *typcache;	/* TypeCacheEntry of ranges */
};

/*
 * Learn how to write a type, in the current memory context.  Raises 0A000 for
 * a type without a canonical form; name says whose type it is.
 */
extern CanonicalType *canonical_type(Oid type, const char *name);

extern void canonical_begin(CanonicalBytes *bytes);

/* Make room for more bytes behind length. */
extern void canonical_grow(CanonicalBytes *bytes, Size more);

static inline void
canonical_reserve(CanonicalBytes *bytes, Size more)
{
	if (unlikely(bytes->length + more > bytes->room))
		canonical_grow(bytes, more);
}

/* Append a row: number of fields, their tags, their payloads. */
extern void canonical_row(CanonicalBytes *bytes, int nfields,
						  CanonicalType *const *types,
						  const NullableDatum *fields);

/* Text of the server's encoding. */
extern void	 canonical_text(CanonicalBytes *bytes, const char *text,
							Size length);
extern char *canonical_utf8(const char *text, Size length, Size *utf8_length);

/*
 * The image of a float without -0 and with a single NaN.  Without its sign
 * and less one, a zero is the greatest of all, and every NaN greater than
 * infinity.
 */
static inline uint64
canonical_float(uint64 image)
{
	const uint64 infinity = UINT64CONST(0x7FF0000000000000);

	if (likely((image << 1) - 1 < infinity << 1))
		return image;
	return image << 1 == 0 ? 0 : UINT64CONST(0x7FF8000000000000);
}

#endif /* CONSISTENCY_CANONICAL_H */
