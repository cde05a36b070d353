/*-------------------------------------------------------------------------
 *
 * option.c
 *		What options say, by the messages of descriptor.proto, and defaults.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

/* The message of descriptor.proto that the options of a kind are. */
static const ProtoMessage *
options_type(const Schema *schema, ProtoKind kind)
{
	static const char *const names[] = {NULL,		 "File",
										"Message",	 "Field",
										"Oneof",	 "Enum",
										"EnumValue", "Service",
										"Method",	 "ExtensionRange"};
	const char				*name =
		engine_print(schema->engine, "google.protobuf.%sOptions", names[kind]);
	const ProtoElement *element = map_get(schema->symbols, name, strlen(name));

	if (element == NULL || element->kind != PROTO_MESSAGE)
	{
		SchemaPlace place = {0};

		engine_fail(schema->engine, &place,
					"\"%s\" is not defined, which options need", name);
	}
	return (const ProtoMessage *) element;
}

/* The scope in which an element's options are resolved: around it. */
static const char *
scope_around(Schema *schema, const ProtoElement *element)
{
	const char *dot;

	if (element->kind == PROTO_FILE)
		return element->full;
	dot = strrchr(element->full, '.');
	return dot == NULL ? "" :
						 engine_copy(schema->engine, element->full,
									 (size_t) (dot - element->full));
}

static SchemaPlace
option_place(const ProtoElement *element, const ProtoOption *option)
{
	SchemaPlace place = proto_place(element);

	place.line = option->line;
	place.column = option->column;
	return place;
}

/* The field that one part of an option's name means. */
static const ProtoField *
find_part(Schema *schema, ProtoElement *element, const ProtoOption *option,
		  const ProtoOptionPart *part, const ProtoMessage *type)
{
	SchemaPlace place = option_place(element, option);
	const ProtoField *field;
	ProtoElement *found;

	if (!part->extension)
	{
		field = proto_field_named(type, part->name, strlen(part->name));
		if (field == NULL || strcmp(part->name, "uninterpreted_option") == 0)
			engine_fail(schema->engine, &place, "option \"%s\" is not known",
						part->name);
		return field;
	}
	found = proto_resolve(schema, element->file, scope_around(schema, element),
						  part->name, false);
	field = (ProtoField *) found;
	if (found == NULL || found->kind != PROTO_FIELD || !field->extension)
		engine_fail(schema->engine, &place, "option \"(%s)\" is not known",
					part->name);
	if (field->parent != type)
		engine_fail(schema->engine, &place,
					"option \"(%s)\" extends \"%s\", not \"%s\"", part->name,
					field->parent->base.full, type->base.full);
	proto_used(element->file, found);
	return field;
}

/* Go into a message within the options, which is made if it is not there. */
static ProtoTree *
enter_part(Schema *schema, ProtoElement *element, const ProtoOption *option,
		   ProtoTree *tree, const ProtoField *field)
{
	SchemaPlace place = option_place(element, option);
	ProtoValue *value;

	if (field->message == NULL)
		engine_fail(schema->engine, &place, "option \"%s\" is no message",
					field->base.full);
	if (field->label == PROTO_REPEATED)
		engine_fail(schema->engine, &place,
					"option \"%s\" is repeated, so its fields cannot be set",
					field->base.full);
	value = tree_add(schema->engine, tree_set(schema->engine, tree, field));
	if (value->tree == NULL)
		value->tree = tree_new(schema->engine, field->message);
	return value->tree;
}

/* Take one option into an element's tree. */
static void
apply_option(Schema *schema, ProtoElement *element, const ProtoOption *option)
{
	ProtoTree  *tree = element->tree;
	const ProtoOptionPart *part = option->parts;
	const ProtoField	  *field =
		find_part(schema, element, option, part, tree->type);
	SchemaPlace place = option_place(element, option);

	engine_tick(schema->engine);
	while (part->next != NULL)
	{
		tree = enter_part(schema, element, option, tree, field);
		part = part->next;
		field = find_part(schema, element, option, part, tree->type);
	}
	if (field->label != PROTO_REPEATED && tree_get(tree, field) != NULL)
		engine_fail(schema->engine, &place, "option \"%s\" is set already",
					field->base.name);
	tree_read(schema, element, tree, field, option->value);
}

/* Understand an element's options, if it has any. */
static void
read_options(Schema *schema, ProtoElement *element)
{
	if (element->options == NULL && element->options_wire == NULL)
		return;
	element->tree =
		tree_new(schema->engine, options_type(schema, element->kind));
	if (element->options_wire != NULL)
		tree_decode(schema, element, element->tree, element->options_wire,
					element->options_wire_length);
	for (const ProtoOption *option = element->options; option != NULL;
		 option = option->next)
		apply_option(schema, element, option);
	tree_check(schema, element, element->tree);
}

/* ---- defaults ---- */

/* A default as a descriptor has it, as a literal. */
static ProtoLiteral *
default_literal(Schema *schema, ProtoField *field)
{
	ProtoLiteral *literal = engine_alloc(schema->engine, sizeof(ProtoLiteral));
	const char *text = field->default_text;
	ProtoLexer	lexer;
	EngineText	bytes;

	literal->text = text;
	literal->length = strlen(text);
	literal->kind = LITERAL_STRING;
	if (field->type == PROTO_TYPE_STRING)
		return literal;
	if (field->type == PROTO_TYPE_BYTES)
		text = engine_print(schema->engine, "\"%s\"", text);
	literal->negative = text[0] == '-';
	text += literal->negative ? 1 : 0;
	lex_begin(&lexer, schema->engine, text, strlen(text),
			  field->base.file->reference);
	literal->kind = LITERAL_NAME;
	literal->text = text;
	if (lexer.token.kind == TOKEN_INTEGER || lexer.token.kind == TOKEN_FLOAT)
		literal->number = lex_number(&lexer);
	if (lexer.token.kind == TOKEN_INTEGER)
		literal->kind = lex_integer(&lexer, &literal->integer) ?
			LITERAL_INTEGER :
			LITERAL_FLOAT;
	else if (lexer.token.kind == TOKEN_FLOAT)
		literal->kind = LITERAL_FLOAT;
	else if (lexer.token.kind == TOKEN_STRING)
	{
		text_begin(&bytes, schema->engine);
		lex_string(&lexer, &bytes);
		literal->kind = LITERAL_STRING;
		literal->text = bytes.data;
		literal->length = bytes.length;
	}
	lex_next(&lexer);
	if (lexer.token.kind != TOKEN_END)
		lex_fail(&lexer, "default of field \"%s\" is no single value",
				 field->base.full);
	return literal;
}

/* Understand a field's default. */
static void
read_default(Schema *schema, ProtoField *field)
{
	SchemaPlace place = proto_place(&field->base);

	if (field->default_text != NULL)
		field->default_literal = default_literal(schema, field);
	if (field->default_literal == NULL)
		return;
	if (field->label == PROTO_REPEATED)
		engine_fail(schema->engine, &place, "repeated field has a default");
	if (field->message != NULL)
		engine_fail(schema->engine, &place,
					"field of a message has a default");
	field->default_value = engine_alloc(schema->engine, sizeof(ProtoValue));
	tree_read_scalar(schema, &field->base, field, field->default_literal,
					 field->default_value);
}

static void
read_field(Schema *schema, ProtoField *field)
{
	read_default(schema, field);
	read_options(schema, &field->base);
}

static void
read_enum(Schema *schema, ProtoEnum *enumeration)
{
	read_options(schema, &enumeration->base);
	for (int i = 0; i < enumeration->nvalues; i++)
		read_options(schema, &enumeration->values[i]->base);
}

static void
read_message(void *context, ProtoMessage *message)
{
	Schema	   *schema = context;

	read_options(schema, &message->base);
	for (int i = 0; i < message->nfields; i++)
		read_field(schema, message->fields[i]);
	for (int i = 0; i < message->nextensions; i++)
		read_field(schema, message->extensions[i]);
	for (int i = 0; i < message->noneofs; i++)
		read_options(schema, &message->oneofs[i]->base);
	for (int i = 0; i < message->nenums; i++)
		read_enum(schema, message->enums[i]);
	for (int i = 0; i < message->nranges; i++)
		read_options(schema, &message->ranges[i]->base);
	/* "max" is what the message can have, which for message sets is more */
	for (int i = 0; i < message->nranges &&
		 proto_option_true(&message->base, "message_set_wire_format");
		 i++)
	{
		if (message->ranges[i]->last == PROTO_MOST_NUMBER)
			message->ranges[i]->last = INT32_MAX - 1;
	}
}

static void
read_file(Schema *schema, ProtoFile *file)
{
	read_options(schema, &file->base);
	proto_each_message(schema, file, read_message, schema);
	for (int i = 0; i < file->nextensions; i++)
		read_field(schema, file->extensions[i]);
	for (int i = 0; i < file->nenums; i++)
		read_enum(schema, file->enums[i]);
	for (int i = 0; i < file->nservices; i++)
	{
		ProtoService *service = file->services[i];

		read_options(schema, &service->base);
		for (int j = 0; j < service->nmethods; j++)
			read_options(schema, &service->methods[j]->base);
	}
}

void
proto_options(Schema *schema)
{
	for (int i = 0; i < schema->nfiles; i++)
		read_file(schema, schema->files[i]);
}

const ProtoValue *
proto_option(const ProtoElement *element, const char *name)
{
	if (element->tree == NULL)
		return NULL;
	for (const ProtoSet *set = element->tree->sets; set != NULL;
		 set = set->next)
	{
		if (!set->field->extension && strcmp(set->field->base.name, name) == 0)
			return set->first;
	}
	return NULL;
}

bool
proto_option_true(const ProtoElement *element, const char *name)
{
	const ProtoValue *value = proto_option(element, name);

	return value != NULL && value->integer != 0;
}
