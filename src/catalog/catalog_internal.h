/*-------------------------------------------------------------------------
 *
 * catalog_internal.h
 *		What the files of the catalog room share among themselves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CATALOG_INTERNAL_H
#define CATALOG_INTERNAL_H

#include "catalog/spine_catalog.h"
#include "datatype/timestamp.h"

/* ---- columns of the tables of sql/catalog/10_tables.sql ---- */

#define Natts_revision 8
#define Anum_revision_rev 1
#define Anum_revision_at 2
#define Anum_revision_document 6
#define Anum_revision_sha256 7
#define Anum_revision_parent_sha256 8

#define Natts_projection 1
#define Anum_projection_rev 1

#define Natts_party 5
#define Anum_party_party 1
#define Anum_party_kind 2
#define Anum_party_role 3
#define Anum_party_roleid 4
#define Anum_party_definition 5

#define Natts_asset 12
#define Anum_asset_asset 1
#define Anum_asset_kind 2
#define Anum_asset_parent 3
#define Anum_asset_name 4
#define Anum_asset_owner 5
#define Anum_asset_relation 6
#define Anum_asset_relid 7
#define Anum_asset_classification 8
#define Anum_asset_rev 9
#define Anum_asset_definition 10
#define Anum_asset_local 11
#define Anum_asset_standing 12

#define Natts_entry 3
#define Anum_entry_section 1
#define Anum_entry_name 2
#define Anum_entry_definition 3

#define Natts_pin 3
#define Anum_pin_dataset 1
#define Anum_pin_identity 2
#define Anum_pin_sha256 3

#define Natts_dataset_subject 2
#define Anum_dataset_subject_dataset 1
#define Anum_dataset_subject_subject 2

/* ---- in shape.c, by the table of format.c ---- */

/* Findings about shape alone: kinds, types, names, values; also unknown keys
 * with the nearest known one.  Needs nothing but the document. */
extern void document_check_shape(const JsonbContainer *doc,
								 Findings *findings);

/* ---- in validate.c ---- */

/*
 * All findings about a whole merged document: references, semantics, and what
 * the database has.  A dataset that is image-equal in accepted (may be NULL)
 * was judged against the database when it was applied and is not again.
 */
extern void document_check(const JsonbContainer *doc,
						   const JsonbContainer *accepted, Findings *findings);

/* The name of the store that is this database; NULL if it is not clear. */
extern char *document_local_store(const JsonbContainer *doc);

/* Rooms' checks of one dataset, in the order they registered. */
extern void catalog_run_checks(const SpecDataset *dataset, Relation rel,
							   const JsonbContainer *doc, const Place *place,
							   Findings *findings);

/* ---- in assemble.c ---- */

/* One side of a walk over two objects. */
typedef struct PairSide
{
	bool		live; /* does it stand on a member? */
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;
} PairSide;

/* A walk over the members of two objects, in jsonb's order. */
typedef struct Pairs
{
	JsonbValue	key;	/* of the member last returned */
	JsonbValue *before; /* its value in the first object, or NULL */
	JsonbValue *after;	/* in the second, or NULL */
	JsonbValue	before_value;
	JsonbValue	after_value;
	PairSide	left;
	PairSide	right;
} Pairs;

extern void pairs_begin(Pairs *pairs, const JsonbContainer *before,
						const JsonbContainer *after);
extern bool pairs_next(Pairs *pairs);

extern bool key_is(const JsonbValue *key, const char *word);
extern const JsonbContainer *value_object(const JsonbValue *value);
extern bool values_equal(const JsonbValue *a, const JsonbValue *b);

typedef struct AssemblyMember
{
	JsonbValue	key;
	JsonbValue	value;
} AssemblyMember;

/* An object being put together out of members that stand elsewhere. */
typedef struct Assembly
{
	AssemblyMember *members;
	int			count;
	int			room;
} Assembly;

extern void assembly_begin(Assembly *object);
extern void		  assembly_add(Assembly *object, const JsonbValue *key,
							   const JsonbValue *value);
extern Jsonb *assembly_document(Assembly *object);
extern JsonbValue assembly_value(Assembly *object);

extern JsonbValue document_value(const Jsonb *document);
extern Jsonb *value_document(const JsonbValue *value);
extern JsonbValue text_value(const char *text);
extern Jsonb *document_empty(void);

/* ---- in model.c: parts of a dataset's model ---- */

extern SpecState	  *spec_state_read(const JsonbValue		*name,
									   const JsonbContainer *obj);
extern SpecTransition *spec_transition_read(const JsonbValue *name,
											const JsonbContainer *obj);
extern SpecChild	  *spec_child_read(const JsonbValue		*name,
									   const JsonbContainer *obj);

/* ---- in risk.c: what a change may do to those who work today ---- */

typedef enum Risk
{
	RISK_SAFE,	  /* changes what people read, or gives nobody less */
	RISK_REVIEW,  /* gives somebody more, or needs a person's eye */
	RISK_BREAKING /* may refuse what works today, or ends protection */
} Risk;

/* Judges one entity that has changed, was added (before is NULL) or removed
 * (after is NULL). */
typedef Risk (*RiskRule)(const JsonbValue *name, const JsonbValue *before,
						 const JsonbValue *after);

extern const char *risk_name(Risk risk);

extern Risk risk_of_entry(const JsonbValue *name, const JsonbValue *before,
						  const JsonbValue *after);
extern Risk risk_of_party(const JsonbValue *name, const JsonbValue *before,
						  const JsonbValue *after);
extern Risk risk_of_context(const JsonbValue *name, const JsonbValue *before,
							const JsonbValue *after);
extern Risk risk_of_dataset(const JsonbValue *name, const JsonbValue *before,
							const JsonbValue *after);
extern Risk risk_of_attribute(const JsonbValue *name, const JsonbValue *before,
							  const JsonbValue *after);
extern Risk risk_of_lifecycle(const JsonbValue *name, const JsonbValue *before,
							  const JsonbValue *after);
extern Risk risk_of_state(const JsonbValue *name, const JsonbValue *before,
						  const JsonbValue *after);
extern Risk risk_of_transition(const JsonbValue *name,
							   const JsonbValue *before,
							   const JsonbValue *after);
extern Risk risk_of_invariant(const JsonbValue *name, const JsonbValue *before,
							  const JsonbValue *after);
extern Risk risk_of_child(const JsonbValue *name, const JsonbValue *before,
						  const JsonbValue *after);

/* ---- in merge.c ---- */

/*
 * The document that an apply of doc over current means: entities that doc
 * names replace those of current whole; prune drops siblings that doc leaves
 * out, inside the sections and contexts that it names.  doc has passed
 * document_check_shape.
 */
extern Jsonb *document_merge(const Jsonb *current, const Jsonb *doc,
							 bool prune);

/* ---- in reader.c ---- */

/* The oid of a table or an index of ours; InvalidOid if there is none. */
extern Oid	spine_table_oid(const char *name);

/* Likewise, but its absence is an error. */
extern Oid	spine_table_oid_strict(const char *name);

/* The function pins of a dataset (List of FunctionPin). */
extern List *catalog_pins(const char *dataset);

/* Is any function pinned at all? */
extern bool catalog_has_pins(void);

/* A party whose role has another name than when it was applied. */
typedef struct RenamedRole
{
	const char *party;
	const char *before; /* the role's name in the document */
	const char *after;	/* its name now */
} RenamedRole;

/* All such parties (List of RenamedRole). */
extern List *catalog_renamed_roles(void);

/* ---- in pins.c ---- */

/* New pins for a dataset whose definition stays. */
typedef struct PinChange
{
	SpecDataset *dataset;
	Oid			 relid;
	List		*before; /* of FunctionPin, as here */
	List		*after;
} PinChange;

/* The pins of a dataset as its functions are now; warns where it cannot. */
extern List *pins_find(const SpecDataset *dataset, Oid relid);

/* What needs new pins (List of PinChange): datasets that doc names and that
 * stay as they are; of a valid user, those on the user's tables. */
extern List *pins_changed(const JsonbContainer *doc,
						  const JsonbContainer *before,
						  const JsonbContainer *merged, Oid user);

/* What plan says about them. */
extern List *pins_steps(const List *changes);

/* ---- in follow.c ---- */

/* The document with the present names of renamed roles. */
extern Jsonb *document_follow(Jsonb *document);

/* ---- in revision.c ---- */

/* The newest revision's document as the latest snapshot has it; an empty
 * document and *rev = 0 before the first. */
extern Jsonb *document_newest(int64 *rev);
extern Jsonb *document_of_revision(int64 rev);
/* The document that was the newest at a time; empty before the first. */
extern Jsonb *document_as_of(TimestampTz at);

/* The number of the newest revision without its document; 0 if none. */
extern int64 revision_newest(void);
/* Serialise with everybody else who applies, until the transaction ends. */
extern void revision_lock(void);
/* Insert a revision after the newest one; the caller holds the lock. */
extern void revision_insert(int64 rev, const Jsonb *document,
							const char *message);

/* ---- in apply.c ---- */

/* The document of a revision that must exist; 0 is the empty one. */
extern Jsonb *existing_document(int64 rev);

/* ---- in digest.c ---- */

/* SHA-256 over the document's text in UTF-8, as hex digits. */
extern char *document_sha256(const Jsonb *document);

/* ---- in projection.c ---- */

/* The revision that the projection shows; 0 if none. */
extern int64 projection_revision(void);
/* Insert the document as the revision after rev, whose document is current,
 * and project it. */
extern void projection_insert_revision(const Jsonb *current, int64 rev,
									   const Jsonb *document,
									   const char *message);
/* Show new pins (List of PinChange). */
extern void projection_repin(const List *changes, int64 rev);
/* Make good what happened to the projection without a revision. */
extern void projection_mend(int64 rev);

/* ---- in plan.c ---- */

/* Does a dataset live in this database? */
extern bool dataset_is_local(const JsonbContainer *dataset,
							 const char *local_store);

/* A dataset's member in a document; false if it is not there. */
extern bool document_dataset(const JsonbContainer *doc,
							 const SpecDataset *dataset, JsonbValue *value);

/* Let every room append its steps about one dataset. */
extern void catalog_run_steps(const SpecDataset *before,
							  const SpecDataset *after, List **steps);

/* PlanSteps for what differs between two documents, nothing else. */
extern List *document_diff(const JsonbContainer *before,
						   const JsonbContainer *after);

/* The rooms' steps about all local datasets, or those of a valid user. */
extern List *document_attachments(const JsonbContainer *before,
								  const JsonbContainer *after, Oid user);

/* PlanSteps (a List) that lead from one document to another: both. */
extern List *document_plan(const JsonbContainer *before,
						   const JsonbContainer *after);

/* Every dataset of a document (List of SpecDataset), local ones marked. */
extern List *document_datasets(const JsonbContainer *doc);

#endif /* CATALOG_INTERNAL_H */
