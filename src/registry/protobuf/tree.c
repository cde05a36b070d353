/*-------------------------------------------------------------------------
 *
 * tree.c
 *		Values of messages: the options of descriptor.proto and their fields.
 *
 * A tree is built from what is written or from serialised bytes and is the
 * same for both, which is what makes their canonical forms equal.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <math.h>
#include <string.h>

ProtoTree *
tree_new(Engine *engine, const ProtoMessage *type)
{
	ProtoTree  *tree = engine_alloc(engine, sizeof(ProtoTree));

	tree->type = type;
	return tree;
}

ProtoSet *
tree_get(const ProtoTree *tree, const ProtoField *field)
{
	for (ProtoSet *set = tree->sets; set != NULL; set = set->next)
	{
		if (set->field == field)
			return set;
	}
	return NULL;
}

ProtoSet *
tree_set(Engine *engine, ProtoTree *tree, const ProtoField *field)
{
	ProtoSet  **link = &tree->sets;
	ProtoSet   *set;

	while (*link != NULL && (*link)->field->number < field->number)
		link = &(*link)->next;
	if (*link != NULL && (*link)->field == field)
		return *link;
	set = engine_alloc(engine, sizeof(ProtoSet));
	set->field = field;
	set->next = *link;
	*link = set;
	return set;
}

/* One more value; a field that is not repeated keeps the one it has. */
ProtoValue *
tree_add(Engine *engine, ProtoSet *set)
{
	ProtoValue *value;

	if (set->field->label != PROTO_REPEATED && set->first != NULL)
		return set->first;
	value = engine_alloc(engine, sizeof(ProtoValue));
	if (set->last != NULL)
		set->last->next = value;
	else
		set->first = value;
	set->last = value;
	return value;
}

/* ---- from what is written ---- */

static SchemaPlace
literal_place(const ProtoElement *owner, const ProtoLiteral *literal)
{
	SchemaPlace place = proto_place(owner);

	if (literal->line > 0)
	{
		place.line = literal->line;
		place.column = literal->column;
	}
	return place;
}

/* The value does not suit the field. */
static void
mismatch(Schema *schema, ProtoElement *owner, const ProtoField *field,
		 const ProtoLiteral *literal, const char *what)
{
	SchemaPlace place = literal_place(owner, literal);

	engine_fail(schema->engine, &place, "value of \"%s\" is %s",
				field->base.full, what);
}

/* An integer of so many bits. */
static void
read_integer(Schema *schema, ProtoElement *owner, const ProtoField *field,
			 const ProtoLiteral *literal, ProtoValue *value)
{
	bool		is_signed = true;
	uint64_t	most = INT32_MAX;

	switch (field->type)
	{
		case PROTO_TYPE_UINT32:
		case PROTO_TYPE_FIXED32:
			is_signed = false;
			most = UINT32_MAX;
			break;
		case PROTO_TYPE_UINT64:
		case PROTO_TYPE_FIXED64:
			is_signed = false;
			most = UINT64_MAX;
			break;
		case PROTO_TYPE_INT64:
		case PROTO_TYPE_SINT64:
		case PROTO_TYPE_SFIXED64:
			most = INT64_MAX;
			break;
		default:
			break;
	}
	if (literal->kind != LITERAL_INTEGER)
		mismatch(schema, owner, field, literal, "no integer");
	if (literal->negative && !is_signed)
		mismatch(schema, owner, field, literal, "negative");
	if (literal->integer > most + (literal->negative && is_signed ? 1 : 0))
		mismatch(schema, owner, field, literal, "out of range");
	value->integer = literal->negative ? -literal->integer : literal->integer;
}

static bool
literal_is(const ProtoLiteral *literal, const char *word)
{
	return literal->kind == LITERAL_NAME && strcmp(literal->text, word) == 0;
}

static void
read_number(Schema *schema, ProtoElement *owner, const ProtoField *field,
			const ProtoLiteral *literal, ProtoValue *value)
{
	if (literal->kind == LITERAL_INTEGER || literal->kind == LITERAL_FLOAT)
		value->number = literal->number;
	else if (literal_is(literal, "inf") ||
			 (literal->name != NULL && literal_is(literal, "infinity")))
		value->number = INFINITY;
	else if (literal_is(literal, "nan"))
		value->number = NAN;
	else
		mismatch(schema, owner, field, literal, "no number");
	if (literal->negative)
		value->number = -value->number;
	if (field->type == PROTO_TYPE_FLOAT)
		value->number = (double) (float) value->number;
}

/* Within aggregates there are more words for them, and numbers. */
static void
read_boolean(Schema *schema, ProtoElement *owner, const ProtoField *field,
			 const ProtoLiteral *literal, ProtoValue *value)
{
	bool		inner = literal->name != NULL;

	if (literal_is(literal, "true") ||
		(inner && (literal_is(literal, "True") || literal_is(literal, "t"))))
		value->integer = 1;
	else if (literal_is(literal, "false") ||
			 (inner &&
			  (literal_is(literal, "False") || literal_is(literal, "f"))))
		value->integer = 0;
	else if (inner && literal->kind == LITERAL_INTEGER &&
			 literal->integer <= 1 && !literal->negative)
		value->integer = literal->integer;
	else
		mismatch(schema, owner, field, literal, "neither true nor false");
}

/* By name; within aggregates also by number. */
static void
read_enum(Schema *schema, ProtoElement *owner, const ProtoField *field,
		  const ProtoLiteral *literal, ProtoValue *value)
{
	const ProtoEnum *enumeration = field->enumeration;
	bool by_number = literal->name != NULL && literal->kind == LITERAL_INTEGER;

	if (!by_number && (literal->kind != LITERAL_NAME || literal->negative))
		mismatch(schema, owner, field, literal,
				 "no name of an enumeration's value");
	for (int i = 0; i < enumeration->nvalues; i++)
	{
		const ProtoEnumValue *candidate = enumeration->values[i];
		int64_t number = literal->negative ? -(int64_t) literal->integer :
											 (int64_t) literal->integer;

		if (by_number ? candidate->number == number :
						strcmp(candidate->base.name, literal->text) == 0)
		{
			value->integer = (uint64_t) candidate->number;
			return;
		}
	}
	mismatch(schema, owner, field, literal, "not among the enumeration's");
}

void
tree_read_scalar(Schema *schema, ProtoElement *owner, const ProtoField *field,
				 const ProtoLiteral *literal, ProtoValue *value)
{
	switch (field->type)
	{
		case PROTO_TYPE_DOUBLE:
		case PROTO_TYPE_FLOAT:
			read_number(schema, owner, field, literal, value);
			break;
		case PROTO_TYPE_BOOL:
			read_boolean(schema, owner, field, literal, value);
			break;
		case PROTO_TYPE_ENUM:
			read_enum(schema, owner, field, literal, value);
			break;
		case PROTO_TYPE_STRING:
		case PROTO_TYPE_BYTES:
			if (literal->kind != LITERAL_STRING)
				mismatch(schema, owner, field, literal, "no string");
			value->text = literal->text;
			value->length = literal->length;
			break;
		default:
			read_integer(schema, owner, field, literal, value);
			break;
	}
}

/* Is a name that of a group's message? */
static bool
names_group(const ProtoField *field, const char *name)
{
	return proto_wire_kind(field) == PROTO_TYPE_GROUP &&
		strcmp(field->message->base.name, name) == 0;
}

/* The field that a name means within an aggregate. */
static const ProtoField *
find_inner(Schema *schema, ProtoElement *owner, const ProtoMessage *type,
		   const ProtoLiteral *literal)
{
	SchemaPlace place = literal_place(owner, literal);
	const char *dot = strrchr(type->base.full, '.');
	const char	 *scope = dot == NULL ?
		  "" :
		  engine_copy(schema->engine, type->base.full,
					  (size_t) (dot - type->base.full));
	ProtoElement *element = NULL;

	if (literal->bracketed && strchr(literal->name, '/') != NULL)
		engine_fail(schema->engine, &place,
					"values of Any in options cannot be written by their "
					"type");
	if (literal->bracketed)
		element = proto_resolve(schema, owner->file, "", literal->name, false);
	if (literal->bracketed && element == NULL)
		element =
			proto_resolve(schema, owner->file, scope, literal->name, false);
	if (element != NULL && element->kind == PROTO_FIELD &&
		((ProtoField *) element)->extension &&
		((ProtoField *) element)->parent == type)
	{
		proto_used(owner->file, element);
		return (ProtoField *) element;
	}
	for (int i = 0; i < type->nfields && !literal->bracketed; i++)
	{
		const ProtoField *field = type->fields[i];

		if (field->type != PROTO_TYPE_GROUP &&
			strcmp(field->base.name, literal->name) == 0)
			return field;
		if (names_group(field, literal->name))
			return field;
	}
	engine_fail(schema->engine, &place, "\"%s\" has no field \"%s\"",
				type->base.full, literal->name);
}

/* The fields of an aggregate into a tree. */
static void
read_aggregate(Schema *schema, ProtoElement *owner, ProtoTree *tree,
			   const ProtoLiteral *literal)
{
	for (const ProtoLiteral *inner = literal->first; inner != NULL;
		 inner = inner->next)
	{
		const ProtoField *field = find_inner(schema, owner, tree->type, inner);

		engine_tick(schema->engine);
		if (field->label != PROTO_REPEATED && tree_get(tree, field) != NULL)
			mismatch(schema, owner, field, inner, "given twice");
		tree_read(schema, owner, tree, field, inner);
	}
}

/* A list's elements, one after the other. */
static void
read_list(Schema *schema, ProtoElement *owner, ProtoTree *tree,
		  const ProtoField *field, const ProtoLiteral *literal)
{
	if (field->label != PROTO_REPEATED)
		mismatch(schema, owner, field, literal, "a list");
	for (ProtoLiteral *inner = literal->first; inner != NULL;
		 inner = inner->next)
	{
		inner->name = literal->name;
		tree_read(schema, owner, tree, field, inner);
	}
}

void
tree_read(Schema *schema, ProtoElement *owner, ProtoTree *tree,
		  const ProtoField *field, const ProtoLiteral *literal)
{
	SchemaPlace place = literal_place(owner, literal);
	ProtoValue *value;

	if (literal->kind == LITERAL_LIST)
	{
		read_list(schema, owner, tree, field, literal);
		return;
	}
	value = tree_add(schema->engine, tree_set(schema->engine, tree, field));
	if (field->message == NULL)
	{
		if (literal->kind == LITERAL_MESSAGE)
			mismatch(schema, owner, field, literal, "a message");
		tree_read_scalar(schema, owner, field, literal, value);
		return;
	}
	if (literal->kind != LITERAL_MESSAGE)
		mismatch(schema, owner, field, literal, "no message");
	engine_down(schema->engine, &place);
	value->tree = tree_new(schema->engine, field->message);
	read_aggregate(schema, owner, value->tree, literal);
	engine_up(schema->engine);
}

/* ---- what must hold of either ---- */

/* Of the members of a oneof one is set. */
static void
check_oneofs(Schema *schema, ProtoElement *owner, const ProtoTree *tree)
{
	SchemaPlace place = proto_place(owner);

	for (const ProtoSet *set = tree->sets; set != NULL; set = set->next)
	{
		for (const ProtoSet *other = set->next;
			 set->field->oneof != NULL && other != NULL; other = other->next)
		{
			if (other->field->oneof == set->field->oneof)
				engine_fail(schema->engine, &place,
							"fields \"%s\" and \"%s\" of one oneof are set",
							set->field->base.name, other->field->base.name);
		}
	}
}

/* Fields that must be there are, and oneofs are set once. */
void
tree_check(Schema *schema, ProtoElement *owner, const ProtoTree *tree)
{
	SchemaPlace place = proto_place(owner);

	engine_down(schema->engine, &place);
	check_oneofs(schema, owner, tree);
	for (int i = 0; i < tree->type->nfields; i++)
	{
		const ProtoField *field = tree->type->fields[i];

		if (field->label == PROTO_REQUIRED && tree_get(tree, field) == NULL)
			engine_fail(schema->engine, &place,
						"required field \"%s\" is not set", field->base.full);
	}
	for (const ProtoSet *set = tree->sets; set != NULL; set = set->next)
	{
		for (const ProtoValue *value = set->first;
			 value != NULL && set->field->message != NULL; value = value->next)
			tree_check(schema, owner, value->tree);
	}
	engine_up(schema->engine);
}

/* ---- from bytes ---- */

/* The wire type that a field's values have when they are not packed. */
static int
wire_type(const ProtoField *field)
{
	switch (field->type)
	{
		case PROTO_TYPE_DOUBLE:
		case PROTO_TYPE_FIXED64:
		case PROTO_TYPE_SFIXED64:
			return 1;
		case PROTO_TYPE_FLOAT:
		case PROTO_TYPE_FIXED32:
		case PROTO_TYPE_SFIXED32:
			return 5;
		case PROTO_TYPE_STRING:
		case PROTO_TYPE_BYTES:
			return 2;
		case PROTO_TYPE_MESSAGE:
		case PROTO_TYPE_GROUP:
			return proto_wire_kind(field) == PROTO_TYPE_GROUP ? 3 : 2;
		default:
			return 0;
	}
}

/* A number as it stands in the wire format to what it means. */
static void
decode_number(Schema *schema, ProtoElement *owner, const ProtoField *field,
			  uint64_t raw, ProtoValue *value)
{
	SchemaPlace place = proto_place(owner);
	uint32_t	low = (uint32_t) raw;
	float		single;

	value->integer = raw;
	switch (field->type)
	{
		case PROTO_TYPE_DOUBLE:
			memcpy(&value->number, &raw, sizeof(double));
			break;
		case PROTO_TYPE_FLOAT:
			memcpy(&single, &low, sizeof(float));
			value->number = single;
			break;
		case PROTO_TYPE_SINT32:
		case PROTO_TYPE_SINT64:
			value->integer = (raw >> 1) ^ (0 - (raw & 1));
			break;
		case PROTO_TYPE_BOOL:
			value->integer = raw != 0;
			break;
		case PROTO_TYPE_INT32:
		case PROTO_TYPE_SFIXED32:
		case PROTO_TYPE_ENUM:
			value->integer = (uint64_t) (int64_t) (int32_t) low;
			break;
		case PROTO_TYPE_UINT32:
		case PROTO_TYPE_FIXED32:
			value->integer = low;
			break;
		default:
			break;
	}
	for (int i = 0; field->type == PROTO_TYPE_ENUM; i++)
	{
		if (i == field->enumeration->nvalues)
			engine_fail(schema->engine, &place,
						"value of \"%s\" is not among the enumeration's",
						field->base.full);
		if (field->enumeration->values[i]->number == (int64_t) value->integer)
			break;
	}
}

/* The numbers of a packed field. */
static void
decode_packed(Schema *schema, ProtoElement *owner, ProtoSet *set,
			  const WireField *wire)
{
	SchemaPlace place = proto_place(owner);
	WireReader	reader = {0};

	reader.engine = schema->engine;
	reader.place = &place;
	reader.at = wire->data;
	reader.end = wire->data + wire->length;
	while (reader.at < reader.end)
	{
		ProtoValue *value = tree_add(schema->engine, set);

		decode_number(schema, owner, set->field,
					  wire_scalar(&reader, wire_type(set->field)), value);
	}
}

/* Of a oneof the last member counts. */
static void
drop_others(ProtoTree *tree, const ProtoField *field)
{
	ProtoSet  **link = &tree->sets;

	while (field->oneof != NULL && *link != NULL)
	{
		if ((*link)->field != field && (*link)->field->oneof == field->oneof)
			*link = (*link)->next;
		else
			link = &(*link)->next;
	}
}

/* One field that is known. */
static void
decode_field(Schema *schema, ProtoElement *owner, ProtoTree *tree,
			 const ProtoField *field, const WireField *wire)
{
	SchemaPlace place = proto_place(owner);
	ProtoSet   *set = tree_set(schema->engine, tree, field);
	ProtoValue *value;

	if (wire->type == 2 && field->label == PROTO_REPEATED &&
		proto_is_packable(field->type))
	{
		decode_packed(schema, owner, set, wire);
		return;
	}
	if (wire->type != wire_type(field) &&
		(field->message == NULL || (wire->type != 2 && wire->type != 3)))
		engine_fail(schema->engine, &place,
					"option \"%s\" is not serialised as its type wants",
					field->base.full);
	value = tree_add(schema->engine, set);
	if (field->message != NULL)
	{
		if (value->tree == NULL)
			value->tree = tree_new(schema->engine, field->message);
		tree_decode(schema, owner, value->tree, wire->data, wire->length);
	}
	else if (wire->type == 2)
	{
		value->text = engine_copy(schema->engine, (const char *) wire->data,
								  wire->length);
		value->length = wire->length;
	}
	else
		decode_number(schema, owner, field, wire->value, value);
}

/* Does a number lie in an extension range? */
static bool
is_extension_number(const ProtoMessage *type, int64_t number)
{
	for (int i = 0; i < type->nranges; i++)
	{
		if (number >= type->ranges[i]->first &&
			number <= type->ranges[i]->last)
			return true;
	}
	return false;
}

/*
 * Fields from bytes.  An extension that no import defines is refused, since
 * its meaning would be lost; other unknown fields are of newer versions of
 * descriptor.proto and passed over.
 */
void
tree_decode(Schema *schema, ProtoElement *owner, ProtoTree *tree,
			const unsigned char *data, size_t length)
{
	SchemaPlace place = proto_place(owner);
	WireReader	reader = {0};
	WireField	wire;

	reader.engine = schema->engine;
	reader.place = &place;
	reader.at = data;
	reader.end = data + length;
	engine_down(schema->engine, &place);
	while (wire_next(&reader, &wire))
	{
		int64_t		number = (int64_t) wire.number;
		const ProtoField *field = proto_field(tree->type, number);

		if (field == NULL)
			field = proto_extension(schema, tree->type, number);
		if (field != NULL && !field->extension &&
			strcmp(field->base.name, "uninterpreted_option") == 0)
			engine_fail(schema->engine, &place,
						"serialised descriptor has an option that nobody "
						"interpreted");
		if (field != NULL)
		{
			proto_used(owner->file, &field->base);
			drop_others(tree, field);
			decode_field(schema, owner, tree, field, &wire);
		}
		else if (is_extension_number(tree->type, number))
			engine_fail(schema->engine, &place,
						"option %lld of \"%s\" is defined by no import",
						(long long) number, tree->type->base.full);
	}
	engine_up(schema->engine);
}
