/*-------------------------------------------------------------------------
 *
 * override.c
 *		Overrides: leaves that somebody gave a party, for a reason and a while.
 *
 * They are looked up where a write was denied, so they cost nothing before,
 * and with the latest snapshot, so one that was ended is obeyed at the next
 * statement at every isolation level.  Expiry goes by the clock; the job only
 * writes down what has expired and tells.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "base/errors.h"
#include "base/job.h"
#include "base/settings.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/may.h"
#include "ownership/own_tables.h"
#include "ownership/settle.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_override);
PG_FUNCTION_INFO_V1(spine_end_override);

/* How many expired ones the job takes at once. */
#define EXPIRE_BATCH 100

/* An override that is asked for. */
typedef struct OverrideRequest
{
	Relation	rel;
	Matrix	   *matrix;
	Jsonb	   *key; /* or NULL: every row */
	char	   *party;
	char	   *reason;
	TimestampTz until;
} OverrideRequest;

/* ---- using one ---- */

/* The first of these parties' overrides whose party the user acts for, which
 * *as receives. */
static int64
first_usable(Oid userid, const List *ids, const List *parties, const char **as)
{
	const ListCell *id;
	const ListCell *party;

	forboth (id, ids, party, parties)
		if (acts_for(userid, catalog_party_role(lfirst(party))))
		{
			*as = lfirst(party);
			return *(int64 *) lfirst(id);
		}
	return 0;
}

int64
override_for(const Attempt *attempt, const char **party)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	HeapTuple	row = judgement->old ? judgement->old : judgement->new;
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, JSONBOID};
	Datum		values[2];
	char		nulls[] = {' ', row ? ' ' : 'n'};
	List	   *ids = NIL;
	List	   *parties = NIL;
	ActAs		before;
	uint64		found;

	values[0] = matrix->key_label;
	values[1] = row ? JsonbPGetDatum(row_key(matrix, row)) : (Datum) 0;
	before = own_begin();
	found = own_query(
		"SELECT id, party FROM spine.override_log"
		" WHERE dataset OPERATOR(pg_catalog.=) $1 AND ended_at IS NULL"
		" AND until OPERATOR(pg_catalog.>) pg_catalog.clock_timestamp()"
		" AND (key IS NULL OR key OPERATOR(pg_catalog.=) $2) ORDER BY id",
		2, types, values, nulls, false);
	for (uint64 i = 0; i < found; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);
		int64	   *id = palloc(sizeof(int64));

		*id = own_int64(i, 1);
		ids = lappend(ids, id);
		parties = lappend(parties, own_text(caller, i, 2));
		MemoryContextSwitchTo(old);
	}
	own_end(&before);
	return first_usable(judgement->user->userid, ids, parties, party);
}

bool
denial_is_liftable(const Denial *denial)
{
	return (denial->sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ||
			denial->sqlstate == ERRCODE_SPINE_UNDECLARED_TRANSITION ||
			denial->sqlstate == ERRCODE_SPINE_GUARD_FAILED) &&
		strcmp(denial->reason, "key") != 0 &&
		strcmp(denial->reason, "kept_by_guard") != 0;
}

/* {"override": id} as a datum. */
static Datum
detail_of(int64 id)
{
	JsonbParseState *state = NULL;
	JsonbValue	number = {.type = jbvNumeric};

	number.val.numeric = int64_to_numeric(id);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_value(&state, "override", &number);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

bool
override_concedes(const Attempt *attempt, const Denial *denial,
				  Concession *concession)
{
	const char *party;
	int64		id;

	if (!denial_is_liftable(denial) || !attempt_is_sound(attempt))
		return false;
	id = override_for(attempt, &party);
	if (id == 0)
		return false;
	concession->detail = detail_of(id);
	concession->party = CStringGetTextDatum(party);
	return true;
}

/* ---- telling ---- */

/* Put an event about an override into the outbox. */
static void
tell(const char *topic, const char *dataset, const Jsonb *key, int64 id,
	 const char *party)
{
	JsonbParseState *state = NULL;
	JsonbValue	number = {.type = jbvNumeric};
	OutboxEvent event = {0};

	number.val.numeric = int64_to_numeric(id);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_value(&state, "override", &number);
	jb_push_text(&state, "party", party);
	event.payload = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.kind = "signal";
	event.topic = topic;
	event.dataset = dataset;
	event.key = key ? JsonbPGetDatum(key) : (Datum) 0;
	outbox_push(&event);
}

/* ---- who may give and end one ---- */

/* The standing owner of the dataset that an asset is or belongs to. */
static const char *
standing_owner_of(const char *asset)
{
	List	   *parts = asset_key_parts(asset);
	CatalogDataset *dataset = list_length(parts) < 2 ?
		NULL :
		catalog_dataset(asset_key(linitial(parts), lsecond(parts), NULL));

	return dataset ? dataset->spec->standing : NULL;
}

static void
require_giver(const char *asset)
{
	Oid			user = GetUserId();
	const char *owner;

	if (is_spine_admin(user))
		return;
	owner = standing_owner_of(asset);
	if (owner != NULL && acts_for(user, catalog_party_role(owner)))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg("permission denied to override the rules of \"%s\"", asset),
		 errdetail(
			 "Only the owner of the dataset and members of \"spine_admin\" may do so.")));
}

/* ---- giving one ---- */

/* The table that an asset's rules are about: the dataset's or the child's. */
static Oid
governed_relation(const SpecDataset *spec, const char *child)
{
	ListCell   *lc;

	if (child == NULL)
		return spec_relation_oid(spec->relation);
	foreach (lc, spec->lifecycle->children)
	{
		const SpecChild *entry = lfirst(lc);

		if (strcmp(entry->name, child) == 0)
			return spec_relation_oid(entry->relation);
	}
	return InvalidOid;
}

/* Open the table and find its rules; a partition is not asked by itself. */
static void
open_governed(OverrideRequest *request, Oid relid)
{
	char	   *child = NULL;
	char	   *dataset;

	request->rel = table_open(relid, AccessShareLock);
	dataset = catalog_dataset_of(relid, &child);
	if (dataset == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("table \"%s\" is not governed",
					RelationGetRelationName(request->rel)),
			 errhint(
				 "Only tables of a dataset in the applied document have rules.")));
	request->matrix = matrix_lookup(request->rel, dataset, child);
	if (governed_relation(request->matrix->spec, child) != relid)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is part of the relation of \"%s\"",
						RelationGetRelationName(request->rel),
						request->matrix->key),
				 errhint("Name the relation of the dataset itself.")));
}

static void
check_party(const char *party)
{
	if (!OidIsValid(catalog_party_role(party)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("party \"%s\" does not exist or has no role", party),
				 errhint("Name a party of the applied document.")));
}

static void
check_reason(const char *reason)
{
	if (reason[strspn(reason, " \t\n\r")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be empty")));
}

static void
check_until(TimestampTz until)
{
	TimestampTz now = GetCurrentTimestamp();

	if (until <= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an override must end in the future")));
	if (TIMESTAMP_NOT_FINITE(until) ||
		until - now > (int64) spine_override_max * USECS_PER_SEC)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an override may not last longer than %d seconds",
						spine_override_max),
				 errhint(
					 "The setting \"spine.override_max\" says how long.")));
}

/* Write it down; returns its id. */
static int64
insert_override(const OverrideRequest *request)
{
	Oid			types[8];
	Datum		values[8];
	char		nulls[9] = "        ";
	ActAs		before;
	int64		id;

	for (int i = 0; i < 6; i++)
		types[i] = TEXTOID;
	types[6] = JSONBOID;
	types[7] = TIMESTAMPTZOID;
	values[0] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[1] =
		CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
	values[2] = request->matrix->key_label;
	values[3] = CStringGetTextDatum(request->matrix->relation);
	values[4] = CStringGetTextDatum(request->party);
	values[5] = CStringGetTextDatum(request->reason);
	values[6] = request->key ? JsonbPGetDatum(request->key) : (Datum) 0;
	nulls[6] = request->key ? ' ' : 'n';
	values[7] = TimestampTzGetDatum(request->until);
	before = own_begin();
	(void) own_query(
		"INSERT INTO spine.override_log (id, at, granted_by,"
		" session_granted_by, dataset, relation, party, reason, key, until)"
		" VALUES (pg_catalog.nextval('spine.override_id'),"
		" pg_catalog.clock_timestamp(), $1, $2, $3, $4, $5, $6, $7, $8)"
		" RETURNING id",
		8, types, values, nulls, true);
	id = own_int64(0, 1);
	own_end(&before);
	return id;
}

/* spine.override(relation, key, party, reason, until) */
Datum
spine_override(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"relation", NULL, "party", "reason",
										"until"};
	OverrideRequest request = {0};
	int64		id;

	for (int i = 0; i < (int) lengthof(names); i++)
		if (names[i] != NULL)
			may_require_argument(fcinfo, i, names[i]);

	open_governed(&request, PG_GETARG_OID(0));
	require_giver(request.matrix->key);
	request.party = text_to_cstring(PG_GETARG_TEXT_PP(2));
	request.reason = text_to_cstring(PG_GETARG_TEXT_PP(3));
	request.until = PG_GETARG_TIMESTAMPTZ(4);
	check_party(request.party);
	check_reason(request.reason);
	check_until(request.until);
	if (!PG_ARGISNULL(1))
		request.key = row_key(request.matrix,
							  row_of_key(request.matrix, request.rel,
										 PG_GETARG_JSONB_P(1)));

	id = insert_override(&request);
	tell("OverrideGranted", request.matrix->key, request.key, id,
		 request.party);
	table_close(request.rel, NoLock);
	PG_RETURN_INT64(id);
}

/* ---- ending one ---- */

pg_noreturn static void refuse_end(int64 id, const char *state);

static void
refuse_end(int64 id, const char *state)
{
	ereport(ERROR,
			(errcode(state ? ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE :
							 ERRCODE_UNDEFINED_OBJECT),
			 state ? errmsg("override %lld %s", (long long) id, state) :
					 errmsg("override %lld does not exist", (long long) id)));
}

/* Find one that is in force, and keep it from others who would end it. */
static char *
lock_override(int64 id, char **party, Jsonb **key)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};
	ActAs		before = own_begin();
	char	   *dataset = NULL;
	char	   *state = NULL;

	if (own_query("SELECT dataset, party, key,"
				  " CASE WHEN ended_at IS NOT NULL THEN 'has ended already'"
				  " WHEN until OPERATOR(pg_catalog.<=)"
				  " pg_catalog.clock_timestamp() THEN 'has expired' END"
				  " FROM spine.override_log"
				  " WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
				  1, types, values, NULL, true) == 1)
	{
		dataset = own_text(caller, 0, 1);
		*party = own_text(caller, 0, 2);
		*key = own_jsonb(caller, 0, 3);
		state = own_text(caller, 0, 4);
	}
	own_end(&before);
	if (dataset == NULL || state != NULL)
		refuse_end(id, state);
	return dataset;
}

/* spine.end_override(id) */
Datum
spine_end_override(PG_FUNCTION_ARGS)
{
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[2];
	int64		id;
	char	   *dataset;
	char	   *party;
	Jsonb	   *key;
	ActAs		before;

	may_require_argument(fcinfo, 0, "id");
	id = PG_GETARG_INT64(0);
	dataset = lock_override(id, &party, &key);
	require_giver(dataset);

	values[0] = Int64GetDatum(id);
	values[1] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	before = own_begin();
	(void) own_query("UPDATE spine.override_log"
					 " SET ended_at = pg_catalog.clock_timestamp(),"
					 " ended_by = $2 WHERE id OPERATOR(pg_catalog.=) $1",
					 2, types, values, NULL, true);
	own_end(&before);
	tell("OverrideEnded", dataset, key, id, party);
	PG_RETURN_VOID();
}

/* ---- expiry ---- */

/* Job: write down what has expired, and tell. */
static bool
expire_overrides(void)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(EXPIRE_BATCH)};
	uint64		expired;

	expired = own_query(
		"UPDATE spine.override_log SET ended_at = until"
		" WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT id"
		" FROM spine.override_log WHERE ended_at IS NULL"
		" AND until OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()"
		" ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))"
		" RETURNING id, dataset, party, key",
		1, types, values, NULL, true);
	for (uint64 i = 0; i < expired; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tell("OverrideExpired", own_text(CurrentMemoryContext, i, 2),
			 own_jsonb(CurrentMemoryContext, i, 4), own_int64(i, 1),
			 own_text(CurrentMemoryContext, i, 3));
	}
	return expired == EXPIRE_BATCH;
}

void
override_init(void)
{
	static const Job job =
		{.name = "overrides",
		 .description = "Writes down which overrides have expired, and tells.",
		 .every = 60,
		 .work = expire_overrides};

	job_register(&job);
}
