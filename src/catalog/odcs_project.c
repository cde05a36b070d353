/*-------------------------------------------------------------------------
 *
 * odcs_project.c
 *		What spine uses of an Open Data Contract, in the words of the
 *		document.
 *
 * Nothing here decides who wins over what the document says already: these
 * are proposals, made alike for a new contract and for the one of the last
 * import.  A contract names people and readers; it never gives a right to
 * write, and it binds no party but a role's to a database role.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/format.h"
#include "catalog/odcs.h"
#include "catalog/validate.h"
#include "commands/dbcommands.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

/* ---- small things ---- */

/* Can it be the name of something in the document? */
bool
odcs_usable_name(const char *name)
{
	return name != NULL && strcmp(name, "*") != 0 &&
		format_string_matches(SHAPE_NAME, name, (int) strlen(name));
}

/* Begin and end an object that is being built. */
JsonbParseState *
odcs_object_begin(void)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	return state;
}

Jsonb *
odcs_object_end(JsonbParseState *state)
{
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Add a member that is a document of its own. */
void
odcs_push_document(JsonbParseState **state, const char *key,
				   const Jsonb *document)
{
	JsonbValue	value = document_value(document);

	jb_push_value(state, key, &value);
}

/* Copy a text member under another name, if it is there and not empty. */
bool
odcs_copy_text(JsonbParseState **state, const char *key,
			   const JsonbContainer *from, const char *member)
{
	char	   *text = jb_get_text(from, member);

	if (text == NULL || text[0] == '\0')
		return false;
	jb_push_text(state, key, text);
	return true;
}

/* A text in lower case, with blanks for "_" and "-". */
static char *
plain_words(const char *text)
{
	char	   *words = pstrdup(text);

	for (char *c = words; *c; c++)
		*c = (*c == '_' || *c == '-') ? ' ' : pg_ascii_tolower(*c);
	return words;
}

/* Is the text one of the words?  The list ends with NULL. */
static bool
is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* Remember that a term, "scheme:code", is needed. */
void
odcs_need_term(OdcsContract *contract, const char *tag)
{
	bool		found;

	(void) names_enter(contract->tags, tag, (int) strlen(tag), &found);
}

char *
odcs_context(const JsonbContainer *doc)
{
	static const char *const members[] = {"domain", "tenant", "dataProduct",
										  "id"};

	for (size_t i = 0; i < lengthof(members); i++)
	{
		char	   *name = jb_get_text(doc, members[i]);

		if (odcs_usable_name(name))
			return name;
	}
	return pstrdup("contracts");
}

/* ---- the team ---- */

/* What is remembered of the member that fits best so far. */
typedef struct BestMember
{
	const char *name;
	const char *in;	 /* dateIn, or "" */
	const char *out; /* dateOut, or NULL: still there */
	Place		place;
} BestMember;

/* Today as yyyy-mm-dd. */
static char *
today(void)
{
	int			year;
	int			month;
	int			day;

	j2date(GetSQLCurrentDate() + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return psprintf("%04d-%02d-%02d", year, month, day);
}

/* Does a member go before the best so far?  Who stays goes before who
 * leaves, then who came or leaves last; else who stands first. */
static bool
is_better(const BestMember *best, const char *in, const char *out)
{
	if (best->name == NULL)
		return true;
	if ((out == NULL) != (best->out == NULL))
		return out == NULL;
	if (out != NULL)
		return strcmp(out, best->out) > 0;
	return strcmp(in, best->in) > 0;
}

/* The member who has one of the roles now; NULL if there is none. */
static const JsonbContainer *
find_member(OdcsContract *contract, const JsonbContainer *members,
			const char *const *roles, const Place *place)
{
	const JsonbContainer *found = NULL;
	BestMember	best = {0};
	JbCursor	cursor;
	JsonbValue	value;

	if (members == NULL)
		return NULL;
	jb_walk(&cursor, members);
	while (jb_next_element(&cursor, &value))
	{
		const JsonbContainer *member = value_object(&value);
		char	   *role = jb_get_text(member, "role");
		char	   *in = jb_get_text(member, "dateIn");
		char	   *out = jb_get_text(member, "dateOut");
		Place		here = place_element(place, cursor.index);

		if (role == NULL || !is_one_of(plain_words(role), roles))
			continue;
		if (best.name != NULL && out == NULL && best.out == NULL)
			odcs_note(
				contract, "second_owner", &here,
				"one member has the role already, one party is accountable");
		if (!is_better(&best, in ? in : "", out))
			continue;
		best.name = jb_get_text(member, "username");
		best.in = in ? in : "";
		best.out = out;
		best.place = here;
		found = member;
	}
	if (found == NULL)
		return NULL;
	if (!odcs_usable_name(best.name))
	{
		odcs_note(contract, "unusable_party", &best.place,
				  "username cannot be a name");
		return NULL;
	}
	if (best.out != NULL && !contract->past &&
		strncmp(best.out, today(), 10) < 0)
	{
		odcs_note(contract, "left_the_team", &best.place,
				  "the member has left, nobody has the role");
		return NULL;
	}
	return found;
}

/* A party of the contract's; contact may be NULL. */
static Jsonb *
party_entry(const char *kind, const char *description, const char *role,
			const Jsonb *contact)
{
	JsonbParseState *entry = odcs_object_begin();

	jb_push_text(&entry, "kind", kind);
	if (description != NULL && description[0] != '\0')
		jb_push_text(&entry, "description", description);
	if (role != NULL)
		jb_push_text(&entry, "role", role);
	if (contact != NULL)
		odcs_push_document(&entry, "contact", contact);
	return odcs_object_end(entry);
}

/* The support channels, as an owner's contact; NULL if there is none. */
static Jsonb *
read_contact(OdcsContract *contract)
{
	static const char *const members[] = {"url", "description", "tool",
										  "channel"};
	const JsonbContainer *support = jb_get_array(contract->doc, "support");
	JsonbParseState *contact = odcs_object_begin();
	Place		place = place_member(NULL, "support");
	Jsonb	   *result;
	JbCursor	cursor;
	JsonbValue	item;

	if (support == NULL)
		return NULL;
	jb_walk(&cursor, support);
	while (jb_next_element(&cursor, &item))
	{
		const JsonbContainer *object = value_object(&item);
		char	   *channel = jb_get_text(object, "channel");
		Place		here = place_element(&place, cursor.index);

		if (!odcs_usable_name(channel))
			odcs_note(contract, "unusable_channel", &here,
					  "channel cannot be a name");
		else
			for (size_t i = 0; i < lengthof(members); i++)
				if (odcs_copy_text(&contact, channel, object, members[i]))
					break;
	}
	result = odcs_object_end(contact);
	return JB_ROOT_COUNT(result) > 0 ? result : NULL;
}

/* What is said about a member, for people. */
static char *
member_description(const JsonbContainer *member)
{
	char	   *name = jb_get_text(member, "name");

	return name != NULL ? name : jb_get_text(member, "description");
}

/* Find owner and steward, and add them to the parties. */
static void
read_team(OdcsContract *contract, JsonbParseState **parties)
{
	static const char *const owners[] = {"owner",
										 "data owner",
										 "dataset owner",
										 "product owner",
										 "data product owner",
										 NULL};
	static const char *const stewards[] = {"steward", "data steward", NULL};
	const JsonbContainer *members = jb_get_array(contract->doc, "team");
	const JsonbContainer *team = jb_get_object(contract->doc, "team");
	const JsonbContainer *member;
	Place		team_place = place_member(NULL, "team");
	Place		place = place_member(&team_place, "members");

	if (team != NULL)
		members = jb_get_array(team, "members");
	else
		place = team_place;

	member = find_member(contract, members, stewards, &place);
	if (member != NULL)
	{
		contract->steward = jb_get_text(member, "username");
		odcs_push_document(parties, contract->steward,
						   party_entry("person", member_description(member),
									   NULL, NULL));
	}

	member = find_member(contract, members, owners, &place);
	if (member != NULL)
	{
		contract->owner = jb_get_text(member, "username");
		odcs_push_document(parties, contract->owner,
						   party_entry("person", member_description(member),
									   NULL, read_contact(contract)));
	}
	else if (odcs_usable_name(jb_get_text(team, "name")))
	{
		contract->owner = jb_get_text(team, "name");
		odcs_push_document(parties, contract->owner,
						   party_entry("team",
									   jb_get_text(team, "description"), NULL,
									   read_contact(contract)));
	}
}

/* ---- roles ---- */

/* The document's parties by their database roles. */
static HTAB *
parties_by_role(const JsonbContainer *spine)
{
	HTAB	   *roles = names_new();
	Pairs		pairs;
	bool		found;

	pairs_begin(&pairs, jb_get_object(spine, "parties"), NULL);
	while (pairs_next(&pairs))
	{
		char *role = jb_get_text(value_object(pairs.before), "role");

		if (role != NULL)
			names_enter(roles, role, (int) strlen(role), &found)->first =
				jb_text(&pairs.key);
	}
	return roles;
}

/* The party that a role of the contract is. */
static char *
role_party(OdcsContract *contract, char *role, JsonbParseState **parties)
{
	const JsonbContainer *known = jb_get_object(contract->spine, "parties");
	NameEntry	key = {NULL, 0, NULL};
	NameEntry  *entry;
	bool		exists;

	key.text = role;
	key.len = (int) strlen(role);
	entry = hash_search(contract->roles, &key, HASH_FIND, NULL);
	if (jb_get_object(known, role) == NULL && entry != NULL)
		return entry->first;
	exists = entry == NULL && strlen(role) < NAMEDATALEN &&
		OidIsValid(get_role_oid(role, true));
	odcs_push_document(parties, role,
					   party_entry("role", NULL, exists ? role : NULL, NULL));
	return role;
}

/* Read the roles: everybody who has access is a consumer. */
static void
read_roles(OdcsContract *contract, JsonbParseState **parties)
{
	const JsonbContainer *roles = jb_get_array(contract->doc, "roles");
	JsonbParseState *consumers = odcs_object_begin();
	Place		place = place_member(NULL, "roles");
	JbCursor	cursor;
	JsonbValue	value;

	if (roles != NULL)
		jb_walk(&cursor, roles);
	while (roles != NULL && jb_next_element(&cursor, &value))
	{
		const JsonbContainer *object = value_object(&value);
		char	   *role = jb_get_text(object, "role");
		char	   *access = jb_get_text(object, "access");
		JsonbParseState *consumer = odcs_object_begin();
		Place		here = place_element(&place, cursor.index);

		if (!odcs_usable_name(role))
		{
			odcs_note(contract, "unusable_party", &here,
					  "role cannot be a name");
			continue;
		}
		if (access != NULL && strcmp(plain_words(access), "read") != 0)
			odcs_note(
				contract, "no_write_access", &here,
				"access other than read is given by the document, not by a "
				"contract");
		(void) odcs_copy_text(&consumer, "description", object, "description");
		odcs_push_document(&consumers, role_party(contract, role, parties),
						   odcs_object_end(consumer));
	}
	contract->consumers = odcs_object_end(consumers);
}

/* ---- servers ---- */

/* The kind of store that a server's type is. */
static const char *
store_kind(const char *type)
{
	static const char *const warehouses[] =
		{"athena",	"bigquery", "clickhouse", "databricks", "denodo",
		 "dremio",	"duckdb",	"glue",		  "hive",		"impala",
		 "presto",	"redshift", "snowflake",  "synapse",	"trino",
		 "vertica", NULL};
	static const char *const objects[] = {"s3", "azure", "gcs", NULL};

	if (is_one_of(type, warehouses))
		return "warehouse";
	if (is_one_of(type, objects))
		return "object_store";
	if (strcmp(type, "kafka") == 0 || strcmp(type, "api") == 0)
		return type;
	return "other";
}

/* Is a server a PostgreSQL? */
bool
odcs_is_postgres(const JsonbContainer *server)
{
	char	   *type = jb_get_text(server, "type");

	return type != NULL &&
		(strcmp(type, "postgres") == 0 || strcmp(type, "postgresql") == 0);
}

/* An address without user, password, query and fragment. */
static char *
clean_address(const char *address)
{
	const char *start = strstr(address, "://");
	const char *at;
	size_t		len;

	start = start != NULL ? start + 3 : address;
	len = strcspn(start, "/?#;");
	for (at = start + len; at > start && at[-1] != '@'; at--)
		;
	return psprintf("%.*s%.*s", (int) (start - address), address,
					(int) strcspn(at, "?#;"), at);
}

/* Where a server is, without anything that could be a credential. */
static char *
server_endpoint(const JsonbContainer *server)
{
	char	   *host = jb_get_text(server, "host");
	char	   *database = jb_get_text(server, "database");
	char	   *address = jb_get_text(server, "location");
	JsonbValue	port;

	if (address == NULL)
		address = jb_get_text(server, "endpointUrl");
	if (address != NULL)
		return clean_address(address);
	if (host == NULL)
		return NULL;
	host = clean_address(host);
	if (jb_get(server, "port", &port) && port.type == jbvNumeric)
		host = psprintf("%s:%s", host, numeric_normalize(port.val.numeric));
	else if (jb_get(server, "port", &port) && port.type == jbvString)
		host = psprintf("%s:%s", host, clean_address(jb_text(&port)));
	return database != NULL ? psprintf("%s/%s", host, database) : host;
}

/* Is any store of the document this database, by its kind? */
static bool
has_local_store(const JsonbContainer *spine)
{
	Pairs		pairs;

	pairs_begin(&pairs, jb_get_object(spine, "stores"), NULL);
	while (pairs_next(&pairs))
	{
		const JsonbContainer *store = value_object(pairs.before);
		char	   *kind = jb_get_text(store, "kind");

		if (kind != NULL && strcmp(kind, "postgres") == 0 &&
			jb_get_text(store, "server") == NULL)
			return true;
	}
	return false;
}

/*
 * The server that is this very database, by name; NULL if none is.  A store
 * of kind postgres without "server" says so; it is believed of the only
 * PostgreSQL of the contract whose database is called like this one, and only
 * if no store of the document is this database yet.
 */
static char *
local_server(const OdcsContract *contract, const JsonbContainer *servers)
{
	char	   *here = get_database_name(MyDatabaseId);
	char	   *found = NULL;
	int			count = 0;
	JbCursor	cursor;
	JsonbValue	value;

	if (here == NULL || has_local_store(contract->spine))
		return NULL;
	jb_walk(&cursor, servers);
	while (jb_next_element(&cursor, &value))
	{
		const JsonbContainer *server = value_object(&value);
		char	   *named = jb_get_text(server, "database");

		if (!odcs_is_postgres(server) || named == NULL ||
			strcmp(named, here) != 0)
			continue;
		count++;
		found = jb_get_text(server, "server");
	}
	return count == 1 ? found : NULL;
}

/* Say of which kind a new store is. */
static void
push_store_kind(JsonbParseState **store, const JsonbContainer *server,
				const char *name, const char *here)
{
	if (!odcs_is_postgres(server))
		jb_push_text(store, "kind",
					 store_kind(plain_words(jb_get_text(server, "type"))));
	else if (strlen(name) < NAMEDATALEN &&
			 GetForeignServerByName(name, true) != NULL)
	{
		jb_push_text(store, "kind", "postgres");
		jb_push_text(store, "server", name);
	}
	else if (here != NULL && strcmp(name, here) == 0)
		jb_push_text(store, "kind", "postgres");
	else
		jb_push_text(store, "kind", "other");
}

/*
 * One server as a store.  What kind of store it is and how it is reached is
 * said of a new one only: that may not follow from the contract alone.
 */
static Jsonb *
read_server(OdcsContract *contract, const JsonbContainer *server,
			const char *name, const char *here)
{
	JsonbParseState *store = odcs_object_begin();
	char	   *endpoint = server_endpoint(server);
	char	   *region = jb_get_text(server, "region");

	if (jb_get_object(jb_get_object(contract->spine, "stores"), name) == NULL)
		push_store_kind(&store, server, name, here);
	(void) odcs_copy_text(&store, "description", server, "description");
	if (endpoint != NULL && endpoint[0] != '\0')
		jb_push_text(&store, "endpoint", endpoint);
	if (region == NULL)
		region = jb_get_text(server, "regionName");
	if (odcs_usable_name(region))
	{
		odcs_need_term(contract, psprintf("region:%s", region));
		jb_push_text(&store, "region", region);
	}
	return odcs_object_end(store);
}

/* Read the servers. */
static void
read_servers(OdcsContract *contract)
{
	const JsonbContainer *servers = jb_get_array(contract->doc, "servers");
	JsonbParseState *stores = odcs_object_begin();
	Place		place = place_member(NULL, "servers");
	JbCursor	cursor;
	JsonbValue	value;
	char	   *here_name = NULL;

	if (servers != NULL)
	{
		here_name = local_server(contract, servers);
		jb_walk(&cursor, servers);
	}
	while (servers != NULL && jb_next_element(&cursor, &value))
	{
		const JsonbContainer *server = value_object(&value);
		char	   *name = jb_get_text(server, "server");
		Place		here = place_element(&place, cursor.index);

		if (odcs_usable_name(name))
			odcs_push_document(&stores, name,
							   read_server(contract, server, name, here_name));
		else
			odcs_note(contract, "unusable_store", &here,
					  "server cannot be a name");
	}
	contract->stores = odcs_object_end(stores);
}

/* ---- retention ---- */

/* A number and a unit as an ISO 8601 duration; NULL if they are none. */
static char *
duration_of(const char *number, const char *unit)
{
	static const char *const units[] =
		{"y",	   "yr",	  "year",	"years",   "P%sY",	"m",	 "mo",
		 "month",  "months",  "P%sM",	"w",	   "week",	"weeks", "P%sW",
		 "d",	   "day",	  "days",	"P%sD",	   "h",		"hour",	 "hours",
		 "PT%sH",  "min",	  "minute", "minutes", "PT%sM", "s",	 "sec",
		 "second", "seconds", "PT%sS",	NULL};
	size_t		len = strlen(number);
	bool		matched = false;

	if (len < 1 || len > 8 || strspn(number, "0123456789") != len)
		return NULL;
	for (const char *const *word = units; *word; word++)
	{
		if ((*word)[0] != 'P')
			matched |= unit != NULL && strcmp(*word, plain_words(unit)) == 0;
		else if (matched && (*word)[1] == 'T')
			return psprintf("PT%s%c", number, (*word)[4]);
		else if (matched)
			return psprintf("P%s%c", number, (*word)[3]);
	}
	return NULL;
}

/* How long a retention entry says; NULL if that is no duration. */
static char *
keep_of(const JsonbContainer *sla)
{
	char	   *unit = jb_get_text(sla, "unit");
	char	   *text = NULL;
	JsonbValue	value;

	if (!jb_get(sla, "value", &value))
		return NULL;
	if (value.type == jbvNumeric)
		text = numeric_normalize(value.val.numeric);
	else if (value.type == jbvString)
		text = jb_text(&value);
	if (text == NULL)
		return NULL;
	if (format_string_matches(SHAPE_DURATION, text, (int) strlen(text)))
		return text;
	return duration_of(text, unit);
}

/* Add a retention of an object's rows, from a property on; NULL for any. */
static void
add_retention(OdcsContract *contract, const char *keep,
			  const JsonbContainer *sla, const char *object, const char *clock)
{
	OdcsRetention *retention = palloc(sizeof(OdcsRetention));

	retention->keep = keep;
	retention->object = object;
	retention->clock = clock;
	retention->description = jb_get_text(sla, "description");
	contract->retentions = lappend(contract->retentions, retention);
}

/* Add a retention for each of the elements, "object.property, ..."; without
 * any, one for all objects. */
static void
add_retentions(OdcsContract *contract, const char *keep,
			   const JsonbContainer *sla)
{
	char	   *element = jb_get_text(sla, "element");
	char	   *rest;

	if (element == NULL)
		element = jb_get_text(contract->doc, "slaDefaultElement");
	if (element == NULL)
		add_retention(contract, keep, sla, NULL, NULL);
	else
		for (char *one = strtok_r(element, ", ", &rest); one != NULL;
			 one = strtok_r(NULL, ", ", &rest))
		{
			char	   *dot = strchr(one, '.');

			if (dot != NULL)
				*dot = '\0';
			add_retention(contract, keep, sla, one,
						  dot != NULL ? dot + 1 : NULL);
		}
}

/* Read the retention out of the service levels. */
static void
read_retentions(OdcsContract *contract)
{
	const JsonbContainer *slas = jb_get_array(contract->doc, "slaProperties");
	Place		place = place_member(NULL, "slaProperties");
	JbCursor	cursor;
	JsonbValue	value;

	if (slas == NULL)
		return;
	jb_walk(&cursor, slas);
	while (jb_next_element(&cursor, &value))
	{
		const JsonbContainer *sla = value_object(&value);
		char	   *property = jb_get_text(sla, "property");
		char	   *keep = keep_of(sla);
		Place		here = place_element(&place, cursor.index);

		if (property == NULL ||
			strcmp(plain_words(property), "retention") != 0)
			continue;
		if (keep == NULL)
			odcs_note(
				contract, "no_duration", &here,
				"retention is not a whole number of years, months, weeks, "
				"days, hours, minutes or seconds");
		else
			add_retentions(contract, keep, sla);
	}
}

/* ---- the contract ---- */

OdcsContract *
odcs_contract(const JsonbContainer *doc, const JsonbContainer *spine,
			  bool past)
{
	OdcsContract *contract = palloc0(sizeof(OdcsContract));
	JsonbParseState *parties = odcs_object_begin();

	contract->doc = doc;
	contract->spine = spine;
	contract->past = past;
	contract->notes = findings_new();
	contract->tags = names_new();
	contract->roles = parties_by_role(spine);
	read_roles(contract, &parties);
	read_team(contract, &parties);
	contract->parties = odcs_object_end(parties);
	read_servers(contract);
	read_retentions(contract);
	return contract;
}
