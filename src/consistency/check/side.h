/*-------------------------------------------------------------------------
 *
 * side.h
 *		One side of a comparison: a relation here, or one on another server
 *		that has spine too.
 *
 * Both are asked the same way: SQL with parameters as text, answered as text.
 * Here a query runs as the current user through SPI; there, as whom his user
 * mapping says.  Either has search_path pinned, row security as an error, and
 * settings under which equal values have equal texts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_SIDE_H
#define CONSISTENCY_SIDE_H

#include "access/xlogdefs.h"
#include "base/remote.h"
#include "catalog/spine_catalog.h"
#include "executor/spi.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* A column of the side's relation. */
typedef struct SideColumn
{
	const char *name;
	const char *type; /* as SQL, qualified where it must be */
	bool		plain_key; /* can a key of this type be found by its text? */
	bool		own_type;  /* is the type one that somebody made, or a domain
							* over such? */
} SideColumn;

typedef struct Side
{
	const char *what;	  /* "source" or "copy", for messages */
	const char *server;	  /* foreign server that reaches it; NULL: here */
	const char *relation; /* qualified and quoted, for queries */
	const char *schema;	  /* its schema and name alone */
	const char *name;
	Relation	rel;	  /* open, where it is here; else NULL */
	Oid			relid;	  /* its oid, where it is */
	Remote	   *remote;	  /* the connection, where it is not here */
	List	   *columns;  /* of SideColumn, in the table's order */
	List	   *key;	  /* of char *: primary key, in its own order */
	bool		versions; /* do xmin and ctid tell versions of its rows? */
	bool		own_snapshot; /* here, but read by a snapshot that somebody
							   * else took: is there a foreign table in it? */
	int64		pages;		  /* that its tables have, about */
	bool		began;	  /* between side_begin and side_end? */
	bool		cursor;	  /* has it an open cursor? */
	Portal		portal;	  /* the cursor, where the side is here */
} Side;

/*
 * Open the side.  Raises SP007 where the relation is not there, or where
 * spine, in the same version of canonical bytes, is not; what remote_open and
 * the rights of the relation raise, else.
 */
extern Side *side_open(const char *what, const SpecStore *store,
					   const char *locator);
extern void side_close(Side *side);

/* A column by its name; NULL if there is none. */
extern SideColumn *side_column(const Side *side, const char *name);

/* Settings for what runs here as the caller but was not written by him;
 * undone by AtEOXact_GUC(false, the level that this returned). */
extern int	side_settings(void);

/*
 * From side_begin to side_end all queries see one snapshot, read only.
 * Without, each sees the newest, and may write.  Local sides that begin
 * together share one snapshot: use sides_begin.
 */
extern void sides_begin(Side *a, Side *b);
extern void sides_end(Side *a, Side *b);

/* Run one statement; see remote_query.  The rows are in the caller's memory. */
extern RemoteRows *side_query(Side *side, const char *sql, int nparams,
							  const char *const *params);
/* The same for one value of type bytea. */
extern bytea *side_query_bytes(Side *side, const char *sql, int nparams,
							   const char *const *params);

/* Read a long answer in parts, one cursor a side, between begin and end; an
 * answer without rows is the end. */
extern void		   side_cursor_open(Side *side, const char *sql, int nparams,
									const char *const *params);
extern RemoteRows *side_cursor_fetch(Side *side, int nrows);
extern void side_cursor_close(Side *side);

/* A value of an answer; NULL is null. */
static inline char *
side_value(const RemoteRows *rows, int row, int col)
{
	return rows->values[(Size) row * rows->ncols + col];
}

/* A value that is a number, a boolean, a position; null is 0 or false. */
extern int64 side_number(const RemoteRows *rows, int row, int col);
extern bool side_true(const RemoteRows *rows, int row, int col);
extern XLogRecPtr side_lsn(const RemoteRows *rows, int row, int col);

/* Bytes that went over the wire so far; 0 where it is here. */
extern uint64 side_bytes(const Side *side);

/* The side's position in its WAL now: insertion, or on a standby replay. */
extern XLogRecPtr side_position(Side *side);
/* The same, of a primary, with all before it on its way to who follows. */
extern XLogRecPtr side_sent_position(Side *side);

#endif /* CONSISTENCY_SIDE_H */
