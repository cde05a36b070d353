/*-------------------------------------------------------------------------
 *
 * read_rules.c
 *		The Read column as lists of parties, and spine.may_read(), which
 *		judges rows by it.
 *
 * What a dataset's rules say is compiled once per backend into sets of roles,
 * and what one user may read once per user into a bit per state.  A query
 * keeps a pointer to both in fn_extra; judging a row is then a comparison of
 * the state's name with a few others.
 *
 * Compiled rules die by relcache invalidation of the dataset's table, which
 * spine.project() announces with each change of a rule or of a party's role,
 * and when the day passes that they were compiled on, since a consumer's
 * access may end.  Dead ones are freed when the transaction ends; generation
 * grows first, so that no fn_extra follows its pointer any more.
 *
 * Whatever cannot be compiled raises: a missing projection shows no row.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/rights.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "ownership/read_rules.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(spine_may_read);

/* ---- lists of parties ---- */

/* Is a text one of a list? */
static bool
listed(const List *texts, const char *text)
{
	ListCell   *lc;

	foreach (lc, texts)
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	return false;
}

/* Add a party unless it is there or NULL. */
static List *
add_party(List *parties, const char *party)
{
	if (party == NULL || listed(parties, party))
		return parties;
	return lappend(parties, unconstify(char *, party));
}

static List *
add_parties(List *parties, const List *more)
{
	ListCell   *lc;

	foreach (lc, more)
		parties = add_party(parties, lfirst(lc));
	return parties;
}

/* The states' own members in the document. */
static const JsonbContainer *
states_member(const SpecDataset *spec)
{
	return jb_get_object(jb_get_object(spec->definition, "lifecycle"),
						 "states");
}

/* Whoever does something with rows of a state reads them. */
static List *
acting_parties(const SpecDataset *spec, const SpecState *state)
{
	List	   *parties = add_party(NIL, spec->standing);
	ListCell   *lc;

	parties = add_party(parties, state->owner);
	if (state->initial)
		parties = add_parties(parties, state->insert);
	parties = add_parties(parties, state->remove);
	parties = add_parties(parties, state->transition);
	foreach (lc, state->write)
		parties = add_parties(parties, ((SpecWrite *) lfirst(lc))->parties);
	foreach (lc, spec->lifecycle->transitions)
	{
		const SpecTransition *edge = lfirst(lc);

		if (strcmp(edge->from, state->name) == 0)
			parties = add_parties(parties, edge->by);
	}
	return parties;
}

List *
read_states(const SpecDataset *spec)
{
	const JsonbContainer *members = states_member(spec);
	List	   *states = NIL;
	ListCell   *lc;

	if (spec->lifecycle == NULL)
		return NIL;
	foreach (lc, spec->lifecycle->states)
	{
		const SpecState *state = lfirst(lc);
		const JsonbContainer *member = jb_get_object(members, state->name);
		ReadState  *read = palloc0(sizeof(ReadState));
		JsonbValue	value;

		read->name = state->name;
		read->open = !jb_get(member, "read", &value);
		read->parties = add_parties(acting_parties(spec, state),
									jb_get_texts(member, "read"));
		states = lappend(states, read);
	}
	return states;
}

bool
read_is_restricted(const List *states)
{
	ListCell   *lc;

	foreach (lc, states)
		if (!((ReadState *) lfirst(lc))->open)
			return true;
	return false;
}

ReadReach
read_reach(const List *states, const char *party)
{
	int			read = 0;
	ListCell   *lc;

	foreach (lc, states)
	{
		const ReadState *state = lfirst(lc);

		if (state->open || listed(state->parties, party))
			read++;
	}
	if (read == list_length(states))
		return READS_ALL;
	return read > 0 ? READS_SOME : READS_NOTHING;
}

List *
read_named_parties(const SpecDataset *spec)
{
	const JsonbContainer *members = states_member(spec);
	List	   *parties = NIL;
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	state;

	if (members == NULL)
		return NIL;
	jb_walk(&cursor, members);
	while (jb_next_member(&cursor, &name, &state))
		if (jb_is_object(&state))
			parties = add_parties(parties,
								  jb_get_texts(state.val.binary.data, "read"));
	return parties;
}

bool
read_speaks_of_table(const SpecDataset *spec, const JsonbContainer *entry,
					 const char *member)
{
	char	   *store = jb_get_text(entry, member);
	char *ours = jb_get_text(jb_get_object(spec->definition, "sot"), "store");

	return store == NULL || ours == NULL || strcmp(store, ours) == 0;
}

bool
read_expired(const JsonbContainer *consumer)
{
	char	   *until = jb_get_text(consumer, "until");

	return until != NULL &&
		DatumGetDateADT(DirectFunctionCall3(date_in, CStringGetDatum(until),
											ObjectIdGetDatum(InvalidOid),
											Int32GetDatum(-1))) <
		GetSQLCurrentDate();
}

const JsonbContainer *
read_consumer(const SpecDataset *spec, const char *party)
{
	return jb_get_object(jb_get_object(spec->definition, "consumers"), party);
}

/* The columns that a consumer's attributes are, or are paths below. */
static List *
attribute_columns(const JsonbContainer *entry)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach (lc, jb_get_texts(entry, "attributes"))
	{
		List	   *parts = asset_key_parts(lfirst(lc));

		if (parts != NIL)
			columns = add_party(columns, linitial(parts));
	}
	return columns;
}

List *
read_column_consumers(const SpecDataset *spec, bool past)
{
	const JsonbContainer *consumers =
		jb_get_object(spec->definition, "consumers");
	List	   *found = NIL;
	JbCursor	cursor;
	JsonbValue	party;
	JsonbValue	value;

	if (consumers == NULL)
		return NIL;
	jb_walk(&cursor, consumers);
	while (jb_next_member(&cursor, &party, &value))
	{
		const JsonbContainer *entry =
			jb_is_object(&value) ? value.val.binary.data : NULL;
		ReadColumns *columns;

		if (jb_get_texts(entry, "attributes") == NIL ||
			!read_speaks_of_table(spec, entry, "reads") ||
			(!past && read_expired(entry)))
			continue;
		columns = palloc(sizeof(ReadColumns));
		columns->party = jb_text(&party);
		columns->columns = attribute_columns(entry);
		found = lappend(found, columns);
	}
	return found;
}

/* Consumers of the table that list no attributes, while they have access. */
static List *
whole_consumers(const SpecDataset *spec)
{
	const JsonbContainer *consumers =
		jb_get_object(spec->definition, "consumers");
	List	   *parties = NIL;
	JbCursor	cursor;
	JsonbValue	party;
	JsonbValue	value;

	if (consumers == NULL)
		return NIL;
	jb_walk(&cursor, consumers);
	while (jb_next_member(&cursor, &party, &value))
	{
		const JsonbContainer *entry =
			jb_is_object(&value) ? value.val.binary.data : NULL;

		if (jb_get_texts(entry, "attributes") == NIL &&
			read_speaks_of_table(spec, entry, "reads") && !read_expired(entry))
			parties = add_party(parties, jb_text(&party));
	}
	return parties;
}

/* A consumer that lists attributes reads no more for being named in "read". */
List *
read_whole_parties(const SpecDataset *spec)
{
	List	   *parties = spec_dataset_parties(spec);
	ListCell   *lc;

	foreach (lc, read_named_parties(spec))
		if (jb_get_texts(read_consumer(spec, lfirst(lc)), "attributes") == NIL)
			parties = add_party(parties, lfirst(lc));
	return add_parties(parties, whole_consumers(spec));
}

bool
read_column_is_closed(const List *columns, const char *column)
{
	ListCell   *lc;

	foreach (lc, columns)
		if (!listed(((ReadColumns *) lfirst(lc))->columns, column))
			return true;
	return false;
}

/* ---- compiled rules ---- */

/* A state, or a consumer of some columns, in terms of roles. */
typedef struct RuleState
{
	const char *name;
	int			len;
	bool		open;
	List	   *roles; /* of Oid */
} RuleState;

typedef struct RuleColumns
{
	Oid			role;
	List	   *columns; /* of char * */
} RuleColumns;

/* What one user may read, worked out once. */
typedef struct ReadUser
{
	Oid			userid; /* hash key */
	uint64		role_generation; /* of the memberships that were looked at */
	bool	   *rows;	 /* per state, and behind them of no known state */
	bool		whole;	 /* reads all columns */
	List	   *columns; /* of char *: else these of the closed ones */
} ReadUser;

typedef struct ReadRules
{
	const char *dataset; /* key of the cache */
	int			dataset_len;
	Oid			relid;	 /* the dataset's table */
	bool		valid;	 /* cleared by invalidation, never set again */
	MemoryContext mcxt;	 /* owns all of it */
	DateADT		day;	 /* that it was compiled on */
	int			nstates;
	RuleState  *states;
	List	   *owner;	 /* of Oid: the dataset's owner */
	bool		by_column; /* does any consumer list attributes? */
	List	   *whole;	 /* of Oid: readers of whole rows */
	List	   *consumers; /* of RuleColumns */
	HTAB	   *users;	 /* ReadUser by userid */
} ReadRules;

/* One call site of a running query. */
typedef struct MayReadCall
{
	uint64		generation; /* when rules was looked up */
	ReadRules  *rules;
	ReadUser   *user;
	uint64		role_generation; /* of user */
	char	   *attribute;		/* the last one asked for, or NULL */
	int			attribute_len;
	bool		shown;			/* may user read it? */
} MayReadCall;

static List *cache = NIL; /* of ReadRules, valid and dead ones */
static uint64 generation = 1;  /* grows when rules die or are freed */
static uint64 announced = 1;   /* grows with every invalidation heard */

/* Relcache callback: one table, or all of them if relid is invalid. */
static void
rules_invalidate(Datum arg, Oid relid)
{
	ListCell   *lc;

	announced++;
	foreach (lc, cache)
	{
		ReadRules  *rules = lfirst(lc);

		if (rules->valid && (!OidIsValid(relid) || rules->relid == relid))
		{
			rules->valid = false;
			generation++;
		}
	}
}

/* Free what died, once no query can hold it any more. */
static void
rules_transaction_end(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	foreach (lc, cache)
	{
		ReadRules  *rules = lfirst(lc);

		if (rules->valid)
			continue;
		generation++;
		cache = foreach_delete_current(cache, lc);
		MemoryContextDelete(rules->mcxt);
	}
}

/* The roles of parties; those without one are left out. */
static List *
party_roles(const List *parties)
{
	List	   *roles = NIL;
	ListCell   *lc;

	foreach (lc, parties)
	{
		Oid			role = catalog_party_role(lfirst(lc));

		if (OidIsValid(role))
			roles = list_append_unique_oid(roles, role);
	}
	return roles;
}

/* Compile the rows' rules. */
static void
compile_states(ReadRules *rules, const SpecDataset *spec)
{
	List	   *states = read_states(spec);
	ListCell   *lc;
	int			i = 0;

	rules->nstates = list_length(states);
	rules->states = palloc0(sizeof(RuleState) * (rules->nstates + 1));
	foreach (lc, states)
	{
		const ReadState *from = lfirst(lc);
		RuleState  *state = &rules->states[i++];

		state->name = pstrdup(from->name);
		state->len = strlen(from->name);
		state->open = from->open;
		state->roles = party_roles(from->parties);
	}
	if (spec->standing != NULL)
		rules->owner =
			party_roles(list_make1(unconstify(char *, spec->standing)));
}

/* Compile the columns' rules. */
static void
compile_columns(ReadRules *rules, const SpecDataset *spec)
{
	ListCell   *lc;

	rules->by_column = read_column_consumers(spec, true) != NIL;
	rules->whole = party_roles(read_whole_parties(spec));
	foreach (lc, read_column_consumers(spec, false))
	{
		const ReadColumns *from = lfirst(lc);
		RuleColumns *columns = palloc(sizeof(RuleColumns));

		columns->role = catalog_party_role(from->party);
		columns->columns = from->columns;
		rules->consumers = lappend(rules->consumers, columns);
	}
}

/* Raise that rows cannot be judged. */
static void
refuse_rules(const char *dataset, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("reads of dataset \"%s\" cannot be judged", dataset),
			 errdetail("%s", detail),
			 errhint("Apply a document that has the dataset, or drop the "
					 "view that asks for it.")));
}

/* Compile a dataset's rules into the current memory context. */
static ReadRules *
rules_compile(const char *key)
{
	CatalogDataset *dataset = catalog_dataset(key);
	ReadRules  *rules = palloc0(sizeof(ReadRules));
	HASHCTL		ctl = {0};

	if (dataset == NULL)
		refuse_rules(key, "The catalog does not have this dataset.");
	rules->relid = OidIsValid(dataset->relid) ?
		dataset->relid :
		spec_relation_oid(dataset->spec->relation);
	if (!OidIsValid(rules->relid))
		refuse_rules(key, "Its table is not in this database.");

	rules->dataset = pstrdup(key);
	rules->dataset_len = strlen(key);
	rules->mcxt = CurrentMemoryContext;
	rules->day = GetSQLCurrentDate();
	compile_states(rules, dataset->spec);
	compile_columns(rules, dataset->spec);

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(ReadUser);
	ctl.hcxt = CurrentMemoryContext;
	rules->users = hash_create("spine readers", 16, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return rules;
}

/* Compile into a context of its own, which stays only if that succeeds. */
static ReadRules *
rules_build(const char *key)
{
	MemoryContext mcxt =
		AllocSetContextCreate(CurrentMemoryContext, "spine read rules",
							  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(mcxt);
	ReadRules  *rules = rules_compile(key);

	MemoryContextSwitchTo(TopMemoryContext);
	cache = lappend(cache, rules);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(mcxt, TopMemoryContext);
	return rules;
}

/* The valid rules of a dataset, compiled on a miss. */
static ReadRules *
rules_lookup(const char *key)
{
	DateADT		today = GetSQLCurrentDate();
	ListCell   *lc;

	foreach (lc, cache)
	{
		ReadRules  *rules = lfirst(lc);

		if (!rules->valid || strcmp(rules->dataset, key) != 0)
			continue;
		if (rules->day == today)
			return rules;
		rules->valid = false;
		generation++;
	}

	for (;;)
	{
		uint64		before = announced;
		ReadRules  *rules = rules_build(key);

		/* An invalidation may have arrived while we read; then read again. */
		rules->valid = (before == announced);
		if (rules->valid)
			return rules;
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- one user ---- */

static bool
acts_for_any(Oid userid, const List *roles)
{
	ListCell   *lc;

	foreach (lc, roles)
		if (acts_for(userid, lfirst_oid(lc)))
			return true;
	return false;
}

static void
user_work_out(const ReadRules *rules, ReadUser *user)
{
	ListCell   *lc;

	user->rows = palloc0(sizeof(bool) * (rules->nstates + 1));
	for (int i = 0; i < rules->nstates; i++)
		user->rows[i] = rules->states[i].open ||
			acts_for_any(user->userid, rules->states[i].roles);
	user->rows[rules->nstates] =
		rules->nstates == 0 || acts_for_any(user->userid, rules->owner);

	user->whole = acts_for_any(user->userid, rules->whole);
	user->columns = NIL;
	if (user->whole)
		return;
	foreach (lc, rules->consumers)
	{
		const RuleColumns *consumer = lfirst(lc);

		if (acts_for(user->userid, consumer->role))
			user->columns = add_parties(user->columns, consumer->columns);
	}
}

static ReadUser *
rules_user(ReadRules *rules, Oid userid)
{
	uint64		now = role_generation();
	bool		found;
	ReadUser   *user = hash_search(rules->users, &userid, HASH_ENTER, &found);

	if (!found)
		user->role_generation = 0;
	if (user->role_generation != now)
	{
		MemoryContext old = MemoryContextSwitchTo(rules->mcxt);

		user_work_out(rules, user);
		user->role_generation = now;
		MemoryContextSwitchTo(old);
	}
	return user;
}

/* ---- spine.may_read ---- */

static bool
text_is(const text *value, const char *other, int len)
{
	return (int) VARSIZE_ANY_EXHDR(value) == len &&
		memcmp(VARDATA_ANY(value), other, len) == 0;
}

/* What the call site knows, brought up to date for a dataset and a user. */
static pg_noinline void
call_look_up(MayReadCall *call, const text *dataset)
{
	call->rules = NULL;
	call->rules = rules_lookup(text_to_cstring(dataset));
	call->generation = generation;
	call->user = rules_user(call->rules, GetUserId());
	call->role_generation = call->user->role_generation;
	call->attribute_len = -1;
}

/* Is what the call site knows still true? */
static inline bool
call_holds(const MayReadCall *call, const text *dataset)
{
	return call->rules != NULL && call->generation == generation &&
		call->user->userid == GetUserId() &&
		call->role_generation == role_generation() &&
		text_is(dataset, call->rules->dataset, call->rules->dataset_len);
}

static inline bool
may_read_row(const MayReadCall *call, const text *state)
{
	const ReadRules *rules = call->rules;

	if (state != NULL)
		for (int i = 0; i < rules->nstates; i++)
			if (text_is(state, rules->states[i].name, rules->states[i].len))
				return call->user->rows[i];
	return call->user->rows[rules->nstates];
}

/* Remember the answer for an attribute at this call site. */
static pg_noinline void
call_ask_attribute(MayReadCall *call, const text *attribute,
				   MemoryContext mcxt)
{
	char	   *name = text_to_cstring(attribute);

	call->attribute_len = -1;
	if (call->attribute != NULL)
		pfree(call->attribute);
	call->attribute = NULL;
	call->attribute = MemoryContextStrdup(mcxt, name);
	call->shown = !call->rules->by_column || call->user->whole ||
		listed(call->user->columns, name);
	call->attribute_len = strlen(name);
}

/*
 * spine.may_read(dataset, state, attribute): may the current user read rows
 * of this state, and this attribute of them?
 */
Datum
spine_may_read(PG_FUNCTION_ARGS)
{
	MayReadCall *call = fcinfo->flinfo->fn_extra;
	const text *dataset;
	const text *state = NULL;
	const text *attribute;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	dataset = PG_GETARG_TEXT_PP(0);
	if (!PG_ARGISNULL(1))
		state = PG_GETARG_TEXT_PP(1);

	if (unlikely(call == NULL))
	{
		call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									  sizeof(MayReadCall));
		fcinfo->flinfo->fn_extra = call;
	}
	if (unlikely(!call_holds(call, dataset)))
		call_look_up(call, dataset);
	if (!may_read_row(call, state))
		PG_RETURN_BOOL(false);
	if (PG_ARGISNULL(2))
		PG_RETURN_BOOL(true);

	attribute = PG_GETARG_TEXT_PP(2);
	if (unlikely(call->attribute_len < 0 ||
				 !text_is(attribute, call->attribute, call->attribute_len)))
		call_ask_attribute(call, attribute, fcinfo->flinfo->fn_mcxt);
	PG_RETURN_BOOL(call->shown);
}

void
read_rules_init(void)
{
	CacheRegisterRelcacheCallback(rules_invalidate, (Datum) 0);
	RegisterXactCallback(rules_transaction_end, NULL);
}
