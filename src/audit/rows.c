/*-------------------------------------------------------------------------
 *
 * rows.c
 *		Rows of the audit log, the denied log and the outbox.
 *
 * A row is formed when it is pushed, so it tells who acts at that moment.
 * Whatever is the same for many rows is kept as a ready datum: role names by
 * role, the application by name, the client for the life of the backend.
 * Names of roles are asked for anew when any role may have changed.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/transam.h"
#include "access/xact.h"
#include "audit/audit_internal.h"
#include "base/job.h"
#include "base/rights.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

/* The name of a role as a text datum that lives for ever. */
typedef struct RoleName
{
	Oid	   role;	   /* whose name */
	uint64 generation; /* of the roles when it was read */
	Datum  name;	   /* text, or 0 before the first use */
} RoleName;

static RoleName actor_name;
static RoleName session_name;

/* Rows of this transaction so far, in all three tables. */
static int32 rows_made = 0;

/* The time that rows of one command share; command is valid if time is. */
static TimestampTz command_time = 0;
static CommandId   command_timed = InvalidCommandId;

void
rows_end_transaction(void)
{
	rows_made = 0;
	command_timed = InvalidCommandId;
}

/* A copy of a text datum that lives for ever. */
static Datum
lasting_text(const char *string)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	Datum		  lasting = CStringGetTextDatum(string);

	MemoryContextSwitchTo(old);
	return lasting;
}

/* Read the name of a role; a role that was dropped goes by its number. */
static void
role_name_load(RoleName *entry, Oid role, uint64 generation)
{
	char *name = GetUserNameFromId(role, true);
	Datum fresh = lasting_text(name ? name : psprintf("%u", role));

	if (entry->name != 0)
		pfree(DatumGetPointer(entry->name));
	entry->name = fresh;
	entry->role = role;
	entry->generation = generation;
}

static inline Datum
role_name(RoleName *entry, Oid role, uint64 generation)
{
	if (unlikely(entry->role != role || entry->generation != generation ||
				 entry->name == 0))
		role_name_load(entry, role, generation);
	return entry->name;
}

/* The session's application_name, or 0 if it has none. */
static Datum
application(void)
{
	static char *known = NULL; /* the name that text says */
	static Datum text = 0;

	if (application_name == NULL || application_name[0] == '\0')
		return (Datum) 0;

	if (known == NULL || strcmp(known, application_name) != 0)
	{
		char *fresh = MemoryContextStrdup(TopMemoryContext, application_name);

		if (known != NULL)
			pfree(known);
		known = NULL;
		if (text != 0)
			pfree(DatumGetPointer(text));
		text = 0;

		text = lasting_text(fresh);
		known = fresh;
	}
	return text;
}

/* The client's address, or 0 on a unix socket or without a client. */
static Datum
client(void)
{
	static bool	 known = false;
	static Datum address = 0;

	if (!known)
	{
		LOCAL_FCINFO(fcinfo, 0);
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		Datum		  value;

		InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
		value = inet_client_addr(fcinfo);
		address = fcinfo->isnull ? (Datum) 0 : value;
		known = true;
		MemoryContextSwitchTo(old);
	}
	return address;
}

/* The clock when the first row of the current command was pushed. */
static inline TimestampTz
row_time(void)
{
	CommandId command = GetCurrentCommandId(false);

	if (command != command_timed)
	{
		command_time = GetCurrentTimestamp();
		command_timed = command;
	}
	return command_time;
}

/* Who acts, by names. */
static void
actors(Circumstance *now)
{
	uint64 generation = role_generation();

	now->actor = role_name(&actor_name, GetUserId(), generation);
	now->session_actor =
		role_name(&session_name, GetSessionUserId(), generation);
	now->application = application();
	now->client = client();
}

static void
circumstance(Circumstance *now)
{
	if (rows_made == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many audited rows in one transaction"),
				 errhint("Split the work over several transactions.")));

	now->at = row_time();
	now->xid = FullTransactionIdGetDatum(GetTopFullTransactionId());
	now->n = Int32GetDatum(++rows_made);
	actors(now);
}

void
rows_attempt(Circumstance *now)
{
	now->at = GetCurrentTimestamp();
	now->xid = FullTransactionIdGetDatum(GetTopFullTransactionIdIfAny());
	now->n = (Datum) 0;
	actors(now);
}

/* Text for a row, or 0 for NULL. */
static inline Datum
text_datum(const char *value)
{
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

void
audit_push(const AuditEvent *event)
{
	Datum		 values[AUDIT_COLUMNS];
	Circumstance now;

	/* NOT NULL in the table; nobody else asks. */
	Assert(event->dataset != 0 && event->action != 0 && event->via != 0);

	circumstance(&now);
	values[AUDIT_AT] = TimestampTzGetDatum(now.at);
	values[AUDIT_N] = now.n;
	values[AUDIT_XID] = now.xid;
	values[AUDIT_REV] = Int64GetDatum(event->rev);
	values[AUDIT_DATASET] = event->dataset;
	values[AUDIT_ACTION] = event->action;
	values[AUDIT_KEY] = event->key;
	values[AUDIT_ACTOR] = now.actor;
	values[AUDIT_SESSION_ACTOR] = now.session_actor;
	values[AUDIT_PARTY] = event->party;
	values[AUDIT_FROM_STATE] = event->from_state;
	values[AUDIT_TO_STATE] = event->to_state;
	values[AUDIT_OLD] = event->old_values;
	values[AUDIT_NEW] = event->new_values;
	values[AUDIT_RULE] = event->rule;
	values[AUDIT_VIA] = event->via;
	values[AUDIT_APPLICATION] = now.application;
	values[AUDIT_CLIENT] = now.client;
	values[AUDIT_DETAIL] = event->detail;

	buffer_push(LOG_AUDIT, values);
}

void
denied_push(const DeniedEvent *event)
{
	Datum		 values[DENIED_COLUMNS];
	Circumstance now;

	circumstance(&now);

	values[DENIED_AT] = TimestampTzGetDatum(now.at);
	values[DENIED_XID] = now.xid;
	values[DENIED_N] = now.n;
	values[DENIED_REV] = Int64GetDatum(event->rev);
	values[DENIED_DATASET] = text_datum(event->dataset);
	values[DENIED_ACTION] = text_datum(event->action);
	values[DENIED_KEY] = event->key;
	values[DENIED_ATTRIBUTE] = text_datum(event->attribute);
	values[DENIED_ACTOR] = now.actor;
	values[DENIED_SESSION_ACTOR] = now.session_actor;
	values[DENIED_FROM_STATE] = text_datum(event->from_state);
	values[DENIED_TO_STATE] = text_datum(event->to_state);
	values[DENIED_SQLSTATE] = text_datum(unpack_sql_state(event->sqlstate));
	values[DENIED_MESSAGE] = text_datum(event->message);
	values[DENIED_RULE] = text_datum(event->rule);
	values[DENIED_MODE] = text_datum(event->mode);
	values[DENIED_APPLICATION] = now.application;
	values[DENIED_CLIENT] = now.client;
	values[DENIED_DETAIL] = event->detail;

	buffer_push(LOG_DENIED, values);
}

void
outbox_push(const OutboxEvent *event)
{
	Datum		 values[OUTBOX_COLUMNS];
	Circumstance now;

	circumstance(&now);

	values[OUTBOX_AT] = TimestampTzGetDatum(now.at);
	values[OUTBOX_XID] = now.xid;
	values[OUTBOX_N] = now.n;
	values[OUTBOX_KIND] = text_datum(event->kind);
	values[OUTBOX_TOPIC] = text_datum(event->topic);
	values[OUTBOX_DATASET] = text_datum(event->dataset);
	values[OUTBOX_KEY] = event->key;
	values[OUTBOX_PAYLOAD] = event->payload;
	values[OUTBOX_ACTOR] = now.actor;

	buffer_push(LOG_OUTBOX, values);
	job_request_at_commit();
}
