/*-------------------------------------------------------------------------
 *
 * sheet.c
 *		The ownership specification of a dataset as a person reads it: nine
 *		sections, then where the data lies and who uses it.
 *
 * Everything comes from the newest document, but for the types of columns
 * and the time of the last change.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/markdown.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* What the sections are written from. */
typedef struct Sheet
{
	StringInfo	out;
	const Found *found;
	const SpecDataset *dataset;
	const JsonbContainer *definition;
	const JsonbContainer *lifecycle; /* NULL if there is none */
	Oid			relid;				 /* InvalidOid if it is not here */
	List	   *states;				 /* of SpecState, in reading order */
	List	   *transitions;		 /* of SpecTransition, likewise */
} Sheet;

/* The list in words, "none" if it is empty. */
static char *
names_or_none(const List *names)
{
	return names != NIL ? names_join(names, ", ") : pstrdup("none");
}

/* In place of a section about states, where there are none. */
static bool
without_lifecycle(const Sheet *sheet)
{
	if (sheet->lifecycle != NULL)
		return false;
	md_line(sheet->out, "No lifecycle: one state, whatever the values.");
	return true;
}

/* ---- 1 Identity ---- */

/* Where and when the newest revision that changed the dataset was made. */
static char *
last_updated(const Sheet *sheet)
{
	CatalogDataset *shown = catalog_dataset(sheet->dataset->key);
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	row;
	char	   *text = NULL;

	if (shown == NULL)
		return NULL;
	rel = table_open(spine_table_oid_strict("revision"), AccessShareLock);
	ScanKeyInit(&key, Anum_revision_rev, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(shown->rev));
	scan = systable_beginscan(rel, spine_table_oid_strict("revision_pkey"),
							  true, NULL, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
	{
		bool		isnull;
		struct pg_tm tm = {0};
		fsec_t		fsec;
		Datum at = heap_getattr(row, Anum_revision_at, RelationGetDescr(rel),
								&isnull);

		/* without a zone this is the day in UTC */
		if (timestamp2tm(DatumGetTimestampTz(at), NULL, &tm, &fsec, NULL,
						 NULL) == 0)
			text = psprintf("%04d-%02d-%02d, revision " INT64_FORMAT,
							tm.tm_year, tm.tm_mon, tm.tm_mday, shown->rev);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return text;
}

/* The owner and whether it has accepted, the interim owner too. */
static char *
owner_text(const Sheet *sheet)
{
	const char *owner = sheet->dataset->owner;
	const JsonbContainer *from = sheet->definition;
	char	   *state;
	char	   *interim;
	StringInfoData text;

	/* what is said of an owner stands where the owner stands */
	if (!jb_get_text(from, "owner") && !jb_get_text(from, "owner_state") &&
		!jb_get_text(from, "interim_owner"))
		from = sheet->found->context;
	state = jb_get_text(from, "owner_state");
	interim = jb_get_text(from, "interim_owner");

	initStringInfo(&text);
	if (owner != NULL)
		appendStringInfo(&text, "%s (%s)", owner, state ? state : "accepted");
	if (interim != NULL)
		appendStringInfo(&text, "%sinterim: %s", owner ? "; " : "", interim);
	return text.len > 0 ? text.data : pstrdup("nobody");
}

/* The type of a column that is here; NULL otherwise. */
static char *
column_type(const Sheet *sheet, const char *name)
{
	AttrNumber	attnum;
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (!OidIsValid(sheet->relid))
		return NULL;
	attnum = get_attnum(sheet->relid, name);
	if (attnum <= 0)
		return NULL;
	get_atttypetypmodcoll(sheet->relid, attnum, &type, &typmod, &collation);
	return OidIsValid(type) ? format_type_with_typemod(type, typmod) : NULL;
}

/* The attributes that the document lists; what they may not hold where there
 * are such rules. */
static void
put_attributes(const Sheet *sheet)
{
	static const char *const titles[] = {"Attribute",	   "Type / shape",
										 "Classification", "Tags",
										 "Erasure",		   "Description",
										 "May not hold"};
	List	   *members =
		members_sorted(jb_get_object(sheet->definition, "attributes"));
	int			n = lengthof(titles) - (sheet->dataset->forbids == NIL ? 1 : 0);
	ListCell   *lc;

	if (members == NIL)
		return;
	md_titles(sheet->out, n, titles);
	foreach (lc, members)
	{
		const Member *member = lfirst(lc);
		const JsonbContainer *obj = value_object(&member->value);
		const char			 *cells[] = {
					  member->name,
					  column_type(sheet, member->name),
					  member_words(obj, "classification"),
					  member_words(obj, "tags"),
					  member_words(obj, "erasure"),
					  member_words(obj, "description"),
					  member_words(obj, "forbid"),
		  };

		md_row(sheet->out, n, cells);
	}
	md_end(sheet->out);
}

/* What the dataset says, else its context. */
static char *
inherited_words(const Sheet *sheet, const char *key)
{
	char	   *own = member_words(sheet->definition, key);

	return own ? own : member_words(sheet->found->context, key);
}

static void
put_identity(const Sheet *sheet)
{
	static const char *const titles[] = {"Field", "Value"};
	static const MemberColumn fields[] = {
		{"Delegates", "delegates"}, {"Tags", "tags"},
		{"Contract", "contract"},	{"Schema subjects", "subjects"},
		{"Review on", "review_on"}, {"Rationale", "rationale"},
		{"Links", "links"},
	};
	StringInfo	out = sheet->out;
	char	   *key = member_words(sheet->definition, "key");

	md_titles(out, lengthof(titles), titles);
	md_field(out, "Dataset", sheet->dataset->key);
	md_field(out, "Owning entity", sheet->dataset->relation);
	md_field(out, "Key", key ? key : "the primary key");
	md_field(out, "Governing state",
			 sheet->lifecycle ? sheet->dataset->lifecycle->governing :
								"none: no lifecycle");
	md_field(out, "Owner", owner_text(sheet));
	md_field(out, "Steward", inherited_words(sheet, "steward"));
	md_field(out, "Spec owner", member_words(sheet->lifecycle, "spec_owner"));
	md_field(out, "Classification", inherited_words(sheet, "classification"));
	for (size_t i = 0; i < lengthof(fields); i++)
		md_field(out, fields[i].title,
				 member_words(sheet->definition, fields[i].member));
	md_field(out, "Last updated", last_updated(sheet));
	md_end(out);
	put_attributes(sheet);
}

/* ---- 2 Parties ---- */

/* A party that the dataset speaks of, and what it has to do with it. */
typedef struct Duty
{
	const char *party;
	List	   *duties; /* of char * */
} Duty;

/* Note a duty of a party; party may be NULL. */
static void
note_duty(List **parties, const char *party, const char *duty)
{
	Duty	   *found = NULL;
	ListCell   *lc;

	if (party == NULL)
		return;
	foreach (lc, *parties)
		if (strcmp(((const Duty *) lfirst(lc))->party, party) == 0)
			found = lfirst(lc);
	if (found == NULL)
	{
		found = palloc0(sizeof(Duty));
		found->party = party;
		*parties = lappend(*parties, found);
	}
	found->duties = names_add(found->duties, duty);
}

static void
note_duties(List **parties, const List *names, const char *duty)
{
	ListCell   *lc;

	foreach (lc, names)
		note_duty(parties, lfirst(lc), duty);
}

/* The names of a map's members. */
static List *
map_names(const JsonbContainer *map)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach (lc, members_sorted(map))
		names = lappend(names, ((const Member *) lfirst(lc))->name);
	return names;
}

static int
compare_duties(const ListCell *a, const ListCell *b)
{
	return strcmp(((const Duty *) lfirst(a))->party,
				  ((const Duty *) lfirst(b))->party);
}

/* Every party of the dataset (List of Duty), by name. */
static List *
all_parties(const Sheet *sheet)
{
	const JsonbContainer *definition = sheet->definition;
	List	   *parties = NIL;
	ListCell   *lc;

	note_duty(&parties, sheet->dataset->owner, "owner");
	note_duty(&parties, jb_get_text(definition, "interim_owner"),
			  "interim owner");
	note_duty(&parties, inherited_words(sheet, "steward"), "steward");
	note_duty(&parties, jb_get_text(sheet->lifecycle, "spec_owner"),
			  "spec owner");
	note_duties(&parties, map_names(jb_get_object(definition, "delegates")),
				"delegate");
	note_duties(&parties, sheet->dataset->producers, "producer");
	note_duties(&parties, map_names(jb_get_object(definition, "consumers")),
				"consumer");
	foreach (lc, dataset_copies(definition))
	{
		const Copy *copy = lfirst(lc);

		note_duty(&parties,
				  jb_get_text(value_object(&copy->member->value), "owner"),
				  psprintf("runs %s", copy->member->name));
	}
	foreach (lc, sheet->states)
	{
		const SpecState *state = lfirst(lc);

		note_duty(&parties, state->owner, psprintf("owns %s", state->name));
	}
	note_duties(&parties, spec_dataset_parties(sheet->dataset), NULL);
	list_sort(parties, compare_duties);
	return parties;
}

/* What the document says about a party, behind its duties. */
static char *
party_notes(const Duty *duty, const JsonbContainer *party)
{
	static const MemberColumn members[] = {
		{"", "description"},
		{"fallback: ", "fallback"},
		{"escalation: ", "escalation"},
		{"contact: ", "contact"},
	};
	List	   *notes = NIL;

	if (duty->duties != NIL)
		notes = lappend(notes, names_join(duty->duties, ", "));
	for (size_t i = 0; i < lengthof(members); i++)
	{
		char	   *words = member_words(party, members[i].member);

		if (words != NULL)
			notes = lappend(notes, psprintf("%s%s", members[i].title, words));
	}
	if (jb_get_bool(party, "retired", false))
		notes = lappend(notes, "retired");
	return names_join(notes, "; ");
}

static void
put_parties(const Sheet *sheet)
{
	static const char *const titles[] = {"ID", "Party",
										 "Kind (service / team / role)",
										 "Database role", "Notes"};
	const JsonbContainer *known =
		jb_get_object(sheet->found->document, "parties");
	ListCell   *lc;
	List	   *parties = all_parties(sheet);

	md_titles(sheet->out, lengthof(titles), titles);
	foreach (lc, parties)
	{
		const Duty *duty = lfirst(lc);
		const JsonbContainer *party = jb_get_object(known, duty->party);
		const char			 *cells[] = {
					  psprintf("P%d", foreach_current_index(lc) + 1),
					  duty->party,
					  member_words(party, "kind"),
					  member_words(party, "role"),
					  party_notes(duty, party),
		  };

		md_row(sheet->out, lengthof(cells), cells);
	}
	md_end(sheet->out);
}

/* ---- 3 States ---- */

/* How a row gets into a state: as the document says, then by the rules. */
static char *
entry_text(const Sheet *sheet, const SpecState *state)
{
	const JsonbContainer *obj =
		jb_get_object(jb_get_object(sheet->lifecycle, "states"), state->name);
	char	   *said = jb_get_text(obj, "entry");
	List	   *ways = NIL;
	List	   *from = NIL;
	ListCell   *lc;

	if (said != NULL)
		ways = lappend(ways, said);
	if (state->initial)
		ways =
			lappend(ways,
					psprintf("inserted by %s", names_or_none(state->insert)));
	foreach (lc, sheet->transitions)
	{
		const SpecTransition *transition = lfirst(lc);

		if (strcmp(transition->to, state->name) == 0)
			from = names_add(from, transition->from);
	}
	if (from != NIL)
		ways = lappend(ways, psprintf("from %s", names_join(from, ", ")));
	return ways != NIL ? names_join(ways, "; ") : pstrdup("never");
}

static void
put_states(const Sheet *sheet)
{
	static const char *const titles[] = {"State", "Meaning",
										 "Entry condition"};
	const JsonbContainer *states = jb_get_object(sheet->lifecycle, "states");
	ListCell   *lc;

	if (without_lifecycle(sheet))
		return;
	md_titles(sheet->out, lengthof(titles), titles);
	foreach (lc, sheet->states)
	{
		const SpecState *state = lfirst(lc);
		const char		*cells[] = {
				 psprintf("%s%s%s", state->name, state->initial ? " (initial)" : "",
					  state->terminal ? " (terminal)" : ""),
				 jb_get_text(jb_get_object(states, state->name), "meaning"),
				 entry_text(sheet, state),
		 };

		md_row(sheet->out, lengthof(cells), cells);
	}
	md_end(sheet->out);
}

/* ---- 4 Ownership matrix ---- */

static int
compare_writes(const ListCell *a, const ListCell *b)
{
	return strcmp(((const SpecWrite *) lfirst(a))->name,
				  ((const SpecWrite *) lfirst(b))->name);
}

/* Who may write what in a state. */
static char *
writes_text(const SpecState *state)
{
	List	   *sorted = list_copy(state->write);
	List	   *rules = NIL;
	bool		star = false;
	ListCell   *lc;

	list_sort(sorted, compare_writes);
	foreach (lc, sorted)
	{
		const SpecWrite *write = lfirst(lc);

		star = star || write->path == NIL;
		rules = lappend(rules,
						psprintf("%s: %s", write->name,
								 names_or_none(write->parties)));
	}
	if (!state->locked && !star)
		rules = lappend(rules,
						psprintf("%swhoever holds the table privilege",
								 rules != NIL ? "all else: " : ""));
	return rules != NIL ? names_join(rules, "; ") : pstrdup("none, frozen");
}

/* Who may lead out of a state: the summary, else what the edges say. */
static char *
transitioners_text(const Sheet *sheet, const SpecState *state)
{
	List	   *parties = NIL;
	ListCell   *lc;
	ListCell   *party;

	if (state->has_transition)
		return names_or_none(state->transition);
	foreach (lc, sheet->transitions)
	{
		const SpecTransition *transition = lfirst(lc);

		if (strcmp(transition->from, state->name) == 0)
			foreach (party, transition->by)
				parties = names_add(parties, lfirst(party));
	}
	return names_or_none(parties);
}

/* Tables that are governed by the state of their parent. */
static void
put_children(const Sheet *sheet)
{
	static const char *const titles[] = {"Child table", "Relation",
										 "Parent's state", "Can write"};
	ListCell   *lc;

	if (sheet->dataset->lifecycle->children == NIL)
		return;
	md_titles(sheet->out, lengthof(titles), titles);
	foreach (lc, sheet->dataset->lifecycle->children)
	{
		const SpecChild *child = lfirst(lc);
		ListCell   *rule;

		foreach (rule, child->write)
		{
			const SpecWrite *write = lfirst(rule);
			const char *cells[] = {child->name, child->relation, write->name,
								   names_or_none(write->parties)};

			md_row(sheet->out, lengthof(cells), cells);
		}
	}
	md_end(sheet->out);
}

/* The one row of a dataset without a lifecycle. */
static void
put_plain_matrix(const Sheet *sheet)
{
	List	   *writers = names_add(NIL, sheet->dataset->standing);
	ListCell   *lc;

	foreach (lc, sheet->dataset->producers)
		writers = names_add(writers, lfirst(lc));
	if (writers == NIL)
		md_line(sheet->out,
				"No lifecycle, and neither owner nor producers: "
				"nobody writes.");
	else
		md_line(sheet->out,
				psprintf("No lifecycle: %s may insert, update and delete; "
						 "nobody else writes.",
						 names_join(writers, ", ")));
}

static void
put_matrix(const Sheet *sheet)
{
	static const char *const titles[] = {"State",
										 "Owner",
										 "Can write (value)",
										 "Can transition (state)",
										 "Can insert",
										 "Can delete",
										 "Read",
										 "Locked for everyone else?"};
	const JsonbContainer *states = jb_get_object(sheet->lifecycle, "states");
	ListCell   *lc;

	if (sheet->lifecycle == NULL)
	{
		put_plain_matrix(sheet);
		return;
	}
	md_titles(sheet->out, lengthof(titles), titles);
	foreach (lc, sheet->states)
	{
		const SpecState *state = lfirst(lc);
		char *read = member_words(jb_get_object(states, state->name), "read");
		const char *cells[] = {
			state->name,
			state->owner,
			writes_text(state),
			transitioners_text(sheet, state),
			names_or_none(state->initial ? state->insert : NIL),
			names_or_none(state->remove),
			read ? read : "all",
			state->locked ? "yes" : "no",
		};

		md_row(sheet->out, lengthof(cells), cells);
	}
	md_end(sheet->out);
	put_children(sheet);
}

/* ---- 5 Transitions & handoffs ---- */

/* What must hold for a transition. */
static char *
guard_text(const SpecTransition *transition)
{
	List	   *conditions = NIL;
	ListCell   *lc;

	if (transition->guard != NULL)
		conditions = names_add(conditions, transition->guard);
	foreach (lc, transition->guard_children)
	{
		const SpecChildCount *count = lfirst(lc);

		conditions =
			lappend(conditions,
					psprintf("at least %d of %s", count->least, count->child));
	}
	if (transition->guard_function != NULL)
		conditions =
			lappend(conditions,
					psprintf("function %s", transition->guard_function));
	return names_join(conditions, "; ");
}

/* What happens in the same transaction, in order. */
static char *
handoffs_text(const SpecTransition *transition)
{
	List	   *handoffs = NIL;
	ListCell   *lc;

	foreach (lc, transition->handoffs)
		handoffs = lappend(handoffs, handoff_text(lfirst(lc)));
	return names_join(handoffs, "; ");
}

static void
put_transitions(const Sheet *sheet)
{
	static const char *const titles[] = {"From -> To", "Triggered by",
										 "Guard / precondition",
										 "Handoff actions on transition",
										 "Sets in the same statement"};
	ListCell   *lc;

	if (without_lifecycle(sheet))
		return;
	md_titles(sheet->out, lengthof(titles), titles);
	foreach (lc, sheet->transitions)
	{
		const SpecTransition *transition = lfirst(lc);
		const char			 *cells[] = {
					  transition->name,
					  names_join(transition->by, ", "),
					  guard_text(transition),
					  handoffs_text(transition),
					  names_join(transition->with_write, ", "),
		  };

		md_row(sheet->out, lengthof(cells), cells);
	}
	md_end(sheet->out);
	md_line(sheet->out, "Any transition not listed here is forbidden.");
}

/* ---- 6 Invariants ---- */

/* An invariant as a sentence. */
static char *
invariant_text(const JsonbContainer *invariant)
{
	char	   *frozen = member_words(invariant, "frozen");
	char	   *not_null = member_words(invariant, "not_null");
	char	   *except = member_words(invariant, "except_in");
	char	   *check = member_words(invariant, "check");
	char	   *about = member_words(invariant, "description");
	List	   *parts = NIL;

	if (frozen != NULL)
		parts = lappend(parts,
						psprintf("%s never changes from the state %s on",
								 frozen, member_words(invariant, "from")));
	if (not_null != NULL)
		parts = lappend(parts,
						psprintf("%s is never null%s%s", not_null,
								 except ? ", except in " : "",
								 except ? except : ""));
	if (check != NULL)
		parts = lappend(parts, check);
	if (about != NULL)
		parts = lappend(parts, about);
	return names_join(parts, "; ");
}

static void
put_invariants(const Sheet *sheet)
{
	List	   *invariants =
		members_sorted(jb_get_object(sheet->lifecycle, "invariants"));
	ListCell   *lc;

	if (without_lifecycle(sheet))
		return;
	foreach (lc, invariants)
	{
		const Member *member = lfirst(lc);

		md_item(sheet->out, member->name,
				invariant_text(value_object(&member->value)));
	}
	md_item(sheet->out, NULL,
			"A row has one owner at any moment, that of its "
			"state; in a terminal state perhaps none.");
	md_end(sheet->out);
}

/* ---- 7 Contention & conflict handling ---- */

/* A word of the document in a sentence. */
typedef struct Phrase
{
	const char *word;
	const char *sentence;
} Phrase;

/* The sentence of a word; otherwise if the word is NULL or unknown. */
static const char *
phrase(const Phrase *phrases, int n, const char *word, const char *otherwise)
{
	for (int i = 0; word != NULL && i < n; i++)
		if (strcmp(phrases[i].word, word) == 0)
			return phrases[i].sentence;
	return otherwise;
}

/* What protects a row from two writers at once. */
static char *
version_text(const SpecLifecycle *lifecycle)
{
	if (lifecycle->version_mode == VERSION_REQUIRE)
		return psprintf("%s must be the old one plus one; else the write is "
						"rejected",
						lifecycle->version);
	if (lifecycle->version_mode == VERSION_AUTO)
		return psprintf("%s is counted by the guard", lifecycle->version);
	return pstrdup("no version is kept: writers wait for one another, the "
				   "last one stays");
}

/* What happens when an owner cannot be reached. */
static char *
unavailable_text(const Sheet *sheet, const JsonbContainer *contention)
{
	const JsonbContainer *parties =
		jb_get_object(sheet->found->document, "parties");
	char	   *after = jb_get_text(contention, "fallback_after");
	List	   *fallbacks = NIL;
	ListCell   *lc;

	foreach (lc, sheet->states)
	{
		const SpecState *state = lfirst(lc);
		char			*fallback = state->owner ?
					   jb_get_text(jb_get_object(parties, state->owner), "fallback") :
					   NULL;

		if (fallback != NULL)
			fallbacks =
				names_add(fallbacks,
						  psprintf("%s for %s", fallback, state->owner));
	}
	if (fallbacks == NIL)
		return pstrdup("no fallback is named");
	return psprintf("%s, %s%s", names_join(fallbacks, ", "),
					after ? "after " : "when asked", after ? after : "");
}

static void
put_contention(const Sheet *sheet)
{
	static const char *const titles[] = {"Concern", "Rule"};
	static const Phrase		 strangers[] = {
			 {"queue", "queued for the owner"},
			 {"escalate", "rejected with an error and escalated"},
	 };
	static const Phrase disorder[] = {
		{"no_op", "ignored if the row is there already"},
	};
	const JsonbContainer *contention =
		jb_get_object(sheet->lifecycle, "contention");
	StringInfo	out = sheet->out;

	if (without_lifecycle(sheet))
		return;
	md_titles(out, lengthof(titles), titles);
	md_field(out, "Concurrent writes",
			 version_text(sheet->dataset->lifecycle));
	md_field(out, "Write by non-owner",
			 phrase(strangers, lengthof(strangers),
					jb_get_text(contention, "non_owner"),
					"rejected with an error"));
	md_field(out, "Disputed ownership", "the governing state decides");
	md_field(out, "Out-of-order transition",
			 phrase(disorder, lengthof(disorder),
					jb_get_text(contention, "out_of_order"),
					"rejected with an error"));
	md_field(out, "Party unavailable", unavailable_text(sheet, contention));
	md_end(out);
}

/* ---- 8 Observability & audit ---- */

/* An alert as a sentence. */
static char *
alert_text(const Member *alert)
{
	const JsonbContainer *obj = value_object(&alert->value);
	char	   *to = member_words(obj, "to");
	char	   *severity = member_words(obj, "severity");
	char	   *about = member_words(obj, "description");

	return psprintf("%s: longer than %s in %s: %s %s%s%s", alert->name,
					member_words(obj, "longer_than"),
					member_words(obj, "state"), severity ? severity : "tell",
					to ? to : "its owner", about ? "; " : "",
					about ? about : "");
}

static void
put_observability(const Sheet *sheet)
{
	static const char *const titles[] = {"Field", "Value"};
	static const char *const audits[] = {
		[AUDIT_ALL] = "every write: who, when, values before and after, "
					  "state before and after, rule",
		[AUDIT_TRANSITIONS] = "transitions only: who, when, state before and "
							  "after, rule",
		[AUDIT_NONE] = "nothing is recorded",
	};
	static const char *const enforcements[] = {
		[ENFORCEMENT_ENFORCE] = "refused",
		[ENFORCEMENT_OBSERVE] = "recorded and let pass",
		[ENFORCEMENT_OFF] = "neither refused nor recorded",
	};
	StringInfo	out = sheet->out;
	List	   *alerts = NIL;
	ListCell   *lc;

	foreach (lc, members_sorted(jb_get_object(sheet->lifecycle, "alerts")))
		alerts = lappend(alerts, alert_text(lfirst(lc)));

	md_titles(out, lengthof(titles), titles);
	md_field(out, "Audit trail", audits[sheet->dataset->audit]);
	md_field(out, "Where stored",
			 "spine.audit_trail, spine.denied; handoffs in spine.outbox");
	md_field(out, "Writes that a rule denies",
			 enforcements[sheet->dataset->enforcement]);
	md_field(out, "Alerting",
			 alerts != NIL ? names_join(alerts, "\n") : "none");
	md_end(out);
}

/* ---- 9 Edge cases & open questions ---- */

/* Who may delete in which state. */
static char *
deletion_text(const Sheet *sheet)
{
	List	   *rules = NIL;
	ListCell   *lc;

	foreach (lc, sheet->states)
	{
		const SpecState *state = lfirst(lc);

		if (state->remove != NIL)
			rules = lappend(rules,
							psprintf("in %s by %s", state->name,
									 names_join(state->remove, ", ")));
	}
	return rules != NIL ?
		psprintf("%s; in no other state", names_join(rules, "; ")) :
		pstrdup("in no state");
}

/* States that a row can leave and come back to. */
static char *
loops_text(const Sheet *sheet)
{
	List	   *loops = NIL;
	ListCell   *start;

	foreach (start, sheet->states)
	{
		const SpecState *state = lfirst(start);
		List	   *reached = list_make1(unconstify(char *, state->name));
		bool		again = false;

		/* the list grows while it is walked */
		for (int i = 0; i < list_length(reached); i++)
		{
			ListCell   *lc;

			foreach (lc, sheet->transitions)
			{
				const SpecTransition *transition = lfirst(lc);

				if (strcmp(transition->from, list_nth(reached, i)) != 0)
					continue;
				again = again || strcmp(transition->to, state->name) == 0;
				reached = names_add(reached, transition->to);
			}
		}
		if (again)
			loops = lappend(loops, unconstify(char *, state->name));
	}
	if (loops == NIL)
		return pstrdup("none; a state that is left does not come back");
	return psprintf("%s; the state's owner then owns the row again",
					names_join(loops, ", "));
}

static void
put_edge_cases(const Sheet *sheet)
{
	char	   *actions = member_words(sheet->definition, "allow_fk_actions");
	ListCell   *lc;

	if (sheet->lifecycle != NULL)
	{
		md_item(sheet->out, "Deleted mid-lifecycle", deletion_text(sheet));
		md_item(sheet->out, "States that can be re-entered",
				loops_text(sheet));
	}
	else
		md_item(sheet->out, NULL,
				"No lifecycle: rows come and go as the "
				"owner and the producers write them.");
	if (actions != NULL)
		md_item(sheet->out, "Foreign keys whose actions may write", actions);
	foreach (lc, jb_get_texts(sheet->lifecycle, "open_questions"))
		md_item(sheet->out, "Open", lfirst(lc));
	md_end(sheet->out);
}

/* ---- beyond the template: where the data lies, and who uses it ---- */

/* The region of a store. */
static char *
store_region(const Sheet *sheet, const char *store)
{
	const JsonbContainer *stores =
		jb_get_object(sheet->found->document, "stores");

	return store ? member_words(jb_get_object(stores, store), "region") : NULL;
}

/* What else the document says about a placement. */
static char *
placement_notes(const JsonbContainer *placement)
{
	static const MemberColumn members[] = {
		{"", "description"},
		{"", "transformation"},
		{"", "rationale"},
		{"inputs: ", "inputs"},
		{"rows: ", "filter"},
		{"columns: ", "columns"},
		{"conflict: ", "conflict"},
		{"validated: ", "validate"},
		{"repair: ", "repair"},
		{"kept for: ", "ttl"},
		{"by: ", "by"},
		{"plan: ", "plan"},
		{"run by: ", "owner"},
		{"runbook: ", "runbook"},
	};
	List	   *notes = NIL;

	if (jb_get_bool(placement, "provisional", false))
		notes = lappend(notes, "provisional");
	for (size_t i = 0; i < lengthof(members); i++)
	{
		char	   *words = member_words(placement, members[i].member);

		if (words != NULL)
			notes = lappend(notes, psprintf("%s%s", members[i].title, words));
	}
	return names_join(notes, "\n");
}

static void
put_placement(const Sheet *sheet, const char *name, const char *kind,
			  const JsonbContainer *placement)
{
	char	   *store = jb_get_text(placement, "store");
	const char *cells[] = {
		name,
		kind,
		store,
		store_region(sheet, store),
		member_words(placement, "locator"),
		member_words(placement, "upstream"),
		member_words(placement, "flow"),
		member_words(placement, "trigger"),
		member_words(placement, "consistency"),
		member_words(placement, "max_lag"),
		placement_notes(placement),
	};

	md_row(sheet->out, lengthof(cells), cells);
}

static void
put_placements(const Sheet *sheet)
{
	static const char *const titles[] = {"Placement", "Kind",	 "Store",
										 "Region",	  "Locator", "Fed from",
										 "Flow",	  "Trigger", "Consistency",
										 "Max lag",	  "Notes"};
	const JsonbContainer *sot = jb_get_object(sheet->definition, "sot");
	const JsonbContainer *target = jb_get_object(sot, "target");
	List	   *copies = dataset_copies(sheet->definition);
	ListCell   *lc;

	if (sot == NULL)
		md_line(sheet->out, "No source of truth is named.");
	if (sot == NULL && copies == NIL)
		return;
	md_titles(sheet->out, lengthof(titles), titles);
	if (sot != NULL)
		put_placement(sheet, NULL, "source of truth", sot);
	if (target != NULL)
		put_placement(sheet, NULL, "next source of truth", target);
	foreach (lc, copies)
	{
		const Copy *copy = lfirst(lc);

		put_placement(sheet, copy->member->name, copy->kind,
					  value_object(&copy->member->value));
	}
	md_end(sheet->out);
}

/* Rows of those who read, or who write beside the owner. */
static void
put_participants(const Sheet *sheet, const char *access, const char *map,
				 const char *store)
{
	ListCell   *lc;

	foreach (lc, members_sorted(jb_get_object(sheet->definition, map)))
	{
		const Member *member = lfirst(lc);
		const JsonbContainer *obj = value_object(&member->value);
		const char			 *cells[] = {
					  member->name,
					  access,
					  member_words(obj, "attributes"),
					  member_words(obj, store),
					  member_words(obj, "purpose"),
					  member_words(obj, "until"),
					  member_words(obj, "description"),
		  };

		md_row(sheet->out, lengthof(cells), cells);
	}
}

static void
put_users(const Sheet *sheet)
{
	static const char *const titles[] = {"Party", "Access",	 "Attributes",
										 "Store", "Purpose", "Until",
										 "Notes"};
	ListCell   *lc;

	if (map_names(jb_get_object(sheet->definition, "consumers")) == NIL &&
		sheet->dataset->producers == NIL)
	{
		md_line(sheet->out, "No consumers or producers are declared.");
		return;
	}
	md_titles(sheet->out, lengthof(titles), titles);
	put_participants(sheet, "reads", "consumers", "reads");
	put_participants(sheet, "writes", "producers", "writes");
	/* producers may also be a plain list */
	foreach (lc, jb_get_texts(sheet->definition, "producers"))
	{
		const char *cells[lengthof(titles)] = {lfirst(lc), "writes"};

		md_row(sheet->out, lengthof(cells), cells);
	}
	md_end(sheet->out);
}

static void
put_retention(const Sheet *sheet)
{
	static const char *const titles[] = {"Rule", "Keep",   "From",
										 "Rows", "Action", "Legal basis"};
	List	   *rules =
		members_sorted(jb_get_object(sheet->definition, "retention"));
	ListCell   *lc;

	if (rules == NIL)
		return;
	md_heading(sheet->out, 2, "Retention");
	md_titles(sheet->out, lengthof(titles), titles);
	foreach (lc, rules)
	{
		const Member *member = lfirst(lc);
		const JsonbContainer *obj = value_object(&member->value);
		const char			 *cells[] = {
					  member->name,
					  member_words(obj, "keep"),
					  member_words(obj, "clock"),
					  member_words(obj, "predicate"),
					  member_words(obj, "action"),
					  member_words(obj, "legal_basis"),
		  };

		md_row(sheet->out, lengthof(cells), cells);
	}
	md_end(sheet->out);
}

/* ---- the whole ---- */

void
dataset_sheet(StringInfo out, const Found *found)
{
	static const struct
	{
		const char *heading;
		void		(*put)(const Sheet *sheet);
	}			sections[] = {
		{"1. Identity", put_identity},
		{"2. Parties", put_parties},
		{"3. States", put_states},
		{"4. Ownership matrix", put_matrix},
		{"5. Transitions & handoffs", put_transitions},
		{"6. Invariants", put_invariants},
		{"7. Contention & conflict handling", put_contention},
		{"8. Observability & audit", put_observability},
		{"9. Edge cases & open questions", put_edge_cases},
		{"Source of truth and copies", put_placements},
		{"Consumers and producers", put_users},
	};
	Sheet		sheet = {0};
	char	   *about;

	sheet.out = out;
	sheet.found = found;
	sheet.dataset = found->dataset;
	sheet.definition = found->dataset->definition;
	if (found->dataset->lifecycle != NULL)
	{
		sheet.lifecycle = jb_get_object(sheet.definition, "lifecycle");
		sheet.states = states_in_order(found->dataset->lifecycle);
		sheet.transitions =
			transitions_in_order(found->dataset->lifecycle, sheet.states);
	}
	if (found->dataset->local && found->dataset->relation != NULL)
		sheet.relid = spec_relation_oid(found->dataset->relation);

	md_heading(out, 1, psprintf("Ownership of %s", found->dataset->key));
	about = jb_get_text(sheet.definition, "description");
	if (about != NULL)
		md_line(out, about);
	for (size_t i = 0; i < lengthof(sections); i++)
	{
		md_heading(out, 2, sections[i].heading);
		sections[i].put(&sheet);
	}
	put_retention(&sheet);
}
