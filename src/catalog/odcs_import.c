/*-------------------------------------------------------------------------
 *
 * odcs_import.c
 *		Import of an Open Data Contract: kept verbatim, projected by a patch
 *		through apply.
 *
 * A dataset that is there already is merged by member, with three sides: what
 * the contract of the last import said, what this one says, and what the
 * document has.  Where the document still has the old contract's word it
 * follows the new one; where a person has another word, or one more, that
 * stays.  No import takes a dataset, or its relation, or an enforcement away.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/rights.h"
#include "catalog/odcs.h"
#include "catalog/validate.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_import_odcs);

/* The verb that does the work; in apply.c. */
extern PGDLLEXPORT Datum spine_apply(PG_FUNCTION_ARGS);

/* A contract that would need more entries than this is refused. */
#define ENTRIES_LIMIT 1000000

/* A dataset of the accepted document. */
typedef struct KnownDataset
{
	char	   *context;
	char	   *name;
	char	   *contract; /* or NULL */
	const JsonbContainer *definition;
} KnownDataset;

/* An import at work. */
typedef struct Import
{
	const char *id;
	const JsonbContainer *doc;
	const JsonbContainer *spine; /* the accepted document */
	OdcsContract *now;
	OdcsContract *past;		/* of the last import, or NULL */
	HTAB	   *past_objects;	/* name -> schema object of the past contract */
	HTAB	   *by_name;	/* name -> KnownDataset of this contract */
	HTAB	   *by_relation; /* spelling -> KnownDataset */
	HTAB	   *relations;	/* spelling: taken by this contract */
	Findings   *findings;
	List	   *contexts;	/* of char *: named by the patch */
	List	   *datasets;	/* of ImportedDataset */
	HTAB	   *parties;	/* that the datasets name */
} Import;

/* A dataset as the patch has it. */
typedef struct ImportedDataset
{
	const char *context;
	const char *name;
	Jsonb	   *definition;
} ImportedDataset;

/* ---- the merge ---- */

static bool merge_member(const JsonbValue *key, const JsonbValue *mine,
						 const JsonbValue *past, const JsonbValue *now,
						 JsonbValue *result);

/* Merge two objects by member; false if nothing is left.  now and past may
 * be NULL. */
static bool
merge_objects(const JsonbContainer *mine, const JsonbContainer *past,
			  const JsonbContainer *now, JsonbValue *result)
{
	Assembly	object;
	Pairs		pairs;

	assembly_begin(&object);
	pairs_begin(&pairs, mine, now);
	while (pairs_next(&pairs))
	{
		JsonbValue	before;
		JsonbValue	value;
		bool		known;

		known = jb_get_n(past, pairs.key.val.string.val,
						 pairs.key.val.string.len, &before);
		if (merge_member(&pairs.key, pairs.before, known ? &before : NULL,
						 pairs.after, &value))
			assembly_add(&object, &pairs.key, &value);
	}
	*result = assembly_value(&object);
	return object.count > 0;
}

/* Add the strings of an array to a set. */
static void
add_strings(HTAB *names, const JsonbValue *array)
{
	JbCursor	cursor;
	JsonbValue	element;
	bool		found;

	if (array == NULL || !jb_is_array(array))
		return;
	jb_walk(&cursor, array->val.binary.data);
	while (jb_next_element(&cursor, &element))
		if (element.type == jbvString)
			(void) names_enter(names, element.val.string.val,
							   element.val.string.len, &found);
}

/* Is a string in a set? */
static bool
in_set(HTAB *names, const JsonbValue *string)
{
	NameEntry	key = {string->val.string.val, string->val.string.len, NULL};

	return hash_search(names, &key, HASH_FIND, NULL) != NULL;
}

/* Copy the strings of an array that are not in one set, or are in another
 * one, which may be NULL. */
static void
push_strings(JsonbParseState **state, const JsonbValue *array, HTAB *but,
			 HTAB *unless)
{
	JbCursor	cursor;
	JsonbValue	element;

	if (array == NULL || !jb_is_array(array))
		return;
	jb_walk(&cursor, array->val.binary.data);
	while (jb_next_element(&cursor, &element))
		if (element.type == jbvString &&
			(!in_set(but, &element) ||
			 (unless != NULL && in_set(unless, &element))))
			(void) pushJsonbValue(state, WJB_ELEM, &element);
}

/* Merge tags: without what the contract took back, with what it adds, still
 * without what a person took out. */
static bool
merge_tags(const JsonbValue *mine, const JsonbValue *past,
		   const JsonbValue *now, JsonbValue *result)
{
	JsonbParseState *state = NULL;
	HTAB	   *known = names_new();
	HTAB	   *said = names_new();
	Jsonb	   *tags;

	add_strings(known, past);
	add_strings(said, now);
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	push_strings(&state, mine, known, said);
	add_strings(known, mine);
	push_strings(&state, now, known, NULL);
	tags = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	hash_destroy(known);
	hash_destroy(said);
	*result = document_value(tags);
	return JB_ROOT_COUNT(tags) > 0;
}

/*
 * Merge one member: mine, that the document has; past, that the old contract
 * said; now, that the new one says.  Each may be NULL, but not both mine and
 * now.  False if the result lacks it.
 */
static bool
merge_member(const JsonbValue *key, const JsonbValue *mine,
			 const JsonbValue *past, const JsonbValue *now, JsonbValue *result)
{
	bool		same = past != NULL && values_equal(past, mine);

	if (mine == NULL)
	{
		/* What a person took out stays out until the contract says more. */
		*result = *now;
		return !values_equal(past, now);
	}
	if (jb_is_object(mine) && past != NULL && !same &&
		(now == NULL || jb_is_object(now)))
		return merge_objects(value_object(mine), value_object(past),
							 value_object(now), result);
	if (jb_is_object(mine) && now != NULL && jb_is_object(now) && !same)
		return merge_objects(value_object(mine), NULL, value_object(now),
							 result);
	if (key_is(key, "tags") && jb_is_array(mine))
		return merge_tags(mine, past, now, result);
	if (same && now != NULL)
		*result = *now;
	else
		*result = *mine;
	return !same || now != NULL;
}

/* ---- what the document has ---- */

/* Remember a dataset of the document by its contract and its relation. */
static void
know_dataset(Import *import, const char *context, const Pairs *pair)
{
	KnownDataset *known = palloc(sizeof(KnownDataset));
	char	   *relation;
	bool		found;

	known->context = pstrdup(context);
	known->name = jb_text(&pair->key);
	known->definition = value_object(pair->before);
	known->contract = jb_get_text(known->definition, "contract");
	if (known->contract != NULL && strcmp(known->contract, import->id) == 0)
		names_enter(import->by_name, known->name, (int) strlen(known->name),
					&found)
			->first = (char *) known;
	relation = jb_get_text(known->definition, "relation");
	if (relation != NULL)
		relation = relation_spelling(relation);
	if (relation != NULL)
		names_enter(import->by_relation, relation, (int) strlen(relation),
					&found)
			->first = (char *) known;
}

/* Remember all datasets of the document. */
static void
know_datasets(Import *import)
{
	Pairs		contexts;
	Pairs		datasets;

	pairs_begin(&contexts, jb_get_object(import->spine, "contexts"), NULL);
	while (pairs_next(&contexts))
	{
		char	   *context = jb_text(&contexts.key);

		pairs_begin(&datasets,
					jb_get_object(value_object(contexts.before), "datasets"),
					NULL);
		while (pairs_next(&datasets))
			know_dataset(import, context, &datasets);
	}
}

/* Remember the schema objects of the last import's contract by name. */
static void
know_past(Import *import, const JsonbContainer *past)
{
	const JsonbContainer *schema = jb_get_array(past, "schema");
	JbCursor	cursor;
	JsonbValue	object;
	JsonbValue	name;
	bool		found;

	if (schema == NULL)
		return;
	jb_walk(&cursor, schema);
	while (jb_next_element(&cursor, &object))
		if (jb_get(value_object(&object), "name", &name) &&
			name.type == jbvString)
			names_enter(import->past_objects, name.val.string.val,
						name.val.string.len, &found)
				->first =
				(char *) unconstify(JsonbContainer *, value_object(&object));
}

/* What a set remembers of a name; NULL if it has none. */
static void *
recall(HTAB *names, const char *name)
{
	NameEntry	key = {name, (int) strlen(name), NULL};
	NameEntry  *entry = hash_search(names, &key, HASH_FIND, NULL);

	return entry != NULL ? entry->first : NULL;
}

/* ---- one dataset ---- */

/* The dataset under a name in a context; NULL if there is none. */
static KnownDataset *
dataset_at(const Import *import, char *context, char *name)
{
	const JsonbContainer *entry =
		jb_get_object(jb_get_object(import->spine, "contexts"), context);
	const JsonbContainer *definition =
		jb_get_object(jb_get_object(entry, "datasets"), name);
	KnownDataset *known;

	if (definition == NULL)
		return NULL;
	known = palloc(sizeof(KnownDataset));
	known->context = context;
	known->name = name;
	known->definition = definition;
	known->contract = jb_get_text(definition, "contract");
	return known;
}

/*
 * The dataset that a schema object is: of this contract and this name, or so
 * called in the contract's context, or of this table; NULL if it is new.
 */
static KnownDataset *
find_dataset(Import *import, char *name, Oid relid)
{
	KnownDataset *known = recall(import->by_name, name);

	if (known == NULL)
		known = dataset_at(import, odcs_context(import->doc), name);
	if (known == NULL && OidIsValid(relid))
		known = recall(import->by_relation, odcs_relation_name(relid));
	return known;
}

/* Two datasets cannot govern one table, nor one dataset have two contracts. */
static void
check_conflicts(Import *import, const KnownDataset *known, Oid relid,
				const Place *place)
{
	const KnownDataset *other;
	char	   *relation;
	bool		found;

	if (known != NULL && known->contract != NULL &&
		strcmp(known->contract, import->id) != 0)
		finding_add(import->findings, FINDING_ERROR, "contract_conflict",
					place, NULL,
					"dataset \"%s\" is under contract \"%s\" already",
					asset_key(known->context, known->name, NULL),
					known->contract);
	if (!OidIsValid(relid))
		return;
	relation = odcs_relation_name(relid);
	other = recall(import->by_relation, relation);
	if (other != NULL &&
		(known == NULL || strcmp(known->context, other->context) != 0 ||
		 strcmp(known->name, other->name) != 0))
		finding_add(import->findings, FINDING_ERROR, "relation_conflict",
					place, NULL, "table \"%s\" is dataset \"%s\" already",
					relation, asset_key(other->context, other->name, NULL));
	(void) names_enter(import->relations, relation, (int) strlen(relation),
					   &found);
	if (found)
		finding_add(import->findings, FINDING_ERROR, "relation_conflict",
					place, NULL, "table \"%s\" stands here twice", relation);
}

/* A table without an owner would be closed to all. */
static void
check_owner(Import *import, const char *context, const Jsonb *dataset)
{
	const JsonbContainer *entry =
		jb_get_object(jb_get_object(import->spine, "contexts"), context);
	Place		place = place_member(NULL, "team");

	if (jb_get_text(&dataset->root, "relation") == NULL ||
		jb_get_text(&dataset->root, "owner") != NULL ||
		jb_get_text(entry, "owner") != NULL || import->findings->errors > 0)
		return;
	finding_add(import->findings, FINDING_ERROR, "no_owner", &place, NULL,
				"nobody has the role owner, and context \"%s\" has no owner",
				context);
}

/* A new dataset: what the contract says, observed. */
static Jsonb *
new_dataset(const Import *import, const Jsonb *projected)
{
	JsonbParseState *state = NULL;
	Pairs		pairs;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pairs_begin(&pairs, &projected->root, NULL);
	while (pairs_next(&pairs))
		jb_push_value(&state, jb_text(&pairs.key), pairs.before);
	jb_push_text(&state, "contract", import->id);
	jb_push_text(&state, "enforcement", "observe");
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* A dataset's definition with its contract. */
static Jsonb *
under_contract(const Import *import, const JsonbValue *definition)
{
	JsonbParseState *state = NULL;
	JsonbValue	contract = text_value(import->id);
	Jsonb	   *mark;
	JsonbValue	merged;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_value(&state, "contract", &contract);
	mark = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	(void) merge_objects(value_object(definition), NULL, &mark->root, &merged);
	return value_document(&merged);
}

/* The past contract's word about a dataset as it stands; NULL if none. */
static Jsonb *
past_dataset(Import *import, const KnownDataset *known, const char *name,
			 Oid mine)
{
	const JsonbContainer *object = NULL;
	char	   *relation = jb_get_text(known->definition, "relation");
	Oid			relid;

	if (import->past != NULL)
		object = recall(import->past_objects, name);
	if (object == NULL)
		return NULL;

	/* A relation that is not there any more is nobody's word. */
	relid = odcs_table(import->past, object, known->context, NULL);
	if (relation != NULL && OidIsValid(mine) && relid != mine)
		relation = OidIsValid(relid) ? odcs_relation_name(relid) : NULL;
	return odcs_dataset(import->past, object, mine, relation, NULL);
}

/* Merge a schema object into the dataset that it is. */
static Jsonb *
merged_dataset(Import *import, const KnownDataset *known,
			   const JsonbContainer *object, const char *name, Oid relid,
			   const Place *place)
{
	char	   *relation = jb_get_text(known->definition, "relation");
	Oid			mine = spec_relation_oid(relation);
	Jsonb	   *past = past_dataset(import, known, name, mine);
	Jsonb	   *now;
	JsonbValue	merged;

	if (!OidIsValid(relid))
		relid = mine;
	if (OidIsValid(relid) && relid != mine)
		relation = odcs_relation_name(relid);
	now = odcs_dataset(import->now, object, relid, relation, place);
	(void) merge_objects(known->definition, past ? &past->root : NULL,
						 &now->root, &merged);
	return under_contract(import, &merged);
}

/* Remember which parties a dataset names. */
static void
need_parties(Import *import, const Jsonb *dataset)
{
	static const char *const members[] = {"owner", "steward"};
	Pairs		pairs;
	bool		found;

	for (size_t i = 0; i < lengthof(members); i++)
	{
		char	   *party = jb_get_text(&dataset->root, members[i]);

		if (party != NULL)
			(void) names_enter(import->parties, party, (int) strlen(party),
							   &found);
	}
	pairs_begin(&pairs, jb_get_object(&dataset->root, "consumers"), NULL);
	while (pairs_next(&pairs))
		(void) names_enter(import->parties, pairs.key.val.string.val,
						   pairs.key.val.string.len, &found);
}

/* Import one schema object. */
static void
import_object(Import *import, const JsonbContainer *object, const Place *place)
{
	ImportedDataset *imported = palloc(sizeof(ImportedDataset));
	char	   *name = jb_get_text(object, "name");
	char	   *context = odcs_context(import->doc);
	KnownDataset *known = recall(import->by_name, name);
	Oid			relid;

	if (known != NULL)
		context = known->context;
	relid = odcs_table(import->now, object, context, place);
	known = find_dataset(import, name, relid);
	check_conflicts(import, known, relid, place);
	imported->context = known ? known->context : context;
	imported->name = known ? known->name : name;
	if (known != NULL)
		imported->definition =
			merged_dataset(import, known, object, name, relid, place);
	else
		imported->definition =
			new_dataset(import,
						odcs_dataset(import->now, object, relid,
									 OidIsValid(relid) ?
										 odcs_relation_name(relid) :
										 NULL,
									 place));
	if (known == NULL)
		check_owner(import, imported->context, imported->definition);
	need_parties(import, imported->definition);
	import->datasets = lappend(import->datasets, imported);
}

/* Import all schema objects. */
static void
import_objects(Import *import)
{
	const JsonbContainer *schema = jb_get_array(import->doc, "schema");
	Place		place = place_member(NULL, "schema");
	JbCursor	cursor;
	JsonbValue	object;

	if (schema == NULL)
		return;
	jb_walk(&cursor, schema);
	while (jb_next_element(&cursor, &object))
	{
		Place		here = place_element(&place, cursor.index);

		import_object(import, value_object(&object), &here);
	}
}

/* ---- the patch ---- */

/* Order of datasets: by context, then by name. */
static int
compare_datasets(const ListCell *a, const ListCell *b)
{
	const ImportedDataset *left = lfirst(a);
	const ImportedDataset *right = lfirst(b);
	int			order = strcmp(left->context, right->context);

	return order != 0 ? order : strcmp(left->name, right->name);
}

/* Add the section "contexts" with the datasets. */
static void
push_contexts(Import *import, JsonbParseState **patch)
{
	const char *context = NULL;
	ListCell   *lc;

	if (import->datasets == NIL)
		return;
	list_sort(import->datasets, compare_datasets);
	jb_push_key(patch, "contexts");
	(void) pushJsonbValue(patch, WJB_BEGIN_OBJECT, NULL);
	foreach (lc, import->datasets)
	{
		const ImportedDataset *imported = lfirst(lc);
		JsonbValue	value = document_value(imported->definition);

		if (context == NULL || strcmp(context, imported->context) != 0)
		{
			if (context != NULL)
			{
				(void) pushJsonbValue(patch, WJB_END_OBJECT, NULL);
				(void) pushJsonbValue(patch, WJB_END_OBJECT, NULL);
			}
			context = imported->context;
			jb_push_key(patch, context);
			(void) pushJsonbValue(patch, WJB_BEGIN_OBJECT, NULL);
			jb_push_key(patch, "datasets");
			(void) pushJsonbValue(patch, WJB_BEGIN_OBJECT, NULL);
		}
		jb_push_value(patch, imported->name, &value);
	}
	(void) pushJsonbValue(patch, WJB_END_OBJECT, NULL);
	(void) pushJsonbValue(patch, WJB_END_OBJECT, NULL);
	(void) pushJsonbValue(patch, WJB_END_OBJECT, NULL);
}

/*
 * Add a section of named entries, each merged with the document's.  wanted,
 * which may be NULL, says which new ones are needed.
 */
static void
push_section(Import *import, JsonbParseState **patch, const char *section,
			 const Jsonb *past, const Jsonb *now, HTAB *wanted)
{
	const JsonbContainer *mine = jb_get_object(import->spine, section);
	Pairs		pairs;

	jb_push_key(patch, section);
	(void) pushJsonbValue(patch, WJB_BEGIN_OBJECT, NULL);
	pairs_begin(&pairs, &now->root, NULL);
	while (pairs_next(&pairs))
	{
		char	   *name = jb_text(&pairs.key);
		JsonbValue	before;
		JsonbValue	value;
		JsonbValue	merged;
		bool		known = past != NULL && jb_get(&past->root, name, &before);

		if (jb_get(mine, name, &value))
		{
			(void) merge_objects(value_object(&value),
								 known ? value_object(&before) : NULL,
								 value_object(pairs.before), &merged);
			jb_push_value(patch, name, &merged);
		}
		else if (wanted != NULL ? in_set(wanted, &pairs.key) : !known)
			jb_push_value(patch, name, pairs.before);
	}
	(void) pushJsonbValue(patch, WJB_END_OBJECT, NULL);
}

/* The whole patch. */
static Jsonb *
build_patch(Import *import, const Jsonb *contract)
{
	JsonbParseState *patch = NULL;
	Jsonb	   *terms = odcs_terms(import->now);
	JsonbValue	value = document_value(contract);

	(void) pushJsonbValue(&patch, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&patch, "kind", "DataSpine");
	jb_push_text(&patch, "apiVersion", "spine/v1");
	jb_push_key(&patch, "contracts");
	(void) pushJsonbValue(&patch, WJB_BEGIN_OBJECT, NULL);
	jb_push_value(&patch, import->id, &value);
	(void) pushJsonbValue(&patch, WJB_END_OBJECT, NULL);
	push_section(import, &patch, "parties",
				 import->past ? import->past->parties : NULL,
				 import->now->parties, import->parties);
	push_section(import, &patch, "stores",
				 import->past ? import->past->stores : NULL,
				 import->now->stores, NULL);
	if (terms != NULL)
	{
		value = document_value(terms);
		jb_push_value(&patch, "terms", &value);
	}
	push_contexts(import, &patch);
	return JsonbValueToJsonb(pushJsonbValue(&patch, WJB_END_OBJECT, NULL));
}

/* ---- spine.import_odcs ---- */

/* The number of elements of an array member. */
static int64
count_elements(const JsonbContainer *doc, const char *member)
{
	const JsonbContainer *array = jb_get_array(doc, member);

	return array != NULL ? JsonContainerSize(array) : 0;
}

/* What a contract says of all its datasets is written into each: refuse one
 * that would grow out of all proportion. */
static void
check_size(const OdcsContract *contract)
{
	int64		each = list_length(contract->retentions) +
		count_elements(contract->doc, "tags") +
		count_elements(contract->doc, "roles") +
		count_elements(contract->doc, "servers");

	if (each * count_elements(contract->doc, "schema") > ENTRIES_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("data contract is too large"),
				 errdetail("Its schema objects times its tags, roles, servers "
						   "and retention entries exceed %d.",
						   ENTRIES_LIMIT)));
}

/* The accepted contract of this id as the last import had it; NULL if there
 * is none that can be read. */
static const JsonbContainer *
past_contract(const JsonbContainer *spine, const char *id)
{
	const JsonbContainer *past =
		jb_get_object(jb_get_object(spine, "contracts"), id);
	Findings   *findings = findings_new();

	if (past != NULL)
		odcs_check(past, findings);
	return findings->errors == 0 ? past : NULL;
}

/* The patch that an import is. */
static Jsonb *
import_patch(const Jsonb *contract, const Jsonb *spine)
{
	Import		import = {0};
	const JsonbContainer *past;

	import.id = jb_get_text(&contract->root, "id");
	import.doc = &contract->root;
	import.spine = &spine->root;
	import.past_objects = names_new();
	import.by_name = names_new();
	import.by_relation = names_new();
	import.relations = names_new();
	import.parties = names_new();
	import.findings = findings_new();
	past = past_contract(&spine->root, import.id);
	if (past != NULL)
	{
		import.past = odcs_contract(past, &spine->root, true);
		know_past(&import, past);
	}
	import.now = odcs_contract(&contract->root, &spine->root, false);
	check_size(import.now);
	know_datasets(&import);
	import_objects(&import);
	odcs_raise(import.findings);
	odcs_tell(import.now->notes);
	return build_patch(&import, contract);
}

/* The message of the revision, if the caller gave none. */
static text *
import_message(const Jsonb *contract)
{
	char	   *version = jb_get_text(&contract->root, "version");

	return cstring_to_text(psprintf("import of data contract %s, version %s",
									jb_get_text(&contract->root, "id"),
									version));
}

/* Error context: the document being applied is an import's. */
static void
import_context(void *arg)
{
	errcontext("import of data contract \"%s\"", (char *) arg);
}

/* Apply the patch, unless the document has changed since it was made. */
static Datum
apply_patch(const Jsonb *patch, text *message, int64 rev)
{
	LOCAL_FCINFO(call, 4);

	InitFunctionCallInfoData(*call, NULL, 4, InvalidOid, NULL, NULL);
	call->args[0].value = JsonbPGetDatum(patch);
	call->args[0].isnull = false;
	call->args[1].value = PointerGetDatum(message);
	call->args[1].isnull = false;
	call->args[2].value = BoolGetDatum(false);
	call->args[2].isnull = false;
	call->args[3].value = Int64GetDatum(rev);
	call->args[3].isnull = false;
	return spine_apply(call);
}

/*
 * spine.import_odcs(doc, message): see docs/odcs.md.  Rights are apply's.
 * Who may apply anything waits for other applies before the patch is made;
 * whoever else is refused (SP003) if one came between.
 */
Datum
spine_import_odcs(PG_FUNCTION_ARGS)
{
	ErrorContextCallback callback = {error_context_stack, import_context,
									 NULL};
	Findings   *findings = findings_new();
	Jsonb	   *contract;
	Jsonb	   *spine;
	text	   *message = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	int64		rev;
	Datum		result;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("data contract must not be null")));
	contract = PG_GETARG_JSONB_P(0);
	odcs_check(&contract->root, findings);
	odcs_raise(findings);
	PreventCommandIfReadOnly("spine.import_odcs()");
	PreventCommandDuringRecovery("spine.import_odcs()");

	if (is_spine_admin(GetUserId()))
		revision_lock();
	spine = document_newest(&rev);
	if (message == NULL || VARSIZE_ANY_EXHDR(message) == 0)
		message = import_message(contract);
	callback.arg = jb_get_text(&contract->root, "id");
	error_context_stack = &callback;
	result = apply_patch(import_patch(contract, spine), message, rev);
	error_context_stack = callback.previous;
	return result;
}
