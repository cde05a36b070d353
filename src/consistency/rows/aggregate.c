/*-------------------------------------------------------------------------
 *
 * aggregate.c
 *		Digests in SQL: of one row, and of the rows of any query.
 *
 * spine.digest_agg adds what spine.digest adds, so that both give the same
 * value for the same rows, whatever way they took.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/rows/canonical.h"
#include "consistency/rows/hash128.h"
#include "consistency/progress.h"
#include "consistency/rows/row_args.h"
#include "consistency/digest/walk.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(spine_canonical_row);
PG_FUNCTION_INFO_V1(spine_digest_row);
PG_FUNCTION_INFO_V1(spine_digest_bucket);
PG_FUNCTION_INFO_V1(spine_digest_step);
PG_FUNCTION_INFO_V1(spine_digest_combine);
PG_FUNCTION_INFO_V1(spine_digest_serialize);
PG_FUNCTION_INFO_V1(spine_digest_deserialize);
PG_FUNCTION_INFO_V1(spine_digest_final);

static Hash128
row_hash(FunctionCallInfo fcinfo, int first)
{
	const CanonicalBytes *bytes = row_args(fcinfo, first, 0);

	return hash128(bytes->data, bytes->length);
}

/* A digest as text. */
static Datum
digest_text(Hash128 digest)
{
	char		digits[DIGEST_DIGITS + 1];

	hash128_print(digest, digits);
	return CStringGetTextDatum(digits);
}

/* spine.canonical_row(VARIADIC "any"): the bytes that are hashed. */
Datum
spine_canonical_row(PG_FUNCTION_ARGS)
{
	const CanonicalBytes *bytes = row_args(fcinfo, 0, 0);
	bytea	   *result;

	if (bytes->length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("canonical bytes of the row are too many")));
	result = palloc(VARHDRSZ + bytes->length);
	SET_VARSIZE(result, VARHDRSZ + bytes->length);
	memcpy(VARDATA(result), bytes->data, bytes->length);
	PG_RETURN_BYTEA_P(result);
}

/* spine.digest_row(VARIADIC "any"): the hash of one row. */
Datum
spine_digest_row(PG_FUNCTION_ARGS)
{
	return digest_text(row_hash(fcinfo, 0));
}

/* spine.digest_bucket(buckets, VARIADIC "any"): where a key belongs. */
Datum
spine_digest_bucket(PG_FUNCTION_ARGS)
{
	int32		buckets;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	buckets = PG_GETARG_INT32(0);
	if (buckets < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must be positive")));
	PG_RETURN_INT32(bucket_of(row_hash(fcinfo, 1), buckets));
}

/* ---- the aggregate ---- */

/* The state in the aggregate's memory; argument 0, made if it is not there. */
static Bucket *
aggregate_state(FunctionCallInfo fcinfo)
{
	MemoryContext mcxt;

	if (!AggCheckCallContext(fcinfo, &mcxt))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg(
					 "function of an aggregate called as a plain function")));
	if (!PG_ARGISNULL(0))
		return (Bucket *) PG_GETARG_POINTER(0);
	return MemoryContextAllocZero(mcxt, sizeof(Bucket));
}

Datum
spine_digest_step(PG_FUNCTION_ARGS)
{
	Bucket	   *state = aggregate_state(fcinfo);

	state->rows++;
	hash128_add(&state->sum, row_hash(fcinfo, 1));
	progress_add(1);
	PG_RETURN_POINTER(state);
}

Datum
spine_digest_combine(PG_FUNCTION_ARGS)
{
	Bucket	   *state = aggregate_state(fcinfo);

	if (!PG_ARGISNULL(1))
	{
		const Bucket *other = (const Bucket *) PG_GETARG_POINTER(1);

		state->rows += other->rows;
		hash128_add(&state->sum, other->sum);
	}
	PG_RETURN_POINTER(state);
}

Datum
spine_digest_serialize(PG_FUNCTION_ARGS)
{
	const Bucket *state;
	StringInfoData buf;

	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg(
					 "function of an aggregate called as a plain function")));
	state = (const Bucket *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buf);
	pq_sendint64(&buf, state->rows);
	pq_sendint64(&buf, state->sum.high);
	pq_sendint64(&buf, state->sum.low);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
spine_digest_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *image;
	StringInfoData buf;
	Bucket	   *state;

	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg(
					 "function of an aggregate called as a plain function")));
	image = PG_GETARG_BYTEA_PP(0);
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA_ANY(image), VARSIZE_ANY_EXHDR(image));
	state = palloc0(sizeof(Bucket));
	state->rows = pq_getmsgint64(&buf);
	state->sum.high = (uint64) pq_getmsgint64(&buf);
	state->sum.low = (uint64) pq_getmsgint64(&buf);
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/* No rows: zeros. */
Datum
spine_digest_final(PG_FUNCTION_ARGS)
{
	Hash128		none = {0, 0};

	if (PG_ARGISNULL(0))
		return digest_text(none);
	return digest_text(((const Bucket *) PG_GETARG_POINTER(0))->sum);
}
