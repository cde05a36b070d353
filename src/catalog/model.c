/*-------------------------------------------------------------------------
 *
 * model.c
 *		The model of a dataset: what a document says, as C structs.
 *
 * Reading never fails: a member that is missing or of a wrong type is left
 * out, because the checks read broken documents with it too.  All text is
 * copied into the current memory context; only SpecDataset.definition points
 * into the document.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/catalog_internal.h"
#include "catalog/owner.h"
#include "common/hashfn.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

/* How the two states of a transition's name are set apart. */
#define ARROW " -> "

/* Is the member given at all? */
static bool
has_member(const JsonbContainer *obj, const char *key)
{
	JsonbValue	value;

	return jb_get(obj, key, &value);
}

/* The strings of an array value; NIL if it is no array. */
static List *
value_texts(const JsonbValue *value)
{
	List	   *texts = NIL;
	JbCursor	cursor;
	JsonbValue	element;

	if (!jb_is_array(value))
		return NIL;

	jb_walk(&cursor, value->val.binary.data);
	while (jb_next_element(&cursor, &element))
		if (element.type == jbvString)
			texts = lappend(texts, jb_text(&element));
	return texts;
}

/* The attribute and path of a write rule's name; NIL for the star. */
static List *
write_path(const char *name)
{
	List	   *parts;

	if (strcmp(name, "*") == 0)
		return NIL;
	parts = asset_key_parts(name);
	return parts != NIL ? parts : list_make1(pstrdup(name));
}

/*
 * Read the member "write": name -> parties.  In a child table the names are
 * states of the parent, so they have no path.
 */
static List *
read_writes(const JsonbContainer *obj, bool names_are_states)
{
	const JsonbContainer *map = jb_get_object(obj, "write");
	List	   *writes = NIL;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (map == NULL)
		return NIL;

	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &key, &value))
	{
		SpecWrite  *write = palloc0(sizeof(SpecWrite));

		write->name = jb_text(&key);
		write->path = names_are_states ? NIL : write_path(write->name);
		write->parties = value_texts(&value);
		writes = lappend(writes, write);
	}
	return writes;
}

/* Read one state; inserting parties default to the owner. */
SpecState *
spec_state_read(const JsonbValue *name, const JsonbContainer *obj)
{
	SpecState  *state = palloc0(sizeof(SpecState));

	state->name = jb_text(name);
	state->initial = jb_get_bool(obj, "initial", false);
	state->terminal = jb_get_bool(obj, "terminal", false);
	state->locked = jb_get_bool(obj, "locked", true);
	state->owner = jb_get_text(obj, "owner");
	state->has_insert = has_member(obj, "insert");
	state->insert = jb_get_texts(obj, "insert");
	if (!state->has_insert && state->owner != NULL)
		state->insert = list_make1(unconstify(char *, state->owner));
	state->remove = jb_get_texts(obj, "delete");
	state->write = read_writes(obj, false);
	state->has_transition = has_member(obj, "transition");
	state->transition = jb_get_texts(obj, "transition");
	return state;
}

/* Read one member of a handoff as a handoff of its kind; NULL if unknown. */
static SpecHandoff *
read_handoff(const JsonbValue *key, const JsonbValue *value)
{
	static const struct
	{
		const char *name;
		int			kind;
	} kinds[] = {
		{"snapshot", HANDOFF_SNAPSHOT}, {"notify", HANDOFF_NOTIFY},
		{"emit", HANDOFF_EMIT},			{"freeze", HANDOFF_FREEZE},
		{"call", HANDOFF_CALL},
	};

	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		SpecHandoff *handoff;

		if (!key_is(key, kinds[i].name))
			continue;
		handoff = palloc0(sizeof(SpecHandoff));
		handoff->kind = kinds[i].kind;
		handoff->attributes = value_texts(value);
		if (value->type == jbvString)
			handoff->name = jb_text(value);
		return handoff;
	}
	return NULL;
}

/* Read the handoffs of a transition, in the order written. */
static List *
read_handoffs(const JsonbContainer *obj)
{
	const JsonbContainer *array = jb_get_array(obj, "handoff");
	List	   *handoffs = NIL;
	JbCursor	elements;
	JsonbValue	element;

	if (array == NULL)
		return NIL;

	jb_walk(&elements, array);
	while (jb_next_element(&elements, &element))
	{
		JbCursor	members;
		JsonbValue	key;
		JsonbValue	value;

		if (!jb_is_object(&element))
			continue;
		jb_walk(&members, element.val.binary.data);
		while (jb_next_member(&members, &key, &value))
		{
			SpecHandoff *handoff = read_handoff(&key, &value);

			if (handoff != NULL)
				handoffs = lappend(handoffs, handoff);
		}
	}
	return handoffs;
}

/* A number as an int, brought into the range of int; 0 if it is none. */
static int
value_int(const JsonbValue *value)
{
	Datum		text;
	double		number;

	if (value->type != jbvNumeric)
		return 0;
	text =
		DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric));
	number = strtod(DatumGetCString(text), NULL);
	if (isnan(number) || number < 0)
		return 0;
	return number > PG_INT32_MAX ? PG_INT32_MAX : (int) number;
}

/* Read a guard's least numbers of child rows. */
static List *
read_child_counts(const JsonbContainer *guard)
{
	const JsonbContainer *map = jb_get_object(guard, "children");
	List	   *counts = NIL;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (map == NULL)
		return NIL;

	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &key, &value))
	{
		SpecChildCount *count = palloc0(sizeof(SpecChildCount));

		count->child = jb_text(&key);
		count->least = value_int(&value);
		counts = lappend(counts, count);
	}
	return counts;
}

/* Read a guard: an expression, or an object of several conditions. */
static void
read_guard(SpecTransition *transition, const JsonbContainer *obj)
{
	const JsonbContainer *guard;

	transition->guard = jb_get_text(obj, "guard");
	guard = jb_get_object(obj, "guard");
	if (guard == NULL)
		return;
	transition->guard = jb_get_text(guard, "expression");
	transition->guard_function = jb_get_text(guard, "function");
	transition->guard_children = read_child_counts(guard);
}

/*
 * Read one transition, whose name is split at its first arrow; NULL if there
 * is no arrow.
 */
SpecTransition *
spec_transition_read(const JsonbValue *key, const JsonbContainer *obj)
{
	SpecTransition *transition = palloc0(sizeof(SpecTransition));
	char	   *name = jb_text(key);
	char	   *arrow = strstr(name, ARROW);

	if (arrow == NULL)
		return NULL;
	transition->name = name;
	transition->from = pnstrdup(name, arrow - name);
	transition->to = pstrdup(arrow + strlen(ARROW));
	transition->by = jb_get_texts(obj, "by");
	read_guard(transition, obj);
	transition->with_write = jb_get_texts(obj, "with_write");
	transition->handoffs = read_handoffs(obj);
	return transition;
}

/* Read one invariant. */
static SpecInvariant *
read_invariant(const JsonbValue *name, const JsonbContainer *obj)
{
	SpecInvariant *invariant = palloc0(sizeof(SpecInvariant));

	invariant->name = jb_text(name);
	invariant->frozen = jb_get_texts(obj, "frozen");
	invariant->from = jb_get_text(obj, "from");
	invariant->not_null = jb_get_texts(obj, "not_null");
	invariant->except_in = jb_get_texts(obj, "except_in");
	invariant->check = jb_get_text(obj, "check");
	return invariant;
}

/* Read one child table. */
SpecChild *
spec_child_read(const JsonbValue *name, const JsonbContainer *obj)
{
	SpecChild  *child = palloc0(sizeof(SpecChild));

	child->name = jb_text(name);
	child->relation = jb_get_text(obj, "relation");
	child->via = jb_get_texts(obj, "via");
	child->write = read_writes(obj, true);
	return child;
}

/* The readers above as one type, for read_map. */
typedef void *(*EntryReader)(const JsonbValue	  *name,
							 const JsonbContainer *obj);

/* Read a map of named objects, each by the reader; what it gives NULL for and
 * what is no object is left out. */
static List *
read_map(const JsonbContainer *obj, const char *key, EntryReader reader)
{
	const JsonbContainer *map = jb_get_object(obj, key);
	List	   *entries = NIL;
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	value;

	if (map == NULL)
		return NIL;

	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &name, &value))
	{
		void	   *entry;

		if (!jb_is_object(&value))
			continue;
		entry = reader(&name, value.val.binary.data);
		if (entry != NULL)
			entries = lappend(entries, entry);
	}
	return entries;
}

static void *
state_reader(const JsonbValue *name, const JsonbContainer *obj)
{
	return spec_state_read(name, obj);
}

static void *
transition_reader(const JsonbValue *name, const JsonbContainer *obj)
{
	return spec_transition_read(name, obj);
}

static void *
invariant_reader(const JsonbValue *name, const JsonbContainer *obj)
{
	return read_invariant(name, obj);
}

static void *
child_reader(const JsonbValue *name, const JsonbContainer *obj)
{
	return spec_child_read(name, obj);
}

/* Read contention.version; its mode is "require" unless it says "auto". */
static void
read_version(SpecLifecycle *lifecycle, const JsonbContainer *obj)
{
	const JsonbContainer *version =
		jb_get_object(jb_get_object(obj, "contention"), "version");
	char	   *mode;

	lifecycle->version = jb_get_text(version, "attribute");
	if (lifecycle->version == NULL)
		return;
	mode = jb_get_text(version, "mode");
	lifecycle->version_mode = mode != NULL && strcmp(mode, "auto") == 0 ?
		VERSION_AUTO :
		VERSION_REQUIRE;
}

/* Is the member this word? */
static bool
says(const JsonbContainer *obj, const char *key, const char *word)
{
	char	   *text = jb_get_text(obj, key);

	return text != NULL && strcmp(text, word) == 0;
}

/* Read what else contention says; writes by strangers are rejected unless. */
static void
read_contention(SpecLifecycle *lifecycle, const JsonbContainer *obj)
{
	const JsonbContainer *contention = jb_get_object(obj, "contention");

	lifecycle->non_owner = says(contention, "non_owner", "queue") ?
		NON_OWNER_QUEUE :
		says(contention, "non_owner", "escalate") ? NON_OWNER_ESCALATE :
													NON_OWNER_REJECT;
	lifecycle->no_op = says(contention, "out_of_order", "no_op");
	lifecycle->fallback_after = jb_get_text(contention, "fallback_after");
}

/* Read the lifecycle; NULL if the dataset has none. */
static SpecLifecycle *
read_lifecycle(const JsonbContainer *dataset)
{
	const JsonbContainer *obj = jb_get_object(dataset, "lifecycle");
	SpecLifecycle *lifecycle;

	if (obj == NULL)
		return NULL;

	lifecycle = palloc0(sizeof(SpecLifecycle));
	lifecycle->governing = jb_get_text(obj, "governing");
	lifecycle->states = read_map(obj, "states", state_reader);
	lifecycle->transitions = read_map(obj, "transitions", transition_reader);
	lifecycle->invariants = read_map(obj, "invariants", invariant_reader);
	lifecycle->children = read_map(obj, "children", child_reader);
	lifecycle->entered_at = jb_get_text(obj, "entered_at");
	read_version(lifecycle, obj);
	read_contention(lifecycle, obj);
	return lifecycle;
}

/* What a dataset asks for if writes are not allowed; "enforce" by default. */
static SpecEnforcement
read_enforcement(const JsonbContainer *dataset)
{
	char	   *text = jb_get_text(dataset, "enforcement");

	if (text != NULL && strcmp(text, "observe") == 0)
		return ENFORCEMENT_OBSERVE;
	if (text != NULL && strcmp(text, "off") == 0)
		return ENFORCEMENT_OFF;
	return ENFORCEMENT_ENFORCE;
}

/* Which writes are recorded; "all" by default. */
static SpecAudit
read_audit(const JsonbContainer *dataset)
{
	char	   *text = jb_get_text(dataset, "audit");

	if (text != NULL && strcmp(text, "transitions") == 0)
		return AUDIT_TRANSITIONS;
	if (text != NULL && strcmp(text, "none") == 0)
		return AUDIT_NONE;
	return AUDIT_ALL;
}

/* The producers: members of a map, or elements of an array. */
static List *
read_producers(const JsonbContainer *dataset)
{
	const JsonbContainer *map = jb_get_object(dataset, "producers");
	List	   *names = NIL;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (map == NULL)
		return jb_get_texts(dataset, "producers");

	jb_walk(&cursor, map);
	while (jb_next_member(&cursor, &key, &value))
		names = lappend(names, jb_text(&key));
	return names;
}

/* Names of the subscriptions that on_apply trusts. */
static List *
read_trusted(const JsonbContainer *dataset)
{
	return jb_get_texts(jb_get_object(dataset, "on_apply"), "trust");
}

/* What attributes may never hold; those without a rule are left out. */
static List *
read_forbids(const JsonbContainer *dataset)
{
	const JsonbContainer *attributes = jb_get_object(dataset, "attributes");
	List	   *forbids = NIL;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (attributes == NULL)
		return NIL;
	jb_walk(&cursor, attributes);
	while (jb_next_member(&cursor, &key, &value))
	{
		SpecForbid *forbid;
		List	   *detectors;

		if (value.type != jbvBinary)
			continue;
		detectors = jb_get_texts(value.val.binary.data, "forbid");
		if (detectors == NIL)
			continue;
		forbid = palloc0(sizeof(SpecForbid));
		forbid->name = jb_text(&key);
		forbid->path = asset_key_parts(forbid->name);
		forbid->detectors = detectors;
		forbids = lappend(forbids, forbid);
	}
	return forbids;
}

double
spec_audit_reads(const JsonbContainer *dataset)
{
	JsonbValue	share;

	if (!jb_get(dataset, "audit_reads", &share) || share.type != jbvNumeric)
		return 0;
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8,
							NumericGetDatum(share.val.numeric)));
}

SpecDataset *
spec_dataset_read(const char *context_name, const JsonbContainer *context,
				  const char *dataset_name, const JsonbContainer *dataset)
{
	SpecDataset *spec = palloc0(sizeof(SpecDataset));

	spec->key = asset_key(context_name, dataset_name, NULL);
	spec->context = pstrdup(context_name);
	spec->name = pstrdup(dataset_name);
	spec->relation = jb_get_text(dataset, "relation");
	spec->owner = jb_get_text(dataset, "owner");
	if (spec->owner == NULL)
		spec->owner = jb_get_text(context, "owner");
	spec->standing = standing_owner(context, dataset);
	spec->producers = read_producers(dataset);
	spec->enforcement = read_enforcement(dataset);
	spec->audit = read_audit(dataset);
	spec->key_columns = jb_get_texts(dataset, "key");
	spec->triggers = jb_get_texts(dataset, "triggers");
	spec->fk_actions = jb_get_texts(dataset, "allow_fk_actions");
	spec->trusted = read_trusted(dataset);
	spec->forbids = read_forbids(dataset);
	spec->audit_reads = spec_audit_reads(dataset);
	spec->lifecycle = read_lifecycle(dataset);
	spec->definition = dataset;
	return spec;
}

/* Names, each once, in the order in which they came. */
typedef struct NameSet
{
	List	   *names;		/* of char * */
	const char **slots;		/* open addressing; NULL is free */
	uint32		mask;		/* number of slots, a power of two, - 1 */
} NameSet;

static void
name_set_begin(NameSet *set)
{
	set->names = NIL;
	set->mask = 63;
	set->slots = palloc0(sizeof(char *) * (set->mask + 1));
}

/* The slot that holds the name, or the free one where it belongs. */
static const char **
name_slot(const NameSet *set, const char *name)
{
	uint32 i = hash_bytes((const unsigned char *) name, (int) strlen(name));

	for (;; i++)
	{
		const char **slot = &set->slots[i & set->mask];

		if (*slot == NULL || strcmp(*slot, name) == 0)
			return slot;
	}
}

static void
name_set_grow(NameSet *set)
{
	ListCell   *lc;

	set->mask = set->mask * 2 + 1;
	set->slots = palloc0(sizeof(char *) * (set->mask + 1));
	foreach (lc, set->names)
		*name_slot(set, lfirst(lc)) = lfirst(lc);
}

/* Add a party unless it is there or NULL. */
static void
add_party(NameSet *set, const char *party)
{
	const char **slot;

	if (party == NULL)
		return;
	slot = name_slot(set, party);
	if (*slot != NULL)
		return;
	*slot = party;
	set->names = lappend(set->names, unconstify(char *, party));
	if (list_length(set->names) * 2 > (int) set->mask)
		name_set_grow(set);
}

/* Add several parties. */
static void
add_parties(NameSet *set, const List *more)
{
	ListCell   *lc;

	foreach (lc, more)
		add_party(set, lfirst(lc));
}

/* Add the parties of write rules. */
static void
add_writers(NameSet *set, const List *writes)
{
	ListCell   *lc;

	foreach (lc, writes)
		add_parties(set, ((SpecWrite *) lfirst(lc))->parties);
}

/* Add the parties that a state names. */
static void
add_state_parties(NameSet *set, const SpecState *state)
{
	add_party(set, state->owner);
	add_parties(set, state->insert);
	add_parties(set, state->remove);
	add_writers(set, state->write);
	add_parties(set, state->transition);
}

List *
spec_dataset_parties(const SpecDataset *dataset)
{
	const SpecLifecycle *lifecycle = dataset->lifecycle;
	NameSet		set;
	ListCell   *lc;

	name_set_begin(&set);
	add_party(&set, dataset->standing);
	add_parties(&set, dataset->producers);
	if (lifecycle == NULL)
		return set.names;

	foreach (lc, lifecycle->states)
		add_state_parties(&set, lfirst(lc));
	foreach (lc, lifecycle->transitions)
		add_parties(&set, ((SpecTransition *) lfirst(lc))->by);
	foreach (lc, lifecycle->children)
		add_writers(&set, ((SpecChild *) lfirst(lc))->write);
	return set.names;
}

/* The state of that name; NULL if there is none. */
SpecState *
spec_state(const SpecLifecycle *lifecycle, const char *name)
{
	ListCell   *lc;

	if (lifecycle == NULL || name == NULL)
		return NULL;
	foreach (lc, lifecycle->states)
	{
		SpecState  *state = lfirst(lc);

		if (strcmp(state->name, name) == 0)
			return state;
	}
	return NULL;
}

/*
 * The relation that "schema.table" names, whoever asks; InvalidOid if the
 * text is no such name or nothing is there.  Takes no lock.
 */
Oid
spec_relation_oid(const char *relation)
{
	List	   *names;
	Oid			schema;

	if (relation == NULL ||
		!SplitIdentifierString(pstrdup(relation), '.', &names) ||
		list_length(names) != 2)
		return InvalidOid;

	schema = get_namespace_oid(linitial(names), true);
	if (!OidIsValid(schema))
		return InvalidOid;
	return get_relname_relid(lsecond(names), schema);
}
