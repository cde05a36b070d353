/*-------------------------------------------------------------------------
 *
 * hash128.h
 *		XXH3-128 of a row's bytes, and sums of such hashes modulo 2^128.
 *
 * A sum does not depend on the order of its rows, what was added can be
 * subtracted, and a row that is there twice does not cancel itself, as it
 * would with exclusive or.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_HASH128_H
#define CONSISTENCY_HASH128_H

#define XXH_INLINE_ALL
#include <xxhash.h>

/* An unsigned number of 128 bits; {0} is the digest of no rows. */
typedef struct Hash128
{
	uint64		low;
	uint64		high;
} Hash128;

/* Digits of a digest, without the NUL behind them. */
#define DIGEST_DIGITS 32

/* The hash of some bytes, without a seed. */
static inline Hash128
hash128(const char *bytes, Size length)
{
	XXH128_hash_t hash = XXH3_128bits(bytes, length);
	Hash128		result = {hash.low64, hash.high64};

	return result;
}

static inline void
hash128_add(Hash128 *sum, Hash128 hash)
{
	sum->low += hash.low;
	sum->high += hash.high + (sum->low < hash.low);
}

static inline void
hash128_subtract(Hash128 *sum, Hash128 hash)
{
	sum->high -= hash.high + (sum->low < hash.low);
	sum->low -= hash.low;
}

static inline bool
hash128_equal(Hash128 a, Hash128 b)
{
	return a.low == b.low && a.high == b.high;
}

/* Write a digest as lower-case hex digits, highest first. */
static inline void
hash128_print(Hash128 hash, char digits[DIGEST_DIGITS + 1])
{
	snprintf(digits, DIGEST_DIGITS + 1, "%016llx%016llx",
			 (unsigned long long) hash.high, (unsigned long long) hash.low);
}

#endif /* CONSISTENCY_HASH128_H */
