/*-------------------------------------------------------------------------
 *
 * payload.h
 *		Canonical payloads of the types that rows are made of, written into
 *		room that is there.
 *
 * Each function takes where to write and returns where the payload ends.  A
 * call to copy a few bytes costs more than they do, so sixteen are copied at
 * a time: up to PAYLOAD_SLACK bytes behind a payload are overwritten, and as
 * many behind a value are read.  The caller has made sure that they are
 * there, or takes the exact function, which reads nothing but the value.
 *
 * Values are read and written at any alignment.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_PAYLOAD_H
#define CONSISTENCY_PAYLOAD_H

#include "base/compat.h"
#include "consistency/rows/canonical.h"
#include "port/pg_bswap.h"

#define PAYLOAD_SLACK 16

/* Bytes that are copied at a time, and up to how many that pays. */
#define PAYLOAD_CHUNK 16
#define PAYLOAD_FEW 64

/* ---- bytes ---- */

static inline uint16
read_u16(const char *data)
{
	uint16		value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static inline uint32
read_u32(const char *data)
{
	uint32		value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static inline uint64
read_u64(const char *data)
{
	uint64		value;

	memcpy(&value, data, sizeof(value));
	return value;
}

static inline char *
payload_u8(char *out, uint8 value)
{
	*out = (char) value;
	return out + 1;
}

static inline char *
payload_u16(char *out, uint16 value)
{
#ifdef WORDS_BIGENDIAN
	value = pg_bswap16(value);
#endif
	memcpy(out, &value, sizeof(value));
	return out + sizeof(value);
}

static inline char *
payload_u32(char *out, uint32 value)
{
#ifdef WORDS_BIGENDIAN
	value = pg_bswap32(value);
#endif
	memcpy(out, &value, sizeof(value));
	return out + sizeof(value);
}

static inline char *
payload_u64(char *out, uint64 value)
{
#ifdef WORDS_BIGENDIAN
	value = pg_bswap64(value);
#endif
	memcpy(out, &value, sizeof(value));
	return out + sizeof(value);
}

static inline char *
payload_bytes(char *out, const char *data, Size length)
{
	memcpy(out, data, PAYLOAD_CHUNK);
	if (unlikely(length > PAYLOAD_FEW))
		memcpy(out, data, length);
	else
		for (Size done = PAYLOAD_CHUNK; done < length; done += PAYLOAD_CHUNK)
			memcpy(out + done, data + done, PAYLOAD_CHUNK);
	return out + length;
}

static inline char *
payload_bytes_exactly(char *out, const char *data, Size length)
{
	memcpy(out, data, length);
	return out + length;
}

/* ---- values ---- */

static inline char *
payload_float(char *out, double value)
{
	uint64		image;

	memcpy(&image, &value, sizeof(image));
	return payload_u64(out, canonical_float(image));
}

/* A length and so many bytes. */
static inline char *
payload_string(char *out, const char *data, Size length)
{
	out = payload_u32(out, (uint32) length);
	return payload_bytes(out, data, length);
}

static inline char *
payload_string_exactly(char *out, const char *data, Size length)
{
	out = payload_u32(out, (uint32) length);
	return payload_bytes_exactly(out, data, length);
}

/* ---- numeric ---- */

/*
 * The header of a numeric, as numeric.c lays it out on disk.  The short form
 * has sign, scale and weight in one word, the long one the weight in a
 * second; NaN and infinities have no digits.
 */
#define NUMERIC_FORM_MASK 0xC000
#define NUMERIC_SHORT 0x8000
#define NUMERIC_SHORT_NEGATIVE 0x2000

/* Bytes of a numeric's payload before its digits. */
#define NUMERIC_HEAD 5

/* Digits that are copied at once. */
#define NUMERIC_FEW 8

/* Any numeric, from its header on; in canonical.c. */
extern char *payload_any_numeric(char *out, const char *data, Size length);

/* The weight of a numeric of the short form. */
static inline int
numeric_short_weight(uint16 header)
{
	/* Seven bits, of which the highest is the sign. */
	return (int8) (header << 1) >> 1;
}

/*
 * Is a numeric of the short form and has few digits, neither the first nor
 * the last of them zero?  Nearly all are; then write what stands before them.
 */
static inline bool
numeric_head(char *out, const char *data, Size length)
{
#ifndef WORDS_BIGENDIAN
	uint16		header = read_u16(data);
	const char *digits = data + sizeof(header);
	Size		ndigits = (length - sizeof(header)) / sizeof(uint16);

	if (likely((header & NUMERIC_FORM_MASK) == NUMERIC_SHORT &&
			   ndigits - 1 < NUMERIC_FEW && read_u16(digits) != 0 &&
			   read_u16(digits + (ndigits - 1) * sizeof(uint16)) != 0))
	{
		uint64		sign = (header & NUMERIC_SHORT_NEGATIVE) != 0;
		uint64		weight = (uint16) numeric_short_weight(header);

		payload_u64(out, sign | weight << 8 | (uint64) ndigits << 24);
		return true;
	}
#endif
	return false;
}

/* A numeric of so many bytes from its header on. */
static inline char *
payload_numeric(char *out, const char *data, Size length)
{
	Size		digits = (length - sizeof(uint16)) & ~(Size) 1;

	if (unlikely(!numeric_head(out, data, length)))
		return payload_any_numeric(out, data, length);
	memcpy(out + NUMERIC_HEAD, data + sizeof(uint16), PAYLOAD_CHUNK);
	return out + NUMERIC_HEAD + digits;
}

static inline char *
payload_numeric_exactly(char *out, const char *data, Size length)
{
	Size		digits = (length - sizeof(uint16)) & ~(Size) 1;

	if (unlikely(!numeric_head(out, data, length)))
		return payload_any_numeric(out, data, length);
	out += NUMERIC_HEAD;
	data += sizeof(uint16);
	for (Size done = 0; done < digits; done += sizeof(uint16))
		memcpy(out + done, data + done, sizeof(uint16));
	return out + digits;
}

/* ---- jsonb, in canonical_json.c ---- */

/* No jsonb's payload is longer than so many bytes, unless its texts are
 * converted to UTF-8. */
#define JSON_ROOM(size) (2 * (size) + 2 * PAYLOAD_SLACK)

/* A jsonb of so many bytes from its root container on. */
extern char *payload_json(char *out, const char *container, Size size);

/* Append a jsonb, with its texts converted to UTF-8 if they must be. */
extern void canonical_json(CanonicalBytes *bytes, const char *container,
						   Size size);

/* Raise that a value reaches beyond where it stands. */
pg_noreturn extern void payload_corrupt(void);

#endif /* CONSISTENCY_PAYLOAD_H */
