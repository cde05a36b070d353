/*-------------------------------------------------------------------------
 *
 * incremental.c
 *		spine.digest_incremental and its relatives: the page cache in SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "consistency/digest/digest.h"
#include "consistency/cache/page_cache.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(spine_digest_incremental);
PG_FUNCTION_INFO_V1(spine_last_incremental);
PG_FUNCTION_INFO_V1(spine_warm_digest);
PG_FUNCTION_INFO_V1(spine_scrub_digest);

/* How the last digest of this session went, and of which relation. */
static CacheRun last_run;
static Oid	last_relation = InvalidOid;

/* spine.digest_incremental(relation, columns, buckets) */
Datum
spine_digest_incremental(PG_FUNCTION_ARGS)
{
	int			nbuckets = digest_bucket_argument(fcinfo, 2);
	Digest		digest = {0};
	CacheRun	run = {0};

	InitMaterializedSRF(fcinfo, 0);
	digest_open(&digest, fcinfo, nbuckets);
	if (digest_walkable(&digest))
		page_cache_digest(digest.tree, digest.columns, digest.key,
						  digest.buckets, digest.nbuckets, &run);
	else
	{
		run.method = CACHE_FULL;
		run.reason = "its rows are not in pages of this server";
		digest_by_query(&digest);
	}
	last_run = run;
	last_relation = RelationGetRelid(digest.rel);
	digest_return(fcinfo, &digest);
	relation_close(digest.rel, NoLock);
	return (Datum) 0;
}

/* spine.last_incremental(): how the last one of this session went. */
Datum
spine_last_incremental(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		values[8];
	bool		nulls[8] = {false};

	InitMaterializedSRF(fcinfo, 0);
	if (!OidIsValid(last_relation))
		return (Datum) 0;
	values[0] = ObjectIdGetDatum(last_relation);
	values[1] = CStringGetTextDatum(cache_method_name(last_run.method));
	nulls[2] = last_run.reason == NULL;
	if (!nulls[2])
		values[2] = CStringGetTextDatum(last_run.reason);
	values[3] = Int64GetDatum(last_run.pages);
	values[4] = Int64GetDatum(last_run.pages_visited);
	values[5] = Int64GetDatum(last_run.rows_hashed);
	values[6] = Int64GetDatum(last_run.rows_reused);
	values[7] = Int64GetDatum(last_run.wal_bytes);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* Open what is to be warmed or scrubbed; its rows must be in pages. */
static void
open_walkable(Digest *digest, FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be null")));
	digest_open(digest, fcinfo, 1);
	if (!digest_walkable(digest))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("rows of \"%s\" are not in pages of this server",
						RelationGetRelationName(digest->rel)),
				 errdetail("Only tables of the heap have a page cache.")));
}

/* Return a row of two numbers. */
static void
return_two(FunctionCallInfo fcinfo, uint64 a, uint64 b)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		values[2];
	bool		nulls[2] = {false};

	values[0] = Int64GetDatum((int64) a);
	values[1] = Int64GetDatum((int64) b);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* spine.warm_digest(relation, columns, pages) */
Datum
spine_warm_digest(PG_FUNCTION_ARGS)
{
	Digest		digest = {0};
	CacheProgress progress;

	InitMaterializedSRF(fcinfo, 0);
	open_walkable(&digest, fcinfo);
	if (PG_ARGISNULL(2) || PG_GETARG_INT32(2) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of pages must be positive")));
	(void) page_cache_warm(digest.tree, digest.columns, digest.key,
						   PG_GETARG_INT32(2), &progress);
	return_two(fcinfo, progress.pages_done, progress.pages_total);
	relation_close(digest.rel, NoLock);
	return (Datum) 0;
}

/* spine.scrub_digest(relation, columns) */
Datum
spine_scrub_digest(PG_FUNCTION_ARGS)
{
	Digest		digest = {0};
	uint64		pages;
	uint64		wrong;

	InitMaterializedSRF(fcinfo, 0);
	open_walkable(&digest, fcinfo);
	wrong = page_cache_scrub(digest.tree, digest.columns, digest.key, &pages);
	return_two(fcinfo, pages, wrong);
	relation_close(digest.rel, NoLock);
	return (Datum) 0;
}
