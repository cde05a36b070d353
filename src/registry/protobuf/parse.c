/*-------------------------------------------------------------------------
 *
 * parse.c
 *		.proto text to the tree of what it declares.
 *
 * Recursive descent over the grammar as protoc reads it.  Names stay as they
 * are written; what they mean is for link.c, what is forbidden for check.c.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

typedef struct Parser
{
	Schema	   *schema;
	Engine	   *engine;
	ProtoFile  *file;
	ProtoLexer	lexer;
	bool		has_package;
	bool		late;		/* the package stands behind what it names */
} Parser;

/* Where a declaration begins: what its comment is read from. */
typedef struct Begin
{
	const char *comment;
	size_t		comment_length;
} Begin;

static void parse_message_body(Parser *parser, ProtoMessage *message);
static ProtoLiteral *parse_aggregate(Parser *parser, const char *end);

/* ---- words and symbols ---- */

static bool
is(Parser *parser, const char *text)
{
	return lex_is(&parser->lexer, text);
}

/* Take a word or symbol if it is the current token. */
static bool
take(Parser *parser, const char *text)
{
	if (!is(parser, text))
		return false;
	lex_next(&parser->lexer);
	return true;
}

/* What was met instead of what should be there. */
static void
expected(Parser *parser, const char *what)
{
	const ProtoToken *token = &parser->lexer.token;
	int			length = token->length > 40 ? 40 : (int) token->length;

	if (token->kind == TOKEN_END)
		lex_fail(&parser->lexer, "expected %s, not the end of the text", what);
	lex_fail(&parser->lexer, "expected %s, not %s%.*s%s", what,
			 token->kind == TOKEN_STRING ? "" : "\"", length, token->start,
			 token->kind == TOKEN_STRING ? "" : "\"");
}

static void
expect(Parser *parser, const char *text)
{
	if (!take(parser, text))
		expected(parser, engine_print(parser->engine, "\"%s\"", text));
}

static Begin
begin(Parser *parser)
{
	Begin		start;

	start.comment = parser->lexer.token.comment;
	start.comment_length = parser->lexer.token.comment_length;
	return start;
}

static const char *
parse_name(Parser *parser, const char *what)
{
	const char *name;

	if (parser->lexer.token.kind != TOKEN_NAME)
		expected(parser, what);
	name = engine_copy(parser->engine, parser->lexer.token.start,
					   parser->lexer.token.length);
	lex_next(&parser->lexer);
	return name;
}

/* a.b.c, with a leading dot where that is allowed. */
static const char *
parse_dotted(Parser *parser, const char *what, bool leading)
{
	EngineText	text;

	text_begin(&text, parser->engine);
	if (leading && take(parser, "."))
		text_add_string(&text, ".");
	for (;;)
	{
		text_add_string(&text, parse_name(parser, what));
		if (!take(parser, "."))
			return text.data;
		text_add_string(&text, ".");
	}
}

/* A whole number of at most so much. */
static uint64_t
parse_integer(Parser *parser, uint64_t most, const char *what)
{
	uint64_t	value;

	if (parser->lexer.token.kind != TOKEN_INTEGER)
		expected(parser, what);
	if (!lex_integer(&parser->lexer, &value) || value > most)
		lex_fail(&parser->lexer, "number is out of range");
	lex_next(&parser->lexer);
	return value;
}

/* A 32-bit integer that may be negative. */
static int64_t
parse_signed(Parser *parser, const char *what)
{
	if (take(parser, "-"))
		return -(int64_t) parse_integer(parser, (uint64_t) INT32_MAX + 1,
										what);
	return (int64_t) parse_integer(parser, INT32_MAX, what);
}

/* Strings that follow one another are one. */
static const char *
parse_string(Parser *parser, const char *what, size_t *length)
{
	EngineText	text;

	if (parser->lexer.token.kind != TOKEN_STRING)
		expected(parser, what);
	text_begin(&text, parser->engine);
	while (parser->lexer.token.kind == TOKEN_STRING)
	{
		lex_string(&parser->lexer, &text);
		lex_next(&parser->lexer);
	}
	if (length != NULL)
		*length = text.length;
	else if (strlen(text.data) != text.length)
		lex_fail(&parser->lexer, "string holds a zero byte");
	return text.data;
}

/* Name an element that stands at the current token, which is its name. */
static void
parse_element(Parser *parser, ProtoElement *element, ProtoKind kind,
			  const char *scope, const Begin *start, const char *what)
{
	element->line = parser->lexer.token.line;
	element->column = parser->lexer.token.column;
	element->file = parser->file;
	element->comment =
		lex_comment(parser->engine, start->comment, start->comment_length);
	proto_name(parser->schema, element, kind, parser->file, scope,
			   parse_name(parser, what));
}

/* ---- values of options ---- */

static ProtoLiteral *
new_literal(Parser *parser, ProtoLiteralKind kind)
{
	ProtoLiteral *literal = engine_alloc(parser->engine, sizeof(ProtoLiteral));

	literal->kind = kind;
	literal->line = parser->lexer.token.line;
	literal->column = parser->lexer.token.column;
	return literal;
}

static void
append_literal(ProtoLiteral *up, ProtoLiteral *literal)
{
	if (up->last != NULL)
		up->last->next = literal;
	else
		up->first = literal;
	up->last = literal;
}

/* An integer; one beyond 64 bits is taken for a float. */
static ProtoLiteral *
parse_integer_literal(Parser *parser)
{
	ProtoLiteral *literal = new_literal(parser, LITERAL_INTEGER);

	literal->number = lex_number(&parser->lexer);
	if (!lex_integer(&parser->lexer, &literal->integer))
	{
		if (parser->lexer.token.start[0] == '0')
			lex_fail(&parser->lexer, "number is out of range");
		literal->kind = LITERAL_FLOAT;
	}
	else
		literal->number = (double) literal->integer;
	lex_next(&parser->lexer);
	return literal;
}

/* A word, a number or a string. */
static ProtoLiteral *
parse_scalar_literal(Parser *parser)
{
	ProtoLiteral *literal;

	switch (parser->lexer.token.kind)
	{
		case TOKEN_NAME:
			literal = new_literal(parser, LITERAL_NAME);
			literal->length = parser->lexer.token.length;
			literal->text = parse_name(parser, "a name");
			return literal;
		case TOKEN_INTEGER:
			return parse_integer_literal(parser);
		case TOKEN_FLOAT:
			literal = new_literal(parser, LITERAL_FLOAT);
			literal->number = lex_number(&parser->lexer);
			lex_next(&parser->lexer);
			return literal;
		case TOKEN_STRING:
			literal = new_literal(parser, LITERAL_STRING);
			literal->text = parse_string(parser, "a string", &literal->length);
			return literal;
		default:
			expected(parser, "a value");
			return NULL;
	}
}

static ProtoLiteral *
parse_signed_literal(Parser *parser)
{
	ProtoLiteral *literal;
	bool		negative = take(parser, "-");

	if (negative && parser->lexer.token.kind == TOKEN_STRING)
		expected(parser, "a number");
	literal = parse_scalar_literal(parser);
	literal->negative = negative;
	return literal;
}

/* A value within an aggregate: also lists and further aggregates. */
static ProtoLiteral *
parse_inner_value(Parser *parser, bool list_allowed)
{
	ProtoLiteral *list;

	if (take(parser, "{"))
		return parse_aggregate(parser, "}");
	if (take(parser, "<"))
		return parse_aggregate(parser, ">");
	if (!list_allowed || !is(parser, "["))
		return parse_signed_literal(parser);
	list = new_literal(parser, LITERAL_LIST);
	lex_next(&parser->lexer);
	if (take(parser, "]"))
		return list;
	for (;;)
	{
		append_literal(list, parse_inner_value(parser, false));
		if (take(parser, "]"))
			return list;
		expect(parser, ",");
	}
}

/* The field's name in an aggregate: name, [ext.name] or [host/type.Name]. */
static void
parse_inner_name(Parser *parser, const char **name, bool *bracketed)
{
	EngineText	text;

	*bracketed = take(parser, "[");
	if (!*bracketed)
	{
		*name = parse_name(parser, "the name of a field");
		return;
	}
	text_begin(&text, parser->engine);
	text_add_string(&text,
					parse_dotted(parser, "the name of an extension", false));
	while (take(parser, "/"))
		text_print(&text, "/%s", parse_dotted(parser, "a type", false));
	expect(parser, "]");
	*name = text.data;
}

/* What stands between braces, which are open. */
static ProtoLiteral *
parse_aggregate(Parser *parser, const char *end)
{
	ProtoLiteral *message = new_literal(parser, LITERAL_MESSAGE);
	SchemaPlace place = {0};

	place.line = message->line;
	place.column = message->column;
	place.reference = parser->lexer.reference;
	engine_down(parser->engine, &place);
	while (!take(parser, end))
	{
		const char *name;
		bool		bracketed;
		bool		colon;
		ProtoLiteral *value;

		engine_tick(parser->engine);
		parse_inner_name(parser, &name, &bracketed);
		colon = take(parser, ":");
		if (!colon && !is(parser, "{") && !is(parser, "<"))
			expected(parser, "\":\"");
		value = parse_inner_value(parser, true);
		value->name = name;
		value->bracketed = bracketed;
		append_literal(message, value);
		if (!take(parser, ","))
			(void) take(parser, ";");
	}
	engine_up(parser->engine);
	return message;
}

/* ---- options ---- */

/* (a.b).c.(d) */
static ProtoOptionPart *
parse_option_name(Parser *parser)
{
	ProtoOptionPart *first = NULL;
	ProtoOptionPart **link = &first;

	do
	{
		ProtoOptionPart *part =
			engine_alloc(parser->engine, sizeof(ProtoOptionPart));

		part->extension = take(parser, "(");
		if (part->extension)
		{
			part->name = parse_dotted(parser, "the name of an option", true);
			expect(parser, ")");
		}
		else
			part->name = parse_name(parser, "the name of an option");
		*link = part;
		link = &part->next;
	} while (take(parser, "."));
	return first;
}

/* name = value */
static ProtoOption *
parse_option(Parser *parser)
{
	ProtoOption *option = engine_alloc(parser->engine, sizeof(ProtoOption));

	option->line = parser->lexer.token.line;
	option->column = parser->lexer.token.column;
	option->parts = parse_option_name(parser);
	expect(parser, "=");
	if (take(parser, "{"))
		option->value = parse_aggregate(parser, "}");
	else
		option->value = parse_signed_literal(parser);
	return option;
}

static void
append_option(Parser *parser, ProtoElement *element, ProtoOption *option)
{
	parser->schema->has_options = true;
	if (element->last_option != NULL)
		element->last_option->next = option;
	else
		element->options = option;
	element->last_option = option;
}

/* option name = value; of which the word is taken. */
static void
parse_option_statement(Parser *parser, ProtoElement *element)
{
	append_option(parser, element, parse_option(parser));
	expect(parser, ";");
}

static bool
option_is(const ProtoOption *option, const char *name)
{
	return !option->parts->extension && option->parts->next == NULL &&
		strcmp(option->parts->name, name) == 0;
}

static void
take_default(Parser *parser, ProtoField *field, ProtoLiteral *value)
{
	if (field->default_literal != NULL)
		lex_fail(&parser->lexer, "default of field \"%s\" is given twice",
				 field->base.name);
	if (value->kind == LITERAL_MESSAGE)
		lex_fail(&parser->lexer, "default is no plain value");
	field->default_literal = value;
}

static void
take_json_name(Parser *parser, ProtoField *field, const ProtoLiteral *value)
{
	if (field->json_name_given)
		lex_fail(&parser->lexer, "json_name of field \"%s\" is given twice",
				 field->base.name);
	if (value->kind != LITERAL_STRING)
		lex_fail(&parser->lexer, "json_name is no string");
	if (memchr(value->text, '\0', value->length) != NULL)
		lex_fail(&parser->lexer, "json_name holds a zero byte");
	field->json_name = value->text;
	field->json_name_given = true;
}

/*
 * default and json_name are written like options but are the field's own;
 * returns whether it was one of them.
 */
static bool
take_pseudo_option(Parser *parser, ProtoField *field,
				   const ProtoOption *option)
{
	if (option_is(option, "default"))
		take_default(parser, field, option->value);
	else if (option_is(option, "json_name"))
		take_json_name(parser, field, option->value);
	else
		return false;
	return true;
}

/* [a = b, c = d], if it is there; of a field if that is not NULL. */
static void
parse_bracketed_options(Parser *parser, ProtoElement *element,
						ProtoField *field)
{
	if (!take(parser, "["))
		return;
	do
	{
		ProtoOption *option = parse_option(parser);

		if (field == NULL || !take_pseudo_option(parser, field, option))
			append_option(parser, element, option);
	} while (take(parser, ","));
	expect(parser, "]");
}

/* ---- fields ---- */

static ProtoLabel
parse_label(Parser *parser)
{
	if (take(parser, "optional"))
		return PROTO_OPTIONAL;
	if (take(parser, "required"))
		return PROTO_REQUIRED;
	if (take(parser, "repeated"))
		return PROTO_REPEATED;
	return PROTO_NO_LABEL;
}

/* A scalar's word or the name of a type. */
static ProtoType
parse_type(Parser *parser, const char **name)
{
	ProtoType	type = PROTO_TYPE_NAMED;

	*name = NULL;
	if (parser->lexer.token.kind == TOKEN_NAME)
		type = proto_scalar(parser->lexer.token.start,
							parser->lexer.token.length);
	if (type != PROTO_TYPE_NAMED)
		lex_next(&parser->lexer);
	else
		*name = parse_dotted(parser, "a type", true);
	return type;
}

/* = number [options] */
static void
parse_field_number(Parser *parser, ProtoField *field)
{
	expect(parser, "=");
	field->number_line = parser->lexer.token.line;
	field->number_column = parser->lexer.token.column;
	field->number =
		(int64_t) parse_integer(parser, INT32_MAX, "the number of the field");
	parse_bracketed_options(parser, &field->base, field);
}

/* Where fields go: into a message, a oneof of it, or among extensions. */
typedef struct FieldHome
{
	ProtoMessage *message;	/* within which they stand; NULL: the file */
	ProtoOneof *oneof;
	const char *extendee;	/* NULL: they are no extensions */
} FieldHome;

static const char *
home_scope(const Parser *parser, const FieldHome *home)
{
	return home->message != NULL ? home->message->base.full :
								   parser->file->package;
}

/* Put a field where it belongs. */
static void
add_field(Parser *parser, const FieldHome *home, ProtoField *field)
{
	Engine	   *engine = parser->engine;

	field->scope = home->message;
	if (home->extendee != NULL)
	{
		field->extension = true;
		field->extendee = home->extendee;
		if (home->message != NULL)
			PROTO_APPEND(engine, home->message->extensions,
						 home->message->nextensions, field);
		else
			PROTO_APPEND(engine, parser->file->extensions,
						 parser->file->nextensions, field);
		return;
	}
	field->parent = home->message;
	PROTO_APPEND(engine, home->message->fields, home->message->nfields, field);
	if (home->oneof != NULL)
	{
		field->oneof = home->oneof;
		PROTO_APPEND(engine, home->oneof->fields, home->oneof->nfields, field);
	}
}

/* group Name = number { ... }, of which the word is taken. */
static void
parse_group(Parser *parser, const FieldHome *home, ProtoField *field,
			const Begin *start)
{
	ProtoMessage *message = engine_alloc(parser->engine, sizeof(ProtoMessage));

	if (parser->file->syntax == PROTO_3)
		lex_fail(&parser->lexer, "proto3 has no groups");
	if (parser->file->syntax == PROTO_EDITION_2023)
		lex_fail(&parser->lexer, "editions have no groups");
	parse_element(parser, &message->base, PROTO_MESSAGE,
				  home_scope(parser, home), start, "the name of a group");
	if (message->base.name[0] < 'A' || message->base.name[0] > 'Z')
		lex_fail(&parser->lexer,
				 "name of group \"%s\" begins with no capital letter",
				 message->base.name);
	message->is_group = true;
	message->parent = home->message;
	field->base = message->base;
	proto_name(parser->schema, &field->base, PROTO_FIELD, parser->file,
			   home_scope(parser, home),
			   proto_group_field(parser->engine, message->base.name));
	field->type = PROTO_TYPE_GROUP;
	field->message = message;
	add_field(parser, home, field);
	if (home->message != NULL)
		PROTO_APPEND(parser->engine, home->message->messages,
					 home->message->nmessages, message);
	else
		PROTO_APPEND(parser->engine, parser->file->messages,
					 parser->file->nmessages, message);
	parse_field_number(parser, field);
	expect(parser, "{");
	parse_message_body(parser, message);
}

/* map<key, value> name = number; of which map< is taken. */
static void
parse_map(Parser *parser, const FieldHome *home, ProtoField *field,
		  const Begin *start)
{
	const char *key_name;
	const char *value_name;
	ProtoType	key;
	ProtoType	value;

	field->type_name = NULL;
	if (field->label != PROTO_NO_LABEL)
		lex_fail(&parser->lexer, "map has a label");
	if (home->oneof != NULL)
		lex_fail(&parser->lexer, "map is not allowed in a oneof");
	if (home->extendee != NULL)
		lex_fail(&parser->lexer, "map is not allowed as an extension");
	key = parse_type(parser, &key_name);
	if (key == PROTO_TYPE_NAMED || key == PROTO_TYPE_DOUBLE ||
		key == PROTO_TYPE_FLOAT || key == PROTO_TYPE_BYTES)
		lex_fail(&parser->lexer,
				 "key of a map is no integer, boolean or string");
	expect(parser, ",");
	value = parse_type(parser, &value_name);
	expect(parser, ">");
	parse_element(parser, &field->base, PROTO_FIELD, home_scope(parser, home),
				  start, "the name of the field");
	proto_map_entry(parser->schema, field, home_scope(parser, home), key,
					value, value_name);
	add_field(parser, home, field);
	parse_field_number(parser, field);
	expect(parser, ";");
}

/* Labels that the language does not have, or lacks. */
static void
check_label(Parser *parser, const FieldHome *home, const ProtoField *field)
{
	ProtoSyntax syntax = parser->file->syntax;

	if (home->oneof != NULL && field->label != PROTO_NO_LABEL)
		lex_fail(&parser->lexer, "field of a oneof has a label");
	if (syntax == PROTO_2 && home->oneof == NULL &&
		field->label == PROTO_NO_LABEL && !is(parser, "map"))
		expected(parser, "\"required\", \"optional\" or \"repeated\"");
	if (syntax == PROTO_3 && field->label == PROTO_REQUIRED)
		lex_fail(&parser->lexer, "proto3 has no required fields");
	if (syntax == PROTO_EDITION_2023 &&
		(field->label == PROTO_REQUIRED || field->label == PROTO_OPTIONAL))
		lex_fail(&parser->lexer,
				 "editions have no label but \"repeated\"; the presence of a "
				 "field is the feature field_presence");
}

/* [label] type name = number [options]; */
static void
parse_field(Parser *parser, const FieldHome *home)
{
	ProtoField *field = engine_alloc(parser->engine, sizeof(ProtoField));
	Begin		start = begin(parser);
	bool		maybe_map;

	field->label = parse_label(parser);
	check_label(parser, home, field);
	field->proto3_optional = parser->file->syntax == PROTO_3 &&
		field->label == PROTO_OPTIONAL && home->extendee == NULL;
	if (take(parser, "group"))
	{
		parse_group(parser, home, field, &start);
		return;
	}
	maybe_map = is(parser, "map");
	field->type = parse_type(parser, &field->type_name);
	if (maybe_map && strcmp(field->type_name, "map") == 0)
	{
		if (take(parser, "<"))
		{
			parse_map(parser, home, field, &start);
			return;
		}
		if (field->label == PROTO_NO_LABEL && home->oneof == NULL &&
			parser->file->syntax == PROTO_2)
			expected(parser, "\"<\"");
	}
	parse_element(parser, &field->base, PROTO_FIELD, home_scope(parser, home),
				  &start, "the name of the field");
	add_field(parser, home, field);
	parse_field_number(parser, field);
	expect(parser, ";");
}

/* oneof name { ... }, of which the word is taken. */
static void
parse_oneof(Parser *parser, ProtoMessage *message, const Begin *start)
{
	ProtoOneof *oneof = engine_alloc(parser->engine, sizeof(ProtoOneof));
	FieldHome	home = {0};

	parse_element(parser, &oneof->base, PROTO_ONEOF, message->base.full, start,
				  "the name of the oneof");
	oneof->parent = message;
	PROTO_APPEND(parser->engine, message->oneofs, message->noneofs, oneof);
	home.message = message;
	home.oneof = oneof;
	expect(parser, "{");
	do
	{
		if (take(parser, "option"))
			parse_option_statement(parser, &oneof->base);
		else
			parse_field(parser, &home);
	} while (!take(parser, "}"));
}

/* extend Type { ... }, of which the word is taken. */
static void
parse_extend(Parser *parser, ProtoMessage *message)
{
	FieldHome	home = {0};

	home.message = message;
	home.extendee = parse_dotted(parser, "the message to extend", true);
	expect(parser, "{");
	do
	{
		parse_field(parser, &home);
	} while (!take(parser, "}"));
}

/* ---- ranges and reserved names ---- */

/* first [to last|max] */
static ProtoRange *
parse_range(Parser *parser, bool with_signs, int64_t most)
{
	ProtoRange *range = engine_alloc(parser->engine, sizeof(ProtoRange));

	range->base.kind = PROTO_RANGE;
	range->base.file = parser->file;
	range->base.line = parser->lexer.token.line;
	range->base.column = parser->lexer.token.column;
	range->first = with_signs ?
		parse_signed(parser, "a number") :
		(int64_t) parse_integer(parser, INT32_MAX, "a number");
	range->last = range->first;
	if (!take(parser, "to"))
		return range;
	if (take(parser, "max"))
		range->last = most;
	else
		range->last = with_signs ?
			parse_signed(parser, "a number") :
			(int64_t) parse_integer(parser, INT32_MAX, "a number");
	return range;
}

/* extensions ranges [options]; of which the word is taken. */
static void
parse_extensions(Parser *parser, ProtoMessage *message)
{
	int			first = message->nranges;
	ProtoElement options = {0};

	do
	{
		ProtoRange *range = parse_range(parser, false, PROTO_MOST_NUMBER);

		range->base.name = message->base.name;
		range->base.full = message->base.full;
		PROTO_APPEND(parser->engine, message->ranges, message->nranges, range);
	} while (take(parser, ","));
	parse_bracketed_options(parser, &options, NULL);
	expect(parser, ";");
	for (int i = first; i < message->nranges; i++)
		message->ranges[i]->base.options = options.options;
}

/* A string or, in editions, a word. */
static ProtoReservedName *
parse_reserved_name(Parser *parser)
{
	ProtoReservedName *name =
		engine_alloc(parser->engine, sizeof(ProtoReservedName));
	bool		word = parser->lexer.token.kind == TOKEN_NAME;

	name->line = parser->lexer.token.line;
	name->column = parser->lexer.token.column;
	if (word && parser->file->syntax != PROTO_EDITION_2023)
		lex_fail(&parser->lexer, "reserved name is no string");
	if (!word && parser->file->syntax == PROTO_EDITION_2023)
		lex_fail(&parser->lexer, "reserved name is no word, as editions want");
	name->name = word ? parse_name(parser, "a name") :
						parse_string(parser, "a name", NULL);
	return name;
}

/* Does a list of reserved names stand here, not one of numbers? */
static bool
at_reserved_name(const Parser *parser)
{
	return parser->lexer.token.kind == TOKEN_STRING ||
		parser->lexer.token.kind == TOKEN_NAME;
}

static void
parse_message_reserved(Parser *parser, ProtoMessage *message)
{
	if (at_reserved_name(parser))
		do
		{
			PROTO_APPEND(parser->engine, message->reserved_names,
						 message->nreserved_names,
						 parse_reserved_name(parser));
		} while (take(parser, ","));
	else
		do
		{
			PROTO_APPEND(parser->engine, message->reserved, message->nreserved,
						 parse_range(parser, false, PROTO_MOST_NUMBER));
		} while (take(parser, ","));
	expect(parser, ";");
}

static void
parse_enum_reserved(Parser *parser, ProtoEnum *enumeration)
{
	if (at_reserved_name(parser))
		do
		{
			PROTO_APPEND(parser->engine, enumeration->reserved_names,
						 enumeration->nreserved_names,
						 parse_reserved_name(parser));
		} while (take(parser, ","));
	else
		do
		{
			PROTO_APPEND(parser->engine, enumeration->reserved,
						 enumeration->nreserved,
						 parse_range(parser, true, INT32_MAX));
		} while (take(parser, ","));
	expect(parser, ";");
}

/* ---- enumerations ---- */

/* NAME = number [options]; */
static void
parse_enum_value(Parser *parser, ProtoEnum *enumeration, const char *scope)
{
	ProtoEnumValue *value =
		engine_alloc(parser->engine, sizeof(ProtoEnumValue));
	Begin		start = begin(parser);

	parse_element(parser, &value->base, PROTO_ENUM_VALUE, scope, &start,
				  "the name of a value");
	value->parent = enumeration;
	PROTO_APPEND(parser->engine, enumeration->values, enumeration->nvalues,
				 value);
	expect(parser, "=");
	value->number = parse_signed(parser, "the number of the value");
	parse_bracketed_options(parser, &value->base, NULL);
	expect(parser, ";");
}

/* enum Name { ... }, of which the word is taken. */
static void
parse_enum(Parser *parser, ProtoMessage *up, const Begin *start)
{
	ProtoEnum  *enumeration = engine_alloc(parser->engine, sizeof(ProtoEnum));
	const char *scope = up != NULL ? up->base.full : parser->file->package;

	parse_element(parser, &enumeration->base, PROTO_ENUM, scope, start,
				  "the name of the enumeration");
	enumeration->parent = up;
	if (up != NULL)
		PROTO_APPEND(parser->engine, up->enums, up->nenums, enumeration);
	else
		PROTO_APPEND(parser->engine, parser->file->enums, parser->file->nenums,
					 enumeration);
	expect(parser, "{");
	while (!take(parser, "}"))
	{
		if (take(parser, ";"))
			continue;
		if (take(parser, "option"))
			parse_option_statement(parser, &enumeration->base);
		else if (take(parser, "reserved"))
			parse_enum_reserved(parser, enumeration);
		else
			parse_enum_value(parser, enumeration, scope);
	}
}

/* ---- messages ---- */

/* message Name { ... }, of which the word is taken. */
static void
parse_message(Parser *parser, ProtoMessage *up, const Begin *start)
{
	ProtoMessage *message = engine_alloc(parser->engine, sizeof(ProtoMessage));

	parse_element(parser, &message->base, PROTO_MESSAGE,
				  up != NULL ? up->base.full : parser->file->package, start,
				  "the name of the message");
	message->parent = up;
	if (up != NULL)
		PROTO_APPEND(parser->engine, up->messages, up->nmessages, message);
	else
		PROTO_APPEND(parser->engine, parser->file->messages,
					 parser->file->nmessages, message);
	expect(parser, "{");
	parse_message_body(parser, message);
}

/* One statement of a message that is no field; false: it is one. */
static bool
parse_message_statement(Parser *parser, ProtoMessage *message)
{
	Begin		start = begin(parser);

	if (take(parser, ";"))
		return true;
	if (take(parser, "message"))
		parse_message(parser, message, &start);
	else if (take(parser, "enum"))
		parse_enum(parser, message, &start);
	else if (take(parser, "extensions"))
		parse_extensions(parser, message);
	else if (take(parser, "reserved"))
		parse_message_reserved(parser, message);
	else if (take(parser, "extend"))
		parse_extend(parser, message);
	else if (take(parser, "option"))
		parse_option_statement(parser, &message->base);
	else if (take(parser, "oneof"))
		parse_oneof(parser, message, &start);
	else
		return false;
	return true;
}

/* What stands within a message, up to its closing brace. */
static void
parse_message_body(Parser *parser, ProtoMessage *message)
{
	SchemaPlace place = proto_place(&message->base);
	FieldHome	home = {0};

	home.message = message;
	engine_down(parser->engine, &place);
	while (!take(parser, "}"))
	{
		engine_tick(parser->engine);
		if (!parse_message_statement(parser, message))
			parse_field(parser, &home);
	}
	engine_up(parser->engine);
}

/* ---- services ---- */

/* ([stream] Type) */
static const char *
parse_method_type(Parser *parser, bool *streaming)
{
	const char *name;

	expect(parser, "(");
	*streaming = take(parser, "stream");
	name = parse_dotted(parser, "a message", true);
	expect(parser, ")");
	return name;
}

/* rpc Name(Type) returns (Type) ... of which the word is taken. */
static void
parse_method(Parser *parser, ProtoService *service, const Begin *start)
{
	ProtoMethod *method = engine_alloc(parser->engine, sizeof(ProtoMethod));

	parse_element(parser, &method->base, PROTO_METHOD, service->base.full,
				  start, "the name of the method");
	method->parent = service;
	PROTO_APPEND(parser->engine, service->methods, service->nmethods, method);
	method->input_name = parse_method_type(parser, &method->client_streaming);
	expect(parser, "returns");
	method->output_name = parse_method_type(parser, &method->server_streaming);
	if (take(parser, ";"))
		return;
	expect(parser, "{");
	while (!take(parser, "}"))
	{
		if (take(parser, ";"))
			continue;
		expect(parser, "option");
		parse_option_statement(parser, &method->base);
	}
}

/* service Name { ... }, of which the word is taken. */
static void
parse_service(Parser *parser, const Begin *start)
{
	ProtoService *service = engine_alloc(parser->engine, sizeof(ProtoService));

	parse_element(parser, &service->base, PROTO_SERVICE, parser->file->package,
				  start, "the name of the service");
	PROTO_APPEND(parser->engine, parser->file->services,
				 parser->file->nservices, service);
	expect(parser, "{");
	while (!take(parser, "}"))
	{
		Begin		inner = begin(parser);

		engine_tick(parser->engine);
		if (take(parser, ";"))
			continue;
		if (take(parser, "option"))
			parse_option_statement(parser, &service->base);
		else
		{
			expect(parser, "rpc");
			parse_method(parser, service, &inner);
		}
	}
}

/* ---- the file ---- */

/* syntax = "..."; or edition = "..."; which may be absent. */
static void
parse_syntax(Parser *parser)
{
	ProtoFile  *file = parser->file;
	bool		edition = is(parser, "edition");
	ProtoLexer	before;
	const char *name;

	if (!edition && !is(parser, "syntax"))
		return;
	lex_next(&parser->lexer);
	expect(parser, "=");
	before = parser->lexer;
	name = parse_string(parser, "a string", NULL);
	file->syntax_given = true;
	if (edition && strcmp(name, "2023") == 0)
		file->syntax = PROTO_EDITION_2023;
	else if (!edition && strcmp(name, "proto3") == 0)
		file->syntax = PROTO_3;
	else if (!edition && strcmp(name, "proto2") == 0)
		file->syntax = PROTO_2;
	else
		lex_fail(&before, "%s \"%.40s\" is not known",
				 edition ? "edition" : "syntax", name);
	expect(parser, ";");
}

/* import [public|weak] "name"; of which the word is taken. */
static void
parse_import(Parser *parser)
{
	ProtoImport *import = engine_alloc(parser->engine, sizeof(ProtoImport));

	import->is_public = take(parser, "public");
	import->is_weak = !import->is_public && take(parser, "weak");
	import->line = parser->lexer.token.line;
	import->column = parser->lexer.token.column;
	import->name = parse_string(parser, "the name of a file", NULL);
	PROTO_APPEND(parser->engine, parser->file->imports, parser->file->nimports,
				 import);
	expect(parser, ";");
}

/* package a.b; of which the word is taken. */
static void
parse_package(Parser *parser)
{
	ProtoFile  *file = parser->file;

	if (parser->has_package)
		lex_fail(&parser->lexer, "file has a second package");
	parser->has_package = true;
	file->package_line = parser->lexer.token.line;
	parser->late = file->package == NULL &&
		(file->nmessages > 0 || file->nenums > 0 || file->nservices > 0 ||
		 file->nextensions > 0);
	file->package = parse_dotted(parser, "the name of the package", false);
	expect(parser, ";");
}

static void
parse_top_statement(Parser *parser)
{
	Begin		start = begin(parser);

	if (take(parser, ";"))
		return;
	if (take(parser, "message"))
		parse_message(parser, NULL, &start);
	else if (take(parser, "enum"))
		parse_enum(parser, NULL, &start);
	else if (take(parser, "service"))
		parse_service(parser, &start);
	else if (take(parser, "extend"))
		parse_extend(parser, NULL);
	else if (take(parser, "import"))
		parse_import(parser);
	else if (take(parser, "package"))
		parse_package(parser);
	else if (take(parser, "option"))
		parse_option_statement(parser, &parser->file->base);
	else
		expected(parser, "a declaration");
}

/* Parse a file; its package is given if it was met too late. */
static ProtoFile *
parse_file(Parser *parser, const char *text, size_t length,
		   const char *package)
{
	ProtoFile  *file = engine_alloc(parser->engine, sizeof(ProtoFile));

	file->base.kind = PROTO_FILE;
	file->base.file = file;
	file->base.line = 1;
	file->base.column = 1;
	file->reference = parser->lexer.reference;
	file->commented = true;
	file->package = package;
	parser->file = file;
	parser->has_package = false;
	parser->late = false;
	lex_begin(&parser->lexer, parser->engine, text, length, file->reference);
	parse_syntax(parser);
	while (parser->lexer.token.kind != TOKEN_END)
	{
		engine_tick(parser->engine);
		parse_top_statement(parser);
	}
	file->base.full = file->package != NULL ? file->package : "";
	file->base.name = file->base.full;
	return file;
}

/*
 * Parse a file's text.  A package may stand behind what it names: then all is
 * read again, with the package known.
 */
ProtoFile *
proto_parse_text(Schema *schema, const char *text, size_t length,
				 const char *reference)
{
	Parser		parser = {0};
	ProtoFile  *file;

	parser.schema = schema;
	parser.engine = schema->engine;
	parser.lexer.reference = reference;
	file = parse_file(&parser, text, length, NULL);
	if (parser.late)
		file = parse_file(&parser, text, length, file->package);
	return file;
}
