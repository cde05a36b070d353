/*-------------------------------------------------------------------------
 *
 * diff_buf.c
 *		Differences as Buf's breaking rules see them, new against old.
 *
 * Each rule belongs to some of the categories WIRE, WIRE_JSON, PACKAGE and
 * FILE; the kind of a difference is the name of the rule.  Things are matched
 * by their qualified names, fields and values by number.  Entries of maps are
 * messages here, as they are for Buf.
 *
 * A schema is one file, so rules of files that vanish have no meaning; what
 * moved from the file into one that it imports counts for PACKAGE as there.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

#define WIRE BREAKS_WIRE
#define JSON BREAKS_WIRE_JSON
#define PACKAGE BREAKS_PACKAGE
#define FILE_ BREAKS_FILE
#define ALL (WIRE | JSON | PACKAGE | FILE_)
#define GENERATED (PACKAGE | FILE_)
#define NAMED (JSON | PACKAGE | FILE_)

typedef struct Buf
{
	Engine	   *engine;
	SchemaDifferences *differences;
	const Schema *old;
	const Schema *new;
} Buf;

/* A rule is broken by an element, which is the new one if there is one. */
static void
broken(Buf *buf, const char *rule, unsigned categories,
	   const ProtoElement *element, const char *message)
{
	difference_add(buf->engine, buf->differences, rule, categories,
				   proto_path(buf->engine, element), "%s", message);
}

/* The same with what it was and what it is. */
static void
changed(Buf *buf, const char *rule, unsigned categories,
		const ProtoElement *element, const char *what, const char *before,
		const char *after)
{
	difference_add(buf->engine, buf->differences, rule, categories,
				   proto_path(buf->engine, element), "%s changed: %s to %s",
				   what, before, after);
}

/* ---- fields: types ---- */

/* The name of a field's message or enumeration, else its scalar type. */
static const char *
type_name(const ProtoField *field)
{
	if (field->message != NULL)
		return field->message->base.full;
	if (field->enumeration != NULL)
		return field->enumeration->base.full;
	return proto_type_word(field->type);
}

static bool
same_type(const ProtoField *a, const ProtoField *b)
{
	return proto_wire_kind(a) == proto_wire_kind(b) &&
		strcmp(type_name(a), type_name(b)) == 0;
}

/* Types of one class are compatible on the wire; 0: only with themselves. */
static int
wire_class(ProtoType type)
{
	switch (type)
	{
		case PROTO_TYPE_INT32:
		case PROTO_TYPE_INT64:
		case PROTO_TYPE_UINT32:
		case PROTO_TYPE_UINT64:
		case PROTO_TYPE_BOOL:
			return 1;
		case PROTO_TYPE_SINT32:
		case PROTO_TYPE_SINT64:
			return 2;
		case PROTO_TYPE_FIXED32:
		case PROTO_TYPE_SFIXED32:
			return 3;
		case PROTO_TYPE_FIXED64:
		case PROTO_TYPE_SFIXED64:
			return 4;
		default:
			return 0;
	}
}

/* The same for JSON, where the width of integers shows. */
static int
json_class(ProtoType type)
{
	switch (type)
	{
		case PROTO_TYPE_INT32:
		case PROTO_TYPE_UINT32:
			return 1;
		case PROTO_TYPE_INT64:
		case PROTO_TYPE_UINT64:
			return 2;
		case PROTO_TYPE_FIXED32:
		case PROTO_TYPE_SFIXED32:
			return 3;
		case PROTO_TYPE_FIXED64:
		case PROTO_TYPE_SFIXED64:
			return 4;
		default:
			return 0;
	}
}

/* An enumeration may become another of its name that has all its values. */
static bool
enum_covers(const ProtoEnum *old, const ProtoEnum *new)
{
	int			j = 0;

	if (strcmp(old->base.name, new->base.name) != 0)
		return false;
	for (int i = 0; i < old->nvalues; i++)
	{
		while (j < new->nvalues &&new->by_number[j]->number <
			   old->by_number[i]->number)
			j++;
		if (j == new->nvalues ||
			new->by_number[j]->number != old->by_number[i]->number)
			return false;
	}
	return true;
}

static bool
types_agree(const ProtoField *a, const ProtoField *b, int class_a, int class_b)
{
	if (class_a != 0 && class_a == class_b)
		return true;
	if (a->enumeration != NULL && b->enumeration != NULL)
		return strcmp(type_name(a), type_name(b)) == 0 ||
			enum_covers(a->enumeration, b->enumeration);
	return same_type(a, b);
}

static void
compare_types(Buf *buf, const ProtoField *a, const ProtoField *b)
{
	const char *before = type_name(a);
	const char *after = type_name(b);
	bool widened = a->type == PROTO_TYPE_STRING && b->type == PROTO_TYPE_BYTES;

	if (!same_type(a, b))
		changed(buf, "FIELD_SAME_TYPE", GENERATED, &b->base, "type of field",
				before, after);
	if (!widened &&
		!types_agree(a, b, wire_class(a->type), wire_class(b->type)))
		changed(buf, "FIELD_WIRE_COMPATIBLE_TYPE", WIRE, &b->base,
				"encoding of field", before, after);
	if (!types_agree(a, b, json_class(a->type), json_class(b->type)))
		changed(buf, "FIELD_WIRE_JSON_COMPATIBLE_TYPE", JSON, &b->base,
				"encoding of field, or its JSON,", before, after);
}

/* ---- fields: cardinality ---- */

typedef enum Cardinality
{
	IMPLICIT,
	EXPLICIT,
	REQUIRED,
	REPEATED,
	MAP
} Cardinality;

static Cardinality
cardinality(const ProtoField *field)
{
	if (field->is_map)
		return MAP;
	if (field->label == PROTO_REPEATED)
		return REPEATED;
	if (proto_is_required(field))
		return REQUIRED;
	return proto_has_presence(field) ? EXPLICIT : IMPLICIT;
}

static void
compare_cardinalities(Buf *buf, const ProtoField *a, const ProtoField *b)
{
	static const char *const words[] = {"optional with implicit presence",
										"optional with explicit presence",
										"required", "repeated", "map"};
	static const int wire[] = {0, 0, 1, 2, 2};
	static const int json[] = {0, 0, 1, 2, 3};
	Cardinality x = cardinality(a);
	Cardinality y = cardinality(b);

	if (a->parent->is_map_entry || b->parent->is_map_entry)
		return;
	if (x != y)
		changed(buf, "FIELD_SAME_CARDINALITY", GENERATED, &b->base,
				"cardinality of field", words[x], words[y]);
	if (wire[x] != wire[y])
		changed(buf, "FIELD_WIRE_COMPATIBLE_CARDINALITY", WIRE, &b->base,
				"encoding of field", words[x], words[y]);
	if (json[x] != json[y])
		changed(buf, "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY", JSON, &b->base,
				"encoding of field, or its JSON,", words[x], words[y]);
}

/* ---- fields: defaults ---- */

static bool
has_default(const ProtoField *field)
{
	return field->label != PROTO_REPEATED && field->message == NULL;
}

/* The value that is read where none is set. */
static ProtoValue
default_of(const ProtoField *field)
{
	ProtoValue	value = {0};

	if (field->default_value != NULL)
		value = *field->default_value;
	else if (field->enumeration != NULL)
		value.integer = (uint64_t) field->enumeration->values[0]->number;
	return value;
}

static bool
is_text(const ProtoField *field)
{
	return field->type == PROTO_TYPE_STRING || field->type == PROTO_TYPE_BYTES;
}

static bool
is_float(const ProtoField *field)
{
	return field->type == PROTO_TYPE_FLOAT || field->type == PROTO_TYPE_DOUBLE;
}

static bool
is_unsigned(const ProtoField *field)
{
	return field->type == PROTO_TYPE_UINT64 ||
		field->type == PROTO_TYPE_FIXED64;
}

static double
as_number(const ProtoField *field, const ProtoValue *value)
{
	if (is_float(field))
		return value->number;
	return is_unsigned(field) ? (double) value->integer :
								(double) (int64_t) value->integer;
}

static bool
is_zero(const ProtoField *field, const ProtoValue *value)
{
	if (is_text(field))
		return value->length == 0;
	return is_float(field) ? value->number == 0 : value->integer == 0;
}

static bool
same_default(const ProtoField *a, const ProtoField *b)
{
	ProtoValue	x = default_of(a);
	ProtoValue	y = default_of(b);

	if (is_zero(a, &x) && is_zero(b, &y))
		return true;
	if (is_text(a) != is_text(b) ||
		(a->type == PROTO_TYPE_BOOL) != (b->type == PROTO_TYPE_BOOL))
		return false;
	if (is_text(a))
		return proto_same_value(a, &x, &y);
	if (!is_float(a) && !is_float(b))
		return x.integer == y.integer &&
			((int64_t) x.integer >= 0 || is_unsigned(a) == is_unsigned(b));
	return as_number(a, &x) == as_number(b, &y) ||
		(is_float(a) && is_float(b) && proto_same_value(a, &x, &y));
}

/* ---- fields: the rest ---- */

static const char *
oneof_name(const ProtoField *field)
{
	return field->oneof != NULL ? field->oneof->base.name : "none";
}

/* An option's number, 0 if it is not set. */
static uint64_t
option_number(const ProtoElement *element, const char *name)
{
	const ProtoValue *value = proto_option(element, name);

	return value != NULL ? value->integer : 0;
}

static bool
is_wide(const ProtoField *field)
{
	return field->type == PROTO_TYPE_INT64 || is_unsigned(field) ||
		field->type == PROTO_TYPE_SINT64 || field->type == PROTO_TYPE_SFIXED64;
}

/* Does Java check that a string is UTF-8? */
static bool
java_checks(const ProtoField *field)
{
	return field->base.features.utf8 == PROTO_UTF8_VERIFY ||
		proto_option_true(&field->base.file->base, "java_string_check_utf8");
}

/* What only code shows that was generated from the schema. */
static void
compare_generated(Buf *buf, const ProtoField *a, const ProtoField *b)
{
	bool strings =
		a->type == PROTO_TYPE_STRING && b->type == PROTO_TYPE_STRING;

	if (is_text(a) && is_text(b) &&
		option_number(&a->base, "ctype") != option_number(&b->base, "ctype"))
		broken(buf, "FIELD_SAME_CPP_STRING_TYPE", GENERATED, &b->base,
			   "option ctype of field changed");
	if (is_wide(a) && is_wide(b) &&
		option_number(&a->base, "jstype") != option_number(&b->base, "jstype"))
		broken(buf, "FIELD_SAME_JSTYPE", GENERATED, &b->base,
			   "option jstype of field changed");
	if (strings && a->base.features.utf8 != b->base.features.utf8)
		broken(buf, "FIELD_SAME_UTF8_VALIDATION", GENERATED, &b->base,
			   "validation of strings as UTF-8 changed");
	if (strings && java_checks(a) != java_checks(b))
		broken(buf, "FIELD_SAME_JAVA_UTF8_VALIDATION", GENERATED, &b->base,
			   "validation of strings as UTF-8 in Java changed");
}

static void
compare_fields(Buf *buf, const ProtoField *a, const ProtoField *b)
{
	engine_tick(buf->engine);
	compare_types(buf, a, b);
	compare_cardinalities(buf, a, b);
	if (has_default(a) && has_default(b) && !same_default(a, b))
		broken(buf, "FIELD_SAME_DEFAULT", ALL, &b->base,
			   "default of field changed");
	if (strcmp(a->base.name, b->base.name) != 0)
		changed(buf, "FIELD_SAME_NAME", NAMED, &b->base, "name of field",
				a->base.name, b->base.name);
	if (!a->extension && !b->extension &&
		strcmp(a->json_name, b->json_name) != 0)
		changed(buf, "FIELD_SAME_JSON_NAME", NAMED, &b->base,
				"JSON name of field", a->json_name, b->json_name);
	if (!proto_same_text(oneof_name(a), oneof_name(b)))
		changed(buf, "FIELD_SAME_ONEOF", ALL, &b->base, "oneof of field",
				oneof_name(a), oneof_name(b));
	compare_generated(buf, a, b);
}

/* ---- reserved numbers and names ---- */

/* Are all numbers of a range in some of others? */
static bool
is_covered(const ProtoRange *range, ProtoRange **ranges, int nranges)
{
	int64_t		next = range->first;
	bool		found = true;

	while (found && next <= range->last)
	{
		found = false;
		for (int i = 0; i < nranges && !found; i++)
		{
			if (ranges[i]->first <= next && ranges[i]->last >= next)
			{
				next = ranges[i]->last + 1;
				found = true;
			}
		}
	}
	return found;
}

static bool
is_reserved_number(int64_t number, ProtoRange **ranges, int nranges)
{
	ProtoRange	range = {0};

	range.first = number;
	range.last = number;
	return is_covered(&range, ranges, nranges);
}

static bool
is_reserved_name(const char *name, ProtoReservedName **names, int nnames)
{
	for (int i = 0; i < nnames; i++)
	{
		if (strcmp(names[i]->name, name) == 0)
			return true;
	}
	return false;
}

/* What of some reserved ranges and names is not reserved any more. */
typedef struct Reserved
{
	ProtoRange **ranges;
	int			nranges;
	ProtoReservedName **names;
	int			nnames;
} Reserved;

static void
compare_reserved(Buf *buf, const char *rule, const ProtoElement *element,
				 const Reserved *a, const Reserved *b)
{
	for (int i = 0; i < a->nranges; i++)
	{
		engine_tick(buf->engine);
		if (!is_covered(a->ranges[i], b->ranges, b->nranges))
			difference_add(buf->engine, buf->differences, rule, ALL,
						   proto_path(buf->engine, element),
						   "numbers %lld to %lld are not reserved any more",
						   (long long) a->ranges[i]->first,
						   (long long) a->ranges[i]->last);
	}
	for (int i = 0; i < a->nnames; i++)
	{
		engine_tick(buf->engine);
		if (!is_reserved_name(a->names[i]->name, b->names, b->nnames))
			difference_add(buf->engine, buf->differences, rule, ALL,
						   proto_path(buf->engine, element),
						   "name \"%s\" is not reserved any more",
						   a->names[i]->name);
	}
}

static Reserved
message_reserved(const ProtoMessage *message)
{
	Reserved	reserved;

	reserved.ranges = message->reserved;
	reserved.nranges = message->nreserved;
	reserved.names = message->reserved_names;
	reserved.nnames = message->nreserved_names;
	return reserved;
}

static Reserved
enum_reserved(const ProtoEnum *enumeration)
{
	Reserved	reserved;

	reserved.ranges = enumeration->reserved;
	reserved.nranges = enumeration->nreserved;
	reserved.names = enumeration->reserved_names;
	reserved.nnames = enumeration->nreserved_names;
	return reserved;
}

/* ---- enumerations ---- */

/* The end of the values that have the number of one. */
static int
end_of_number(const ProtoEnum *enumeration, int from)
{
	int			end = from;

	while (end < enumeration->nvalues &&
		   enumeration->by_number[end]->number ==
			   enumeration->by_number[from]->number)
		end++;
	return end;
}

/* All values of one number are gone. */
static void
value_deleted(Buf *buf, const ProtoEnum *old, int from, int end,
			  const ProtoEnum *new)
{
	const ProtoElement *value = &old->by_number[from]->base;
	bool		names_reserved = true;

	for (int i = from; i < end; i++)
		names_reserved = names_reserved &&
			is_reserved_name(old->by_number[i]->base.name, new->reserved_names,
							 new->nreserved_names);
	broken(buf, "ENUM_VALUE_NO_DELETE", GENERATED, value, "value was deleted");
	if (!is_reserved_number(old->by_number[from]->number, new->reserved,
							new->nreserved))
		broken(buf, "ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED", WIRE | JSON,
			   value, "value was deleted without reserving its number");
	if (!names_reserved)
		broken(buf, "ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED", JSON, value,
			   "value was deleted without reserving its name");
}

/* Each old name of a number is still there. */
static bool
names_kept(const ProtoEnum *old, int i, int old_end, const ProtoEnum *new,
		   int j, int new_end)
{
	for (; i < old_end; i++)
	{
		int			k = j;

		while (k < new_end &&
			   strcmp(new->by_number[k]->base.name,
					  old->by_number[i]->base.name) != 0)
			k++;
		if (k == new_end)
			return false;
	}
	return true;
}

static void
compare_values(Buf *buf, const ProtoEnum *old, const ProtoEnum *new)
{
	int			j = 0;

	for (int i = 0; i < old->nvalues;)
	{
		int			end = end_of_number(old, i);
		int64_t		number = old->by_number[i]->number;

		engine_tick(buf->engine);
		while (j < new->nvalues &&new->by_number[j]->number < number)
			j++;
		if (j == new->nvalues || new->by_number[j]->number != number)
			value_deleted(buf, old, i, end, new);
		else if (!names_kept(old, i, end, new, j, end_of_number(new, j)))
			changed(buf, "ENUM_VALUE_SAME_NAME", NAMED,
					&new->by_number[j]->base, "name of value",
					old->by_number[i]->base.name,
					new->by_number[j]->base.name);
		i = end;
	}
}

static void
compare_enums(Buf *buf, const ProtoEnum *old, const ProtoEnum *new)
{
	Reserved	a = enum_reserved(old);
	Reserved	b = enum_reserved(new);
	const ProtoFeatures *before = &old->base.features;
	const ProtoFeatures *after = &new->base.features;

	compare_values(buf, old, new);
	compare_reserved(buf, "RESERVED_ENUM_NO_DELETE", &new->base, &a, &b);
	if (before->json == PROTO_JSON_ALLOW && after->json != PROTO_JSON_ALLOW)
		broken(buf, "ENUM_SAME_JSON_FORMAT", NAMED, &new->base,
			   "JSON is not allowed any more");
	if (before->enum_type != after->enum_type)
		changed(buf, "ENUM_SAME_TYPE", GENERATED, &new->base, "enumeration",
				before->enum_type == PROTO_ENUM_OPEN ? "open" : "closed",
				after->enum_type == PROTO_ENUM_OPEN ? "open" : "closed");
}

/* ---- messages ---- */

static void
field_deleted(Buf *buf, const ProtoField *field, const ProtoMessage *new)
{
	broken(buf, "FIELD_NO_DELETE", GENERATED, &field->base,
		   "field was deleted");
	if (!is_reserved_number(field->number, new->reserved, new->nreserved))
		broken(buf, "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", WIRE | JSON,
			   &field->base, "field was deleted without reserving its number");
	if (!is_reserved_name(field->base.name, new->reserved_names,
						  new->nreserved_names))
		broken(buf, "FIELD_NO_DELETE_UNLESS_NAME_RESERVED", JSON, &field->base,
			   "field was deleted without reserving its name");
}

/* Required fields that come or go. */
static void
compare_required(Buf *buf, const ProtoMessage *a, const ProtoMessage *b,
				 const char *message)
{
	for (int i = 0; i < a->nfields; i++)
	{
		const ProtoField *other;

		if (!proto_is_required(a->fields[i]))
			continue;
		other = proto_field(b, a->fields[i]->number);
		if (other == NULL || !proto_is_required(other))
			broken(buf, "MESSAGE_SAME_REQUIRED_FIELDS", ALL,
				   &a->fields[i]->base, message);
	}
}

static void
compare_oneofs(Buf *buf, const ProtoMessage *old, const ProtoMessage *new)
{
	EngineMap  *names = map_new(buf->engine);

	for (int i = 0; i < new->noneofs; i++)
		map_set(names, new->oneofs[i]->base.name,
				strlen(new->oneofs[i]->base.name), new->oneofs[i]);
	for (int i = 0; i < old->noneofs; i++)
	{
		const ProtoElement *oneof = &old->oneofs[i]->base;

		if (map_get(names, oneof->name, strlen(oneof->name)) == NULL)
			broken(buf, "ONEOF_NO_DELETE", GENERATED, oneof,
				   "oneof was deleted");
	}
}

/* What is no field of a message. */
static void
compare_message_rest(Buf *buf, const ProtoMessage *old,
					 const ProtoMessage *new)
{
	Reserved	a = message_reserved(old);
	Reserved	b = message_reserved(new);
	const char *accessor = "no_standard_descriptor_accessor";

	compare_reserved(buf, "RESERVED_MESSAGE_NO_DELETE", &new->base, &a, &b);
	for (int i = 0; i < old->nranges; i++)
	{
		if (!is_covered(old->ranges[i], new->ranges, new->nranges))
			difference_add(buf->engine, buf->differences,
						   "EXTENSION_MESSAGE_NO_DELETE", GENERATED,
						   proto_path(buf->engine, &new->base),
						   "numbers %lld to %lld are no extensions' any more",
						   (long long) old->ranges[i]->first,
						   (long long) old->ranges[i]->last);
	}
	if (old->base.features.json == PROTO_JSON_ALLOW &&
		new->base.features.json != PROTO_JSON_ALLOW && !old->is_map_entry)
		broken(buf, "MESSAGE_SAME_JSON_FORMAT", NAMED, &new->base,
			   "JSON is not allowed any more");
	if (!proto_option_true(&old->base, accessor) &&
		proto_option_true(&new->base, accessor))
		broken(buf, "MESSAGE_NO_REMOVE_STANDARD_DESCRIPTOR_ACCESSOR",
			   GENERATED, &new->base,
			   "standard accessor of the descriptor is not there any more");
}

static void
compare_messages(Buf *buf, const ProtoMessage *old, const ProtoMessage *new)
{
	for (int i = 0; i < old->nfields; i++)
	{
		const ProtoField *field = old->by_number[i];
		const ProtoField *other = proto_field(new, field->number);

		if (other == NULL)
			field_deleted(buf, field, new);
		else
			compare_fields(buf, field, other);
	}
	compare_required(buf, old, new, "field is not required any more");
	compare_required(buf, new, old, "field is required now");
	compare_oneofs(buf, old, new);
	compare_message_rest(buf, old, new);
}

/* ---- what is there at all ---- */

/* The element of a name and kind in a schema; NULL: none. */
static ProtoElement *
find(const Schema *schema, const ProtoElement *element)
{
	ProtoElement *found =
		map_get(schema->symbols, element->full, strlen(element->full));

	return found != NULL && found->kind == element->kind ? found : NULL;
}

/*
 * Something of the old file: is it still there, in the file, or at least in
 * the package?  Returns what it is now, in the file or where it moved to.
 */
static ProtoElement *
still_there(Buf *buf, const ProtoElement *element, const char *file_rule,
			const char *package_rule, const char *what)
{
	ProtoElement *found = find(buf->new, element);
	bool		  same_package =
		proto_same_text(buf->old->root->package, buf->new->root->package);

	if (found == NULL || found->file != buf->new->root)
		difference_add(buf->engine, buf->differences, file_rule, FILE_,
					   proto_path(buf->engine, element),
					   "%s was deleted from the file", what);
	if (same_package &&
		(found == NULL ||
		 !proto_same_text(found->file->package, buf->old->root->package)))
		difference_add(buf->engine, buf->differences, package_rule, PACKAGE,
					   proto_path(buf->engine, element),
					   "%s was deleted from the package", what);
	return found;
}

static void
visit_enums(Buf *buf, ProtoEnum **enums, int nenums)
{
	for (int i = 0; i < nenums; i++)
	{
		ProtoElement *found =
			still_there(buf, &enums[i]->base, "ENUM_NO_DELETE",
						"PACKAGE_ENUM_NO_DELETE", "enumeration");

		if (found != NULL)
			compare_enums(buf, enums[i], (ProtoEnum *) found);
	}
}

/* The extension of what is extended by the same number. */
static const ProtoField *
same_extension(const Schema *schema, const ProtoField *field)
{
	const ProtoElement *parent = find(schema, &field->parent->base);

	if (parent == NULL)
		return NULL;
	return proto_extension(schema, (const ProtoMessage *) parent,
						   field->number);
}

static void
visit_extensions(Buf *buf, ProtoField **extensions, int nextensions)
{
	for (int i = 0; i < nextensions; i++)
	{
		const ProtoField *other = same_extension(buf->new, extensions[i]);

		if (still_there(buf, &extensions[i]->base, "EXTENSION_NO_DELETE",
						"PACKAGE_EXTENSION_NO_DELETE", "extension") == NULL &&
			other == NULL)
			continue;
		if (other != NULL)
			compare_fields(buf, extensions[i], other);
	}
}

static void
visit_message(void *context, ProtoMessage *message)
{
	Buf		   *buf = context;
	ProtoElement *found = still_there(buf, &message->base, "MESSAGE_NO_DELETE",
									  "PACKAGE_MESSAGE_NO_DELETE", "message");

	if (found != NULL)
		compare_messages(buf, message, (ProtoMessage *) found);
	visit_enums(buf, message->enums, message->nenums);
	visit_extensions(buf, message->extensions, message->nextensions);
}

/* ---- services ---- */

static void
compare_methods(Buf *buf, const ProtoMethod *a, const ProtoMethod *b)
{
	const ProtoElement *method = &b->base;

	if (strcmp(a->input->base.full, b->input->base.full) != 0)
		changed(buf, "RPC_SAME_REQUEST_TYPE", ALL, method, "request of method",
				a->input->base.full, b->input->base.full);
	if (strcmp(a->output->base.full, b->output->base.full) != 0)
		changed(buf, "RPC_SAME_RESPONSE_TYPE", ALL, method,
				"response of method", a->output->base.full,
				b->output->base.full);
	if (a->client_streaming != b->client_streaming)
		broken(buf, "RPC_SAME_CLIENT_STREAMING", ALL, method,
			   "streaming of the client changed");
	if (a->server_streaming != b->server_streaming)
		broken(buf, "RPC_SAME_SERVER_STREAMING", ALL, method,
			   "streaming of the server changed");
	if (option_number(&a->base, "idempotency_level") !=
		option_number(&b->base, "idempotency_level"))
		broken(buf, "RPC_SAME_IDEMPOTENCY_LEVEL", ALL, method,
			   "idempotency of the method changed");
}

static void
visit_service(Buf *buf, const ProtoService *service)
{
	ProtoElement *found = still_there(buf, &service->base, "SERVICE_NO_DELETE",
									  "PACKAGE_SERVICE_NO_DELETE", "service");

	for (int i = 0; i < service->nmethods && found != NULL; i++)
	{
		const ProtoMethod *method = service->methods[i];
		ProtoElement *other = find(buf->new, &method->base);

		if (other == NULL)
			broken(buf, "RPC_NO_DELETE", GENERATED, &method->base,
				   "method was deleted");
		else
			compare_methods(buf, method, (ProtoMethod *) other);
	}
}

/* ---- the file ---- */

static const struct
{
	const char *option;
	const char *rule;
} file_rules[] = {{"cc_enable_arenas", "FILE_SAME_CC_ENABLE_ARENAS"},
				  {"cc_generic_services", "FILE_SAME_CC_GENERIC_SERVICES"},
				  {"csharp_namespace", "FILE_SAME_CSHARP_NAMESPACE"},
				  {"go_package", "FILE_SAME_GO_PACKAGE"},
				  {"java_generic_services", "FILE_SAME_JAVA_GENERIC_SERVICES"},
				  {"java_multiple_files", "FILE_SAME_JAVA_MULTIPLE_FILES"},
				  {"java_outer_classname", "FILE_SAME_JAVA_OUTER_CLASSNAME"},
				  {"java_package", "FILE_SAME_JAVA_PACKAGE"},
				  {"objc_class_prefix", "FILE_SAME_OBJC_CLASS_PREFIX"},
				  {"optimize_for", "FILE_SAME_OPTIMIZE_FOR"},
				  {"php_class_prefix", "FILE_SAME_PHP_CLASS_PREFIX"},
				  {"php_metadata_namespace",
				   "FILE_SAME_PHP_METADATA_NAMESPACE"},
				  {"php_namespace", "FILE_SAME_PHP_NAMESPACE"},
				  {"py_generic_services", "FILE_SAME_PY_GENERIC_SERVICES"},
				  {"ruby_package", "FILE_SAME_RUBY_PACKAGE"},
				  {"swift_prefix", "FILE_SAME_SWIFT_PREFIX"}};

/* An option's value as text; "unset" if it is what it would be anyway. */
static const char *
option_text(Engine *engine, const ProtoElement *element, const char *name)
{
	EngineText	text;

	text_begin(&text, engine);
	for (const ProtoSet *set = element->tree != NULL ? element->tree->sets :
													   NULL;
		 set != NULL; set = set->next)
	{
		if (!set->field->extension &&
			strcmp(set->field->base.name, name) == 0 &&
			!proto_is_idle(element, set))
			proto_print_value(&text, set->field, set->first);
	}
	return text.length > 0 ? text.data : "unset";
}

static void
compare_files(Buf *buf)
{
	static const char *const syntaxes[] = {"proto2", "proto3", "edition 2023"};
	const ProtoFile *a = buf->old->root;
	const ProtoFile *b = buf->new->root;

	if (!proto_same_text(a->package, b->package))
	{
		const char *before = a->package != NULL ? a->package : "none";
		const char *after = b->package != NULL ? b->package : "none";

		changed(buf, "FILE_SAME_PACKAGE", ALL, &b->base, "package", before,
				after);
		if (a->package != NULL)
			changed(buf, "PACKAGE_NO_DELETE", PACKAGE, &a->base, "package",
					before, after);
	}
	if (a->syntax != b->syntax)
		changed(buf, "FILE_SAME_SYNTAX", GENERATED, &b->base, "syntax",
				syntaxes[a->syntax], syntaxes[b->syntax]);
	if (a->base.tree == NULL && b->base.tree == NULL)
		return;
	for (size_t i = 0; i < sizeof(file_rules) / sizeof(file_rules[0]); i++)
	{
		const char *option = file_rules[i].option;
		const char *before = option_text(buf->engine, &a->base, option);
		const char *after = option_text(buf->engine, &b->base, option);

		if (strcmp(before, after) != 0)
			changed(buf, file_rules[i].rule, GENERATED, &b->base, option,
					before, after);
	}
}

void
proto_diff_buf(Engine *engine, const Schema *old, const Schema *new,
			   SchemaDifferences *differences)
{
	const ProtoFile *file = old->root;
	Buf			buf;

	buf.engine = engine;
	buf.differences = differences;
	buf.old = old;
	buf.new = new;
	compare_files(&buf);
	proto_each_message((Schema *) old, file, visit_message, &buf);
	visit_enums(&buf, file->enums, file->nenums);
	visit_extensions(&buf, file->extensions, file->nextensions);
	for (int i = 0; i < file->nservices; i++)
		visit_service(&buf, file->services[i]);
}
