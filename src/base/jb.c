/*-------------------------------------------------------------------------
 *
 * jb.c
 *		Reading and writing jsonb documents in place.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "utils/datum.h"

bool
jb_get_n(const JsonbContainer *obj, const char *key, int keylen,
		 JsonbValue *value)
{
	if (obj == NULL || !JsonContainerIsObject(obj))
		return false;
	return getKeyJsonValueFromContainer(unconstify(JsonbContainer *, obj), key,
										keylen, value) != NULL;
}

bool
jb_get(const JsonbContainer *obj, const char *key, JsonbValue *value)
{
	return jb_get_n(obj, key, (int) strlen(key), value);
}

bool
jb_is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}

/* A nested scalar never comes as a container, so no raw-scalar test. */
bool
jb_is_array(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data);
}

const JsonbContainer *
jb_get_object(const JsonbContainer *obj, const char *key)
{
	JsonbValue	value;

	if (!jb_get(obj, key, &value) || !jb_is_object(&value))
		return NULL;
	return value.val.binary.data;
}

const JsonbContainer *
jb_get_array(const JsonbContainer *obj, const char *key)
{
	JsonbValue	value;

	if (!jb_get(obj, key, &value) || !jb_is_array(&value))
		return NULL;
	return value.val.binary.data;
}

char *
jb_text(const JsonbValue *string)
{
	Assert(string->type == jbvString);
	return pnstrdup(string->val.string.val, string->val.string.len);
}

char *
jb_get_text(const JsonbContainer *obj, const char *key)
{
	JsonbValue	value;

	if (!jb_get(obj, key, &value) || value.type != jbvString)
		return NULL;
	return jb_text(&value);
}

bool
jb_get_bool(const JsonbContainer *obj, const char *key, bool otherwise)
{
	JsonbValue	value;

	if (!jb_get(obj, key, &value) || value.type != jbvBool)
		return otherwise;
	return value.val.boolean;
}

List *
jb_get_texts(const JsonbContainer *obj, const char *key)
{
	const JsonbContainer *array = jb_get_array(obj, key);
	List	   *texts = NIL;
	JbCursor	cursor;
	JsonbValue	value;

	if (array == NULL)
		return NIL;

	jb_walk(&cursor, array);
	while (jb_next_element(&cursor, &value))
		if (value.type == jbvString)
			texts = lappend(texts, jb_text(&value));
	return texts;
}

void
jb_walk(JbCursor *cursor, const JsonbContainer *container)
{
	JsonbValue	start;

	cursor->container = container;
	cursor->iterator =
		JsonbIteratorInit(unconstify(JsonbContainer *, container));
	cursor->index = -1;
	(void) JsonbIteratorNext(&cursor->iterator, &start, true);
}

bool
jb_next_member(JbCursor *cursor, JsonbValue *key, JsonbValue *value)
{
	if (JsonbIteratorNext(&cursor->iterator, key, true) != WJB_KEY)
		return false;
	(void) JsonbIteratorNext(&cursor->iterator, value, true);
	cursor->index++;
	return true;
}

bool
jb_next_element(JbCursor *cursor, JsonbValue *value)
{
	if (JsonbIteratorNext(&cursor->iterator, value, true) != WJB_ELEM)
		return false;
	cursor->index++;
	return true;
}

/* The JSON type of a value, as a message would name it. */
const char *
jb_type_name(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return "null";
		case jbvString:
			return "string";
		case jbvNumeric:
			return "number";
		case jbvBool:
			return "boolean";
		case jbvBinary:
			return jb_is_object(value) ? "object" : "array";
		default:
			return "value";
	}
}

bool
jb_same(const JsonbValue *a, const JsonbValue *b)
{
	if (a->type != b->type)
		return false;

	switch (a->type)
	{
		case jbvNull:
			return true;
		case jbvString:
			return a->val.string.len == b->val.string.len &&
				memcmp(a->val.string.val, b->val.string.val,
					   a->val.string.len) == 0;
		case jbvNumeric:
			return VARSIZE_ANY(a->val.numeric) ==
				VARSIZE_ANY(b->val.numeric) &&
				memcmp(a->val.numeric, b->val.numeric,
					   VARSIZE_ANY(a->val.numeric)) == 0;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvBinary:
			return a->val.binary.len == b->val.binary.len &&
				memcmp(a->val.binary.data, b->val.binary.data,
					   a->val.binary.len) == 0;
		default:
			return false;
	}
}

void
jb_push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = (int) strlen(key);
	(void) pushJsonbValue(state, WJB_KEY, &value);
}

void
jb_push_text(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	jb_push_value(state, key, &value);
}

void
jb_push_bool(JsonbParseState **state, const char *key, bool b)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = b;
	jb_push_value(state, key, &value);
}

void
jb_push_value(JsonbParseState **state, const char *key, JsonbValue *value)
{
	jb_push_key(state, key);
	(void) pushJsonbValue(state, WJB_VALUE, value);
}
