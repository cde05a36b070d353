/*-------------------------------------------------------------------------
 *
 * plan.c
 *		What leads from one document to another, entity by entity.
 *
 * Two sorted documents are walked side by side; whatever is the same bytes
 * in both is passed over, so the cost is that of the walk and of what
 * differs.  What the rooms do to PostgreSQL's own objects comes after, from
 * their hooks.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "lib/stringinfo.h"

#define NOT_YET "-- stored, not yet enforced"

/* How the key of an entity is made of its parent's key and its name. */
typedef enum KeyForm
{
	KEY_PART,  /* parent.name, quoted where needed: placements */
	KEY_PATH,  /* parent.name as written: attributes and paths */
	KEY_COLON, /* parent:name: parts of a lifecycle */
} KeyForm;

/* A kind of entity: where it stands and how it is judged. */
typedef struct EntityKind
{
	const char *member; /* the map that holds its entities */
	const char *kind;
	KeyForm		key;
	RiskRule	risk;
	const char *const *later; /* members that no room enforces yet */
} EntityKind;

/* Members whose room comes later; a star stands for the whole entity. */
static const char *const later_all[] = {"*", NULL};
static const char *const later_none[] = {NULL};
static const char *const later_dataset[] = {"retention", "subjects",
											"triggers",	 "privacy",
											"slos",		 "contracts",
											"read",		 NULL};
static const char *const later_attribute[] = {"residency", "erasure",
											  "encrypted", "retention", NULL};
static const char *const later_lifecycle[] = {NULL};

static const EntityKind dataset_maps[] = {
	{"attributes", "attribute", KEY_PATH, risk_of_attribute, later_attribute},
	{"replicas", "replica", KEY_PART, risk_of_entry, later_all},
	{"caches", "cache", KEY_PART, risk_of_entry, later_all},
	{"snapshots", "snapshot", KEY_PART, risk_of_entry, later_all},
	{"derived", "derived", KEY_PART, risk_of_entry, later_all},
	{NULL, NULL, KEY_PART, NULL, NULL},
};

static const EntityKind lifecycle_maps[] = {
	{"states", "state", KEY_COLON, risk_of_state, later_none},
	{"transitions", "transition", KEY_COLON, risk_of_transition, later_none},
	{"invariants", "invariant", KEY_COLON, risk_of_invariant, later_none},
	{"children", "child", KEY_COLON, risk_of_child, later_none},
	{NULL, NULL, KEY_COLON, NULL, NULL},
};

static CatalogStepsHook steps_hooks[16];
static int	steps_hook_count = 0;

/* Take a room's hook; called from _PG_init. */
void
catalog_register_steps(CatalogStepsHook hook)
{
	if (steps_hook_count == lengthof(steps_hooks))
		/* cannot happen */
		elog(ERROR, "too many rooms make steps");
	steps_hooks[steps_hook_count++] = hook;
}

static CatalogStepsHook copies_hooks[4];
static int	copies_hook_count = 0;

void
catalog_register_copies(CatalogStepsHook hook)
{
	if (copies_hook_count == lengthof(copies_hooks))
		/* cannot happen */
		elog(ERROR, "too many rooms guard copies");
	copies_hooks[copies_hook_count++] = hook;
}

/* ---- steps ---- */

/* Does the list hold the key? */
static bool
listed(const JsonbValue *key, const char *const *words)
{
	for (; *words != NULL; words++)
		if (key_is(key, *words))
			return true;
	return false;
}

/* Is all that differs in this member enforced, or nothing? */
static bool
enforced_already(const Pairs *member)
{
	return values_equal(member->before, member->after);
}

/*
 * The comment that names the members of a change which are stored only; NULL
 * if there are none.
 */
static const char *
later_comment(const char *const *later, const JsonbValue *before,
			  const JsonbValue *after)
{
	StringInfoData buf;
	Pairs		pairs;
	bool		found = false;

	if (later[0] == NULL)
		return NULL;
	if (strcmp(later[0], "*") == 0)
		return NOT_YET;

	initStringInfo(&buf);
	appendStringInfoString(&buf, NOT_YET);
	pairs_begin(&pairs, value_object(before), value_object(after));
	while (pairs_next(&pairs))
	{
		if (!listed(&pairs.key, later) || enforced_already(&pairs))
			continue;
		appendStringInfoString(&buf, found ? ", " : ": ");
		appendBinaryStringInfo(&buf, pairs.key.val.string.val,
							   pairs.key.val.string.len);
		found = true;
	}
	return found ? buf.data : NULL;
}

/* Append a step about an entity of the document. */
static void
add_step(List **steps, const char *kind, const char *key,
		 const JsonbValue *before, const JsonbValue *after, Risk risk,
		 const char *sql)
{
	PlanStep   *step = palloc0(sizeof(PlanStep));

	step->action = before == NULL ? "create" :
		after == NULL			  ? "delete" :
									"update";
	step->kind = kind;
	step->key = key;
	step->before = value_document(before);
	step->after = value_document(after);
	step->risk = risk_name(risk);
	step->sql = sql;
	*steps = lappend(*steps, step);
}

/* The key of an entity below a dataset. */
static char *
entity_key(const char *parent, const JsonbValue *name, KeyForm form)
{
	char	   *text = jb_text(name);

	if (form == KEY_PART)
		text = asset_key_quote(text);
	return psprintf("%s%c%s", parent, form == KEY_COLON ? ':' : '.', text);
}

/*
 * Steps about the entities of one map.  What comes with a new parent is as
 * risky as the parent, which has a step of its own.
 */
static void
plan_map(List **steps, const EntityKind *kind, const char *parent,
		 bool parent_is_new, const JsonbContainer *before,
		 const JsonbContainer *after)
{
	Pairs		pairs;

	pairs_begin(&pairs, jb_get_object(before, kind->member),
				jb_get_object(after, kind->member));
	while (pairs_next(&pairs))
	{
		Risk		risk;

		if (values_equal(pairs.before, pairs.after))
			continue;
		risk = parent_is_new ?
			RISK_SAFE :
			kind->risk(&pairs.key, pairs.before, pairs.after);
		add_step(steps, kind->kind, entity_key(parent, &pairs.key, kind->key),
				 pairs.before, pairs.after, risk,
				 later_comment(kind->later, pairs.before, pairs.after));
	}
}

/* Is the member one that has steps of its own? */
static bool
is_map_of(const JsonbValue *key, const EntityKind *maps)
{
	for (; maps->member != NULL; maps++)
		if (key_is(key, maps->member))
			return true;
	return false;
}

/*
 * The members of an object that differ from the other's, leaving out those
 * that have steps of their own (of maps, and the one called apart).  False if
 * there are none.
 */
static bool
changed_members(const JsonbValue *before, const JsonbValue *after,
				const EntityKind *maps, const char *apart,
				JsonbValue *old_members, JsonbValue *new_members)
{
	Assembly	old_object;
	Assembly	new_object;
	Pairs		pairs;
	bool		any = false;

	assembly_begin(&old_object);
	assembly_begin(&new_object);
	pairs_begin(&pairs, value_object(before), value_object(after));
	while (pairs_next(&pairs))
	{
		if (is_map_of(&pairs.key, maps) || key_is(&pairs.key, apart) ||
			values_equal(pairs.before, pairs.after))
			continue;
		any = true;
		if (pairs.before != NULL)
			assembly_add(&old_object, &pairs.key, pairs.before);
		if (pairs.after != NULL)
			assembly_add(&new_object, &pairs.key, pairs.after);
	}
	*old_members = assembly_value(&old_object);
	*new_members = assembly_value(&new_object);
	return any;
}

/*
 * A step about the members of an entity that has parts with steps of their
 * own: none if it neither comes nor goes and only its parts change.
 */
static void
plan_members(List **steps, const char *kind, const char *key,
			 const Pairs *pair, const EntityKind *maps, const char *apart,
			 RiskRule rule, const char *const *later)
{
	JsonbValue	old_members;
	JsonbValue	new_members;

	if (!changed_members(pair->before, pair->after, maps, apart, &old_members,
						 &new_members) &&
		pair->before != NULL && pair->after != NULL)
		return;

	add_step(steps, kind, key, pair->before ? &old_members : NULL,
			 pair->after ? &new_members : NULL,
			 rule(&pair->key, pair->before, pair->after),
			 later_comment(later, &old_members, &new_members));
}

/* ---- datasets ---- */

/* The member of an object if it is an object itself; found holds it. */
static JsonbValue *
member_of(const JsonbValue *obj, const char *key, JsonbValue *found)
{
	return jb_get(value_object(obj), key, found) && jb_is_object(found) ?
		found :
		NULL;
}

/* Steps about a dataset's lifecycle. */
static void
plan_lifecycle(List **steps, const char *key, const Pairs *dataset)
{
	Pairs		pair;

	pair.key = text_value("lifecycle");
	pair.before = member_of(dataset->before, pair.key.val.string.val,
							&pair.before_value);
	pair.after =
		member_of(dataset->after, pair.key.val.string.val, &pair.after_value);
	if (values_equal(pair.before, pair.after))
		return;

	plan_members(steps, "lifecycle", key, &pair, lifecycle_maps, "",
				 dataset->before == NULL ? risk_of_entry : risk_of_lifecycle,
				 later_lifecycle);
	for (const EntityKind *map = lifecycle_maps; map->member; map++)
		plan_map(steps, map, key, pair.before == NULL,
				 value_object(pair.before), value_object(pair.after));
}

/* Steps about one dataset that differs. */
static void
plan_dataset(List **steps, const char *context, const Pairs *pair)
{
	char	   *key = asset_key(context, jb_text(&pair->key), NULL);

	CHECK_FOR_INTERRUPTS();
	plan_members(steps, "dataset", key, pair, dataset_maps, "lifecycle",
				 risk_of_dataset, later_dataset);
	for (const EntityKind *map = dataset_maps; map->member; map++)
		plan_map(steps, map, key, pair->before == NULL,
				 value_object(pair->before), value_object(pair->after));
	plan_lifecycle(steps, key, pair);
}

/* Steps about one context and its datasets. */
static void
plan_context(List **steps, const Pairs *pair)
{
	static const EntityKind no_maps[] = {
		{NULL, NULL, KEY_PART, NULL, NULL},
	};
	char	   *name = jb_text(&pair->key);
	Pairs		datasets;

	plan_members(steps, "context", asset_key(name, NULL, NULL), pair, no_maps,
				 "datasets", risk_of_context, later_none);

	pairs_begin(&datasets,
				jb_get_object(value_object(pair->before), "datasets"),
				jb_get_object(value_object(pair->after), "datasets"));
	while (pairs_next(&datasets))
		if (!values_equal(datasets.before, datasets.after))
			plan_dataset(steps, name, &datasets);
}

/* ---- sections ---- */

/* The kind of a section's entries: its name in the singular. */
static const char *
section_kind(const JsonbValue *section)
{
	char	   *name = jb_text(section);
	size_t		len = strlen(name);

	if (key_is(section, "parties"))
		return "party";
	if (len > 3 && strcmp(name + len - 3, "ies") == 0)
		return psprintf("%.*sy", (int) (len - 3), name);
	if (len > 1 && name[len - 1] == 's')
		name[len - 1] = '\0';
	return name;
}

/* Steps about the terms of one scheme. */
static void
plan_scheme(List **steps, const Pairs *scheme)
{
	Pairs		pairs;

	pairs_begin(&pairs, value_object(scheme->before),
				value_object(scheme->after));
	while (pairs_next(&pairs))
	{
		char	   *key;

		if (values_equal(pairs.before, pairs.after))
			continue;
		key = psprintf("%s:%s", jb_text(&scheme->key), jb_text(&pairs.key));
		add_step(steps, "term", key, pairs.before, pairs.after,
				 risk_of_entry(&pairs.key, pairs.before, pairs.after), NULL);
	}
}

/* Steps about the entries of a section whose entries are entities. */
static void
plan_entries(List **steps, const Pairs *section)
{
	const char *kind = section_kind(&section->key);
	bool		is_party = key_is(&section->key, "parties");
	bool		is_known = is_party || key_is(&section->key, "stores");
	RiskRule	rule = is_party ? risk_of_party : risk_of_entry;
	Pairs		pairs;

	pairs_begin(&pairs, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&pairs))
		if (!values_equal(pairs.before, pairs.after))
			add_step(steps, kind, jb_text(&pairs.key), pairs.before,
					 pairs.after, rule(&pairs.key, pairs.before, pairs.after),
					 is_known ? NULL : NOT_YET);
}

/* Steps about one section that differs. */
static void
plan_section(List **steps, const Pairs *section)
{
	bool		contexts = key_is(&section->key, "contexts");
	Pairs		pairs;

	if (!contexts && !key_is(&section->key, "terms"))
	{
		plan_entries(steps, section);
		return;
	}

	pairs_begin(&pairs, value_object(section->before),
				value_object(section->after));
	while (pairs_next(&pairs))
	{
		if (values_equal(pairs.before, pairs.after))
			continue;
		if (contexts)
			plan_context(steps, &pairs);
		else
			plan_scheme(steps, &pairs);
	}
}

/* PlanSteps for what differs between two documents; looks at nothing else. */
List *
document_diff(const JsonbContainer *before, const JsonbContainer *after)
{
	List	   *steps = NIL;
	Pairs		pairs;

	pairs_begin(&pairs, before, after);
	while (pairs_next(&pairs))
		if (!values_equal(pairs.before, pairs.after))
			plan_section(&steps, &pairs);
	return steps;
}

/* ---- what the rooms do about it ---- */

/*
 * Does a dataset live in this database?  It needs a relation, and no source
 * of truth in another store.
 */
bool
dataset_is_local(const JsonbContainer *dataset, const char *local_store)
{
	char	   *store;

	if (jb_get_text(dataset, "relation") == NULL)
		return false;
	store = jb_get_text(jb_get_object(dataset, "sot"), "store");
	return store == NULL ||
		(local_store != NULL && strcmp(store, local_store) == 0);
}

/* The dataset's model if it lives here; NULL otherwise. */
static SpecDataset *
local_dataset(const JsonbValue *context_name, const JsonbValue *context,
			  const JsonbValue *name, const JsonbValue *dataset,
			  const char *local_store)
{
	SpecDataset *spec;

	if (value_object(dataset) == NULL ||
		!dataset_is_local(value_object(dataset), local_store))
		return NULL;
	spec = spec_dataset_read(jb_text(context_name), value_object(context),
							 jb_text(name), value_object(dataset));
	spec->local = true;
	return spec;
}

/* ---- copies that are stored here ---- */

static const char *const copy_sections[] = {"replicas", "caches", "snapshots"};

/* The placement as a copy; NULL if it is in another store or says not where. */
static SpecCopy *
copy_read(const char *section, const JsonbValue *name,
		  const JsonbContainer *placement, const char *owner,
		  const char *local_store)
{
	char	   *store = jb_get_text(placement, "store");
	SpecCopy   *copy;

	if (store == NULL || strcmp(store, local_store) != 0)
		return NULL;
	copy = palloc0(sizeof(SpecCopy));
	copy->section = section;
	copy->name = jb_text(name);
	copy->relation = jb_get_text(placement, "locator");
	copy->flow = jb_get_text(placement, "flow");
	copy->owner = jb_get_text(placement, "owner");
	if (copy->owner == NULL)
		copy->owner = owner;
	return copy->relation == NULL ? NULL : copy;
}

/* The copies of a dataset in this store (List of SpecCopy). */
static List *
copies_read(const JsonbContainer *context, const JsonbContainer *dataset,
			const char *local_store)
{
	char	   *owner = jb_get_text(dataset, "owner");
	List	   *copies = NIL;

	if (owner == NULL)
		owner = jb_get_text(context, "owner");
	for (int i = 0; i < (int) lengthof(copy_sections); i++)
	{
		const JsonbContainer *section =
			jb_get_object(dataset, copy_sections[i]);
		JsonbValue	name;
		JsonbValue	value;
		JbCursor	cursor;

		if (section == NULL)
			continue;
		jb_walk(&cursor, section);
		while (jb_next_member(&cursor, &name, &value))
		{
			SpecCopy   *copy = value_object(&value) == NULL ?
				NULL :
				copy_read(copy_sections[i], &name, value_object(&value), owner,
						  local_store);

			if (copy != NULL)
				copies = lappend(copies, copy);
		}
	}
	return copies;
}

/* Mark the copies whose relations the user owns; invalid: all of them. */
static void
mark_attachable(const List *copies, Oid user)
{
	ListCell   *lc;

	foreach (lc, copies)
	{
		SpecCopy   *copy = lfirst(lc);
		Oid			relid = spec_relation_oid(copy->relation);

		copy->may_attach = OidIsValid(relid) &&
			(!OidIsValid(user) || relation_owned_by(relid, user));
	}
}

/* The dataset's model if it has copies here; NULL otherwise. */
static SpecDataset *
copied_dataset(const JsonbValue *context_name, const JsonbValue *context,
			   const JsonbValue *name, const JsonbValue *dataset,
			   const char *local_store, Oid user)
{
	List	   *copies;
	SpecDataset *spec;

	if (value_object(dataset) == NULL || local_store == NULL)
		return NULL;
	copies =
		copies_read(value_object(context), value_object(dataset), local_store);
	if (copies == NIL)
		return NULL;
	mark_attachable(copies, user);
	spec = spec_dataset_read(jb_text(context_name), value_object(context),
							 jb_text(name), value_object(dataset));
	spec->local = dataset_is_local(value_object(dataset), local_store);
	spec->copies = copies;
	return spec;
}

/* Let every room append its steps about one dataset. */
void
catalog_run_steps(const SpecDataset *before, const SpecDataset *after,
				  List **steps)
{
	for (int i = 0; i < steps_hook_count; i++)
		steps_hooks[i](before, after, steps);
}

/* May the user have the dataset's attachments changed? */
static bool
may_attach(const SpecDataset *dataset, Oid user)
{
	Oid			relid;

	if (dataset == NULL || !OidIsValid(user))
		return true;
	relid = spec_relation_oid(dataset->relation);
	return !OidIsValid(relid) || relation_owned_by(relid, user);
}

/* Do two texts, each of which may be NULL, say the same? */
static bool
texts_equal(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Do equal definitions in this context mean the same, before and after? */
static bool
same_surroundings(const Pairs *context, const char *before_store,
				  const char *after_store)
{
	return texts_equal(before_store, after_store) &&
		texts_equal(jb_get_text(value_object(context->before), "owner"),
					jb_get_text(value_object(context->after), "owner"));
}

/* Which datasets' attachments are looked at, and how. */
typedef struct Attacher
{
	const char *before_store; /* local store of the one document */
	const char *after_store;  /* and of the other */
	const JsonbContainer *after_parties; /* its parties */
	Oid			user;		  /* whose tables alone; invalid: all */
	MemoryContext scratch;	  /* for datasets that stay as they are */
	List	   *steps;		  /* what was found */
} Attacher;

/* Append the rooms' steps about one dataset; same: it stays as it is. */
static void
attach_dataset(Attacher *attacher, const Pairs *context, const Pairs *dataset,
			   bool same)
{
	SpecDataset *after =
		local_dataset(&context->key, context->after, &dataset->key,
					  dataset->after, attacher->after_store);
	SpecDataset *before = same ?
		after :
		local_dataset(&context->key, context->before, &dataset->key,
					  dataset->before, attacher->before_store);

	if (after != NULL)
		after->parties = attacher->after_parties;
	if ((before != NULL || after != NULL) &&
		may_attach(before, attacher->user) &&
		may_attach(after, attacher->user))
		catalog_run_steps(before, after, &attacher->steps);
}

/* Append the rooms' steps about the copies of one dataset. */
static void
attach_copies(Attacher *attacher, const Pairs *context, const Pairs *dataset)
{
	SpecDataset *before =
		copied_dataset(&context->key, context->before, &dataset->key,
					   dataset->before, attacher->before_store,
					   attacher->user);
	SpecDataset *after =
		copied_dataset(&context->key, context->after, &dataset->key,
					   dataset->after, attacher->after_store, attacher->user);

	if (before == NULL && after == NULL)
		return;
	for (int i = 0; i < copies_hook_count; i++)
		copies_hooks[i](before, after, &attacher->steps);
}

/*
 * The same for a dataset that stays as it is, which hardly ever needs
 * anything: looked at in memory that is used again for the next one, so that
 * thousands of them cost little.
 */
static void
mend_dataset(Attacher *attacher, const Pairs *context, const Pairs *dataset)
{
	List		 *steps = attacher->steps;
	MemoryContext mcxt = MemoryContextSwitchTo(attacher->scratch);
	bool		  whole;

	attacher->steps = NIL;
	attach_dataset(attacher, context, dataset, true);
	attach_copies(attacher, context, dataset);
	whole = attacher->steps == NIL;
	attacher->steps = steps;
	MemoryContextSwitchTo(mcxt);
	MemoryContextReset(attacher->scratch);

	if (!whole)
	{
		attach_dataset(attacher, context, dataset, true);
		attach_copies(attacher, context, dataset);
	}
}

/* Steps about the attachments of one context's datasets. */
static void
attach_context(Attacher *attacher, const Pairs *context)
{
	bool  same;
	Pairs pairs;

	same = same_surroundings(context, attacher->before_store,
							 attacher->after_store);
	pairs_begin(&pairs,
				jb_get_object(value_object(context->before), "datasets"),
				jb_get_object(value_object(context->after), "datasets"));
	while (pairs_next(&pairs))
	{
		CHECK_FOR_INTERRUPTS();
		if (same && values_equal(pairs.before, pairs.after))
			mend_dataset(attacher, context, &pairs);
		else
		{
			attach_dataset(attacher, context, &pairs, false);
			attach_copies(attacher, context, &pairs);
		}
	}
}

/*
 * The rooms' steps about every dataset that lives here, changed or not: what
 * is missing in the database is mended by any apply.  A valid user restricts
 * it to the relations that the user owns.
 */
List *
document_attachments(const JsonbContainer *before, const JsonbContainer *after,
					 Oid user)
{
	Attacher attacher;
	Pairs	 pairs;

	attacher.before_store = document_local_store(before);
	attacher.after_store = document_local_store(after);
	attacher.after_parties = jb_get_object(after, "parties");
	attacher.user = user;
	attacher.steps = NIL;
	attacher.scratch =
		AllocSetContextCreate(CurrentMemoryContext, "spine attachments",
							  ALLOCSET_DEFAULT_SIZES);
	pairs_begin(&pairs, jb_get_object(before, "contexts"),
				jb_get_object(after, "contexts"));
	while (pairs_next(&pairs))
		attach_context(&attacher, &pairs);
	MemoryContextDelete(attacher.scratch);
	return attacher.steps;
}

List *
document_plan(const JsonbContainer *before, const JsonbContainer *after)
{
	return list_concat(document_diff(before, after),
					   document_attachments(before, after, InvalidOid));
}

/* Append the datasets of one context, local ones marked. */
static List *
context_datasets(List *datasets, const Pairs *context, const char *local_store)
{
	Pairs		pairs;

	pairs_begin(&pairs,
				jb_get_object(value_object(context->after), "datasets"), NULL);
	while (pairs_next(&pairs))
	{
		const JsonbContainer *dataset = value_object(pairs.before);
		SpecDataset *spec;

		if (dataset == NULL)
			continue;
		spec = spec_dataset_read(jb_text(&context->key),
								 value_object(context->after),
								 jb_text(&pairs.key), dataset);
		spec->local = dataset_is_local(dataset, local_store);
		datasets = lappend(datasets, spec);
	}
	return datasets;
}

List *
document_datasets(const JsonbContainer *doc)
{
	char	   *local_store = document_local_store(doc);
	List	   *datasets = NIL;
	Pairs		pairs;

	pairs_begin(&pairs, NULL, jb_get_object(doc, "contexts"));
	while (pairs_next(&pairs))
		datasets = context_datasets(datasets, &pairs, local_store);
	return datasets;
}

List *
catalog_local_datasets(void)
{
	int64		rev;
	Jsonb	   *newest = document_newest(&rev);
	List	   *local = NIL;
	ListCell   *lc;

	foreach (lc, document_datasets(&newest->root))
		if (((SpecDataset *) lfirst(lc))->local)
			local = lappend(local, lfirst(lc));
	return local;
}

/* Append the datasets of one context that have copies in the store. */
static List *
context_copied(List *datasets, const Pairs *context, const char *local_store)
{
	Pairs		pairs;

	pairs_begin(&pairs,
				jb_get_object(value_object(context->after), "datasets"), NULL);
	while (pairs_next(&pairs))
	{
		SpecDataset *spec =
			copied_dataset(&context->key, context->after, &pairs.key,
						   pairs.before, local_store, InvalidOid);

		if (spec != NULL)
			datasets = lappend(datasets, spec);
	}
	return datasets;
}

List *
catalog_copied_datasets(void)
{
	int64		rev;
	Jsonb	   *newest = document_newest(&rev);
	char	   *local_store = document_local_store(&newest->root);
	List	   *datasets = NIL;
	Pairs		pairs;

	pairs_begin(&pairs, NULL, jb_get_object(&newest->root, "contexts"));
	while (pairs_next(&pairs))
		datasets = context_copied(datasets, &pairs, local_store);
	return datasets;
}

/* A dataset's member in a document; false if it is not there. */
bool
document_dataset(const JsonbContainer *doc, const SpecDataset *dataset,
				 JsonbValue *value)
{
	const JsonbContainer *context =
		jb_get_object(jb_get_object(doc, "contexts"), dataset->context);

	return jb_get(jb_get_object(context, "datasets"), dataset->name, value);
}
