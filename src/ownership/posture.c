/*-------------------------------------------------------------------------
 *
 * posture.c
 *		What in the server's own settings and roles could get past the guard.
 *
 * The guard cannot prevent any of this: whoever administers the server can.
 * So each is a question to the catalogs, asked by health(), and a row that
 * says what was found.  What is merely good to know is never wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/spine_catalog.h"
#include "executor/spi.h"
#include "ownership/posture.h"
#include "utils/builtins.h"

/* A question: what is wrong, each with a name. */
typedef struct PostureQuery
{
	const char *check_name;
	const char *names;	/* expression for the name of one thing found */
	const char *source; /* FROM clause that finds them */
	const char *hint;	/* NULL: good to know, never wrong */
} PostureQuery;

static const PostureQuery queries[] = {
	{"event_triggers", "found.name",
	 "(SELECT w.name || CASE WHEN e.evtname IS NULL"
	 " THEN ' is missing' ELSE ' is not ENABLE ALWAYS' END AS name"
	 " FROM pg_catalog.unnest('{spine_ddl_start,spine_ddl_guard,"
	 "spine_sql_drop,spine_table_rewrite,spine_refuse_drop,"
	 "spine_require_owner}'::text[]) AS w (name)"
	 " LEFT JOIN pg_catalog.pg_event_trigger e ON e.evtname = w.name"
	 " WHERE e.evtenabled IS DISTINCT FROM 'A'"
	 " UNION ALL SELECT 'the setting event_triggers is off'"
	 " WHERE pg_catalog.current_setting('event_triggers', true) = 'off'"
	 " UNION ALL SELECT 'event_triggers is set for a database or a role'"
	 " FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) c"
	 " WHERE c LIKE 'event\\_triggers=%') found",
	 "ALTER EVENT TRIGGER … ENABLE ALWAYS, and event_triggers = on: without "
	 "them nothing keeps a table's owner from taking its guard off."},
	{"own_triggers", "t.tgname || ' of ' || t.tgrelid::pg_catalog.regclass",
	 "pg_catalog.pg_trigger t"
	 " JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid"
	 " WHERE c.relnamespace = 'spine'::pg_catalog.regnamespace"
	 " AND NOT t.tgisinternal AND t.tgenabled <> 'A'",
	 "ALTER TABLE … ENABLE ALWAYS TRIGGER …: they keep the projection and the "
	 "history."},
	{"party_makers", "found.name",
	 "(SELECT pg_catalog.format('%I (CREATEROLE)', r.rolname) AS name"
	 " FROM pg_catalog.pg_roles r"
	 " WHERE r.rolcreaterole AND NOT r.rolsuper"
	 " AND pg_catalog.current_setting('server_version_num')::int < 160000"
	 " AND EXISTS (SELECT FROM spine.party WHERE roleid IS NOT NULL)"
	 " UNION SELECT pg_catalog.format('%I (ADMIN OPTION on %I)', r.rolname,"
	 " p.role) FROM spine.party p"
	 " JOIN pg_catalog.pg_auth_members m ON m.roleid = p.roleid"
	 " JOIN pg_catalog.pg_roles r ON r.oid = m.member"
	 " WHERE m.admin_option AND NOT r.rolsuper"
	 " AND NOT pg_catalog.pg_has_role(r.oid, p.roleid, 'USAGE')) found",
	 "These roles can make themselves a party: take the privilege from them, "
	 "or count them as parties."},
	{"bypass_roles", "found.name",
	 "(SELECT pg_catalog.format('%I (%s)', r.rolname,"
	 " pg_catalog.concat_ws(', ',"
	 " CASE WHEN r.rolreplication THEN 'REPLICATION' END,"
	 " CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,"
	 " CASE WHEN pg_catalog.pg_has_role(r.oid, 'pg_write_server_files',"
	 " 'MEMBER') THEN 'pg_write_server_files' END,"
	 " CASE WHEN pg_catalog.pg_has_role(r.oid, 'pg_execute_server_program',"
	 " 'MEMBER') THEN 'pg_execute_server_program' END)) AS name"
	 " FROM pg_catalog.pg_roles r"
	 " WHERE NOT r.rolsuper AND r.rolname !~ '^pg_'"
	 " AND (r.rolreplication OR r.rolbypassrls"
	 " OR pg_catalog.pg_has_role(r.oid, 'pg_write_server_files', 'MEMBER')"
	 " OR pg_catalog.pg_has_role(r.oid, 'pg_execute_server_program',"
	 " 'MEMBER'))) found",
	 "They read all data, or may become superuser through the server's files: "
	 "make sure that nobody else can log in as them."},
	{"replica_role", "COALESCE(r.rolname, 'PUBLIC')",
	 "pg_catalog.pg_parameter_acl a"
	 " CROSS JOIN LATERAL pg_catalog.aclexplode(a.paracl) g"
	 " LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee"
	 " WHERE a.parname = 'session_replication_role'"
	 " AND g.privilege_type = 'SET' AND r.rolsuper IS DISTINCT FROM true",
	 "The guard fires all the same; foreign keys and other triggers do not: "
	 "REVOKE SET ON PARAMETER session_replication_role."},
	{"ssl", "'listens on ' || pg_catalog.btrim(l.address)",
	 "pg_catalog.unnest(pg_catalog.string_to_array("
	 "pg_catalog.current_setting('listen_addresses'), ',')) AS l (address)"
	 " WHERE pg_catalog.current_setting('ssl') = 'off'"
	 " AND pg_catalog.btrim(l.address) NOT IN ('', 'localhost', '127.0.0.1',"
	 " '::1')",
	 "ssl is off: passwords and data pass the network in the clear."},
	{"table_owners", "a.relation",
	 "spine.asset a JOIN pg_catalog.pg_class c ON c.oid = a.relid"
	 " JOIN pg_catalog.pg_roles r ON r.oid = c.relowner"
	 " WHERE a.local AND NOT r.rolsuper AND EXISTS (SELECT FROM spine.party p"
	 " WHERE pg_catalog.pg_has_role(r.oid, p.roleid, 'USAGE'))",
	 NULL},
	{"encrypted", "a.asset",
	 "spine.asset a JOIN spine.asset d ON d.asset = a.parent"
	 " AND d.kind = 'dataset'"
	 " JOIN pg_catalog.pg_attribute c ON c.attrelid = d.relid"
	 " AND c.attname = a.name AND NOT c.attisdropped"
	 " WHERE a.kind = 'attribute' AND a.local"
	 " AND a.definition @> '{\"encrypted\": true}'"
	 " AND c.atttypid <> 'pg_catalog.bytea'::pg_catalog.regtype",
	 NULL},
};

/* What the rows that are never wrong say about what they found. */
static const char *
found_text(const PostureQuery *query, int64 count, const char *names)
{
	if (count == 0)
		return NULL;
	if (query->hint != NULL)
		return names;
	return psprintf("%s: %s",
					strcmp(query->check_name, "encrypted") == 0 ?
						"not of type bytea" :
						"owned by a party",
					names);
}

/* Ask one question; returns how many things it found, and their names. */
static int64
ask(const PostureQuery *query, char **names)
{
	bool		isnull;
	char	   *sql;

	sql = psprintf("SELECT pg_catalog.count(*), pg_catalog.string_agg(%s,"
				   " ', ' ORDER BY %s) FROM %s",
				   query->names, query->names, query->source);
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		/* cannot happen */
		elog(ERROR, "could not check %s", query->check_name);
	*names = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/* Adds the rows to spine.health(), which is connected to SPI. */
static void
posture_health(void (*report)(void *arg, const char *check_name, bool ok,
							  const char *detail, const char *hint),
			   void *arg)
{
	for (int i = 0; i < (int) lengthof(queries); i++)
	{
		const PostureQuery *query = &queries[i];
		char	   *names;
		int64		count = ask(query, &names);
		bool		ok = count == 0 || query->hint == NULL;

		report(arg, query->check_name, ok, found_text(query, count, names),
			   ok ? NULL : query->hint);
	}
}

void
posture_init(void)
{
	catalog_register_health(posture_health);
}
