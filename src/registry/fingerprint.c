/*-------------------------------------------------------------------------
 *
 * fingerprint.c
 *		Fingerprints of canonical forms: CRC-64-AVRO by the text of Avro's
 *		specification, the others by the server's hashes.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "common/cryptohash.h"
#include "common/md5.h"
#include "common/sha2.h"
#include "registry/fingerprint.h"

/* Of no bytes at all; also the polynomial. */
#define CRC64_EMPTY UINT64CONST(0xc15d213aa4d7a795)

/* One step of the division for each value of a byte. */
static void
crc64_table(uint64 table[256])
{
	for (int i = 0; i < 256; i++)
	{
		uint64 value = (uint64) i;

		for (int bit = 0; bit < 8; bit++)
			value = (value >> 1) ^ ((value & 1) != 0 ? CRC64_EMPTY : 0);
		table[i] = value;
	}
}

uint64
fingerprint_crc64(const char *data, size_t length)
{
	static uint64 table[256];
	uint64		value = CRC64_EMPTY;

	if (table[1] == 0)
		crc64_table(table);
	for (size_t i = 0; i < length; i++)
		value = (value >> 8) ^ table[(value ^ (unsigned char) data[i]) & 0xff];
	return value;
}

static bytea *
new_bytea(size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	return result;
}

static bytea *
crc64_bytea(uint64 value, bool most_first)
{
	bytea	   *result = new_bytea(8);

	for (int i = 0; i < 8; i++)
		VARDATA(result)[most_first ? 7 - i : i] = (char) (value >> (8 * i));
	return result;
}

static bytea *
hash_bytea(pg_cryptohash_type type, size_t size, const char *data,
		   size_t length)
{
	bytea	   *result = new_bytea(size);
	pg_cryptohash_ctx *hash = pg_cryptohash_create(type);

	if (hash == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) data, length) < 0 ||
		pg_cryptohash_final(hash, (uint8 *) VARDATA(result), size) < 0)
	{
		const char *why = pg_cryptohash_error(hash);

		pg_cryptohash_free(hash);
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("could not compute a fingerprint: %s", why)));
	}
	pg_cryptohash_free(hash);
	return result;
}

bytea *
fingerprint_by_name(const char *algorithm, const char *data, size_t length)
{
	if (pg_strcasecmp(algorithm, "crc-64-avro") == 0)
		return crc64_bytea(fingerprint_crc64(data, length), true);
	if (pg_strcasecmp(algorithm, "crc-64-avro-le") == 0)
		return crc64_bytea(fingerprint_crc64(data, length), false);
	if (pg_strcasecmp(algorithm, "md5") == 0)
		return hash_bytea(PG_MD5, MD5_DIGEST_LENGTH, data, length);
	if (pg_strcasecmp(algorithm, "sha-256") == 0 ||
		pg_strcasecmp(algorithm, "sha256") == 0)
		return hash_bytea(PG_SHA256, PG_SHA256_DIGEST_LENGTH, data, length);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown fingerprint algorithm \"%s\"", algorithm),
			 errhint("There are crc-64-avro, crc-64-avro-le, md5 and "
					 "sha-256.")));
}
