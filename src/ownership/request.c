/*-------------------------------------------------------------------------
 *
 * request.c
 *		Writes by strangers that wait for the owner's decision.
 *
 * A request is made in the writer's own transaction and keeps what the write
 * would have changed: the values before and after, each as its type's text.
 * Approving it is doing it: the statement runs as whoever approves, under the
 * guard, so an approval can never do more than the one who gives it.  Before
 * that the row is locked, and compared with what the request was made of.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "base/rights.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/own_tables.h"
#include "ownership/settle.h"
#include "replication/logicalworker.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(spine_approve_write);
PG_FUNCTION_INFO_V1(spine_decline_write);
PG_FUNCTION_INFO_V1(spine_withdraw_write);

/* A row of spine.write_request, copied. */
typedef struct Request
{
	int64		id;
	const char *dataset;
	const char *action;		/* update or delete */
	const char *from_state; /* or NULL */
	const char *actor;
	const char *status;
	Jsonb	   *key;
	Jsonb	   *old;
	Jsonb	   *new;		/* or NULL */
} Request;

/* The request that is being applied by this backend, or NULL. */
static const Request *applying = NULL;

/* ---- asking ---- */

/* The bits of what a write changes, without what the guard keeps itself. */
static uint64 *
asked_attributes(const Attempt *attempt)
{
	const Matrix *matrix = attempt->judgement.matrix;
	uint64	   *asked = palloc(sizeof(uint64) * matrix->nwords);

	for (int i = 0; i < matrix->nwords; i++)
		asked[i] = attempt->kind == ATTEMPT_UPDATE ? attempt->changed[i] :
													 ~UINT64CONST(0);
	if (attempt->kind == ATTEMPT_UPDATE &&
		matrix->version_mode == VERSION_AUTO)
		CLEAR_BIT(asked, matrix->version);
	return asked;
}

/* Is this the row that a request is being applied to? */
static bool
is_being_applied(const Attempt *attempt)
{
	const Matrix *matrix = attempt->judgement.matrix;

	return applying != NULL && attempt->judgement.old != NULL &&
		strcmp(applying->dataset, matrix->key) == 0 &&
		compareJsonbContainers(&applying->key->root,
							   &row_key(matrix, attempt->judgement.old)
									->root) == 0;
}

/* The parameters of a request as the statements below take them. */
#define ASK_PARAMETERS 12
static const Oid ask_types[ASK_PARAMETERS] = {TEXTOID, TEXTOID, JSONBOID,
											  TEXTOID, JSONBOID, JSONBOID,
											  TEXTOID, TEXTOID, TEXTOID,
											  TEXTOID, TEXTOID, INT8OID};

/* Fill one parameter; NULL where the text is. */
static void
set_text(Datum *values, char *nulls, int n, const char *text)
{
	nulls[n] = text ? ' ' : 'n';
	values[n] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
fill_parameters(const Attempt *attempt, const Denial *denial, Datum *values,
				char *nulls)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	const uint64 *asked = asked_attributes(attempt);
	bool		update = attempt->kind == ATTEMPT_UPDATE;

	memset(nulls, ' ', ASK_PARAMETERS);
	set_text(values, nulls, 0, matrix->key);
	set_text(values, nulls, 1, matrix->spec->relation);
	values[2] = JsonbPGetDatum(row_key(matrix, judgement->old));
	set_text(values, nulls, 3, update ? "update" : "delete");
	values[4] = JsonbPGetDatum(row_texts(matrix, judgement->old, asked));
	nulls[5] = update ? ' ' : 'n';
	if (update)
		values[5] = JsonbPGetDatum(row_texts(matrix, judgement->new, asked));
	set_text(values, nulls, 6, matrix_state_name(matrix, attempt->from));
	set_text(values, nulls, 7,
			 update ? matrix_state_name(matrix, attempt->to) : NULL);
	set_text(values, nulls, 8, GetUserNameFromId(GetUserId(), false));
	set_text(values, nulls, 9, GetUserNameFromId(GetSessionUserId(), false));
	set_text(values, nulls, 10, denial->rule);
	values[11] = Int64GetDatum(matrix->rev);
}

/* The same request if it waits already; 0 if it does not. */
static int64
find_request(Datum *values, const char *nulls)
{
	if (own_query("SELECT id FROM spine.write_request"
				  " WHERE status OPERATOR(pg_catalog.=) 'pending'"
				  " AND dataset OPERATOR(pg_catalog.=) $1"
				  " AND actor OPERATOR(pg_catalog.=) $9"
				  " AND pg_catalog.jsonb_hash(key) OPERATOR(pg_catalog.=)"
				  " pg_catalog.jsonb_hash($3)"
				  " AND key OPERATOR(pg_catalog.=) $3"
				  " AND action OPERATOR(pg_catalog.=) $4"
				  " AND old OPERATOR(pg_catalog.=) $5"
				  " AND new IS NOT DISTINCT FROM $6"
				  " AND from_state IS NOT DISTINCT FROM $7"
				  " ORDER BY id LIMIT 1",
				  ASK_PARAMETERS, ask_types, values, nulls, false) == 0)
		return 0;
	return own_int64(0, 1);
}

static int64
insert_request(Datum *values, const char *nulls)
{
	(void) own_query(
		"INSERT INTO spine.write_request (id, at, dataset, relation, key,"
		" action, old, new, from_state, to_state, actor, session_actor, rule,"
		" rev, status)"
		" VALUES (pg_catalog.nextval('spine.write_request_id'),"
		" pg_catalog.clock_timestamp(), $1, $2, $3, $4, $5, $6, $7, $8, $9,"
		" $10, $11, $12, 'pending') RETURNING id",
		ASK_PARAMETERS, ask_types, values, nulls, true);
	return own_int64(0, 1);
}

/* Put an event about a request into the outbox; it tells no value. */
static void
tell(const char *topic, const char *dataset, int64 id, const char *action,
	 const char *asked_by)
{
	JsonbParseState *state = NULL;
	JsonbValue	number = {.type = jbvNumeric};
	OutboxEvent event = {0};

	number.val.numeric = int64_to_numeric(id);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_value(&state, "request", &number);
	jb_push_text(&state, "action", action);
	jb_push_text(&state, "asked_by", asked_by);
	event.payload = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.kind = "signal";
	event.topic = topic;
	event.dataset = dataset;
	outbox_push(&event);
}

/*
 * Could the write be applied later by whom the rule lets through?  One that
 * nobody may make, or that names no row, has nothing to wait for; an action
 * of a foreign key, or of logical replication, cannot go on without it.
 */
static bool
can_wait(const Attempt *attempt)
{
	const Matrix *matrix = attempt->judgement.matrix;

	return !InNoForceRLSOperation() && !IsLogicalWorker() &&
		!words_empty(matrix->keys, matrix->nwords) &&
		!is_being_applied(attempt) && attempt_is_sound(attempt);
}

bool
request_keep(const Attempt *attempt, const Denial *denial)
{
	const Matrix *matrix = attempt->judgement.matrix;
	Datum		values[ASK_PARAMETERS];
	char		nulls[ASK_PARAMETERS];
	ActAs		before;
	int64		id;
	bool		waits;

	if (!can_wait(attempt))
		return false;
	fill_parameters(attempt, denial, values, nulls);
	before = own_begin();
	id = find_request(values, nulls);
	waits = id != 0;
	if (!waits)
		id = insert_request(values, nulls);
	own_end(&before);

	if (!waits)
		tell("WriteRequested", matrix->key, id, denial->action,
			 GetUserNameFromId(GetUserId(), false));
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("write to \"%s\" waits as request %lld", matrix->key,
					(long long) id),
			 errdetail_internal("%s", denial->detail),
			 errhint("An owner decides with spine.approve_write(%lld) or "
					 "spine.decline_write(%lld, reason).",
					 (long long) id, (long long) id)));
	return true;
}

/* ---- finding one ---- */

pg_noreturn static void refuse_decision(int64 id, const char *status);

static void
refuse_decision(int64 id, const char *status)
{
	if (status == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("request %lld does not exist", (long long) id)));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("request %lld is not pending", (long long) id),
			 errdetail("Its status is \"%s\".", status)));
}

/* A pending request, locked to the end of the transaction. */
static Request *
lock_request(int64 id)
{
	MemoryContext caller = CurrentMemoryContext;
	Request    *request = palloc0(sizeof(Request));
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};
	ActAs		before = own_begin();

	request->id = id;
	if (own_query("SELECT dataset, action, from_state, actor, status, key,"
				  " old, new FROM spine.write_request"
				  " WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
				  1, types, values, NULL, true) == 1)
	{
		request->dataset = own_text(caller, 0, 1);
		request->action = own_text(caller, 0, 2);
		request->from_state = own_text(caller, 0, 3);
		request->actor = own_text(caller, 0, 4);
		request->status = own_text(caller, 0, 5);
		request->key = own_jsonb(caller, 0, 6);
		request->old = own_jsonb(caller, 0, 7);
		request->new = own_jsonb(caller, 0, 8);
	}
	own_end(&before);
	if (request->status == NULL || strcmp(request->status, "pending") != 0)
		refuse_decision(id, request->status);
	return request;
}

/* Write down what became of it. */
static void
decide(const Request *request, const char *status, const char *reason)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[4];
	char		nulls[4];
	ActAs		before;

	nulls[0] = ' ';
	values[0] = Int64GetDatum(request->id);
	set_text(values, nulls, 1, status);
	set_text(values, nulls, 2, GetUserNameFromId(GetUserId(), false));
	set_text(values, nulls, 3, reason);
	before = own_begin();
	(void) own_query("UPDATE spine.write_request SET status = $2,"
					 " decided_by = $3, decision_reason = $4,"
					 " decided_at = pg_catalog.clock_timestamp()"
					 " WHERE id OPERATOR(pg_catalog.=) $1",
					 4, types, values, nulls, true);
	own_end(&before);
}

/* ---- is the row as it was? ---- */

static const char *
qualified_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(
										  RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

/* The key columns as parameters, from the n-th on; and a WHERE over them. */
static int
append_key(StringInfo sql, const Matrix *matrix, HeapTuple key, int n,
		   Oid *types, Datum *values, char *nulls)
{
	const char *glue = " WHERE ";

	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		bool		isnull;

		if (!HAS_BIT(matrix->keys, attnum))
			continue;
		values[n] = heap_getattr(key, attnum, matrix->desc, &isnull);
		types[n] = TupleDescAttr(matrix->desc, attnum - 1)->atttypid;
		nulls[n] = isnull ? 'n' : ' ';
		appendStringInfo(sql, "%st.%s OPERATOR(pg_catalog.=) $%d", glue,
						 quote_identifier(matrix_column_name(matrix, attnum)),
						 ++n);
		glue = " AND ";
	}
	return n;
}

/*
 * Lock the row of a key and read it, as the table's owner and past its row
 * security: nothing of it is told.  NULL unless there is just one.
 */
static HeapTuple
lock_row(const Matrix *matrix, Relation rel, HeapTuple key)
{
	MemoryContext caller = CurrentMemoryContext;
	HeapTuple	row = NULL;
	Oid			types[MaxHeapAttributeNumber];
	Datum		values[MaxHeapAttributeNumber];
	char		nulls[MaxHeapAttributeNumber];
	StringInfoData sql;
	Oid			userid;
	int			secctx;
	int			n;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t FROM %s t", qualified_name(rel));
	n = append_key(&sql, matrix, key, 0, types, values, nulls);
	appendStringInfoString(&sql, " FOR UPDATE");

	GetUserIdAndSecContext(&userid, &secctx);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   secctx | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_NOFORCE_RLS);
	SPI_connect();
	if (own_query(sql.data, n, types, values, nulls, true) == 1)
	{
		HeapTupleData tuple = {0};
		MemoryContext old = MemoryContextSwitchTo(caller);
		bool		isnull;

		tuple.t_data = DatumGetHeapTupleHeader(own_plain(0, 1, &isnull));
		tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
		ItemPointerSetInvalid(&tuple.t_self);
		row = heap_copytuple(&tuple);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	SetUserIdAndSecContext(userid, secctx);
	return row;
}

/* The columns that the request speaks of; NULL if one is gone. */
static uint64 *
columns_of(const Matrix *matrix, const Jsonb *texts)
{
	uint64	   *words = palloc0(sizeof(uint64) * matrix->nwords);
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	value;

	jb_walk(&cursor, &texts->root);
	while (jb_next_member(&cursor, &name, &value))
	{
		AttrNumber	attnum = row_text_column(matrix, &name);

		if (attnum == 0)
			return NULL;
		SET_BIT(words, attnum);
	}
	return words;
}

static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Are state and values those that the request was made of? */
static bool
is_as_recorded(const Matrix *matrix, const Request *request, HeapTuple row)
{
	const uint64 *columns = columns_of(matrix, request->old);

	return row != NULL && columns != NULL &&
		same_name(matrix_state_name(matrix,
									matrix_state_of_tuple(matrix, row)),
				  request->from_state) &&
		compareJsonbContainers(&row_texts(matrix, row, columns)->root,
							   &request->old->root) == 0;
}

/* ---- applying ---- */

/* SET column = $n, …: the values as asked. */
static int
append_set(StringInfo sql, const Matrix *matrix, const Jsonb *texts,
		   Oid *types, Datum *values, char *nulls)
{
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	text;
	int			n = 0;

	jb_walk(&cursor, &texts->root);
	while (jb_next_member(&cursor, &name, &text))
	{
		AttrNumber	attnum = row_text_column(matrix, &name);
		bool		isnull;

		values[n] = row_text_value(matrix, attnum, &text, &isnull);
		types[n] = TupleDescAttr(matrix->desc, attnum - 1)->atttypid;
		nulls[n] = isnull ? 'n' : ' ';
		appendStringInfo(sql, "%s%s = $%d", n == 0 ? " SET " : ", ",
						 quote_identifier(matrix_column_name(matrix, attnum)),
						 n + 1);
		n++;
	}
	return n;
}

/* Run the statement as the caller, under the guard. */
static void
run_write(const Request *request, const Matrix *matrix, Relation rel,
		  HeapTuple key)
{
	int			size = 2 * MaxHeapAttributeNumber;
	Oid		   *types = palloc(sizeof(Oid) * size);
	Datum	   *values = palloc(sizeof(Datum) * size);
	char	   *nulls = palloc(size);
	StringInfoData sql;
	int			n = 0;

	initStringInfo(&sql);
	if (request->new != NULL)
	{
		appendStringInfo(&sql, "UPDATE %s t", qualified_name(rel));
		n = append_set(&sql, matrix, request->new, types, values, nulls);
	}
	else
		appendStringInfo(&sql, "DELETE FROM %s t", qualified_name(rel));
	n = append_key(&sql, matrix, key, n, types, values, nulls);

	SPI_connect();
	(void) SPI_execute_with_args(sql.data, n, types, values, nulls, false, 0);
	if (SPI_processed != 1)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("request %lld cannot be applied", (long long) request->id),
			 errdetail(
				 "Row security or a trigger of the table kept the row from being written.")));
	SPI_finish();
}

/* The same, while the guard knows what is being applied. */
static void
apply_request(const Request *request, const Matrix *matrix, Relation rel,
			  HeapTuple key)
{
	const Request *before = applying;

	applying = request;
	PG_TRY();
	{
		run_write(request, matrix, rel, key);
	}
	PG_FINALLY();
	{
		applying = before;
	}
	PG_END_TRY();
}

bool
request_is_applied(void)
{
	return applying != NULL;
}

/* {"request": id, "asked_by": actor} */
static Jsonb *
request_detail(const Request *request)
{
	JsonbParseState *state = NULL;
	JsonbValue	number = {.type = jbvNumeric};

	number.val.numeric = int64_to_numeric(request->id);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_value(&state, "request", &number);
	jb_push_text(&state, "asked_by", request->actor);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

void
request_label(const Attempt *attempt, Concession *concession)
{
	Datum		detail;

	if (!is_being_applied(attempt))
		return;
	detail = JsonbPGetDatum(request_detail(applying));
	concession->detail = concession->detail == 0 ?
		detail :
		DirectFunctionCall2(jsonb_concat, concession->detail, detail);
	concession->via = CStringGetTextDatum("request");
}

/* ---- deciding ---- */

static int64
id_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "id")));
	return PG_GETARG_INT64(0);
}

/* Open the relation of a request's dataset. */
static Relation
open_relation(const Request *request)
{
	CatalogDataset *dataset = catalog_dataset(request->dataset);
	Oid				relid = dataset && dataset->spec->relation ?
					spec_relation_oid(dataset->spec->relation) :
					InvalidOid;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dataset \"%s\" is not governed any more",
						request->dataset),
				 errhint("Decline the request.")));
	return table_open(relid, RowExclusiveLock);
}

/* Whoever could not even try learns nothing, and changes nothing. */
static void
require_privilege(Relation rel, const Request *request)
{
	AclMode		mode = request->new ? ACL_UPDATE : ACL_DELETE;
	Oid			relid = RelationGetRelid(rel);

	if (pg_class_aclcheck(relid, GetUserId(), mode) != ACLCHECK_OK &&
		(mode == ACL_DELETE ||
		 pg_attribute_aclcheck_all(relid, GetUserId(), mode, ACLMASK_ANY) !=
			 ACLCHECK_OK))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE,
					   RelationGetRelationName(rel));
}

/* spine.approve_write(id): applied or stale */
Datum
spine_approve_write(PG_FUNCTION_ARGS)
{
	Request    *request = lock_request(id_argument(fcinfo));
	Relation	rel = open_relation(request);
	Matrix	   *matrix = matrix_lookup(rel, request->dataset, NULL);
	HeapTuple	key;

	require_privilege(rel, request);
	key = row_of_key(matrix, rel, request->key);
	if (!is_as_recorded(matrix, request, lock_row(matrix, rel, key)))
	{
		decide(request, "stale", NULL);
		table_close(rel, NoLock);
		PG_RETURN_TEXT_P(cstring_to_text("stale"));
	}
	apply_request(request, matrix, rel, key);
	decide(request, "approved", NULL);
	tell("WriteApproved", request->dataset, request->id, request->action,
		 request->actor);
	table_close(rel, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text("applied"));
}

/* Does the user act for a party that is not NULL? */
static bool
acts_for_party(const char *party)
{
	return party != NULL && acts_for(GetUserId(), catalog_party_role(party));
}

/* The owner of the state that the row was in, or of the dataset. */
static void
require_decider(const Request *request)
{
	CatalogDataset *dataset = catalog_dataset(request->dataset);
	SpecState  *state = NULL;

	if (is_spine_admin(GetUserId()))
		return;
	if (dataset != NULL && dataset->spec->lifecycle != NULL &&
		request->from_state != NULL)
		state = spec_state(dataset->spec->lifecycle, request->from_state);
	if (dataset != NULL &&
		(acts_for_party(dataset->spec->standing) ||
		 (state != NULL && acts_for_party(state->owner))))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg("permission denied to decline request %lld",
				(long long) request->id),
		 errdetail(
			 "Only the owner of the row's state or of the dataset and members of \"spine_admin\" may do so.")));
}

/* spine.decline_write(id, reason) */
Datum
spine_decline_write(PG_FUNCTION_ARGS)
{
	Request    *request = lock_request(id_argument(fcinfo));
	char	   *reason = "";

	if (!PG_ARGISNULL(1))
		reason = text_to_cstring(PG_GETARG_TEXT_PP(1));
	require_decider(request);
	if (reason[strspn(reason, " \t\n\r")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be empty")));
	decide(request, "declined", reason);
	tell("WriteDeclined", request->dataset, request->id, request->action,
		 request->actor);
	PG_RETURN_VOID();
}

/* spine.withdraw_write(id) */
Datum
spine_withdraw_write(PG_FUNCTION_ARGS)
{
	Request    *request = lock_request(id_argument(fcinfo));
	Oid			actor = get_role_oid(request->actor, true);

	if (!acts_for(GetUserId(), actor))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to withdraw request %lld",
						(long long) request->id),
				 errdetail("Only role \"%s\", which asked, may do so.",
						   request->actor)));
	decide(request, "withdrawn", NULL);
	PG_RETURN_VOID();
}
