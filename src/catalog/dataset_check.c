/*-------------------------------------------------------------------------
 *
 * dataset_check.c
 *		What a document says about who answers for a dataset, where its
 *		truth lies, which copies exist and who reads and writes them.
 *
 * Judges the document alone, never the database.  Errors are contradictions,
 * which cannot all be true; what is merely not said, or due, is a warning.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <ctype.h>

#include "catalog/owner.h"
#include "catalog/validate.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* Longest chain of parents of a term that is followed. */
#define TERM_DEPTH 64

typedef enum CopyKind
{
	COPY_REPLICA,
	COPY_CACHE,
	COPY_SNAPSHOT,
	COPY_DERIVED
} CopyKind;

static const char *const copy_sections[] = {"replicas", "caches", "snapshots",
											"derived"};

/* A copy of the dataset: a placement, where it stands. */
typedef struct Copy
{
	CopyKind	kind;
	char	   *name;
	const JsonbContainer *entry;
	Place	   *place;
	bool		visited; /* by the walk along upstreams */
} Copy;

/* A dataset under check. */
typedef struct Governed
{
	const JsonbContainer *doc;
	const JsonbContainer *context;
	const JsonbContainer *dataset;
	const JsonbContainer *sot; /* or NULL */
	const char *relation;	   /* or NULL */
	List	   *copies;		   /* of Copy */
	const Place *place;
	Findings   *findings;
} Governed;

/* ---- small questions ---- */

static bool
has(const JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return jb_get(object, key, &value);
}

/* Is a member that text? */
static bool
is(const JsonbContainer *object, const char *key, const char *text)
{
	char	   *value = jb_get_text(object, key);

	return value != NULL && strcmp(value, text) == 0;
}

/* Are both there and the same? */
static bool
same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* A place that outlives the walk that stands there. */
static Place *
keep_place(Place place)
{
	Place	   *kept = palloc(sizeof(Place));

	*kept = place;
	return kept;
}

/* Today, as documents write dates: such texts sort as the days do. */
static char *
today(void)
{
	int			year;
	int			month;
	int			day;

	j2date(GetSQLCurrentDate() + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return psprintf("%04d-%02d-%02d", year, month, day);
}

/* Is a member a date that is over? */
static bool
is_past(const JsonbContainer *object, const char *key)
{
	char	   *date = jb_get_text(object, key);

	return date != NULL && strcmp(date, today()) < 0;
}

/* A warning about a member. */
static void
warn_member(Findings *findings, const char *code, const Place *place,
			const char *member, const char *hint, const char *message)
{
	Place		here = place_member(place, member);

	finding_add(findings, FINDING_WARNING, code, &here, hint, "%s", message);
}

/* ---- who answers for it: of contexts and datasets ---- */

/* What an owner's state needs beside it. */
static void
check_owner_state(const JsonbContainer *level, const Place *place,
				  Findings *findings)
{
	char	   *owner = jb_get_text(level, "owner");
	char	   *interim = jb_get_text(level, "interim_owner");
	char	   *state = jb_get_text(level, "owner_state");
	bool		waiting =
		same_text(state, "proposed") || same_text(state, "declined");
	Place		here = place_member(place, "interim_owner");

	if (owner == NULL)
	{
		if (state != NULL)
			warn_member(findings, "state_without_owner", place, "owner_state",
						"Name the owner beside it.",
						"owner_state is given, but no owner");
	}
	else if (!waiting && interim != NULL && strcmp(owner, interim) != 0)
		finding_add(findings, FINDING_ERROR, "two_owners", &here,
					"An interim owner stands in while owner_state is proposed "
					"or declined.",
					"\"%s\" and \"%s\" would both own it", owner, interim);
	else if (waiting && interim == NULL)
		warn_member(findings,
					same_text(state, "declined") ? "owner_declined" :
												   "owner_not_accepted",
					place, "owner_state",
					"Name an interim owner until somebody has accepted.",
					same_text(state, "declined") ?
						"the owner has declined" :
						"the owner has not accepted yet");
}

void
check_ownership(const JsonbContainer *level, const Place *place,
				Findings *findings)
{
	char	   *owner = jb_get_text(level, "owner");
	const JsonbContainer *delegates = jb_get_object(level, "delegates");

	check_owner_state(level, place, findings);
	if (is_past(level, "review_on"))
		warn_member(findings, "review_overdue", place, "review_on",
					"Look at it, and set the next date.",
					"the date of review is past");
	if (owner != NULL && delegates != NULL && has(delegates, owner))
		warn_member(findings, "delegate_is_owner", place, "delegates",
					"An owner needs no delegation.",
					"the owner is its own delegate");
}

/* An owner for whom nobody can act, in a dataset of this database. */
static void
check_owner_role(const Governed *g, const SpecDataset *dataset)
{
	const JsonbContainer *parties = jb_get_object(g->doc, "parties");
	AssetOwner	owner;

	if (!dataset->local || dataset->relation == NULL ||
		!owner_of_dataset(g->context, g->dataset, &owner) ||
		!has(parties, owner.party) ||
		has(jb_get_object(parties, owner.party), "role"))
		return;
	finding_add(g->findings, FINDING_WARNING, "owner_without_role", g->place,
				"Give the party a role, so that somebody can act as it.",
				"owner \"%s\" has no database role", owner.party);
}

/* ---- classification and tags ---- */

/* Find the one classification: the member, or a tag of that scheme. */
static void
check_classification(const Governed *g, const JsonbContainer *object,
					 const Place *place)
{
	char	   *classification = jb_get_text(object, "classification");
	ListCell   *lc;

	foreach (lc, jb_get_texts(object, "tags"))
	{
		char	   *tag = lfirst(lc);

		if (strncmp(tag, "classification:", 15) != 0)
			continue;
		if (classification == NULL)
			classification = tag + 15;
		else if (strcmp(classification, tag + 15) != 0)
		{
			Place		here = place_member(place, "tags");

			finding_add(g->findings, FINDING_ERROR, "two_classifications",
						&here, "Leave the tag out.",
						"classified as \"%s\" and as \"%s\"", classification,
						tag + 15);
			return;
		}
	}
}

/* Must data of a term, or of one that holds it, never be duplicated? */
static bool
term_forbids_copies(const JsonbContainer *doc, const char *scheme,
					const char *code)
{
	const JsonbContainer *codes =
		jb_get_object(jb_get_object(doc, "terms"), scheme);

	for (int i = 0; i < TERM_DEPTH && codes != NULL && code != NULL; i++)
	{
		const JsonbContainer *term = jb_get_object(codes, code);

		if (jb_get_bool(term, "no_copy", false))
			return true;
		code = jb_get_text(term, "parent");
	}
	return false;
}

/*
 * The term of an object's own classification or tags, or of the inherited
 * classification (may be NULL), that forbids copies; NULL if none does.
 */
static char *
forbidding_term(const JsonbContainer *doc, const JsonbContainer *object,
				const char *inherited)
{
	char	   *own = jb_get_text(object, "classification");
	const char *classification = own != NULL ? own : inherited;
	ListCell   *lc;

	if (classification != NULL &&
		term_forbids_copies(doc, "classification", classification))
		return psprintf("classification:%s", classification);
	foreach (lc, jb_get_texts(object, "tags"))
	{
		char	   *tag = lfirst(lc);
		char	   *colon = strchr(tag, ':');

		if (colon != NULL &&
			term_forbids_copies(doc, pnstrdup(tag, colon - tag), colon + 1))
			return tag;
	}
	return NULL;
}

/* ---- data that must never be duplicated ---- */

static bool
starts_name(char c)
{
	return isalpha((unsigned char) c) || c == '_' || IS_HIGHBIT_SET(c);
}

/* The identifier at *at as SQL understands it; moves *at behind it. */
static char *
read_identifier(const char **at)
{
	const char *start = *at;
	StringInfoData buf;

	if (*start != '"')
	{
		while (starts_name(**at) || isdigit((unsigned char) **at) ||
			   **at == '$')
			(*at)++;
		return downcase_identifier(start, *at - start, false, false);
	}

	initStringInfo(&buf);
	for ((*at)++; **at != '\0'; (*at)++)
	{
		if (**at == '"' && *++(*at) != '"')
			break;
		appendStringInfoChar(&buf, **at);
	}
	return buf.data;
}

/*
 * Might an expression read a column?  It does if the column's name stands in
 * it, plain literals left out, or the relation's, for the whole row.  Where a
 * literal could be more than plain, its text counts too: in doubt, yes.
 */
static bool
might_read(const char *expression, const char *column, const char *row)
{
	bool		plain = strpbrk(expression, "\\$") == NULL &&
		strstr(expression, "--") == NULL && strstr(expression, "/*") == NULL;
	const char *at = expression;

	/* An identifier with escapes could be any. */
	if (strstr(expression, "U&\"") != NULL ||
		strstr(expression, "u&\"") != NULL)
		return true;
	while (*at != '\0')
	{
		if (*at == '\'' && plain)
		{
			at++;
			at += strcspn(at, "'");
			at += *at != '\0';
		}
		else if (starts_name(*at) || *at == '"')
		{
			char	   *word = read_identifier(&at);

			if (strcmp(word, column) == 0 || same_text(word, row))
				return true;
		}
		else
			at++;
	}
	return false;
}

/* The relation's own name, without its schema; NULL if there is none. */
static const char *
row_name(const char *relation)
{
	const char *dot = relation != NULL ? strrchr(relation, '.') : NULL;

	return dot != NULL ? dot + 1 : NULL;
}

/* Does a copy hold an attribute, or might it? */
static bool
copy_holds(const Governed *g, const Copy *copy, const char *column)
{
	const JsonbContainer *columns = jb_get_object(copy->entry, "columns");
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (columns == NULL)
		return true;
	jb_walk(&cursor, columns);
	while (jb_next_member(&cursor, &key, &value))
		if (value.type == jbvString &&
			might_read(jb_text(&value), column, row_name(g->relation)))
			return true;
	return false;
}

/* Refuse copies that are the same data again: replicas and caches; warn of
 * snapshots.  column is NULL where all of the dataset is meant. */
static void
check_forbidden_copies(const Governed *g, const char *term, const char *column)
{
	ListCell   *lc;

	foreach (lc, g->copies)
	{
		const Copy *copy = lfirst(lc);
		const char *what = column != NULL ? column : "the dataset";

		if (copy->kind == COPY_DERIVED ||
			(column != NULL && !copy_holds(g, copy, column)))
			continue;
		finding_add(
			g->findings,
			copy->kind == COPY_SNAPSHOT ? FINDING_WARNING : FINDING_ERROR,
			"never_copied", copy->place,
			column != NULL ? "Name the other attributes in \"columns\"." :
							 "Read it where it is.",
			column != NULL ?
				"attribute \"%s\" is of \"%s\", which is never copied" :
				"%s is of \"%s\", which is never copied",
			what, term);
	}
}

/* The attributes: their classification, and whether copies may hold them. */
static void
check_attributes(const Governed *g, const char *inherited)
{
	const JsonbContainer *attributes = jb_get_object(g->dataset, "attributes");
	Place		section = place_member(g->place, "attributes");
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (attributes == NULL)
		return;
	jb_walk(&cursor, attributes);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(&section, key.val.string.val, key.val.string.len);
		List	   *parts = asset_key_parts(jb_text(&key));
		char	   *term;

		if (!jb_is_object(&value))
			continue;
		check_classification(g, value.val.binary.data, &here);
		term = forbidding_term(g->doc, value.val.binary.data, inherited);
		if (term != NULL && parts != NIL)
			check_forbidden_copies(g, term, linitial(parts));
	}
}

/* What classification and tags say about the dataset and its attributes. */
static void
check_terms(const Governed *g)
{
	char	   *inherited = jb_get_text(g->context, "classification");
	char	   *term = forbidding_term(g->doc, g->dataset, inherited);

	check_classification(g, g->dataset, g->place);
	if (term != NULL)
		check_forbidden_copies(g, term, NULL);
	check_attributes(g, NULL);
}

/* ---- the source of truth ---- */

static void
check_target(const Governed *g, const JsonbContainer *target,
			 const Place *place)
{
	Place		here = place_member(place, "target");
	char	   *old_locator = jb_get_text(g->sot, "locator");
	char	   *new_locator = jb_get_text(target, "locator");

	if (same_text(jb_get_text(g->sot, "store"),
				  jb_get_text(target, "store")) &&
		(same_text(old_locator, new_locator) || new_locator == NULL))
		finding_add(g->findings, FINDING_ERROR, "same_target", &here,
					"Leave the target out once the move is done.",
					"the source of truth would move to where it is");
	if (!has(target, "by") && !has(target, "plan"))
		finding_add(g->findings, FINDING_WARNING, "migration_without_plan",
					&here, "Say \"by\" when, or where the \"plan\" is.",
					"the source of truth moves without date or plan");
	if (is_past(target, "by"))
		warn_member(g->findings, "migration_overdue", &here, "by",
					"Finish the move, or set another date.",
					"the source of truth should have moved by now");
}

static void
check_sot(const Governed *g)
{
	Place		place = place_member(g->place, "sot");
	const JsonbContainer *target;

	if (g->sot == NULL)
	{
		if (g->copies != NIL)
			finding_add(g->findings, FINDING_WARNING, "copy_without_sot",
						g->place, "Name the store that is authoritative.",
						"dataset has copies, but no source of truth");
		return;
	}
	target = jb_get_object(g->sot, "target");
	if (jb_get_bool(g->sot, "provisional", false))
		finding_add(g->findings, FINDING_WARNING, "provisional_sot", &place,
					has(g->dataset, "review_on") ?
						"It is to be settled by the date of review." :
						"Say in \"review_on\" when it is to be settled.",
					"the source of truth is provisional");
	if (target != NULL)
		check_target(g, target, &place);
}

/* ---- copies ---- */

/* Add a section of copies to the list. */
static void
gather_copies(Governed *g, CopyKind kind)
{
	const JsonbContainer *section =
		jb_get_object(g->dataset, copy_sections[kind]);
	Place	   *place;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (section == NULL)
		return;
	place = keep_place(place_member(g->place, copy_sections[kind]));
	jb_walk(&cursor, section);
	while (jb_next_member(&cursor, &key, &value))
	{
		Copy	   *copy;

		if (!jb_is_object(&value))
			continue;
		copy = palloc0(sizeof(Copy));
		copy->kind = kind;
		copy->name = jb_text(&key);
		copy->entry = value.val.binary.data;
		copy->place = keep_place(
			place_member_n(place, key.val.string.val, key.val.string.len));
		g->copies = lappend(g->copies, copy);
	}
}

/* The copy of a name; NULL if there is none. */
static Copy *
find_copy(const Governed *g, const char *name)
{
	ListCell   *lc;

	foreach (lc, g->copies)
		if (strcmp(((Copy *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* The copy that feeds another; NULL if that is the source of truth. */
static Copy *
upstream_of(const Governed *g, const Copy *copy)
{
	char	   *upstream = jb_get_text(copy->entry, "upstream");

	return upstream != NULL ? find_copy(g, upstream) : NULL;
}

/* Append a word to a list for a message. */
static void
lacks(StringInfo list, bool condition, const char *word)
{
	if (condition)
		appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", word);
}

/* Tell what a copy does not say about how it is kept. */
static void
check_completeness(const Governed *g, const Copy *copy)
{
	const JsonbContainer *entry = copy->entry;
	StringInfoData list;

	initStringInfo(&list);
	lacks(&list, !has(entry, "flow") && !has(entry, "route"), "flow");
	lacks(&list, !has(entry, "trigger"), "trigger");
	lacks(&list, is(entry, "trigger", "batch") && !has(entry, "every"),
		  "every");
	lacks(&list, !has(entry, "consistency"), "consistency");
	if (copy->kind == COPY_CACHE)
		lacks(&list, !has(entry, "ttl") && !has(entry, "max_lag"), "ttl");
	else if (copy->kind != COPY_SNAPSHOT)
		lacks(&list, !has(entry, "max_lag"), "max_lag");
	lacks(&list, !has(entry, "conflict"), "conflict");
	lacks(&list, !has(entry, "runbook"), "runbook");
	lacks(&list,
		  copy->kind == COPY_DERIVED && !has(entry, "transformation") &&
			  !has(entry, "columns"),
		  "transformation");
	if (list.len > 0)
		finding_add(g->findings, FINDING_WARNING, "incomplete_copy",
					copy->place, "Say how it is kept, or who would know.",
					"copy does not say: %s", list.data);
}

/* What cannot be true of a snapshot: it is never updated. */
static void
check_snapshot(const Governed *g, const Copy *copy)
{
	const JsonbContainer *repair = jb_get_object(copy->entry, "repair");

	if (is(copy->entry, "trigger", "realtime") || is(repair, "policy", "auto"))
		finding_add(g->findings, FINDING_ERROR, "snapshot_updated",
					copy->place, "What follows its source is a replica.",
					"a snapshot is never updated");
	if (has(copy->entry, "consistency") &&
		!is(copy->entry, "consistency", "snapshot"))
		warn_member(g->findings, "snapshot_consistency", copy->place,
					"consistency", "Its consistency is \"snapshot\".",
					"a snapshot promises to follow its source");
}

/* What cannot be true of any copy. */
static void
check_contradictions(const Governed *g, const Copy *copy)
{
	const JsonbContainer *entry = copy->entry;
	char	   *upstream = jb_get_text(entry, "upstream");
	Copy	   *namesake = find_copy(g, copy->name);

	if (namesake != copy)
		finding_add(g->findings, FINDING_ERROR, "duplicate_copy", copy->place,
					NULL, "copy \"%s\" is already given at %s", copy->name,
					place_pointer(namesake->place));
	if (same_text(jb_get_text(entry, "store"), jb_get_text(g->sot, "store")) &&
		same_text(jb_get_text(entry, "locator"),
				  jb_get_text(g->sot, "locator")))
		finding_add(g->findings, FINDING_ERROR, "copy_is_source", copy->place,
					"Give it the locator where it lies.",
					"copy is where the source of truth is");
	if (is(entry, "consistency", "strong") &&
		(is(entry, "trigger", "batch") || is(entry, "trigger", "on_demand")))
		finding_add(g->findings, FINDING_ERROR, "never_strong", copy->place,
					"A batch is eventual or bounded.",
					"copy cannot be strong and lag behind");
	if (upstream != NULL && find_copy(g, upstream) == NULL)
	{
		Place		here = place_member(copy->place, "upstream");

		finding_add(g->findings, FINDING_ERROR, "unknown_upstream", &here,
					"Leave it out where the source of truth feeds it.",
					"copy \"%s\" does not exist in the dataset", upstream);
	}
}

/* A replica in PostgreSQL could be taken for the source: it says why it is
 * not.  Of other copies their kind says so. */
static void
check_rationale(const Governed *g, const Copy *copy)
{
	char	   *store = jb_get_text(copy->entry, "store");
	const JsonbContainer *stores = jb_get_object(g->doc, "stores");

	if (copy->kind == COPY_REPLICA && store != NULL &&
		is(jb_get_object(stores, store), "kind", "postgres") &&
		!has(copy->entry, "rationale"))
		finding_add(g->findings, FINDING_WARNING, "no_rationale", copy->place,
					"Say in \"rationale\" why it is not the source of truth.",
					"replica in PostgreSQL could be taken for the source");
}

/* Each chain of upstreams ends at the source of truth: find circles. */
static void
check_upstreams(const Governed *g)
{
	ListCell   *lc;

	foreach (lc, g->copies)
	{
		Copy	   *start = lfirst(lc);
		List	   *chain = NIL;

		for (Copy *copy = start; copy != NULL && !copy->visited;
			 copy = upstream_of(g, copy))
		{
			Copy	   *next = upstream_of(g, copy);

			copy->visited = true;
			chain = lappend(chain, copy);
			if (next != NULL && list_member_ptr(chain, next))
				finding_add(g->findings, FINDING_ERROR, "upstream_cycle",
							copy->place,
							"Each chain ends at the source of truth.",
							"\"upstream\" of \"%s\" leads back to itself",
							copy->name);
		}
	}
}

static void
check_copies(const Governed *g)
{
	ListCell   *lc;

	foreach (lc, g->copies)
	{
		Copy	   *copy = lfirst(lc);

		check_completeness(g, copy);
		check_contradictions(g, copy);
		check_rationale(g, copy);
		if (copy->kind == COPY_SNAPSHOT)
			check_snapshot(g, copy);
		if (jb_get_bool(copy->entry, "provisional", false))
			finding_add(g->findings, FINDING_WARNING, "provisional_copy",
						copy->place, NULL, "what is said here is provisional");
	}
	check_upstreams(g);
}

/* ---- who reads and writes ---- */

/* Is the store that of the source of truth, present or to come? */
static bool
is_source_store(const Governed *g, const char *store)
{
	return is(g->sot, "store", store) ||
		is(jb_get_object(g->sot, "target"), "store", store);
}

/* Does a store hold a copy? */
static bool
has_copy(const Governed *g, const char *store)
{
	ListCell   *lc;

	foreach (lc, g->copies)
		if (is(((Copy *) lfirst(lc))->entry, "store", store))
			return true;
	return false;
}

/* What is found out about one that reads or writes, and by which member. */
static void
check_participant(const Governed *g, const JsonbContainer *entry,
				  const char *member, const Place *place)
{
	char	   *store = jb_get_text(entry, member);

	if (!jb_get_bool(entry, "confirmed", true))
		finding_add(g->findings, FINDING_WARNING, "not_confirmed", place,
					"Ask, then set \"confirmed\" or remove it.",
					"was discovered, and nobody has confirmed it");
	if (store == NULL || g->sot == NULL || is_source_store(g, store))
		return;
	if (!has_copy(g, store))
		warn_member(g->findings, "no_placement", place, member,
					"Name the copy that is there.",
					"the store holds neither source nor copy of the dataset");
	else if (strcmp(member, "writes") == 0)
		warn_member(g->findings, "writes_to_copy", place, member,
					"Let it write to the source of truth.",
					"writes to a copy are lost or drift");
}

/* Walk the consumers or the producers. */
static void
check_participants(const Governed *g, const char *section, const char *member)
{
	const JsonbContainer *entries = jb_get_object(g->dataset, section);
	Place		place = place_member(g->place, section);
	bool		consumers = strcmp(section, "consumers") == 0;
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (entries == NULL)
		return;
	jb_walk(&cursor, entries);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(&place, key.val.string.val, key.val.string.len);
		const JsonbContainer *entry = value_object(&value);

		check_participant(g, entry, member, &here);
		if (consumers && !has(entry, "purpose"))
			finding_add(g->findings, FINDING_INFO, "no_purpose", &here,
						"Say in \"purpose\" what it reads for.",
						"consumer has no purpose");
		if (consumers && is_past(entry, "until"))
			warn_member(g->findings, "access_ended", &here, "until",
						"Remove the consumer, or set another date.",
						"access has ended by now");
	}
}

/* ---- the steward ---- */

static bool
is_positive(Numeric number)
{
	return DatumGetInt32(
			   DirectFunctionCall1(numeric_int4, NumericGetDatum(number))) > 0;
}

/* Data that is classified above the lowest, or tagged, needs a steward. */
static void
check_steward(const Governed *g)
{
	const JsonbContainer *codes =
		jb_get_object(jb_get_object(g->doc, "terms"), "classification");
	char	   *classification = jb_get_text(g->dataset, "classification");
	JsonbValue	rank;

	if (has(g->dataset, "steward") || has(g->context, "steward"))
		return;
	if (classification == NULL)
		classification = jb_get_text(g->context, "classification");
	if (jb_get_texts(g->dataset, "tags") != NIL ||
		(classification != NULL &&
		 jb_get(jb_get_object(codes, classification), "rank", &rank) &&
		 rank.type == jbvNumeric && is_positive(rank.val.numeric)))
		finding_add(g->findings, FINDING_WARNING, "no_steward", g->place,
					"Without a steward nobody but spine_admin lowers its "
					"classification.",
					"classified data has no steward");
}

/* ---- the whole ---- */

void
check_governance(const SpecDataset *dataset, const JsonbContainer *context,
				 const JsonbContainer *doc, const Place *place,
				 Findings *findings)
{
	Governed	g = {0};

	g.doc = doc;
	g.context = context;
	g.dataset = dataset->definition;
	g.sot = jb_get_object(dataset->definition, "sot");
	g.relation = dataset->relation;
	g.place = place;
	g.findings = findings;
	for (CopyKind kind = COPY_REPLICA; kind <= COPY_DERIVED; kind++)
		gather_copies(&g, kind);

	check_ownership(dataset->definition, place, findings);
	check_owner_role(&g, dataset);
	check_steward(&g);
	check_terms(&g);
	check_sot(&g);
	check_copies(&g);
	check_participants(&g, "consumers", "reads");
	check_participants(&g, "producers", "writes");
}
