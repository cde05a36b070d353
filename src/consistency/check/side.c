/*-------------------------------------------------------------------------
 *
 * side.c
 *		One side of a comparison: a relation here, or one on another server
 *		that has spine too.
 *
 * Both are described by the same queries of pg_catalog and asked the same
 * SQL, so that what holds of one holds of the other.
 *
 * Invariant: a side here that began is read by the active snapshot alone, one
 * there by a transaction of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "base/spi.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "consistency/rows/canonical.h"
#include "consistency/check/side.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/pg_lsn.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(spine_canonical_version);

/* The name of the one cursor that a remote side has. */
#define CURSOR "spine_rows"

/* About the relation: its oid, kind, and what its tree is made of; pages. */
static const char relation_sql[] =
	"WITH RECURSIVE tree AS (SELECT c.oid, c.relkind, c.relam"
	" FROM pg_class c WHERE c.oid = to_regclass($1::text) UNION ALL"
	" SELECT c.oid, c.relkind, c.relam FROM tree t"
	" JOIN pg_inherits i ON i.inhparent = t.oid"
	" JOIN pg_class c ON c.oid = i.inhrelid)"
	" SELECT max(oid) FILTER (WHERE oid = to_regclass($1::text)),"
	" bool_and(relkind IN ('r', 'p', 'm', 'f', 'v')),"
	" bool_or(relkind IN ('f', 'v')),"
	" bool_and(relkind = 'p' OR coalesce((SELECT a.amname = 'heap'"
	" FROM pg_am a WHERE a.oid = relam), false)),"
	" sum(pg_relation_size(oid)) / current_setting('block_size')::int8"
	" FROM tree";

/* Its columns.  Types whose values are found by their text are those whose
 * equality follows from equal canonical bytes. */
static const char columns_sql[] =
	"SELECT a.attname, format_type(a.atttypid, NULL), t.typtype = 'e' OR t.oid"
	" IN ('bool'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype,"
	" 'numeric'::regtype, 'text'::regtype, 'varchar'::regtype,"
	" 'bpchar'::regtype, 'uuid'::regtype, 'date'::regtype,"
	" 'timestamp'::regtype, 'timestamptz'::regtype), t.oid >= 16384"
	" AND (t.typtype <> 'd' OR t.typbasetype >= 16384) FROM pg_attribute a"
	" JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = $1::oid"
	" AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/* Its primary key. */
static const char key_sql[] =
	"SELECT a.attname FROM pg_index x, unnest(x.indkey::int2[])"
	" WITH ORDINALITY k(attnum, n), pg_attribute a"
	" WHERE x.indrelid = $1::oid AND x.indisprimary AND x.indisvalid"
	" AND k.n <= x.indnkeyatts AND a.attrelid = x.indrelid"
	" AND a.attnum = k.attnum ORDER BY k.n";

static void
check_spi(int result, int expected)
{
	if (result != expected)
		/* cannot happen */
		elog(ERROR, "could not ask a side: %s",
			 SPI_result_code_string(result));
}

static void
incomparable(const Side *side, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INCOMPARABLE),
			 errmsg("the %s cannot be compared", side->what),
			 errdetail("%s", why)));
}

/* ---- settings ---- */

static void
set_here(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

int
side_settings(void)
{
	int			level = NewGUCNestLevel();

	set_here("search_path", "pg_catalog, pg_temp");
	set_here("row_security", "off");
	set_here("timezone", "UTC");
	set_here("datestyle", "ISO, YMD");
	set_here("intervalstyle", "postgres");
	set_here("extra_float_digits", "1");
	set_here("bytea_output", "hex");
	/* What is asked is long to read and short to run, or is in C anyhow. */
	set_here("jit", "off");
	return level;
}

/* ---- snapshots ---- */

static void
begin_there(Side *side)
{
	if (side->remote != NULL)
		(void) remote_query(side->remote,
							"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
							0, NULL);
	side->began = true;
}

static void
end_there(Side *side)
{
	if (side->cursor)
		side_cursor_close(side);
	if (side->remote != NULL)
		(void) remote_query(side->remote, "COMMIT", 0, NULL);
	side->began = false;
}

/* Is any of two sides, of which b may be NULL, here? */
static bool
any_here(const Side *a, const Side *b)
{
	return a->remote == NULL || (b != NULL && b->remote == NULL);
}

void
sides_begin(Side *a, Side *b)
{
	if (any_here(a, b))
		PushActiveSnapshot(GetLatestSnapshot());
	begin_there(a);
	if (b != NULL)
		begin_there(b);
}

void
sides_end(Side *a, Side *b)
{
	end_there(a);
	if (b != NULL)
		end_there(b);
	if (any_here(a, b))
		PopActiveSnapshot();
}

/* ---- asking here ---- */

/* The result of SPI as text, in a memory context. */
static RemoteRows *
spi_rows(MemoryContext mcxt)
{
	MemoryContext before = MemoryContextSwitchTo(mcxt);
	RemoteRows *rows = palloc0(sizeof(RemoteRows));

	if (SPI_tuptable != NULL)
	{
		rows->nrows = (int) SPI_processed;
		rows->ncols = SPI_tuptable->tupdesc->natts;
	}
	rows->values =
		palloc_extended(sizeof(char *) *
							Max((Size) rows->nrows * rows->ncols, 1),
						MCXT_ALLOC_HUGE);
	for (int row = 0; row < rows->nrows; row++)
		for (int col = 0; col < rows->ncols; col++)
			rows->values[(Size) row * rows->ncols + col] =
				SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
							 col + 1);
	MemoryContextSwitchTo(before);
	return rows;
}

/* Parameters as SPI takes them. */
typedef struct SpiParams
{
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} SpiParams;

static SpiParams
spi_params(int nparams, const char *const *params)
{
	SpiParams	spi;

	spi.types = palloc(sizeof(Oid) * (nparams + 1));
	spi.values = palloc(sizeof(Datum) * (nparams + 1));
	spi.nulls = palloc(nparams + 1);
	for (int i = 0; i < nparams; i++)
	{
		spi.types[i] = TEXTOID;
		spi.nulls[i] = params[i] ? ' ' : 'n';
		spi.values[i] = params[i] ? CStringGetTextDatum(params[i]) : (Datum) 0;
	}
	return spi;
}

/* Run a statement through SPI, which is connected. */
static void
run_here(const Side *side, const char *sql, int nparams,
		 const char *const *params)
{
	SpiParams	spi = spi_params(nparams, params);
	int result = SPI_execute_with_args(sql, nparams, spi.types, spi.values,
									   spi.nulls, side->began, 0);

	if (result < 0)
		check_spi(result, SPI_OK_SELECT);
}

static RemoteRows *
query_here(const Side *side, const char *sql, int nparams,
		   const char *const *params)
{
	MemoryContext own = CurrentMemoryContext;
	RemoteRows *rows;

	SPI_connect();
	run_here(side, sql, nparams, params);
	rows = spi_rows(own);
	SPI_finish();
	return rows;
}

static bytea *
query_bytes_here(const Side *side, const char *sql, int nparams,
				 const char *const *params)
{
	MemoryContext own = CurrentMemoryContext;
	bytea	   *bytes = NULL;

	SPI_connect();
	run_here(side, sql, nparams, params);
	if (SPI_processed > 0)
		bytes = (bytea *) DatumGetPointer(spi_keep(own, 0, 1));
	SPI_finish();
	return bytes;
}

/* ---- asking either ---- */

RemoteRows *
side_query(Side *side, const char *sql, int nparams, const char *const *params)
{
	if (side->remote != NULL)
		return remote_query(side->remote, sql, nparams, params);
	return query_here(side, sql, nparams, params);
}

bytea *
side_query_bytes(Side *side, const char *sql, int nparams,
				 const char *const *params)
{
	if (side->remote != NULL)
		return remote_query_bytes(side->remote, sql, nparams, params);
	return query_bytes_here(side, sql, nparams, params);
}

int64
side_number(const RemoteRows *rows, int row, int col)
{
	const char *text = side_value(rows, row, col);

	return text ? strtoll(text, NULL, 10) : 0;
}

bool
side_true(const RemoteRows *rows, int row, int col)
{
	const char *text = side_value(rows, row, col);

	return text != NULL && text[0] == 't';
}

void
side_cursor_open(Side *side, const char *sql, int nparams,
				 const char *const *params)
{
	Assert(side->began && !side->cursor);
	if (side->remote != NULL)
		(void) remote_query(side->remote,
							psprintf("DECLARE " CURSOR
									 " NO SCROLL CURSOR FOR %s",
									 sql),
							nparams, params);
	else
	{
		SpiParams	spi = spi_params(nparams, params);

		SPI_connect();
		side->portal =
			SPI_cursor_open_with_args(NULL, sql, nparams, spi.types,
									  spi.values, spi.nulls, true, 0);
		SPI_finish();
	}
	side->cursor = true;
}

RemoteRows *
side_cursor_fetch(Side *side, int nrows)
{
	MemoryContext own = CurrentMemoryContext;
	RemoteRows *rows;

	if (side->remote != NULL)
		return remote_query(side->remote,
							psprintf("FETCH %d FROM " CURSOR, nrows), 0, NULL);
	SPI_connect();
	SPI_cursor_fetch(side->portal, true, nrows);
	rows = spi_rows(own);
	SPI_finish();
	return rows;
}

void
side_cursor_close(Side *side)
{
	if (side->remote != NULL)
		(void) remote_query(side->remote, "CLOSE " CURSOR, 0, NULL);
	else
		SPI_cursor_close(side->portal);
	side->portal = NULL;
	side->cursor = false;
}

uint64
side_bytes(const Side *side)
{
	return side->remote != NULL ? remote_bytes(side->remote) : 0;
}

/*
 * Where the next record goes is behind the header of a page that is not
 * there yet, if the last one filled its page: a standby would not get there
 * before there is a next record.
 */
static XLogRecPtr
end_of_records(XLogRecPtr position)
{
	if (XLogSegmentOffset(position, wal_segment_size) == SizeOfXLogLongPHD)
		return position - SizeOfXLogLongPHD;
	if (position % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return position - SizeOfXLogShortPHD;
	return position;
}

XLogRecPtr
side_position(Side *side)
{
	if (side->remote == NULL)
		return end_of_records(GetXLogInsertRecPtr());
	return side_lsn(side_query(side,
							   "SELECT CASE WHEN pg_is_in_recovery()"
							   " THEN pg_last_wal_replay_lsn()"
							   " ELSE pg_current_wal_insert_lsn() END",
							   0, NULL),
					0, 0);
}

/*
 * What is not flushed is sent to nobody, and may stay so for as long as
 * nobody commits.  There, a message in a transaction of its own does it, which
 * no output plugin takes without being asked to.
 */
XLogRecPtr
side_sent_position(Side *side)
{
	XLogRecPtr	position;

	if (side->remote != NULL)
		return side_lsn(
			side_query(side,
					   "SELECT pg_current_wal_insert_lsn() FROM"
					   " pg_logical_emit_message(true, 'spine', '')",
					   0, NULL),
			0, 0);
	position = end_of_records(GetXLogInsertRecPtr());
	XLogFlush(position);
	return position;
}

XLogRecPtr
side_lsn(const RemoteRows *rows, int row, int col)
{
	const char *text = rows->nrows > row ? side_value(rows, row, col) : NULL;

	return text ?
		DatumGetLSN(DirectFunctionCall1(pg_lsn_in, CStringGetDatum(text))) :
		InvalidXLogRecPtr;
}

/* ---- opening ---- */

/* Split a locator into schema and name, as SQL reads identifiers. */
static void
read_locator(Side *side, const char *locator)
{
	List	   *names = NIL;

	if (locator == NULL || locator[0] == '\0')
		incomparable(side, "\"locator\" does not say which relation it is.");
	if (!SplitIdentifierString(pstrdup(locator), '.', &names) ||
		list_length(names) != 2)
		incomparable(side,
					 psprintf("\"%s\" is no name of a schema and a "
							  "relation.",
							  locator));
	side->schema = linitial(names);
	side->name = lsecond(names);
	side->relation = quote_qualified_identifier(side->schema, side->name);
}

/* Open what is here, as somebody who sees all of its rows. */
static void
open_here(Side *side)
{
	side->relid = RangeVarGetRelid(makeRangeVar((char *) side->schema,
												(char *) side->name, -1),
								   AccessShareLock, true);
	if (!OidIsValid(side->relid))
		return;
	side->rel = relation_open(side->relid, NoLock);
	if (check_enable_rls(side->relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot compare \"%s\": row security applies to you",
						side->name),
				 errhint("Ask a role that sees all rows.")));
}

/* Has the other server spine, with the same canonical bytes? */
static void
check_spine_there(Side *side)
{
	RemoteRows *rows =
		side_query(side,
				   "SELECT to_regprocedure('spine.canonical_version()')"
				   " IS NOT NULL",
				   0, NULL);

	if (!side_true(rows, 0, 0))
		incomparable(side,
					 psprintf("Extension spine is not installed on "
							  "server \"%s\".",
							  side->server));
	rows = side_query(side, "SELECT spine.canonical_version()", 0, NULL);
	if (side_number(rows, 0, 0) != CANONICAL_VERSION)
		incomparable(side,
					 psprintf("Server \"%s\" has version %s of "
							  "canonical bytes, this one version %d.",
							  side->server, side_value(rows, 0, 0),
							  CANONICAL_VERSION));
}

static void
read_relation(Side *side)
{
	const char *params[] = {side->relation};
	RemoteRows *rows = side_query(side, relation_sql, 1, params);

	if (rows->nrows != 1 || side_value(rows, 0, 0) == NULL)
		incomparable(side,
					 psprintf("The relation %s of the %s is not there.",
							  side->relation, side->what));
	if (!side_true(rows, 0, 1))
		incomparable(side,
					 psprintf("%s has no rows to compare.", side->relation));
	side->relid = (Oid) strtoul(side_value(rows, 0, 0), NULL, 10);
	side->own_snapshot = side_true(rows, 0, 2);
	side->versions = side_true(rows, 0, 3);
	side->pages = side_number(rows, 0, 4);
}

static void
read_columns(Side *side)
{
	const char *params[] = {psprintf("%u", side->relid)};
	RemoteRows *rows = side_query(side, columns_sql, 1, params);

	for (int i = 0; i < rows->nrows; i++)
	{
		SideColumn *column = palloc0(sizeof(SideColumn));

		column->name = side_value(rows, i, 0);
		column->type = side_value(rows, i, 1);
		column->plain_key = side_true(rows, i, 2);
		column->own_type = side_true(rows, i, 3);
		side->columns = lappend(side->columns, column);
	}
	rows = side_query(side, key_sql, 1, params);
	for (int i = 0; i < rows->nrows; i++)
		side->key = lappend(side->key, side_value(rows, i, 0));
}

SideColumn *
side_column(const Side *side, const char *name)
{
	ListCell   *lc;

	foreach (lc, side->columns)
		if (strcmp(((SideColumn *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

Side *
side_open(const char *what, const SpecStore *store, const char *locator)
{
	Side	   *side = palloc0(sizeof(Side));

	side->what = what;
	if (store == NULL)
		incomparable(side, "The document does not say in which store it is.");
	read_locator(side, locator);
	if (store->here)
		open_here(side);
	else
	{
		if (store->server == NULL)
			incomparable(side,
						 psprintf("Store \"%s\" names no server.",
								  store->name));
		side->server = store->server;
		side->remote = remote_open(store->server);
		check_spine_there(side);
	}
	read_relation(side);
	read_columns(side);
	return side;
}

void
side_close(Side *side)
{
	if (side->rel != NULL)
		relation_close(side->rel, NoLock);
	side->rel = NULL;
	if (side->remote != NULL)
		remote_close(side->remote);
	side->remote = NULL;
}

/* spine.canonical_version(): see docs/canonical.md. */
Datum
spine_canonical_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CANONICAL_VERSION);
}
