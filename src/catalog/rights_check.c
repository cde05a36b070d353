/*-------------------------------------------------------------------------
 *
 * rights_check.c
 *		Who may make which change of the document.
 *
 * Members of spine_admin never come here.  All others stand somewhere: as
 * owner, steward, delegate or nominee of what the accepted document says, as
 * owner of a table, as spine_steward.  Every member that differs is judged by
 * itself, always by the accepted document, so that no change can grant the
 * right to make it.
 *
 * Invariants: only the current owner hands over; what protects data (a
 * classification, a tag) is lowered only by the steward, and a steward who
 * stands is replaced only by itself; what binds a table (attachment,
 * expressions) needs the table's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/rights.h"
#include "catalog/owner.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* What an owner may leave to delegates, as bits. */
typedef enum Scope
{
	SCOPE_SCHEMA = 1 << 0,
	SCOPE_OPERATIONS = 1 << 1,
	SCOPE_CLASSIFICATION = 1 << 2,
	SCOPE_CONSISTENCY = 1 << 3,
	SCOPE_RETENTION = 1 << 4,
	SCOPE_ERASURE = 1 << 5,
	SCOPE_ACCESS = 1 << 6,
	SCOPE_RESIDENCY = 1 << 7,
	SCOPE_SOT = 1 << 8
} Scope;

static const struct
{
	const char *word;
	Scope		scope;
} scope_words[] = {{"schema_change", SCOPE_SCHEMA},
				   {"shape_evolution", SCOPE_SCHEMA},
				   {"operations", SCOPE_OPERATIONS},
				   {"classification", SCOPE_CLASSIFICATION},
				   {"consistency", SCOPE_CONSISTENCY},
				   {"retention", SCOPE_RETENTION},
				   {"erasure", SCOPE_ERASURE},
				   {"access", SCOPE_ACCESS},
				   {"residency", SCOPE_RESIDENCY},
				   {"sot_migration", SCOPE_SOT}};

/* When a change of a member binds the table. */
typedef enum Binding
{
	BINDS_NEVER,
	BINDS_ALWAYS,
	BINDS_BY_EXPRESSION, /* if expressions of its entries differ */
	BINDS_BY_STORE		 /* if it moves to another store */
} Binding;

/* Who may change a member, beside the owner. */
typedef struct MemberRule
{
	const char *member;
	int			scopes;	   /* delegates with one of these */
	bool		stewards;  /* the steward, and spine_steward */
	bool		ownership; /* who owns: the current owner only */
	Binding		binding;
} MemberRule;

static const MemberRule dataset_rules[] =
	{{"owner", 0, false, true, BINDS_NEVER},
	 {"owner_state", 0, false, true, BINDS_NEVER},
	 {"interim_owner", 0, false, true, BINDS_NEVER},
	 {"description", SCOPE_OPERATIONS, true, false, BINDS_NEVER},
	 {"links", SCOPE_OPERATIONS, true, false, BINDS_NEVER},
	 {"consumers", SCOPE_ACCESS, true, false, BINDS_NEVER},
	 {"producers", SCOPE_ACCESS, false, false, BINDS_NEVER},
	 {"subjects", SCOPE_SCHEMA, false, false, BINDS_NEVER},
	 {"contract", SCOPE_SCHEMA, false, false, BINDS_NEVER},
	 {"replicas", SCOPE_CONSISTENCY, false, false, BINDS_BY_EXPRESSION},
	 {"caches", SCOPE_CONSISTENCY, false, false, BINDS_BY_EXPRESSION},
	 {"snapshots", SCOPE_CONSISTENCY, false, false, BINDS_BY_EXPRESSION},
	 {"derived", SCOPE_CONSISTENCY, false, false, BINDS_BY_EXPRESSION},
	 {"retention", SCOPE_RETENTION, false, false, BINDS_BY_EXPRESSION},
	 {"sot", SCOPE_SOT, false, false, BINDS_BY_STORE},
	 {"relation", 0, false, false, BINDS_ALWAYS},
	 {"enforcement", 0, false, false, BINDS_ALWAYS},
	 {"audit", 0, false, false, BINDS_ALWAYS},
	 {"key", 0, false, false, BINDS_ALWAYS},
	 {"lifecycle", 0, false, false, BINDS_ALWAYS},
	 {"triggers", 0, false, false, BINDS_ALWAYS},
	 {"allow_fk_actions", 0, false, false, BINDS_ALWAYS},
	 {"on_apply", 0, false, false, BINDS_ALWAYS},
	 {"manage_grants", 0, false, false, BINDS_ALWAYS},
	 {"read_view", 0, false, false, BINDS_ALWAYS},
	 {"audit_reads", 0, false, false, BINDS_ALWAYS},
	 {NULL, 0, false, false, BINDS_NEVER}};

static const MemberRule context_rules[] =
	{{"owner", 0, false, true, BINDS_NEVER},
	 {"owner_state", 0, false, true, BINDS_NEVER},
	 {"interim_owner", 0, false, true, BINDS_NEVER},
	 {"description", SCOPE_OPERATIONS, true, false, BINDS_NEVER},
	 {"links", SCOPE_OPERATIONS, true, false, BINDS_NEVER},
	 {NULL, 0, false, false, BINDS_NEVER}};

static const MemberRule attribute_rules[] =
	{{"owner", 0, false, true, BINDS_NEVER},
	 {"description", SCOPE_SCHEMA, true, false, BINDS_NEVER},
	 {"links", SCOPE_SCHEMA, true, false, BINDS_NEVER},
	 {"unit", SCOPE_SCHEMA, false, false, BINDS_NEVER},
	 {"encrypted", SCOPE_CLASSIFICATION, false, false, BINDS_NEVER},
	 {"forbid", SCOPE_CLASSIFICATION, false, false, BINDS_ALWAYS},
	 {"erasure", SCOPE_ERASURE, false, false, BINDS_NEVER},
	 {"legal_basis", SCOPE_ERASURE, false, false, BINDS_NEVER},
	 {"residency", SCOPE_RESIDENCY, false, false, BINDS_NEVER},
	 {NULL, 0, false, false, BINDS_NEVER}};

/* Classification and tags, wherever they stand. */
static const MemberRule class_rule = {NULL, SCOPE_CLASSIFICATION, false, false,
									  BINDS_NEVER};

/* An attribute that comes or goes. */
static const MemberRule entry_rule = {NULL, SCOPE_SCHEMA, false, false,
									  BINDS_NEVER};

static const char owner_hint[] =
	"Its owner, or a delegate whose scope covers it, may apply this; members "
	"of spine_admin may apply anything.";
static const char handover_hint[] =
	"Only the current owner hands over, or a member of spine_admin.";
static const char steward_hint[] =
	"Only its steward may apply this, or a member of spine_admin.";
static const char table_hint[] =
	"This binds a table: only who owns the table may apply it, or a member of "
	"spine_admin.";
static const char admin_hint[] = "Only members of spine_admin may apply this.";

/* How a user stands to a context, a dataset or an attribute. */
typedef struct Standing
{
	Oid			user;
	bool		owned;		/* does anybody own it? */
	bool		owner;		/* the user does */
	bool		above;		/* the user owns the context */
	bool		has_steward;
	bool		steward;	/* the user acts for it */
	bool		spine_steward;
	bool		answers;	/* as nominee: this change accepts or declines */
	bool		table;		/* the user owns the table, before and after */
	bool		may_bind;	/* there is no table, or it is the user's */
	int			scopes;		/* of delegations to the user */
} Standing;

/* ---- refusing ---- */

static void
refuse(const Place *place, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to apply the document"),
			 errdetail("It would change \"%s\".", place_pointer(place)),
			 errhint("%s", hint)));
}

/* ---- who the user is ---- */

static bool
acts_as_party(Oid user, const char *party)
{
	return party != NULL && acts_for(user, catalog_party_role(party));
}

static bool
is_spine_steward(Oid user)
{
	return acts_for(user, get_role_oid("spine_steward", true));
}

/* The steward of a dataset, or of a context where dataset is NULL. */
static char *
steward_of(const JsonbContainer *context, const JsonbContainer *dataset)
{
	char	   *steward = jb_get_text(dataset, "steward");

	return steward != NULL ? steward : jb_get_text(context, "steward");
}

/* What a context or a dataset leaves to the user. */
static int
delegated_scopes(const JsonbContainer *level, Oid user)
{
	const JsonbContainer *delegates = jb_get_object(level, "delegates");
	int			scopes = 0;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (delegates == NULL)
		return 0;
	jb_walk(&cursor, delegates);
	while (jb_next_member(&cursor, &key, &value))
	{
		char	   *party = jb_text(&key);
		ListCell   *lc;

		if (!acts_as_party(user, party))
			continue;
		foreach (lc, jb_get_texts(delegates, party))
			for (size_t i = 0; i < lengthof(scope_words); i++)
				if (strcmp(lfirst(lc), scope_words[i].word) == 0)
					scopes |= scope_words[i].scope;
	}
	return scopes;
}

/* Are two texts, each perhaps NULL, the same? */
static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/*
 * Is the change the answer of a party that was proposed: accepted, or
 * declined with whoever stands in still there?
 */
static bool
is_answer(const JsonbContainer *before, const JsonbContainer *after, Oid user)
{
	char	   *owner = jb_get_text(before, "owner");
	char	   *was = jb_get_text(before, "owner_state");
	char	   *now = jb_get_text(after, "owner_state");
	char	   *interim = jb_get_text(after, "interim_owner");
	bool		same_interim =
		same_text(interim, jb_get_text(before, "interim_owner"));

	if (was == NULL || strcmp(was, "proposed") != 0 ||
		!same_text(owner, jb_get_text(after, "owner")) ||
		!acts_as_party(user, owner))
		return false;
	if (now != NULL && strcmp(now, "declined") == 0)
		return same_interim;
	return (now == NULL || strcmp(now, "accepted") == 0) && interim == NULL;
}

/* How the user stands to a context. */
static Standing
context_standing(const JsonbContainer *before, const JsonbContainer *after,
				 Oid user)
{
	Standing	standing = {0};
	AssetOwner	owner;

	standing.user = user;
	standing.owned = owner_of_level(before, &owner);
	standing.owner = standing.owned && acts_as_party(user, owner.party);
	standing.above = standing.owner;
	standing.has_steward = steward_of(before, NULL) != NULL;
	standing.steward = acts_as_party(user, steward_of(before, NULL));
	standing.spine_steward = is_spine_steward(user);
	standing.answers = is_answer(before, after, user);
	standing.may_bind = true;
	standing.scopes = delegated_scopes(before, user);
	return standing;
}

/* ---- tables ---- */

/* Is the table that the text names there, and the user's? */
static bool
owns_relation(const char *relation, Oid user)
{
	Oid			relid = spec_relation_oid(relation);

	return OidIsValid(relid) && relation_owned_by(relid, user);
}

/* Does the user own all child tables of a dataset? */
static bool
owns_children(const JsonbContainer *dataset, Oid user)
{
	Pairs		pairs;

	pairs_begin(&pairs,
				jb_get_object(jb_get_object(dataset, "lifecycle"), "children"),
				NULL);
	while (pairs_next(&pairs))
		if (!owns_relation(jb_get_text(value_object(pairs.before), "relation"),
						   user))
			return false;
	return true;
}

/* Does the user own the dataset's relation and its child tables? */
static bool
owns_tables(const JsonbContainer *dataset, Oid user)
{
	char	   *relation = jb_get_text(dataset, "relation");

	return relation != NULL && owns_relation(relation, user) &&
		owns_children(dataset, user);
}

/* Is there no table of somebody else? */
static bool
may_bind(const JsonbContainer *dataset, Oid user)
{
	char	   *relation = jb_get_text(dataset, "relation");

	return (relation == NULL || owns_relation(relation, user)) &&
		owns_children(dataset, user);
}

/* How the user stands to a dataset of a context; either side may be NULL. */
static Standing
dataset_standing(const Standing *above, const JsonbContainer *context,
				 const JsonbContainer *before, const JsonbContainer *after)
{
	Standing	standing = *above;
	Oid			user = above->user;
	AssetOwner	owner;

	standing.owned = owner_of_dataset(context, before, &owner);
	standing.owner = standing.owned && acts_as_party(user, owner.party);
	standing.has_steward = steward_of(context, before) != NULL;
	standing.steward = acts_as_party(user, steward_of(context, before));
	standing.answers = is_answer(before, after, user);
	standing.table = (before == NULL || owns_tables(before, user)) &&
		(after == NULL || owns_tables(after, user));
	standing.may_bind = may_bind(before, user) && may_bind(after, user);
	standing.scopes |= delegated_scopes(before, user);
	return standing;
}

/* ---- judging one member ---- */

/* Do the entries of a member differ in an expression? */
static bool
expressions_differ(const Pairs *member)
{
	static const char *const expressions[] = {"columns", "filter",
											  "predicate"};
	Pairs		entries;

	pairs_begin(&entries, value_object(member->before),
				value_object(member->after));
	while (pairs_next(&entries))
		for (size_t i = 0; i < lengthof(expressions); i++)
		{
			JsonbValue	was;
			JsonbValue	is;
			bool		had =
				jb_get(value_object(entries.before), expressions[i], &was);
			bool has =
				jb_get(value_object(entries.after), expressions[i], &is);

			if (had != has || (has && !values_equal(&was, &is)))
				return true;
		}
	return false;
}

static bool
binds(const MemberRule *rule, const Pairs *member)
{
	switch (rule->binding)
	{
		case BINDS_NEVER:
			return false;
		case BINDS_ALWAYS:
			return true;
		case BINDS_BY_EXPRESSION:
			return expressions_differ(member);
		case BINDS_BY_STORE:
			break;
	}
	return !same_text(jb_get_text(value_object(member->before), "store"),
					  jb_get_text(value_object(member->after), "store"));
}

/* Judge a member that differs by its rule. */
static void
judge(const Standing *standing, const MemberRule *rule, const Pairs *member,
	  const Place *place)
{
	bool		owner = standing->owner || standing->above || standing->table;

	if (rule->ownership)
	{
		/* What nobody owns may be taken by whoever is next to it. */
		if (!standing->owner && !standing->answers &&
			(standing->owned || !owner))
			refuse(place, handover_hint);
		return;
	}
	if (!owner && (standing->scopes & rule->scopes) == 0 &&
		!(rule->stewards && (standing->steward || standing->spine_steward)))
		refuse(place, owner_hint);
	if (binds(rule, member) && !standing->may_bind)
		refuse(place, table_hint);
}

/* The rule of a member; NULL if it has none of its own. */
static const MemberRule *
find_rule(const MemberRule *rules, const JsonbValue *key)
{
	for (; rules->member != NULL; rules++)
		if (key_is(key, rules->member))
			return rules;
	return NULL;
}

/*
 * Judge the members of an object that differ; those of the name apart are
 * judged elsewhere.
 */
static void
judge_members(const Standing *standing, const MemberRule *rules,
			  const JsonbContainer *before, const JsonbContainer *after,
			  const char *apart, const Place *place)
{
	static const MemberRule owners_only = {NULL, 0, false, false, BINDS_NEVER};
	Pairs		member;

	pairs_begin(&member, before, after);
	while (pairs_next(&member))
	{
		Place here = place_member_n(place, member.key.val.string.val,
									member.key.val.string.len);
		const MemberRule *rule = find_rule(rules, &member.key);
		Standing	mine = *standing;

		if (key_is(&member.key, apart) ||
			values_equal(member.before, member.after))
			continue;
		if (key_is(&member.key, "classification") ||
			key_is(&member.key, "tags"))
		{
			/* A steward may do so too; lowering is judged apart. */
			rule = &class_rule;
			mine.scopes |= mine.steward ? SCOPE_CLASSIFICATION : 0;
		}
		else if (key_is(&member.key, "steward"))
			/* A steward may leave; replacing one is judged apart. */
			mine.owner |= mine.steward;
		else if (mine.answers &&
				 (key_is(&member.key, "rationale") ||
				  key_is(&member.key, "review_on")))
			continue;
		judge(&mine, rule != NULL ? rule : &owners_only, &member, &here);
	}
}

/* ---- attributes ---- */

/* Judge the attributes that differ. */
static void
judge_attributes(const Standing *standing, const JsonbContainer *before,
				 const JsonbContainer *after, const Place *place)
{
	Place		section = place_member(place, "attributes");
	Pairs		attribute;

	pairs_begin(&attribute, jb_get_object(before, "attributes"),
				jb_get_object(after, "attributes"));
	while (pairs_next(&attribute))
	{
		Place here = place_member_n(&section, attribute.key.val.string.val,
									   attribute.key.val.string.len);
		Standing	mine = *standing;
		const JsonbContainer *old = value_object(attribute.before);
		char	   *owner = jb_get_text(old, "owner");

		if (values_equal(attribute.before, attribute.after))
			continue;
		if (owner != NULL)
		{
			mine.owned = true;
			mine.owner = acts_as_party(mine.user, owner);
			mine.above |= standing->owner;
		}
		if (attribute.before == NULL || attribute.after == NULL)
			judge(&mine, &entry_rule, &attribute, &here);
		judge_members(&mine, attribute_rules, old,
					  value_object(attribute.after), "", &here);
	}
}

/* ---- what protects data ---- */

/* The rank of a classification; NULL if it has none. */
static Numeric
rank_of(const Jsonb *doc, const char *code)
{
	const JsonbContainer *codes =
		jb_get_object(jb_get_object(&doc->root, "terms"), "classification");
	JsonbValue	rank;

	if (!jb_get(jb_get_object(codes, code), "rank", &rank) ||
		rank.type != jbvNumeric)
		return NULL;
	return rank.val.numeric;
}

/* Is a classification weaker than another, or not comparable? */
static bool
is_weaker(const Jsonb *doc, const char *before, const char *after)
{
	Numeric		was;
	Numeric		is;

	if (before == NULL || same_text(before, after))
		return false;
	if (after == NULL)
		return true;
	was = rank_of(doc, before);
	is = rank_of(doc, after);
	return was == NULL || is == NULL ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(is),
										 NumericGetDatum(was)));
}

/* Did an object lose a tag? */
static bool
lost_tag(const JsonbContainer *before, const JsonbContainer *after)
{
	List	   *tags = jb_get_texts(after, "tags");
	ListCell   *lc;
	ListCell   *other;

	foreach (lc, jb_get_texts(before, "tags"))
	{
		bool		kept = false;

		foreach (other, tags)
			kept |= strcmp(lfirst(lc), lfirst(other)) == 0;
		if (!kept)
			return true;
	}
	return false;
}

/* The own classification, else the one from above. */
static char *
classification_of(const JsonbContainer *object, char *above)
{
	char	   *own = jb_get_text(object, "classification");

	return own != NULL ? own : above;
}

/* Refuse weaker protection of a dataset or its attributes, and another
 * steward, unless the user acts for the steward. */
static void
judge_protection(const Standing *standing, const Jsonb *merged,
				 const Pairs *contexts, const Pairs *datasets,
				 const Place *place)
{
	const JsonbContainer *old_context = value_object(contexts->before);
	const JsonbContainer *new_context = value_object(contexts->after);
	const JsonbContainer *before = value_object(datasets->before);
	const JsonbContainer *after = value_object(datasets->after);
	char				 *was =
		classification_of(before, jb_get_text(old_context, "classification"));
	char *is =
		classification_of(after, jb_get_text(new_context, "classification"));
	Place		section = place_member(place, "attributes");
	Pairs		attribute;

	if (standing->steward)
		return;
	if (is_weaker(merged, was, after != NULL ? is : NULL))
	{
		Place		here = place_member(place, "classification");

		refuse(&here, steward_hint);
	}
	if (lost_tag(before, after))
	{
		Place		here = place_member(place, "tags");

		refuse(&here, steward_hint);
	}
	if (standing->has_steward &&
		!same_text(steward_of(old_context, before),
				   steward_of(new_context, after)))
	{
		Place		here = place_member(place, "steward");

		refuse(&here, steward_hint);
	}
	pairs_begin(&attribute, jb_get_object(before, "attributes"),
				jb_get_object(after, "attributes"));
	while (pairs_next(&attribute))
	{
		const JsonbContainer *old_attribute = value_object(attribute.before);
		const JsonbContainer *new_attribute = value_object(attribute.after);
		Place here = place_member_n(&section, attribute.key.val.string.val,
									attribute.key.val.string.len);

		if (is_weaker(merged, classification_of(old_attribute, was),
					  classification_of(new_attribute, is)) ||
			lost_tag(old_attribute, new_attribute))
			refuse(&here, steward_hint);
	}
}

/* ---- contexts and datasets ---- */

/* Judge a dataset that comes. */
static void
judge_new_dataset(const Standing *standing, const Place *place)
{
	if (!standing->above && !standing->table)
		refuse(place, owner_hint);
	if (!standing->may_bind)
		refuse(place, table_hint);
}

/* Judge a dataset that goes. */
static void
judge_old_dataset(const Standing *standing, const Place *place)
{
	if (standing->owned ? !standing->owner :
						  !standing->above && !standing->table)
		refuse(place, handover_hint);
	if (!standing->may_bind)
		refuse(place, table_hint);
}

/* Judge the datasets of a context. */
static void
judge_datasets(const Standing *above, const Jsonb *merged,
			   const Pairs *contexts, bool around, const Place *place)
{
	const JsonbContainer *context = value_object(contexts->before);
	Place		section = place_member(place, "datasets");
	Pairs		datasets;

	pairs_begin(&datasets, jb_get_object(context, "datasets"),
				jb_get_object(value_object(contexts->after), "datasets"));
	while (pairs_next(&datasets))
	{
		Place here = place_member_n(&section, datasets.key.val.string.val,
									datasets.key.val.string.len);
		bool		same = values_equal(datasets.before, datasets.after);
		const JsonbContainer *before = value_object(datasets.before);
		const JsonbContainer *after = value_object(datasets.after);
		Standing	standing;

		if (same && !around)
			continue;
		standing = dataset_standing(above, context, before, after);
		if (before == NULL)
			judge_new_dataset(&standing, &here);
		else if (after == NULL)
			judge_old_dataset(&standing, &here);
		else if (!same)
		{
			judge_members(&standing, dataset_rules, before, after,
						  "attributes", &here);
			judge_attributes(&standing, before, after, &here);
		}
		if (before != NULL)
			judge_protection(&standing, merged, contexts, &datasets, &here);
	}
}

/* Do two contexts differ beside their datasets? */
static bool
contexts_differ(const JsonbContainer *before, const JsonbContainer *after)
{
	Pairs		member;

	pairs_begin(&member, before, after);
	while (pairs_next(&member))
		if (!key_is(&member.key, "datasets") &&
			!values_equal(member.before, member.after))
			return true;
	return false;
}

/* Judge one context. */
static void
judge_context(const Jsonb *merged, const Pairs *contexts, Oid user,
			  const Place *place)
{
	const JsonbContainer *before = value_object(contexts->before);
	const JsonbContainer *after = value_object(contexts->after);
	bool		around = contexts_differ(before, after);
	Standing	standing;
	Place		here;

	if (before == NULL || after == NULL)
		refuse(place, admin_hint);
	standing = context_standing(before, after, user);
	if (around)
		judge_members(&standing, context_rules, before, after, "datasets",
					  place);
	if (!standing.steward &&
		is_weaker(merged, jb_get_text(before, "classification"),
				  jb_get_text(after, "classification")))
	{
		here = place_member(place, "classification");
		refuse(&here, steward_hint);
	}
	if (!standing.steward && standing.has_steward &&
		!same_text(jb_get_text(before, "steward"),
				   jb_get_text(after, "steward")))
	{
		here = place_member(place, "steward");
		refuse(&here, steward_hint);
	}
	judge_datasets(&standing, merged, contexts, around, place);
}

/* ---- terms ---- */

/* May the user make this change of a term: propose or describe one? */
static bool
is_proposal(const Pairs *term, Oid user)
{
	Pairs		member;

	if (!is_spine_steward(user) || term->after == NULL)
		return false;
	if (term->before == NULL)
		return true;
	pairs_begin(&member, value_object(term->before),
				value_object(term->after));
	while (pairs_next(&member))
		if (!key_is(&member.key, "description") &&
			!values_equal(member.before, member.after))
			return false;
	return true;
}

/* Judge the terms, scheme by scheme. */
static void
judge_terms(const Pairs *section, Oid user, const Place *place)
{
	Pairs		scheme;
	Pairs		term;

	pairs_begin(&scheme, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&scheme))
	{
		Place here = place_member_n(place, scheme.key.val.string.val,
									scheme.key.val.string.len);

		if (values_equal(scheme.before, scheme.after))
			continue;
		if ((scheme.before == NULL || scheme.after == NULL) &&
			(scheme.after == NULL || !is_spine_steward(user)))
			refuse(&here, admin_hint);
		pairs_begin(&term, value_object(scheme.before),
					value_object(scheme.after));
		while (pairs_next(&term))
		{
			Place code = place_member_n(&here, term.key.val.string.val,
										term.key.val.string.len);

			if (!values_equal(term.before, term.after) &&
				!is_proposal(&term, user))
				refuse(&code, admin_hint);
		}
	}
}

/* ---- the whole ---- */

/* Judge the contexts. */
static void
judge_contexts(const Jsonb *merged, const Pairs *section, Oid user,
			   const Place *place)
{
	Pairs		contexts;

	pairs_begin(&contexts, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&contexts))
	{
		Place here = place_member_n(place, contexts.key.val.string.val,
									contexts.key.val.string.len);

		if (!values_equal(contexts.before, contexts.after))
			judge_context(merged, &contexts, user, &here);
	}
}

/* Refuse the first entry of a section that differs. */
static void
refuse_section(const Pairs *section, const Place *place)
{
	Pairs		entry;

	pairs_begin(&entry, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&entry))
	{
		Place here = place_member_n(place, entry.key.val.string.val,
									entry.key.val.string.len);

		if (!values_equal(entry.before, entry.after))
			refuse(&here, admin_hint);
	}
	refuse(place, admin_hint);
}

void
rights_check(const Jsonb *current, const Jsonb *merged, Oid user)
{
	Pairs		section;

	pairs_begin(&section, &current->root, &merged->root);
	while (pairs_next(&section))
	{
		Place here = place_member_n(NULL, section.key.val.string.val,
									section.key.val.string.len);

		if (values_equal(section.before, section.after))
			continue;
		if (key_is(&section.key, "contexts"))
			judge_contexts(merged, &section, user, &here);
		else if (key_is(&section.key, "terms"))
			judge_terms(&section, user, &here);
		else
			refuse_section(&section, &here);
	}
}

/* ---- at the door ---- */

/* Does the user have any part in a context or a dataset? */
static bool
has_part(const JsonbContainer *level, Oid user)
{
	return acts_as_party(user, jb_get_text(level, "owner")) ||
		acts_as_party(user, jb_get_text(level, "interim_owner")) ||
		acts_as_party(user, jb_get_text(level, "steward")) ||
		delegated_scopes(level, user) != 0;
}

/* Does the user own an attribute of the dataset? */
static bool
owns_attribute(const JsonbContainer *dataset, Oid user)
{
	Pairs		attribute;

	pairs_begin(&attribute, jb_get_object(dataset, "attributes"), NULL);
	while (pairs_next(&attribute))
		if (acts_as_party(user,
						  jb_get_text(value_object(attribute.before),
									  "owner")))
			return true;
	return false;
}

/* May the user change anything of a context that a document names? */
static bool
stands_in_context(const JsonbContainer *current, const JsonbContainer *named,
				  bool prune, Oid user)
{
	Pairs		datasets;

	if (has_part(current, user))
		return true;
	pairs_begin(&datasets, jb_get_object(current, "datasets"),
				jb_get_object(named, "datasets"));
	while (pairs_next(&datasets))
	{
		const JsonbContainer *before = value_object(datasets.before);

		/* What is not named goes by prune, and stays otherwise. */
		if (datasets.after == NULL && !prune)
			continue;
		if (has_part(before, user) || owns_attribute(before, user) ||
			owns_tables(before, user) ||
			owns_tables(value_object(datasets.after), user))
			return true;
	}
	return false;
}

static void
refuse_stranger(Oid user)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to apply the document"),
			 errdetail("Role \"%s\" has no part in what it names: neither as "
					   "owner, steward or delegate nor by owning a table.",
					   GetUserNameFromId(user, false)),
			 errhint("Members of spine_admin may apply anything.")));
}

void
rights_check_standing(const Jsonb *doc, bool prune, Oid user)
{
	const JsonbContainer *accepted;
	Pairs		contexts;
	int64		rev;

	if (is_spine_admin(user) || is_spine_steward(user))
		return;
	accepted = jb_get_object(&document_newest(&rev)->root, "contexts");
	pairs_begin(&contexts, jb_get_object(&doc->root, "contexts"), NULL);
	while (pairs_next(&contexts))
		if (stands_in_context(jb_get_object(accepted, jb_text(&contexts.key)),
							  value_object(contexts.before), prune, user))
			return;
	refuse_stranger(user);
}

void
rights_check_level(const JsonbContainer *context, const JsonbContainer *level,
				   Oid user)
{
	if (is_spine_admin(user) || has_part(context, user) ||
		has_part(level, user) || owns_tables(level, user))
		return;
	refuse_stranger(user);
}
