/*-------------------------------------------------------------------------
 *
 * references.c
 *		What the names of a document refer to, inside the document.
 *
 * One walk along the table of the format: each string whose shape has a
 * reference is looked up by a binary search in the section that it speaks
 * of, so the whole costs n log n and touches no catalog.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <ctype.h>

#include "catalog/format.h"
#include "catalog/validate.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

/* Lists longer than this are not searched for entries given twice. */
#define COMPARED_ENTRIES 200

/* Deeper than this, places inside a contract are not told apart. */
#define CONTRACT_DEPTH 64

/* What the walk knows. */
typedef struct References
{
	const JsonbContainer *doc;
	const char *local_store;
	Findings   *findings;
	const JsonbContainer *lifecycle; /* of the dataset last met, or NULL */
	bool		local;				 /* does it live here? */
	HTAB	   *topics;				 /* declared by events */
	HTAB	   *roles;				 /* of parties */
	HTAB	   *relations;			 /* governed here */
	HTAB	   *subjects;			 /* listed by datasets */
} References;

/* A string of the document, where it stands. */
typedef struct Reference
{
	const Shape *shape;
	const char *text; /* not ended by NUL */
	int			len;
	const Place *place;
} Reference;

/* ---- sets of names ---- */

static uint32
hash_name(const void *key, Size keysize)
{
	const NameEntry *entry = key;

	return hash_bytes((const unsigned char *) entry->text, entry->len);
}

static int
compare_names(const void *a, const void *b, Size keysize)
{
	const NameEntry *left = a;
	const NameEntry *right = b;

	if (left->len != right->len)
		return 1;
	return memcmp(left->text, right->text, left->len);
}

/* A new, empty set in the current memory context. */
HTAB *
names_new(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = offsetof(NameEntry, first);
	ctl.entrysize = sizeof(NameEntry);
	ctl.hash = hash_name;
	ctl.match = compare_names;
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("spine names", 64, &ctl,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE |
						   HASH_CONTEXT);
}

/* Enter a name; the text must outlive the set. */
NameEntry *
names_enter(HTAB *names, const char *text, int len, bool *found)
{
	NameEntry	key;
	NameEntry  *entry;

	memset(&key, 0, sizeof(key));
	key.text = text;
	key.len = len;
	entry = hash_search(names, &key, HASH_ENTER, found);
	if (!*found)
		entry->first = NULL;
	return entry;
}

/*
 * Enter a name that may stand only once; if it stood before, tell where.
 */
static void
enter_once(References *refs, HTAB *names, const Reference *ref,
		   const char *code, const char *what)
{
	bool		found;
	NameEntry  *entry = names_enter(names, ref->text, ref->len, &found);

	if (!found)
		entry->first = place_pointer(ref->place);
	else
		finding_add(refs->findings, FINDING_ERROR, code, ref->place, NULL,
					"%s \"%.*s\" is already given at %s", what, ref->len,
					ref->text, entry->first);
}

/* ---- looking up ---- */

/* Is there an entry of that name in a section (or any object)? */
static bool
has_entry(const JsonbContainer *section, const Reference *ref)
{
	JsonbValue	value;

	return jb_get_n(section, ref->text, ref->len, &value);
}

static void
unknown(References *refs, const Reference *ref, const char *code,
		const char *what)
{
	finding_add(refs->findings, FINDING_ERROR, code, ref->place, NULL,
				"%s \"%.*s\" does not exist in the document", what, ref->len,
				ref->text);
}

/* A name that only people miss: it blocks nothing. */
static void
undeclared(References *refs, const Reference *ref, const char *code,
		   const char *what)
{
	finding_add(refs->findings, FINDING_WARNING, code, ref->place, NULL,
				"%s \"%.*s\" is used but not declared", what, ref->len,
				ref->text);
}

static void
check_in_section(References *refs, const Reference *ref, const char *section,
				 const char *code, const char *what)
{
	if (!has_entry(jb_get_object(refs->doc, section), ref))
		unknown(refs, ref, code, what);
}

static void
check_party(References *refs, const Reference *ref)
{
	const JsonbContainer *parties = jb_get_object(refs->doc, "parties");
	JsonbValue	value;

	if (!jb_get_n(parties, ref->text, ref->len, &value))
		unknown(refs, ref, "unknown_party", "party");
	else if (jb_is_object(&value) &&
			 jb_get_bool(value.val.binary.data, "retired", false))
		finding_add(refs->findings, FINDING_ERROR, "retired_party", ref->place,
					"Give the duty or the right to another party.",
					"party \"%.*s\" is retired", ref->len, ref->text);
}

static void
check_term(References *refs, const Reference *ref, const char *scheme,
		   int schemelen)
{
	const JsonbContainer *terms = jb_get_object(refs->doc, "terms");
	JsonbValue	value;

	if (jb_get_n(terms, scheme, schemelen, &value) && jb_is_object(&value) &&
		has_entry(value.val.binary.data, ref))
		return;
	finding_add(
		refs->findings, FINDING_ERROR, "unknown_term", ref->place, NULL,
		"term \"%.*s\" of scheme \"%.*s\" does not exist in the document",
		ref->len, ref->text, schemelen, scheme);
}

/* A tag is "scheme:term". */
static void
check_tag(References *refs, const Reference *ref)
{
	const char *colon = memchr(ref->text, ':', ref->len);
	Reference	term = *ref;

	if (colon == NULL)
	{
		finding_add(refs->findings, FINDING_ERROR, "bad_tag", ref->place,
					"A tag is written scheme:term.", "\"%.*s\" is not a tag",
					ref->len, ref->text);
		return;
	}
	term.text = colon + 1;
	term.len = ref->len - (int) (colon + 1 - ref->text);
	check_term(refs, &term, ref->text, (int) (colon - ref->text));
}

static void
check_dataset_key(References *refs, const Reference *ref)
{
	List	   *parts = asset_key_parts(pnstrdup(ref->text, ref->len));
	const JsonbContainer *context = NULL;

	if (list_length(parts) == 2)
		context = jb_get_object(jb_get_object(refs->doc, "contexts"),
								linitial(parts));
	if (context == NULL ||
		jb_get_object(jb_get_object(context, "datasets"), lsecond(parts)) ==
			NULL)
		unknown(refs, ref, "unknown_dataset", "dataset");
}

/* Every topic that some event declares. */
static HTAB *
declared_topics(const JsonbContainer *doc)
{
	const JsonbContainer *events = jb_get_object(doc, "events");
	HTAB	   *topics = names_new();
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;
	bool		found;

	if (events == NULL)
		return topics;
	jb_walk(&cursor, events);
	while (jb_next_member(&cursor, &key, &value))
	{
		JsonbValue	topic;

		(void) names_enter(topics, key.val.string.val, key.val.string.len,
						   &found);
		if (jb_is_object(&value) &&
			jb_get(value.val.binary.data, "topic", &topic) &&
			topic.type == jbvString)
			(void) names_enter(topics, topic.val.string.val,
							   topic.val.string.len, &found);
	}
	return topics;
}

static void
check_topic(References *refs, const Reference *ref)
{
	NameEntry	key = {ref->text, ref->len, NULL};

	if (hash_search(refs->topics, &key, HASH_FIND, NULL) == NULL)
		undeclared(refs, ref, "undeclared_topic", "topic");
}

/* ---- links ---- */

/* Schemes of URLs that a person may safely follow. */
static bool
is_known_scheme(const char *text, int len)
{
	static const char *const schemes[] = {"http", "https", "mailto", "ftp",
										  "git",  "ssh",   "s3",	 "file"};

	for (size_t i = 0; i < lengthof(schemes); i++)
		if ((int) strlen(schemes[i]) == len &&
			pg_strncasecmp(schemes[i], text, len) == 0)
			return true;
	return false;
}

/* How many bytes of the text are the scheme of a URL; 0 if it has none. */
static int
scheme_length(const char *text, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (text[i] == ':')
			return i;
		if (!isalnum((unsigned char) text[i]) &&
			strchr("+-.", text[i]) == NULL)
			break;
	}
	return 0;
}

/* A link is a URL or a path: no blanks, and no scheme that runs something. */
static void
check_link(References *refs, const Reference *ref)
{
	int			scheme = scheme_length(ref->text, ref->len);
	bool		good =
		ref->len > 0 && (scheme == 0 || is_known_scheme(ref->text, scheme));

	for (int i = 0; i < ref->len && good; i++)
		good = (unsigned char) ref->text[i] > ' ' && ref->text[i] != '\x7f';
	if (!good)
		finding_add(refs->findings, FINDING_WARNING, "bad_link", ref->place,
					"Write https://... or the path of a document.",
					"\"%.*s\" is neither a URL nor a path", ref->len,
					ref->text);
}

/* ---- names that are made here ---- */

static bool
is_word(const Reference *ref, const char *word)
{
	return strlen(word) == (size_t) ref->len &&
		memcmp(ref->text, word, ref->len) == 0;
}

static void
reserved(References *refs, const Reference *ref)
{
	finding_add(refs->findings, FINDING_ERROR, "reserved_name", ref->place,
				NULL, "\"%.*s\" is a reserved name", ref->len, ref->text);
}

static void
check_subject(References *refs, const Reference *ref)
{
	if (is_word(ref, "ids") || is_word(ref, "types") || is_word(ref, "guids"))
		reserved(refs, ref);
	enter_once(refs, refs->subjects, ref, "duplicate_subject", "subject");
}

static void
check_new_state(References *refs, const Reference *ref)
{
	char	   *name = pnstrdup(ref->text, ref->len);

	if (is_word(ref, "*") || strstr(name, "->") != NULL)
		reserved(refs, ref);
}

/* A name that becomes one of PostgreSQL's: it must fit there. */
static void
check_length(References *refs, const Reference *ref, int most)
{
	if (ref->len > most)
		finding_add(refs->findings, FINDING_ERROR, "name_too_long", ref->place,
					NULL, "name is %d bytes long, at most %d fit here",
					ref->len, most);
}

/* ---- relations ---- */

char *
relation_spelling(const char *relation)
{
	List	   *names;

	if (!SplitIdentifierString(pstrdup(relation), '.', &names) ||
		list_length(names) != 2)
		return NULL;
	return quote_qualified_identifier(linitial(names), lsecond(names));
}

static void
check_relation_name(References *refs, const Reference *ref)
{
	char	   *spelling = relation_spelling(pnstrdup(ref->text, ref->len));
	Reference	spelt = *ref;

	if (spelling == NULL)
	{
		finding_add(
			refs->findings, FINDING_ERROR, "bad_relation", ref->place,
			"Write schema.table, in double quotes where SQL needs them.",
			"\"%.*s\" is not the name of a table with its schema", ref->len,
			ref->text);
		return;
	}
	if (!refs->local)
		return;
	spelt.text = spelling;
	spelt.len = (int) strlen(spelling);
	enter_once(refs, refs->relations, &spelt, "relation_conflict", "relation");
}

/* ---- the walk ---- */

/* Look up one string by what its shape says it refers to. */
static void
check_reference(References *refs, const Reference *ref)
{
	const JsonbContainer *doc = refs->doc;

	switch (ref->shape->ref)
	{
		case REF_PARTY:
			check_party(refs, ref);
			break;
		case REF_STORE:
			check_in_section(refs, ref, "stores", "unknown_store", "store");
			break;
		case REF_TERM:
			check_term(refs, ref, ref->shape->scheme,
					   (int) strlen(ref->shape->scheme));
			break;
		case REF_SAME_SCHEME:
			check_term(refs, ref, ref->place->up->up->key,
					   ref->place->up->up->keylen);
			break;
		case REF_TAG:
			check_tag(refs, ref);
			break;
		case REF_STATE:
			if (!has_entry(jb_get_object(refs->lifecycle, "states"), ref))
				unknown(refs, ref, "unknown_state", "state");
			break;
		case REF_CHILD:
			if (!has_entry(jb_get_object(refs->lifecycle, "children"), ref))
				unknown(refs, ref, "unknown_child", "child");
			break;
		case REF_CONTEXT:
			check_in_section(refs, ref, "contexts", "unknown_context",
							 "context");
			break;
		case REF_DATASET:
			check_dataset_key(refs, ref);
			break;
		case REF_CONTRACT:
			check_in_section(refs, ref, "contracts", "unknown_contract",
							 "contract");
			break;
		case REF_EVENT:
			if (!has_entry(jb_get_object(doc, "events"), ref))
				undeclared(refs, ref, "undeclared_event", "event");
			break;
		case REF_TOPIC:
			check_topic(refs, ref);
			break;
		case REF_ROUTE:
			if (!has_entry(jb_get_object(doc, "routes"), ref))
				undeclared(refs, ref, "undeclared_route", "route");
			break;
		case REF_SUBJECT:
			check_subject(refs, ref);
			break;
		case REF_LINK:
			check_link(refs, ref);
			break;
		case REF_ROLE:
			check_length(refs, ref, NAMEDATALEN - 1);
			enter_once(refs, refs->roles, ref, "duplicate_role", "role");
			break;
		case REF_SERVER:
			check_length(refs, ref, NAMEDATALEN - 1);
			break;
		case REF_RELATION:
			check_relation_name(refs, ref);
			break;
		case REF_NEW_NAME:
		case REF_NEW_CHILD:
			if (is_word(ref, "*"))
				reserved(refs, ref);
			break;
		case REF_NEW_STATE:
			check_new_state(refs, ref);
			break;
		case REF_NEW_INVARIANT:
			check_length(refs, ref, NAMEDATALEN - 1 - (int) strlen("spine_"));
			break;
		case REF_NONE:
		case REF_COLUMN:
		case REF_ATTRIBUTE:
		case REF_SET:
		case REF_WRITE:
		case REF_FREEZE:
			break;
	}
}

/* A guillemet pair of a form that was never filled in: "<...>". */
static void
check_placeholder(References *refs, const char *text, int len,
				  const Place *place)
{
	const char *open = text;
	const char *end = text + len;

	while ((open = memchr(open, 0xE2, end - open)) != NULL)
	{
		if (end - open >= 6 && memcmp(open, "\342\200\271", 3) == 0 &&
			strstr(pnstrdup(open, end - open), "\342\200\272") != NULL)
		{
			finding_add(refs->findings, FINDING_ERROR, "placeholder", place,
						"Fill it in, or leave the member out.",
						"a placeholder was left in the document");
			return;
		}
		open++;
	}
}

/*
 * Look for placeholders in an object that the format takes as it is.  The
 * walk keeps a place per depth: a member's, or a counter of elements.
 */
static void
check_any(References *refs, const JsonbValue *any, const Place *place)
{
	Place		places[CONTRACT_DEPTH + 1];
	JsonbIterator *iterator = JsonbIteratorInit(any->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			depth = 0;

	memset(places, 0, sizeof(places));
	places[0] = *place;
	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		Place	   *here = &places[Min(depth, CONTRACT_DEPTH)];

		CHECK_FOR_INTERRUPTS();
		if (token == WJB_BEGIN_OBJECT || token == WJB_BEGIN_ARRAY)
		{
			if (depth > 0 && depth <= CONTRACT_DEPTH && here->key == NULL)
				here->index++;
			depth++;
			here = &places[Min(depth, CONTRACT_DEPTH)];
			if (depth <= CONTRACT_DEPTH)
				*here = place_element(&places[depth - 1], -1);
		}
		else if (token == WJB_END_OBJECT || token == WJB_END_ARRAY)
			depth--;
		else if (token == WJB_KEY && depth <= CONTRACT_DEPTH)
			*here = place_member_n(here->up, value.val.string.val,
								   value.val.string.len);
		else if (token == WJB_ELEM && depth <= CONTRACT_DEPTH)
			here->index++;
		if (value.type == jbvString &&
			(token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM))
			check_placeholder(refs, value.val.string.val, value.val.string.len,
							  here);
	}
}

/* ---- what objects must say together ---- */

static bool
has_member(const JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return jb_get(object, key, &value);
}

static bool
says(const JsonbContainer *object, const char *key, const char *word)
{
	char	   *text = jb_get_text(object, key);

	return text != NULL && strcmp(text, word) == 0;
}

/* If a condition holds, one of the members (the second may be NULL) is
 * needed. */
static void
need(References *refs, bool condition, const JsonbContainer *object,
	 const char *a, const char *b, const Place *place)
{
	if (!condition || has_member(object, a) ||
		(b != NULL && has_member(object, b)))
		return;
	if (b != NULL)
		finding_add(refs->findings, FINDING_ERROR, "incomplete", place, NULL,
					"\"%s\" or \"%s\" is needed here", a, b);
	else
		finding_add(refs->findings, FINDING_ERROR, "incomplete", place, NULL,
					"\"%s\" is needed here", a);
}

/* Members that depend on one another, by the name of the shape. */
static void
check_together(References *refs, const Shape *shape,
			   const JsonbContainer *object, const Place *place)
{
	if (strcmp(shape->name, "dataset") == 0 ||
		strcmp(shape->name, "context") == 0)
	{
		need(refs,
			 says(object, "owner_state", "interim") ||
				 has_member(object, "interim_owner"),
			 object, "review_on", NULL, place);
		need(refs, says(object, "owner_state", "declined"), object,
			 "rationale", NULL, place);
	}
	else if (strcmp(shape->name, "residency") == 0)
	{
		bool		exception = jb_get_bool(object, "exception", false);

		need(refs, true, object, "term", "dataset", place);
		need(refs, has_member(object, "attribute"), object, "dataset", NULL,
			 place);
		need(refs, says(object, "effect", "mask"), object, "mask", NULL,
			 place);
		need(refs, exception, object, "approved_by", NULL, place);
		need(refs, exception, object, "reason", NULL, place);
		need(refs, exception, object, "expires", NULL, place);
	}
	else if (strcmp(shape->name, "route") == 0)
		need(refs, true, object, "datasets", "topic", place);
	else if (strcmp(shape->name, "retention") == 0 ||
			 strcmp(shape->name, "dataset_retention") == 0)
		need(refs, says(object, "action", "transition"), object, "to", NULL,
			 place);
	else if (strcmp(shape->name, "privacy") == 0)
		need(refs, true, object, "dataset", "context", place);
}

/* Is an element the same string as an earlier one? */
static bool
stood_before(const JsonbContainer *list, const JsonbValue *text, int before)
{
	for (int i = 0; i < before; i++)
	{
		JsonbValue *other;

		other =
			getIthJsonbValueFromContainer(unconstify(JsonbContainer *, list),
										  i);
		if (jb_same(other, text))
			return true;
	}
	return false;
}

static void
check_list(References *refs, const JsonbContainer *list, const Place *place)
{
	JbCursor	cursor;
	JsonbValue	value;

	if (JsonContainerSize(list) < 2 ||
		JsonContainerSize(list) > COMPARED_ENTRIES)
		return;
	jb_walk(&cursor, list);
	while (jb_next_element(&cursor, &value))
	{
		Place		here = place_element(place, cursor.index);

		if (value.type == jbvString &&
			stood_before(list, &value, cursor.index))
			finding_add(refs->findings, FINDING_WARNING, "duplicate_entry",
						&here, NULL, "\"%.*s\" is given twice",
						value.val.string.len, value.val.string.val);
	}
}

/* ---- the walk ---- */

static void
enter_dataset(References *refs, const JsonbContainer *dataset)
{
	refs->lifecycle = jb_get_object(dataset, "lifecycle");
	refs->local = dataset_is_local(dataset, refs->local_store);
}

static void
visit_container(References *refs, const Shape *shape, const JsonbValue *value,
				const Place *place)
{
	const JsonbContainer *container = value->val.binary.data;

	if (shape == &format_dataset)
		enter_dataset(refs, container);
	if (shape->kind == SHAPE_ANY)
		check_any(refs, value, place);
	else if (shape->kind == SHAPE_LIST)
		check_list(refs, container, place);
	else if (shape->kind == SHAPE_OBJECT && shape->name != NULL)
		check_together(refs, shape, container, place);
}

/* FormatVisit: check what stands here, then go on inside it. */
static bool
visit_value(void *arg, const Shape *shape, const JsonbValue *value,
			const Place *place)
{
	References *refs = arg;

	if (value->type == jbvBinary)
		visit_container(refs, shape, value, place);
	else if (value->type == jbvString)
	{
		Reference ref = {shape, value->val.string.val, value->val.string.len,
						 place};

		check_placeholder(refs, ref.text, ref.len, place);
		check_reference(refs, &ref);
	}
	return true;
}

HTAB *
check_references(const JsonbContainer *doc, const char *local_store,
				 Findings *findings)
{
	References	refs = {0};

	refs.doc = doc;
	refs.local_store = local_store;
	refs.findings = findings;
	refs.topics = declared_topics(doc);
	refs.roles = names_new();
	refs.relations = names_new();
	refs.subjects = names_new();
	format_walk(&format_document, doc, NULL, visit_value, &refs);
	return refs.relations;
}
