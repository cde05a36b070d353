/*-------------------------------------------------------------------------
 *
 * keep.c
 *		A copy of a parsed schema that is small enough to be kept.
 *
 * It has what avro_reads looks at: names, types, symbols and whether there
 * are defaults.  The JSON that it came from is not there.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/avro/avro.h"

#include <string.h>

/* Stands for any default. */
static const JsonNode some_default = {.kind = JSON_NULL};

typedef struct Keeper
{
	Engine	   *engine;
	Schema	   *to;
} Keeper;

/* An array of so many things; never empty. */
static void *
keep_array(Keeper *k, int count, size_t size)
{
	return engine_alloc(k->engine, ((size_t) count + (count == 0)) * size);
}

/* ---- strings ---- */

/* Strings of a record or an enum, copied into one piece of memory. */
typedef struct Strings
{
	JsonNode   *nodes;
	char	   *text;
} Strings;

static Strings
strings_begin(Keeper *k, int count, size_t length)
{
	Strings		strings;

	strings.nodes = keep_array(k, count, sizeof(JsonNode));
	strings.text = engine_alloc(k->engine, length + (size_t) count + 1);
	return strings;
}

static JsonNode *
keep_string(Strings *strings, const JsonNode *from)
{
	JsonNode   *node = strings->nodes++;

	node->kind = JSON_STRING;
	node->text = strings->text;
	node->length = from->length;
	memcpy(strings->text, from->text, from->length);
	strings->text += from->length + 1;
	return node;
}

static size_t
total_length(JsonNode *const *nodes, int count)
{
	size_t		length = 0;

	for (int i = 0; i < count; i++)
		length += nodes[i]->length;
	return length;
}

/* ---- types ---- */

static const AvroType *keep_type(Keeper *k, const AvroType *from);

static AvroName
keep_name(Keeper *k, const AvroName *from)
{
	AvroName	name = *from;

	name.full = engine_copy(k->engine, from->full, from->length);
	name.base = name.full + (from->base - from->full);
	return name;
}

/* Make the maps of a union again. */
static void
keep_branches(Keeper *k, AvroType *to, const AvroType *from)
{
	to->nbranches = from->nbranches;
	to->branches = keep_array(k, from->nbranches, sizeof(AvroType *));
	for (int i = 0; i < from->nbranches; i++)
		to->branches[i] = keep_type(k, from->branches[i]);
	if (from->by_full != NULL)
		avro_index_union(k->engine, to);
}

/* Named types are there already, whether or not what they have is. */
static const AvroType *
keep_type(Keeper *k, const AvroType *from)
{
	AvroType   *to;

	if (from->named != NULL)
		return k->to->named[from->named->number]->type;
	if (from->kind < AVRO_PRIMITIVES)
		return avro_plain_type(from->kind);
	engine_down(k->engine, NULL);
	to = engine_alloc(k->engine, sizeof(AvroType));
	to->kind = from->kind;
	if (from->items != NULL)
		to->items = keep_type(k, from->items);
	else
		keep_branches(k, to, from);
	engine_up(k->engine);
	return to;
}

/* ---- named types ---- */

/* A named type without what it is made of. */
static void
keep_named(Keeper *k, const AvroNamed *from)
{
	AvroType   *type = engine_alloc(k->engine, sizeof(AvroType));
	AvroNamed  *named = engine_alloc(k->engine, sizeof(AvroNamed));

	type->kind = from->type->kind;
	type->named = named;
	named->type = type;
	named->number = from->number;
	named->name = keep_name(k, &from->name);
	named->naliases = from->naliases;
	named->aliases = keep_array(k, from->naliases, sizeof(AvroName));
	for (int i = 0; i < from->naliases; i++)
		named->aliases[i] = keep_name(k, &from->aliases[i]);
	named->size = from->size;
	k->to->named[from->number] = named;
}

static JsonNode *
keep_aliases(Keeper *k, const JsonNode *from)
{
	JsonNode   *to = engine_alloc(k->engine, sizeof(JsonNode));
	Strings		strings =
		strings_begin(k, from->count, total_length(from->items, from->count));

	to->kind = JSON_ARRAY;
	to->count = from->count;
	to->items = keep_array(k, from->count, sizeof(JsonNode *));
	for (int i = 0; i < from->count; i++)
		to->items[i] = keep_string(&strings, from->items[i]);
	return to;
}

static void
keep_fields(Keeper *k, AvroNamed *to, const AvroNamed *from)
{
	size_t		length = 0;
	Strings		names;

	for (int i = 0; i < from->nfields; i++)
		length += from->fields[i].name->length;
	names = strings_begin(k, from->nfields, length);
	to->nfields = from->nfields;
	to->fields = keep_array(k, from->nfields, sizeof(AvroField));
	if (from->field_map != NULL)
		to->field_map = map_new_for(k->engine, (size_t) from->nfields);
	for (int i = 0; i < from->nfields; i++)
	{
		const AvroField *old = &from->fields[i];
		AvroField  *new = &to->fields[i];

		engine_tick(k->engine);
		new->name = keep_string(&names, old->name);
		new->type = keep_type(k, old->type);
		if (old->default_value != NULL)
			new->default_value = &some_default;
		if (old->aliases != NULL)
			new->aliases = keep_aliases(k, old->aliases);
		if (to->field_map != NULL)
			(void) map_set(to->field_map, new->name->text, new->name->length,
						   (void *) (intptr_t) (i + 1));
	}
}

static void
keep_symbols(Keeper *k, AvroNamed *to, const AvroNamed *from)
{
	Strings		strings =
		strings_begin(k, from->nsymbols,
					  total_length(from->symbols, from->nsymbols));
	JsonNode  **symbols = keep_array(k, from->nsymbols, sizeof(JsonNode *));

	to->nsymbols = from->nsymbols;
	to->symbols = symbols;
	to->symbol_map = map_new_for(k->engine, (size_t) from->nsymbols);
	for (int i = 0; i < from->nsymbols; i++)
	{
		engine_tick(k->engine);
		symbols[i] = keep_string(&strings, from->symbols[i]);
		(void) map_set(to->symbol_map, symbols[i]->text, symbols[i]->length,
					   (void *) (intptr_t) (i + 1));
	}
	if (from->symbol_default != NULL)
		to->symbol_default = &some_default;
}

Schema *
avro_keep(Engine *engine, const Schema *schema)
{
	Keeper		k;

	k.engine = engine;
	k.to = engine_alloc(engine, sizeof(Schema));
	k.to->nnamed = schema->nnamed;
	k.to->nreferenced = schema->nreferenced;
	k.to->named = keep_array(&k, schema->nnamed, sizeof(AvroNamed *));
	for (int i = 0; i < schema->nnamed; i++)
		keep_named(&k, schema->named[i]);
	for (int i = 0; i < schema->nnamed; i++)
	{
		const AvroNamed *from = schema->named[i];

		if (from->type->kind == AVRO_RECORD)
			keep_fields(&k, k.to->named[i], from);
		else if (from->type->kind == AVRO_ENUM)
			keep_symbols(&k, k.to->named[i], from);
	}
	k.to->root = keep_type(&k, schema->root);
	return k.to;
}
