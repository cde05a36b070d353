/*-------------------------------------------------------------------------
 *
 * risk.c
 *		What a change may do to those who work today: safe, review, breaking.
 *
 * Narrowing anyone's rights is breaking, widening them asks for review, text
 * is safe.  A member without a rule of its own asks for review, so a rule
 * that is forgotten here errs on the cautious side.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"

/* The risk of changing one member of an entity. */
typedef struct MemberRisk
{
	const char *member;
	Risk		risk;
} MemberRisk;

/* Members that only people read, wherever they stand. */
static const char *const prose[] = {"description", "meaning", "entry",
									"contact",	   "runbook", "review_on",
									"rationale",   NULL};

const char *
risk_name(Risk risk)
{
	switch (risk)
	{
		case RISK_SAFE:
			return "safe";
		case RISK_REVIEW:
			return "review";
		case RISK_BREAKING:
			break;
	}
	return "breaking";
}

static Risk
worse(Risk a, Risk b)
{
	return a > b ? a : b;
}

/* ---- members ---- */

/* Is the key one of the words? */
static bool
is_one_of(const JsonbValue *key, const char *const *words)
{
	for (; *words != NULL; words++)
		if (key_is(key, *words))
			return true;
	return false;
}

/* The risk of changing one member, by the entity's table of rules. */
static Risk
member_risk(const JsonbValue *key, const MemberRisk *rules)
{
	for (; rules->member != NULL; rules++)
		if (key_is(key, rules->member))
			return rules->risk;
	return is_one_of(key, prose) ? RISK_SAFE : RISK_REVIEW;
}

/*
 * The worst risk among the members that differ.  Members that the caller
 * judges itself stand in its rules as safe.
 */
static Risk
members_risk(const JsonbValue *before, const JsonbValue *after,
			 const MemberRisk *rules)
{
	Risk		risk = RISK_SAFE;
	Pairs		pairs;

	pairs_begin(&pairs, value_object(before), value_object(after));
	while (pairs_next(&pairs))
		if (!values_equal(pairs.before, pairs.after))
			risk = worse(risk, member_risk(&pairs.key, rules));
	return risk;
}

/* ---- parties ---- */

static bool
names(const List *parties, const char *party)
{
	ListCell   *lc;

	foreach (lc, parties)
		if (strcmp(lfirst(lc), party) == 0)
			return true;
	return false;
}

/* Does the first list name a party that the second does not? */
static bool
names_more(const List *parties, const List *than)
{
	ListCell   *lc;

	foreach (lc, parties)
		if (!names(than, lfirst(lc)))
			return true;
	return false;
}

/* The risk of other people having a right than before. */
static Risk
parties_risk(const List *before, const List *after)
{
	if (names_more(before, after))
		return RISK_BREAKING;
	return names_more(after, before) ? RISK_REVIEW : RISK_SAFE;
}

/* ---- writers of a state ---- */

/* Who may write something: everybody with the table privilege, or some. */
typedef struct Writers
{
	bool		open;
	List	   *parties;
} Writers;

/* Is the rule's path the given one or above it? */
static bool
covers(const List *rule, const List *path)
{
	ListCell   *a;
	ListCell   *b;

	if (list_length(rule) > list_length(path))
		return false;
	forboth (a, rule, b, path)
		if (strcmp(lfirst(a), lfirst(b)) != 0)
			return false;
	return true;
}

/* The writers of a path (NIL: of what no rule names) in a state. */
static Writers
writers_of(const SpecState *state, const List *path)
{
	Writers		writers = {!state->locked, NIL};
	int			best = -1;
	ListCell   *lc;

	foreach (lc, state->write)
	{
		const SpecWrite *rule = lfirst(lc);

		if (list_length(rule->path) > best && covers(rule->path, path))
		{
			best = list_length(rule->path);
			writers.open = false;
			writers.parties = rule->parties;
		}
	}
	return writers;
}

/* The risk that other people may write one path than before. */
static Risk
path_risk(const SpecState *before, const SpecState *after, const List *path)
{
	Writers		had = writers_of(before, path);
	Writers		have = writers_of(after, path);

	if (had.open || have.open)
	{
		if (had.open && have.open)
			return RISK_SAFE;
		return had.open ? RISK_BREAKING : RISK_REVIEW;
	}
	return parties_risk(had.parties, have.parties);
}

/* The risk of the change in who may write what. */
static Risk
writes_risk(const SpecState *before, const SpecState *after)
{
	Risk		risk = path_risk(before, after, NIL);
	ListCell   *lc;

	foreach (lc, before->write)
		risk =
			worse(risk,
				  path_risk(before, after, ((SpecWrite *) lfirst(lc))->path));
	foreach (lc, after->write)
		risk =
			worse(risk,
				  path_risk(before, after, ((SpecWrite *) lfirst(lc))->path));
	return risk;
}

/* Those who may insert in a state: nobody unless it is initial. */
static List *
inserters(const SpecState *state)
{
	return state->initial ? state->insert : NIL;
}

/* ---- rules of the kinds ---- */

/* Entries whose room comes later, terms and stores. */
Risk
risk_of_entry(const JsonbValue *name, const JsonbValue *before,
			  const JsonbValue *after)
{
	static const MemberRisk rules[] = {{NULL, RISK_SAFE}};

	if (before == NULL)
		return RISK_SAFE;
	if (after == NULL || !jb_is_object(before) || !jb_is_object(after))
		return RISK_REVIEW;
	return members_risk(before, after, rules);
}

Risk
risk_of_party(const JsonbValue *name, const JsonbValue *before,
			  const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"role", RISK_BREAKING},
		{NULL, RISK_SAFE},
	};

	if (before == NULL)
		return RISK_SAFE;
	if (after == NULL)
		return RISK_BREAKING;
	return members_risk(before, after, rules);
}

/* Its owner is the owner of each dataset that names none. */
Risk
risk_of_context(const JsonbValue *name, const JsonbValue *before,
				const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"datasets", RISK_SAFE},
		{"owner", RISK_BREAKING},
		{NULL, RISK_SAFE},
	};

	if (before == NULL)
		return RISK_SAFE;
	if (after == NULL)
		return RISK_REVIEW;
	return members_risk(before, after, rules);
}

/* What a dataset asks for; "enforce" where it does not say. */
static const char *
enforcement(const JsonbValue *dataset)
{
	char	   *text = jb_get_text(value_object(dataset), "enforcement");

	return text != NULL ? text : "enforce";
}

/* Is this dataset one whose table refuses what its rules do not allow? */
static bool
enforces(const JsonbValue *dataset)
{
	return jb_get_text(value_object(dataset), "relation") != NULL &&
		strcmp(enforcement(dataset), "enforce") == 0;
}

/* The risk of starting or ending to refuse. */
static Risk
enforcement_risk(const JsonbValue *before, const JsonbValue *after)
{
	if (strcmp(enforcement(before), enforcement(after)) == 0)
		return RISK_SAFE;
	return enforces(before) != enforces(after) ? RISK_BREAKING : RISK_REVIEW;
}

/* The names in the member "producers", a map or an array. */
static List *
producers(const JsonbValue *dataset)
{
	const JsonbContainer *map =
		jb_get_object(value_object(dataset), "producers");
	Pairs		pairs;
	List	   *parties = NIL;

	if (map == NULL)
		return jb_get_texts(value_object(dataset), "producers");
	pairs_begin(&pairs, map, NULL);
	while (pairs_next(&pairs))
		parties = lappend(parties, jb_text(&pairs.key));
	return parties;
}

/*
 * A dataset's own members.  A new one on a table refuses from then on what
 * its rules do not name.
 */
Risk
risk_of_dataset(const JsonbValue *name, const JsonbValue *before,
				const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"relation", RISK_BREAKING},  {"owner", RISK_BREAKING},
		{"enforcement", RISK_SAFE},	  {"producers", RISK_SAFE},
		{"attributes", RISK_SAFE},	  {"replicas", RISK_SAFE},
		{"caches", RISK_SAFE},		  {"snapshots", RISK_SAFE},
		{"derived", RISK_SAFE},		  {"lifecycle", RISK_SAFE},
		{"consumers", RISK_SAFE},	  {"read_view", RISK_BREAKING},
		{NULL, RISK_SAFE},
	};

	if (before == NULL)
		return enforces(after) ? RISK_BREAKING : RISK_SAFE;
	if (after == NULL)
		return RISK_BREAKING;
	return worse(members_risk(before, after, rules),
				 worse(enforcement_risk(before, after),
					   parties_risk(producers(before), producers(after))));
}

Risk
risk_of_attribute(const JsonbValue *name, const JsonbValue *before,
				  const JsonbValue *after)
{
	JsonbValue	had;
	JsonbValue	has;
	bool		had_rule = jb_get(value_object(before), "forbid", &had);
	bool		has_rule = jb_get(value_object(after), "forbid", &has);

	/* Another rule refuses what was written, or ends a protection. */
	if (after == NULL ||
		!values_equal(had_rule ? &had : NULL, has_rule ? &has : NULL))
		return RISK_BREAKING;
	return risk_of_entry(name, before, after);
}

/* Another version makes clients write otherwise; the rest of contention says
 * what becomes of writes that are denied. */
static Risk
contention_risk(const JsonbValue *before, const JsonbValue *after)
{
	const JsonbContainer *had =
		jb_get_object(value_object(before), "contention");
	const JsonbContainer *has =
		jb_get_object(value_object(after), "contention");
	JsonbValue	had_version;
	JsonbValue	has_version;
	bool		in_had = jb_get(had, "version", &had_version);
	bool		in_has = jb_get(has, "version", &has_version);

	if (!values_equal(in_had ? &had_version : NULL,
					  in_has ? &has_version : NULL))
		return RISK_BREAKING;
	if ((had == NULL) != (has == NULL))
		return RISK_REVIEW;
	return had == NULL ||
			compareJsonbContainers(unconstify(JsonbContainer *, had),
								   unconstify(JsonbContainer *, has)) == 0 ?
		RISK_SAFE :
		RISK_REVIEW;
}

/* The scalar members of a lifecycle. */
Risk
risk_of_lifecycle(const JsonbValue *name, const JsonbValue *before,
				  const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"states", RISK_SAFE},
		{"transitions", RISK_SAFE},
		{"invariants", RISK_SAFE},
		{"children", RISK_SAFE},
		{"governing", RISK_BREAKING},
		{"entered_at", RISK_BREAKING},
		{"contention", RISK_SAFE},
		{"alerts", RISK_SAFE},
		{NULL, RISK_SAFE},
	};

	if (before == NULL || after == NULL)
		return RISK_BREAKING;
	return worse(members_risk(before, after, rules),
				 contention_risk(before, after));
}

/* The risk of other people reading rows of a state: without a list, all do. */
static Risk
readers_risk(const JsonbValue *before, const JsonbValue *after)
{
	JsonbValue	had;
	JsonbValue	has;
	bool		had_list = jb_get(value_object(before), "read", &had);
	bool		has_list = jb_get(value_object(after), "read", &has);

	if (!had_list || !has_list)
		return had_list == has_list ? RISK_SAFE :
			has_list				? RISK_BREAKING :
									  RISK_REVIEW;
	return parties_risk(jb_get_texts(value_object(before), "read"),
						jb_get_texts(value_object(after), "read"));
}

Risk
risk_of_state(const JsonbValue *name, const JsonbValue *before,
			  const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"write", RISK_SAFE},	{"locked", RISK_SAFE}, {"insert", RISK_SAFE},
		{"initial", RISK_SAFE}, {"delete", RISK_SAFE}, {"read", RISK_SAFE},
		{NULL, RISK_SAFE},
	};
	const SpecState *had;
	const SpecState *has;
	Risk		risk;

	if (before == NULL)
		return RISK_REVIEW;
	if (after == NULL)
		return RISK_BREAKING;

	had = spec_state_read(name, value_object(before));
	has = spec_state_read(name, value_object(after));
	risk = members_risk(before, after, rules);
	risk = worse(risk, writes_risk(had, has));
	risk = worse(risk, parties_risk(inserters(had), inserters(has)));
	risk = worse(risk, readers_risk(before, after));
	return worse(risk, parties_risk(had->remove, has->remove));
}

/* The risk of another guard: one more condition may refuse, one less not. */
static Risk
guard_risk(const JsonbValue *before, const JsonbValue *after)
{
	JsonbValue	had;
	JsonbValue	has;

	if (!jb_get(value_object(after), "guard", &has))
		return jb_get(value_object(before), "guard", &had) ? RISK_REVIEW :
															 RISK_SAFE;
	if (!jb_get(value_object(before), "guard", &had) ||
		!values_equal(&had, &has))
		return RISK_BREAKING;
	return RISK_SAFE;
}

Risk
risk_of_transition(const JsonbValue *name, const JsonbValue *before,
				   const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"by", RISK_SAFE},
		{"guard", RISK_SAFE},
		{"with_write", RISK_SAFE},
		{NULL, RISK_SAFE},
	};
	const JsonbContainer *had = value_object(before);
	const JsonbContainer *has = value_object(after);
	Risk		risk;

	if (before == NULL)
		return RISK_REVIEW;
	if (after == NULL)
		return RISK_BREAKING;

	risk = members_risk(before, after, rules);
	risk = worse(risk, guard_risk(before, after));
	risk =
		worse(risk,
			  parties_risk(jb_get_texts(had, "by"), jb_get_texts(has, "by")));
	return worse(risk,
				 parties_risk(jb_get_texts(had, "with_write"),
							  jb_get_texts(has, "with_write")));
}

/* Any other promise refuses other rows; no promise is less protection. */
Risk
risk_of_invariant(const JsonbValue *name, const JsonbValue *before,
				  const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"check", RISK_BREAKING},	 {"frozen", RISK_BREAKING},
		{"from", RISK_BREAKING},	 {"not_null", RISK_BREAKING},
		{"except_in", RISK_BREAKING}, {NULL, RISK_SAFE},
	};

	if (before == NULL || after == NULL)
		return RISK_BREAKING;
	return members_risk(before, after, rules);
}

/* The parties that may write a child table in one state of the parent. */
static List *
child_writers(const SpecChild *child, const char *state)
{
	ListCell   *lc;

	foreach (lc, child->write)
	{
		const SpecWrite *rule = lfirst(lc);

		if (strcmp(rule->name, state) == 0)
			return rule->parties;
	}
	return NIL;
}

/* The risk of a change in who may write the child in which state. */
static Risk
child_writes_risk(const SpecChild *before, const SpecChild *after)
{
	Risk		risk = RISK_SAFE;
	ListCell   *lc;

	foreach (lc, list_concat_copy(before->write, after->write))
	{
		const char *state = ((SpecWrite *) lfirst(lc))->name;

		risk = worse(risk,
					 parties_risk(child_writers(before, state),
								  child_writers(after, state)));
	}
	return risk;
}

Risk
risk_of_child(const JsonbValue *name, const JsonbValue *before,
			  const JsonbValue *after)
{
	static const MemberRisk rules[] = {
		{"relation", RISK_BREAKING},
		{"via", RISK_BREAKING},
		{"write", RISK_SAFE},
		{NULL, RISK_SAFE},
	};

	if (before == NULL || after == NULL)
		return RISK_BREAKING;
	return worse(members_risk(before, after, rules),
				 child_writes_risk(spec_child_read(name, value_object(before)),
								   spec_child_read(name,
												   value_object(after))));
}
