/*-------------------------------------------------------------------------
 *
 * past.h
 *		The server's catalogs as they are, and as they were before a command
 *		of this transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_PAST_H
#define OWNERSHIP_PAST_H

#include "access/genam.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/*
 * A snapshot of this moment that does not see what this transaction did from
 * the given command on.  Everywhere below NULL stands for: as it is now.
 */
extern Snapshot past_take(CommandId before);
extern void past_release(Snapshot snapshot);

/* A scan of a catalog by equality of one oid column, through an index. */
typedef struct CatalogScan
{
	Relation	rel;
	SysScanDesc scan;
} CatalogScan;

extern void		 catalog_scan_begin(CatalogScan *scan, Oid catalog, Oid index,
									AttrNumber column, Oid value,
									Snapshot snapshot);
extern HeapTuple catalog_scan_next(CatalogScan *scan);
extern void catalog_scan_end(CatalogScan *scan);

/* What pg_class said of a relation. */
typedef struct PastRelation
{
	const char *schema;
	const char *name;
	Oid			namespace;
	char		kind;
	Oid			owner;
	Oid			method; /* of access */
} PastRelation;

/* False if there was no such relation. */
extern bool past_relation(Oid relid, Snapshot snapshot,
						  PastRelation *relation);

/* The name of a schema; NULL if there was none. */
extern char *past_schema_name(Oid schema, Snapshot snapshot);

/* What a relation inherits from, or is a partition of; and the reverse. */
extern List *past_parents(Oid relid, Snapshot snapshot);
extern List *past_children(Oid relid, Snapshot snapshot);

/* Relations with a column that holds rows of this one, or a part that does. */
extern List *past_holders(Oid relid, Snapshot snapshot);

/* The relation that an object (relation, trigger, rule, constraint) belongs
 * to; InvalidOid if there is none. */
extern Oid	past_relation_of(Oid class_id, Oid object_id, Snapshot snapshot);

#endif /* OWNERSHIP_PAST_H */
