/*-------------------------------------------------------------------------
 *
 * feature.c
 *		What editions made of the differences between proto2 and proto3.
 *
 * Each element has the features that are in force for it: its own, else those
 * of what is around it, down to the language's.  proto2 and proto3 are read as
 * the features that they stand for, so that all else asks for features only.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

static const ProtoFeatures language_features[] =
	{{PROTO_PRESENCE_EXPLICIT, PROTO_ENUM_CLOSED, PROTO_REPEATED_EXPANDED,
	  PROTO_UTF8_NONE, PROTO_LENGTH_PREFIXED, PROTO_JSON_LEGACY},
	 {PROTO_PRESENCE_IMPLICIT, PROTO_ENUM_OPEN, PROTO_REPEATED_PACKED,
	  PROTO_UTF8_VERIFY, PROTO_LENGTH_PREFIXED, PROTO_JSON_ALLOW},
	 {PROTO_PRESENCE_EXPLICIT, PROTO_ENUM_OPEN, PROTO_REPEATED_PACKED,
	  PROTO_UTF8_VERIFY, PROTO_LENGTH_PREFIXED, PROTO_JSON_ALLOW}};

/* Features, and what may set them beside a file. */
static const struct
{
	const char *name;
	size_t		offset;		/* in ProtoFeatures */
	ProtoKind	kind;
	ProtoKind	other;
} known_features[] = {{"field_presence", offsetof(ProtoFeatures, presence),
					   PROTO_FIELD, PROTO_FIELD},
					  {"enum_type", offsetof(ProtoFeatures, enum_type),
					   PROTO_ENUM, PROTO_ENUM},
					  {"repeated_field_encoding",
					   offsetof(ProtoFeatures, repeated), PROTO_FIELD,
					   PROTO_FIELD},
					  {"utf8_validation", offsetof(ProtoFeatures, utf8),
					   PROTO_FIELD, PROTO_FIELD},
					  {"message_encoding", offsetof(ProtoFeatures, message),
					   PROTO_FIELD, PROTO_FIELD},
					  {"json_format", offsetof(ProtoFeatures, json),
					   PROTO_MESSAGE, PROTO_ENUM}};

/* Take a feature that is set. */
static void
take_feature(Schema *schema, ProtoElement *element, const ProtoSet *set)
{
	SchemaPlace place = proto_place(element);
	const char *name = set->field->base.name;
	size_t		i = 0;

	if (set->field->extension)
		return;
	while (i < sizeof(known_features) / sizeof(known_features[0]) &&
		   strcmp(known_features[i].name, name) != 0)
		i++;
	if (i == sizeof(known_features) / sizeof(known_features[0]))
		return;
	if (set->first->integer == 0)
		engine_fail(schema->engine, &place,
					"feature \"%s\" has no value that means something", name);
	if (element->kind != PROTO_FILE &&
		element->kind != known_features[i].kind &&
		element->kind != known_features[i].other)
		engine_fail(schema->engine, &place, "feature \"%s\" has no place here",
					name);
	((unsigned char *) &element->features)[known_features[i].offset] =
		(unsigned char) set->first->integer;
}

/* The features of an element within one that has others. */
static void
set_features(Schema *schema, ProtoElement *element,
			 const ProtoFeatures *around)
{
	const ProtoValue *value = proto_option(element, "features");
	SchemaPlace place = proto_place(element);

	element->features = *around;
	element->around = around;
	if (value == NULL || value->tree == NULL)
		return;
	if (element->file->syntax != PROTO_EDITION_2023)
		engine_fail(schema->engine, &place, "only editions have features");
	for (const ProtoSet *set = value->tree->sets; set != NULL; set = set->next)
		take_feature(schema, element, set);
}

/* What a label, a oneof and the option packed say in older languages. */
static void
set_field_features(Schema *schema, ProtoField *field,
				   const ProtoFeatures *around)
{
	ProtoFeatures *features = &field->base.features;
	const ProtoValue *packed = proto_option(&field->base, "packed");

	set_features(schema, &field->base, around);
	if (field->label == PROTO_REQUIRED)
		features->presence = PROTO_PRESENCE_REQUIRED;
	else if (field->proto3_optional || field->oneof != NULL ||
			 field->extension ||
			 (field->message != NULL &&
			  features->presence == PROTO_PRESENCE_IMPLICIT))
		features->presence = PROTO_PRESENCE_EXPLICIT;
	if (packed != NULL && field->base.file->syntax != PROTO_EDITION_2023)
		features->repeated = packed->integer != 0 ? PROTO_REPEATED_PACKED :
													PROTO_REPEATED_EXPANDED;
	if (field->type == PROTO_TYPE_GROUP)
		features->message = PROTO_DELIMITED;
	if (field->is_map)
	{
		features->message = PROTO_LENGTH_PREFIXED;
		for (int i = 0; i < field->message->nfields; i++)
		{
			field->message->fields[i]->base.features = *features;
			field->message->fields[i]->base.features.presence =
				PROTO_PRESENCE_EXPLICIT;
		}
	}
}

static void
set_enum_features(Schema *schema, ProtoEnum *enumeration,
				  const ProtoFeatures *around)
{
	set_features(schema, &enumeration->base, around);
	for (int i = 0; i < enumeration->nvalues; i++)
		set_features(schema, &enumeration->values[i]->base,
					 &enumeration->base.features);
}

/* A message and what is within; that around it has its features. */
static void
set_message_features(void *context, ProtoMessage *message)
{
	Schema	   *schema = context;
	const ProtoFeatures *features = &message->base.features;

	if (message->is_map_entry)
		return;
	set_features(schema, &message->base,
				 message->parent != NULL ? &message->parent->base.features :
										   &message->base.file->base.features);
	for (int i = 0; i < message->noneofs; i++)
		set_features(schema, &message->oneofs[i]->base, features);
	for (int i = 0; i < message->nfields; i++)
	{
		ProtoField *field = message->fields[i];

		set_field_features(schema, field,
						   field->oneof != NULL ?
							   &field->oneof->base.features :
							   features);
	}
	for (int i = 0; i < message->nextensions; i++)
		set_field_features(schema, message->extensions[i], features);
	for (int i = 0; i < message->nenums; i++)
		set_enum_features(schema, message->enums[i], features);
}

static void
set_file_features(Schema *schema, ProtoFile *file)
{
	const ProtoFeatures *features = &file->base.features;

	set_features(schema, &file->base, &language_features[file->syntax]);
	proto_each_message(schema, file, set_message_features, schema);
	for (int i = 0; i < file->nextensions; i++)
		set_field_features(schema, file->extensions[i], features);
	for (int i = 0; i < file->nenums; i++)
		set_enum_features(schema, file->enums[i], features);
	for (int i = 0; i < file->nservices; i++)
	{
		ProtoService *service = file->services[i];

		set_features(schema, &service->base, features);
		for (int j = 0; j < service->nmethods; j++)
			set_features(schema, &service->methods[j]->base,
						 &service->base.features);
	}
}

void
proto_features(Schema *schema)
{
	for (int i = 0; i < schema->nfiles; i++)
		set_file_features(schema, schema->files[i]);
}

bool
proto_is_required(const ProtoField *field)
{
	return field->label != PROTO_REPEATED && !field->extension &&
		field->base.features.presence == PROTO_PRESENCE_REQUIRED;
}

bool
proto_has_presence(const ProtoField *field)
{
	return field->label != PROTO_REPEATED &&
		field->base.features.presence != PROTO_PRESENCE_IMPLICIT;
}

bool
proto_is_packed(const ProtoField *field)
{
	return field->label == PROTO_REPEATED && proto_is_packable(field->type) &&
		field->base.features.repeated == PROTO_REPEATED_PACKED;
}

ProtoType
proto_wire_kind(const ProtoField *field)
{
	if (field->type == PROTO_TYPE_MESSAGE && !field->is_map &&
		!(field->parent != NULL && field->parent->is_map_entry) &&
		field->base.features.message == PROTO_DELIMITED)
		return PROTO_TYPE_GROUP;
	return field->type;
}
