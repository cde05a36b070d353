/*-------------------------------------------------------------------------
 *
 * parse.c
 *		JSON to an Avro schema, as the specification has it.
 *
 * What is refused is what no reader could use: unknown or repeated names,
 * unions in unions, defaults that are no values of their type.  Attributes
 * that the specification does not know are left to those who do, and logical
 * types that do not fit their type are ignored, as it says.
 *
 * A name is known from where its definition begins; an unqualified one is
 * looked for in the namespace around it, then in none.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/avro/avro.h"

#include <stdio.h>
#include <string.h>

/* Lists with more entries than this have a map of them. */
#define MOST_WITHOUT_MAP 8

/* A namespace; length 0: none. */
typedef struct Namespace
{
	const char *text;
	size_t		length;
} Namespace;

/* A parse of one schema and of those that it refers to. */
typedef struct AvroParser
{
	Engine	   *engine;
	Schema	   *schema;
	EngineMap  *names;		/* full name to AvroNamed */
	const char *reference;	/* what is being parsed; NULL: the schema itself */
	int			room;		/* of schema->named */
	/* branches of all unions being read */
	const AvroType **stack;
	size_t		top;
	size_t		stack_room;
} AvroParser;

static const AvroType *parse_type(AvroParser *p, const JsonNode *node,
								  const AvroSpot *spot, Namespace space);

/* ---- kinds and places ---- */

static const char *const kind_names[] = {
	[AVRO_NULL] = "null",	  [AVRO_BOOLEAN] = "boolean",
	[AVRO_INT] = "int",		  [AVRO_LONG] = "long",
	[AVRO_FLOAT] = "float",	  [AVRO_DOUBLE] = "double",
	[AVRO_BYTES] = "bytes",	  [AVRO_STRING] = "string",
	[AVRO_ARRAY] = "array",	  [AVRO_MAP] = "map",
	[AVRO_UNION] = "union",	  [AVRO_RECORD] = "record",
	[AVRO_ENUM] = "enum",	  [AVRO_FIXED] = "fixed",
};

/* Primitive types that have no attributes, once for all schemas. */
static const AvroType plain_types[AVRO_PRIMITIVES] = {
	{.kind = AVRO_NULL},  {.kind = AVRO_BOOLEAN}, {.kind = AVRO_INT},
	{.kind = AVRO_LONG},  {.kind = AVRO_FLOAT},	  {.kind = AVRO_DOUBLE},
	{.kind = AVRO_BYTES}, {.kind = AVRO_STRING},
};

const AvroType *
avro_plain_type(AvroKind kind)
{
	return &plain_types[kind];
}

const char *
avro_kind_name(AvroKind kind)
{
	return kind_names[kind];
}

const char *
avro_type_name(const AvroType *type)
{
	return type->named != NULL ? type->named->name.full :
								 kind_names[type->kind];
}

/* Write what one link of a chain adds to a path, so that it ends before end,
 * if that is not NULL; returns its length. */
static size_t
spot_text(const AvroSpot *spot, char *end)
{
	char		digits[12];
	size_t		length = 0, step = spot->step != NULL ? strlen(spot->step) : 0;

	if (spot->index >= 0)
	{
		unsigned	rest = (unsigned) spot->index;

		do
			digits[sizeof(digits) - ++length] = (char) ('0' + rest % 10);
		while ((rest /= 10) > 0);
		digits[sizeof(digits) - ++length] = '/';
		if (end != NULL)
			memcpy(end - length, digits + sizeof(digits) - length, length);
	}
	length += step;
	if (end != NULL && step > 0)
		memcpy(end - length, spot->step, step);
	if (spot->up != NULL && spot->step != NULL)
	{
		length++;
		if (end != NULL)
			end[-(ptrdiff_t) length] = '/';
	}
	return length;
}

/* The JSON pointer of a place: measured, then written from its end. */
const char *
avro_spot_path(Engine *engine, const AvroSpot *spot)
{
	size_t		length = 0;
	char	   *path, *end;

	for (const AvroSpot *s = spot; s != NULL; s = s->up)
		length += spot_text(s, NULL);
	path = engine_alloc(engine, length + 1);
	end = path + length;
	for (const AvroSpot *s = spot; s != NULL; s = s->up)
		end -= spot_text(s, end);
	return path;
}

/* A place that outlives the walk; shares what is kept already. */
static const AvroSpot *
keep_spot(AvroParser *p, const AvroSpot *spot)
{
	const AvroSpot *kept = NULL;
	const AvroSpot **link = &kept;

	for (; spot != NULL && !spot->kept; spot = spot->up)
	{
		AvroSpot   *copy = engine_alloc(p->engine, sizeof(AvroSpot));

		*copy = *spot;
		copy->kept = true;
		*link = copy;
		link = (const AvroSpot **) &copy->up;
	}
	*link = spot;
	return kept;
}

/* Where a node is, for an error; member may be NULL. */
static SchemaPlace
place_of(AvroParser *p, const JsonNode *node, const AvroSpot *spot,
		 const char *member)
{
	SchemaPlace place;
	const char *path = avro_spot_path(p->engine, spot);

	/* What differences say of a reference's name is no part of a pointer. */
	if (p->reference != NULL)
		path += strlen(p->reference) + 1;
	if (member != NULL)
		path = json_pointer(p->engine, path, member, strlen(member));
	place.line = node->line;
	place.column = node->column;
	place.path = path;
	place.reference = p->reference;
	return place;
}

/* ---- the members of an object ---- */

typedef enum Member
{
	MEMBER_NAME,
	MEMBER_NAMESPACE,
	MEMBER_TYPE,
	MEMBER_ALIASES,
	MEMBER_FIELDS,
	MEMBER_SYMBOLS,
	MEMBER_ITEMS,
	MEMBER_VALUES,
	MEMBER_SIZE,
	MEMBER_DEFAULT,
	MEMBER_ORDER,
	MEMBERS
} Member;

static const char *const member_names[MEMBERS] = {
	[MEMBER_NAME] = "name",		  [MEMBER_NAMESPACE] = "namespace",
	[MEMBER_TYPE] = "type",		  [MEMBER_ALIASES] = "aliases",
	[MEMBER_FIELDS] = "fields",	  [MEMBER_SYMBOLS] = "symbols",
	[MEMBER_ITEMS] = "items",	  [MEMBER_VALUES] = "values",
	[MEMBER_SIZE] = "size",		  [MEMBER_DEFAULT] = "default",
	[MEMBER_ORDER] = "order",
};

/* Those that an object has of them, in one pass over it. */
typedef struct Members
{
	const JsonNode *object;
	const JsonNode *at[MEMBERS];
} Members;

static void
read_members(const JsonNode *object, Members *members)
{
	memset(members, 0, sizeof(*members));
	members->object = object;
	for (int i = 0; i < object->count; i++)
	{
		const JsonNode *name = object->names[i];

		for (int member = 0; member < MEMBERS; member++)
			if (name->text[0] == member_names[member][0] &&
				json_is(name, member_names[member]))
			{
				members->at[member] = object->items[i];
				break;
			}
	}
}

/* A member that must be there and of a kind. */
static const JsonNode *
need_member(AvroParser *p, const Members *members, const AvroSpot *spot,
			Member member, JsonKind kind)
{
	const JsonNode *node = members->at[member];
	SchemaPlace place;

	if (node != NULL && node->kind == kind)
		return node;
	if (node == NULL)
	{
		place = place_of(p, members->object, spot, NULL);
		engine_fail(p->engine, &place, "there is no \"%s\"",
					member_names[member]);
	}
	place = place_of(p, node, spot, member_names[member]);
	engine_fail(p->engine, &place, "\"%s\" is %s %s", member_names[member],
				kind == JSON_ARRAY		? "no array but" :
					kind == JSON_STRING ? "no string but" :
										  "no number but",
				json_kind_name(node));
}

/* ---- names ---- */

bool
avro_is_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		char		c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			  (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return length > 0;
}

/* Names with dots between them. */
static bool
is_full_name(const char *text, size_t length)
{
	size_t		start = 0;

	for (size_t i = 0; i <= length; i++)
		if (i == length || text[i] == '.')
		{
			if (!avro_is_name(text + start, i - start))
				return false;
			start = i + 1;
		}
	return true;
}

/* The last dot of a text, or NULL. */
static const char *
last_dot(const char *text, size_t length)
{
	while (length > 0)
		if (text[--length] == '.')
			return text + length;
	return NULL;
}

static AvroName
make_name(const char *full, size_t length)
{
	AvroName	name = {full, length, full, length};
	const char *dot = last_dot(full, length);

	if (dot != NULL)
	{
		name.base = dot + 1;
		name.base_length = length - (size_t) (dot + 1 - full);
	}
	return name;
}

/* A name as it is written, in a namespace unless it has its own. */
static AvroName
qualify(AvroParser *p, const JsonNode *written, Namespace space)
{
	char	   *full;

	if (space.length == 0 || memchr(written->text, '.', written->length))
		return make_name(written->text, written->length);
	full = engine_alloc(p->engine, space.length + written->length + 2);
	memcpy(full, space.text, space.length);
	full[space.length] = '.';
	memcpy(full + space.length + 1, written->text, written->length);
	return make_name(full, space.length + 1 + written->length);
}

/* The namespace that a name is in. */
static Namespace
namespace_of(const AvroName *name)
{
	Namespace	space = {name->full, 0};

	if (name->base > name->full)
		space.length = (size_t) (name->base - name->full) - 1;
	return space;
}

/* A name must be valid; written is what is told. */
static void
check_name(AvroParser *p, const AvroName *name, const JsonNode *written,
		   const AvroSpot *spot, const char *member)
{
	if (!is_full_name(name->full, name->length))
	{
		SchemaPlace place = place_of(p, written, spot, member);

		engine_fail(p->engine, &place, "\"%s\" is no valid name", name->full);
	}
}

/* The kind of a primitive type's name, or AVRO_PRIMITIVES. */
static AvroKind
primitive_kind(const char *text, size_t length)
{
	AvroKind	kind = AVRO_PRIMITIVES;

	switch (length == 0 ? '\0' : text[0])
	{
		case 'n':
			kind = AVRO_NULL;
			break;
		case 'b':
			kind = length == 5 ? AVRO_BYTES : AVRO_BOOLEAN;
			break;
		case 'i':
			kind = AVRO_INT;
			break;
		case 'l':
			kind = AVRO_LONG;
			break;
		case 'f':
			kind = AVRO_FLOAT;
			break;
		case 'd':
			kind = AVRO_DOUBLE;
			break;
		case 's':
			kind = AVRO_STRING;
			break;
		default:
			return AVRO_PRIMITIVES;
	}
	if (strlen(kind_names[kind]) != length ||
		memcmp(kind_names[kind], text, length) != 0)
		return AVRO_PRIMITIVES;
	return kind;
}

/* A named type that was defined before; NULL if there is none. */
static const AvroType *
find_named(AvroParser *p, const JsonNode *written, Namespace space)
{
	AvroName	name = qualify(p, written, space);
	AvroNamed  *named = map_get(p->names, name.full, name.length);

	if (named == NULL && name.full != written->text)
		named = map_get(p->names, written->text, written->length);
	return named != NULL ? named->type : NULL;
}

/* The namespace that an object's name is in, if it has no dots itself. */
static Namespace
own_namespace(AvroParser *p, const Members *members, const AvroSpot *spot,
			  Namespace around)
{
	const JsonNode *node = members->at[MEMBER_NAMESPACE];
	Namespace	space;

	if (node == NULL || node->kind == JSON_NULL)
		return around;
	node = need_member(p, members, spot, MEMBER_NAMESPACE, JSON_STRING);
	space.text = node->text;
	space.length = node->length;
	return space;
}

static void
parse_aliases(AvroParser *p, const Members *members, const AvroSpot *spot,
			  AvroNamed *named)
{
	const JsonNode *array = members->at[MEMBER_ALIASES];
	Namespace	space = namespace_of(&named->name);

	if (array == NULL || array->kind == JSON_NULL)
		return;
	array = need_member(p, members, spot, MEMBER_ALIASES, JSON_ARRAY);
	named->aliases =
		engine_alloc(p->engine,
					 sizeof(AvroName) * (size_t) (array->count + 1));
	for (int i = 0; i < array->count; i++)
	{
		AvroSpot	here = {spot, "aliases", i, false};
		SchemaPlace place;

		if (array->items[i]->kind != JSON_STRING)
		{
			place = place_of(p, array->items[i], &here, NULL);
			engine_fail(p->engine, &place, "an alias is no string but %s",
						json_kind_name(array->items[i]));
		}
		named->aliases[i] = qualify(p, array->items[i], space);
		check_name(p, &named->aliases[i], array->items[i], &here, NULL);
	}
	named->naliases = array->count;
}

/* Keep a named type among those of the schema. */
static void
append_named(AvroParser *p, AvroNamed *named)
{
	Schema	   *schema = p->schema;

	if (schema->nnamed == p->room)
	{
		int			room = p->room * 2 + 8;
		AvroNamed **copy =
			engine_alloc(p->engine, sizeof(AvroNamed *) * (size_t) room);

		if (schema->nnamed > 0)
			memcpy(copy, schema->named,
				   sizeof(AvroNamed *) * (size_t) schema->nnamed);
		schema->named = copy;
		p->room = room;
	}
	named->number = schema->nnamed;
	schema->named[schema->nnamed++] = named;
}

/* Begin a named type: from here on its name is known. */
static AvroType *
define_named(AvroParser *p, const Members *members, const AvroSpot *spot,
			 Namespace around, AvroKind kind)
{
	const JsonNode *written =
		need_member(p, members, spot, MEMBER_NAME, JSON_STRING);
	AvroType   *type = engine_alloc(p->engine, sizeof(AvroType));
	AvroNamed  *named = engine_alloc(p->engine, sizeof(AvroNamed));
	SchemaPlace place;

	type->kind = kind;
	type->json = members->object;
	type->named = named;
	named->type = type;
	named->reference = p->reference;
	named->name = qualify(p, written, own_namespace(p, members, spot, around));
	check_name(p, &named->name, written, spot, "name");
	if (primitive_kind(named->name.full, named->name.length) !=
		AVRO_PRIMITIVES)
	{
		place = place_of(p, written, spot, "name");
		engine_fail(p->engine, &place,
					"a type cannot have the name of the primitive type \"%s\"",
					named->name.full);
	}
	if (map_get(p->names, named->name.full, named->name.length) != NULL)
	{
		place = place_of(p, written, spot, "name");
		engine_fail(p->engine, &place, "\"%s\" is defined already",
					named->name.full);
	}
	(void) map_set(p->names, named->name.full, named->name.length, named);
	named->spot = keep_spot(p, spot);
	append_named(p, named);
	parse_aliases(p, members, spot, named);
	return type;
}

/* ---- records ---- */

int
avro_field_index(const AvroNamed *record, const char *name, size_t length)
{
	if (record->field_map != NULL)
		return (int) (intptr_t) map_get(record->field_map, name, length) - 1;
	for (int i = 0; i < record->nfields; i++)
		if (record->fields[i].name->length == length &&
			memcmp(record->fields[i].name->text, name, length) == 0)
			return i;
	return -1;
}

static void
check_order(AvroParser *p, const Members *members, const AvroSpot *spot)
{
	const JsonNode *order = members->at[MEMBER_ORDER];
	SchemaPlace place;

	if (order == NULL || json_is(order, "ascending") ||
		json_is(order, "descending") || json_is(order, "ignore"))
		return;
	place = place_of(p, order, spot, "order");
	engine_fail(p->engine, &place,
				"\"order\" is not ascending, descending or ignore");
}

/* The aliases of a field: strings, which may be what no field can have. */
static void
check_field_aliases(AvroParser *p, const Members *members,
					const AvroSpot *spot)
{
	const JsonNode *array =
		need_member(p, members, spot, MEMBER_ALIASES, JSON_ARRAY);

	for (int i = 0; i < array->count; i++)
		if (array->items[i]->kind != JSON_STRING)
		{
			AvroSpot	here = {spot, "aliases", i, false};
			SchemaPlace place = place_of(p, array->items[i], &here, NULL);

			engine_fail(p->engine, &place, "an alias is no string but %s",
						json_kind_name(array->items[i]));
		}
}

static void
parse_field(AvroParser *p, const JsonNode *node, const AvroSpot *spot,
			Namespace space, AvroField *field)
{
	AvroSpot	below = {spot, "type", -1, false};
	Members		members;

	if (node->kind != JSON_OBJECT)
	{
		SchemaPlace place = place_of(p, node, spot, NULL);

		engine_fail(p->engine, &place, "a field is no object but %s",
					json_kind_name(node));
	}
	read_members(node, &members);
	field->json = node;
	field->name = need_member(p, &members, spot, MEMBER_NAME, JSON_STRING);
	if (!avro_is_name(field->name->text, field->name->length))
	{
		SchemaPlace place = place_of(p, field->name, spot, "name");

		engine_fail(p->engine, &place, "\"%s\" is no valid name",
					field->name->text);
	}
	if (members.at[MEMBER_ALIASES] != NULL &&
		members.at[MEMBER_ALIASES]->kind != JSON_NULL)
	{
		check_field_aliases(p, &members, spot);
		field->aliases = members.at[MEMBER_ALIASES];
	}
	check_order(p, &members, spot);
	field->default_value = members.at[MEMBER_DEFAULT];
	if (members.at[MEMBER_TYPE] == NULL)
		(void) need_member(p, &members, spot, MEMBER_TYPE, JSON_STRING);
	field->type = parse_type(p, members.at[MEMBER_TYPE], &below, space);
}

/* Count a field in, which must have a name of its own. */
static void
enter_field(AvroParser *p, AvroNamed *record, const AvroSpot *spot)
{
	AvroField  *field = &record->fields[record->nfields];
	const JsonNode *name = field->name;
	bool		twice;

	if (record->field_map == NULL)
		twice = avro_field_index(record, name->text, name->length) >= 0;
	else
		twice = map_set(record->field_map, name->text, name->length,
						(void *) (intptr_t) (record->nfields + 1)) != NULL;
	if (twice)
	{
		SchemaPlace place = place_of(p, name, spot, "name");

		engine_fail(p->engine, &place, "field \"%s\" is there twice",
					name->text);
	}
	record->nfields++;
}

static const AvroType *
parse_record(AvroParser *p, const Members *members, const AvroSpot *spot,
			 Namespace around)
{
	AvroType   *type = define_named(p, members, spot, around, AVRO_RECORD);
	AvroNamed  *record = type->named;
	const JsonNode *array =
		need_member(p, members, spot, MEMBER_FIELDS, JSON_ARRAY);

	record->fields =
		engine_alloc(p->engine,
					 sizeof(AvroField) * (size_t) (array->count + 1));
	if (array->count > MOST_WITHOUT_MAP)
		record->field_map = map_new_for(p->engine, (size_t) array->count);
	for (int i = 0; i < array->count; i++)
	{
		AvroSpot	here = {record->spot, "fields", i, false};

		engine_tick(p->engine);
		parse_field(p, array->items[i], &here, namespace_of(&record->name),
					&record->fields[i]);
		enter_field(p, record, &here);
	}
	return type;
}

/* ---- enums and fixed ---- */

bool
avro_has_symbol(const AvroNamed *enumeration, const JsonNode *symbol)
{
	return map_get(enumeration->symbol_map, symbol->text, symbol->length) !=
		NULL;
}

static void
parse_symbol(AvroParser *p, AvroNamed *named, int index, const AvroSpot *spot)
{
	const JsonNode *symbol = named->symbols[index];
	SchemaPlace place;

	if (symbol->kind == JSON_STRING &&
		avro_is_name(symbol->text, symbol->length) &&
		map_set(named->symbol_map, symbol->text, symbol->length,
				(void *) (intptr_t) (index + 1)) == NULL)
		return;
	place = place_of(p, symbol, spot, NULL);
	if (symbol->kind != JSON_STRING)
		engine_fail(p->engine, &place, "a symbol is no string but %s",
					json_kind_name(symbol));
	if (!avro_is_name(symbol->text, symbol->length))
		engine_fail(p->engine, &place, "\"%s\" is no valid symbol",
					symbol->text);
	engine_fail(p->engine, &place, "symbol \"%s\" is there twice",
				symbol->text);
}

static const AvroType *
parse_enum(AvroParser *p, const Members *members, const AvroSpot *spot,
		   Namespace around)
{
	AvroType   *type = define_named(p, members, spot, around, AVRO_ENUM);
	AvroNamed  *named = type->named;
	const JsonNode *array =
		need_member(p, members, spot, MEMBER_SYMBOLS, JSON_ARRAY);
	const JsonNode *otherwise = members->at[MEMBER_DEFAULT];

	named->symbols = array->items;
	named->nsymbols = array->count;
	named->symbol_map = map_new_for(p->engine, (size_t) array->count);
	for (int i = 0; i < array->count; i++)
	{
		AvroSpot	here = {spot, "symbols", i, false};

		engine_tick(p->engine);
		parse_symbol(p, named, i, &here);
	}
	if (otherwise == NULL)
		return type;
	if (otherwise->kind != JSON_STRING || !avro_has_symbol(named, otherwise))
	{
		SchemaPlace place = place_of(p, otherwise, spot, "default");

		engine_fail(p->engine, &place,
					"the default of enum \"%s\" is none of "
					"its symbols",
					named->name.full);
	}
	named->symbol_default = otherwise;
	return type;
}

static const AvroType *
parse_fixed(AvroParser *p, const Members *members, const AvroSpot *spot,
			Namespace around)
{
	AvroType   *type = define_named(p, members, spot, around, AVRO_FIXED);
	const JsonNode *size =
		need_member(p, members, spot, MEMBER_SIZE, JSON_NUMBER);

	for (size_t i = 0; i < size->length; i++)
	{
		char		c = size->text[i];

		if (c < '0' || c > '9' || type->named->size > INT32_MAX)
		{
			type->named->size = -1;
			break;
		}
		type->named->size = type->named->size * 10 + (c - '0');
	}
	if (type->named->size < 0 || type->named->size > INT32_MAX)
	{
		SchemaPlace place = place_of(p, size, spot, "size");

		engine_fail(p->engine, &place,
					"\"size\" is no whole number from 0 to %d", INT32_MAX);
	}
	return type;
}

/* ---- arrays, maps, unions ---- */

static const AvroType *
parse_items(AvroParser *p, const Members *members, const AvroSpot *spot,
			Namespace space, AvroKind kind)
{
	Member		member = kind == AVRO_ARRAY ? MEMBER_ITEMS : MEMBER_VALUES;
	AvroType   *type = engine_alloc(p->engine, sizeof(AvroType));
	AvroSpot	below = {spot, member_names[member], -1, false};

	type->kind = kind;
	type->json = members->object;
	if (members->at[member] == NULL)
		(void) need_member(p, members, spot, member, JSON_STRING);
	type->items = parse_type(p, members->at[member], &below, space);
	return type;
}

static void
push_branch(AvroParser *p, const AvroType *branch)
{
	if (p->top == p->stack_room)
	{
		size_t		room = p->stack_room * 2 + 16;
		const AvroType **stack =
			engine_alloc(p->engine, sizeof(AvroType *) * room);

		if (p->top > 0)
			memcpy(stack, p->stack, sizeof(AvroType *) * p->top);
		p->stack = stack;
		p->stack_room = room;
	}
	p->stack[p->top++] = branch;
}

/* Let a branch be found by a name; links are in the order of branches. */
static void
link_branch(Engine *engine, AvroType *type, const char *name, size_t length,
			int branch)
{
	AvroBranchLink *link = engine_alloc(engine, sizeof(AvroBranchLink));

	link->branch = branch;
	link->next = map_set(type->by_any, name, length, link);
}

void
avro_index_union(Engine *engine, AvroType *type)
{
	type->by_full = map_new(engine);
	type->by_any = map_new(engine);
	/* backwards, since each link is put before those that are there */
	for (int i = type->nbranches - 1; i >= 0; i--)
	{
		const AvroNamed *named = type->branches[i]->named;

		if (named == NULL)
			continue;
		(void) map_set(type->by_full, named->name.full, named->name.length,
					   (void *) (intptr_t) (i + 1));
		link_branch(engine, type, named->name.base, named->name.base_length,
					i);
		for (int alias = 0; alias < named->naliases; alias++)
			link_branch(engine, type, named->aliases[alias].full,
						named->aliases[alias].length, i);
	}
}

/* A branch must be none of a union, and the only one of its name or kind. */
static void
check_branch(AvroParser *p, const AvroType *branch, EngineMap *seen,
			 const JsonNode *node, const AvroSpot *spot)
{
	const char *name = avro_type_name(branch);
	SchemaPlace place;

	if (branch->kind != AVRO_UNION &&
		map_set(seen, name, strlen(name), p) == NULL)
		return;
	place = place_of(p, node, spot, NULL);
	if (branch->kind == AVRO_UNION)
		engine_fail(p->engine, &place, "a union inside a union");
	engine_fail(p->engine, &place, "\"%s\" is there twice in a union", name);
}

static const AvroType *
parse_union(AvroParser *p, const JsonNode *node, const AvroSpot *spot,
			Namespace space)
{
	AvroType   *type = engine_alloc(p->engine, sizeof(AvroType));
	EngineMap  *seen = map_new_for(p->engine, (size_t) node->count);
	size_t		mark = p->top;

	type->kind = AVRO_UNION;
	type->json = node;
	for (int i = 0; i < node->count; i++)
	{
		AvroSpot	here = {spot, NULL, i, false};
		const AvroType *branch = parse_type(p, node->items[i], &here, space);

		engine_tick(p->engine);
		check_branch(p, branch, seen, node->items[i], &here);
		push_branch(p, branch);
	}
	type->nbranches = node->count;
	type->branches =
		engine_alloc(p->engine,
					 sizeof(AvroType *) * (size_t) (node->count + 1));
	if (node->count > 0)
		memcpy(type->branches, p->stack + mark,
			   sizeof(AvroType *) * (size_t) node->count);
	p->top = mark;
	if (type->nbranches > MOST_WITHOUT_MAP)
		avro_index_union(p->engine, type);
	return type;
}

/* ---- types ---- */

static void fail_unknown(AvroParser *p, const JsonNode *node,
						 const AvroSpot *spot) ENGINE_NORETURN;

static void
fail_unknown(AvroParser *p, const JsonNode *node, const AvroSpot *spot)
{
	SchemaPlace place = place_of(p, node, spot, NULL);

	engine_fail(p->engine, &place, "there is no type \"%s\"", node->text);
}

/* A type by its name alone. */
static const AvroType *
parse_name(AvroParser *p, const JsonNode *node, const AvroSpot *spot,
		   Namespace space)
{
	AvroKind	kind = primitive_kind(node->text, node->length);
	const AvroType *type;

	if (kind != AVRO_PRIMITIVES)
		return &plain_types[kind];
	type = find_named(p, node, space);
	if (type == NULL)
		fail_unknown(p, node, spot);
	return type;
}

/* A primitive type as an object, which may have attributes. */
static const AvroType *
make_primitive(AvroParser *p, const JsonNode *object, AvroKind kind)
{
	AvroType   *type;

	if (object->count == 1)
		return &plain_types[kind];
	type = engine_alloc(p->engine, sizeof(AvroType));
	type->kind = kind;
	type->json = object;
	return type;
}

static const AvroType *
parse_object(AvroParser *p, const JsonNode *node, const AvroSpot *spot,
			 Namespace space)
{
	AvroSpot	below = {spot, "type", -1, false};
	const JsonNode *name;
	Members		members;
	AvroKind	kind;

	read_members(node, &members);
	name = need_member(p, &members, spot, MEMBER_TYPE, JSON_STRING);
	kind = primitive_kind(name->text, name->length);
	if (kind != AVRO_PRIMITIVES)
		return make_primitive(p, node, kind);
	if (json_is(name, "record") || json_is(name, "error"))
		return parse_record(p, &members, spot, space);
	if (json_is(name, "enum"))
		return parse_enum(p, &members, spot, space);
	if (json_is(name, "fixed"))
		return parse_fixed(p, &members, spot, space);
	if (json_is(name, "array"))
		return parse_items(p, &members, spot, space, AVRO_ARRAY);
	if (json_is(name, "map"))
		return parse_items(p, &members, spot, space, AVRO_MAP);
	return parse_name(p, name, &below, space);
}

static const AvroType *
parse_type(AvroParser *p, const JsonNode *node, const AvroSpot *spot,
		   Namespace space)
{
	SchemaPlace place = {node->line, node->column, NULL, p->reference};
	const AvroType *type;

	if (node->kind == JSON_STRING)
		return parse_name(p, node, spot, space);
	engine_down(p->engine, &place);
	if (node->kind == JSON_ARRAY)
		type = parse_union(p, node, spot, space);
	else if (node->kind == JSON_OBJECT)
		type = parse_object(p, node, spot, space);
	else
	{
		place = place_of(p, node, spot, NULL);
		engine_fail(p->engine, &place,
					"a schema is no string, object or array but %s",
					json_kind_name(node));
	}
	engine_up(p->engine);
	return type;
}

/* ---- defaults ---- */

static void
check_default(AvroParser *p, AvroDefaults *defaults, const AvroNamed *record,
			  int index)
{
	AvroField  *field = &record->fields[index];
	AvroSpot	spot = {record->spot, "fields", index, false};
	SchemaPlace place;

	if (!avro_value_fits(defaults, field->type, field->default_value))
	{
		place = place_of(p, field->default_value, &spot, "default");
		engine_fail(p->engine, &place,
					"the default of field \"%s\" is no "
					"value of type %s",
					field->name->text, avro_type_name(field->type));
	}
}

static void
check_endless(AvroParser *p, AvroDefaults *defaults, const AvroNamed *record,
			  int index)
{
	AvroField  *field = &record->fields[index];
	AvroSpot	spot = {record->spot, "fields", index, false};
	SchemaPlace place;

	if (avro_default_is_endless(defaults, field))
	{
		place = place_of(p, field->default_value, &spot, "default");
		engine_fail(p->engine, &place,
					"the default of field \"%s\" contains itself",
					field->name->text);
	}
}

/*
 * Check all defaults of the types from one on.  They wait until all types are
 * known, since a default may be of a type that is not complete yet.
 */
static void
check_defaults(AvroParser *p, int first,
			   void (*check)(AvroParser *, AvroDefaults *, const AvroNamed *,
							 int))
{
	AvroDefaults *defaults = avro_defaults_new(p->engine);

	for (int i = first; i < p->schema->nnamed; i++)
	{
		const AvroNamed *named = p->schema->named[i];

		for (int f = 0; f < named->nfields; f++)
		{
			engine_tick(p->engine);
			if (named->fields[f].default_value != NULL)
				check(p, defaults, named, f);
		}
	}
}

/* ---- whole schemas ---- */

/* Parse one text: the schema itself, or one that it refers to. */
static const AvroType *
parse_text(AvroParser *p, const char *text, size_t length,
		   const char *reference)
{
	AvroSpot	root = {NULL, "", -1, false};
	Namespace	nowhere = {"", 0};
	int			first = p->schema->nnamed;
	const AvroType *type;

	p->reference = reference;
	if (reference != NULL)
		root.step = engine_print(p->engine, "%s#", reference);
	p->schema->json = json_parse(p->engine, text, length, reference);
	type = parse_type(p, p->schema->json, &root, nowhere);
	check_defaults(p, first, check_default);
	check_defaults(p, first, check_endless);
	return type;
}

/* Parse what a schema refers to; what is there twice only once. */
static void
parse_references(AvroParser *p, const SchemaReference *references, int count)
{
	EngineMap  *seen = map_new(p->engine);

	for (int i = 0; i < count; i++)
	{
		const SchemaReference *reference = &references[i];
		size_t		length = strlen(reference->name);
		const SchemaReference *before = map_get(seen, reference->name, length);

		if (before != NULL && before->length == reference->length &&
			memcmp(before->text, reference->text, before->length) == 0)
			continue;
		(void) map_set(seen, reference->name, length, (void *) reference);
		(void) parse_text(p, reference->text, reference->length,
						  engine_copy(p->engine, reference->name, length));
	}
}

Schema *
avro_parse(Engine *engine, const char *text, size_t length,
		   const SchemaReference *references, int nreferences)
{
	AvroParser	p = {0};

	p.engine = engine;
	p.schema = engine_alloc(engine, sizeof(Schema));
	p.names = map_new(engine);
	parse_references(&p, references, nreferences);
	p.schema->nreferenced = p.schema->nnamed;
	p.schema->root = parse_text(&p, text, length, NULL);
	return p.schema;
}

const SchemaFormat avro_format = {
	.name = "AVRO",
	.parse = avro_parse,
	.canonical = avro_canonical,
	.identity = avro_identity,
	.diff = avro_diff,
	.breaks = avro_breaks,
	.keep = avro_keep,
	.lint = avro_lint,
};
