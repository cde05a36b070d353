/*-------------------------------------------------------------------------
 *
 * model.c
 *		Making, naming and finding the elements of Protobuf schemas.
 *
 * Qualified names are written out for every element, so their total size is
 * bounded: names within long names within long names would fill any memory.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_words[] = {"",		 "double",	 "float",
										 "int64",	 "uint64",	 "int32",
										 "fixed64",	 "fixed32",	 "bool",
										 "string",	 "group",	 "",
										 "bytes",	 "uint32",	 "",
										 "sfixed32", "sfixed64", "sint32",
										 "sint64"};

/* Room for one more element behind so many; doubles at powers of two. */
void *
proto_grow(Engine *engine, void *array, int count, size_t size)
{
	void	   *grown;

	if ((count & (count - 1)) != 0)
		return array;
	grown = engine_alloc(engine, size * (count == 0 ? 1 : (size_t) count * 2));
	if (count > 0)
		memcpy(grown, array, size * (size_t) count);
	return grown;
}

void
proto_name(Schema *schema, ProtoElement *element, ProtoKind kind,
		   ProtoFile *file, const char *scope, const char *name)
{
	size_t		scope_length = scope != NULL ? strlen(scope) : 0;
	size_t		length = strlen(name);
	char	   *full;

	element->kind = kind;
	element->file = file;
	element->name = name;
	element->full = name;
	if (scope_length == 0)
		return;
	schema->name_bytes += scope_length + length;
	if (schema->name_bytes > PROTO_MOST_NAME_BYTES)
	{
		SchemaPlace place = proto_place(element);

		engine_fail(schema->engine, &place,
					"qualified names are longer than %d bytes together",
					PROTO_MOST_NAME_BYTES);
	}
	full = engine_alloc(schema->engine, scope_length + length + 2);
	memcpy(full, scope, scope_length);
	full[scope_length] = '.';
	memcpy(full + scope_length + 1, name, length);
	element->full = full;
}

SchemaPlace
proto_place(const ProtoElement *element)
{
	SchemaPlace place = {0};

	place.line = element->line;
	place.column = element->column;
	place.path = element->full[0] != '\0' ? element->full : NULL;
	place.reference = element->file->reference;
	return place;
}

const char *
proto_path(Engine *engine, const ProtoElement *element)
{
	return engine_print(engine, "#%s", element->full);
}

/* lower_snake_case to lowerCamelCase, as protoc does it. */
const char *
proto_json_name(Engine *engine, const char *name)
{
	char	   *json = engine_alloc(engine, strlen(name) + 1);
	char	   *to = json;
	bool		upper = false;

	for (; *name != '\0'; name++)
	{
		if (*name == '_')
			upper = true;
		else
		{
			*to++ = upper && *name >= 'a' && *name <= 'z' ?
				(char) (*name - 'a' + 'A') :
				*name;
			upper = false;
		}
	}
	return json;
}

const char *
proto_entry_name(Engine *engine, const char *field)
{
	char	   *name = engine_alloc(engine, strlen(field) + 6);
	char	   *to = name;
	bool		upper = true;

	for (; *field != '\0'; field++)
	{
		if (*field == '_')
			upper = true;
		else
		{
			*to++ = upper && *field >= 'a' && *field <= 'z' ?
				(char) (*field - 'a' + 'A') :
				*field;
			upper = false;
		}
	}
	memcpy(to, "Entry", 5);
	return name;
}

/* The name of a group's field is the group's in lower case. */
const char *
proto_group_field(Engine *engine, const char *group)
{
	char	   *name = engine_copy(engine, group, strlen(group));

	for (char *c = name; *c != '\0'; c++)
	{
		if (*c >= 'A' && *c <= 'Z')
			*c = (char) (*c - 'A' + 'a');
	}
	return name;
}

static ProtoField *
entry_field(Schema *schema, ProtoMessage *entry, const char *name,
			int64_t number)
{
	ProtoField *field = engine_alloc(schema->engine, sizeof(ProtoField));

	field->base.line = entry->base.line;
	field->base.column = entry->base.column;
	proto_name(schema, &field->base, PROTO_FIELD, entry->base.file,
			   entry->base.full, name);
	field->label = PROTO_OPTIONAL;
	field->number = number;
	field->parent = entry;
	field->scope = entry;
	field->json_name = name;
	PROTO_APPEND(schema->engine, entry->fields, entry->nfields, field);
	return field;
}

ProtoMessage *
proto_map_entry(Schema *schema, ProtoField *field, const char *scope,
				ProtoType key, ProtoType value, const char *value_name)
{
	ProtoMessage *entry = engine_alloc(schema->engine, sizeof(ProtoMessage));
	ProtoField *inner;

	entry->base.line = field->base.line;
	entry->base.column = field->base.column;
	proto_name(schema, &entry->base, PROTO_MESSAGE, field->base.file, scope,
			   proto_entry_name(schema->engine, field->base.name));
	entry->is_map_entry = true;
	inner = entry_field(schema, entry, "key", 1);
	inner->type = key;
	inner = entry_field(schema, entry, "value", 2);
	inner->type = value;
	inner->type_name = value_name;
	field->is_map = true;
	field->type = PROTO_TYPE_MESSAGE;
	field->label = PROTO_REPEATED;
	field->message = entry;
	return entry;
}

/* The field of a number, by the sorted array once it is there. */
ProtoField *
proto_field(const ProtoMessage *message, int64_t number)
{
	int			low = 0;
	int			high = message->nfields;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (message->by_number[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < message->nfields && message->by_number[low]->number == number)
		return message->by_number[low];
	return NULL;
}

ProtoField *
proto_field_named(const ProtoMessage *message, const char *name, size_t length)
{
	for (int i = 0; i < message->nfields; i++)
	{
		const char *candidate = message->fields[i]->base.name;

		if (strlen(candidate) == length &&
			memcmp(candidate, name, length) == 0)
			return message->fields[i];
	}
	return NULL;
}

const char *
proto_type_word(ProtoType type)
{
	return type_words[type];
}

ProtoType
proto_scalar(const char *name, size_t length)
{
	for (int i = 1; i <= PROTO_TYPE_SINT64; i++)
	{
		if (i != PROTO_TYPE_GROUP && type_words[i][0] != '\0' &&
			strlen(type_words[i]) == length &&
			memcmp(type_words[i], name, length) == 0)
			return (ProtoType) i;
	}
	return PROTO_TYPE_NAMED;
}

const char *
proto_type_text(Engine *engine, const ProtoField *field)
{
	if (field->is_map)
		return engine_print(engine, "map<%s, %s>",
							proto_type_text(engine, field->message->fields[0]),
							proto_type_text(engine,
											field->message->fields[1]));
	if (field->message != NULL)
		return engine_print(engine, ".%s", field->message->base.full);
	if (field->enumeration != NULL)
		return engine_print(engine, ".%s", field->enumeration->base.full);
	return type_words[field->type];
}

/* Numbers may be packed; what has a length of its own may not. */
bool
proto_is_packable(ProtoType type)
{
	return type != PROTO_TYPE_STRING && type != PROTO_TYPE_BYTES &&
		type != PROTO_TYPE_MESSAGE && type != PROTO_TYPE_GROUP;
}

/* Visit a message, its map entries, and what is within it. */
static void
visit_message(Schema *schema, ProtoMessage *message, ProtoVisit visit,
			  void *context)
{
	SchemaPlace place = proto_place(&message->base);

	engine_tick(schema->engine);
	engine_down(schema->engine, &place);
	visit(context, message);
	for (int i = 0; i < message->nfields; i++)
	{
		if (message->fields[i]->is_map)
			visit(context, message->fields[i]->message);
	}
	for (int i = 0; i < message->nmessages; i++)
		visit_message(schema, message->messages[i], visit, context);
	engine_up(schema->engine);
}

void
proto_each_message(Schema *schema, const ProtoFile *file, ProtoVisit visit,
				   void *context)
{
	for (int i = 0; i < file->nmessages; i++)
		visit_message(schema, file->messages[i], visit, context);
}

/* Are two texts equal, or both absent? */
bool
proto_same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool
proto_is_identifier(const char *name)
{
	size_t length = strspn(name,
						   "abcdefghijklmnopqrstuvwxyz"
						   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return length > 0 && name[length] == '\0' &&
		!(name[0] >= '0' && name[0] <= '9');
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp((*(ProtoElement *const *) a)->full,
				  (*(ProtoElement *const *) b)->full);
}

void *
proto_by_name(Engine *engine, void *array, int count)
{
	size_t		size = sizeof(ProtoElement *) * (size_t) count;
	void	   *sorted = engine_alloc(engine, size + 1);

	if (count == 0)
		return sorted;
	memcpy(sorted, array, size);
	qsort(sorted, (size_t) count, sizeof(ProtoElement *), compare_names);
	return sorted;
}

bool
proto_same_value(const ProtoField *field, const ProtoValue *a,
				 const ProtoValue *b)
{
	if (field->type == PROTO_TYPE_DOUBLE || field->type == PROTO_TYPE_FLOAT)
		return a->number == b->number ||
			(a->number != a->number && b->number != b->number);
	if (field->type == PROTO_TYPE_STRING || field->type == PROTO_TYPE_BYTES)
		return a->length == b->length &&
			(a->length == 0 || memcmp(a->text, b->text, a->length) == 0);
	return a->integer == b->integer;
}

bool
proto_is_default(const ProtoField *field, const ProtoValue *value)
{
	ProtoValue	zero = {0};

	if (field->default_value != NULL)
		return proto_same_value(field, value, field->default_value);
	if (field->enumeration != NULL)
		zero.integer = (uint64_t) field->enumeration->values[0]->number;
	return proto_same_value(field, value, &zero);
}
