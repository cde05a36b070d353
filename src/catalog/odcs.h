/*-------------------------------------------------------------------------
 *
 * odcs.h
 *		Open Data Contracts (ODCS 3.0 to 3.2): what the files that import and
 *		export them share.
 *
 * A contract is kept verbatim; what spine uses of it is projected into a
 * patch, which goes through apply like any other document.  The projection
 * is a function of the contract, the table and the document alone, so the
 * projection of the contract of last time can be made again: that is how a
 * new import tells its own earlier words from a person's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CATALOG_ODCS_H
#define CATALOG_ODCS_H

#include "catalog/catalog_internal.h"
#include "utils/hsearch.h"

/* The tag of a critical data element, and the scheme of tags without one. */
#define ODCS_CRITICAL "tag:critical_data_element"
#define ODCS_TAG_SCHEME "tag"

/* ---- in odcs_check.c ---- */

/* Findings about a contract: kind and version, required members, and types
 * at every level that is read.  Pointers are into the contract. */
extern void odcs_check(const JsonbContainer *doc, Findings *findings);

/* Raise 22023 if there is an error; the first hundred stand in DETAIL. */
extern void odcs_raise(const Findings *findings);

/* Tell of the warnings in one NOTICE. */
extern void odcs_tell(const Findings *notes);

/* ---- in odcs_project.c ---- */

/* How long rows are promised to be kept, out of slaProperties. */
typedef struct OdcsRetention
{
	const char *keep;		 /* ISO 8601 duration */
	const char *object;		 /* schema object, or NULL for all */
	const char *clock;		 /* property, or NULL */
	const char *description; /* or NULL */
} OdcsRetention;

/* A contract being projected. */
typedef struct OdcsContract
{
	const JsonbContainer *doc;
	const JsonbContainer *spine; /* the accepted document */
	bool		past;			 /* is it the contract of the last import? */
	Findings   *notes;			 /* what has no place in the document */
	HTAB	   *tags;			 /* "scheme:term" of all that was projected */
	HTAB	   *roles;			 /* database role -> party of the document */
	const char *owner;			 /* party, or NULL */
	const char *steward;		 /* party, or NULL */
	Jsonb	   *parties;		 /* name -> entry */
	Jsonb	   *consumers;		 /* party -> consumer */
	Jsonb	   *stores;			 /* name -> entry */
	List	   *retentions;		 /* of OdcsRetention */
} OdcsContract;

/* No more notes than this are kept. */
#define ODCS_NOTES_ENOUGH 1000

/* Tell that something of the contract has no place in the document. */
#define odcs_note(contract, code, place, ...)                                      \
	do                                                                        \
	{                                                                         \
		if (!(contract)->past &&                                              \
			list_length((contract)->notes->items) < ODCS_NOTES_ENOUGH)             \
			finding_add((contract)->notes, FINDING_WARNING, (code), (place),  \
						NULL, __VA_ARGS__);                                   \
	} while (0)

/* Can it be the name of something in the document?  NULL cannot. */
extern bool odcs_usable_name(const char *name);

/* Begin and end an object that is being built. */
extern JsonbParseState *odcs_object_begin(void);
extern Jsonb *odcs_object_end(JsonbParseState *state);
/* Add a member that is a document of its own. */
extern void odcs_push_document(JsonbParseState **state, const char *key,
							   const Jsonb *document);
/* Copy a text member under a name, if it is there and not empty. */
extern bool odcs_copy_text(JsonbParseState **state, const char *key,
						   const JsonbContainer *from, const char *member);
/* Remember that a term, "scheme:code", is needed. */
extern void odcs_need_term(OdcsContract *contract, const char *tag);

/* Is a server a PostgreSQL? */
extern bool odcs_is_postgres(const JsonbContainer *server);

/* Read what a whole contract says: parties, consumers, stores, retention. */
extern OdcsContract *odcs_contract(const JsonbContainer *doc,
								   const JsonbContainer *spine, bool past);

/* The context that the contract names. */
extern char *odcs_context(const JsonbContainer *doc);

/* ---- in odcs_dataset.c ---- */

/* The table of a schema object; InvalidOid if none here can be governed. */
extern Oid odcs_table(const OdcsContract   *contract,
					  const JsonbContainer *object, const char *context,
					  const Place *place);

/* A schema object as a dataset; a logical one if relid is InvalidOid.
 * relation is its relation as the dataset is to spell it, or NULL. */
extern Jsonb *odcs_dataset(OdcsContract *contract,
						   const JsonbContainer *object, Oid relid,
						   const char *relation, const Place *place);

/* The terms that tags and classifications need, as a section of terms;
 * those that the document has are left out.  NULL if there is none. */
extern Jsonb *odcs_terms(const OdcsContract *contract);

/* "schema.table" of a relation, quoted as SQL needs it. */
extern char *odcs_relation_name(Oid relid);

#endif /* CATALOG_ODCS_H */
