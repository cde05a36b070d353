/*-------------------------------------------------------------------------
 *
 * schema_cache.c
 *		Parsed schemas that a backend keeps, for verdicts.
 *
 * A subject's old versions are judged against each new one, so parsing them
 * once pays.  An entry is found by the hash of its text and is the right one
 * only if the whole text is the same, so it never goes stale: a schema means
 * what its text and its references say.
 *
 * All entries together take spine.schema_cache at most; the one that was not
 * used for longest goes first, but never one that a caller holds.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/settings.h"
#include "lib/ilist.h"
#include "lib/stringinfo.h"
#include "registry/engine_server.h"
#include "registry/schema_cache.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* What tells schemas apart, in one piece of memory. */
typedef struct SchemaKey
{
	const SchemaFormat *format;
	const char *data;		/* the text, or that of all references before it */
	size_t		length;
	int			nreferences;
} SchemaKey;

typedef struct KnownSchema
{
	uint64		hash;		/* of the key; first, for the hash table */
	SchemaKey	key;		/* in the engine's memory */
	Engine	   *engine;		/* holds all of it */
	const Schema *schema;
	Size		size;		/* of the engine */
	dlist_node	node;		/* in the order of use, the last used first */
} KnownSchema;

static MemoryContext cache_context = NULL;
static HTAB *known_schemas = NULL;
static dlist_head by_use = DLIST_STATIC_INIT(by_use);
static Size total_size = 0;
static KnownSchema *pinned = NULL;

static void
cache_init(void)
{
	HASHCTL		control;

	if (known_schemas != NULL)
		return;
	if (cache_context == NULL)
		cache_context =
			AllocSetContextCreate(TopMemoryContext, "spine schemas",
								  ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(KnownSchema);
	control.hcxt = cache_context;
	known_schemas = hash_create("spine schemas", 64, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* ---- keys ---- */

static void
append_piece(StringInfo buffer, const char *data, size_t length)
{
	uint64		size = length;

	appendBinaryStringInfo(buffer, (const char *) &size, sizeof(size));
	appendBinaryStringInfo(buffer, data, (int) length);
}

static SchemaKey
make_key(const SchemaFormat *format, const char *text, size_t length,
		 const SchemaReference *references, int nreferences)
{
	SchemaKey	key = {format, text, length, nreferences};
	StringInfoData buffer;

	if (nreferences == 0)
		return key;
	initStringInfo(&buffer);
	for (int i = 0; i < nreferences; i++)
	{
		append_piece(&buffer, references[i].name, strlen(references[i].name));
		append_piece(&buffer, references[i].text, references[i].length);
	}
	append_piece(&buffer, text, length);
	key.data = buffer.data;
	key.length = (size_t) buffer.len;
	return key;
}

static bool
same_key(const SchemaKey *a, const SchemaKey *b)
{
	return a->format == b->format && a->nreferences == b->nreferences &&
		a->length == b->length && memcmp(a->data, b->data, a->length) == 0;
}

/* ---- entries ---- */

static void
forget(KnownSchema *known)
{
	if (pinned == known)
		pinned = NULL;
	total_size -= known->size;
	dlist_delete(&known->node);
	engine_forget(known->engine);
	(void) hash_search(known_schemas, &known->hash, HASH_REMOVE, NULL);
}

/* Make room; what is held stays, and what was made just now. */
static void
evict(const KnownSchema *newest)
{
	Size		most = (Size) spine_schema_cache * 1024;
	dlist_node *node = dlist_is_empty(&by_use) ? NULL : by_use.head.prev;

	while (total_size > most && node != NULL && node != &by_use.head)
	{
		KnownSchema *known = dlist_container(KnownSchema, node, node);

		node = node->prev;
		if (known != newest && known != pinned)
			forget(known);
	}
}

/* Keep a schema; the engine moves, so nothing may fail once it is entered. */
static KnownSchema *
remember(uint64 hash, const SchemaKey *key, Engine *engine,
		 const Schema *schema)
{
	SchemaKey	copy = *key;
	KnownSchema *known;

	copy.data = engine_copy(engine, key->data, key->length);
	known = hash_search(known_schemas, &hash, HASH_ENTER, NULL);
	known->key = copy;
	known->engine = engine;
	known->schema = schema;
	known->size = engine_size(engine);
	engine_move(engine, cache_context);
	dlist_push_head(&by_use, &known->node);
	total_size += known->size;
	evict(known);
	return known;
}

/* Parse, and keep only what verdicts need. */
static const Schema *
parse_small(const SchemaFormat *format, Engine *small, const char *text,
			size_t length, const SchemaReference *references, int nreferences)
{
	Engine	   *engine = engine_begin();
	const Schema *schema;

	schema = format->keep(small,
						  format->parse(engine, text, length, references,
										nreferences));
	engine_end(engine);
	return schema;
}

/* The entry of a key, which becomes the last one used; or NULL.  Another one
 * with the same hash makes room. */
static KnownSchema *
find(uint64 hash, const SchemaKey *key)
{
	KnownSchema *known = hash_search(known_schemas, &hash, HASH_FIND, NULL);

	if (known == NULL)
		return NULL;
	if (!same_key(&known->key, key))
	{
		if (known != pinned)
			forget(known);
		return NULL;
	}
	dlist_move_head(&by_use, &known->node);
	return known;
}

const Schema *
schema_known(const SchemaFormat *format, const char *text, size_t length,
			 const SchemaReference *references, int nreferences, bool pin)
{
	SchemaKey	key = make_key(format, text, length, references, nreferences);
	uint64		hash = XXH3_64bits(key.data, key.length);
	Engine	   *small;
	const Schema *schema;
	KnownSchema *known;

	cache_init();
	if (pin)
		pinned = NULL;
	evict(NULL);	/* the setting may have been lowered */
	known = find(hash, &key);
	if (known == NULL)
	{
		small = engine_begin_small();
		schema =
			parse_small(format, small, text, length, references, nreferences);
		/* Too large, or the place is taken by what is held: not kept. */
		if (engine_size(small) + key.length >
				(Size) spine_schema_cache * 1024 / 4 ||
			hash_search(known_schemas, &hash, HASH_FIND, NULL) != NULL)
			return schema;
		known = remember(hash, &key, small, schema);
	}
	if (pin)
		pinned = known;
	return known->schema;
}
