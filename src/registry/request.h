/*-------------------------------------------------------------------------
 *
 * request.h
 *		What callers ask of the registry: type, level, texts, options.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_REQUEST_H
#define REGISTRY_REQUEST_H

#include "registry/format.h"
#include "utils/jsonb.h"

/* A level of compatibility. */
typedef struct SchemaLevel
{
	unsigned	wanted;		/* SchemaBreaks that must not be; 0: NONE */
	bool		transitive; /* against all old versions, else the last */
} SchemaLevel;

/* What the options of one side say; arrays of one element hold for all. */
typedef struct RequestSide
{
	/* references: by version, or one set for all */
	SchemaReference **references;
	int		   *nreferences;
	int			nsets;
	/* names that are reserved: by version, or one set for all */
	const char ***reserved;
	int		   *nreserved;
	int			nreserved_sets;
} RequestSide;

/* All options, read. */
typedef struct RequestOptions
{
	bool		lenient;
	RequestSide new;
	RequestSide old;
} RequestOptions;

/* The format of a type; 0A000 for one that is not there yet, 22023 for no
 * type at all. */
extern const SchemaFormat *request_format(const text *type);

/* A level by name, in any case; 22023 if the format (NULL: any of them) has
 * none of that name. */
extern SchemaLevel request_level(const SchemaFormat *format,
								 const text *level);

/*
 * Read {references, metadata, policy}.  versions is how many old ones there
 * are; 22023 for what is no option.
 */
extern void request_options(Jsonb *jsonb, int versions,
							RequestOptions *options);

/* Parse a text with the references of a side; version counts from 0. */
extern const Schema *request_parse(Engine *engine, const SchemaFormat *format,
								   const text *schema, const RequestSide *side,
								   int version);

/* The names that a version's metadata (jsonb, or 0) reserves, as those of a side. */
extern void request_reserved(Datum metadata, RequestSide *side);

/*
 * The same for verdicts alone, from the backend's cache where it can be; good
 * until the next call, or the next one with pin.
 */
extern const Schema *request_known(Engine *engine, const SchemaFormat *format,
								   const text *schema, const RequestSide *side,
								   int version, bool pin);

/* How a new version and one of the old ones are judged. */
extern SchemaPolicy request_policy(const RequestOptions *options, int version);

/* Text of an engine, which is UTF-8, as a text of the server. */
extern text *request_result(const char *utf8);

#endif /* REGISTRY_REQUEST_H */
