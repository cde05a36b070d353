/*-------------------------------------------------------------------------
 *
 * remote.h
 *		A connection to another PostgreSQL, by a foreign server and the
 *		user mapping of the current user.
 *
 * Rights are those of postgres_fdw: USAGE on the server, and from whoever is
 * no superuser a mapping with a password that the other server really asks
 * for, or with a certificate that a superuser allowed.  Waiting, for the
 * connection as for a query, ends with the statement: by timeout, cancel and
 * termination; the other server is told to stop then.
 *
 * A connection belongs to the (sub)transaction that opened it, and is gone
 * with it at the latest.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_REMOTE_H
#define SPINE_REMOTE_H

typedef struct Remote Remote;

/* What a query gave, as text; in the memory context of the asker. */
typedef struct RemoteRows
{
	int			nrows;
	int			ncols;
	char	  **values; /* row by row; NULL is null */
} RemoteRows;

/*
 * Connect as the current user.  Raises 42501, 42704 or 2F003 where he may
 * not, class 08 where the server cannot be reached.
 */
extern Remote *remote_open(const char *server);
extern void remote_close(Remote *remote);

/*
 * Run one statement, with parameters as text ($1::type in the statement).
 * An error of the other server is raised here under its own SQLSTATE, a lost
 * connection under class 08; DETAIL has what was said there.
 */
extern RemoteRows *remote_query(Remote *remote, const char *sql, int nparams,
								const char *const *params);

/* The same for a single value of type bytea, in binary; NULL: null or none. */
extern bytea *remote_query_bytes(Remote *remote, const char *sql, int nparams,
								 const char *const *params);

/* Bytes that went over the connection both ways, as PostgreSQL's protocol
 * counts them: neither TLS nor TCP, nor what connecting took. */
extern uint64 remote_bytes(const Remote *remote);

/* The name of the foreign server. */
extern const char *remote_name(const Remote *remote);

/*
 * Does an error say that a server could not be reached or did not serve, as
 * opposed to what was asked of it?
 */
extern bool remote_unreachable(int sqlerrcode);

/*
 * Was the last error that this file raised not asked for yet?  For whoever
 * caught one: it was another server's then, or the way there.
 */
extern bool remote_error_taken(void);

#endif /* SPINE_REMOTE_H */
