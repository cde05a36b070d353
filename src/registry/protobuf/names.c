/*-------------------------------------------------------------------------
 *
 * names.c
 *		Names that are different in .proto text but not in JSON or elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

/*
 * Two fields of one JSON name: an error where JSON must work, and where both
 * of them were given it.
 */
static void
clash(Schema *schema, const ProtoMessage *message, const ProtoField *a,
	  const ProtoField *b, const char *json, bool given)
{
	SchemaPlace place = proto_place(&b->base);

	if ((message->base.features.json != PROTO_JSON_ALLOW ||
		 proto_option_true(&message->base,
						   "deprecated_legacy_json_field_conflicts")) &&
		!(given && a->json_name_given && b->json_name_given))
		return;
	engine_fail(schema->engine, &place,
				"fields \"%s\" and \"%s\" are both \"%s\" in JSON",
				a->base.name, b->base.name, json);
}

/* Fields by their JSON names, or by those that their names would give. */
static void
check_json(Schema *schema, const ProtoMessage *message, bool given)
{
	EngineMap  *names = map_new(schema->engine);

	for (int i = 0; i < message->nfields; i++)
	{
		const ProtoField *field = message->fields[i];
		const char		 *json = given ?
				  field->json_name :
				  proto_json_name(schema->engine, field->base.name);
		ProtoField *before = map_get(names, json, strlen(json));

		if (before != NULL)
			clash(schema, message, before, field, json, given);
		else
			map_set(names, json, strlen(json), message->fields[i]);
	}
}

void
proto_check_json_names(Schema *schema, const ProtoMessage *message)
{
	check_json(schema, message, false);
	check_json(schema, message, true);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Where a value's name goes on behind its enumeration's; at least a rest. */
static const char *
strip_prefix(const char *enumeration, const char *value)
{
	const char *at = value;

	while (*enumeration != '\0')
	{
		if (*enumeration == '_')
			enumeration++;
		else if (*at == '_')
			at++;
		else if (*at == '\0' || lower(*at) != lower(*enumeration))
			return value;
		else
		{
			at++;
			enumeration++;
		}
	}
	while (*at == '_')
		at++;
	return *at == '\0' ? value : at;
}

/* What becomes of a value's name in languages with names of their own. */
static const char *
value_name(Engine *engine, const ProtoEnum *enumeration,
		   const ProtoEnumValue *value)
{
	const char *from = strip_prefix(enumeration->base.name, value->base.name);
	char	   *name = engine_alloc(engine, strlen(from) + 1);
	char	   *to = name;
	bool		upper = true;

	for (; *from != '\0'; from++)
	{
		if (*from == '_')
			upper = true;
		else
		{
			char		c = lower(*from);

			*to++ = upper && c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
			upper = false;
		}
	}
	return name;
}

/* Values whose names are one without prefix, case and underscores. */
void
proto_check_enum_names(Schema *schema, const ProtoEnum *enumeration)
{
	EngineMap  *names;

	if (enumeration->base.features.json != PROTO_JSON_ALLOW ||
		proto_option_true(&enumeration->base,
						  "deprecated_legacy_json_field_conflicts"))
		return;
	names = map_new(schema->engine);
	for (int i = 0; i < enumeration->nvalues; i++)
	{
		ProtoEnumValue *value = enumeration->values[i];
		const char *name = value_name(schema->engine, enumeration, value);
		const ProtoEnumValue *before =
			map_set(names, name, strlen(name), value);
		SchemaPlace place = proto_place(&value->base);

		if (before != NULL && before->number != value->number)
			engine_fail(schema->engine, &place,
						"\"%s\" and \"%s\" are one name without case and "
						"prefix",
						before->base.name, value->base.name);
	}
}
