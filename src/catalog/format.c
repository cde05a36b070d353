/*-------------------------------------------------------------------------
 *
 * format.c
 *		The document format: one table, and how to walk a document along it.
 *
 * To extend the format, extend the table: the check, the schema and
 * docs/spec.schema.json follow (the last by spine.spec_schema()).  Shapes
 * never contain themselves, so every walk is as deep as the table.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/format.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* ---- how the table is written ---- */

#define SHAPE(...) (&(const Shape){__VA_ARGS__})
#define NAME(to) SHAPE(.kind = SHAPE_NAME, .ref = (to))
#define TERM(of) SHAPE(.kind = SHAPE_NAME, .ref = REF_TERM, .scheme = (of))
#define WORD(...)                                                             \
	SHAPE(.kind = SHAPE_WORD,                                                 \
		  .words = (const char *const[]){__VA_ARGS__, NULL})
#define INT(least)                                                            \
	SHAPE(.kind = SHAPE_INT, .min = (least), .max = PG_INT32_MAX)
#define NUMBER(from, to)                                                      \
	SHAPE(.kind = SHAPE_NUMBER, .min = (from), .max = (to))
#define LIST(of) SHAPE(.kind = SHAPE_LIST, .item = (of))
#define LIST_1(of) SHAPE(.kind = SHAPE_LIST, .item = (of), .min = 1)
#define MAP(names, of) SHAPE(.kind = SHAPE_MAP, .key = (names), .item = (of))
#define UNION(a, b) SHAPE(.kind = SHAPE_UNION, .key = (a), .item = (b))
#define FIELDS(...)                                                           \
	.fields = (const Field[])                                                 \
	{                                                                         \
		__VA_ARGS__,                                                          \
		{                                                                     \
			NULL, NULL, false, NULL                                           \
		}                                                                     \
	}
#define OBJECT(id, ...)                                                       \
	static const Shape id = {.kind = SHAPE_OBJECT,                            \
							 .name = #id,                                     \
							 FIELDS(__VA_ARGS__)}
#define ONE_OF(id, most, ...)                                                 \
	static const Shape id = {.kind = SHAPE_OBJECT,                            \
							 .name = #id,                                     \
							 .min = 1,                                        \
							 .max = (most),                                   \
							 FIELDS(__VA_ARGS__)}

#define OPTIONAL false
#define REQUIRED true

/* ---- scalars that recur ---- */

static const Shape prose = {.kind = SHAPE_TEXT};
static const Shape code = {.kind = SHAPE_CODE};
static const Shape name = {.kind = SHAPE_NAME};
static const Shape date = {.kind = SHAPE_DATE};
static const Shape duration = {.kind = SHAPE_DURATION};
static const Shape boolean = {.kind = SHAPE_BOOL};
static const Shape whole = {.kind = SHAPE_INT, .max = PG_INT32_MAX};
static const Shape any_object = {.kind = SHAPE_ANY};

static const Shape party = {.kind = SHAPE_NAME, .ref = REF_PARTY};
static const Shape new_name = {.kind = SHAPE_NAME, .ref = REF_NEW_NAME};
static const Shape state = {.kind = SHAPE_NAME, .ref = REF_STATE};
static const Shape store = {.kind = SHAPE_NAME, .ref = REF_STORE};
static const Shape dataset_key = {.kind = SHAPE_NAME, .ref = REF_DATASET};
static const Shape attribute = {.kind = SHAPE_NAME, .ref = REF_ATTRIBUTE};
static const Shape column = {.kind = SHAPE_NAME, .ref = REF_COLUMN};
static const Shape region = {.kind = SHAPE_NAME,
							 .ref = REF_TERM,
							 .scheme = "region"};

static const Shape parties = {.kind = SHAPE_LIST, .item = &party};
static const Shape some_parties = {.kind = SHAPE_LIST,
								   .item = &party,
								   .min = 1};
static const Shape attributes = {.kind = SHAPE_LIST, .item = &attribute};
static const Shape some_attributes = {.kind = SHAPE_LIST,
									  .item = &attribute,
									  .min = 1};
static const Shape tags = {.kind = SHAPE_LIST,
						   .item = SHAPE(.kind = SHAPE_NAME, .ref = REF_TAG)};
static const Shape texts = {.kind = SHAPE_MAP, .key = &name, .item = &prose};
static const Shape links = {.kind = SHAPE_MAP,
							.key = &name,
							.item =
								SHAPE(.kind = SHAPE_TEXT, .ref = REF_LINK)};
static const Shape owner_state = {.kind = SHAPE_WORD,
								  .words =
									  (const char *const[]){"accepted",
															"interim",
															"proposed",
															"declined", NULL}};

#define DESCRIPTION                                                           \
	{                                                                         \
		"description", &prose, OPTIONAL, "What it is, for people."            \
	}
#define LINKS                                                                 \
	{                                                                         \
		"links", &links, OPTIONAL, "Where to read more: name and address."    \
	}
#define RUNBOOK                                                               \
	{                                                                         \
		"runbook", &prose, OPTIONAL,                                          \
			"Where it says what to do when this fails."                       \
	}

/* ---- vocabulary, parties, stores ---- */

OBJECT(term, DESCRIPTION,
	   {"rank", &whole, OPTIONAL,
		"Order within the scheme: higher is stricter."},
	   {"parent", NAME(REF_SAME_SCHEME), OPTIONAL,
		"The term of the same scheme that holds this one."},
	   {"jurisdiction", &prose, OPTIONAL, "Law that applies, for a region."},
	   {"no_copy", &boolean, OPTIONAL,
		"Data of this term is never cached or replicated."});

OBJECT(party_entry,
	   {"kind", WORD("service", "team", "role", "person", "context"), REQUIRED,
		"What sort of party it is."},
	   {"role", NAME(REF_ROLE), OPTIONAL,
		"The database role that acts as this party."},
	   {"fallback", &party, OPTIONAL,
		"The party that steps in while this one is unavailable."},
	   {"escalation", &parties, OPTIONAL, "Who is told next, in order."},
	   {"contact", &texts, OPTIONAL, "How to reach it: e-mail, chat, phone."},
	   {"retired", &boolean, OPTIONAL, "It no longer has any duty."},
	   DESCRIPTION, LINKS);

OBJECT(store_entry,
	   {"kind",
		WORD("postgres", "kafka", "http", "object_store", "cache", "document",
			 "search", "warehouse", "api", "other"),
		REQUIRED, "What sort of store it is."},
	   {"region", &region, OPTIONAL, "Where its data lies."},
	   {"server", NAME(REF_SERVER), OPTIONAL,
		"The foreign server that reaches another PostgreSQL."},
	   {"endpoint", &prose, OPTIONAL, "Address without credentials."},
	   {"owner", &party, OPTIONAL, "Who runs it."}, DESCRIPTION, LINKS);

/* ---- datasets: copies and readers ---- */

OBJECT(sot, {"store", &store, REQUIRED, "The store that is authoritative."},
	   {"locator", &prose, OPTIONAL,
		"Where in the store: table, topic, path."},
	   {"provisional", &boolean, OPTIONAL,
		"Best understanding so far, listed for review."},
	   {"rationale", &prose, OPTIONAL, "Why this store, or who decided."},
	   {"target",
		SHAPE(.kind = SHAPE_OBJECT, .name = "sot_target",
			  FIELDS({"store", &store, REQUIRED,
					  "The store that will be authoritative."},
					 {"locator", &prose, OPTIONAL, "Where in that store."},
					 {"by", &date, OPTIONAL, "When the move is to be done."},
					 {"plan", &prose, OPTIONAL,
					  "Where the migration is described."})),
		OPTIONAL, "Where a migration of the source of truth leads."});

OBJECT(validation,
	   {"mode", WORD("count", "sample", "digest", "rows"), OPTIONAL,
		"How copy and source are compared."},
	   {"every", &duration, OPTIONAL, "How often."},
	   {"share", NUMBER(0, 1), OPTIONAL,
		"Share of the keys that a sample takes."},
	   {"after_change", &boolean, OPTIONAL,
		"Also after a schema change; true if absent."},
	   {"max_age", &duration, OPTIONAL,
		"How old the last proof may be; twice \"every\" if absent."});

OBJECT(repair,
	   {"policy", WORD("off", "propose", "auto"), OPTIONAL,
		"What happens to drift that is proved; propose if absent."},
	   {"mode", WORD("full", "insert_only", "upsert_only"), OPTIONAL,
		"Which writes a repair may make; full if absent."},
	   {"triggers", &boolean, OPTIONAL,
		"Do the copy's own triggers fire? True if absent."},
	   {"max_rows", &whole, OPTIONAL,
		"More rows than this are never repaired at once."},
	   {"max_share", NUMBER(0, 1), OPTIONAL,
		"Nor a greater share of the copy."});

OBJECT(
	placement, {"store", &store, REQUIRED, "The store that holds the copy."},
	{"locator", &prose, OPTIONAL, "Where in the store: table, topic, path."},
	{"flow",
	 WORD("route", "logical_replication", "etl", "fdw", "events", "app",
		  "manual"),
	 OPTIONAL, "How data gets there."},
	{"route", NAME(REF_ROUTE), OPTIONAL, "The route that carries it."},
	{"trigger", WORD("realtime", "batch", "on_demand"), OPTIONAL,
	 "What makes it flow."},
	{"every", &duration, OPTIONAL, "How often a batch runs."},
	{"consistency", WORD("strong", "eventual", "bounded", "snapshot"),
	 OPTIONAL, "What a reader of the copy may rely on."},
	{"max_lag", &duration, OPTIONAL, "How far behind it may be."},
	{"ttl", &duration, OPTIONAL, "How long a cached value counts."},
	{"conflict", WORD("sot_wins", "last_write_wins", "reject", "manual"),
	 OPTIONAL, "Who wins where both differ."},
	{"columns", MAP(&name, &code), OPTIONAL,
	 "Column of the copy and the expression over the source that it holds."},
	{"filter", &code, OPTIONAL, "Which rows of the source it holds."},
	{"key", LIST_1(&name), OPTIONAL, "Key columns of the copy."},
	{"inputs", LIST(&dataset_key), OPTIONAL,
	 "Other datasets that it is derived from."},
	{"upstream", &name, OPTIONAL,
	 "The placement that it is fed from, if not the source of truth."},
	{"transformation", &prose, OPTIONAL, "How it is derived."},
	{"validate", &validation, OPTIONAL,
	 "How it is proved equal to the source."},
	{"repair", &repair, OPTIONAL, "What may be done about drift."},
	{"owner", &party, OPTIONAL, "Who runs the flow and its validation."},
	{"rationale", &prose, OPTIONAL, "Why it is not the source of truth."},
	{"provisional", &boolean, OPTIONAL, "Best understanding so far."}, RUNBOOK,
	DESCRIPTION, LINKS);

static const Shape placements = {.kind = SHAPE_MAP,
								 .key = &new_name,
								 .item = &placement};

OBJECT(consumer, {"purpose", TERM("purpose"), OPTIONAL, "What it reads for."},
	   {"reads", &store, OPTIONAL, "The store that it reads from."},
	   {"attributes", &attributes, OPTIONAL, "What it reads; all if absent."},
	   {"until", &date, OPTIONAL, "When its access ends."},
	   {"confirmed", &boolean, OPTIONAL,
		"False: discovered, and nobody has confirmed it; true if absent."},
	   DESCRIPTION);

OBJECT(producer, {"writes", &store, OPTIONAL, "The store that it writes to."},
	   {"confirmed", &boolean, OPTIONAL,
		"False: discovered, and nobody has confirmed it; true if absent."},
	   DESCRIPTION);

OBJECT(attribute_entry, DESCRIPTION,
	   {"owner", &party, OPTIONAL,
		"Who is accountable for it; the dataset's owner if absent."},
	   {"tags", &tags, OPTIONAL, "Terms that apply, as scheme:term."},
	   {"classification", TERM("classification"), OPTIONAL,
		"How confidential; the dataset's if absent."},
	   {"residency", LIST(&region), OPTIONAL, "Regions that it must stay in."},
	   {"erasure",
		WORD("delete", "null", "redact", "pseudonymize", "keep", "event"),
		OPTIONAL, "What the erasure of a person does to it."},
	   {"legal_basis", &prose, OPTIONAL, "Why it is kept or processed."},
	   {"encrypted", &boolean, OPTIONAL, "It must be stored encrypted."},
	   {"forbid", LIST_1(WORD("card_number", "secret", "plain_text")),
		OPTIONAL, "What its value may never hold; detectors of the guard."},
	   {"unit", &prose, OPTIONAL, "Unit of measure."}, LINKS);

/* ---- lifecycle ---- */

OBJECT(state_entry, {"meaning", &prose, OPTIONAL, "What it represents."},
	   {"entry", &prose, OPTIONAL, "How an entity arrives here."},
	   {"initial", &boolean, OPTIONAL, "Rows may be inserted in this state."},
	   {"terminal", &boolean, OPTIONAL,
		"No transition leads out; needs no owner."},
	   {"owner", &party, OPTIONAL,
		"The one party that is accountable in this state."},
	   {"insert", &parties, OPTIONAL, "Who may insert; the owner if absent."},
	   {"delete", &parties, OPTIONAL, "Who may delete; nobody if absent."},
	   {"write", MAP(NAME(REF_WRITE), &parties), OPTIONAL,
		"Attribute, path or * and who may change it."},
	   {"transition", &parties, OPTIONAL,
		"Summary: who may lead out of this state."},
	   {"read", &parties, OPTIONAL, "Who may read; everybody if absent."},
	   {"locked", &boolean, OPTIONAL,
		"What no rule names is closed to all; true if absent."});

ONE_OF(guard_entry, 0,
	   {"expression", &code, OPTIONAL, "Expression over OLD and NEW."},
	   {"children", MAP(NAME(REF_CHILD), INT(1)), OPTIONAL,
		"Child tables and the least number of rows."},
	   {"function", &code, OPTIONAL,
		"Function that takes the old and the new row and returns boolean."});

ONE_OF(handoff, 1,
	   {"snapshot", &some_attributes, OPTIONAL,
		"Attributes to write to the outbox."},
	   {"notify", NAME(REF_TOPIC), OPTIONAL, "Outbox topic to tell."},
	   {"emit", NAME(REF_EVENT), OPTIONAL, "Domain event to publish."},
	   {"freeze", LIST_1(NAME(REF_FREEZE)), OPTIONAL,
		"Attributes or children that are closed from then on."},
	   {"call", &code, OPTIONAL,
		"Function that takes the old and the new row."});

OBJECT(transition, {"by", &some_parties, REQUIRED, "Who may make it."},
	   {"guard", UNION(&code, &guard_entry), OPTIONAL, "What must hold."},
	   {"with_write", LIST(NAME(REF_SET)), OPTIONAL,
		"Attributes that the same statement may also set."},
	   {"handoff", LIST(&handoff), OPTIONAL,
		"What happens in the same transaction, in order."},
	   DESCRIPTION);

OBJECT(invariant,
	   {"frozen", &some_attributes, OPTIONAL,
		"Attributes that never change again, with from."},
	   {"from", &state, OPTIONAL, "The state from which on they are frozen."},
	   {"not_null", LIST_1(&column), OPTIONAL, "Columns that are never null."},
	   {"except_in", LIST(&state), OPTIONAL, "States in which they may be."},
	   {"check", &code, OPTIONAL, "Expression that holds for every row."},
	   DESCRIPTION);

OBJECT(contention,
	   {"version",
		SHAPE(.kind = SHAPE_OBJECT, .name = "version",
			  FIELDS({"attribute", &column, REQUIRED,
					  "Integer column that counts the row's versions."},
					 {"mode", WORD("require", "auto"), OPTIONAL,
					  "The client sends old + 1, or the guard counts."})),
		OPTIONAL, "Optimistic lock."},
	   {"non_owner", WORD("reject", "queue", "escalate"), OPTIONAL,
		"What happens to a write by a stranger."},
	   {"out_of_order", WORD("reject", "no_op"), OPTIONAL,
		"What happens to a transition out of order."},
	   {"disputed", WORD("governing_state"), OPTIONAL,
		"What settles who owns."},
	   {"fallback_after", &duration, OPTIONAL,
		"When the fallback of an owner steps in."});

OBJECT(alert, {"state", &state, REQUIRED, "The state that is watched."},
	   {"longer_than", &duration, REQUIRED, "How long a row may stay in it."},
	   {"severity", WORD("page", "ticket", "info"), OPTIONAL, "How loud."},
	   {"to", &parties, OPTIONAL, "Who is told; the state's owner if absent."},
	   RUNBOOK, DESCRIPTION);

OBJECT(child, {"relation", NAME(REF_RELATION), REQUIRED, "The child table."},
	   {"via", LIST_1(&name), REQUIRED,
		"Its columns that hold the parent's key, in the key's order."},
	   {"write", MAP(&state, &parties), OPTIONAL,
		"State of the parent and who may write children in it."},
	   DESCRIPTION);

OBJECT(lifecycle,
	   {"governing", &column, REQUIRED,
		"The column whose value is the state."},
	   {"spec_owner", &party, OPTIONAL, "Who is accountable for these rules."},
	   {"states", MAP(NAME(REF_NEW_STATE), &state_entry), REQUIRED,
		"Every state of the governing column."},
	   {"transitions", MAP(&name, &transition), OPTIONAL,
		"\"from -> to\" and its rules; what is not listed is forbidden."},
	   {"invariants", MAP(NAME(REF_NEW_INVARIANT), &invariant), OPTIONAL,
		"What holds whatever the state."},
	   {"contention", &contention, OPTIONAL,
		"What happens when parties collide."},
	   {"alerts", MAP(&new_name, &alert), OPTIONAL, "When somebody is told."},
	   {"entered_at", &column, OPTIONAL,
		"timestamptz column that the guard sets when the state changes."},
	   {"children", MAP(NAME(REF_NEW_CHILD), &child), OPTIONAL,
		"Tables governed by this dataset's state."},
	   {"open_questions", LIST(&prose), OPTIONAL,
		"What is still to be settled."},
	   DESCRIPTION);

/* ---- datasets ---- */

#define RETENTION(clock_shape, state_shape)                                   \
	{"keep", &duration, REQUIRED, "How long rows are kept."},                 \
		{"clock", clock_shape, OPTIONAL,                                      \
		 "Column from whose value on it counts."},                            \
		{"action",                                                            \
		 WORD("delete", "archive", "anonymize", "transition",                 \
			  "drop_partition"),                                              \
		 OPTIONAL, "What then happens."},                                     \
		{"to", state_shape, OPTIONAL, "State that a transition leads to."},   \
		{"predicate", &code, OPTIONAL, "Which rows."},                        \
		{"legal_basis", &prose, OPTIONAL, "Why that long."},                  \
		{"every", &duration, OPTIONAL, "How often it runs."},                 \
		{"batch", INT(1), OPTIONAL, "Rows in one transaction."},              \
		{"max_share", NUMBER(0, 1), OPTIONAL,                                 \
		 "A run that takes more of the table stops."},                        \
		DESCRIPTION

#define OWNERSHIP                                                             \
	{"owner", &party, OPTIONAL, "The one accountable party."},                \
		{"owner_state", &owner_state, OPTIONAL,                               \
		 "Whether the owner has accepted; accepted if absent."},              \
		{"interim_owner", &party, OPTIONAL,                                   \
		 "Who stands in until an owner accepts."},                            \
		{"steward", &party, OPTIONAL, "Who cares for it day by day."},        \
		{"delegates", MAP(&party, LIST_1(&delegated)), OPTIONAL,              \
		 "Parties and what the owner leaves to them."},                       \
		{"review_on", &date, OPTIONAL, "When ownership is looked at again."}, \
		{"rationale", &prose, OPTIONAL, "Why it is so."}, DESCRIPTION, LINKS

static const Shape delegated =
	{.kind = SHAPE_WORD,
	 .words =
		 (const char *const[]){"schema_change", "shape_evolution",
							   "operations", "classification", "consistency",
							   "retention", "erasure", "access", "residency",
							   "backfill", "sot_migration", NULL}};

OBJECT(dataset_retention, RETENTION(&column, &state));

OBJECT(on_apply,
	   {"trust", LIST(&name), OPTIONAL,
		"Subscriptions whose changes were judged upstream."});

const Shape format_dataset =
	{.kind = SHAPE_OBJECT,
	 .name = "dataset",
	 FIELDS(OWNERSHIP,
			{"relation", NAME(REF_RELATION), OPTIONAL,
			 "The table, as schema.table."},
			{"enforcement", WORD("enforce", "observe", "off"), OPTIONAL,
			 "Refuse, record only, or neither; enforce if absent."},
			{"audit", WORD("all", "transitions", "none"), OPTIONAL,
			 "Which writes are recorded; all if absent."},
			{"key", LIST_1(&column), OPTIONAL,
			 "Key columns; the primary key if absent."},
			{"classification", TERM("classification"), OPTIONAL,
			 "How confidential."},
			{"tags", &tags, OPTIONAL, "Terms that apply, as scheme:term."},
			{"sot", &sot, OPTIONAL, "The source of truth."},
			{"replicas", &placements, OPTIONAL,
			 "Copies that follow the source."},
			{"caches", &placements, OPTIONAL,
			 "Copies that may be thrown away."},
			{"snapshots", &placements, OPTIONAL,
			 "Copies of one moment, never updated."},
			{"derived", &placements, OPTIONAL, "What is computed from it."},
			{"consumers", MAP(&party, &consumer), OPTIONAL, "Who reads."},
			{"producers", UNION(MAP(&party, &producer), &parties), OPTIONAL,
			 "Who writes beside the owner, without a lifecycle."},
			{"attributes", MAP(&attribute, &attribute_entry), OPTIONAL,
			 "Columns, or paths below them, with more to say."},
			{"lifecycle", &lifecycle, OPTIONAL,
			 "Who may do what in which state."},
			{"triggers", LIST(&name), OPTIONAL,
			 "Other triggers that may be on the table."},
			{"allow_fk_actions", LIST(&name), OPTIONAL,
			 "Foreign keys whose actions may write."},
			{"on_apply", &on_apply, OPTIONAL,
			 "How changes of logical replication are judged; as any other if "
			 "absent."},
			{"manage_grants", &boolean, OPTIONAL,
			 "apply keeps the table's grants as the rules say."},
			{"read_view", NAME(REF_RELATION), OPTIONAL,
			 "View that shows each reader what its states let it read; apply "
			 "keeps it."},
			{"audit_reads", NUMBER(0, 1), OPTIONAL,
			 "Share of the reading statements that are recorded; none if "
			 "absent."},
			{"subjects", LIST(NAME(REF_SUBJECT)), OPTIONAL,
			 "Schema subjects that belong to it."},
			{"contract", NAME(REF_CONTRACT), OPTIONAL,
			 "The data contract that it is promised under."},
			{"retention", MAP(&new_name, &dataset_retention), OPTIONAL,
			 "How long rows are kept."})};

OBJECT(context, OWNERSHIP,
	   {"classification", TERM("classification"), OPTIONAL,
		"How confidential its datasets are unless they say."},
	   {"schemas", LIST(&name), OPTIONAL,
		"Database schemas that belong to it."},
	   {"datasets", MAP(&new_name, &format_dataset), OPTIONAL,
		"Its datasets."});

/* ---- where data may go ---- */

OBJECT(residency,
	   {"term", SHAPE(.kind = SHAPE_NAME, .ref = REF_TAG), OPTIONAL,
		"Data that it is about, as scheme:term."},
	   {"dataset", &dataset_key, OPTIONAL, "Or one dataset."},
	   {"attribute", &name, OPTIONAL, "Of it, one attribute."},
	   {"from", &region, OPTIONAL, "Region that data leaves; any if absent."},
	   {"to", &region, OPTIONAL, "Region that it goes to; any if absent."},
	   {"purpose", TERM("purpose"), OPTIONAL, "Only for this purpose."},
	   {"effect", WORD("allow", "mask", "deny"), REQUIRED, "What is decided."},
	   {"mask",
		WORD("hmac", "hash", "tokenize", "truncate", "bucket", "null",
			 "constant"),
		OPTIONAL, "How it is masked."},
	   {"exception", &boolean, OPTIONAL,
		"Goes before other rules; needs approved_by, reason and expires."},
	   {"approved_by", &party, OPTIONAL, "Who approved it."},
	   {"reason", &prose, OPTIONAL, "Why."},
	   {"expires", &date, OPTIONAL, "The last day on which it counts."},
	   DESCRIPTION);

OBJECT(retry,
	   {"attempts", INT(1), OPTIONAL, "How often, before it is parked."},
	   {"base", &duration, OPTIONAL, "First pause; it doubles each time."},
	   {"cap", &duration, OPTIONAL, "Longest pause."});

OBJECT(route,
	   {"datasets", LIST_1(&dataset_key), OPTIONAL,
		"Datasets that it carries, by WAL."},
	   {"topic", NAME(REF_TOPIC), OPTIONAL,
		"Or the outbox topic that it carries."},
	   {"to", &store, REQUIRED, "The store that it delivers to."},
	   {"locator", &prose, OPTIONAL, "Where in the store: topic, path."},
	   {"format", WORD("json", "debezium", "cloudevents", "avro"), OPTIONAL,
		"How changes are written."},
	   {"slot", &name, OPTIONAL, "Name of its replication slot."},
	   {"purpose", TERM("purpose"), OPTIONAL, "What data leaves for."},
	   {"owner", &party, OPTIONAL, "Who runs it."},
	   {"enabled", &boolean, OPTIONAL, "It runs; true if absent."},
	   {"batch",
		SHAPE(.kind = SHAPE_OBJECT, .name = "batch",
			  FIELDS({"max_rows", INT(1), OPTIONAL, "Changes in one batch."},
					 {"max_bytes", INT(1), OPTIONAL, "Bytes in one batch."},
					 {"max_wait", &duration, OPTIONAL,
					  "Longest wait for a batch to fill."})),
		OPTIONAL, "How changes are put together."},
	   {"retry", &retry, OPTIONAL, "What happens when delivery fails."},
	   {"max_lag", &duration, OPTIONAL, "How far behind it may be."},
	   {"max_lag_bytes", SHAPE(.kind = SHAPE_NUMBER, .max = 1e15), OPTIONAL,
		"How much WAL it may hold back."},
	   {"on_full", WORD("pause", "spill", "resnapshot"), OPTIONAL,
		"What happens at that limit."},
	   RUNBOOK, DESCRIPTION);

/* ---- events ---- */

OBJECT(subscription, {"party", &party, REQUIRED, "Who receives."},
	   {"handler", &code, OPTIONAL,
		"Function that handles it in this database."},
	   {"purpose", TERM("purpose"), OPTIONAL, "What for."},
	   {"from", WORD("earliest", "latest"), OPTIONAL,
		"Where a new subscription starts."},
	   {"retry", &retry, OPTIONAL, "What happens when handling fails."},
	   DESCRIPTION);

OBJECT(event,
	   {"context", NAME(REF_CONTEXT), OPTIONAL,
		"The context that publishes it."},
	   {"dataset", &dataset_key, OPTIONAL, "The dataset that it is about."},
	   {"topic", &name, OPTIONAL, "Its outbox topic; its own name if absent."},
	   {"subject", &name, OPTIONAL, "Schema subject of its payload."},
	   {"classification", TERM("classification"), OPTIONAL,
		"How confidential the payload is."},
	   {"keep", &duration, OPTIONAL, "How long it can be read again."},
	   {"subscriptions", MAP(&new_name, &subscription), OPTIONAL,
		"Consumer groups."},
	   DESCRIPTION, LINKS);

/* ---- governance ---- */

OBJECT(retention,
	   {"dataset", &dataset_key, REQUIRED, "The dataset that it is about."},
	   RETENTION(&name, &name));

OBJECT(slo,
	   {"dataset", &dataset_key, OPTIONAL, "The dataset that it is about."},
	   {"owner", &party, OPTIONAL, "Who answers for it."},
	   {"indicator",
		WORD("latency", "lag", "freshness", "availability", "delivery",
			 "error_rate", "custom"),
		REQUIRED, "What is measured."},
	   {"objective", NUMBER(0, 1), REQUIRED,
		"Share of good measurements that is promised."},
	   {"threshold", &duration, OPTIONAL, "A measurement up to this is good."},
	   {"window", &duration, OPTIONAL, "Over how long."},
	   {"every", &duration, OPTIONAL, "How often it is measured."},
	   {"probe", &code, OPTIONAL, "Function that measures."},
	   {"severity", WORD("page", "ticket", "info"), OPTIONAL,
		"How loud a breach is."},
	   RUNBOOK, DESCRIPTION);

OBJECT(privacy,
	   {"dataset", &dataset_key, OPTIONAL,
		"The dataset whose answers cost budget."},
	   {"context", NAME(REF_CONTEXT), OPTIONAL,
		"Or a context, for all of its datasets."},
	   {"subject", &name, OPTIONAL,
		"Column that names the person, for erasure and as unit of privacy."},
	   {"measure", WORD("pure", "zcdp"), OPTIONAL, "How loss is counted."},
	   {"epsilon", NUMBER(0, 1000000), OPTIONAL,
		"Budget of pure or reported loss."},
	   {"rho", NUMBER(0, 1000000), OPTIONAL,
		"Budget of zero-concentrated loss."},
	   {"delta", NUMBER(0, 1), OPTIONAL,
		"Probability at which zcdp is reported."},
	   {"max_groups", INT(1), OPTIONAL, "Groups that one person may be in."},
	   {"max_rows_per_unit", INT(1), OPTIONAL,
		"Rows that one person may have."},
	   {"quota_window", &duration, OPTIONAL,
		"After this the quota starts anew; lifetime loss is shown beside it."},
	   {"owner", &party, OPTIONAL, "Who answers for it."}, DESCRIPTION);

OBJECT(checklist_item, {"text", &prose, REQUIRED, "What is asked."},
	   {"stage", WORD("input", "plan", "execute", "validate", "done"),
		OPTIONAL, "When it is asked."},
	   {"signer", &name, OPTIONAL,
		"Party or function that answers, such as security."},
	   {"required", &boolean, OPTIONAL,
		"The procedure cannot end without it; true if absent."},
	   {"probe", &code, OPTIONAL, "Function that answers by itself."});

OBJECT(procedure, {"owner", &party, OPTIONAL, "Who answers for it."},
	   {"items", MAP(&new_name, &checklist_item), REQUIRED, "The checklist."},
	   {"approvals", &whole, OPTIONAL, "How many approvals a plan needs."},
	   {"approvers", &parties, OPTIONAL, "Who may approve."}, DESCRIPTION,
	   LINKS);

/* ---- the document ---- */

const Shape format_document =
	{.kind = SHAPE_OBJECT,
	 .name = "document",
	 FIELDS({"kind", WORD("DataSpine"), REQUIRED,
			 "Says that this is such a document."},
			{"apiVersion", WORD("spine/v1"), REQUIRED,
			 "Version of the format."},
			{"terms", MAP(SHAPE(.kind = SHAPE_SCHEME), MAP(&new_name, &term)),
			 OPTIONAL,
			 "Vocabularies: classification, pii, region, purpose and others."},
			{"parties", MAP(&new_name, &party_entry), OPTIONAL,
			 "Everybody that has a duty or a right."},
			{"stores", MAP(&new_name, &store_entry), OPTIONAL,
			 "Where data lies."},
			{"contexts", MAP(&new_name, &context), OPTIONAL,
			 "Bounded contexts and their datasets."},
			{"residency", MAP(&new_name, &residency), OPTIONAL,
			 "Where data may go; what no rule allows is denied."},
			{"routes", MAP(&new_name, &route), OPTIONAL, "How data leaves."},
			{"events", MAP(&new_name, &event), OPTIONAL,
			 "Domain events and who subscribes to them."},
			{"retention", MAP(&new_name, &retention), OPTIONAL,
			 "How long data is kept."},
			{"slos", MAP(&new_name, &slo), OPTIONAL,
			 "What is promised, and how it is measured."},
			{"privacy", MAP(&new_name, &privacy), OPTIONAL,
			 "Privacy budgets and units."},
			{"procedures", MAP(&new_name, &procedure), OPTIONAL,
			 "Checklists of change requests."},
			{"contracts", MAP(&new_name, &any_object), OPTIONAL,
			 "Open Data Contracts, verbatim."})};

/* ---- strings that follow a pattern ---- */

#define LEAP_DAY \
	"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
/* The negative look-ahead is for engines whose $ lets a newline follow. */
#define END "$(?!\\n)"

const char *
format_string_pattern(ShapeKind kind)
{
	switch (kind)
	{
		case SHAPE_NAME:
			return "^[^\\u0000-\\u0020\\u007f]"
				   "([^\\u0000-\\u001f\\u007f]{0,198}[^\\u0000-\\u0020\\u007f])?" END;
		case SHAPE_SCHEME:
			return "^[A-Za-z][A-Za-z0-9_-]{0,62}" END;
		case SHAPE_DATE:
			return "^(?!0000)([0-9]{4}-"
				   "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
				   "|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
				   "|02-(0[1-9]|1[0-9]|2[0-8]))|" LEAP_DAY ")" END;
		case SHAPE_DURATION:
			return "^P(?=[0-9]|T)([0-9]{1,8}Y)?([0-9]{1,8}M)?([0-9]{1,8}W)?"
				   "([0-9]{1,8}D)?(T(?=[0-9])([0-9]{1,8}H)?([0-9]{1,8}M)?"
				   "([0-9]{1,8}(\\.[0-9]{1,6})?S)?)?" END;
		case SHAPE_CODE:
			return "[^ \\t\\n\\r]";
		default:
			return NULL;
	}
}

/* Is the byte a control character of ASCII? */
static bool
is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static bool
name_matches(const char *text, int len)
{
	if (len == 0 || text[0] == ' ' || text[len - 1] == ' ')
		return false;
	for (int i = 0; i < len; i++)
		if (is_control((unsigned char) text[i]))
			return false;
	return pg_mbstrlen_with_len(text, len) <= 200;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
scheme_matches(const char *text, int len)
{
	if (len < 1 || len > 63 || !is_letter(text[0]))
		return false;
	for (int i = 1; i < len; i++)
		if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '_' &&
			text[i] != '-')
			return false;
	return true;
}

/* The number that n digits make; -1 if they are not all digits. */
static int
read_digits(const char *text, int n)
{
	int			number = 0;

	for (int i = 0; i < n; i++)
	{
		if (!is_digit(text[i]))
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

static bool
date_matches(const char *text, int len)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int				 year, month, day;
	bool		leap;

	if (len != 10 || text[4] != '-' || text[7] != '-')
		return false;
	year = read_digits(text, 4);
	month = read_digits(text + 5, 2);
	day = read_digits(text + 8, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;

	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Read up to a limit of digits; returns how many there were. */
static int
skip_digits(const char *at, const char *end, int most)
{
	int			n = 0;

	while (at + n < end && n <= most && is_digit(at[n]))
		n++;
	return n > most ? 0 : n;
}

/*
 * Read parts such as 12H in the order of their letters, from *at on; returns
 * how many.  Only seconds may have a fraction.
 */
static int
read_duration_parts(const char **at, const char *end, const char *letters)
{
	int			parts = 0;

	while (*letters != '\0')
	{
		int			n = skip_digits(*at, end, 8);
		const char *c = *at + n;

		if (n == 0 || c == end)
			break;
		if (*c == '.' && strchr(letters, 'S') != NULL)
		{
			int			fraction = skip_digits(c + 1, end, 6);

			c += fraction + 1;
			if (fraction == 0 || c == end || *c != 'S')
				break;
		}
		letters = strchr(letters, *c);
		if (letters == NULL)
			break;
		letters++;
		parts++;
		*at = c + 1;
	}
	return parts;
}

static bool
duration_matches(const char *text, int len)
{
	const char *at = text + 1;
	const char *end = text + len;
	int			parts;

	if (len < 2 || text[0] != 'P')
		return false;
	parts = read_duration_parts(&at, end, "YMWD");
	if (at < end && *at == 'T')
	{
		at++;
		if (read_duration_parts(&at, end, "HMS") == 0)
			return false;
		parts++;
	}
	return parts > 0 && at == end;
}

/* Is there anything but blanks? */
static bool
code_matches(const char *text, int len)
{
	for (int i = 0; i < len; i++)
		if (strchr(" \t\n\r", text[i]) == NULL)
			return true;
	return false;
}

bool
format_string_matches(ShapeKind kind, const char *text, int len)
{
	switch (kind)
	{
		case SHAPE_NAME:
			return name_matches(text, len);
		case SHAPE_SCHEME:
			return scheme_matches(text, len);
		case SHAPE_DATE:
			return date_matches(text, len);
		case SHAPE_DURATION:
			return duration_matches(text, len);
		case SHAPE_CODE:
			return code_matches(text, len);
		default:
			return true;
	}
}

/* ---- looking things up ---- */

const Field *
format_field(const Shape *object, const char *name, int len)
{
	for (const Field *field = object->fields; field->name; field++)
		if (strncmp(field->name, name, len) == 0 && field->name[len] == '\0')
			return field;
	return NULL;
}

const char *
format_type_name(const Shape *shape)
{
	switch (shape->kind)
	{
		case SHAPE_BOOL:
			return "boolean";
		case SHAPE_INT:
		case SHAPE_NUMBER:
			return "number";
		case SHAPE_OBJECT:
		case SHAPE_MAP:
		case SHAPE_ANY:
			return "object";
		case SHAPE_LIST:
			return "array";
		default:
			return "string";
	}
}

const Shape *
format_choose(const Shape *shape, const JsonbValue *value)
{
	if (shape->kind != SHAPE_UNION)
		return shape;
	if (strcmp(jb_type_name(value), format_type_name(shape->key)) == 0)
		return shape->key;
	return shape->item;
}

/* ---- the walk ---- */

static void walk_value(const Shape *shape, const JsonbValue *value,
					   const Place *place, FormatVisit visit, void *arg);

/* Walk the members of an object or a map. */
static void
walk_members(const Shape *shape, const JsonbContainer *container,
			 const Place *place, FormatVisit visit, void *arg)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, container);
	while (jb_next_member(&cursor, &key, &value))
	{
		Place here =
			place_member_n(place, key.val.string.val, key.val.string.len);
		const Field *field;

		if (shape->kind == SHAPE_MAP)
		{
			(void) visit(arg, shape->key, &key, &here);
			walk_value(shape->item, &value, &here, visit, arg);
			continue;
		}
		field = format_field(shape, key.val.string.val, key.val.string.len);
		if (field != NULL)
			walk_value(field->shape, &value, &here, visit, arg);
	}
}

static void
walk_elements(const Shape *shape, const JsonbContainer *container,
			  const Place *place, FormatVisit visit, void *arg)
{
	JbCursor	cursor;
	JsonbValue	value;

	jb_walk(&cursor, container);
	while (jb_next_element(&cursor, &value))
	{
		Place		here = place_element(place, cursor.index);

		walk_value(shape->item, &value, &here, visit, arg);
	}
}

void
format_walk(const Shape *shape, const JsonbContainer *container,
			const Place *place, FormatVisit visit, void *arg)
{
	CHECK_FOR_INTERRUPTS();

	if (shape->kind == SHAPE_OBJECT || shape->kind == SHAPE_MAP)
		walk_members(shape, container, place, visit, arg);
	else if (shape->kind == SHAPE_LIST)
		walk_elements(shape, container, place, visit, arg);
}

/* Visit one value and go into it; what is of another type is left out. */
static void
walk_value(const Shape *shape, const JsonbValue *value, const Place *place,
		   FormatVisit visit, void *arg)
{
	shape = format_choose(shape, value);
	if (strcmp(jb_type_name(value), format_type_name(shape)) != 0)
		return;
	if (visit(arg, shape, value, place) && value->type == jbvBinary)
		format_walk(shape, value->val.binary.data, place, visit, arg);
}
