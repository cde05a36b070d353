/*-------------------------------------------------------------------------
 *
 * owner_verbs.c
 *		own, accept and decline: small changes of the document, by apply.
 *
 * Each takes the newest document under the revision lock, changes the members
 * that speak of the owner and nothing else, and applies the result with the
 * caller's own rights.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/rights.h"
#include "catalog/owner.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_own);
PG_FUNCTION_INFO_V1(spine_accept);
PG_FUNCTION_INFO_V1(spine_decline);

/* Days until a proposal is looked at, where nobody says. */
#define REVIEW_DAYS 30

/* A change of one context's or dataset's owner. */
typedef struct OwnerChange
{
	char	   *asset;
	List	   *path;		/* of char *: where it stands in the document */
	Jsonb	   *current;	/* the newest document */
	int64		rev;		/* its revision */
	const JsonbContainer *level;
	const JsonbContainer *context;
	Jsonb	   *merged;		/* the document as changed so far */
} OwnerChange;

/* ---- changing a document ---- */

/* A path as text[], with one more step. */
static Datum
path_array(const OwnerChange *change, const char *member)
{
	int			count = 0;
	Datum		steps[5];
	ListCell   *lc;

	foreach (lc, change->path)
		steps[count++] = CStringGetTextDatum(lfirst(lc));
	steps[count++] = CStringGetTextDatum(member);
	return PointerGetDatum(
		construct_array(steps, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Set a member, or remove it where text is NULL. */
static void
set_member(OwnerChange *change, const char *member, const char *text)
{
	Datum		doc = JsonbPGetDatum(change->merged);
	Datum		path = path_array(change, member);

	if (text == NULL)
		doc = DirectFunctionCall2(jsonb_delete_path, doc, path);
	else
	{
		JsonbValue	value = text_value(text);

		doc = DirectFunctionCall4(jsonb_set, doc, path,
								  JsonbPGetDatum(JsonbValueToJsonb(&value)),
								  BoolGetDatum(true));
	}
	change->merged = DatumGetJsonbP(doc);
}

/* ---- from the asset to its place ---- */

/* Find the asset in the newest document. */
static void
read_newest(OwnerChange *change)
{
	List	   *parts = asset_key_parts(change->asset);

	change->current = document_newest(&change->rev);
	change->merged = change->current;
	change->level = NULL;
	if (parts != NIL && list_length(parts) <= 2)
	{
		change->context =
			jb_get_object(jb_get_object(&change->current->root, "contexts"),
						  linitial(parts));
		change->path = list_make2(pstrdup("contexts"), linitial(parts));
		change->level = change->context;
	}
	if (list_length(parts) == 2 && change->context != NULL)
	{
		change->level =
			jb_get_object(jb_get_object(change->context, "datasets"),
						  lsecond(parts));
		change->path = lappend(change->path, pstrdup("datasets"));
		change->path = lappend(change->path, lsecond(parts));
	}
	if (change->level == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("asset \"%s\" is not in the document", change->asset),
				 errhint("Ownership is taken for a context or a "
						 "context.dataset; an attribute's owner is set by "
						 "spine.apply.")));
}

/* Start a change: nobody else applies until the transaction ends. */
static OwnerChange *
change_begin(FunctionCallInfo fcinfo, const char *command)
{
	OwnerChange *change = palloc0(sizeof(OwnerChange));

	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	PreventCommandDuringRecovery(command);
	change->asset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	read_newest(change);
	rights_check_level(change->context, change->level, GetUserId());
	revision_lock();
	read_newest(change);
	return change;
}

/* Apply what was changed. */
static int64
change_end(OwnerChange *change, const char *message)
{
	return document_apply(change->current, change->rev, document_empty(),
						  change->merged, message);
}

/* ---- own ---- */

/* A date as documents write it. */
static char *
date_text(DateADT date)
{
	int			year;
	int			month;
	int			day;

	if (DATE_NOT_FINITE(date))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("date of review must be finite")));
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return psprintf("%04d-%02d-%02d", year, month, day);
}

/*
 * Propose a party: who owns it now stands in until it has accepted, and a
 * date of review is set if there is none to come.
 */
static void
propose(OwnerChange *change, const char *party, const char *review)
{
	AssetOwner	now;
	bool		owned;

	if (change->level == change->context)
		owned = owner_of_level(change->level, &now);
	else
		owned = owner_of_dataset(change->context, change->level, &now);

	if (owned && strcmp(now.state, "proposed") != 0 &&
		strcmp(now.party, party) != 0)
	{
		set_member(change, "interim_owner", now.party);
		if (review == NULL)
			review = date_text(GetSQLCurrentDate() + REVIEW_DAYS);
	}
	if (review != NULL)
		set_member(change, "review_on", review);
}

/* spine.own(asset, party, state, review_on, rationale) */
Datum
spine_own(PG_FUNCTION_ARGS)
{
	OwnerChange *change;
	char	   *party;
	char	   *state;
	char	   *review = NULL;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("asset, party and state must not be null")));
	party = text_to_cstring(PG_GETARG_TEXT_PP(1));
	state = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (strcmp(state, "proposed") != 0 && strcmp(state, "accepted") != 0 &&
		strcmp(state, "interim") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a state that an owner begins in",
						state),
				 errhint("It is proposed, accepted or interim.")));
	if (!PG_ARGISNULL(3))
		review = date_text(PG_GETARG_DATEADT(3));

	change = change_begin(fcinfo, "spine.own()");
	set_member(change, "interim_owner", NULL);
	if (strcmp(state, "proposed") == 0)
		propose(change, party, review);
	else if (review != NULL)
		set_member(change, "review_on", review);
	set_member(change, "owner", party);
	set_member(change, "owner_state", state);
	if (!PG_ARGISNULL(4))
		set_member(change, "rationale", text_to_cstring(PG_GETARG_TEXT_PP(4)));
	PG_RETURN_INT64(
		change_end(change,
				   psprintf("own %s: %s %s", change->asset, party, state)));
}

/* ---- accept and decline ---- */

/* Refuse an answer that is not the proposed party's to give. */
static char *
answering_party(const OwnerChange *change)
{
	char	   *party = jb_get_text(change->level, "owner");
	Oid			user = GetUserId();

	if (party == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("nobody is proposed as owner of \"%s\"",
						change->asset),
				 errhint("spine.own(asset, party) proposes an owner.")));
	if (!is_spine_admin(user) && !acts_for(user, catalog_party_role(party)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to answer for party \"%s\"", party),
				 errdetail("Role \"%s\" does not act for it.",
						   GetUserNameFromId(user, false)),
				 errhint("Only the party that is proposed accepts or "
						 "declines, or a member of spine_admin.")));
	return party;
}

/* spine.accept(asset) */
Datum
spine_accept(PG_FUNCTION_ARGS)
{
	OwnerChange *change = change_begin(fcinfo, "spine.accept()");
	char	   *party = answering_party(change);
	char	   *state = jb_get_text(change->level, "owner_state");

	if (state != NULL && strcmp(state, "accepted") != 0)
	{
		set_member(change, "interim_owner", NULL);
		set_member(change, "owner_state", "accepted");
	}
	PG_RETURN_INT64(
		change_end(change, psprintf("%s accepts %s", party, change->asset)));
}

/* spine.decline(asset, reason) */
Datum
spine_decline(PG_FUNCTION_ARGS)
{
	OwnerChange *change = change_begin(fcinfo, "spine.decline()");
	char	   *party = answering_party(change);
	char	   *state = jb_get_text(change->level, "owner_state");
	char	   *reason = text_to_cstring(PG_GETARG_TEXT_PP(1));

	if (reason[strspn(reason, " \t\n\r")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a reason is needed to decline")));
	if (state == NULL || strcmp(state, "proposed") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("party \"%s\" is not proposed as owner of \"%s\"",
						party, change->asset),
				 errhint("An owner who has accepted hands over by "
						 "spine.own(asset, party).")));
	set_member(change, "owner_state", "declined");
	set_member(change, "rationale", reason);
	PG_RETURN_INT64(
		change_end(change, psprintf("%s declines %s", party, change->asset)));
}
