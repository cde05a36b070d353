/*-------------------------------------------------------------------------
 *
 * semver.h
 *		Semantic versions 2.0.0, and which one a change deserves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_SEMVER_H
#define REGISTRY_SEMVER_H

#include "registry/format.h"

/* What has to be raised; a larger one covers a smaller one. */
typedef enum SemverBump
{
	BUMP_NONE,	/* nothing differs */
	BUMP_PATCH, /* text only */
	BUMP_MINOR, /* whatever data shows, but compatible both ways */
	BUMP_MAJOR	/* not compatible in one direction at least */
} SemverBump;

/* A version; the texts are not copied. */
typedef struct Semver
{
	uint64_t	major;
	uint64_t	minor;
	uint64_t	patch;
	const char *prerelease; /* without its hyphen; length 0: none */
	size_t		prerelease_length;
	const char *build;		/* without its plus; length 0: none */
	size_t		build_length;
} Semver;

/* Room for a version without prerelease and build. */
#define SEMVER_ROOM 64

/* Read a version; false if it is none. */
extern bool semver_parse(const char *text, size_t length, Semver *version);

/* -1, 0 or 1 by precedence, which does not look at the build. */
extern int	semver_compare(const Semver *a, const Semver *b);

/* What the differences from one version to the next ask for. */
extern SemverBump semver_bump(const SchemaDifferences *differences);

/* What a claim raises: from an old version to a new one that is larger. */
extern SemverBump semver_claim(const Semver *old, const Semver *new);

/*
 * The version behind one; false where a number cannot be raised.  Behind a
 * prerelease comes its release, if that raises enough.
 */
extern bool semver_next(const Semver *old, SemverBump bump,
						char next[SEMVER_ROOM]);

extern const char *semver_bump_name(SemverBump bump);

#endif /* REGISTRY_SEMVER_H */
