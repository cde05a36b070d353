/*-------------------------------------------------------------------------
 *
 * owner.c
 *		Who owns an asset, now and at any time before, and who hears of it.
 *
 * The answer is read from documents, never from the projection, so that the
 * past answers like the present.  One level of the document (an attribute, a
 * dataset, a context) is asked after the other until one names an owner.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/owner.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_owner_of);

/* Longest chain of fallbacks that is followed. */
#define FALLBACK_DEPTH 64

static CatalogSignalHook signal_hook = NULL;

/* ---- levels ---- */

bool
owner_of_level(const JsonbContainer *level, AssetOwner *owner)
{
	char	   *named = jb_get_text(level, "owner");
	char	   *interim = jb_get_text(level, "interim_owner");
	char	   *state = jb_get_text(level, "owner_state");
	bool		declined = state != NULL && strcmp(state, "declined") == 0;
	bool		waiting =
		declined || (state != NULL && strcmp(state, "proposed") == 0);

	if (interim != NULL && (named == NULL || waiting))
	{
		owner->party = interim;
		owner->state = "interim";
		return true;
	}
	owner->party = named;
	owner->state = state != NULL ? state : "accepted";
	return named != NULL && !declined;
}

bool
owner_of_dataset(const JsonbContainer *context, const JsonbContainer *dataset,
				 AssetOwner *owner)
{
	if (owner_of_level(dataset, owner))
	{
		owner->via = "dataset";
		return true;
	}
	owner->via = "context";
	return owner_of_level(context, owner);
}

const char *
standing_owner(const JsonbContainer *context, const JsonbContainer *dataset)
{
	AssetOwner	owner = {0};

	if (!owner_of_dataset(context, dataset, &owner) ||
		strcmp(owner.state, "proposed") == 0)
		return NULL;
	return owner.party;
}

/* How many parts of a path an attribute's name has in common with it, if it
 * is the path or lies above it; 0 otherwise. */
static int
covered_parts(const List *name, const List *path)
{
	ListCell   *a;
	ListCell   *b;

	if (list_length(name) > list_length(path))
		return 0;
	forboth (a, name, b, path)
		if (strcmp(lfirst(a), lfirst(b)) != 0)
			return 0;
	return list_length(name);
}

/* The owner that an attribute names, or the nearest path above it. */
static bool
owner_of_attribute(const JsonbContainer *dataset, const List *path,
				   AssetOwner *owner)
{
	const JsonbContainer *attributes = jb_get_object(dataset, "attributes");
	int			best = 0;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (attributes == NULL)
		return false;
	jb_walk(&cursor, attributes);
	while (jb_next_member(&cursor, &key, &value))
	{
		char	   *party = jb_get_text(value_object(&value), "owner");
		int			parts = 0;

		if (party != NULL)
			parts = covered_parts(asset_key_parts(jb_text(&key)), path);
		if (parts <= best)
			continue;
		best = parts;
		owner->party = party;
		owner->state = "accepted";
		owner->via = "attribute";
	}
	return best > 0;
}

/* Is a party unable to answer: retired, or, today, without its role? */
static bool
is_unavailable(const JsonbContainer *party, const char *name, bool now)
{
	JsonbValue	role;

	return jb_get_bool(party, "retired", false) ||
		(now && jb_get(party, "role", &role) &&
		 !OidIsValid(catalog_party_role(name)));
}

/* Let fallbacks step in for an owner who cannot answer. */
static void
follow_fallbacks(const JsonbContainer *doc, bool now, AssetOwner *owner)
{
	const JsonbContainer *parties = jb_get_object(doc, "parties");

	for (int i = 0; i < FALLBACK_DEPTH; i++)
	{
		const JsonbContainer *party = jb_get_object(parties, owner->party);
		char	   *fallback = jb_get_text(party, "fallback");

		if (fallback == NULL || !is_unavailable(party, owner->party, now))
			return;
		owner->party = fallback;
		owner->via = "fallback";
	}
}

/*
 * The owner of an asset in a document.  *exists tells whether its context and
 * dataset are there: attributes need not be listed.
 */
static bool
owner_in_document(const JsonbContainer *doc, List *parts, bool now,
				  AssetOwner *owner, bool *exists)
{
	const JsonbContainer *context =
		jb_get_object(jb_get_object(doc, "contexts"), linitial(parts));
	const JsonbContainer *dataset = NULL;
	bool		owned;

	if (context != NULL && list_length(parts) > 1)
		dataset =
			jb_get_object(jb_get_object(context, "datasets"), lsecond(parts));
	*exists = list_length(parts) > 1 ? dataset != NULL : context != NULL;
	if (!*exists)
		return false;

	owner->via = "context";
	if (list_length(parts) == 1)
		owned = owner_of_level(context, owner);
	else
		owned =
			(list_length(parts) > 2 &&
			 owner_of_attribute(dataset, list_copy_tail(parts, 2), owner)) ||
			owner_of_dataset(context, dataset, owner);
	if (owned)
		follow_fallbacks(doc, now, owner);
	return owned;
}

/* ---- spine.owner_of ---- */

/* What owner_of returns. */
typedef struct OwnerAnswer
{
	bool		exists;
	bool		owned;
	AssetOwner	owner;
	TimestampTz since; /* when this owner began */
	int64		rev;   /* and with which revision */
} OwnerAnswer;

/* The same owner, in the same way? */
static bool
same_owner(const AssetOwner *a, const AssetOwner *b)
{
	return strcmp(a->party, b->party) == 0 &&
		strcmp(a->state, b->state) == 0 && strcmp(a->via, b->via) == 0;
}

/*
 * Take one revision, walking back from the newest that counts.  False if the
 * owner had not begun yet, which ends the walk.
 */
static bool
take_revision(OwnerAnswer *answer, const Jsonb *document, List *parts,
			  bool newest, bool first)
{
	AssetOwner	owner = {0};
	bool		exists;
	bool		owned =
		owner_in_document(&document->root, parts, newest, &owner, &exists);

	if (first)
	{
		answer->exists = exists;
		answer->owned = owned;
		answer->owner = owner;
		return owned;
	}
	return owned && same_owner(&owner, &answer->owner);
}

/*
 * Look for the owner at a time, and walk back to where it began.  Whether a
 * role is there is asked of today alone, so a fallback that steps in for a
 * dropped role stands since the newest revision.
 */
static void
find_owner(List *parts, TimestampTz at, OwnerAnswer *answer)
{
	Relation	rel =
		table_open(spine_table_oid_strict("revision"), AccessShareLock);
	Relation	index =
		index_open(spine_table_oid_strict("revision_pkey"), AccessShareLock);
	SysScanDesc scan = systable_beginscan_ordered(rel, index, NULL, 0, NULL);
	MemoryContext work =
		AllocSetContextCreate(CurrentMemoryContext, "spine owner",
							  ALLOCSET_DEFAULT_SIZES);
	bool		newest = true;
	bool		first = true;
	HeapTuple	row;

	while ((row = systable_getnext_ordered(scan, BackwardScanDirection)) !=
		   NULL)
	{
		bool		isnull;
		TimestampTz from =
			DatumGetTimestampTz(heap_getattr(row, Anum_revision_at,
											 RelationGetDescr(rel), &isnull));
		MemoryContext old;
		bool		going;

		CHECK_FOR_INTERRUPTS();
		if (first && from > at)
		{
			newest = false;
			continue;
		}
		old = first ? CurrentMemoryContext : MemoryContextSwitchTo(work);
		going =
			take_revision(answer,
						  DatumGetJsonbP(
							  heap_getattr(row, Anum_revision_document,
										   RelationGetDescr(rel), &isnull)),
						  parts, newest, first);
		MemoryContextSwitchTo(old);
		MemoryContextReset(work);
		if (!going)
			break;
		first = false;
		newest = false;
		answer->since = from;
		answer->rev =
			DatumGetInt64(heap_getattr(row, Anum_revision_rev,
									   RelationGetDescr(rel), &isnull));
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	MemoryContextDelete(work);
}

/* spine.owner_of(asset, at): see docs/catalog.md. */
Datum
spine_owner_of(PG_FUNCTION_ARGS)
{
	char	   *asset = text_to_cstring(PG_GETARG_TEXT_PP(0));
	List	   *parts = asset_key_parts(asset);
	OwnerAnswer answer = {0};
	bool		nulls[6] = {false};
	Datum		values[6] = {0};
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		/* cannot happen */
		elog(ERROR, "return type must be a row type");
	if (parts != NIL)
		find_owner(parts, PG_GETARG_TIMESTAMPTZ(1), &answer);
	if (!answer.exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("asset \"%s\" is not in the document", asset),
				 errhint("An asset is a context, context.dataset or "
						 "context.dataset.attribute.")));

	memset(nulls, !answer.owned, sizeof(nulls));
	if (answer.owned)
	{
		values[0] = CStringGetTextDatum(answer.owner.party);
		values[2] = CStringGetTextDatum(answer.owner.via);
		values[3] = CStringGetTextDatum(answer.owner.state);
		values[4] = TimestampTzGetDatum(answer.since);
		values[5] = Int64GetDatum(answer.rev);
	}
	if (answer.owned)
	{
		Oid			role = catalog_party_role(answer.owner.party);

		nulls[1] = !OidIsValid(role);
		if (!nulls[1])
			values[1] = CStringGetTextDatum(GetUserNameFromId(role, false));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---- signals ---- */

void
catalog_register_signal(CatalogSignalHook hook)
{
	signal_hook = hook;
}

/* Tell of an asset whose level says something else about its owner. */
static void
signal_level(const char *asset, const JsonbContainer *before,
			 const JsonbContainer *after, int64 rev)
{
	static const char *const members[] = {"owner", "owner_state",
										  "interim_owner"};
	char	   *state = jb_get_text(after, "owner_state");
	JsonbParseState *payload = NULL;
	bool		differs = false;
	JsonbValue	number;

	(void) pushJsonbValue(&payload, WJB_BEGIN_OBJECT, NULL);
	for (size_t i = 0; i < lengthof(members); i++)
	{
		char	   *was = jb_get_text(before, members[i]);
		char	   *now = jb_get_text(after, members[i]);

		differs |= (was == NULL) != (now == NULL) ||
			(was != NULL && strcmp(was, now) != 0);
		if (now != NULL)
			jb_push_text(&payload, members[i], now);
		if (was != NULL)
			jb_push_text(&payload, psprintf("old_%s", members[i]), was);
	}
	if (!differs)
		return;
	number.type = jbvNumeric;
	number.val.numeric = int64_to_numeric(rev);
	jb_push_value(&payload, "rev", &number);
	signal_hook(state != NULL && strcmp(state, "proposed") == 0 ?
					"OwnershipProposed" :
					state != NULL && strcmp(state, "declined") == 0 ?
					"OwnershipDeclined" :
					"OwnershipDefined",
				asset,
				JsonbValueToJsonb(
					pushJsonbValue(&payload, WJB_END_OBJECT, NULL)));
}

void
owner_signals(const Jsonb *before, const Jsonb *after, int64 rev)
{
	Pairs		contexts;
	Pairs		datasets;

	if (signal_hook == NULL)
		return;
	pairs_begin(&contexts, jb_get_object(&before->root, "contexts"),
				jb_get_object(&after->root, "contexts"));
	while (pairs_next(&contexts))
	{
		char	   *context = jb_text(&contexts.key);

		if (contexts.before == NULL || contexts.after == NULL ||
			jb_same(contexts.before, contexts.after))
			continue;
		signal_level(asset_key(context, NULL, NULL),
					 value_object(contexts.before),
					 value_object(contexts.after), rev);
		pairs_begin(&datasets,
					jb_get_object(value_object(contexts.before), "datasets"),
					jb_get_object(value_object(contexts.after), "datasets"));
		while (pairs_next(&datasets))
			if (datasets.before != NULL && datasets.after != NULL &&
				!jb_same(datasets.before, datasets.after))
				signal_level(asset_key(context, jb_text(&datasets.key), NULL),
							 value_object(datasets.before),
							 value_object(datasets.after), rev);
	}
}
