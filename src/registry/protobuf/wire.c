/*-------------------------------------------------------------------------
 *
 * wire.c
 *		Serialised descriptors, in base64, to the tree of what they declare.
 *
 * A FileDescriptorProto says the same as the .proto text that protoc made it
 * of, in other words: maps and groups are messages, optional fields of proto3
 * are in oneofs of their own.  Here they become again what was written.
 *
 * Every read is checked against the end of its bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

/* ---- base64 ---- */

static int
base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c == '\0' ? NULL : strchr(digits, c);

	if (found == NULL)
		return c == '-' ? 62 : c == '_' ? 63 : -1;
	return (int) (found - digits);
}

/*
 * Is it all base64, maybe on several lines?  No .proto text that declares
 * anything is: that has semicolons or braces.  What begins like a comment
 * would be no descriptor.
 */
bool
proto_is_base64(const char *text, size_t length)
{
	size_t		digits = 0;

	for (size_t i = 0; i < length; i++)
	{
		if (base64_digit(text[i]) >= 0)
			digits++;
		else if (text[i] != '\n' && text[i] != '\r' && text[i] != '=')
			return false;
	}
	return digits >= 2 && !(text[0] == '/' && text[1] == '/');
}

static unsigned char *
decode_base64(Engine *engine, const char *text, size_t length, size_t *decoded)
{
	unsigned char *bytes = engine_alloc(engine, length / 4 * 3 + 4);
	unsigned	bits = 0;
	int			nbits = 0;

	*decoded = 0;
	for (size_t i = 0; i < length && text[i] != '='; i++)
	{
		int			digit = base64_digit(text[i]);

		if (digit < 0)
			continue;
		bits = (bits << 6 | (unsigned) digit) & 0xFFFFFF;
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			bytes[(*decoded)++] = (unsigned char) (bits >> nbits);
		}
	}
	return bytes;
}

/* ---- the wire format ---- */

static void
broken(WireReader *reader)
{
	engine_fail(reader->engine, reader->place,
				"serialised descriptor is broken");
}

static uint64_t
read_varint(WireReader *reader)
{
	uint64_t	value = 0;

	for (int shift = 0; shift < 70; shift += 7)
	{
		unsigned char byte;

		if (reader->at >= reader->end)
			broken(reader);
		byte = *reader->at++;
		value |= (uint64_t) (byte & 0x7F) << (shift > 63 ? 63 : shift);
		if ((byte & 0x80) == 0)
			return value;
	}
	broken(reader);
	return 0;
}

/* A little-endian number of so many bytes. */
static uint64_t
read_fixed(WireReader *reader, int bytes)
{
	uint64_t	value = 0;

	if (reader->end - reader->at < bytes)
		broken(reader);
	for (int i = 0; i < bytes; i++)
		value |= (uint64_t) *reader->at++ << (8 * i);
	return value;
}

uint64_t
wire_scalar(WireReader *reader, int type)
{
	if (type == 0)
		return read_varint(reader);
	return read_fixed(reader, type == 1 ? 8 : 4);
}

/* Over a group, up to its end; its inside is the field's bytes. */
static void
read_group(WireReader *reader, WireField *field)
{
	uint64_t	number = field->number;
	WireField	inner;

	field->data = reader->at;
	engine_down(reader->engine, reader->place);
	for (;;)
	{
		const unsigned char *before = reader->at;

		if (!wire_next(reader, &inner))
			broken(reader);
		if (inner.type != 4)
			continue;
		if (inner.number != number)
			broken(reader);
		field->length = (size_t) (before - field->data);
		break;
	}
	engine_up(reader->engine);
}

/* The next field; false at the end. */
bool
wire_next(WireReader *reader, WireField *field)
{
	uint64_t	tag;

	if (reader->at >= reader->end)
		return false;
	engine_tick(reader->engine);
	tag = read_varint(reader);
	memset(field, 0, sizeof(WireField));
	field->number = tag >> 3;
	field->type = (int) (tag & 7);
	if (field->number == 0 || field->number > PROTO_MOST_NUMBER)
		broken(reader);
	switch (field->type)
	{
		case 0:
		case 1:
		case 5:
			field->value = wire_scalar(reader, field->type);
			break;
		case 2:
			field->value = read_varint(reader);
			if (field->value > (uint64_t) (reader->end - reader->at))
				broken(reader);
			field->data = reader->at;
			field->length = (size_t) field->value;
			reader->at += field->length;
			break;
		case 3:
			read_group(reader, field);
			break;
		case 4:
			break;				/* a group's end, see above */
		default:
			broken(reader);
	}
	return true;
}

/* ---- descriptors ---- */

typedef struct Decoder
{
	Schema	   *schema;
	Engine	   *engine;
	ProtoFile  *file;
	SchemaPlace place;		/* the innermost thing that has a name */
} Decoder;

static void decode_message(Decoder *decoder, ProtoMessage *up,
						   const WireField *wire);

/* Walk over the fields of what a field holds. */
static WireReader
inside(Decoder *decoder, const WireField *field)
{
	WireReader	reader = {0};

	reader.engine = decoder->engine;
	reader.place = &decoder->place;
	if (field->type != 2)
		broken(&reader);
	reader.at = field->data;
	reader.end = field->data + field->length;
	return reader;
}

/* The next field; a group's end has no place here. */
static bool
next_field(WireReader *reader, WireField *field)
{
	if (!wire_next(reader, field))
		return false;
	if (field->type == 4)
		broken(reader);
	return true;
}

static const char *
wire_text(Decoder *decoder, const WireField *field)
{
	if (field->type != 2 || memchr(field->data, '\0', field->length) != NULL)
		engine_fail(decoder->engine, &decoder->place,
					"serialised descriptor holds a text that is none");
	return engine_copy(decoder->engine, (const char *) field->data,
					   field->length);
}

static int64_t
wire_int32(const WireField *field)
{
	return (int32_t) (uint32_t) field->value;
}

/* Is it a name, or with dots some names? */
static bool
is_name(const char *name, bool dots)
{
	for (;;)
	{
		size_t length = strspn(name,
							   "abcdefghijklmnopqrstuvwxyz"
							   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

		if (length == 0 || (*name >= '0' && *name <= '9'))
			return false;
		name += length;
		if (*name == '\0')
			return true;
		if (*name++ != '.' || !dots)
			return false;
	}
}

static const char *
wire_name(Decoder *decoder, const WireField *field, bool dots)
{
	const char *name = wire_text(decoder, field);

	if (!is_name(name, dots))
		engine_fail(decoder->engine, &decoder->place, "\"%s\" is not a name",
					name);
	return name;
}

/* The name of a type, maybe with a leading dot. */
static const char *
wire_type_name(Decoder *decoder, const WireField *field)
{
	const char *name = wire_text(decoder, field);

	if (!is_name(name[0] == '.' ? name + 1 : name, true))
		engine_fail(decoder->engine, &decoder->place,
					"\"%s\" is not the name of a type", name);
	return name;
}

/* Fill in an element: its name is field 1 everywhere. */
static void
decode_element(Decoder *decoder, ProtoElement *element, ProtoKind kind,
			   const char *scope, const WireField *wire, uint64_t options)
{
	WireReader	reader = inside(decoder, wire);
	WireField	field;
	const char *name = NULL;

	while (next_field(&reader, &field))
	{
		if (field.number == 1)
			name = wire_name(decoder, &field, false);
		else if (field.number == options && field.type == 2)
		{
			element->options_wire = field.data;
			element->options_wire_length = field.length;
			decoder->schema->has_options = true;
		}
	}
	if (name == NULL)
		engine_fail(decoder->engine, &decoder->place,
					"serialised descriptor lacks a name");
	proto_name(decoder->schema, element, kind, decoder->file, scope, name);
	decoder->place = proto_place(element);
}

/* ---- fields ---- */

/* What a field's descriptor says beside what becomes of the field. */
typedef struct FieldExtra
{
	int64_t		oneof;		/* index, -1: none */
	bool		optional;	/* proto3_optional */
} FieldExtra;

static void
decode_field_part(Decoder *decoder, ProtoField *field, FieldExtra *extra,
				  const WireField *wire)
{
	switch (wire->number)
	{
		case 2:
			field->extendee = wire_type_name(decoder, wire);
			break;
		case 3:
			field->number = wire_int32(wire);
			break;
		case 4:
			field->label = wire->value >= PROTO_OPTIONAL &&
					wire->value <= PROTO_REPEATED ?
				(ProtoLabel) wire->value :
				PROTO_NO_LABEL;
			break;
		case 5:
			if (wire->value < 1 || wire->value > PROTO_TYPE_SINT64)
				engine_fail(decoder->engine, &decoder->place,
							"field has no type");
			field->type = (ProtoType) wire->value;
			break;
		case 6:
			field->type_name = wire_type_name(decoder, wire);
			break;
		case 7:
			field->default_text = wire_text(decoder, wire);
			break;
		case 9:
			extra->oneof = wire_int32(wire);
			break;
		case 10:
			field->json_name = wire_text(decoder, wire);
			break;
		case 17:
			extra->optional = wire->value != 0;
			break;
		default:
			break;
	}
}

/* Does the type ask for a name, and is it there? */
static void
check_type_name(Decoder *decoder, const ProtoField *field)
{
	bool		named = field->type == PROTO_TYPE_NAMED ||
		field->type == PROTO_TYPE_MESSAGE || field->type == PROTO_TYPE_GROUP ||
		field->type == PROTO_TYPE_ENUM;

	if (named != (field->type_name != NULL))
		engine_fail(decoder->engine, &decoder->place,
					named ? "field has no type" :
							"field of a scalar type names a type");
}

static ProtoField *
decode_field(Decoder *decoder, const char *scope, const WireField *wire,
			 FieldExtra *extra)
{
	ProtoField *field = engine_alloc(decoder->engine, sizeof(ProtoField));
	WireReader	reader = inside(decoder, wire);
	WireField	part;
	const char *json;

	extra->oneof = -1;
	extra->optional = false;
	decode_element(decoder, &field->base, PROTO_FIELD, scope, wire, 8);
	while (next_field(&reader, &part))
		decode_field_part(decoder, field, extra, &part);
	check_type_name(decoder, field);
	json = proto_json_name(decoder->engine, field->base.name);
	if (field->json_name == NULL)
		field->json_name = json;
	field->json_name_given = strcmp(json, field->json_name) != 0;
	return field;
}

/* Messages by their qualified names. */
static EngineMap *
map_messages(Engine *engine, ProtoMessage **messages, int nmessages)
{
	EngineMap  *map = map_new(engine);

	for (int i = 0; i < nmessages; i++)
		map_set(map, messages[i]->base.full, strlen(messages[i]->base.full),
				messages[i]);
	return map;
}

/* The message among some that a field names; NULL: none of them. */
static ProtoMessage *
named_message(const EngineMap *messages, const ProtoField *field)
{
	const char *name = field->type_name;

	if (name == NULL || name[0] != '.')
		return NULL;
	return map_get(messages, name + 1, strlen(name + 1));
}

/* A group's message is declared beside its field, for it alone. */
static void
make_group(Decoder *decoder, ProtoField *field, const EngineMap *messages)
{
	ProtoMessage *message;

	if (field->type != PROTO_TYPE_GROUP)
		return;
	message = named_message(messages, field);
	decoder->place = proto_place(&field->base);
	if (message == NULL || message->is_group)
		engine_fail(decoder->engine, &decoder->place,
					"group has no message of its own beside it");
	if (message->base.name[0] < 'A' || message->base.name[0] > 'Z' ||
		strcmp(field->base.name,
			   proto_group_field(decoder->engine, message->base.name)) != 0)
		engine_fail(decoder->engine, &decoder->place,
					"field of group \"%s\" has another name",
					message->base.name);
	if (decoder->file->syntax != PROTO_2)
		engine_fail(decoder->engine, &decoder->place,
					"only proto2 has groups");
	message->is_group = true;
	field->message = message;
	field->type_name = NULL;
}

static void
decode_extension(Decoder *decoder, ProtoMessage *up, const EngineMap *messages,
				 const WireField *wire)
{
	FieldExtra	extra;
	ProtoField *field =
		decode_field(decoder,
					 up != NULL ? up->base.full : decoder->file->package, wire,
					 &extra);

	if (field->extendee == NULL || extra.oneof >= 0)
		engine_fail(decoder->engine, &decoder->place,
					"extension extends nothing");
	field->extension = true;
	field->scope = up;
	make_group(decoder, field, messages);
	if (up != NULL)
		PROTO_APPEND(decoder->engine, up->extensions, up->nextensions, field);
	else
		PROTO_APPEND(decoder->engine, decoder->file->extensions,
					 decoder->file->nextensions, field);
}

/* ---- ranges ---- */

static ProtoRange *
decode_range(Decoder *decoder, const ProtoElement *owner,
			 const WireField *wire, bool inclusive)
{
	ProtoRange *range = engine_alloc(decoder->engine, sizeof(ProtoRange));
	WireReader	reader = inside(decoder, wire);
	WireField	field;

	range->base.kind = PROTO_RANGE;
	range->base.file = decoder->file;
	range->base.name = owner->name;
	range->base.full = owner->full;
	while (next_field(&reader, &field))
	{
		if (field.number == 1)
			range->first = wire_int32(&field);
		else if (field.number == 2)
			range->last = wire_int32(&field) - (inclusive ? 0 : 1);
		else if (field.number == 3 && field.type == 2)
		{
			range->base.options_wire = field.data;
			range->base.options_wire_length = field.length;
			decoder->schema->has_options = true;
		}
	}
	return range;
}

static ProtoReservedName *
decode_reserved_name(Decoder *decoder, const WireField *wire)
{
	ProtoReservedName *name =
		engine_alloc(decoder->engine, sizeof(ProtoReservedName));

	name->name = wire_text(decoder, wire);
	return name;
}

/* ---- enumerations ---- */

static void
decode_enum_value(Decoder *decoder, ProtoEnum *enumeration, const char *scope,
				  const WireField *wire)
{
	ProtoEnumValue *value =
		engine_alloc(decoder->engine, sizeof(ProtoEnumValue));
	WireReader	reader = inside(decoder, wire);
	WireField	field;

	decode_element(decoder, &value->base, PROTO_ENUM_VALUE, scope, wire, 3);
	/* these words begin a statement, so no text can say it */
	if (strcmp(value->base.name, "option") == 0 ||
		strcmp(value->base.name, "reserved") == 0)
		engine_fail(decoder->engine, &decoder->place,
					"\"%s\" cannot be the name of a value", value->base.name);
	value->parent = enumeration;
	while (next_field(&reader, &field))
	{
		if (field.number == 2)
			value->number = wire_int32(&field);
	}
	PROTO_APPEND(decoder->engine, enumeration->values, enumeration->nvalues,
				 value);
}

static void
decode_enum(Decoder *decoder, ProtoMessage *up, const WireField *wire)
{
	ProtoEnum  *enumeration = engine_alloc(decoder->engine, sizeof(ProtoEnum));
	const char *scope = up != NULL ? up->base.full : decoder->file->package;
	WireReader	reader = inside(decoder, wire);
	WireField	field;

	decode_element(decoder, &enumeration->base, PROTO_ENUM, scope, wire, 3);
	enumeration->parent = up;
	while (next_field(&reader, &field))
	{
		if (field.number == 2)
			decode_enum_value(decoder, enumeration, scope, &field);
		else if (field.number == 4)
			PROTO_APPEND(decoder->engine, enumeration->reserved,
						 enumeration->nreserved,
						 decode_range(decoder, &enumeration->base, &field,
									  true));
		else if (field.number == 5)
			PROTO_APPEND(decoder->engine, enumeration->reserved_names,
						 enumeration->nreserved_names,
						 decode_reserved_name(decoder, &field));
	}
	if (up != NULL)
		PROTO_APPEND(decoder->engine, up->enums, up->nenums, enumeration);
	else
		PROTO_APPEND(decoder->engine, decoder->file->enums,
					 decoder->file->nenums, enumeration);
}

/* ---- messages ---- */

static void
decode_oneof(Decoder *decoder, ProtoMessage *message, const WireField *wire)
{
	ProtoOneof *oneof = engine_alloc(decoder->engine, sizeof(ProtoOneof));

	decode_element(decoder, &oneof->base, PROTO_ONEOF, message->base.full,
				   wire, 2);
	oneof->parent = message;
	PROTO_APPEND(decoder->engine, message->oneofs, message->noneofs, oneof);
}

/* Put a field into the oneof that it names. */
static void
join_oneof(Decoder *decoder, ProtoMessage *message, ProtoField *field,
		   const FieldExtra *extra)
{
	ProtoOneof *oneof;

	if (extra->oneof >= message->noneofs || extra->oneof < -1 ||
		(extra->optional && extra->oneof < 0))
		engine_fail(decoder->engine, &decoder->place,
					"field is in a oneof that is not there");
	if (extra->oneof < 0)
		return;
	oneof = message->oneofs[extra->oneof];
	if (extra->optional)
	{
		field->proto3_optional = true;
		if (oneof->nfields > 0 || decoder->file->syntax != PROTO_3)
			engine_fail(decoder->engine, &decoder->place,
						"optional field has no oneof of its own");
	}
	else
		field->oneof = oneof;
	if (field->label != PROTO_OPTIONAL && field->label != PROTO_NO_LABEL)
		engine_fail(decoder->engine, &decoder->place,
					"field of a oneof is not optional");
	PROTO_APPEND(decoder->engine, oneof->fields, oneof->nfields, field);
}

/* Is it a key or a value of a map, and nothing else? */
static bool
is_entry_field(const ProtoField *field, const char *name, int64_t number)
{
	return strcmp(field->base.name, name) == 0 && field->number == number &&
		field->label == PROTO_OPTIONAL && field->oneof == NULL &&
		field->default_text == NULL && !field->proto3_optional &&
		!field->json_name_given && field->type != PROTO_TYPE_GROUP;
}

/* A field whose type is a map's entry is a map. */
static void
make_map(Decoder *decoder, ProtoField *field, ProtoMessage *entry)
{
	if (entry == NULL)
		return;
	decoder->place = proto_place(&field->base);
	if (field->label != PROTO_REPEATED || entry->nfields != 2 ||
		entry->nmessages + entry->nenums + entry->nextensions +
				entry->noneofs + entry->nranges + entry->nreserved +
				entry->nreserved_names >
			0 ||
		!is_entry_field(entry->fields[0], "key", 1) ||
		!is_entry_field(entry->fields[1], "value", 2) ||
		strcmp(entry->base.name,
			   proto_entry_name(decoder->engine, field->base.name)) != 0 ||
		entry->parent == NULL)
		engine_fail(decoder->engine, &decoder->place,
					"map has no entry of its own");
	entry->base.options_wire = NULL;
	field->is_map = true;
	field->message = entry;
	field->type_name = NULL;
	field->type = PROTO_TYPE_MESSAGE;
}

/* Does a message's options say that it is a map's entry? */
static bool
says_map_entry(Decoder *decoder, const ProtoMessage *message)
{
	WireReader	reader = {0};
	WireField	field;
	bool		says = false;

	reader.engine = decoder->engine;
	reader.place = &decoder->place;
	reader.at = message->base.options_wire;
	reader.end = reader.at;
	if (reader.at != NULL)
		reader.end += message->base.options_wire_length;
	while (next_field(&reader, &field))
	{
		if (field.number == 7)
			says = field.value != 0;
	}
	return says;
}

/* A message's field, with the oneof and the messages that are its own. */
static void
decode_message_field(Decoder *decoder, ProtoMessage *message,
					 const EngineMap *entries, const EngineMap *messages,
					 const WireField *wire)
{
	FieldExtra	extra;
	ProtoField *field =
		decode_field(decoder, message->base.full, wire, &extra);

	if (field->extendee != NULL)
		engine_fail(decoder->engine, &decoder->place,
					"field of a message extends another");
	field->scope = message;
	field->parent = message;
	join_oneof(decoder, message, field, &extra);
	make_map(decoder, field, named_message(entries, field));
	make_group(decoder, field, messages);
	PROTO_APPEND(decoder->engine, message->fields, message->nfields, field);
}

/* Ranges and names that are kept for somebody or nobody. */
static void
decode_message_range(Decoder *decoder, ProtoMessage *message,
					 const WireField *field)
{
	if (field->number == 5)
		PROTO_APPEND(decoder->engine, message->ranges, message->nranges,
					 decode_range(decoder, &message->base, field, false));
	else if (field->number == 9)
		PROTO_APPEND(decoder->engine, message->reserved, message->nreserved,
					 decode_range(decoder, &message->base, field, false));
	else if (field->number == 10)
		PROTO_APPEND(decoder->engine, message->reserved_names,
					 message->nreserved_names,
					 decode_reserved_name(decoder, field));
}

/* Leave out the oneofs that only stand for optional fields. */
static void
drop_synthetic(Decoder *decoder, ProtoMessage *message)
{
	int			kept = 0;

	for (int i = 0; i < message->noneofs; i++)
	{
		ProtoOneof *oneof = message->oneofs[i];

		decoder->place = proto_place(&oneof->base);
		if (oneof->nfields == 0)
			engine_fail(decoder->engine, &decoder->place,
						"oneof has no field");
		if (!oneof->fields[0]->proto3_optional)
			message->oneofs[kept++] = oneof;
		else if (oneof->nfields > 1)
			engine_fail(decoder->engine, &decoder->place,
						"optional field has no oneof of its own");
	}
	message->noneofs = kept;
}

/* Sort the nested messages into those that were written and maps' entries. */
static void
split_entries(Decoder *decoder, ProtoMessage *message, ProtoMessage ***entries,
			  int *nentries)
{
	int			kept = 0;

	for (int i = 0; i < message->nmessages; i++)
	{
		ProtoMessage *nested = message->messages[i];

		nested->is_map_entry = says_map_entry(decoder, nested);
		if (nested->is_map_entry)
			PROTO_APPEND(decoder->engine, *entries, *nentries, nested);
		else
			message->messages[kept++] = nested;
	}
	/* The array grows at powers of two: what follows must stay in step. */
	if (kept != message->nmessages)
	{
		ProtoMessage **messages = NULL;
		int			count = 0;

		for (int i = 0; i < kept; i++)
			PROTO_APPEND(decoder->engine, messages, count,
						 message->messages[i]);
		message->messages = messages;
		message->nmessages = count;
	}
}

/* Each entry belongs to exactly one map. */
static void
check_entries(Decoder *decoder, const ProtoMessage *message,
			  ProtoMessage **entries, int nentries)
{
	int			maps = 0;

	for (int i = 0; i < message->nfields; i++)
		maps += message->fields[i]->is_map ? 1 : 0;
	if (maps != nentries)
	{
		decoder->place =
			proto_place(nentries > 0 ? &entries[0]->base : &message->base);
		engine_fail(decoder->engine, &decoder->place,
					"entry of a map has no map of its own");
	}
}

/* What is within a message: first what fields refer to, then these. */
static void
decode_message_body(Decoder *decoder, ProtoMessage *message,
					const WireField *wire)
{
	WireReader	reader = inside(decoder, wire);
	WireField	field;
	ProtoMessage **entries = NULL;
	int			nentries = 0;
	EngineMap  *entry_map;
	EngineMap  *message_map;

	while (next_field(&reader, &field))
	{
		if (field.number == 3)
			decode_message(decoder, message, &field);
		else if (field.number == 4)
			decode_enum(decoder, message, &field);
		else if (field.number == 8)
			decode_oneof(decoder, message, &field);
		else
			decode_message_range(decoder, message, &field);
	}
	split_entries(decoder, message, &entries, &nentries);
	entry_map = map_messages(decoder->engine, entries, nentries);
	message_map =
		map_messages(decoder->engine, message->messages, message->nmessages);
	reader = inside(decoder, wire);
	while (next_field(&reader, &field))
	{
		if (field.number == 2)
			decode_message_field(decoder, message, entry_map, message_map,
								 &field);
		else if (field.number == 6)
			decode_extension(decoder, message, message_map, &field);
	}
	check_entries(decoder, message, entries, nentries);
	drop_synthetic(decoder, message);
}

static void
decode_message(Decoder *decoder, ProtoMessage *up, const WireField *wire)
{
	ProtoMessage *message =
		engine_alloc(decoder->engine, sizeof(ProtoMessage));

	decode_element(decoder, &message->base, PROTO_MESSAGE,
				   up != NULL ? up->base.full : decoder->file->package, wire,
				   7);
	message->parent = up;
	engine_down(decoder->engine, &decoder->place);
	decode_message_body(decoder, message, wire);
	engine_up(decoder->engine);
	if (up != NULL)
		PROTO_APPEND(decoder->engine, up->messages, up->nmessages, message);
	else
		PROTO_APPEND(decoder->engine, decoder->file->messages,
					 decoder->file->nmessages, message);
}

/* ---- services ---- */

static void
decode_method(Decoder *decoder, ProtoService *service, const WireField *wire)
{
	ProtoMethod *method = engine_alloc(decoder->engine, sizeof(ProtoMethod));
	WireReader	reader = inside(decoder, wire);
	WireField	field;

	decode_element(decoder, &method->base, PROTO_METHOD, service->base.full,
				   wire, 4);
	method->parent = service;
	while (next_field(&reader, &field))
	{
		if (field.number == 2)
			method->input_name = wire_type_name(decoder, &field);
		else if (field.number == 3)
			method->output_name = wire_type_name(decoder, &field);
		else if (field.number == 5)
			method->client_streaming = field.value != 0;
		else if (field.number == 6)
			method->server_streaming = field.value != 0;
	}
	if (method->input_name == NULL || method->output_name == NULL)
		engine_fail(decoder->engine, &decoder->place, "method has no types");
	PROTO_APPEND(decoder->engine, service->methods, service->nmethods, method);
}

static void
decode_service(Decoder *decoder, const WireField *wire)
{
	ProtoService *service =
		engine_alloc(decoder->engine, sizeof(ProtoService));
	WireReader	reader = inside(decoder, wire);
	WireField	field;

	decode_element(decoder, &service->base, PROTO_SERVICE,
				   decoder->file->package, wire, 3);
	while (next_field(&reader, &field))
	{
		if (field.number == 2)
			decode_method(decoder, service, &field);
	}
	PROTO_APPEND(decoder->engine, decoder->file->services,
				 decoder->file->nservices, service);
}

/* ---- the file ---- */

static void
decode_syntax(Decoder *decoder, const WireField *field)
{
	const char *name = wire_text(decoder, field);
	ProtoFile  *file = decoder->file;

	file->syntax_given = true;
	if (strcmp(name, "proto3") == 0)
		file->syntax = PROTO_3;
	else if (strcmp(name, "editions") == 0)
		file->syntax = PROTO_EDITION_2023;
	else if (strcmp(name, "proto2") == 0 || name[0] == '\0')
		file->syntax = PROTO_2;
	else
		engine_fail(decoder->engine, &decoder->place, "syntax is not known");
}

static void
add_import(Decoder *decoder, const WireField *field)
{
	ProtoImport *import = engine_alloc(decoder->engine, sizeof(ProtoImport));

	import->name = wire_text(decoder, field);
	PROTO_APPEND(decoder->engine, decoder->file->imports,
				 decoder->file->nimports, import);
}

/* What says what the file is, before what it declares. */
static void
decode_head(Decoder *decoder, const WireField *field)
{
	ProtoFile  *file = decoder->file;

	switch (field->number)
	{
		case 2:
			file->package = field->length == 0 && field->type == 2 ?
				NULL :
				wire_name(decoder, field, true);
			break;
		case 3:
			add_import(decoder, field);
			break;
		case 8:
			if (field->type != 2)
				break;
			file->base.options_wire = field->data;
			file->base.options_wire_length = field->length;
			decoder->schema->has_options = true;
			break;
		case 12:
			decode_syntax(decoder, field);
			break;
		case 14:
			/* 998 and 999 stand for proto2 and proto3 */
			if (field->value != 1000)
				engine_fail(decoder->engine, &decoder->place,
							"edition is not known");
			break;
		default:
			break;
	}
}

/* One index, or some that are packed, of imports that are public or weak. */
static void
mark_imports(Decoder *decoder, const WireField *field)
{
	WireReader	reader = {0};
	uint64_t	index = field->value;

	if (field->type == 2)
		reader = inside(decoder, field);
	for (;;)
	{
		if (field->type == 2 && reader.at >= reader.end)
			break;
		if (field->type == 2)
			index = wire_scalar(&reader, 0);
		if (index >= (uint64_t) decoder->file->nimports)
			engine_fail(decoder->engine, &decoder->place,
						"import is not there");
		if (field->number == 10)
			decoder->file->imports[index]->is_public = true;
		else
			decoder->file->imports[index]->is_weak = true;
		if (field->type != 2)
			break;
	}
}

static void
decode_declaration(Decoder *decoder, const WireField *field)
{
	switch (field->number)
	{
		case 4:
			decode_message(decoder, NULL, field);
			break;
		case 5:
			decode_enum(decoder, NULL, field);
			break;
		case 6:
			decode_service(decoder, field);
			break;
		case 10:
		case 11:
			mark_imports(decoder, field);
			break;
		default:
			break;
	}
}

/* A map's entry is within a message. */
static void
check_top_messages(Decoder *decoder)
{
	for (int i = 0; i < decoder->file->nmessages; i++)
	{
		ProtoMessage *message = decoder->file->messages[i];

		decoder->place = proto_place(&message->base);
		if (says_map_entry(decoder, message))
			engine_fail(decoder->engine, &decoder->place,
						"entry of a map has no map of its own");
	}
}

static void
decode_file(Decoder *decoder, const WireField *whole)
{
	WireReader	reader = inside(decoder, whole);
	WireField	field;
	EngineMap  *messages;

	while (next_field(&reader, &field))
		decode_head(decoder, &field);
	decoder->file->base.full =
		decoder->file->package != NULL ? decoder->file->package : "";
	decoder->file->base.name = decoder->file->base.full;
	reader = inside(decoder, whole);
	while (next_field(&reader, &field))
		decode_declaration(decoder, &field);
	/* extensions last: their groups are messages beside them */
	messages = map_messages(decoder->engine, decoder->file->messages,
							decoder->file->nmessages);
	reader = inside(decoder, whole);
	while (next_field(&reader, &field))
	{
		if (field.number == 7)
			decode_extension(decoder, NULL, messages, &field);
	}
	check_top_messages(decoder);
}

ProtoFile *
proto_parse_wire(Schema *schema, const char *text, size_t length,
				 const char *reference)
{
	Decoder		decoder = {0};
	WireField	whole = {0};

	decoder.schema = schema;
	decoder.engine = schema->engine;
	decoder.place.reference = reference;
	decoder.file = engine_alloc(schema->engine, sizeof(ProtoFile));
	decoder.file->base.kind = PROTO_FILE;
	decoder.file->base.file = decoder.file;
	decoder.file->reference = reference;
	decoder.file->from_wire = true;
	whole.type = 2;
	whole.data = decode_base64(schema->engine, text, length, &whole.length);
	decode_file(&decoder, &whole);
	return decoder.file;
}
