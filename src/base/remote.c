/*-------------------------------------------------------------------------
 *
 * remote.c
 *		A connection to another PostgreSQL, by a foreign server and the
 *		user mapping of the current user.
 *
 * The connection hangs on a memory context of the (sub)transaction: whatever
 * way that ends, the callback of the context closes it, after a request to
 * cancel what still runs there.
 *
 * Nothing that is said to anybody holds a password or an option of the
 * connection: libpq's own words go to DETAIL, for the caller, whose mapping it
 * is.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <libpq-fe.h>

#include "access/xact.h"
#include "base/remote.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* Seconds to wait for a connection where the options say nothing. */
#define CONNECT_TIMEOUT 30
/* Milliseconds after which a peer that answers nothing is given up. */
#define DEAD_PEER "60000"

/* What each session there is told first: the same text for the same value,
 * names that nobody can shadow, and row security as an error. */
static const char session_sql[] =
	"SET search_path = pg_catalog, pg_temp; SET row_security = off;"
	" SET timezone = 'UTC'; SET datestyle = 'ISO, YMD';"
	" SET intervalstyle = 'postgres'; SET extra_float_digits = 1;"
	" SET bytea_output = 'hex'; SET jit = off";

/* Was an error raised here that nobody has asked about yet? */
static bool error_raised = false;

struct Remote
{
	char	   *name;		/* of the foreign server */
	PGconn	   *conn;		/* NULL: closed */
	bool		counted;	/* was a file descriptor reserved? */
	uint64		bytes;		/* both ways */
	MemoryContext mcxt;		/* holds this, and its end closes conn */
	MemoryContextCallback callback;
};

/* Options of a connection, as libpq takes them. */
typedef struct Options
{
	const char **keywords; /* ended by NULL */
	const char **values;
	int			count;
	int			room;
} Options;

/* ---- what to connect with ---- */

static void
add_option(Options *options, const char *keyword, const char *value)
{
	/* The last word on an option counts. */
	for (int i = 0; i < options->count; i++)
		if (strcmp(options->keywords[i], keyword) == 0)
		{
			options->values[i] = value;
			return;
		}
	if (options->count + 1 >= options->room)
	{
		options->room = options->room * 2 + 16;
		options->keywords = options->keywords == NULL ?
			palloc(sizeof(char *) * options->room) :
			repalloc(options->keywords, sizeof(char *) * options->room);
		options->values = options->values == NULL ?
			palloc(sizeof(char *) * options->room) :
			repalloc(options->values, sizeof(char *) * options->room);
	}
	options->keywords[options->count] = keyword;
	options->values[options->count] = value;
	options->count++;
	options->keywords[options->count] = NULL;
	options->values[options->count] = NULL;
}

static const char *
option_value(const Options *options, const char *keyword)
{
	for (int i = 0; i < options->count; i++)
		if (strcmp(options->keywords[i], keyword) == 0)
			return options->values[i];
	return NULL;
}

/* Is it an option of libpq's that others may decide about? */
static bool
is_known_option(const PQconninfoOption *known, const char *keyword)
{
	static const char *const ours[] = {"client_encoding", "application_name",
									   "fallback_application_name"};

	for (int i = 0; i < (int) lengthof(ours); i++)
		if (strcmp(ours[i], keyword) == 0)
			return false;
	for (; known->keyword != NULL; known++)
		if (strcmp(known->keyword, keyword) == 0)
			return strchr(known->dispchar, 'D') == NULL;
	return false;
}

/*
 * Is it an option that says who somebody is?  Whoever may use a server makes a
 * mapping of his own, and not every wrapper looks at what that holds: it must
 * not lead elsewhere than the server's owner says.
 */
static bool
is_mapping_option(const char *keyword)
{
	static const char *const words[] = {"user", "password", "sslcert",
										"sslkey", "sslpassword"};

	for (int i = 0; i < (int) lengthof(words); i++)
		if (strcmp(words[i], keyword) == 0)
			return true;
	return false;
}

/* Add those of a server or mapping (List of DefElem) that are libpq's. */
static void
add_options(Options *options, const PQconninfoOption *known, List *defs,
			bool mapping)
{
	ListCell   *lc;

	foreach (lc, defs)
	{
		DefElem	   *def = lfirst(lc);

		if (is_known_option(known, def->defname) &&
			(!mapping || is_mapping_option(def->defname)))
			add_option(options, def->defname, defGetString(def));
	}
}

/* libpq's options, freed by whoever asked. */
static PQconninfoOption *
known_options(void)
{
	PQconninfoOption *known = PQconndefaults();

	if (known == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return known;
}

static void
collect_options(Options *options, ForeignDataWrapper *wrapper,
				ForeignServer *server, UserMapping *mapping)
{
	PQconninfoOption *known = known_options();

	PG_TRY();
	{
		add_option(options, "connect_timeout", "");
		add_option(options, "tcp_user_timeout", DEAD_PEER);
		add_options(options, known, wrapper->options, false);
		add_options(options, known, server->options, false);
		add_options(options, known, mapping->options, true);
		add_option(options, "fallback_application_name", "spine");
		add_option(options, "application_name", "spine");
		add_option(options, "client_encoding", GetDatabaseEncodingName());
	}
	PG_FINALLY();
	{
		PQconninfoFree(known);
	}
	PG_END_TRY();
}

/* ---- who may ---- */

static void
check_usage(const ForeignServer *server)
{
	AclResult	result = foreign_server_usage(server->serverid, GetUserId());

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_SERVER, server->servername);
}

/* An option of a mapping as a boolean, or as text. */
static const char *
mapping_option(const UserMapping *mapping, const char *name)
{
	ListCell   *lc;

	foreach (lc, mapping->options)
	{
		DefElem	   *def = lfirst(lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

/*
 * May the mapping do without a password?  Only the wrapper postgres_fdw keeps
 * these options for superusers to set.
 */
static bool
password_excused(const ForeignDataWrapper *wrapper, const UserMapping *mapping)
{
	const char *required = mapping_option(mapping, "password_required");
	char	   *validator;
	bool		value;

	if (!OidIsValid(wrapper->fdwvalidator))
		return false;
	validator = get_func_name(wrapper->fdwvalidator);
	if (validator == NULL || strcmp(validator, "postgres_fdw_validator") != 0)
		return false;
	return mapping_option(mapping, "sslcert") != NULL ||
		(required != NULL && parse_bool(required, &value) && !value);
}

static void
refuse_password(const char *server, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_S_R_E_PROHIBITED_SQL_STATEMENT_ATTEMPTED),
			 errmsg("password is required to connect to server \"%s\"",
					server),
			 errdetail("%s", why),
			 errhint("The user mapping of whoever is no superuser needs a "
					 "password, and a server that asks for it.")));
}

/* Before connecting: is there a password to be asked for? */
static void
check_password_given(const ForeignServer *server, const Options *options)
{
	const char *password = option_value(options, "password");

	if (password == NULL || password[0] == '\0')
		refuse_password(server->servername,
						"The user mapping gives no password.");
}

/* ---- the end of a connection ---- */

/*
 * Callback of the memory context.  It must raise nothing and wait for little:
 * the request to cancel ends with the options' tcp_user_timeout at the latest.
 */
static void
drop_connection(void *arg)
{
	Remote	   *remote = arg;

	if (remote->conn != NULL)
	{
		if (PQtransactionStatus(remote->conn) == PQTRANS_ACTIVE)
		{
			PGcancel   *cancel = PQgetCancel(remote->conn);
			char		ignored[256];

			if (cancel != NULL)
			{
				(void) PQcancel(cancel, ignored, sizeof(ignored));
				PQfreeCancel(cancel);
			}
		}
		PQfinish(remote->conn);
		remote->conn = NULL;
	}
	if (remote->counted)
		ReleaseExternalFD();
	remote->counted = false;
}

void
remote_close(Remote *remote)
{
	MemoryContextDelete(remote->mcxt);
}

/* ---- waiting ---- */

/*
 * Wait until the socket is ready or a time is past (0: none).  Whatever ends
 * the statement ends this.
 */
static void
wait_for_socket(const Remote *remote, int events, TimestampTz until)
{
	long		timeout = -1L;
	int			happened;

	if (until != 0)
	{
		timeout =
			TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
		events |= WL_TIMEOUT;
	}
	happened =
		WaitLatchOrSocket(MyLatch, events | WL_LATCH_SET | WL_EXIT_ON_PM_DEATH,
						  PQsocket(remote->conn), timeout, PG_WAIT_EXTENSION);
	if (happened & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- errors ---- */

static void
cannot_connect(const Remote *remote, const char *detail)
{
	error_raised = true;
	ereport(ERROR,
			(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
			 errmsg("could not connect to server \"%s\"", remote->name),
			 errdetail_internal("%s", detail)));
}

static void
connection_lost(const Remote *remote)
{
	char	   *detail = pchomp(PQerrorMessage(remote->conn));

	error_raised = true;
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("connection to server \"%s\" was lost", remote->name),
			 detail[0] != '\0' ? errdetail_internal("%s", detail) : 0));
}

/* What an error of the other server says, kept beyond its result. */
typedef struct RemoteError
{
	int			sqlstate;
	char	   *message; /* or NULL */
} RemoteError;

static RemoteError
read_error(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	RemoteError error;

	error.sqlstate = sqlstate != NULL && strlen(sqlstate) == 5 ?
		MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3],
					  sqlstate[4]) :
		ERRCODE_CONNECTION_FAILURE;
	error.message = message ? pstrdup(message) : NULL;
	return error;
}

static void
raise_error(const Remote *remote, RemoteError error)
{
	error_raised = true;
	ereport(ERROR,
			(errcode(error.sqlstate),
			 errmsg("server \"%s\" could not do what it was asked",
					remote->name),
			 error.message ? errdetail_internal("%s", error.message) : 0));
}

bool
remote_unreachable(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case MAKE_SQLSTATE('0', '8', '0', '0', '0'):	/* connection */
		case MAKE_SQLSTATE('2', '8', '0', '0', '0'):	/* authorization there */
		case MAKE_SQLSTATE('3', 'D', '0', '0',
						   '0'): /* no such database there */
		case MAKE_SQLSTATE('4', '0', '0', '0',
						   '0'): /* conflict with recovery */
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):	/* resources */
		case MAKE_SQLSTATE('5', '5', '0', '0',
						   '0'): /* not in this state, locks */
		case MAKE_SQLSTATE('5', '7', '0', '0',
						   '0'): /* intervention of operator */
			return true;
		default:
			return false;
	}
}

/* Notices of the other server concern nobody here. */
static void
ignore_notice(void *arg, const PGresult *result)
{
}

/* ---- connecting ---- */

static TimestampTz
connect_deadline(const Options *options)
{
	const char *given = option_value(options, "connect_timeout");
	int			seconds = given ? atoi(given) : 0;

	if (seconds <= 0)
		seconds = CONNECT_TIMEOUT;
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									   Max(seconds, 2) * INT64CONST(1000));
}

/* Go through the steps of connecting until it is done or too late. */
static void
finish_connecting(const Remote *remote, TimestampTz deadline)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK)
	{
		if (status == PGRES_POLLING_FAILED)
			cannot_connect(remote, pchomp(PQerrorMessage(remote->conn)));
		if (GetCurrentTimestamp() >= deadline)
			cannot_connect(remote, "It did not answer in time.");
		wait_for_socket(remote,
						status == PGRES_POLLING_READING ? WL_SOCKET_READABLE :
														  WL_SOCKET_WRITEABLE,
						deadline);
		CHECK_FOR_INTERRUPTS();
		status = PQconnectPoll(remote->conn);
	}
}

static void
start_connecting(Remote *remote, const Options *options)
{
	if (!AcquireExternalFD())
		cannot_connect(remote, "There are too many open files here.");
	remote->counted = true;
	remote->conn = PQconnectStartParams(options->keywords, options->values, 0);
	if (remote->conn == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (PQstatus(remote->conn) == CONNECTION_BAD)
		cannot_connect(remote, pchomp(PQerrorMessage(remote->conn)));
	(void) PQsetNoticeReceiver(remote->conn, ignore_notice, NULL);
}

/* An empty Remote whose end is that of the (sub)transaction. */
static Remote *
make_remote(const char *name)
{
	MemoryContext mcxt =
		AllocSetContextCreate(CurTransactionContext, "spine remote",
							  ALLOCSET_SMALL_SIZES);
	Remote	   *remote = MemoryContextAllocZero(mcxt, sizeof(Remote));

	remote->mcxt = mcxt;
	remote->name = MemoryContextStrdup(mcxt, name);
	remote->callback.func = drop_connection;
	remote->callback.arg = remote;
	MemoryContextRegisterResetCallback(mcxt, &remote->callback);
	return remote;
}

Remote *
remote_open(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	ForeignDataWrapper *wrapper = GetForeignDataWrapper(server->fdwid);
	UserMapping *mapping;
	Options		options = {0};
	Remote	   *remote;
	bool		excused;

	check_usage(server);
	mapping = GetUserMapping(GetUserId(), server->serverid);
	collect_options(&options, wrapper, server, mapping);
	excused = superuser() || password_excused(wrapper, mapping);
	if (!excused)
		check_password_given(server, &options);

	remote = make_remote(server->servername);
	start_connecting(remote, &options);
	finish_connecting(remote, connect_deadline(&options));
	if (!excused && !PQconnectionUsedPassword(remote->conn))
		refuse_password(server->servername,
						"The server did not ask for the password.");
	if (PQsetnonblocking(remote->conn, 1) != 0)
		connection_lost(remote);
	(void) remote_query(remote, session_sql, 0, NULL);
	remote->bytes = 0;
	return remote;
}

/* ---- queries ---- */

/* What a message says of its own type and length. */
#define MESSAGE_HEAD 5

/* Bytes that asking takes: Parse, Bind, Describe, Execute and Sync. */
static uint64
asking_bytes(const char *sql, int nparams, const char *const *params)
{
	uint64		bytes = 5 * MESSAGE_HEAD + strlen(sql) + 20;

	for (int i = 0; i < nparams; i++)
		bytes += 4 + (params[i] ? strlen(params[i]) : 0);
	return bytes;
}

/* Bytes of an answer: a description of the columns, and the rows. */
static uint64
answer_bytes(const PGresult *result)
{
	int			ncols = PQnfields(result);
	uint64		bytes = 5 * MESSAGE_HEAD + 20;

	for (int col = 0; col < ncols; col++)
		bytes += strlen(PQfname(result, col)) + 19;
	for (int row = 0; row < PQntuples(result); row++)
	{
		bytes += MESSAGE_HEAD + 2;
		for (int col = 0; col < ncols; col++)
			bytes += 4 + PQgetlength(result, row, col);
	}
	return bytes;
}

/* Send all that is to be sent, reading meanwhile what comes. */
static void
flush_query(const Remote *remote)
{
	int			left;

	while ((left = PQflush(remote->conn)) == 1)
	{
		wait_for_socket(remote, WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE, 0);
		if (!PQconsumeInput(remote->conn))
			connection_lost(remote);
	}
	if (left != 0)
		connection_lost(remote);
}

/*
 * The next result once it is complete; NULL at the end.  Where nothing more
 * comes, what came before may still say why.
 */
static PGresult *
next_result(const Remote *remote)
{
	while (PQisBusy(remote->conn))
	{
		wait_for_socket(remote, WL_SOCKET_READABLE, 0);
		if (!PQconsumeInput(remote->conn))
			break;
	}
	return PQgetResult(remote->conn);
}

static void
send_query(Remote *remote, const char *sql, int nparams,
		   const char *const *params, int format)
{
	int			sent;

	/* Only the simple protocol takes several statements. */
	if (nparams == 0 && format == 0)
		sent = PQsendQuery(remote->conn, sql);
	else
		sent = PQsendQueryParams(remote->conn, sql, nparams, NULL, params,
								 NULL, NULL, format);
	if (!sent)
		connection_lost(remote);
	remote->bytes += asking_bytes(sql, nparams, params);
	flush_query(remote);
}

static RemoteRows *
copy_rows(const PGresult *result)
{
	RemoteRows *rows = palloc(sizeof(RemoteRows));

	rows->nrows = PQntuples(result);
	rows->ncols = PQnfields(result);
	rows->values =
		palloc_extended(sizeof(char *) *
							Max((Size) rows->nrows * rows->ncols, 1),
						MCXT_ALLOC_HUGE);
	for (int row = 0; row < rows->nrows; row++)
		for (int col = 0; col < rows->ncols; col++)
			rows->values[(Size) row * rows->ncols + col] =
				PQgetisnull(result, row, col) ?
				NULL :
				pstrdup(PQgetvalue(result, row, col));
	return rows;
}

/* The first value of a result in binary; NULL: null or none. */
static bytea *
copy_bytes(const PGresult *result)
{
	bytea	   *bytes;
	int			length;

	if (PQntuples(result) < 1 || PQnfields(result) < 1 ||
		PQgetisnull(result, 0, 0))
		return NULL;
	length = PQgetlength(result, 0, 0);
	bytes = palloc(VARHDRSZ + length);
	SET_VARSIZE(bytes, VARHDRSZ + length);
	memcpy(VARDATA(bytes), PQgetvalue(result, 0, 0), length);
	return bytes;
}

/* What comes of a query; rows or bytes of its last result. */
typedef struct Answer
{
	bool		binary; /* bytes wanted rather than rows? */
	RemoteRows *rows;
	bytea	   *bytes;
	bool		failed;
	RemoteError error; /* if failed */
} Answer;

static void
read_result(const PGresult *result, Answer *answer)
{
	switch (PQresultStatus(result))
	{
		case PGRES_TUPLES_OK:
		case PGRES_COMMAND_OK:
			if (answer->binary)
				answer->bytes = copy_bytes(result);
			else
				answer->rows = copy_rows(result);
			break;
		default:
			/* What is said first is why, what follows that all is over. */
			if (!answer->failed)
				answer->error = read_error(result);
			answer->failed = true;
			break;
	}
}

/* Take over what a result says; it is freed whatever happens. */
static void
take_result(Remote *remote, PGresult *result, Answer *answer)
{
	PG_TRY();
	{
		read_result(result, answer);
	}
	PG_CATCH();
	{
		PQclear(result);
		PG_RE_THROW();
	}
	PG_END_TRY();
	remote->bytes += answer_bytes(result);
	PQclear(result);
}

static void
run_query(Remote *remote, const char *sql, int nparams,
		  const char *const *params, Answer *answer)
{
	PGresult   *result;

	if (remote->conn == NULL)
		/* cannot happen */
		elog(ERROR, "connection to server \"%s\" is closed", remote->name);
	send_query(remote, sql, nparams, params, answer->binary ? 1 : 0);
	while ((result = next_result(remote)) != NULL)
		take_result(remote, result, answer);
	if (!answer->failed)
		return;
	if (PQstatus(remote->conn) == CONNECTION_BAD &&
		ERRCODE_TO_CATEGORY(answer->error.sqlstate) !=
			MAKE_SQLSTATE('5', '7', '0', '0', '0'))
		connection_lost(remote);
	raise_error(remote, answer->error);
}

RemoteRows *
remote_query(Remote *remote, const char *sql, int nparams,
			 const char *const *params)
{
	Answer		answer = {0};

	run_query(remote, sql, nparams, params, &answer);
	return answer.rows;
}

bytea *
remote_query_bytes(Remote *remote, const char *sql, int nparams,
				   const char *const *params)
{
	Answer		answer = {.binary = true};

	run_query(remote, sql, nparams, params, &answer);
	return answer.bytes;
}

/* ---- about a connection ---- */

uint64
remote_bytes(const Remote *remote)
{
	return remote->bytes;
}

bool
remote_error_taken(void)
{
	bool		raised = error_raised;

	error_raised = false;
	return raised;
}

const char *
remote_name(const Remote *remote)
{
	return remote->name;
}
