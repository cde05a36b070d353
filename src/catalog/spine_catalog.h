/*-------------------------------------------------------------------------
 *
 * spine_catalog.h
 *		The catalog room: the document, its model in C, and what other rooms
 *		plug into validate, plan and apply.
 *
 * Three layers (docs/catalog.md): spine.revision holds whole documents and is
 * the only source; the projection tables are rebuilt from the newest one by a
 * trigger; history tables never refer into the projection.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_CATALOG_H
#define SPINE_CATALOG_H

#include "base/finding.h"
#include "base/jb.h"
#include "utils/relcache.h"

/* ---- asset keys (in key.c) ---- */

/* Append one part; a part with a dot or a double quote is double-quoted. */
extern char *asset_key(const char *context, const char *dataset,
					   const char *rest);
/* Split a key into its parts (List of char *); NIL if malformed. */
extern List *asset_key_parts(const char *key);
/* Quote one part if it needs it; palloc'd. */
extern char *asset_key_quote(const char *part);

/* ---- the model of a dataset (in model.c) ---- */

/* Who may write one attribute, or a path below it, in one state. */
typedef struct SpecWrite
{
	const char *name;	 /* as written: attribute, path or * */
	List	   *path;	 /* of char *: attribute, then the parts below it;
						  * NIL for * */
	List	   *parties; /* of char * */
} SpecWrite;

typedef struct SpecState
{
	const char *name;
	bool		initial;
	bool		terminal;
	bool		locked;		/* default true */
	const char *owner;		/* party, or NULL */
	bool		has_insert; /* was insert given? */
	List	   *insert;		/* of char *: inserting parties; default the owner */
	List	   *remove;		/* of char *: deleting parties ("delete") */
	List	   *write;		/* of SpecWrite */
	bool		has_transition;
	List	   *transition; /* of char *: the matrix's summary */
} SpecState;

typedef struct SpecHandoff
{
	enum
	{
		HANDOFF_SNAPSHOT,	/* write attributes to the outbox */
		HANDOFF_NOTIFY,		/* tell an outbox topic */
		HANDOFF_EMIT,		/* a domain event into the outbox */
		HANDOFF_FREEZE,		/* attributes closed from the target state on */
		HANDOFF_CALL		/* a function of the relation's owner */
	}			kind;
	List	   *attributes; /* of char *: snapshot, freeze */
	const char *name;		/* topic, event or regprocedure */
} SpecHandoff;

typedef struct SpecTransition
{
	const char *name; /* "from -> to" as written */
	const char *from;
	const char *to;
	List	   *by;				 /* of char *: parties */
	const char *guard;			 /* expression, or NULL */
	const char *guard_function;	 /* regprocedure text, or NULL */
	List	   *guard_children;	 /* of SpecChildCount */
	List	   *with_write;		 /* of char *: attributes */
	List	   *handoffs;		 /* of SpecHandoff */
} SpecTransition;

typedef struct SpecChildCount
{
	const char *child;
	int			least;
} SpecChildCount;

typedef struct SpecInvariant
{
	const char *name;
	List	   *frozen;	   /* of char *: attributes; with from */
	const char *from;	   /* state */
	List	   *not_null;  /* of char *: attributes; with except_in */
	List	   *except_in; /* of char *: states */
	const char *check;	   /* expression, or NULL */
} SpecInvariant;

/* A table governed by its parent's state. */
typedef struct SpecChild
{
	const char *name;
	const char *relation;
	List	   *via;   /* of char *: child columns, in the parent key's order */
	List	   *write; /* of SpecWrite: name is the parent's state */
} SpecChild;

typedef enum SpecVersionMode
{
	VERSION_NONE,
	VERSION_REQUIRE,
	VERSION_AUTO
} SpecVersionMode;

/* What happens to a write by a stranger. */
typedef enum SpecNonOwner
{
	NON_OWNER_REJECT,
	NON_OWNER_QUEUE,	/* it becomes a request that the owner decides */
	NON_OWNER_ESCALATE	/* rejected, and somebody is told */
} SpecNonOwner;

typedef struct SpecLifecycle
{
	const char *governing;
	List	   *states;		 /* of SpecState */
	List	   *transitions; /* of SpecTransition */
	List	   *invariants;	 /* of SpecInvariant */
	List	   *children;	 /* of SpecChild */
	const char *entered_at;	 /* attribute, or NULL */
	const char *version;	 /* attribute, or NULL */
	SpecVersionMode version_mode;
	SpecNonOwner non_owner;
	bool		no_op;			 /* a state change out of order does nothing */
	const char *fallback_after;	 /* duration, or NULL */
} SpecLifecycle;

typedef enum SpecEnforcement
{
	ENFORCEMENT_ENFORCE,
	ENFORCEMENT_OBSERVE,
	ENFORCEMENT_OFF
} SpecEnforcement;

typedef enum SpecAudit
{
	AUDIT_ALL,
	AUDIT_TRANSITIONS,
	AUDIT_NONE
} SpecAudit;

/* What the value of an attribute may never hold. */
typedef struct SpecForbid
{
	const char *name;	   /* as written: attribute or path */
	List	   *path;	   /* of char *: attribute, then the parts below it */
	List	   *detectors; /* of char *: card_number, secret, plain_text */
} SpecForbid;

/* A copy of the dataset that is stored in this database. */
typedef struct SpecCopy
{
	const char *section;	 /* replicas, caches or snapshots */
	const char *name;		 /* of the placement */
	const char *relation;	 /* its locator, as written */
	const char *flow;		 /* or NULL */
	const char *owner;		 /* party that runs the flow, or NULL */
	bool		may_attach;	 /* may who asks have triggers attached? */
} SpecCopy;

typedef struct SpecDataset
{
	const char *key;		 /* context.dataset */
	const char *context;
	const char *name;
	const char *relation;	 /* schema-qualified as written, or NULL */
	const char *owner;		 /* the dataset's, else the context's; or NULL */
	const char *standing;	 /* who stands as owner: accepted or interim; a
							  * merely proposed one does not */
	List	   *producers;	 /* of char * */
	SpecEnforcement enforcement;
	SpecAudit	audit;
	List	   *key_columns; /* of char *; NIL = the primary key */
	List	   *triggers;	 /* of char *: others that may be on the table */
	List	   *fk_actions;	 /* of char *: constraints that may write */
	List	   *trusted;	 /* of char *: subscriptions judged upstream */
	List	   *forbids;	 /* of SpecForbid */
	double		audit_reads; /* share of reading statements, 0 to 1 */
	bool		local;		 /* lives in this database's store? */
	List	   *copies;		 /* of SpecCopy; only where hooks for copies ask */
	SpecLifecycle *lifecycle; /* or NULL */
	const JsonbContainer *definition; /* the dataset's own member */
	const JsonbContainer *parties; /* of the document being planned; NULL: as
									* the projection has them */
} SpecDataset;

/*
 * Read a dataset out of a document.  Tolerant: what is missing or of a wrong
 * type is left out, since validate reads broken documents with it.  context
 * may be NULL (then owner must come from the dataset itself).
 */
extern SpecDataset *spec_dataset_read(const char *context_name,
									  const JsonbContainer *context,
									  const char *dataset_name,
									  const JsonbContainer *dataset);

/* Share of the statements that read a dataset's table which are recorded. */
extern double spec_audit_reads(const JsonbContainer *dataset);

/* Every party that the dataset's rules name, each once (List of char *). */
extern List *spec_dataset_parties(const SpecDataset *dataset);

extern SpecState *spec_state(const SpecLifecycle *lifecycle, const char *name);

/* Split "schema.table" (quoted as SQL identifiers) and open or look it up. */
extern Oid	spec_relation_oid(const char *relation);

/* ---- keys of relations (in relation_key.c) ---- */

/* Names of the primary key's columns in its own order (List of char *). */
extern List *relation_primary_key(Relation rel);
/* The key as the dataset declares it, else the primary key of rel, which may
 * be NULL (List of char *, the caller's own). */
extern List *spec_key_columns(const SpecDataset *dataset, Relation rel);

/* ---- readers of the projection (in reader.c) ---- */

/* A governed dataset as the projection has it. */
typedef struct CatalogDataset
{
	SpecDataset *spec;
	int64		rev;   /* revision that last changed it */
	Oid			relid; /* its relation when it was projected */
	List	   *pins;  /* of FunctionPin */
} CatalogDataset;

/* Look up by dataset key, in the newest committed state; NULL if absent. */
extern CatalogDataset *catalog_dataset(const char *key);
/* Its audit_reads alone, without reading the rest; 0 if it is absent. */
extern double catalog_audit_reads(const char *key);
/* The key of the dataset that governs a relation (or its ancestor); or NULL.
 * *child receives the child's name where the relation is a child table. */
extern char *catalog_dataset_of(Oid relid, char **child);
/* The same for the relation itself, ancestors left out. */
extern char *catalog_dataset_at(Oid relid, char **child);
/* Every relation here that a dataset names (List of Oid). */
extern List *catalog_governed_relations(void);
/* The role of a party; InvalidOid if it has none or the role is gone. */
extern Oid	catalog_party_role(const char *party);

/* ---- placements, wherever they are (in placement.c) ---- */

typedef struct SpecStore
{
	const char *name;
	const char *kind;	/* postgres, kafka and so on */
	const char *server; /* foreign server that reaches it, or NULL */
	bool		here;	/* is it this database? */
} SpecStore;

/* A copy of a dataset, and where it and its source are. */
typedef struct SpecPlacement
{
	const char *key;	 /* context.dataset.placement */
	const char *section; /* replicas, caches, snapshots or derived */
	const char *name;
	const char *owner;	   /* party that runs the flow, or NULL */
	const char *locator;   /* relation in its store as written, or NULL */
	const SpecStore *store; /* that holds it, or NULL */
	const SpecDataset *dataset;
	const char *source_locator; /* relation of the source of truth, or NULL */
	const SpecStore *source;	/* that holds the source of truth, or NULL */
	const JsonbContainer *entry; /* the placement's own member */
} SpecPlacement;

/* Those of the newest document: one by its key, NULL if there is none; or all
 * (List of SpecPlacement). */
extern SpecPlacement *catalog_placement(const char *key);
extern List *catalog_placements(void);

/* ---- what other rooms plug in (in plan.c, validate.c) ---- */

/* One row of spine.plan. */
typedef struct PlanStep
{
	const char *action; /* create update delete attach detach grant revoke */
	const char *kind;
	const char *key;
	Jsonb	   *before; /* or NULL */
	Jsonb	   *after;	/* or NULL */
	const char *risk;	/* safe review breaking */
	const char *sql;	/* what apply will run, statements ended by ';', or a
						 * comment, or NULL */
	bool		execute; /* does apply run sql? */
} PlanStep;

/*
 * Statements that make PostgreSQL's objects (triggers, constraints) fit the
 * change of one dataset, given what is attached already.  before or after is
 * NULL where the dataset is new or gone; both are equal where only the
 * attachment may have to be mended.  Appends PlanSteps.
 */
typedef void (*CatalogStepsHook)(const SpecDataset *before,
								 const SpecDataset *after, List **steps);

/*
 * Findings of a room about one dataset.  rel is the open relation, or NULL if
 * it is not here; doc is the whole merged document; place the dataset's.
 */
typedef void (*CatalogCheckHook)(const SpecDataset *dataset, Relation rel,
								 const JsonbContainer *doc, const Place *place,
								 Findings *findings);

/* Adds rows to spine.health. */
typedef void (*CatalogHealthHook)(void (*report)(void		*arg,
												 const char *check_name,
												 bool ok, const char *detail,
												 const char *hint),
								  void *arg);

/* The newest document's datasets that live in this database (SpecDataset). */
extern List *catalog_local_datasets(void);

/* The newest document's datasets that have copies in this database's store,
 * wherever they live themselves (SpecDataset with copies). */
extern List *catalog_copied_datasets(void);

extern void catalog_register_steps(CatalogStepsHook hook);
/* The same for datasets that have copies here; local tells whether they live
 * here too. */
extern void catalog_register_copies(CatalogStepsHook hook);
extern void catalog_register_check(CatalogCheckHook hook);
extern void catalog_register_health(CatalogHealthHook hook);

/* All function pins of a dataset's expressions, for the projection. */
typedef List *(*CatalogPinsHook)(const SpecDataset *dataset, Relation rel);
extern void catalog_register_pins(CatalogPinsHook hook);

/*
 * Tells the world, when the transaction commits, that something about an
 * asset was decided.
 */
typedef void (*CatalogSignalHook)(const char *topic, const char *asset,
								  const Jsonb *payload);
extern void catalog_register_signal(CatalogSignalHook hook);

/* ---- in apply.c ---- */

/* Is the running statement one of a plan, or of detach_all? */
extern bool catalog_is_applying(void);

/* ---- documents that follow renames (in rename.c) ---- */

/* A governed table that has other names than the document says. */
typedef struct CatalogRename
{
	const char *schema; /* as it was called */
	const char *name;
	const char *new_schema; /* as it is called now */
	const char *new_name;
	List	   *columns;	 /* of char *: those that were renamed */
	List	   *new_columns; /* of char *: their new names */
} CatalogRename;

/*
 * Write a revision in which tables and columns (List of CatalogRename) and a
 * schema (or NULL) have their new names, in the name of the current user.
 * Raises if a rule cannot follow.  Returns the revision, 0 if the document
 * names none of them.
 */
extern int64 catalog_follow_renames(const List *renames, const char *schema,
									const char *new_schema);

extern void catalog_init(void);

#endif /* SPINE_CATALOG_H */
