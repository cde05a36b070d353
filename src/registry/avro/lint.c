/*-------------------------------------------------------------------------
 *
 * lint.c
 *		What could be better about an Avro schema that is valid.
 *
 * Severity error is for what readers will stumble over although it parses,
 * warning for what makes later versions hard, info for what people miss.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/avro/avro.h"

#include <string.h>

typedef struct Lint
{
	Engine	   *engine;
	SchemaLints *lints;
	bool	   *seen;		/* named types, by number */
	bool	   *endless;	/* named types that are inside themselves */
	bool	   *entered;	/* for the search of them */
	bool	   *finished;
} Lint;

static void lint_type(Lint *l, const AvroType *type, const AvroSpot *at,
					  int line);

/* ---- names ---- */

/* Does a name have the shape of PascalCase? */
static bool
is_pascal_case(const char *text, size_t length)
{
	return length > 0 && text[0] >= 'A' && text[0] <= 'Z' &&
		memchr(text, '_', length) == NULL;
}

/* Are there no capitals? */
static bool
is_lower_case(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			return false;
	return true;
}

/* snake_case or camelCase */
static bool
is_field_case(const char *text, size_t length)
{
	if (text[0] >= 'A' && text[0] <= 'Z')
		return false;
	return is_lower_case(text, length) || memchr(text, '_', length) == NULL;
}

static bool
is_upper_case(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			return false;
	return true;
}

/* ---- what holds for all types with a name ---- */

static const char *
member_path(Lint *l, const AvroSpot *at, const char *member)
{
	AvroSpot	spot = {at, member, -1, false};

	return avro_spot_path(l->engine, &spot);
}

static void
lint_doc(Lint *l, const JsonNode *json, const AvroSpot *at, const char *what,
		 const char *name)
{
	const JsonNode *doc = json_get(json, "doc");

	if (doc != NULL && doc->kind != JSON_STRING)
		lint_add(l->engine, l->lints, "doc_no_text", "warning",
				 member_path(l, at, "doc"), doc->line,
				 "documentation of \"%s\" is no string but %s", name,
				 json_kind_name(doc));
	else if (doc == NULL || doc->length == 0)
		lint_add(l->engine, l->lints, "doc_missing", "info",
				 avro_spot_path(l->engine, at), json->line,
				 "%s \"%s\" has no documentation", what, name);
}

static bool
is_kind_name(const AvroName *name)
{
	for (AvroKind kind = AVRO_NULL; kind <= AVRO_FIXED; kind++)
		if (strlen(avro_kind_name(kind)) == name->base_length &&
			memcmp(avro_kind_name(kind), name->base, name->base_length) == 0)
			return true;
	return false;
}

static void
lint_name(Lint *l, const AvroNamed *named, const AvroSpot *at)
{
	const AvroName *name = &named->name;
	int			line = named->type->json->line;

	if (name->base == name->full)
		lint_add(l->engine, l->lints, "namespace_missing", "warning",
				 avro_spot_path(l->engine, at), line,
				 "%s \"%s\" has no namespace",
				 avro_kind_name(named->type->kind), name->full);
	else if (!is_lower_case(name->full, (size_t) (name->base - name->full)))
		lint_add(l->engine, l->lints, "namespace_case", "info",
				 avro_spot_path(l->engine, at), line,
				 "namespace of \"%s\" is not in lower case", name->full);
	if (is_kind_name(name))
		lint_add(l->engine, l->lints, "name_of_a_kind", "warning",
				 member_path(l, at, "name"), line,
				 "\"%s\" is also the name of a kind of types", name->base);
	else if (!is_pascal_case(name->base, name->base_length))
		lint_add(l->engine, l->lints, "type_name_case", "info",
				 member_path(l, at, "name"), line,
				 "\"%s\" is not in PascalCase", name->base);
}

/* ---- logical types ---- */

/* What a logical type may annotate. */
typedef struct LogicalType
{
	const char *name;
	AvroKind	kind;
	int64_t		size;		/* of a fixed; 0: any */
} LogicalType;

static const LogicalType logical_types[] = {
	{"decimal", AVRO_BYTES, 0},
	{"decimal", AVRO_FIXED, 0},
	{"big-decimal", AVRO_BYTES, 0},
	{"uuid", AVRO_STRING, 0},
	{"uuid", AVRO_FIXED, 16},
	{"date", AVRO_INT, 0},
	{"time-millis", AVRO_INT, 0},
	{"time-micros", AVRO_LONG, 0},
	{"timestamp-millis", AVRO_LONG, 0},
	{"timestamp-micros", AVRO_LONG, 0},
	{"timestamp-nanos", AVRO_LONG, 0},
	{"local-timestamp-millis", AVRO_LONG, 0},
	{"local-timestamp-micros", AVRO_LONG, 0},
	{"local-timestamp-nanos", AVRO_LONG, 0},
	{"duration", AVRO_FIXED, 12},
	{NULL, AVRO_NULL, 0},
};

/* A member that is a whole number that fits; -1 if it is none. */
static int64_t
whole_number(const JsonNode *object, const char *member, int64_t otherwise)
{
	const JsonNode *node = json_get(object, member);
	int64_t		value;
	bool		fits;

	if (node == NULL)
		return otherwise;
	if (node->kind != JSON_NUMBER ||
		!decimal_is_integer(node->text, node->length, &value, &fits) || !fits)
		return -1;
	return value;
}

/* Why a decimal is ignored, or NULL. */
static const char *
decimal_fault(const AvroType *type)
{
	int64_t		precision = whole_number(type->json, "precision", -1);
	int64_t		scale = whole_number(type->json, "scale", 0);
	int64_t		size;

	if (precision <= 0)
		return "its precision is no number above 0";
	if (scale < 0 || scale > precision)
		return "its scale is no number from 0 to its precision";
	if (type->kind != AVRO_FIXED)
		return NULL;
	size = type->named->size;
	/* so many digits fit into the bits of a fixed, its sign left out */
	if (size < 1000000 && precision > (size * 8 - 1) * 30103 / 100000)
		return "its precision does not fit into the fixed";
	return NULL;
}

/* Why a logical type is ignored, or NULL. */
static const char *
logical_fault(const AvroType *type, const JsonNode *logical)
{
	bool		known = false;

	for (const LogicalType *t = logical_types; t->name != NULL; t++)
	{
		if (!json_is(logical, t->name))
			continue;
		known = true;
		if (t->kind != type->kind ||
			(t->size != 0 && type->named->size != t->size))
			continue;
		return json_is(logical, "decimal") ? decimal_fault(type) : NULL;
	}
	return known ? "it does not fit its type" : "nobody knows it";
}

static void
lint_logical(Lint *l, const AvroType *type, const AvroSpot *at)
{
	const JsonNode *logical = json_get(type->json, "logicalType");
	const char *fault;

	if (logical == NULL)
		return;
	fault = logical_fault(type, logical);
	if (fault == NULL)
		return;
	lint_add(l->engine, l->lints, "logical_type_ignored", "warning",
			 member_path(l, at, "logicalType"), logical->line,
			 "logical type \"%s\" of %s is ignored: %s",
			 logical->kind == JSON_STRING ? logical->text :
											json_kind_name(logical),
			 avro_kind_name(type->kind), fault);
}

/* ---- fields ---- */

/* A union with null is one thing or nothing; anything else is a choice. */
static bool
has_null(const AvroType *type)
{
	if (type->kind != AVRO_UNION)
		return type->kind == AVRO_NULL;
	for (int i = 0; i < type->nbranches; i++)
		if (type->branches[i]->kind == AVRO_NULL)
			return true;
	return false;
}

/* Older readers take a default as of the first branch. */
static void
lint_default(Lint *l, const AvroField *field, const AvroSpot *at)
{
	const JsonNode *value = field->default_value;
	const AvroType *type = field->type;

	if (value == NULL)
	{
		if (type->kind == AVRO_UNION && has_null(type))
			lint_add(l->engine, l->lints, "optional_without_default",
					 "warning", avro_spot_path(l->engine, at),
					 field->json->line,
					 "field \"%s\" may be null but has no "
					 "default, so it cannot be added or removed later",
					 field->name->text);
		return;
	}
	if (type->kind == AVRO_UNION && type->nbranches > 0 &&
		!avro_value_fits(avro_defaults_new(l->engine), type->branches[0],
						 value))
		lint_add(l->engine, l->lints, "default_not_first_branch", "error",
				 member_path(l, at, "default"), value->line,
				 "default of "
				 "field \"%s\" is not of the first branch \"%s\": readers "
				 "before Avro 1.12 fail",
				 field->name->text, avro_type_name(type->branches[0]));
}

static void
lint_field_aliases(Lint *l, const AvroNamed *record, const AvroField *field,
				   const AvroSpot *at)
{
	for (int i = 0; field->aliases != NULL && i < field->aliases->count; i++)
	{
		const JsonNode *alias = field->aliases->items[i];
		AvroSpot	spot = {at, "aliases", i, false};

		if (!avro_is_name(alias->text, alias->length))
			lint_add(l->engine, l->lints, "alias_no_name", "warning",
					 avro_spot_path(l->engine, &spot), alias->line,
					 "alias \"%s\" is no name that a field can have",
					 alias->text);
		else if (avro_field_index(record, alias->text, alias->length) >= 0)
			lint_add(l->engine, l->lints, "alias_of_a_field", "error",
					 avro_spot_path(l->engine, &spot), alias->line,
					 "alias \"%s\" of field \"%s\" is a field of the record "
					 "itself",
					 alias->text, field->name->text);
	}
}

static void
lint_field(Lint *l, const AvroNamed *record, const AvroField *field,
		   const AvroSpot *at)
{
	AvroSpot	type_at = {at, "type", -1, false};

	lint_doc(l, field->json, at, "field", field->name->text);
	if (!is_field_case(field->name->text, field->name->length))
		lint_add(l->engine, l->lints, "field_name_case", "info",
				 member_path(l, at, "name"), field->name->line,
				 "field \"%s\" is neither in snake_case nor in camelCase",
				 field->name->text);
	lint_default(l, field, at);
	lint_field_aliases(l, record, field, at);
	if (json_get(field->json, "logicalType") != NULL)
		lint_add(l->engine, l->lints, "logical_type_of_a_field", "error",
				 member_path(l, at, "logicalType"), field->json->line,
				 "logical type of field \"%s\" is ignored: it belongs into "
				 "the type",
				 field->name->text);
	lint_type(l, field->type, &type_at, field->json->line);
}

/* ---- the kinds of named types ---- */

static void
lint_record(Lint *l, const AvroNamed *record, const AvroSpot *at)
{
	if (record->nfields == 0)
		lint_add(l->engine, l->lints, "record_empty", "info",
				 avro_spot_path(l->engine, at), record->type->json->line,
				 "record \"%s\" has no fields", record->name.full);
	if (l->endless[record->number])
		lint_add(l->engine, l->lints, "record_endless", "error",
				 avro_spot_path(l->engine, at), record->type->json->line,
				 "record \"%s\" always contains itself, or a record that "
				 "does, so it has no value",
				 record->name.full);
	for (int i = 0; i < record->nfields; i++)
	{
		AvroSpot	spot = {at, "fields", i, false};

		engine_tick(l->engine);
		lint_field(l, record, &record->fields[i], &spot);
	}
}

static void
lint_enum(Lint *l, const AvroNamed *named, const AvroSpot *at)
{
	if (named->nsymbols == 0)
		lint_add(l->engine, l->lints, "enum_empty", "error",
				 avro_spot_path(l->engine, at), named->type->json->line,
				 "enum \"%s\" has no symbols, so it has no value",
				 named->name.full);
	else if (named->symbol_default == NULL)
		lint_add(l->engine, l->lints, "enum_without_default", "warning",
				 avro_spot_path(l->engine, at), named->type->json->line,
				 "enum \"%s\" has no default, so no symbol can be added later "
				 "for old readers",
				 named->name.full);
	for (int i = 0; i < named->nsymbols; i++)
	{
		const JsonNode *symbol = named->symbols[i];
		AvroSpot	spot = {at, "symbols", i, false};

		engine_tick(l->engine);
		if (!is_upper_case(symbol->text, symbol->length))
			lint_add(l->engine, l->lints, "symbol_case", "info",
					 avro_spot_path(l->engine, &spot), symbol->line,
					 "symbol \"%s\" is not in UPPER_CASE", symbol->text);
	}
}

/* A named type, once, where it is defined. */
static void
lint_named(Lint *l, const AvroNamed *named)
{
	const AvroSpot *at = named->spot;

	if (l->seen[named->number] || named->reference != NULL)
		return;
	l->seen[named->number] = true;
	lint_name(l, named, at);
	if (named->type->kind != AVRO_FIXED)
		lint_doc(l, named->type->json, at, avro_kind_name(named->type->kind),
				 named->name.full);
	lint_logical(l, named->type, at);
	if (named->type->kind == AVRO_RECORD)
		lint_record(l, named, at);
	else if (named->type->kind == AVRO_ENUM)
		lint_enum(l, named, at);
	else if (named->size == 0)
		lint_add(l->engine, l->lints, "fixed_empty", "warning",
				 member_path(l, at, "size"), named->type->json->line,
				 "fixed \"%s\" has no bytes", named->name.full);
}

/* ---- other types ---- */

static void
lint_union(Lint *l, const AvroType *type, const AvroSpot *at, int line)
{
	if (type->nbranches < 2)
		lint_add(l->engine, l->lints,
				 type->nbranches == 0 ? "union_empty" : "union_of_one",
				 type->nbranches == 0 ? "error" : "info",
				 avro_spot_path(l->engine, at), line,
				 type->nbranches == 0 ?
					 "a union has no branches, so it has no value" :
					 "a union has one branch only");
	if (has_null(type) && type->branches[0]->kind != AVRO_NULL)
		lint_add(l->engine, l->lints, "null_not_first", "info",
				 avro_spot_path(l->engine, at), line,
				 "null is not the first branch of a union, so it cannot be "
				 "the default for all readers");
	for (int i = 0; i < type->nbranches; i++)
	{
		AvroSpot	spot = {at, NULL, i, false};

		engine_tick(l->engine);
		lint_type(l, type->branches[i], &spot, line);
	}
}

/* line is that of what is around it, where the type has none. */
static void
lint_type(Lint *l, const AvroType *type, const AvroSpot *at, int line)
{
	AvroSpot items = {at, type->kind == AVRO_ARRAY ? "items" : "values", -1,
					  false};

	if (type->json != NULL)
		line = type->json->line;
	engine_down(l->engine, NULL);
	if (type->named != NULL)
		lint_named(l, type->named);
	else
		lint_logical(l, type, at);
	if (type->kind == AVRO_UNION)
		lint_union(l, type, at, line);
	else if (type->items != NULL)
		lint_type(l, type->items, &items, line);
	engine_up(l->engine);
}

/* ---- records that contain themselves ---- */

/* Follow what each value of a record must contain; mark those records whose
 * way comes back to where it was. */
static bool
find_endless(Lint *l, const AvroNamed *record)
{
	bool		endless = false;

	if (l->finished[record->number] || l->entered[record->number])
		return l->endless[record->number] || l->entered[record->number];
	l->entered[record->number] = true;
	engine_down(l->engine, NULL);
	for (int i = 0; i < record->nfields; i++)
	{
		const AvroType *type = record->fields[i].type;

		engine_tick(l->engine);
		while (type->kind == AVRO_UNION && type->nbranches == 1)
			type = type->branches[0];
		if (type->kind == AVRO_RECORD && find_endless(l, type->named))
			endless = true;
	}
	engine_up(l->engine);
	l->entered[record->number] = false;
	l->finished[record->number] = true;
	l->endless[record->number] = endless;
	return endless;
}

void
avro_lint(Engine *engine, const Schema *schema, SchemaLints *lints)
{
	AvroSpot	root = {NULL, "", -1, false};
	size_t		count = (size_t) schema->nnamed + 1;
	Lint		l;

	l.engine = engine;
	l.lints = lints;
	l.seen = engine_alloc(engine, count);
	l.endless = engine_alloc(engine, count);
	l.entered = engine_alloc(engine, count);
	l.finished = engine_alloc(engine, count);
	for (int i = schema->nreferenced; i < schema->nnamed; i++)
		if (schema->named[i]->type->kind == AVRO_RECORD)
			(void) find_endless(&l, schema->named[i]);
	lint_type(&l, schema->root, &root, schema->json->line);
}
