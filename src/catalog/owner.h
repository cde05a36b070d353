/*-------------------------------------------------------------------------
 *
 * owner.h
 *		Who owns what, as a document says it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CATALOG_OWNER_H
#define CATALOG_OWNER_H

#include "catalog/catalog_internal.h"

/* Who answers for an asset.  Texts are the caller's own or literals. */
typedef struct AssetOwner
{
	const char *party;
	const char *state; /* accepted, interim or proposed */
	const char *via;   /* attribute, dataset, context or fallback */
} AssetOwner;

/* ---- in owner.c ---- */

/*
 * The owner that a context or a dataset names itself; false if none.  While
 * an owner is proposed or has declined, the interim owner stands in.
 */
extern bool owner_of_level(const JsonbContainer *level, AssetOwner *owner);

/* The same of a dataset, and if it has none, of its context. */
extern bool owner_of_dataset(const JsonbContainer *context,
							 const JsonbContainer *dataset, AssetOwner *owner);

/*
 * The party that a dataset's rules mean by its owner: accepted or interim.
 * Who was merely proposed owns nothing yet.  NULL if there is none.
 */
extern const char *standing_owner(const JsonbContainer *context,
								  const JsonbContainer *dataset);

/*
 * Queue a signal for each context and dataset of both documents whose owner
 * differs, as the current user.
 */
extern void owner_signals(const Jsonb *before, const Jsonb *after, int64 rev);

/* ---- in rights_check.c ---- */

/* Raise 42501 unless a user who is not spine_admin may make merged of
 * current, the accepted document. */
extern void rights_check(const Jsonb *current, const Jsonb *merged, Oid user);

/*
 * Refuse at once those who could apply nothing of the document, so that a
 * stranger cannot hold the revision lock.
 */
extern void rights_check_standing(const Jsonb *doc, bool prune, Oid user);

/* The same for one context or dataset (level) of the accepted document. */
extern void rights_check_level(const JsonbContainer *context,
							   const JsonbContainer *level, Oid user);

/* ---- in apply.c ---- */

/*
 * Make merged the accepted document, and the database fit it.  doc is what
 * was asked for; current the newest document, at rev, under revision_lock.
 * Returns the revision: the same one if nothing differs.
 */
extern int64 document_apply(Jsonb *current, int64 rev, const Jsonb *doc,
							Jsonb *merged, const char *message);

#endif /* CATALOG_OWNER_H */
