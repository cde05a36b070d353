/*-------------------------------------------------------------------------
 *
 * schema_cache.h
 *		Parsed schemas that a backend keeps, for verdicts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_SCHEMA_CACHE_H
#define REGISTRY_SCHEMA_CACHE_H

#include "registry/format.h"

/*
 * A schema that has what the format's breaks looks at, parsed if it is not
 * known yet.  It is good until the next call; if it was asked for with pin,
 * until the next call with pin.
 */
extern const Schema *schema_known(const SchemaFormat *format, const char *text,
								  size_t length,
								  const SchemaReference *references,
								  int nreferences, bool pin);

#endif /* REGISTRY_SCHEMA_CACHE_H */
