/*-------------------------------------------------------------------------
 *
 * digest.h
 *		What is asked of spine.digest and its relatives.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_DIGEST_H
#define CONSISTENCY_DIGEST_H

#include "consistency/digest/walk.h"
#include "fmgr.h"

/* A digest of a relation. */
typedef struct Digest
{
	Relation	rel;
	List	   *tree;		/* of Oid: it and what inherits from it, locked */
	List	   *columns;	/* of char * */
	List	   *key;		/* of char *: columns that decide the bucket */
	const char *filter;		/* or NULL */
	int			nbuckets;
	Bucket	   *buckets;
} Digest;

/* A number of buckets that an argument gives, which must not be NULL. */
extern int	digest_bucket_argument(FunctionCallInfo fcinfo, int n);

/*
 * Open the relation of argument 0 and the columns of argument 1, all of them
 * if that is NULL; the key is the primary key.  Raises an error unless the
 * caller may digest them in so many buckets.  The lock stays.
 */
extern void digest_open(Digest *digest, FunctionCallInfo fcinfo, int nbuckets);

/* Can the rows of the whole tree be read from pages? */
extern bool digest_walkable(const Digest *digest);

/* Read the rows by a query of the caller's. */
extern void digest_by_query(const Digest *digest);

/* Return bucket, rows and digest of each, as a set. */
extern void digest_return(FunctionCallInfo fcinfo, const Digest *digest);

#endif /* CONSISTENCY_DIGEST_H */
