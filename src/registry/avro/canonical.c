/*-------------------------------------------------------------------------
 *
 * canonical.c
 *		Two forms of an Avro schema: the specification's Parsing Canonical
 *		Form, and one that tells versions apart.
 *
 * The first has what a reader must know of a writer: names in full, and of
 * the attributes only type, name, fields, symbols, items, values and size, in
 * the specification's order.  The second has all attributes, sorted, so that
 * neither white space nor the order of members nor how names are written
 * matters, but defaults, aliases, logical types and documentation do.
 *
 * In both a type is written out where it is first used, also if a reference
 * defines it.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/avro/avro.h"

#include <inttypes.h>
#include <string.h>

/* A form being written. */
typedef struct Writer
{
	EngineText	text;
	bool	   *written;	/* by number of a named type */
} Writer;

static void
writer_begin(Writer *w, Engine *engine, const Schema *schema)
{
	text_begin(&w->text, engine);
	w->written = engine_alloc(engine, (size_t) schema->nnamed + 1);
}

static void
put(Writer *w, const char *string)
{
	text_add_string(&w->text, string);
}

static void
put_quoted(Writer *w, const char *text, size_t length)
{
	json_write_string(&w->text, text, length);
}

/* Names and symbols need no escapes. */
static void
put_name(Writer *w, const AvroName *name)
{
	put(w, "\"");
	text_add(&w->text, name->full, name->length);
	put(w, "\"");
}

/* The use of a named type that is written out already. */
static bool
put_use(Writer *w, const AvroType *type)
{
	if (type->named == NULL)
		return false;
	if (w->written[type->named->number])
	{
		put_name(w, &type->named->name);
		return true;
	}
	w->written[type->named->number] = true;
	return false;
}

/* Values with commas between them. */
static void
put_list(Writer *w, const AvroType *type,
		 void (*put_one)(Writer *, const AvroType *))
{
	put(w, "[");
	for (int i = 0; i < type->nbranches; i++)
	{
		if (i > 0)
			put(w, ",");
		put_one(w, type->branches[i]);
	}
	put(w, "]");
}

/* ---- the canonical form ---- */

static void canonical_type(Writer *w, const AvroType *type);

static void
canonical_fields(Writer *w, const AvroNamed *record)
{
	put(w, ",\"fields\":[");
	for (int i = 0; i < record->nfields; i++)
	{
		const AvroField *field = &record->fields[i];

		put(w, i > 0 ? ",{\"name\":" : "{\"name\":");
		put_quoted(w, field->name->text, field->name->length);
		put(w, ",\"type\":");
		canonical_type(w, field->type);
		put(w, "}");
	}
	put(w, "]");
}

static void
canonical_symbols(Writer *w, const AvroNamed *named)
{
	put(w, ",\"symbols\":[");
	for (int i = 0; i < named->nsymbols; i++)
	{
		if (i > 0)
			put(w, ",");
		put_quoted(w, named->symbols[i]->text, named->symbols[i]->length);
	}
	put(w, "]");
}

static void
canonical_named(Writer *w, const AvroType *type)
{
	put(w, "{\"name\":");
	put_name(w, &type->named->name);
	put(w, ",\"type\":\"");
	put(w, avro_kind_name(type->kind));
	put(w, "\"");
	if (type->kind == AVRO_RECORD)
		canonical_fields(w, type->named);
	else if (type->kind == AVRO_ENUM)
		canonical_symbols(w, type->named);
	else
		text_print(&w->text, ",\"size\":%" PRId64, type->named->size);
	put(w, "}");
}

static void
canonical_items(Writer *w, const AvroType *type)
{
	put(w,
		type->kind == AVRO_ARRAY ? "{\"type\":\"array\",\"items\":" :
								   "{\"type\":\"map\",\"values\":");
	canonical_type(w, type->items);
	put(w, "}");
}

static void
canonical_type(Writer *w, const AvroType *type)
{
	Engine	   *engine = w->text.engine;

	if (put_use(w, type))
		return;
	engine_tick(engine);
	engine_down(engine, NULL);
	if (type->named != NULL)
		canonical_named(w, type);
	else if (type->kind == AVRO_UNION)
		put_list(w, type, canonical_type);
	else if (type->items != NULL)
		canonical_items(w, type);
	else
		put_quoted(w, avro_kind_name(type->kind),
				   strlen(avro_kind_name(type->kind)));
	engine_up(engine);
}

char *
avro_canonical(Engine *engine, const Schema *schema)
{
	Writer		w;

	writer_begin(&w, engine, schema);
	canonical_type(&w, schema->root);
	return w.text.data;
}

/* ---- the form that tells versions apart ---- */

static void identity_type(Writer *w, const AvroType *type);

/* A field: all its members, but the type in its own form. */
static void
identity_field(Writer *w, const AvroField *field)
{
	const JsonNode *json = field->json;
	const int  *order = json_order(w->text.engine, json);

	for (int i = 0; i < json->count; i++)
	{
		const JsonNode *name = json->names[order[i]];

		put(w, i > 0 ? "," : "{");
		put_quoted(w, name->text, name->length);
		put(w, ":");
		if (json_is(name, "type"))
			identity_type(w, field->type);
		else
			json_write(&w->text, json->items[order[i]], true);
	}
	put(w, "}");
}

static void
identity_fields(Writer *w, const AvroNamed *record)
{
	put(w, "[");
	for (int i = 0; i < record->nfields; i++)
	{
		engine_tick(w->text.engine);
		if (i > 0)
			put(w, ",");
		identity_field(w, &record->fields[i]);
	}
	put(w, "]");
}

static void
identity_aliases(Writer *w, const AvroNamed *named)
{
	put(w, "[");
	for (int i = 0; i < named->naliases; i++)
	{
		if (i > 0)
			put(w, ",");
		put_name(w, &named->aliases[i]);
	}
	put(w, "]");
}

/* A member of a type's object that has a form of its own; false if not. */
static bool
identity_member(Writer *w, const AvroType *type, const JsonNode *name)
{
	if (type->named != NULL && json_is(name, "name"))
		put_name(w, &type->named->name);
	else if (type->named != NULL && json_is(name, "aliases"))
		identity_aliases(w, type->named);
	else if (type->kind == AVRO_RECORD && json_is(name, "fields"))
		identity_fields(w, type->named);
	else if ((type->kind == AVRO_ARRAY && json_is(name, "items")) ||
			 (type->kind == AVRO_MAP && json_is(name, "values")))
		identity_type(w, type->items);
	else
		return false;
	return true;
}

static void
identity_object(Writer *w, const AvroType *type)
{
	const JsonNode *json = type->json;
	const int  *order = json_order(w->text.engine, json);
	const char *before = "{";

	for (int i = 0; i < json->count; i++)
	{
		const JsonNode *name = json->names[order[i]];

		/* The name is written in full. */
		if (type->named != NULL && json_is(name, "namespace"))
			continue;
		put(w, before);
		put_quoted(w, name->text, name->length);
		put(w, ":");
		if (!identity_member(w, type, name))
			json_write(&w->text, json->items[order[i]], true);
		before = ",";
	}
	put(w, "}");
}

static void
identity_type(Writer *w, const AvroType *type)
{
	Engine	   *engine = w->text.engine;

	if (put_use(w, type))
		return;
	engine_tick(engine);
	engine_down(engine, NULL);
	if (type->kind == AVRO_UNION)
		put_list(w, type, identity_type);
	else if (type->json != NULL)
		identity_object(w, type);
	else
		put_quoted(w, avro_kind_name(type->kind),
				   strlen(avro_kind_name(type->kind)));
	engine_up(engine);
}

char *
avro_identity(Engine *engine, const Schema *schema)
{
	Writer		w;

	writer_begin(&w, engine, schema);
	identity_type(&w, schema->root);
	return w.text.data;
}
