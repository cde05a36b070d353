/*-------------------------------------------------------------------------
 *
 * revision.c
 *		The revisions: whole documents, one after another, chained by hash.
 *
 * Reads take a snapshot of this very moment, also in a REPEATABLE READ
 * transaction.  Whoever writes holds revision_lock until commit, so what it
 * has read as the newest revision stays the newest.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/rights.h"
#include "catalog/catalog_internal.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/* A scan over spine.revision in the order of rev. */
typedef struct RevisionScan
{
	Relation	rel;
	Relation	index;
	SysScanDesc scan;
} RevisionScan;

/* Start a scan; no keys mean all revisions. */
static void
scan_begin(RevisionScan *scan, int nkeys, ScanKey keys)
{
	scan->rel =
		table_open(spine_table_oid_strict("revision"), AccessShareLock);
	scan->index =
		index_open(spine_table_oid_strict("revision_pkey"), AccessShareLock);
	scan->scan =
		systable_beginscan_ordered(scan->rel, scan->index, NULL, nkeys, keys);
}

static void
scan_end(RevisionScan *scan)
{
	systable_endscan_ordered(scan->scan);
	index_close(scan->index, AccessShareLock);
	table_close(scan->rel, AccessShareLock);
}

/* The next older revision; NULL at the end. */
static HeapTuple
scan_next_older(RevisionScan *scan)
{
	return systable_getnext_ordered(scan->scan, BackwardScanDirection);
}

/* A column of a revision that is never null. */
static Datum
column(RevisionScan *scan, HeapTuple row, AttrNumber attnum)
{
	bool		isnull;

	return heap_getattr(row, attnum, RelationGetDescr(scan->rel), &isnull);
}

/*
 * Serialise with everybody else who applies, until the end of the
 * transaction.  Needs no privilege; readers are not disturbed.
 */
void
revision_lock(void)
{
	LockRelationOid(spine_table_oid_strict("revision"), ShareRowExclusiveLock);
}

Jsonb *
document_newest(int64 *rev)
{
	RevisionScan scan;
	HeapTuple	row;
	Jsonb	   *document;

	scan_begin(&scan, 0, NULL);
	row = scan_next_older(&scan);
	if (HeapTupleIsValid(row))
	{
		*rev = DatumGetInt64(column(&scan, row, Anum_revision_rev));
		document =
			DatumGetJsonbPCopy(column(&scan, row, Anum_revision_document));
	}
	else
	{
		*rev = 0;
		document = document_empty();
	}
	scan_end(&scan);
	return document;
}

/* The number of the newest revision without its document; 0 if none. */
int64
revision_newest(void)
{
	RevisionScan scan;
	HeapTuple	row;
	int64		rev = 0;

	scan_begin(&scan, 0, NULL);
	row = scan_next_older(&scan);
	if (HeapTupleIsValid(row))
		rev = DatumGetInt64(column(&scan, row, Anum_revision_rev));
	scan_end(&scan);
	return rev;
}

/* The document of one revision; NULL if there is no such revision. */
Jsonb *
document_of_revision(int64 rev)
{
	RevisionScan scan;
	ScanKeyData key;
	HeapTuple	row;
	Jsonb	   *document = NULL;

	ScanKeyInit(&key, Anum_revision_rev, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(rev));
	scan_begin(&scan, 1, &key);
	row = scan_next_older(&scan);
	if (HeapTupleIsValid(row))
		document =
			DatumGetJsonbPCopy(column(&scan, row, Anum_revision_document));
	scan_end(&scan);
	return document;
}

/* The document that was the newest at a time; empty before the first. */
Jsonb *
document_as_of(TimestampTz at)
{
	RevisionScan scan;
	HeapTuple	row;
	Jsonb	   *document = NULL;

	scan_begin(&scan, 0, NULL);
	while (document == NULL && (row = scan_next_older(&scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (DatumGetTimestampTz(column(&scan, row, Anum_revision_at)) <= at)
			document =
				DatumGetJsonbPCopy(column(&scan, row, Anum_revision_document));
	}
	scan_end(&scan);
	return document != NULL ? document : document_empty();
}

/* The hash of the newest revision as text; NULL before the first. */
static text *
newest_sha256(void)
{
	RevisionScan scan;
	HeapTuple	row;
	text	   *sha256 = NULL;

	scan_begin(&scan, 0, NULL);
	row = scan_next_older(&scan);
	if (HeapTupleIsValid(row))
		sha256 = DatumGetTextPCopy(column(&scan, row, Anum_revision_sha256));
	scan_end(&scan);
	return sha256;
}

/*
 * Insert a revision after the newest one, by a statement, so that the
 * trigger projects it.  The caller holds revision_lock; author is whoever
 * calls, the insert itself is done as the extension's owner.
 */
void
revision_insert(int64 rev, const Jsonb *document, const char *message)
{
	static const char *sql =
		"INSERT INTO spine.revision (rev, at, author, session_author, message,"
		" document, sha256, parent_sha256)"
		" VALUES ($1, pg_catalog.clock_timestamp(), $2, $3, $4, $5, $6, $7)";
	Oid	  types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID,
					 JSONBOID, TEXTOID, TEXTOID};
	char  nulls[] = "       ";
	Oid	  user = GetUserId();
	Oid	  session = GetSessionUserId();
	text *parent = newest_sha256();
	Datum values[lengthof(types)];
	ActAs before;

	values[0] = Int64GetDatum(rev);
	values[1] = CStringGetTextDatum(GetUserNameFromId(user, false));
	values[2] = CStringGetTextDatum(GetUserNameFromId(session, false));
	values[3] = CStringGetTextDatum(message);
	values[4] = JsonbPGetDatum(document);
	values[5] = CStringGetTextDatum(document_sha256(document));
	values[6] = PointerGetDatum(parent);
	if (parent == NULL)
		nulls[6] = 'n';

	before = act_as(extension_owner(), false);
	SPI_connect();
	if (SPI_execute_with_args(sql, lengthof(types), types, values, nulls,
							  false, 0) != SPI_OK_INSERT)
		/* cannot happen */
		elog(ERROR, "could not insert revision " INT64_FORMAT, rev);
	SPI_finish();
	act_done(&before);
}
