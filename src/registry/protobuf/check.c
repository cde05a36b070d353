/*-------------------------------------------------------------------------
 *
 * check.c
 *		What the language forbids though it can be written.
 *
 * The rules are protoc's.  Names are resolved and features known; built-in
 * files are taken as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <stdlib.h>
#include <string.h>

/* Numbers that the implementation keeps for itself. */
#define FIRST_OWN_NUMBER 19000
#define LAST_OWN_NUMBER 19999

/* ---- ranges ---- */

static int
compare_ranges(const void *a, const void *b)
{
	const ProtoRange *x = *(ProtoRange *const *) a;
	const ProtoRange *y = *(ProtoRange *const *) b;

	return (x->first > y->first) - (x->first < y->first);
}

/* A copy in the order of the numbers. */
static ProtoRange **
sorted_ranges(Engine *engine, ProtoRange **ranges, int nranges)
{
	ProtoRange **sorted =
		engine_alloc(engine, sizeof(ProtoRange *) * ((size_t) nranges + 1));

	if (nranges == 0)
		return sorted;
	memcpy(sorted, ranges, sizeof(ProtoRange *) * (size_t) nranges);
	qsort(sorted, (size_t) nranges, sizeof(ProtoRange *), compare_ranges);
	return sorted;
}

/* The place of a range; its owner's where it has none. */
static SchemaPlace
range_place(const ProtoElement *owner, const ProtoRange *range)
{
	SchemaPlace place = proto_place(owner);

	if (range->base.line > 0)
	{
		place.line = range->base.line;
		place.column = range->base.column;
	}
	return place;
}

static void
fail_overlap(Engine *engine, const ProtoElement *owner, const char *what,
			 const ProtoRange *a, const ProtoRange *b)
{
	SchemaPlace place = range_place(owner, b);

	engine_fail(engine, &place, "%s %lld to %lld and %lld to %lld overlap",
				what, (long long) a->first, (long long) a->last,
				(long long) b->first, (long long) b->last);
}

/* Ranges go upwards, within limits, and do not overlap; sorted. */
static void
check_ranges(Engine *engine, const ProtoElement *owner, const char *what,
			 ProtoRange **ranges, int nranges, int64_t least, int64_t most)
{
	for (int i = 0; i < nranges; i++)
	{
		SchemaPlace place = range_place(owner, ranges[i]);

		if (ranges[i]->first < least || ranges[i]->last > most)
			engine_fail(engine, &place, "%s are from %lld to %lld", what,
						(long long) least, (long long) most);
		if (ranges[i]->last < ranges[i]->first)
			engine_fail(engine, &place, "%s %lld to %lld go downwards", what,
						(long long) ranges[i]->first,
						(long long) ranges[i]->last);
		if (i > 0 && ranges[i]->first <= ranges[i - 1]->last)
			fail_overlap(engine, owner, what, ranges[i - 1], ranges[i]);
	}
}

/* Two sorted lists of ranges have no number in common. */
static void
check_disjoint(Engine *engine, const ProtoElement *owner, ProtoRange **a,
			   int na, ProtoRange **b, int nb)
{
	int			j = 0;

	for (int i = 0; i < na; i++)
	{
		while (j < nb && b[j]->last < a[i]->first)
			j++;
		if (j < nb && b[j]->first <= a[i]->last)
			fail_overlap(engine, owner, "extension numbers and reserved ones",
						 a[i], b[j]);
	}
}

/* The range of a sorted list that holds a number. */
static const ProtoRange *
find_range(ProtoRange **ranges, int nranges, int64_t number)
{
	int			low = 0;
	int			high = nranges;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (ranges[middle]->last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nranges && ranges[low]->first <= number ? ranges[low] : NULL;
}

/* ---- reserved names ---- */

/* The reserved names as a map; one that is there twice is refused. */
static EngineMap *
map_reserved_names(Engine *engine, const ProtoElement *owner,
				   ProtoReservedName **names, int nnames)
{
	EngineMap  *map = map_new(engine);

	for (int i = 0; i < nnames; i++)
	{
		SchemaPlace place = proto_place(owner);

		place.line = names[i]->line;
		place.column = names[i]->column;
		if (owner->file->syntax == PROTO_EDITION_2023 &&
			!proto_is_identifier(names[i]->name))
			engine_fail(engine, &place, "reserved name is no name");
		if (map_set(map, names[i]->name, strlen(names[i]->name), names[i]) !=
			NULL)
			engine_fail(engine, &place, "name \"%s\" is reserved twice",
						names[i]->name);
	}
	return map;
}

static void
check_reserved_name(Engine *engine, const EngineMap *names,
					const ProtoElement *element)
{
	SchemaPlace place = proto_place(element);

	if (map_get(names, element->name, strlen(element->name)) != NULL)
		engine_fail(engine, &place, "name \"%s\" is reserved", element->name);
}

/* ---- enumerations ---- */

/* One number twice needs allow_alias, and that needs one number twice. */
static void
check_aliases(Engine *engine, const ProtoEnum *enumeration)
{
	const ProtoValue *allow = proto_option(&enumeration->base, "allow_alias");
	SchemaPlace place = proto_place(&enumeration->base);
	const ProtoEnumValue *twice = NULL;
	const ProtoEnumValue *first = NULL;

	for (int i = 1; i < enumeration->nvalues && twice == NULL; i++)
	{
		first = enumeration->by_number[i - 1];
		if (first->number == enumeration->by_number[i]->number)
			twice = enumeration->by_number[i];
	}
	if (allow != NULL && allow->integer == 0 &&
		!enumeration->base.file->from_wire)
		engine_fail(engine, &place,
					"allow_alias is false, which says nothing");
	if (allow != NULL && allow->integer != 0 && twice == NULL &&
		!enumeration->base.file->from_wire)
		engine_fail(engine, &place,
					"allow_alias is set, but no two values have one number");
	if (twice == NULL || (allow != NULL && allow->integer != 0))
		return;
	place = proto_place(&twice->base);
	engine_fail(engine, &place,
				"\"%s\" has number %lld as \"%s\" has, without allow_alias",
				twice->base.name, (long long) twice->number, first->base.name);
}

static void
check_enum(Schema *schema, ProtoEnum *enumeration)
{
	Engine	   *engine = schema->engine;
	SchemaPlace place = proto_place(&enumeration->base);
	ProtoRange **reserved =
		sorted_ranges(engine, enumeration->reserved, enumeration->nreserved);
	EngineMap  *names;

	if (enumeration->nvalues == 0)
		engine_fail(engine, &place, "enumeration has no values");
	check_ranges(engine, &enumeration->base, "reserved numbers", reserved,
				 enumeration->nreserved, INT32_MIN, INT32_MAX);
	names = map_reserved_names(engine, &enumeration->base,
							   enumeration->reserved_names,
							   enumeration->nreserved_names);
	for (int i = 0; i < enumeration->nvalues; i++)
	{
		const ProtoEnumValue *value = enumeration->values[i];

		engine_tick(engine);
		place = proto_place(&value->base);
		check_reserved_name(engine, names, &value->base);
		if (find_range(reserved, enumeration->nreserved, value->number))
			engine_fail(engine, &place, "number %lld is reserved",
						(long long) value->number);
	}
	check_aliases(engine, enumeration);
	place = proto_place(&enumeration->values[0]->base);
	if (enumeration->base.features.enum_type == PROTO_ENUM_OPEN &&
		enumeration->values[0]->number != 0)
		engine_fail(engine, &place,
					"first value of an open enumeration is not zero");
	proto_check_enum_names(schema, enumeration);
}

/* ---- fields ---- */

static SchemaPlace
number_place(const ProtoField *field)
{
	SchemaPlace place = proto_place(&field->base);

	if (field->number_line > 0)
	{
		place.line = field->number_line;
		place.column = field->number_column;
	}
	return place;
}

/* Is a field's number one that a field can have? */
static void
check_number(Engine *engine, const ProtoField *field)
{
	SchemaPlace place = number_place(field);
	int64_t		most = PROTO_MOST_NUMBER;

	/* message sets identify extensions by any number */
	if (field->extension &&
		proto_option_true(&field->parent->base, "message_set_wire_format"))
		most = INT32_MAX;
	if (field->number < 1)
		engine_fail(engine, &place, "number of a field is not positive");
	if (field->number > most)
		engine_fail(engine, &place, "number of a field is above %lld",
					(long long) most);
	if (field->number >= FIRST_OWN_NUMBER && field->number <= LAST_OWN_NUMBER)
		engine_fail(engine, &place,
					"numbers from %d to %d are reserved for the "
					"implementation",
					FIRST_OWN_NUMBER, LAST_OWN_NUMBER);
}

/* Options that suit some types only. */
static void
check_field_options(Engine *engine, const ProtoField *field)
{
	SchemaPlace place = proto_place(&field->base);
	const ProtoValue *jstype = proto_option(&field->base, "jstype");
	bool		is_wide = field->type == PROTO_TYPE_INT64 ||
		field->type == PROTO_TYPE_UINT64 || field->type == PROTO_TYPE_SINT64 ||
		field->type == PROTO_TYPE_FIXED64 ||
		field->type == PROTO_TYPE_SFIXED64;

	if (proto_option_true(&field->base, "packed") &&
		(field->label != PROTO_REPEATED || !proto_is_packable(field->type)))
		engine_fail(engine, &place,
					"packed is for repeated fields of numbers only");
	if ((proto_option_true(&field->base, "lazy") ||
		 proto_option_true(&field->base, "unverified_lazy")) &&
		(field->type != PROTO_TYPE_MESSAGE || field->is_map))
		engine_fail(engine, &place, "lazy is for messages only");
	if (jstype != NULL && jstype->integer != 0 && !is_wide)
		engine_fail(engine, &place, "jstype is for 64-bit integers only");
	if (field->json_name_given && field->json_name[0] == '[' &&
		field->json_name[strlen(field->json_name) - 1] == ']')
		engine_fail(engine, &place, "json_name stands in brackets");
}

/* What proto3 and editions forbid about a field. */
static void
check_field_language(Engine *engine, const ProtoField *field)
{
	SchemaPlace place = proto_place(&field->base);
	ProtoSyntax syntax = field->base.file->syntax;

	if (field->default_value != NULL && syntax == PROTO_3)
		engine_fail(engine, &place, "proto3 has no defaults");
	if (field->default_value != NULL && !proto_has_presence(field))
		engine_fail(engine, &place,
					"field of implicit presence has a default");
	if (syntax == PROTO_3 && field->label == PROTO_REQUIRED)
		engine_fail(engine, &place, "proto3 has no required fields");
	if (syntax == PROTO_EDITION_2023 && field->label == PROTO_REQUIRED)
		engine_fail(engine, &place, "editions have no label \"required\"");
	if (field->enumeration == NULL || proto_has_presence(field) ||
		field->label == PROTO_REPEATED)
	{
		if (field->enumeration == NULL || syntax != PROTO_3 ||
			field->enumeration->base.features.enum_type == PROTO_ENUM_OPEN)
			return;
	}
	if (field->enumeration->base.features.enum_type == PROTO_ENUM_CLOSED)
		engine_fail(engine, &place,
					"enumeration \"%s\" is closed, but used where it must be "
					"open",
					field->enumeration->base.full);
}

/* The value of a feature that an element sets itself, 0 if it does not. */
static uint64_t
own_feature(const ProtoElement *element, const char *name)
{
	const ProtoValue *value = proto_option(element, "features");

	if (value == NULL || value->tree == NULL)
		return 0;
	for (const ProtoSet *set = value->tree->sets; set != NULL; set = set->next)
	{
		if (!set->field->extension && strcmp(set->field->base.name, name) == 0)
			return set->first->integer;
	}
	return 0;
}

static bool
sets_feature(const ProtoElement *element, const char *name)
{
	return own_feature(element, name) != 0;
}

/* Features of a field must suit it. */
static void
check_field_features(Engine *engine, const ProtoField *field)
{
	SchemaPlace place = proto_place(&field->base);
	const ProtoElement *base = &field->base;
	bool		has_string = field->type == PROTO_TYPE_STRING;

	if (base->file->syntax != PROTO_EDITION_2023)
		return;
	if (field->is_map)
		has_string = field->message->fields[0]->type == PROTO_TYPE_STRING ||
			field->message->fields[1]->type == PROTO_TYPE_STRING;
	if (sets_feature(base, "field_presence") &&
		(field->label == PROTO_REPEATED || field->oneof != NULL ||
		 field->extension))
		engine_fail(engine, &place,
					"field_presence is not for repeated fields, oneofs and "
					"extensions");
	if (field->message != NULL &&
		own_feature(base, "field_presence") == PROTO_PRESENCE_IMPLICIT)
		engine_fail(engine, &place, "messages have no implicit presence");
	if (sets_feature(base, "repeated_field_encoding") &&
		(field->label != PROTO_REPEATED || field->is_map ||
		 (base->features.repeated == PROTO_REPEATED_PACKED &&
		  !proto_is_packable(field->type))))
		engine_fail(engine, &place,
					"repeated_field_encoding does not suit the field");
	if (sets_feature(base, "utf8_validation") && !has_string)
		engine_fail(engine, &place, "utf8_validation is for strings only");
	if (sets_feature(base, "message_encoding") &&
		(field->type != PROTO_TYPE_MESSAGE || field->is_map))
		engine_fail(engine, &place, "message_encoding is for messages only");
	if (proto_option(base, "packed") != NULL)
		engine_fail(engine, &place,
					"editions have no option packed, but the feature "
					"repeated_field_encoding");
}

static void
check_field(Engine *engine, const ProtoField *field)
{
	engine_tick(engine);
	check_number(engine, field);
	check_field_options(engine, field);
	check_field_language(engine, field);
	check_field_features(engine, field);
}

/* ---- extensions ---- */

/* May proto3 extend it? */
static bool
is_options_message(const ProtoMessage *message)
{
	static const char *const names[] = {"File",			 "Message",
										"Field",		 "Oneof",
										"Enum",			 "EnumValue",
										"Service",		 "Method",
										"ExtensionRange"};
	const char *full = message->base.full;

	if (strncmp(full, "google.protobuf.", 16) != 0)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		size_t		length = strlen(names[i]);

		if (strncmp(full + 16, names[i], length) == 0 &&
			strcmp(full + 16 + length, "Options") == 0)
			return true;
	}
	return strcmp(full + 16, "StreamOptions") == 0;
}

/* Is the number in a range of what is extended? */
static bool
is_declared(const ProtoField *field)
{
	for (int i = 0; i < field->parent->nranges; i++)
	{
		if (field->number >= field->parent->ranges[i]->first &&
			field->number <= field->parent->ranges[i]->last)
			return true;
	}
	return false;
}

static void
check_extension(Engine *engine, const ProtoField *field)
{
	SchemaPlace place = proto_place(&field->base);

	check_field(engine, field);
	if (field->label == PROTO_REQUIRED)
		engine_fail(engine, &place, "extension is required");
	if (field->json_name_given)
		engine_fail(engine, &place, "extension has a json_name");
	if (field->base.file->syntax == PROTO_3 &&
		!is_options_message(field->parent))
		engine_fail(engine, &place,
					"proto3 has no extensions but those of options");
	if (proto_option_true(&field->parent->base, "message_set_wire_format") &&
		(field->label != PROTO_OPTIONAL || field->type != PROTO_TYPE_MESSAGE))
		engine_fail(engine, &place,
					"extension of a message set is no optional message");
	place = number_place(field);
	if (!is_declared(field))
		engine_fail(engine, &place,
					"\"%s\" has no extension range with number %lld",
					field->parent->base.full, (long long) field->number);
}

/* ---- messages ---- */

/* Numbers of fields are all different. */
static void
check_numbers(Engine *engine, const ProtoMessage *message)
{
	for (int i = 1; i < message->nfields; i++)
	{
		const ProtoField *a = message->by_number[i - 1];
		const ProtoField *b = message->by_number[i];
		SchemaPlace place;

		if (a->number != b->number)
			continue;
		/* the one that stands below is the one too many */
		if (a->base.line > b->base.line)
		{
			const ProtoField *swap = a;

			a = b;
			b = swap;
		}
		place = number_place(b);
		engine_fail(engine, &place, "number %lld is used by \"%s\" already",
					(long long) b->number, a->base.name);
	}
}

/* No field has a number that is kept for extensions or for nobody. */
static void
check_kept_numbers(Engine *engine, const ProtoMessage *message,
				   ProtoRange **ranges, ProtoRange **reserved)
{
	EngineMap *names =
		map_reserved_names(engine, &message->base, message->reserved_names,
						   message->nreserved_names);

	for (int i = 0; i < message->nfields; i++)
	{
		const ProtoField *field = message->fields[i];
		SchemaPlace place = number_place(field);

		if (find_range(ranges, message->nranges, field->number) != NULL)
			engine_fail(engine, &place,
						"number %lld is in a range of extensions",
						(long long) field->number);
		if (find_range(reserved, message->nreserved, field->number) != NULL)
			engine_fail(engine, &place, "number %lld is reserved",
						(long long) field->number);
		check_reserved_name(engine, names, &field->base);
	}
}

static void
check_message_ranges(Engine *engine, const ProtoMessage *message)
{
	ProtoRange **ranges =
		sorted_ranges(engine, message->ranges, message->nranges);
	ProtoRange **reserved =
		sorted_ranges(engine, message->reserved, message->nreserved);
	bool is_set = proto_option_true(&message->base, "message_set_wire_format");
	SchemaPlace place = proto_place(&message->base);

	if (message->nranges > 0 && message->base.file->syntax == PROTO_3)
		engine_fail(engine, &place, "proto3 has no extension ranges");
	check_ranges(engine, &message->base, "extension numbers", ranges,
				 message->nranges, 1,
				 is_set ? INT32_MAX - 1 : PROTO_MOST_NUMBER);
	check_ranges(engine, &message->base, "reserved numbers", reserved,
				 message->nreserved, 1,
				 is_set ? INT32_MAX - 1 : PROTO_MOST_NUMBER);
	check_disjoint(engine, &message->base, ranges, message->nranges, reserved,
				   message->nreserved);
	check_kept_numbers(engine, message, ranges, reserved);
}

/* A map's value that is an enumeration has a zero to begin with. */
static void
check_map(Engine *engine, const ProtoField *field)
{
	const ProtoField *key;
	const ProtoField *value;
	SchemaPlace place = proto_place(&field->base);

	if (!field->is_map)
		return;
	key = field->message->fields[0];
	value = field->message->fields[1];
	if (key->type == PROTO_TYPE_DOUBLE || key->type == PROTO_TYPE_FLOAT ||
		key->type == PROTO_TYPE_BYTES || key->message != NULL ||
		key->enumeration != NULL)
		engine_fail(engine, &place,
					"key of a map is no integer, boolean or string");
	if (value->enumeration != NULL && value->enumeration->nvalues > 0 &&
		value->enumeration->values[0]->number != 0)
		engine_fail(engine, &place,
					"enumeration of a map's value does not begin with zero");
	if (field->base.file->syntax == PROTO_3)
		check_field_language(engine, value);
}

static void
check_message(void *context, ProtoMessage *message)
{
	Schema	   *schema = context;
	Engine	   *engine = schema->engine;
	SchemaPlace place = proto_place(&message->base);

	if (message->is_map_entry)
		return;
	if (proto_option(&message->base, "map_entry") != NULL)
		engine_fail(engine, &place, "map_entry is set where no map is");
	if (proto_option_true(&message->base, "message_set_wire_format"))
	{
		if (message->nfields > 0)
			engine_fail(engine, &place, "message set has fields");
		if (message->base.file->syntax == PROTO_3)
			engine_fail(engine, &place, "proto3 has no message sets");
	}
	for (int i = 0; i < message->nfields; i++)
	{
		check_field(engine, message->fields[i]);
		check_map(engine, message->fields[i]);
	}
	for (int i = 0; i < message->nextensions; i++)
		check_extension(engine, message->extensions[i]);
	for (int i = 0; i < message->noneofs; i++)
	{
		place = proto_place(&message->oneofs[i]->base);
		if (message->oneofs[i]->nfields == 0)
			engine_fail(engine, &place, "oneof has no field");
	}
	check_numbers(engine, message);
	check_message_ranges(engine, message);
	for (int i = 0; i < message->nenums; i++)
		check_enum(schema, message->enums[i]);
	proto_check_json_names(schema, message);
}

static bool
is_lite(const ProtoFile *file)
{
	const ProtoValue *value = proto_option(&file->base, "optimize_for");

	return value != NULL && value->integer == 3;
}

static void
check_file(Schema *schema, ProtoFile *file)
{
	SchemaPlace place = proto_place(&file->base);

	for (int i = 0; i < file->nimports; i++)
	{
		if (!is_lite(file) && is_lite(file->imports[i]->file))
			engine_fail(schema->engine, &place,
						"import \"%s\" is for the lite runtime, the file is "
						"not",
						file->imports[i]->name);
	}
	if (file->syntax == PROTO_EDITION_2023 &&
		proto_option(&file->base, "java_string_check_utf8") != NULL)
		engine_fail(schema->engine, &place,
					"editions have no option java_string_check_utf8");
	if (sets_feature(&file->base, "field_presence") &&
		file->base.features.presence == PROTO_PRESENCE_REQUIRED)
		engine_fail(schema->engine, &place,
					"required fields cannot be the rule of a file");
	proto_each_message(schema, file, check_message, schema);
	for (int i = 0; i < file->nenums; i++)
		check_enum(schema, file->enums[i]);
	for (int i = 0; i < file->nextensions; i++)
		check_extension(schema->engine, file->extensions[i]);
}

void
proto_check(Schema *schema)
{
	for (int i = 0; i < schema->nfiles; i++)
	{
		if (!schema->files[i]->built_in)
			check_file(schema, schema->files[i]);
	}
}
