/*-------------------------------------------------------------------------
 *
 * odcs_check.c
 *		Is this an Open Data Contract that can be read?
 *
 * One table says what is read of a contract and of which type it has to be.
 * What the table does not name is kept and not looked at, so later minor
 * versions of the standard pass.  Pointers are into the contract itself.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/odcs.h"
#include "catalog/validate.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* How many findings an error or a notice spells out. */
#define FINDINGS_SHOWN 100

/* After so many errors a contract is not looked at any further. */
#define ERRORS_ENOUGH 1000

/* How much of a value a message quotes, in bytes. */
#define QUOTED_BYTES 60

typedef enum OdcsKind
{
	ODCS_TEXT,
	ODCS_BOOL,
	ODCS_NUMBER,
	ODCS_SCALAR, /* anything but an object or an array */
	ODCS_TEXTS,	 /* an array of strings */
	ODCS_OBJECT, /* members as fields say */
	ODCS_LIST,	 /* an array of such objects */
	ODCS_TEAM,	 /* an array of members (3.0), or an object (3.1) */
	ODCS_ANY
} OdcsKind;

typedef struct OdcsField
{
	const char *name;
	OdcsKind	kind;
	bool		required;
	const struct OdcsField *fields; /* of ODCS_OBJECT and ODCS_LIST */
	const char *unique; /* ODCS_LIST: member that no two may share */
} OdcsField;

#define OPTIONAL false
#define REQUIRED true
#define END                                                                   \
	{                                                                         \
		NULL, ODCS_ANY, false, NULL, NULL                                     \
	}

/* ---- what is read of a contract ---- */

static const OdcsField definition_fields[] = {{"url", ODCS_TEXT, REQUIRED,
											   NULL, NULL},
											  {"type", ODCS_TEXT, REQUIRED,
											   NULL, NULL},
											  END};

static const OdcsField custom_fields[] = {{"property", ODCS_TEXT, REQUIRED,
										   NULL, NULL},
										  {"value", ODCS_ANY, REQUIRED, NULL,
										   NULL},
										  END};

static const OdcsField quality_fields[] =
	{{"name", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"type", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 END};

/* A property holds properties, and an array's items are one. */
#define PROPERTY_FIELD_COUNT 20
static const OdcsField item_fields[PROPERTY_FIELD_COUNT];
static const OdcsField property_fields[PROPERTY_FIELD_COUNT];

#define PROPERTY_FIELDS                                                       \
	{"physicalName", ODCS_TEXT, OPTIONAL, NULL, NULL},                        \
		{"description", ODCS_TEXT, OPTIONAL, NULL, NULL},                     \
		{"businessName", ODCS_TEXT, OPTIONAL, NULL, NULL},                    \
		{"logicalType", ODCS_TEXT, OPTIONAL, NULL, NULL},                     \
		{"physicalType", ODCS_TEXT, OPTIONAL, NULL, NULL},                    \
		{"logicalTypeOptions", ODCS_OBJECT, OPTIONAL, NULL, NULL},            \
		{"classification", ODCS_TEXT, OPTIONAL, NULL, NULL},                  \
		{"criticalDataElement", ODCS_BOOL, OPTIONAL, NULL, NULL},             \
		{"primaryKey", ODCS_BOOL, OPTIONAL, NULL, NULL},                      \
		{"primaryKeyPosition", ODCS_NUMBER, OPTIONAL, NULL, NULL},            \
		{"required", ODCS_BOOL, OPTIONAL, NULL, NULL},                        \
		{"unique", ODCS_BOOL, OPTIONAL, NULL, NULL},                          \
		{"tags", ODCS_TEXTS, OPTIONAL, NULL, NULL},                           \
		{"quality", ODCS_LIST, OPTIONAL, quality_fields, NULL},               \
		{"customProperties", ODCS_LIST, OPTIONAL, custom_fields, NULL},       \
		{"authoritativeDefinitions", ODCS_LIST, OPTIONAL, definition_fields,  \
		 NULL},                                                               \
		{"properties", ODCS_LIST, OPTIONAL, property_fields, "name"},         \
	{                                                                         \
		"items", ODCS_OBJECT, OPTIONAL, item_fields, NULL                     \
	}

static const OdcsField item_fields[PROPERTY_FIELD_COUNT] =
	{{"name", ODCS_TEXT, OPTIONAL, NULL, NULL}, PROPERTY_FIELDS, END};

static const OdcsField property_fields[PROPERTY_FIELD_COUNT] =
	{{"name", ODCS_TEXT, REQUIRED, NULL, NULL}, PROPERTY_FIELDS, END};

static const OdcsField object_fields[] = {
	{"name", ODCS_TEXT, REQUIRED, NULL, NULL},
	{"physicalName", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"physicalType", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"logicalType", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"businessName", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"tags", ODCS_TEXTS, OPTIONAL, NULL, NULL},
	{"quality", ODCS_LIST, OPTIONAL, quality_fields, NULL},
	{"customProperties", ODCS_LIST, OPTIONAL, custom_fields, NULL},
	{"authoritativeDefinitions", ODCS_LIST, OPTIONAL, definition_fields, NULL},
	{"properties", ODCS_LIST, OPTIONAL, property_fields, "name"},
	END};

static const OdcsField member_fields[] =
	{{"username", ODCS_TEXT, REQUIRED, NULL, NULL},
	 {"name", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"role", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"dateIn", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"dateOut", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"replacedByUsername", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 END};

static const OdcsField team_fields[] =
	{{"name", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"members", ODCS_LIST, OPTIONAL, member_fields, NULL},
	 END};

static const OdcsField role_fields[] =
	{{"role", ODCS_TEXT, REQUIRED, NULL, NULL},
	 {"access", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 END};

static const OdcsField server_fields[] =
	{{"server", ODCS_TEXT, REQUIRED, NULL, NULL},
	 {"type", ODCS_TEXT, REQUIRED, NULL, NULL},
	 {"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"host", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"port", ODCS_SCALAR, OPTIONAL, NULL, NULL},
	 {"database", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"schema", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"location", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"endpointUrl", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"region", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"regionName", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 END};

static const OdcsField sla_fields[] =
	{{"property", ODCS_TEXT, REQUIRED, NULL, NULL},
	 {"value", ODCS_SCALAR, REQUIRED, NULL, NULL},
	 {"unit", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"element", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 END};

static const OdcsField support_fields[] =
	{{"channel", ODCS_TEXT, REQUIRED, NULL, NULL},
	 {"url", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"description", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"tool", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 END};

static const OdcsField description_fields[] =
	{{"purpose", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"usage", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 {"limitations", ODCS_TEXT, OPTIONAL, NULL, NULL},
	 END};

static const OdcsField contract_fields[] = {
	{"version", ODCS_TEXT, REQUIRED, NULL, NULL},
	{"kind", ODCS_TEXT, REQUIRED, NULL, NULL},
	{"apiVersion", ODCS_TEXT, REQUIRED, NULL, NULL},
	{"id", ODCS_TEXT, REQUIRED, NULL, NULL},
	{"status", ODCS_TEXT, REQUIRED, NULL, NULL},
	{"name", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"tenant", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"domain", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"dataProduct", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"tags", ODCS_TEXTS, OPTIONAL, NULL, NULL},
	{"description", ODCS_OBJECT, OPTIONAL, description_fields, NULL},
	{"schema", ODCS_LIST, OPTIONAL, object_fields, "name"},
	{"servers", ODCS_LIST, OPTIONAL, server_fields, "server"},
	{"team", ODCS_TEAM, OPTIONAL, NULL, NULL},
	{"roles", ODCS_LIST, OPTIONAL, role_fields, NULL},
	{"slaProperties", ODCS_LIST, OPTIONAL, sla_fields, NULL},
	{"slaDefaultElement", ODCS_TEXT, OPTIONAL, NULL, NULL},
	{"support", ODCS_LIST, OPTIONAL, support_fields, NULL},
	{"price", ODCS_OBJECT, OPTIONAL, NULL, NULL},
	{"customProperties", ODCS_LIST, OPTIONAL, custom_fields, NULL},
	{"authoritativeDefinitions", ODCS_LIST, OPTIONAL, definition_fields, NULL},
	{"contractCreatedTs", ODCS_TEXT, OPTIONAL, NULL, NULL},
	END};

/* ---- types ---- */

static void check_value(const OdcsField *field, const JsonbValue *value,
						const Place *place, Findings *findings);

/* A text for a message: its first bytes, control characters as '?'. */
static char *
quoted(const char *text)
{
	size_t		len = strlen(text);
	bool		cut = len > QUOTED_BYTES;
	char	   *copy;

	if (cut)
		len = pg_mbcliplen(text, (int) len, QUOTED_BYTES);
	copy = psprintf("%.*s%s", (int) len, text, cut ? "..." : "");
	for (char *c = copy; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			*c = '?';
	return copy;
}

/* The JSON type that a kind has, as a message names it. */
static const char *
kind_name(OdcsKind kind)
{
	switch (kind)
	{
		case ODCS_TEXT:
			return "string";
		case ODCS_BOOL:
			return "boolean";
		case ODCS_NUMBER:
			return "number";
		case ODCS_SCALAR:
			return "string, number, boolean or null";
		case ODCS_OBJECT:
			return "object";
		case ODCS_TEAM:
			return "object or array";
		default:
			return "array";
	}
}

/* Is a value of the JSON type that its kind needs? */
static bool
kind_fits(OdcsKind kind, const JsonbValue *value)
{
	switch (kind)
	{
		case ODCS_TEXT:
			return value->type == jbvString;
		case ODCS_BOOL:
			return value->type == jbvBool;
		case ODCS_NUMBER:
			return value->type == jbvNumeric;
		case ODCS_SCALAR:
			return value->type != jbvBinary;
		case ODCS_OBJECT:
			return jb_is_object(value);
		case ODCS_TEAM:
			return value->type == jbvBinary;
		case ODCS_TEXTS:
		case ODCS_LIST:
			return jb_is_array(value);
		case ODCS_ANY:
			break;
	}
	return true;
}

/* Check the members of an object that the table knows. */
static void
check_members(const OdcsField *fields, const JsonbContainer *object,
			  const Place *place, Findings *findings)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	for (const OdcsField *field = fields; field->name; field++)
	{
		Place		here = place_member(place, field->name);
		JsonbValue	value;

		if (jb_get(object, field->name, &value))
			check_value(field, &value, &here, findings);
		else if (field->required)
			finding_add(findings, FINDING_ERROR, "missing_key", place, NULL,
						"key \"%s\" is missing", field->name);
	}
}

/* No two elements of an array may have the same text in a member. */
static void
check_unique(const char *member, const JsonbContainer *array,
			 const Place *place, Findings *findings)
{
	HTAB	   *names;
	JbCursor	cursor;
	JsonbValue	element;
	JsonbValue	name;
	bool		found;

	if (JsonContainerSize(array) < 2)
		return;
	names = names_new();
	jb_walk(&cursor, array);
	while (jb_next_element(&cursor, &element))
	{
		Place		here = place_element(place, cursor.index);
		Place		there = place_member(&here, member);

		if (!jb_get(value_object(&element), member, &name) ||
			name.type != jbvString)
			continue;
		(void) names_enter(names, name.val.string.val, name.val.string.len,
						   &found);
		if (found && findings->errors < ERRORS_ENOUGH)
			finding_add(findings, FINDING_ERROR, "duplicate_name", &there,
						NULL, "\"%s\" stands here twice",
						quoted(jb_text(&name)));
	}
	hash_destroy(names);
}

/* Check an array: of strings, or of objects. */
static void
check_array(const OdcsField *field, const JsonbContainer *array,
			const Place *place, Findings *findings)
{
	JbCursor	cursor;
	JsonbValue	element;
	OdcsField	each = *field;

	each.kind = field->kind == ODCS_TEXTS ? ODCS_TEXT : ODCS_OBJECT;
	jb_walk(&cursor, array);
	while (jb_next_element(&cursor, &element))
	{
		Place		here = place_element(place, cursor.index);

		check_value(&each, &element, &here, findings);
	}
	if (field->unique != NULL)
		check_unique(field->unique, array, place, findings);
}

/* Check one value against its line of the table. */
static void
check_value(const OdcsField *field, const JsonbValue *value,
			const Place *place, Findings *findings)
{
	OdcsField	team = {NULL, ODCS_LIST, false, member_fields, NULL};
	const JsonbContainer *container;

	if (findings->errors >= ERRORS_ENOUGH)
		return;
	if (!kind_fits(field->kind, value))
	{
		finding_add(findings, FINDING_ERROR, "wrong_type", place, NULL,
					"expected %s, not %s", kind_name(field->kind),
					jb_type_name(value));
		return;
	}
	if (value->type != jbvBinary || field->kind == ODCS_ANY)
		return;
	container = value->val.binary.data;
	if (field->kind == ODCS_TEAM && JsonContainerIsObject(container))
		check_members(team_fields, container, place, findings);
	else if (field->kind == ODCS_TEAM)
		check_array(&team, container, place, findings);
	else if (field->kind == ODCS_OBJECT && field->fields != NULL)
		check_members(field->fields, container, place, findings);
	else if (field->kind != ODCS_OBJECT)
		check_array(field, container, place, findings);
}

/* ---- the head ---- */

/* Is the text "v3.0.N", "v3.1.N" or "v3.2.N"? */
static bool
is_known_version(const char *version)
{
	const char *c = version + 5;

	if (strncmp(version, "v3.", 3) != 0 || version[3] < '0' ||
		version[3] > '2' || version[4] != '.')
		return false;
	return *c != '\0' && strspn(c, "0123456789") == strlen(c) &&
		strlen(c) <= 4;
}

/* A name that the document can keep: of a contract, a context, a dataset. */
static void
check_name(const JsonbContainer *object, const char *member,
		   const Place *place, Findings *findings)
{
	Place		here = place_member(place, member);
	char	   *name = jb_get_text(object, member);

	if (name != NULL && !odcs_usable_name(name))
		finding_add(findings, FINDING_ERROR, "bad_name", &here, NULL,
					"\"%s\" cannot be a name: 1 to 200 characters, no control "
					"characters, no blank at either end, not just *",
					quoted(name));
}

/* Check what says that this is a contract, and of which version. */
static void
check_head(const JsonbContainer *doc, Findings *findings)
{
	char	   *kind = jb_get_text(doc, "kind");
	char	   *version = jb_get_text(doc, "apiVersion");
	Place		kind_place = place_member(NULL, "kind");
	Place		version_place = place_member(NULL, "apiVersion");

	if (kind != NULL && strcmp(kind, "DataContract") != 0)
		finding_add(findings, FINDING_ERROR, "bad_value", &kind_place, NULL,
					"expected \"DataContract\", not \"%s\"", quoted(kind));
	if (version != NULL && !is_known_version(version))
		finding_add(findings, FINDING_ERROR, "bad_value", &version_place, NULL,
					"version \"%s\" of the standard cannot be read, v3.0, "
					"v3.1 and v3.2 can",
					quoted(version));
}

/* Does an address hold a password: user:password before its @? */
static bool
holds_password(const char *address)
{
	const char *start = strstr(address, "://");
	size_t		len;
	const char *at;
	const char *colon;

	start = start != NULL ? start + 3 : address;
	len = strcspn(start, "/?#");
	at = memchr(start, '@', len);
	colon = memchr(start, ':', len);
	return at != NULL && colon != NULL && colon < at;
}

/* Credentials have no place in a document that readers may read. */
static void
check_credentials(const JsonbContainer *doc, Findings *findings)
{
	static const char *const members[] = {"host", "location", "endpointUrl"};
	const JsonbContainer *servers = jb_get_array(doc, "servers");
	Place		place = place_member(NULL, "servers");
	JbCursor	cursor;
	JsonbValue	server;

	if (servers == NULL)
		return;
	jb_walk(&cursor, servers);
	while (jb_next_element(&cursor, &server))
		for (size_t i = 0; i < lengthof(members); i++)
		{
			Place		here = place_element(&place, cursor.index);
			Place		there = place_member(&here, members[i]);
			char *address = jb_get_text(value_object(&server), members[i]);

			if (address != NULL && holds_password(address))
				finding_add(findings, FINDING_ERROR, "credentials", &there,
							NULL, "address holds a password");
		}
}

/* Names of schema objects become names of datasets. */
static void
check_names(const JsonbContainer *doc, Findings *findings)
{
	const JsonbContainer *schema = jb_get_array(doc, "schema");
	Place		place = place_member(NULL, "schema");
	JbCursor	cursor;
	JsonbValue	object;

	check_name(doc, "id", NULL, findings);
	check_name(doc, "domain", NULL, findings);
	check_name(doc, "tenant", NULL, findings);
	if (schema == NULL)
		return;
	jb_walk(&cursor, schema);
	while (jb_next_element(&cursor, &object))
	{
		Place		here = place_element(&place, cursor.index);

		check_name(value_object(&object), "name", &here, findings);
	}
}

void
odcs_check(const JsonbContainer *doc, Findings *findings)
{
	if (!JsonContainerIsObject(doc))
	{
		finding_add(findings, FINDING_ERROR, "not_an_object", NULL, NULL,
					"data contract is not a JSON object");
		return;
	}
	check_head(doc, findings);
	if (findings->errors > 0)
		return;
	check_members(contract_fields, doc, NULL, findings);
	check_names(doc, findings);
	check_credentials(doc, findings);
}

/* ---- telling ---- */

/* The findings of one severity, a line each, bounded. */
static char *
findings_text(const Findings *findings, FindingSeverity severity, int count)
{
	StringInfoData buf;
	int			shown = 0;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach (lc, findings->items)
	{
		const Finding *finding = lfirst(lc);

		if (finding->severity != severity || shown++ >= FINDINGS_SHOWN)
			continue;
		appendStringInfo(&buf, "%s%s: %s [%s]", buf.len > 0 ? "\n" : "",
						 finding->pointer[0] ? finding->pointer : "/",
						 finding->message, finding->code);
	}
	if (count > FINDINGS_SHOWN)
		appendStringInfo(&buf, "\nand %d more", count - FINDINGS_SHOWN);
	return buf.data;
}

void
odcs_raise(const Findings *findings)
{
	if (findings->errors == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("data contract has %d error",
						   "data contract has %d errors", findings->errors,
						   findings->errors),
			 errdetail_internal("%s",
								findings_text(findings, FINDING_ERROR,
											  findings->errors))));
}

void
odcs_tell(const Findings *notes)
{
	int			count = list_length(notes->items) - notes->errors;

	if (count == 0)
		return;
	ereport(NOTICE,
			(errmsg_plural("%d part of the data contract is kept, not used",
						   "%d parts of the data contract are kept, not used",
						   count, count),
			 errdetail_internal("%s",
								findings_text(notes, FINDING_WARNING,
											  count))));
}
