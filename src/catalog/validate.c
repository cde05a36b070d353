/*-------------------------------------------------------------------------
 *
 * validate.c
 *		The check of a whole document, and spine.validate.
 *
 * Findings never stop the check: shape first, and if that is sound, what
 * names refer to, what the database has, and what the rooms say about each
 * dataset.  Nothing of the document is executed.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "base/settings.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/validate.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* How many rooms may plug in. */
#define MAX_CHECKS 16

/* A document under check. */
typedef struct Validation
{
	const JsonbContainer *doc;
	const JsonbContainer *accepted; /* or NULL: everything is new */
	const JsonbContainer *named;	/* what is judged anew, or NULL */
	Findings   *findings;
	char	   *local_store;
	bool		moved;	  /* is this database another store than before? */
	HTAB	   *governed; /* relations that datasets govern here */
	HTAB	   *enforced; /* parties of enforced rules here; made when needed */
	bool		words;	  /* did terms, stores or parties change? */
} Validation;

/* Called for each entry of a section. */
typedef void (*EntryCheck)(Validation *v, const JsonbValue *name,
						   const JsonbContainer *entry, const Place *place);

static CatalogCheckHook check_hooks[MAX_CHECKS];
static int	check_hook_count = 0;

/* ---- rooms ---- */

/* Have a room look at each dataset; only called while the module loads. */
void
catalog_register_check(CatalogCheckHook hook)
{
	Assert(check_hook_count < MAX_CHECKS);
	check_hooks[check_hook_count++] = hook;
}

void
catalog_run_checks(const SpecDataset *dataset, Relation rel,
				   const JsonbContainer *doc, const Place *place,
				   Findings *findings)
{
	for (int i = 0; i < check_hook_count; i++)
		check_hooks[i](dataset, rel, doc, place, findings);
}

/* ---- walking sections ---- */

static void
each_entry(Validation *v, const JsonbContainer *section, const Place *place,
		   EntryCheck check)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (section == NULL)
		return;
	jb_walk(&cursor, section);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(place, key.val.string.val, key.val.string.len);

		CHECK_FOR_INTERRUPTS();
		if (jb_is_object(&value))
			check(v, &key, value.val.binary.data, &here);
	}
}

/* Walk a section of the document. */
static void
each_in(Validation *v, const char *section, EntryCheck check)
{
	Place		place = place_member(NULL, section);

	each_entry(v, jb_get_object(v->doc, section), &place, check);
}

/* Is a member the same, byte by byte, as in the accepted section? */
static bool
is_accepted(const JsonbContainer *accepted, const JsonbValue *name,
			const JsonbContainer *section)
{
	JsonbValue	before;
	JsonbValue	now;

	return jb_get_n(accepted, name->val.string.val, name->val.string.len,
					&before) &&
		jb_get_n(section, name->val.string.val, name->val.string.len, &now) &&
		jb_same(&before, &now);
}

/* Has an entry of a top-level section stayed as it was accepted? */
static bool
entry_is_accepted(const Validation *v, const char *section,
				  const JsonbValue *name)
{
	JsonbValue	named;

	if (jb_get_n(jb_get_object(v->named, section), name->val.string.val,
				 name->val.string.len, &named))
		return false;
	return is_accepted(jb_get_object(v->accepted, section), name,
					   jb_get_object(v->doc, section));
}

/* ---- chains: fallbacks of parties, parents of terms ---- */

/*
 * Find the cycles of a chain in which each entry names its successor.  Every
 * entry is visited once: a walk marks what it passes and stops at a mark; if
 * that is its own, it went in a circle.
 */
static void
check_cycles(Validation *v, const JsonbContainer *section, const char *link,
			 const Place *place, const char *code)
{
	HTAB	   *marks = names_new();
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, section);
	while (jb_next_member(&cursor, &key, &value))
	{
		const char *name = key.val.string.val;
		int			len = key.val.string.len;
		char	   *start = unconstify(char *, name);
		JsonbValue	entry = value;
		JsonbValue	next;

		for (;;)
		{
			bool		found;
			NameEntry  *mark = names_enter(marks, name, len, &found);

			if (found && mark->first == start)
			{
				Place		here = place_member_n(place, name, len);

				finding_add(v->findings, FINDING_ERROR, code, &here, NULL,
							"\"%s\" of \"%.*s\" leads back to itself", link,
							len, name);
			}
			if (found)
				break;
			mark->first = start;
			if (!jb_is_object(&entry) ||
				!jb_get(entry.val.binary.data, link, &next) ||
				next.type != jbvString)
				break;
			name = next.val.string.val;
			len = next.val.string.len;
			if (!jb_get_n(section, name, len, &entry))
				break;
		}
	}
}

static void
check_scheme(Validation *v, const JsonbValue *name,
			 const JsonbContainer *scheme, const Place *place)
{
	check_cycles(v, scheme, "parent", place, "term_cycle");
}

/* ---- parties ---- */

/* Can somebody log in as the role, or as a member of it? */
static bool
has_login(Oid role, List **seen)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		login = false;
	CatCList   *members;

	if (!HeapTupleIsValid(tuple))
		return false;
	login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);

	*seen = lappend_oid(*seen, role);
	members = SearchSysCacheList1(AUTHMEMROLEMEM, ObjectIdGetDatum(role));
	for (int i = 0; i < members->n_members && !login; i++)
	{
		HeapTuple	member = &members->members[i]->tuple;
		Oid			next = ((Form_pg_auth_members) GETSTRUCT(member))->member;

		if (!list_member_oid(*seen, next))
			login = has_login(next, seen);
	}
	ReleaseCatCacheList(members);
	return login;
}

/* Every party that a rule of an enforced dataset of this database names. */
static HTAB *
enforced_parties(const JsonbContainer *doc)
{
	HTAB	   *parties = names_new();
	ListCell   *datasets;

	foreach (datasets, document_datasets(doc))
	{
		const SpecDataset *dataset = lfirst(datasets);
		ListCell   *lc;
		bool		found;

		if (!dataset->local || dataset->enforcement != ENFORCEMENT_ENFORCE)
			continue;
		foreach (lc, spec_dataset_parties(dataset))
			(void) names_enter(parties, lfirst(lc), strlen(lfirst(lc)),
							   &found);
	}
	return parties;
}

static bool
is_enforced_party(Validation *v, const JsonbValue *name)
{
	NameEntry	key = {name->val.string.val, name->val.string.len, NULL};

	if (v->enforced == NULL)
		v->enforced = enforced_parties(v->doc);
	return hash_search(v->enforced, &key, HASH_FIND, NULL) != NULL;
}

static void
check_party(Validation *v, const JsonbValue *name, const JsonbContainer *party,
			const Place *place)
{
	Place		here = place_member(place, "role");
	char	   *role = jb_get_text(party, "role");
	Oid			roleid;
	List	   *seen = NIL;

	if (role == NULL || strlen(role) >= NAMEDATALEN)
		return;
	roleid = get_role_oid(role, true);
	if (!OidIsValid(roleid))
	{
		/* A role that was dropped since must not block what is to come. */
		bool		enforced = !entry_is_accepted(v, "parties", name) &&
			is_enforced_party(v, name);

		finding_add(v->findings, enforced ? FINDING_ERROR : FINDING_WARNING,
					"unknown_role", &here, "Create the role first.",
					"role \"%s\" does not exist", role);
	}
	else if (!entry_is_accepted(v, "parties", name) &&
			 !has_login(roleid, &seen))
		finding_add(v->findings, FINDING_WARNING, "no_login_member", &here,
					"Grant the role to somebody, or let it log in.",
					"nobody can act as role \"%s\"", role);
}

/* ---- stores ---- */

/* Is it a PostgreSQL that needs no foreign server: perhaps this one? */
static bool
is_here(const JsonbContainer *store)
{
	char	   *kind = jb_get_text(store, "kind");
	JsonbValue	server;

	return kind != NULL && strcmp(kind, "postgres") == 0 &&
		!jb_get(store, "server", &server);
}

char *
document_local_store(const JsonbContainer *doc)
{
	const JsonbContainer *stores = jb_get_object(doc, "stores");
	char	   *here = NULL;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (stores == NULL)
		return NULL;
	if (spine_store != NULL && spine_store[0] != '\0')
		return jb_get(stores, spine_store, &value) ? pstrdup(spine_store) :
													 NULL;

	jb_walk(&cursor, stores);
	while (jb_next_member(&cursor, &key, &value))
	{
		if (!jb_is_object(&value) || !is_here(value.val.binary.data))
			continue;
		if (here != NULL)
			return NULL;
		here = jb_text(&key);
	}
	return here;
}

/* Does any store look like this database? */
static bool
has_candidate(const JsonbContainer *stores)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, stores);
	while (jb_next_member(&cursor, &key, &value))
		if (jb_is_object(&value) && is_here(value.val.binary.data))
			return true;
	return false;
}

/* Tell if it is not clear which store this database is. */
static void
check_local_store(Validation *v)
{
	const JsonbContainer *stores = jb_get_object(v->doc, "stores");
	Place		place = place_member(NULL, "stores");

	if (stores == NULL || v->local_store != NULL)
		return;
	if (spine_store != NULL && spine_store[0] != '\0')
		finding_add(
			v->findings, FINDING_ERROR, "unclear_store", &place, NULL,
			"store \"%s\" of setting spine.store does not exist in the document",
			spine_store);
	else if (has_candidate(stores))
		finding_add(v->findings, FINDING_ERROR, "unclear_store", &place,
					"Name this database's store in the setting spine.store.",
					"several stores could be this database");
	else
		finding_add(
			v->findings, FINDING_WARNING, "no_local_store", &place,
			"A store of kind postgres without \"server\" is this database.",
			"no store is this database");
}

static void
check_store(Validation *v, const JsonbValue *name, const JsonbContainer *store,
			const Place *place)
{
	Place		here = place_member(place, "server");
	char	   *server = jb_get_text(store, "server");
	char	   *own = jb_text(name);

	if (server == NULL || strlen(server) >= NAMEDATALEN ||
		(v->local_store != NULL && strcmp(own, v->local_store) == 0) ||
		entry_is_accepted(v, "stores", name))
		return;
	if (GetForeignServerByName(server, true) == NULL)
		finding_add(v->findings, FINDING_ERROR, "unknown_server", &here,
					"Create the foreign server first.",
					"foreign server \"%s\" does not exist", server);
}

/* ---- datasets: what they lack ---- */

/* Does a list of tags have one of a scheme? */
static bool
is_tagged(const JsonbContainer *object, const char *scheme)
{
	ListCell   *lc;

	foreach (lc, jb_get_texts(object, "tags"))
		if (strncmp(lfirst(lc), scheme, strlen(scheme)) == 0 &&
			((char *) lfirst(lc))[strlen(scheme)] == ':')
			return true;
	return false;
}

/* Does a top-level retention rule speak of the dataset? */
static bool
has_retention(const Validation *v, const SpecDataset *dataset)
{
	const JsonbContainer *rules = jb_get_object(v->doc, "retention");
	const JsonbContainer *own =
		jb_get_object(dataset->definition, "retention");
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (own != NULL && JsonContainerSize(own) > 0)
		return true;
	if (rules == NULL)
		return false;
	jb_walk(&cursor, rules);
	while (jb_next_member(&cursor, &key, &value))
	{
		char *of = jb_is_object(&value) ?
			jb_get_text(value.val.binary.data, "dataset") :
			NULL;

		if (of != NULL && strcmp(of, dataset->key) == 0)
			return true;
	}
	return false;
}

/* Warn of personal data that nothing ever removes. */
static void
check_personal_data(Validation *v, const SpecDataset *dataset,
					const Place *place)
{
	const JsonbContainer *attributes =
		jb_get_object(dataset->definition, "attributes");
	Place		section = place_member(place, "attributes");
	bool		personal = is_tagged(dataset->definition, "pii");
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (attributes != NULL)
		jb_walk(&cursor, attributes);
	while (attributes != NULL && jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(&section, key.val.string.val, key.val.string.len);
		JsonbValue	erasure;

		if (!jb_is_object(&value) || !is_tagged(value.val.binary.data, "pii"))
			continue;
		personal = true;
		if (!jb_get(value.val.binary.data, "erasure", &erasure))
			finding_add(v->findings, FINDING_WARNING, "pii_without_erasure",
						&here, "Say in \"erasure\" what becomes of it.",
						"personal data has no erasure");
	}
	if (personal && !has_retention(v, dataset))
		finding_add(v->findings, FINDING_WARNING, "pii_without_retention",
					place, "Say in \"retention\" how long it is kept.",
					"personal data has no retention");
}

/* What a dataset should say, though nothing breaks without. */
static void
check_duties(Validation *v, const SpecDataset *dataset,
			 const JsonbContainer *context, const Place *place)
{
	JsonbValue	value;

	if (dataset->owner == NULL)
		finding_add(v->findings,
					dataset->local && dataset->lifecycle == NULL &&
							dataset->producers == NIL ?
						FINDING_ERROR :
						FINDING_WARNING,
					"no_owner", place, "Name an owner here or in the context.",
					"dataset has no owner");
	if (!jb_get(dataset->definition, "classification", &value) &&
		!jb_get(context, "classification", &value))
		finding_add(v->findings, FINDING_INFO, "no_classification", place,
					"What is not classified never leaves by a route.",
					"dataset has no classification");
	if (!jb_get(dataset->definition, "sot", &value))
		finding_add(v->findings, FINDING_INFO, "no_sot", place,
					"Name the store that is authoritative.",
					"dataset has no source of truth");
}

/* ---- datasets: the loop ---- */

/* The datasets of a context in a document; NULL if it has none. */
static const JsonbContainer *
datasets_of(const JsonbContainer *doc, const JsonbValue *context)
{
	JsonbValue	value;

	if (!jb_get_n(jb_get_object(doc, "contexts"), context->val.string.val,
				  context->val.string.len, &value) ||
		!jb_is_object(&value))
		return NULL;
	return jb_get_object(value.val.binary.data, "datasets");
}

/* Was a dataset judged like this when it was applied? */
static bool
dataset_is_accepted(const Validation *v, const JsonbValue *context,
					const JsonbValue *name)
{
	JsonbValue	named;

	if (v->moved ||
		jb_get_n(datasets_of(v->named, context), name->val.string.val,
				 name->val.string.len, &named))
		return false;
	return is_accepted(datasets_of(v->accepted, context), name,
					   datasets_of(v->doc, context));
}

/* Does the caller's document name the context? */
static bool
context_is_named(const Validation *v, const JsonbValue *name)
{
	JsonbValue	named;

	return jb_get_n(jb_get_object(v->named, "contexts"), name->val.string.val,
					name->val.string.len, &named);
}

/* Does a context say anything else than accepted, its datasets aside? */
static bool
context_differs(const Validation *v, const JsonbValue *name,
				const JsonbContainer *context)
{
	JsonbValue	before;
	Pairs		pairs;

	if (!jb_get_n(jb_get_object(v->accepted, "contexts"), name->val.string.val,
				  name->val.string.len, &before))
		return true;
	pairs_begin(&pairs, value_object(&before), context);
	while (pairs_next(&pairs))
		if (!key_is(&pairs.key, "datasets") &&
			!values_equal(pairs.before, pairs.after))
			return true;
	return false;
}

/* Is a whole section as it was accepted? */
static bool
section_is_accepted(const Validation *v, const char *section)
{
	JsonbValue	before;
	JsonbValue	now;
	bool		had = jb_get(v->accepted, section, &before);
	bool		has = jb_get(v->doc, section, &now);

	return had == has && (!has || values_equal(&before, &now));
}

static void
check_dataset(Validation *v, const SpecDataset *dataset,
			  const JsonbContainer *context, const Place *place)
{
	Relation	rel = NULL;

	check_duties(v, dataset, context, place);
	check_personal_data(v, dataset, place);
	if (dataset->local)
		rel = check_relation(dataset, v->governed, place, v->findings);
	catalog_run_checks(dataset, rel, v->doc, place, v->findings);
	if (rel != NULL)
		relation_close(rel, AccessShareLock);
}

static void
check_context(Validation *v, const JsonbValue *name,
			  const JsonbContainer *context, const Place *place)
{
	const JsonbContainer *datasets = jb_get_object(context, "datasets");
	Place		section = place_member(place, "datasets");
	char	   *context_name = jb_text(name);
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	bool		around = v->words || context_differs(v, name, context);

	if (around || context_is_named(v, name))
		check_ownership(context, place, v->findings);
	if (datasets == NULL)
		return;
	jb_walk(&cursor, datasets);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(&section, key.val.string.val, key.val.string.len);
		SpecDataset *dataset;
		bool		as_before;

		CHECK_FOR_INTERRUPTS();
		as_before = dataset_is_accepted(v, name, &key);
		if (!jb_is_object(&value) || (as_before && !around))
			continue;
		dataset = spec_dataset_read(context_name, context, jb_text(&key),
									value.val.binary.data);
		dataset->local =
			dataset_is_local(value.val.binary.data, v->local_store);
		check_governance(dataset, context, v->doc, &here, v->findings);
		if (!as_before)
			check_dataset(v, dataset, context, &here);
	}
}

/* ---- the whole ---- */

static bool
same_store(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/*
 * Check a merged document.  Datasets that are as accepted are not judged
 * against the database again unless named has them.
 */
static void
check_document(const JsonbContainer *doc, const JsonbContainer *accepted,
			   const JsonbContainer *named, Findings *findings)
{
	Validation	v = {0};
	Place		parties = place_member(NULL, "parties");
	const JsonbContainer *section = jb_get_object(doc, "parties");

	v.doc = doc;
	v.accepted = accepted;
	v.named = named;
	v.findings = findings;
	v.local_store = document_local_store(doc);
	v.moved = accepted == NULL ||
		!same_store(v.local_store, document_local_store(accepted));

	v.words = v.moved || !section_is_accepted(&v, "terms") ||
		!section_is_accepted(&v, "stores") ||
		!section_is_accepted(&v, "parties");

	v.governed = check_references(doc, v.local_store, findings);
	each_in(&v, "terms", check_scheme);
	if (section != NULL)
		check_cycles(&v, section, "fallback", &parties, "fallback_cycle");
	each_in(&v, "parties", check_party);
	check_local_store(&v);
	each_in(&v, "stores", check_store);
	each_in(&v, "contexts", check_context);
}

void
document_check(const JsonbContainer *doc, const JsonbContainer *accepted,
			   Findings *findings)
{
	check_document(doc, accepted, NULL, findings);
}

/* ---- spine.validate ---- */

/* Findings about a document as the caller gave it: itself, then merged. */
static Findings *
validate_document(Jsonb *doc)
{
	Findings   *findings = findings_new();
	Jsonb	   *accepted;
	Jsonb	   *merged;
	int64		rev;

	document_check_shape(&doc->root, findings);
	if (findings->errors > 0)
		return findings;

	accepted = document_newest(&rev);
	merged = document_merge(accepted, doc, false);
	check_document(&merged->root, rev > 0 ? &accepted->root : NULL, &doc->root,
				   findings);
	return findings;
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
put_finding(ReturnSetInfo *result, const Finding *finding)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = CStringGetTextDatum(finding_severity_name(finding->severity));
	values[1] = CStringGetTextDatum(finding->code);
	values[2] = CStringGetTextDatum(finding->pointer);
	values[3] = CStringGetTextDatum(finding->message);
	values[4] = text_or_null(finding->hint, &nulls[4]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(spine_validate);

/* All findings about a document, as rows. */
Datum
spine_validate(PG_FUNCTION_ARGS)
{
	Findings   *findings;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
	{
		findings = findings_new();
		finding_add(findings, FINDING_ERROR, "not_an_object", NULL, NULL,
					"document is NULL");
	}
	else
		findings = validate_document(PG_GETARG_JSONB_P(0));

	foreach (lc, findings->items)
		put_finding((ReturnSetInfo *) fcinfo->resultinfo, lfirst(lc));
	return (Datum) 0;
}
