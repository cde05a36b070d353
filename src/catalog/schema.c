/*-------------------------------------------------------------------------
 *
 * schema.c
 *		The JSON Schema (draft 2020-12) of documents, made from the table of
 *		the format.
 *
 * Shapes with a name, and kinds of string with a pattern, become $defs.
 * docs/spec.schema.json is what this returns, put down for readers.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/format.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* A schema in the making. */
typedef struct Writer
{
	JsonbParseState *state;
	List	   *named; /* of Shape *: to be defined, each once */
} Writer;

static void write_shape(Writer *writer, const Shape *shape, const char *about);

/* ---- small pieces ---- */

static void
begin_object(Writer *writer)
{
	(void) pushJsonbValue(&writer->state, WJB_BEGIN_OBJECT, NULL);
}

static JsonbValue *
end_object(Writer *writer)
{
	return pushJsonbValue(&writer->state, WJB_END_OBJECT, NULL);
}

static void
write_number(Writer *writer, const char *key, double number)
{
	JsonbValue	value;
	Datum		numeric;

	numeric = DirectFunctionCall1(float8_numeric, Float8GetDatum(number));
	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(numeric);
	jb_push_value(&writer->state, key, &value);
}

static void
write_element(Writer *writer, const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	(void) pushJsonbValue(&writer->state, WJB_ELEM, &value);
}

/* What the $defs call a kind of string; NULL if it needs no definition. */
static const char *
kind_name(ShapeKind kind)
{
	switch (kind)
	{
		case SHAPE_NAME:
			return "name";
		case SHAPE_SCHEME:
			return "scheme";
		case SHAPE_DATE:
			return "date";
		case SHAPE_DURATION:
			return "duration";
		case SHAPE_CODE:
			return "code";
		default:
			return NULL;
	}
}

/* ---- shapes ---- */

static void
write_words(Writer *writer, const Shape *shape)
{
	jb_push_key(&writer->state, "enum");
	(void) pushJsonbValue(&writer->state, WJB_BEGIN_ARRAY, NULL);
	for (const char *const *word = shape->words; *word; word++)
		write_element(writer, *word);
	(void) pushJsonbValue(&writer->state, WJB_END_ARRAY, NULL);
}

static void
write_required(Writer *writer, const Shape *object)
{
	jb_push_key(&writer->state, "required");
	(void) pushJsonbValue(&writer->state, WJB_BEGIN_ARRAY, NULL);
	for (const Field *field = object->fields; field->name; field++)
		if (field->required)
			write_element(writer, field->name);
	(void) pushJsonbValue(&writer->state, WJB_END_ARRAY, NULL);
}

static void
write_object(Writer *writer, const Shape *object)
{
	jb_push_bool(&writer->state, "additionalProperties", false);
	if (object->min > 0)
		write_number(writer, "minProperties", object->min);
	if (object->max > 0)
		write_number(writer, "maxProperties", object->max);
	write_required(writer, object);

	jb_push_key(&writer->state, "properties");
	begin_object(writer);
	for (const Field *field = object->fields; field->name; field++)
	{
		jb_push_key(&writer->state, field->name);
		write_shape(writer, field->shape, field->about);
	}
	(void) end_object(writer);
}

static void
write_union(Writer *writer, const Shape *shape)
{
	jb_push_key(&writer->state, "anyOf");
	(void) pushJsonbValue(&writer->state, WJB_BEGIN_ARRAY, NULL);
	write_shape(writer, shape->key, NULL);
	write_shape(writer, shape->item, NULL);
	(void) pushJsonbValue(&writer->state, WJB_END_ARRAY, NULL);
}

/* The keywords of containers. */
static void
write_container(Writer *writer, const Shape *shape)
{
	if (shape->kind == SHAPE_OBJECT)
		write_object(writer, shape);
	else if (shape->kind == SHAPE_MAP)
	{
		jb_push_key(&writer->state, "propertyNames");
		write_shape(writer, shape->key, NULL);
		jb_push_key(&writer->state, "additionalProperties");
		write_shape(writer, shape->item, NULL);
	}
	else if (shape->kind == SHAPE_LIST)
	{
		jb_push_key(&writer->state, "items");
		write_shape(writer, shape->item, NULL);
		if (shape->min > 0)
			write_number(writer, "minItems", shape->min);
	}
}

/* The keywords of a shape, inside its object. */
static void
write_keywords(Writer *writer, const Shape *shape)
{
	const char *pattern = format_string_pattern(shape->kind);

	if (shape->kind == SHAPE_UNION)
	{
		write_union(writer, shape);
		return;
	}

	jb_push_text(&writer->state, "type",
				 shape->kind == SHAPE_INT ? "integer" :
											format_type_name(shape));
	if (pattern != NULL)
		jb_push_text(&writer->state, "pattern", pattern);
	if (shape->kind == SHAPE_WORD)
		write_words(writer, shape);
	if (shape->kind == SHAPE_INT || shape->kind == SHAPE_NUMBER)
	{
		write_number(writer, "minimum", shape->min);
		write_number(writer, "maximum", shape->max);
	}
	write_container(writer, shape);
}

/* A schema object for a shape: itself, or a reference to its definition. */
static void
write_shape(Writer *writer, const Shape *shape, const char *about)
{
	const char *name = shape->name ? shape->name : kind_name(shape->kind);

	begin_object(writer);
	if (about != NULL)
		jb_push_text(&writer->state, "description", about);
	if (name != NULL)
		jb_push_text(&writer->state, "$ref", psprintf("#/$defs/%s", name));
	else
		write_keywords(writer, shape);
	(void) end_object(writer);

	if (shape->name != NULL)
		writer->named =
			list_append_unique_ptr(writer->named, unconstify(Shape *, shape));
}

/* ---- the schema ---- */

/* Define what was referred to; that may refer to more. */
static void
write_definitions(Writer *writer)
{
	jb_push_key(&writer->state, "$defs");
	begin_object(writer);
	for (ShapeKind kind = SHAPE_TEXT; kind <= SHAPE_WORD; kind++)
	{
		Shape		shape = {.kind = kind};

		if (kind_name(kind) == NULL)
			continue;
		jb_push_key(&writer->state, kind_name(kind));
		begin_object(writer);
		write_keywords(writer, &shape);
		(void) end_object(writer);
	}
	for (int i = 0; i < list_length(writer->named); i++)
	{
		const Shape *shape = list_nth(writer->named, i);

		jb_push_key(&writer->state, shape->name);
		begin_object(writer);
		write_keywords(writer, shape);
		(void) end_object(writer);
	}
	(void) end_object(writer);
}

PG_FUNCTION_INFO_V1(spine_spec_schema);

/* The JSON Schema of documents. */
Datum
spine_spec_schema(PG_FUNCTION_ARGS)
{
	Writer		writer = {0};

	begin_object(&writer);
	jb_push_text(&writer.state, "$schema",
				 "https://json-schema.org/draft/2020-12/schema");
	jb_push_text(&writer.state, "title", "spine document, spine/v1");
	write_keywords(&writer, &format_document);
	write_definitions(&writer);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(end_object(&writer)));
}
