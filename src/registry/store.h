/*-------------------------------------------------------------------------
 *
 * store.h
 *		What is stored of subjects: versions, their schemas, what they refer
 *		to, and settings.
 *
 * All of it reads and writes spine's own tables, so the caller is connected to
 * SPI and acts as the extension's owner.  Results are copies in the context
 * that was current before SPI, which the caller names.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_STORE_H
#define REGISTRY_STORE_H

#include "registry/format.h"
#include "registry/subject.h"
#include "utils/jsonb.h"

/* A reference as its author gives it: the version of another subject. */
typedef struct StoredReference
{
	const char *name;
	Subject    *subject;
	int			version;
} StoredReference;

/* One version of a subject, with its schema. */
typedef struct StoredVersion
{
	int			version;
	int			id;
	const char *type;
	const char *semver;
	const char *text;		/* as its author wrote it */
	bool		deleted;
	Datum		identity;	/* bytea */
	Datum		metadata;	/* jsonb, or 0 */
	Datum		rule_set;	/* jsonb, or 0 */
	List	   *references; /* of StoredReference */
} StoredVersion;

/* All versions, the oldest first; those that are softly deleted too. */
extern List *stored_versions(MemoryContext mcxt, const Subject *subject);

/* The same of one version; NULL if it is not there. */
extern StoredVersion *stored_version(MemoryContext mcxt,
									 const Subject *subject, int version);

/*
 * The texts behind references, each with those that it refers to itself in
 * front of it; 42704 for what is not there.  In UTF-8, in mcxt.
 */
extern SchemaReference *stored_texts(MemoryContext mcxt,
									 const List *references, int *count);

/* What is set for a subject, for its context, or for all. */
typedef struct StoredSetting
{
	const char *level;
	const char *mode;
	bool		lenient;
	const char *group;		/* metadata property that splits the history;
							 * or NULL */
} StoredSetting;

/* What holds for a subject, with what is inherited and the defaults. */
extern StoredSetting stored_setting(MemoryContext mcxt, const Subject *subject,
									const char *type);

/* A List of StoredReference as the jsonb that callers see; 0 if empty. */
extern Datum references_jsonb(const List *references);

#endif /* REGISTRY_STORE_H */
