/*-------------------------------------------------------------------------
 *
 * shape.h
 *		Fingerprints of what a check of a copy compares, and of the rules by
 *		which the copy is kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_SHAPE_H
#define CONSISTENCY_SHAPE_H

#include "base/jb.h"

/*
 * The shape of both sides: 32 hex digits.  section is the document's
 * (replicas, caches, snapshots, derived), relation the source's or NULL, entry
 * the placement's member, here whether the copy is in this database.
 */
extern char *shape_fingerprint(const char *section, const char *relation,
							   const JsonbContainer *entry, bool here);

/* The sync rules: all of the entry but what only tells people. */
extern char *rules_fingerprint(const char *section, const char *relation,
							   const JsonbContainer *entry);

#endif /* CONSISTENCY_SHAPE_H */
