/*-------------------------------------------------------------------------
 *
 * subject.h
 *		Subjects: names under which schemas have versions.
 *
 * A subject is called name, or :.context:name outside of the default context.
 * It belongs to the dataset that has its name as asset key, or that lists it;
 * who may evolve that dataset's shape may evolve the subject.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_SUBJECT_H
#define REGISTRY_SUBJECT_H

#include "fmgr.h"

#define DEFAULT_CONTEXT "."

typedef struct Subject
{
	const char *context;	/* with its dot; DEFAULT_CONTEXT */
	const char *name;		/* without the context */
	const char *shown;		/* as callers write it */
	const char *dataset;	/* whose it is, or NULL; after subject_find */
} Subject;

/* Read a name; 22023 if it is none, or a reserved one. */
extern Subject *subject_read(const char *text);

/* Fill in the dataset; connected to SPI. */
extern void subject_find(Subject *subject);

/*
 * Raise 42501 unless a user may change the subject: the dataset's owner, or who
 * was left schema_change or shape_evolution; spine_publisher where no dataset
 * has it.  Connected to SPI, as the extension's owner.
 */
extern void subject_require(const Subject *subject, Oid user,
							const char *what);

/* Be the only one who changes the subject until the transaction ends. */
extern void subject_lock(const Subject *subject);

#endif /* REGISTRY_SUBJECT_H */
