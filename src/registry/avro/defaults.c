/*-------------------------------------------------------------------------
 *
 * defaults.c
 *		Is the default of a field a value of the field's type?
 *
 * A value of a record may leave out fields that have defaults themselves, so
 * a default can contain itself; that is found apart from whether it fits.
 *
 * A union takes a value if any of its branches does.  A value is looked at
 * once for each type that it may be of, however many ways lead there, or
 * unions in records in unions would take exponential time.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/avro/avro.h"

#include <string.h>

/* A value and a type. */
typedef struct Question
{
	const JsonNode *value;
	const AvroType *type;
} Question;

struct AvroDefaults
{
	Engine	   *engine;
	EngineMap  *answers;	/* Question to YES or NO */
};

static char yes, no;

AvroDefaults *
avro_defaults_new(Engine *engine)
{
	AvroDefaults *defaults = engine_alloc(engine, sizeof(AvroDefaults));

	defaults->engine = engine;
	defaults->answers = map_new(engine);
	return defaults;
}

/* A whole number as it is written, within bounds. */
static bool
is_whole(const JsonNode *value, uint64_t most_positive)
{
	bool		negative = value->text[0] == '-';
	uint64_t	most = most_positive + (negative ? 1 : 0);
	uint64_t	number = 0;

	for (size_t i = negative ? 1 : 0; i < value->length; i++)
	{
		char		c = value->text[i];

		if (c < '0' || c > '9' || number > most / 10)
			return false;
		number = number * 10 + (uint64_t) (c - '0');
		if (number > most)
			return false;
	}
	return true;
}

/* How many bytes a string stands for, each as a character up to U+00FF; -1 if
 * it has others. */
static int64_t
count_bytes(const JsonNode *value)
{
	int64_t		count = 0;

	for (size_t i = 0; i < value->length; i++)
	{
		unsigned char c = (unsigned char) value->text[i];

		if (c > 0xc3)
			return -1;
		if (c >= 0xc2)
			i++;
		count++;
	}
	return count;
}

static bool
elements_fit(AvroDefaults *d, const AvroType *type, const JsonNode *value)
{
	for (int i = 0; i < value->count; i++)
		if (!avro_value_fits(d, type->items, value->items[i]))
			return false;
	return true;
}

static bool
fields_fit(AvroDefaults *d, const AvroNamed *record, const JsonNode *value)
{
	for (int i = 0; i < record->nfields; i++)
	{
		const AvroField *field = &record->fields[i];
		const JsonNode *member = json_get(value, field->name->text);

		if (member == NULL ? field->default_value == NULL :
							 !avro_value_fits(d, field->type, member))
			return false;
	}
	return true;
}

static bool
some_branch_fits(AvroDefaults *d, const AvroType *type, const JsonNode *value)
{
	for (int i = 0; i < type->nbranches; i++)
		if (avro_value_fits(d, type->branches[i], value))
			return true;
	return false;
}

/* Of what contains other values. */
static bool
container_fits(AvroDefaults *d, const AvroType *type, const JsonNode *value)
{
	switch (type->kind)
	{
		case AVRO_ARRAY:
			return value->kind == JSON_ARRAY && elements_fit(d, type, value);
		case AVRO_MAP:
			return value->kind == JSON_OBJECT && elements_fit(d, type, value);
		case AVRO_RECORD:
			return value->kind == JSON_OBJECT &&
				fields_fit(d, type->named, value);
		default:
			return some_branch_fits(d, type, value);
	}
}

/* The same, asked once. */
static bool
container_fits_once(AvroDefaults *d, const AvroType *type,
					const JsonNode *value)
{
	SchemaPlace place = {value->line, value->column, NULL, NULL};
	Question	question, *kept;
	char	   *answer;
	bool		fits;

	memset(&question, 0, sizeof(question));
	question.value = value;
	question.type = type;
	answer = map_get(d->answers, (const char *) &question, sizeof(question));
	if (answer != NULL)
		return answer == &yes;
	engine_down(d->engine, &place);
	engine_tick(d->engine);
	fits = container_fits(d, type, value);
	engine_up(d->engine);
	kept = engine_alloc(d->engine, sizeof(question));
	*kept = question;
	(void) map_set(d->answers, (const char *) kept, sizeof(question),
				   fits ? &yes : &no);
	return fits;
}

bool
avro_value_fits(AvroDefaults *d, const AvroType *type, const JsonNode *value)
{
	switch (type->kind)
	{
		case AVRO_NULL:
			return value->kind == JSON_NULL;
		case AVRO_BOOLEAN:
			return value->kind == JSON_TRUE || value->kind == JSON_FALSE;
		case AVRO_INT:
			return value->kind == JSON_NUMBER && is_whole(value, INT32_MAX);
		case AVRO_LONG:
			return value->kind == JSON_NUMBER && is_whole(value, INT64_MAX);
		case AVRO_FLOAT:
		case AVRO_DOUBLE:
			return value->kind == JSON_NUMBER;
		case AVRO_BYTES:
			return value->kind == JSON_STRING && count_bytes(value) >= 0;
		case AVRO_STRING:
			return value->kind == JSON_STRING;
		case AVRO_ENUM:
			return value->kind == JSON_STRING &&
				avro_has_symbol(type->named, value);
		case AVRO_FIXED:
			return value->kind == JSON_STRING &&
				count_bytes(value) == type->named->size;
		default:
			return container_fits_once(d, type, value);
	}
}

/* ---- defaults that contain themselves ---- */

static bool is_endless(AvroDefaults *d, const AvroType *type,
					   const JsonNode *value);

static bool
elements_are_endless(AvroDefaults *d, const AvroType *type,
					 const JsonNode *value)
{
	for (int i = 0; i < value->count; i++)
		if (is_endless(d, type->items, value->items[i]))
			return true;
	return false;
}

static bool
fields_are_endless(AvroDefaults *d, const AvroNamed *record,
				   const JsonNode *value)
{
	for (int i = 0; i < record->nfields; i++)
	{
		AvroField  *field = &record->fields[i];
		const JsonNode *member = json_get(value, field->name->text);

		if (member == NULL ? avro_default_is_endless(d, field) :
							 is_endless(d, field->type, member))
			return true;
	}
	return false;
}

/* Follow the branch that takes the value. */
static bool
branch_is_endless(AvroDefaults *d, const AvroType *type, const JsonNode *value)
{
	for (int i = 0; i < type->nbranches; i++)
		if (avro_value_fits(d, type->branches[i], value))
			return is_endless(d, type->branches[i], value);
	return false;
}

/* Of a value that fits its type. */
static bool
is_endless(AvroDefaults *d, const AvroType *type, const JsonNode *value)
{
	SchemaPlace place = {value->line, value->column, NULL, NULL};
	bool		endless = false;

	if (value->kind != JSON_ARRAY && value->kind != JSON_OBJECT)
		return false;
	engine_down(d->engine, &place);
	engine_tick(d->engine);
	if (type->kind == AVRO_UNION)
		endless = branch_is_endless(d, type, value);
	else if (type->kind == AVRO_RECORD)
		endless = fields_are_endless(d, type->named, value);
	else
		endless = elements_are_endless(d, type, value);
	engine_up(d->engine);
	return endless;
}

bool
avro_default_is_endless(AvroDefaults *d, AvroField *field)
{
	if (field->default_state != DEFAULT_UNKNOWN)
		return field->default_state == DEFAULT_ENTERED;
	field->default_state = DEFAULT_ENTERED;
	if (is_endless(d, field->type, field->default_value))
		return true;
	field->default_state = DEFAULT_GOOD;
	return false;
}
