/*-------------------------------------------------------------------------
 *
 * publish.h
 *		A schema that is offered to a subject: what it is, what it changes,
 *		whether it may come in, and bringing it in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_PUBLISH_H
#define REGISTRY_PUBLISH_H

#include "registry/engine_server.h"
#include "registry/semver.h"
#include "registry/store.h"
#include "utils/jsonb.h"

/* What is offered, and what was found out about it. */
typedef struct Offer
{
	/* what the caller gives */
	Subject    *subject;
	const SchemaFormat *format;
	const char *text;		/* in the server's encoding */
	List	   *references; /* of StoredReference */
	Datum		metadata;	/* jsonb, or 0 */
	Datum		rule_set;	/* jsonb, or 0 */
	int			expect;		/* the version that it must become; 0: any */
	int			id;			/* the id that it must have; 0: any */
	const char *semver;		/* what its author claims, or NULL */
	const char *origin;		/* publish, rollback or migration */
	/* what was found out */
	MemoryContext mcxt;		/* holds it */
	Engine	   *engine;
	const Schema *schema;
	char	   *canonical;	/* in UTF-8 */
	Datum		identity;	/* bytea: what it means, hashed */
	StoredSetting setting;
	List	   *versions;	/* of StoredVersion */
	StoredVersion *same;	/* the live version that it is, or NULL */
	StoredVersion *latest;	/* the newest live one, or NULL */
	SchemaDifferences differences; /* from the newest live one to it */
	int			broken;		/* version whose level it breaks; 0: none */
	SchemaDifferences breaking; /* from that version to it */
	char		next[SEMVER_ROOM]; /* the semantic version it deserves */
} Offer;

/* Read the arguments of publish_schema and its kin; see docs/subjects.md. */
extern Offer *offer_read(const text *subject, const text *schema,
						 const text *type, Jsonb *options);

/*
 * Find out everything about an offer.  Connected to SPI as the extension's
 * owner; changes nothing.
 */
extern void offer_judge(Offer *offer);

/* Differences as jsonb: an array of objects. */
extern Datum differences_jsonb(const SchemaDifferences *differences);

/* What became of an offer. */
typedef struct Published
{
	int			id;
	int			version;
	const char *semver;
	bool		created;
} Published;

/*
 * Bring a judged offer in, in its author's name; raises SP004 if its level
 * forbids.  The subject is locked.  Connected to SPI as the extension's owner.
 */
extern Published offer_publish(Offer *offer, const char *author);

/* Audit row and event of what was published, as its author. */
extern void offer_announce(const Offer *offer, const Published *published);

#endif /* REGISTRY_PUBLISH_H */
