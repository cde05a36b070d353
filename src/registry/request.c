/*-------------------------------------------------------------------------
 *
 * request.c
 *		What callers ask of the registry: type, level, texts, options.
 *
 * Engines know UTF-8 alone; what comes in is converted here, and what goes
 * out.  Whatever the options do not know is refused, since a misspelt option
 * must not pass for a check that was made.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "mb/pg_wchar.h"
#include "registry/request.h"
#include "registry/schema_cache.h"
#include "utils/builtins.h"

/* Where metadata keeps names that must not come back. */
#define RESERVED_PROPERTY "confluent:reserved"

/* ---- type and level ---- */

const SchemaFormat *
request_format(const text *type)
{
	char	   *name = text_to_cstring(type);
	const SchemaFormat *format = format_find(name);

	if (format != NULL)
		return format;
	if (pg_strcasecmp(name, "AVRO") == 0 ||
		pg_strcasecmp(name, "PROTOBUF") == 0 ||
		pg_strcasecmp(name, "JSON") == 0 || pg_strcasecmp(name, "TABLE") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("schemas of type %s are not supported yet", name)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown schema type \"%s\"", name),
			 errhint("There are AVRO, PROTOBUF, JSON and TABLE.")));
}

typedef struct LevelName
{
	const char *name;
	unsigned	wanted;
	bool		protobuf;	/* for Protobuf only */
} LevelName;

static const LevelName level_names[] = {
	{"BACKWARD", BREAKS_BACKWARD, false},
	{"FORWARD", BREAKS_FORWARD, false},
	{"FULL", BREAKS_BACKWARD | BREAKS_FORWARD, false},
	{"WIRE", BREAKS_WIRE, true},
	{"WIRE_JSON", BREAKS_WIRE_JSON, true},
	{"PACKAGE", BREAKS_PACKAGE, true},
	{"FILE", BREAKS_FILE, true},
};

/* Take the end off a name that says that all versions count. */
static bool
strip_transitive(char *name)
{
	static const char ending[] = "_TRANSITIVE";
	size_t			  length = strlen(name), ending_length = strlen(ending);

	if (length <= ending_length ||
		pg_strcasecmp(name + length - ending_length, ending) != 0)
		return false;
	name[length - ending_length] = '\0';
	return true;
}

SchemaLevel
request_level(const SchemaFormat *format, const text *level)
{
	SchemaLevel result = {BREAKS_NOTHING, false};
	bool protobuf = format == NULL || strcmp(format->name, "PROTOBUF") == 0;
	char	   *name = text_to_cstring(level);

	if (pg_strcasecmp(name, "NONE") == 0)
		return result;
	result.transitive = strip_transitive(name);
	for (size_t i = 0; i < lengthof(level_names); i++)
	{
		const LevelName *known = &level_names[i];

		if (pg_strcasecmp(known->name, name) == 0 &&
			(protobuf || !known->protobuf))
		{
			result.wanted = known->wanted;
			return result;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 format == NULL ?
				 errmsg("unknown level \"%s\"", text_to_cstring(level)) :
				 errmsg("unknown level \"%s\" for schemas of type %s",
						text_to_cstring(level), format->name),
			 errhint("There are NONE, BACKWARD, FORWARD and FULL%s, each but "
					 "NONE also with _TRANSITIVE.",
					 protobuf ? ", WIRE, WIRE_JSON, PACKAGE, FILE" : "")));
}

/* ---- options ---- */

pg_noreturn static void fail_option(const char *option, const char *expected);

static void
fail_option(const char *option, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" is not %s", option, expected)));
}

/* A text of a document in UTF-8. */
static char *
utf8_of(const JsonbValue *string)
{
	char	   *text = jb_text(string);

	return pg_server_to_any(text, (int) strlen(text), PG_UTF8);
}

/* One of the references: {name, schema}. */
static SchemaReference
read_reference(const JsonbValue *value)
{
	SchemaReference reference;
	JsonbValue		name, schema;

	if (!jb_is_object(value) ||
		!jb_get(value->val.binary.data, "name", &name) ||
		!jb_get(value->val.binary.data, "schema", &schema) ||
		name.type != jbvString || schema.type != jbvString)
		fail_option("references", "made of objects with name and schema");
	reference.name = utf8_of(&name);
	reference.text = utf8_of(&schema);
	reference.length = strlen(reference.text);
	return reference;
}

static void
read_reference_set(const JsonbContainer *array, SchemaReference **references,
				   int *count)
{
	JbCursor	cursor;
	JsonbValue	value;

	*references =
		palloc(sizeof(SchemaReference) * (JsonContainerSize(array) + 1));
	*count = 0;
	jb_walk(&cursor, array);
	while (jb_next_element(&cursor, &value))
		(*references)[(*count)++] = read_reference(&value);
}

/* Is it an array of arrays, one for each version? */
static bool
is_by_version(const JsonbContainer *array)
{
	JbCursor	cursor;
	JsonbValue	value;

	jb_walk(&cursor, array);
	return jb_next_element(&cursor, &value) && jb_is_array(&value);
}

static void
check_versions(const char *option, const JsonbContainer *array, int versions)
{
	if ((int) JsonContainerSize(array) != versions)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" has %d elements for %d old schemas",
						option, (int) JsonContainerSize(array), versions)));
}

/* The references of a side: for all versions, or an array of arrays. */
static void
read_references(const JsonbValue *value, int versions, RequestSide *side)
{
	const JsonbContainer *array;
	JbCursor	cursor;
	JsonbValue	element;

	if (!jb_is_array(value))
		fail_option("references", "an object of arrays");
	array = value->val.binary.data;
	side->nsets = 1;
	if (is_by_version(array))
	{
		check_versions("references", array, versions);
		side->nsets = versions;
	}
	side->references = palloc(sizeof(SchemaReference *) * side->nsets);
	side->nreferences = palloc(sizeof(int) * side->nsets);
	if (!is_by_version(array))
	{
		read_reference_set(array, &side->references[0], &side->nreferences[0]);
		return;
	}
	jb_walk(&cursor, array);
	for (int i = 0; jb_next_element(&cursor, &element); i++)
	{
		if (!jb_is_array(&element))
			fail_option("references", "arrays for all versions");
		read_reference_set(element.val.binary.data, &side->references[i],
						   &side->nreferences[i]);
	}
}

/* Names with commas between them, blanks around them left out. */
static void
split_names(char *list, const char ***names, int *count)
{
	char	   *next = list;

	*names = palloc(sizeof(char *) * (strlen(list) / 2 + 2));
	*count = 0;
	while (next != NULL)
	{
		char	   *name = next + strspn(next, " \t\n");
		char	   *comma = strchr(name, ',');
		size_t		length = comma ? (size_t) (comma - name) : strlen(name);

		next = comma ? comma + 1 : NULL;
		while (length > 0 && strchr(" \t\n", name[length - 1]) != NULL)
			length--;
		name[length] = '\0';
		if (length > 0)
			(*names)[(*count)++] = name;
	}
}

/* Of one version's metadata: the names that are reserved. */
static void
read_reserved(const JsonbValue *metadata, const char ***names, int *count)
{
	const JsonbContainer *properties;
	JsonbValue	list;

	*names = NULL;
	*count = 0;
	if (metadata->type == jbvNull)
		return;
	if (!jb_is_object(metadata))
		fail_option("metadata", "made of objects");
	properties = jb_get_object(metadata->val.binary.data, "properties");
	if (properties == NULL || !jb_get(properties, RESERVED_PROPERTY, &list))
		return;
	if (list.type != jbvString)
		fail_option("metadata",
					"with a text of names in \"" RESERVED_PROPERTY "\"");
	split_names(utf8_of(&list), names, count);
}

/* The metadata of a side: for all versions, or an array. */
static void
read_metadata(const JsonbValue *value, int versions, RequestSide *side)
{
	bool		by_version = jb_is_array(value);
	JbCursor	cursor;
	JsonbValue	element;

	side->nreserved_sets = 1;
	if (by_version)
	{
		check_versions("metadata", value->val.binary.data, versions);
		side->nreserved_sets = versions;
	}
	side->reserved = palloc0(sizeof(char **) * (side->nreserved_sets + 1));
	side->nreserved = palloc0(sizeof(int) * (side->nreserved_sets + 1));
	if (!by_version)
	{
		read_reserved(value, &side->reserved[0], &side->nreserved[0]);
		return;
	}
	jb_walk(&cursor, value->val.binary.data);
	for (int i = 0; jb_next_element(&cursor, &element); i++)
		read_reserved(&element, &side->reserved[i], &side->nreserved[i]);
}

/* An option of the form {new, old}. */
static void
read_sides(const char *option, const JsonbValue *value, int versions,
		   void (*read)(const JsonbValue *, int, RequestSide *),
		   RequestOptions *options)
{
	JbCursor	cursor;
	JsonbValue	key, side;

	if (!jb_is_object(value))
		fail_option(option, "an object with new and old");
	jb_walk(&cursor, value->val.binary.data);
	while (jb_next_member(&cursor, &key, &side))
	{
		char	   *name = jb_text(&key);

		if (strcmp(name, "new") == 0)
			read(&side, 1, &options->new);
		else if (strcmp(name, "old") == 0)
			read(&side, versions, &options->old);
		else
			fail_option(option, "an object with new and old alone");
	}
}

static bool
read_policy(const JsonbValue *value)
{
	char	   *policy = value->type == jbvString ? jb_text(value) : "";

	if (pg_strcasecmp(policy, "lenient") == 0)
		return true;
	if (pg_strcasecmp(policy, "strict") != 0)
		fail_option("policy", "\"strict\" or \"lenient\"");
	return false;
}

void
request_options(Jsonb *jsonb, int versions, RequestOptions *options)
{
	JbCursor	cursor;
	JsonbValue	key, value;

	memset(options, 0, sizeof(*options));
	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options are not an object")));
	jb_walk(&cursor, &jsonb->root);
	while (jb_next_member(&cursor, &key, &value))
	{
		char	   *name = jb_text(&key);

		if (strcmp(name, "references") == 0)
			read_sides(name, &value, versions, read_references, options);
		else if (strcmp(name, "metadata") == 0)
			read_sides(name, &value, versions, read_metadata, options);
		else if (strcmp(name, "policy") == 0)
			options->lenient = read_policy(&value);
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\"", name),
					 errhint("There are references, metadata and policy.")));
	}
}

void
request_reserved(Datum metadata, RequestSide *side)
{
	JsonbValue	value;

	if (!metadata)
		return;
	JsonbToJsonbValue(DatumGetJsonbP(metadata), &value);
	side->nreserved_sets = 1;
	side->reserved = palloc0(sizeof(char **));
	side->nreserved = palloc0(sizeof(int));
	read_reserved(&value, &side->reserved[0], &side->nreserved[0]);
}

/* Which of a side's sets holds for a version: there is one for all, or one for
 * each. */
static int
set_of(int nsets, int version)
{
	return nsets == 1 ? 0 : version;
}

SchemaPolicy
request_policy(const RequestOptions *options, int version)
{
	SchemaPolicy policy = {0};

	policy.lenient = options->lenient;
	if (options->new.nreserved_sets > 0)
	{
		policy.reserved_new = options->new.reserved[0];
		policy.nreserved_new = options->new.nreserved[0];
	}
	if (options->old.nreserved_sets > 0)
	{
		int			set = set_of(options->old.nreserved_sets, version);

		policy.reserved_old = options->old.reserved[set];
		policy.nreserved_old = options->old.nreserved[set];
	}
	return policy;
}

/* ---- texts ---- */

/* A schema's text in UTF-8, with what it refers to. */
typedef struct RequestText
{
	const char *text;
	size_t		length;
	const SchemaReference *references;
	int			nreferences;
} RequestText;

static RequestText
request_text(const text *schema, const RequestSide *side, int version)
{
	RequestText result = {0};
	int			length = VARSIZE_ANY_EXHDR(schema);
	char	   *utf8 = pg_server_to_any(VARDATA_ANY(schema), length, PG_UTF8);

	result.text = utf8;
	result.length =
		utf8 == VARDATA_ANY(schema) ? (size_t) length : strlen(utf8);
	if (side->nsets > 0)
	{
		int			set = set_of(side->nsets, version);

		result.references = side->references[set];
		result.nreferences = side->nreferences[set];
	}
	return result;
}

const Schema *
request_parse(Engine *engine, const SchemaFormat *format, const text *schema,
			  const RequestSide *side, int version)
{
	RequestText t = request_text(schema, side, version);

	return format->parse(engine, t.text, t.length, t.references,
						 t.nreferences);
}

const Schema *
request_known(Engine *engine, const SchemaFormat *format, const text *schema,
			  const RequestSide *side, int version, bool pin)
{
	RequestText t = request_text(schema, side, version);

	if (format->keep == NULL)
		return format->parse(engine, t.text, t.length, t.references,
							 t.nreferences);
	return schema_known(format, t.text, t.length, t.references, t.nreferences,
						pin);
}

text *
request_result(const char *utf8)
{
	return cstring_to_text(
		pg_any_to_server(utf8, (int) strlen(utf8), PG_UTF8));
}
