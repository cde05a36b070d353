/*-------------------------------------------------------------------------
 *
 * canonical.c
 *		The canonical form: .proto text that is equal for equal meanings.
 *
 * Comments, order and ways of writing are gone: fields and values stand by
 * number, imports, enumerations, services and methods by name, types and
 * custom options are fully qualified, options that say what holds anyway are
 * left out.  Messages keep their order, since Confluent's wire format names a
 * message by its position.  Text that is parsed again gives the same form.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text being written, and how deep it is indented. */
typedef struct Printer
{
	EngineText	text;
	Engine	   *engine;
	int			depth;
} Printer;

static void print_message_body(Printer *printer, const ProtoMessage *message);

/* ---- values ---- */

static void
print_string(EngineText *text, const char *string, size_t length)
{
	text_add_string(text, "\"");
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) string[i];

		if (c == '"' || c == '\\')
			text_print(text, "\\%c", c);
		else if (c == '\n')
			text_add_string(text, "\\n");
		else if (c < 0x20 || c >= 0x7F)
			text_print(text, "\\%03o", c);
		else
			text_add(text, &string[i], 1);
	}
	text_add_string(text, "\"");
}

/* The shortest text that is read as the same number. */
static void
print_number(EngineText *text, double number, bool single)
{
	char		digits[40];

	if (isnan(number) || isinf(number))
	{
		text_add_string(text,
						isnan(number)  ? "nan" :
							number < 0 ? "-inf" :
										 "inf");
		return;
	}
	for (int precision = 1; precision <= 17; precision++)
	{
		double		again;

		snprintf(digits, sizeof(digits), "%.*g", precision, number);
		again = strtod(digits, NULL);
		if (again == number || (single && (float) again == (float) number))
			break;
	}
	text_add_string(text, digits);
}

/* The name of a value's number: the first of them by name. */
static const char *
enum_name(const ProtoEnum *enumeration, int64_t number)
{
	for (int i = 0; i < enumeration->nvalues; i++)
	{
		if (enumeration->by_number[i]->number == number)
			return enumeration->by_number[i]->base.name;
	}
	return "";
}

static void print_tree(EngineText *text, const ProtoTree *tree);

void
proto_print_value(EngineText *text, const ProtoField *field,
				  const ProtoValue *value)
{
	switch (field->type)
	{
		case PROTO_TYPE_DOUBLE:
		case PROTO_TYPE_FLOAT:
			print_number(text, value->number, field->type == PROTO_TYPE_FLOAT);
			break;
		case PROTO_TYPE_BOOL:
			text_add_string(text, value->integer != 0 ? "true" : "false");
			break;
		case PROTO_TYPE_ENUM:
			text_add_string(text,
							enum_name(field->enumeration,
									  (int64_t) value->integer));
			break;
		case PROTO_TYPE_STRING:
		case PROTO_TYPE_BYTES:
			print_string(text, value->text, value->length);
			break;
		case PROTO_TYPE_MESSAGE:
		case PROTO_TYPE_GROUP:
			print_tree(text, value->tree);
			break;
		case PROTO_TYPE_UINT32:
		case PROTO_TYPE_UINT64:
		case PROTO_TYPE_FIXED32:
		case PROTO_TYPE_FIXED64:
			text_print(text, "%llu", (unsigned long long) value->integer);
			break;
		default:
			text_print(text, "%lld", (long long) (int64_t) value->integer);
			break;
	}
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* A map's entries: their order says nothing, so they stand by their texts. */
static void
print_map(EngineText *text, const ProtoSet *set)
{
	char	  **entries = NULL;
	int			nentries = 0;

	for (const ProtoValue *value = set->first; value != NULL;
		 value = value->next)
	{
		EngineText	entry;

		text_begin(&entry, text->engine);
		print_tree(&entry, value->tree);
		PROTO_APPEND(text->engine, entries, nentries, entry.data);
	}
	qsort(entries, (size_t) nentries, sizeof(char *), compare_texts);
	for (int i = 0; i < nentries; i++)
		text_print(text, " %s: %s", set->field->base.name, entries[i]);
}

/* A field's name within braces. */
static void
print_inner_name(EngineText *text, const ProtoField *field)
{
	if (field->extension)
		text_print(text, " [%s]: ", field->base.full);
	else if (field->type == PROTO_TYPE_GROUP)
		text_print(text, " %s: ", field->message->base.name);
	else
		text_print(text, " %s: ", field->base.name);
}

/* Fields of implicit presence are not there if they are zero. */
static bool
is_absent(const ProtoSet *set)
{
	return !set->field->extension && set->field->label != PROTO_REPEATED &&
		set->field->message == NULL && !proto_has_presence(set->field) &&
		proto_is_default(set->field, set->first);
}

/* A message's value in braces. */
static void
print_tree(EngineText *text, const ProtoTree *tree)
{
	SchemaPlace place = proto_place(&tree->type->base);

	engine_down(text->engine, &place);
	text_add_string(text, "{");
	for (const ProtoSet *set = tree->sets; set != NULL; set = set->next)
	{
		if (is_absent(set))
			continue;
		if (set->field->is_map)
		{
			print_map(text, set);
			continue;
		}
		for (const ProtoValue *value = set->first; value != NULL;
			 value = value->next)
		{
			print_inner_name(text, set->field);
			proto_print_value(text, set->field, value);
		}
	}
	text_add_string(text, " }");
	engine_up(text->engine);
}

/* ---- options ---- */

/* The features that an element sets to other values than it inherits. */
static ProtoTree *
own_features(Engine *engine, const ProtoElement *element,
			 const ProtoTree *tree)
{
	const ProtoFeatures *around = element->around;
	unsigned	inherited[7];
	ProtoTree  *own = tree_new(engine, tree->type);

	inherited[0] = 0;
	inherited[1] = around->presence;
	inherited[2] = around->enum_type;
	inherited[3] = around->repeated;
	inherited[4] = around->utf8;
	inherited[5] = around->message;
	inherited[6] = around->json;
	for (const ProtoSet *set = tree->sets; set != NULL; set = set->next)
	{
		if (set->field->number > 6 || set->field->extension ||
			inherited[set->field->number] != set->first->integer)
			*tree_set(engine, own, set->field) =
				(ProtoSet){.field = set->field,
						   .first = set->first,
						   .last = set->last};
	}
	return own;
}

bool
proto_is_idle(const ProtoElement *element, const ProtoSet *set)
{
	const ProtoField *field = set->field;

	if (field->extension || field->label == PROTO_REPEATED ||
		field->message != NULL)
		return false;
	if (strcmp(field->base.name, "packed") == 0)
		return (set->first->integer != 0) ==
			(element->file->syntax != PROTO_2);
	if (strcmp(field->base.name, "allow_alias") == 0)
	{
		const ProtoEnum *enumeration = (const ProtoEnum *) element;

		for (int i = 1; i < enumeration->nvalues; i++)
		{
			if (enumeration->by_number[i]->number ==
				enumeration->by_number[i - 1]->number)
				return false;
		}
		return true;
	}
	return proto_is_default(field, set->first);
}

/* An option's name and value. */
static void
print_option(Printer *printer, const ProtoField *field,
			 const ProtoValue *value)
{
	if (field->extension)
		text_print(&printer->text, "(.%s) = ", field->base.full);
	else
		text_print(&printer->text, "%s = ", field->base.name);
	proto_print_value(&printer->text, field, value);
}

/*
 * All options of an element, each between two texts; returns their number.
 */
static int
print_options(Printer *printer, const ProtoElement *element,
			  const char *before, const char *first, const char *after)
{
	int			count = 0;

	if (element->tree == NULL)
		return 0;
	for (const ProtoSet *set = element->tree->sets; set != NULL;
		 set = set->next)
	{
		if (proto_is_idle(element, set))
			continue;
		for (const ProtoValue *value = set->first; value != NULL;
			 value = value->next)
		{
			ProtoValue	features = *value;

			if (!set->field->extension && element->around != NULL &&
				strcmp(set->field->base.name, "features") == 0)
			{
				features.tree =
					own_features(printer->engine, element, value->tree);
				if (features.tree->sets == NULL)
					continue;
			}
			text_add_string(&printer->text, count == 0 ? first : before);
			print_option(printer, set->field, &features);
			text_add_string(&printer->text, after);
			count++;
		}
	}
	return count;
}

/* ---- lines ---- */

static const char *
indent(const Printer *printer)
{
	int			depth = printer->depth < 8 ? printer->depth : 8;

	return &"                "[16 - 2 * depth];
}

static void
print_option_lines(Printer *printer, const ProtoElement *element)
{
	const char *before =
		engine_print(printer->engine, "%soption ", indent(printer));

	print_options(printer, element, before, before, ";\n");
}

/* [options] of something that is one line. */
static void
print_bracketed(Printer *printer, const ProtoElement *element)
{
	if (print_options(printer, element, ", ", " [", "") > 0)
		text_add_string(&printer->text, "]");
}

/* ---- fields ---- */

static const char *
label_text(const ProtoField *field)
{
	ProtoSyntax syntax = field->base.file->syntax;

	if (field->is_map || field->oneof != NULL)
		return "";
	if (field->label == PROTO_REPEATED)
		return "repeated ";
	if (field->label == PROTO_REQUIRED)
		return "required ";
	return syntax == PROTO_2 || field->proto3_optional ? "optional " : "";
}

/* Is a default given that is not what there would be without? */
static bool
says_default(const ProtoField *field)
{
	const ProtoValue *value = field->default_value;
	ProtoValue	zero = {0};

	if (value == NULL)
		return false;
	if (field->enumeration != NULL)
		zero.integer = (uint64_t) field->enumeration->values[0]->number;
	return !proto_same_value(field, value, &zero) || signbit(value->number);
}

/* default, json_name and the options. */
static void
print_field_options(Printer *printer, const ProtoField *field)
{
	const char *separator = " [";
	EngineText *text = &printer->text;

	if (says_default(field))
	{
		text_add_string(text, " [default = ");
		proto_print_value(text, field, field->default_value);
		separator = ", ";
	}
	if (!field->extension &&
		strcmp(field->json_name,
			   proto_json_name(printer->engine, field->base.name)) != 0)
	{
		text_print(text, "%sjson_name = ", separator);
		print_string(text, field->json_name, strlen(field->json_name));
		separator = ", ";
	}
	if (print_options(printer, &field->base, ", ", separator, "") > 0 ||
		separator[0] == ',')
		text_add_string(text, "]");
}

static void
print_field(Printer *printer, const ProtoField *field)
{
	bool		group = field->type == PROTO_TYPE_GROUP;

	engine_tick(printer->engine);
	text_print(&printer->text, "%s%s%s %s = %lld", indent(printer),
			   label_text(field),
			   group ? "group" : proto_type_text(printer->engine, field),
			   group ? field->message->base.name : field->base.name,
			   (long long) field->number);
	print_field_options(printer, field);
	if (group)
		print_message_body(printer, field->message);
	else
		text_add_string(&printer->text, ";\n");
}

static int
compare_numbers(const void *a, const void *b)
{
	int64_t		x = (*(ProtoField *const *) a)->number;
	int64_t		y = (*(ProtoField *const *) b)->number;

	return (x > y) - (x < y);
}

/* A oneof with its fields by number. */
static void
print_oneof(Printer *printer, const ProtoOneof *oneof)
{
	ProtoField **fields =
		proto_by_name(printer->engine, oneof->fields, oneof->nfields);

	qsort(fields, (size_t) oneof->nfields, sizeof(ProtoField *),
		  compare_numbers);
	text_print(&printer->text, "%soneof %s {\n", indent(printer),
			   oneof->base.name);
	printer->depth++;
	print_option_lines(printer, &oneof->base);
	for (int i = 0; i < oneof->nfields; i++)
		print_field(printer, fields[i]);
	printer->depth--;
	text_print(&printer->text, "%s}\n", indent(printer));
}

static int
compare_extensions(const void *a, const void *b)
{
	const ProtoField *x = *(ProtoField *const *) a;
	const ProtoField *y = *(ProtoField *const *) b;
	int			order = strcmp(x->parent->base.full, y->parent->base.full);

	return order != 0 ? order : compare_numbers(a, b);
}

static void
print_extensions(Printer *printer, ProtoField **extensions, int nextensions)
{
	ProtoField **sorted =
		proto_by_name(printer->engine, extensions, nextensions);

	qsort(sorted, (size_t) nextensions, sizeof(ProtoField *),
		  compare_extensions);
	for (int i = 0; i < nextensions; i++)
	{
		text_print(&printer->text, "%sextend .%s {\n", indent(printer),
				   sorted[i]->parent->base.full);
		printer->depth++;
		print_field(printer, sorted[i]);
		printer->depth--;
		text_print(&printer->text, "%s}\n", indent(printer));
	}
}

/* ---- ranges ---- */

static int
compare_ranges(const void *a, const void *b)
{
	const ProtoRange *x = *(ProtoRange *const *) a;
	const ProtoRange *y = *(ProtoRange *const *) b;

	return (x->first > y->first) - (x->first < y->first);
}

/* first, or first to last, or first to max */
static void
print_range(Printer *printer, int64_t first, int64_t last, int64_t most)
{
	text_print(&printer->text, "%lld", (long long) first);
	if (last == most)
		text_add_string(&printer->text, " to max");
	else if (last != first)
		text_print(&printer->text, " to %lld", (long long) last);
}

/* Ranges in their order; those that touch and have no options are one. */
static void
print_ranges(Printer *printer, const char *word, ProtoRange **ranges,
			 int nranges, int64_t most)
{
	ProtoRange **sorted =
		engine_alloc(printer->engine,
					 sizeof(ProtoRange *) * ((size_t) nranges + 1));

	if (nranges == 0)
		return;
	memcpy(sorted, ranges, sizeof(ProtoRange *) * (size_t) nranges);
	qsort(sorted, (size_t) nranges, sizeof(ProtoRange *), compare_ranges);
	for (int i = 0; i < nranges; i++)
	{
		int64_t		first = sorted[i]->first;
		int64_t		last = sorted[i]->last;
		const ProtoElement *base = &sorted[i]->base;

		while (base->tree == NULL && i + 1 < nranges &&
			   sorted[i + 1]->first == last + 1 &&
			   sorted[i + 1]->base.tree == NULL)
			last = sorted[++i]->last;
		text_print(&printer->text, "%s%s ", indent(printer), word);
		print_range(printer, first, last, most);
		print_bracketed(printer, base);
		text_add_string(&printer->text, ";\n");
	}
}

static int
compare_reserved(const void *a, const void *b)
{
	return strcmp((*(ProtoReservedName *const *) a)->name,
				  (*(ProtoReservedName *const *) b)->name);
}

static void
print_reserved_names(Printer *printer, ProtoSyntax syntax,
					 ProtoReservedName **names, int nnames)
{
	ProtoReservedName **sorted =
		engine_alloc(printer->engine,
					 sizeof(ProtoReservedName *) * ((size_t) nnames + 1));

	if (nnames == 0)
		return;
	memcpy(sorted, names, sizeof(ProtoReservedName *) * (size_t) nnames);
	qsort(sorted, (size_t) nnames, sizeof(ProtoReservedName *),
		  compare_reserved);
	for (int i = 0; i < nnames; i++)
	{
		text_print(&printer->text, "%sreserved ", indent(printer));
		if (syntax == PROTO_EDITION_2023)
			text_add_string(&printer->text, sorted[i]->name);
		else
			print_string(&printer->text, sorted[i]->name,
						 strlen(sorted[i]->name));
		text_add_string(&printer->text, ";\n");
	}
}

/* ---- enumerations ---- */

static void
print_enum_value(Printer *printer, const ProtoEnumValue *value)
{
	text_print(&printer->text, "%s%s = %lld", indent(printer),
			   value->base.name, (long long) value->number);
	print_bracketed(printer, &value->base);
	text_add_string(&printer->text, ";\n");
}

/* The first value stays the first, since it is the default. */
static void
print_enum(Printer *printer, const ProtoEnum *enumeration)
{
	int64_t		first = enumeration->values[0]->number;

	engine_tick(printer->engine);
	text_print(&printer->text, "%senum %s {\n", indent(printer),
			   enumeration->base.name);
	printer->depth++;
	print_option_lines(printer, &enumeration->base);
	for (int round = 0; round < 2; round++)
	{
		for (int i = 0; i < enumeration->nvalues; i++)
		{
			const ProtoEnumValue *value = enumeration->by_number[i];

			if ((value->number == first) == (round == 0))
				print_enum_value(printer, value);
		}
	}
	print_ranges(printer, "reserved", enumeration->reserved,
				 enumeration->nreserved, INT32_MAX);
	print_reserved_names(printer, enumeration->base.file->syntax,
						 enumeration->reserved_names,
						 enumeration->nreserved_names);
	printer->depth--;
	text_print(&printer->text, "%s}\n", indent(printer));
}

/* ---- messages ---- */

/* Fields by number, then oneofs by their first. */
static void
print_fields(Printer *printer, const ProtoMessage *message)
{
	EngineMap  *done = map_new(printer->engine);

	for (int i = 0; i < message->nfields; i++)
	{
		if (message->by_number[i]->oneof == NULL)
			print_field(printer, message->by_number[i]);
	}
	for (int i = 0; i < message->nfields; i++)
	{
		ProtoOneof *oneof = message->by_number[i]->oneof;

		if (oneof != NULL &&
			map_set(done, oneof->base.name, strlen(oneof->base.name), oneof) ==
				NULL)
			print_oneof(printer, oneof);
	}
}

static void
print_messages(Printer *printer, ProtoMessage **messages, int nmessages)
{
	for (int i = 0; i < nmessages; i++)
	{
		if (messages[i]->is_group)
			continue;			/* it stands with its field */
		text_print(&printer->text, "%smessage %s", indent(printer),
				   messages[i]->base.name);
		print_message_body(printer, messages[i]);
	}
}

static void
print_enums(Printer *printer, ProtoEnum **enums, int nenums)
{
	ProtoEnum **sorted = proto_by_name(printer->engine, enums, nenums);

	for (int i = 0; i < nenums; i++)
		print_enum(printer, sorted[i]);
}

static void
print_message_body(Printer *printer, const ProtoMessage *message)
{
	SchemaPlace place = proto_place(&message->base);
	bool is_set = proto_option_true(&message->base, "message_set_wire_format");
	int64_t		most = is_set ? INT32_MAX - 1 : PROTO_MOST_NUMBER;

	engine_tick(printer->engine);
	engine_down(printer->engine, &place);
	text_add_string(&printer->text, " {\n");
	printer->depth++;
	print_option_lines(printer, &message->base);
	print_fields(printer, message);
	print_ranges(printer, "extensions", message->ranges, message->nranges,
				 most);
	print_ranges(printer, "reserved", message->reserved, message->nreserved,
				 most);
	print_reserved_names(printer, message->base.file->syntax,
						 message->reserved_names, message->nreserved_names);
	print_enums(printer, message->enums, message->nenums);
	print_messages(printer, message->messages, message->nmessages);
	print_extensions(printer, message->extensions, message->nextensions);
	printer->depth--;
	text_print(&printer->text, "%s}\n", indent(printer));
	engine_up(printer->engine);
}

/* ---- services ---- */

static void
print_method(Printer *printer, const ProtoMethod *method)
{
	EngineText *text = &printer->text;
	size_t		before;

	text_print(text, "%srpc %s(%s.%s) returns (%s.%s) {\n", indent(printer),
			   method->base.name, method->client_streaming ? "stream " : "",
			   method->input->base.full,
			   method->server_streaming ? "stream " : "",
			   method->output->base.full);
	before = text->length;
	printer->depth++;
	print_option_lines(printer, &method->base);
	printer->depth--;
	if (text->length > before)
		text_print(text, "%s}\n", indent(printer));
	else
	{
		/* no options: no braces either */
		text->length -= 3;
		text->data[text->length] = '\0';
		text_add_string(text, ";\n");
	}
}

static void
print_services(Printer *printer, const ProtoFile *file)
{
	ProtoService **services =
		proto_by_name(printer->engine, file->services, file->nservices);

	for (int i = 0; i < file->nservices; i++)
	{
		ProtoMethod **methods =
			proto_by_name(printer->engine, services[i]->methods,
						  services[i]->nmethods);

		text_print(&printer->text, "service %s {\n", services[i]->base.name);
		printer->depth++;
		print_option_lines(printer, &services[i]->base);
		for (int j = 0; j < services[i]->nmethods; j++)
			print_method(printer, methods[j]);
		printer->depth--;
		text_add_string(&printer->text, "}\n");
	}
}

/* ---- the file ---- */

static int
compare_imports(const void *a, const void *b)
{
	return strcmp((*(ProtoImport *const *) a)->name,
				  (*(ProtoImport *const *) b)->name);
}

static void
print_imports(Printer *printer, const ProtoFile *file)
{
	ProtoImport **sorted =
		engine_alloc(printer->engine,
					 sizeof(ProtoImport *) * ((size_t) file->nimports + 1));

	if (file->nimports == 0)
		return;
	memcpy(sorted, file->imports,
		   sizeof(ProtoImport *) * (size_t) file->nimports);
	qsort(sorted, (size_t) file->nimports, sizeof(ProtoImport *),
		  compare_imports);
	for (int i = 0; i < file->nimports; i++)
	{
		text_add_string(&printer->text,
						sorted[i]->is_public   ? "import public " :
							sorted[i]->is_weak ? "import weak " :
												 "import ");
		print_string(&printer->text, sorted[i]->name, strlen(sorted[i]->name));
		text_add_string(&printer->text, ";\n");
	}
}

char *
proto_canonical(Engine *engine, const Schema *schema)
{
	static const char *const heads[] = {"syntax = \"proto2\";\n",
										"syntax = \"proto3\";\n",
										"edition = \"2023\";\n"};
	Printer		printer = {0};
	const ProtoFile *file = schema->root;

	printer.engine = engine;
	text_begin(&printer.text, engine);
	text_add_string(&printer.text, heads[file->syntax]);
	if (file->package != NULL)
		text_print(&printer.text, "package %s;\n", file->package);
	print_imports(&printer, file);
	print_option_lines(&printer, &file->base);
	print_messages(&printer, file->messages, file->nmessages);
	print_enums(&printer, file->enums, file->nenums);
	print_services(&printer, file);
	print_extensions(&printer, file->extensions, file->nextensions);
	return printer.text.data;
}
