/*-------------------------------------------------------------------------
 *
 * grants.c
 *		Keeping the grants of a dataset's tables as the document says, where
 *		it says "manage_grants": true.
 *
 * What a role should hold follows from the document alone; what it holds is
 * read from the table's and the columns' access lists; a plan names just the
 * difference, so a second apply finds none.  Only what the table's owner
 * granted counts as held: grants that others made go with the grant options
 * they were made by, since no rule of a document gives any.
 *
 * Where the Read column lets a party read the rows of some states only, it is
 * the dataset's read_view that the party may read, not the table; to find the
 * rows that it writes it may read their key, state and version.
 *
 * The table's owner and superusers are left alone.  Partitions have access
 * lists of their own, which are not looked at: a statement on the root needs
 * rights on the root only.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "base/rights.h"
#include "catalog/dependency.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/spine_catalog.h"
#include "miscadmin.h"
#include "ownership/grants.h"
#include "ownership/read_rules.h"
#include "ownership/read_view.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#define ACL_WRITES (ACL_INSERT | ACL_UPDATE | ACL_DELETE)

/* One column of the table, as far as one role is concerned. */
typedef struct ColumnRights
{
	AttrNumber	attnum;
	AclMode		wanted;
	AclMode		rights;		/* held from the owner */
	AclMode		options;	/* of these, with grant option, from anybody */
	AclMode		astray;		/* granted on to others by the table's grant
							 * option alone */
} ColumnRights;

/* One role and one table. */
typedef struct RoleRights
{
	Oid			role;		/* ACL_ID_PUBLIC: everybody */
	bool		exempt;		/* a superuser, or gone */
	AclMode		wanted;
	AclMode		rights;		/* held from the owner */
	AclMode		options;	/* of these, with grant option, from the owner */
	List	   *columns;	/* of ColumnRights */
} RoleRights;

/* A table of a dataset and everybody's rights to it. */
typedef struct TableGrants
{
	const SpecDataset *spec;
	const SpecChild *child; /* or NULL: the dataset's own table */
	const ReadView *view;	/* the dataset's view, if this is it; or NULL */
	const char *key;		/* asset key, for the plan */
	const char *name;		/* as SQL names it */
	Oid			schema;
	Oid			relid;		/* InvalidOid: a view that apply is to make */
	Oid			owner;
	List	   *states;		/* of ReadState: who reads rows of which */
	bool		has_view;	/* has the dataset a view for its readers? */
	List	   *address;	/* of char *: columns that a writer finds rows by */
	List	   *roles;		/* of RoleRights */
} TableGrants;

/* ---- words of SQL ---- */

typedef struct RightName
{
	AclMode		right;
	const char *name;
} RightName;

static const RightName right_names[] = {
	{ACL_SELECT, "SELECT"},		{ACL_INSERT, "INSERT"},
	{ACL_UPDATE, "UPDATE"},		{ACL_DELETE, "DELETE"},
	{ACL_TRUNCATE, "TRUNCATE"}, {ACL_REFERENCES, "REFERENCES"},
	{ACL_TRIGGER, "TRIGGER"},
#ifdef ACL_MAINTAIN
	{ACL_MAINTAIN, "MAINTAIN"},
#endif
};

/* Append the names of rights, on a column if one is given. */
static void
append_rights(StringInfo sql, AclMode rights, const char *column)
{
	for (int i = 0; i < (int) lengthof(right_names); i++)
	{
		if ((rights & right_names[i].right) == 0)
			continue;
		if (sql->len > 0)
			appendStringInfoString(sql, ", ");
		appendStringInfoString(sql, right_names[i].name);
		if (column != NULL)
			appendStringInfo(sql, " (%s)", quote_identifier(column));
	}
}

static const char *
role_name(Oid role)
{
	return role == ACL_ID_PUBLIC ?
		"PUBLIC" :
		quote_identifier(GetUserNameFromId(role, false));
}

static const char *
table_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name == NULL ?
		NULL :
		quote_qualified_identifier(get_namespace_name(
									   get_rel_namespace(relid)),
								   name);
}

/* ---- who ---- */

static RoleRights *
role_rights(TableGrants *table, Oid role)
{
	RoleRights *found;
	ListCell   *lc;

	foreach (lc, table->roles)
		if (((RoleRights *) lfirst(lc))->role == role)
			return lfirst(lc);

	found = palloc0(sizeof(RoleRights));
	found->role = role;
	found->exempt = role != ACL_ID_PUBLIC &&
		(superuser_arg(role) || GetUserNameFromId(role, true) == NULL);
	table->roles = lappend(table->roles, found);
	return found;
}

static ColumnRights *
column_rights(RoleRights *role, AttrNumber attnum)
{
	ColumnRights *found;
	ListCell   *lc;

	foreach (lc, role->columns)
		if (((ColumnRights *) lfirst(lc))->attnum == attnum)
			return lfirst(lc);

	found = palloc0(sizeof(ColumnRights));
	found->attnum = attnum;
	role->columns = lappend(role->columns, found);
	return found;
}

/*
 * The role of a party: as the document says that is being planned, or else
 * as the projection knows it.
 */
static Oid
party_role(const SpecDataset *spec, const char *party)
{
	char	   *role;

	if (spec->parties == NULL)
		return catalog_party_role(party);
	role = jb_get_text(jb_get_object(spec->parties, party), "role");
	return role != NULL ? get_role_oid(role, true) : InvalidOid;
}

/* ---- what the document wants ---- */

/*
 * May a party read the table as a whole?  Not if no state lets it read its
 * rows; if some do, it reads the view where there is one, and else the table,
 * since a grant cannot tell states apart.
 */
static bool
may_select(const TableGrants *table, const char *party, AclMode rights)
{
	switch (read_reach(table->states, party))
	{
		case READS_ALL:
			return true;
		case READS_SOME:
			return table->view != NULL || table->child != NULL ||
				!table->has_view;
		case READS_NOTHING:
			break;
	}
	/* Who writes a child's rows reads them. */
	return table->child != NULL && (rights & ACL_WRITES) != 0;
}

/* Let a writer that may not read the table find the rows that it writes. */
static void
want_address(TableGrants *table, Oid role)
{
	ListCell   *lc;

	foreach (lc, table->address)
	{
		AttrNumber	attnum = get_attnum(table->relid, lfirst(lc));

		if (attnum != InvalidAttrNumber)
			column_rights(role_rights(table, role), attnum)->wanted =
				ACL_SELECT;
	}
}

/* A party is to hold rights; of a view, only SELECT is ever granted. */
static void
want(TableGrants *table, const char *party, AclMode rights)
{
	Oid role = party != NULL ? party_role(table->spec, party) : InvalidOid;

	if (!OidIsValid(role) || role == table->owner)
		return;
	if (table->view != NULL)
		rights &= ACL_SELECT;
	if ((rights & ACL_SELECT) != 0 && !may_select(table, party, rights))
	{
		rights &= ~ACL_SELECT;
		if (rights != 0)
			want_address(table, role);
	}
	if (rights != 0)
		role_rights(table, role)->wanted |= rights;
}

static void
want_all(TableGrants *table, const List *parties, AclMode rights)
{
	ListCell   *lc;

	foreach (lc, parties)
		want(table, lfirst(lc), rights);
}

static void
want_writes(TableGrants *table, const List *writes, AclMode rights)
{
	ListCell   *lc;

	foreach (lc, writes)
		want_all(table, ((SpecWrite *) lfirst(lc))->parties, rights);
}

/* What the state matrix lets parties do with the dataset's own table. */
static void
want_matrix(TableGrants *table, const SpecLifecycle *lifecycle)
{
	ListCell   *lc;

	foreach (lc, lifecycle->states)
	{
		const SpecState *state = lfirst(lc);

		if (state->initial)
			want_all(table, state->insert, ACL_SELECT | ACL_INSERT);
		want_all(table, state->remove, ACL_SELECT | ACL_DELETE);
		want_writes(table, state->write, ACL_SELECT | ACL_UPDATE);
	}
	foreach (lc, lifecycle->transitions)
		want_all(table, ((SpecTransition *) lfirst(lc))->by,
				 ACL_SELECT | ACL_UPDATE);
}

/* Does the consumer list attributes? */
static bool
lists_attributes(const JsonbContainer *consumer)
{
	return jb_get_texts(consumer, "attributes") != NIL;
}

/*
 * Who reads by the states' own lists.  A consumer that lists attributes reads
 * no more columns for being named there.
 */
static void
want_readers(TableGrants *table)
{
	ListCell   *lc;

	foreach (lc, read_named_parties(table->spec))
		if (!lists_attributes(read_consumer(table->spec, lfirst(lc))))
			want(table, lfirst(lc), ACL_SELECT);
}

/* A consumer reads all of the table, or the columns it lists. */
static void
want_consumer(TableGrants *table, const char *party,
			  const JsonbContainer *consumer)
{
	List	   *attributes = jb_get_texts(consumer, "attributes");
	Oid			role = party_role(table->spec, party);
	ListCell   *lc;

	/* The view hides the other columns itself. */
	if (attributes == NIL || table->view != NULL)
	{
		want(table, party, ACL_SELECT);
		return;
	}
	if (table->child != NULL || !OidIsValid(role) || role == table->owner ||
		!may_select(table, party, ACL_SELECT))
		return;
	foreach (lc, attributes)
	{
		List	   *parts = asset_key_parts(lfirst(lc));
		AttrNumber	attnum =
			parts ? get_attnum(table->relid, linitial(parts)) : 0;

		if (attnum != InvalidAttrNumber)
			column_rights(role_rights(table, role), attnum)->wanted =
				ACL_SELECT;
	}
}

/* All consumers; those whose access has ended too, if past is true. */
static void
want_consumers(TableGrants *table, bool past)
{
	const JsonbContainer *consumers =
		jb_get_object(table->spec->definition, "consumers");
	JbCursor	cursor;
	JsonbValue	party;
	JsonbValue	consumer;

	if (consumers == NULL)
		return;
	jb_walk(&cursor, consumers);
	while (jb_next_member(&cursor, &party, &consumer))
	{
		const JsonbContainer *entry =
			jb_is_object(&consumer) ? consumer.val.binary.data : NULL;

		if (read_speaks_of_table(table->spec, entry, "reads") &&
			(past || !read_expired(entry)))
			want_consumer(table, jb_text(&party), entry);
	}
}

/* Producers; a plain list of them has no entries. */
static void
want_producers(TableGrants *table, AclMode rights)
{
	const JsonbContainer *map =
		jb_get_object(table->spec->definition, "producers");
	ListCell   *lc;

	foreach (lc, table->spec->producers)
		if (read_speaks_of_table(table->spec, jb_get_object(map, lfirst(lc)),
								 "writes"))
			want(table, lfirst(lc), rights);
}

/* Everybody's rights by the document. */
static void
want_everything(TableGrants *table, bool past)
{
	const SpecDataset *spec = table->spec;
	AclMode			   rights =
		   spec->lifecycle == NULL ? ACL_SELECT | ACL_WRITES : ACL_SELECT;

	want(table, spec->standing, rights);
	want_producers(table, rights);
	if (spec->lifecycle != NULL)
		want_all(table, spec_dataset_parties(spec), ACL_SELECT);
	if (table->child != NULL)
		want_writes(table, table->child->write, ACL_SELECT | ACL_WRITES);
	else if (spec->lifecycle != NULL)
		want_matrix(table, spec->lifecycle);
	want_readers(table);
	want_consumers(table, past);
}

/* ---- what the access lists hold ---- */

/* Take down one entry of an access list, the table's or a column's. */
static void
hold(TableGrants *table, const AclItem *item, AttrNumber attnum)
{
	RoleRights *role;
	ColumnRights *column;

	if (item->ai_grantee == table->owner)
		return;
	role = role_rights(table, item->ai_grantee);
	if (attnum != 0)
	{
		column = column_rights(role, attnum);
		column->options |= ACLITEM_GET_GOPTIONS(*item);
		if (item->ai_grantor == table->owner)
			column->rights |= ACLITEM_GET_PRIVS(*item);
	}
	else if (item->ai_grantor == table->owner)
	{
		role->rights |= ACLITEM_GET_PRIVS(*item);
		role->options |= ACLITEM_GET_GOPTIONS(*item);
	}
}

/*
 * Take down what a column's entry by another than the owner was made by: a
 * grant option on the table leaves it behind when it goes, so that it needs
 * statements of its own.
 */
static void
hold_astray(TableGrants *table, const AclItem *item, AttrNumber attnum)
{
	ColumnRights *column;

	if (item->ai_grantor == table->owner)
		return;
	column = column_rights(role_rights(table, item->ai_grantor), attnum);
	column->astray |= ACLITEM_GET_PRIVS(*item) & ~column->options;
}

/* Read one access list. */
static void
read_acl(TableGrants *table, Datum value, AttrNumber attnum)
{
	Acl		   *acl = DatumGetAclPCopy(value);
	AclItem    *items = ACL_DAT(acl);

	for (int i = 0; i < ACL_NUM(acl); i++)
		hold(table, &items[i], attnum);
	if (attnum == 0)
		return;
	for (int i = 0; i < ACL_NUM(acl); i++)
		hold_astray(table, &items[i], attnum);
}

/* Read the access list of one column, if it has one. */
static void
read_column(TableGrants *table, AttrNumber attnum)
{
	HeapTuple	tuple;
	bool		isnull;
	Datum		acl;

	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(table->relid),
							Int16GetDatum(attnum));
	if (!HeapTupleIsValid(tuple))
		return;
	acl = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attacl, &isnull);
	if (!isnull && !((Form_pg_attribute) GETSTRUCT(tuple))->attisdropped)
		read_acl(table, acl, attnum);
	ReleaseSysCache(tuple);
}

/* Read all access lists of the table; false if it is not there. */
static bool
read_table(TableGrants *table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table->relid));
	int			natts;
	bool		isnull;
	Datum		acl;

	/* A view that apply is to make has granted nothing yet. */
	if (!HeapTupleIsValid(tuple))
		return table->view != NULL;
	natts = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	if (table->view == NULL)
		table->owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	acl = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &isnull);
	if (!isnull)
		read_acl(table, acl, 0);
	ReleaseSysCache(tuple);

	for (int i = FirstLowInvalidHeapAttributeNumber + 1; i <= natts; i++)
		read_column(table, i);
	return true;
}

/* ---- from what is to what should be ---- */

static void
add_step(List **steps, const char *action, const char *key, char *sql)
{
	PlanStep   *step = palloc0(sizeof(PlanStep));

	step->action = action;
	step->kind = "grant";
	step->key = key;
	step->risk = strcmp(action, "grant") == 0 ? "review" : "breaking";
	step->sql = sql;
	step->execute = true;
	*steps = lappend(*steps, step);
}

/* A REVOKE of what the list says; nothing if it is empty. */
static void
append_revoke(StringInfo sql, const char *what, const StringInfoData *rights,
			  const TableGrants *table, Oid role)
{
	if (rights->len > 0)
		appendStringInfo(sql, "REVOKE %s%s ON TABLE %s FROM %s CASCADE;\n",
						 what, rights->data, table->name, role_name(role));
}

/*
 * Make a column's stray grants ones that hang on a grant option of the column,
 * and take that away.
 */
static void
append_astray(StringInfo sql, const TableGrants *table, RoleRights *role,
			  ColumnRights *column)
{
	StringInfoData rights;

	if (column->astray == 0)
		return;
	initStringInfo(&rights);
	append_rights(&rights, column->astray,
				  get_attname(table->relid, column->attnum, false));
	appendStringInfo(sql, "GRANT %s ON TABLE %s TO %s WITH GRANT OPTION;\n",
					 rights.data, table->name, role_name(role->role));
	append_revoke(sql, "", &rights, table, role->role);
	column->rights &= ~column->astray;
	column->options &= ~column->astray;
}

/* Take from a role what it should not hold; updates what it holds. */
static char *
revoke_sql(const TableGrants *table, RoleRights *role)
{
	AclMode		extra = role->exempt ? 0 : role->rights & ~role->wanted;
	AclMode		options = role->options & ~extra;
	StringInfoData sql;
	StringInfoData rights;
	StringInfoData choices;
	ListCell   *lc;

	initStringInfo(&sql);
	initStringInfo(&rights);
	initStringInfo(&choices);
	append_rights(&rights, extra, NULL);
	append_rights(&choices, options, NULL);
	foreach (lc, role->columns)
	{
		ColumnRights *column = lfirst(lc);
		const char *name = get_attname(table->relid, column->attnum, false);
		AclMode		wanted = column->wanted & ~role->wanted;
		AclMode		more;

		/* A REVOKE from the table takes the columns' rights too. */
		column->rights &= ~extra;
		column->options &= ~extra;
		more = role->exempt ? 0 : column->rights & ~wanted;
		append_rights(&rights, more, name);
		append_rights(&choices, column->options & ~more & ~options, name);
		column->rights &= ~more;
	}
	role->rights &= ~extra;
	append_revoke(&sql, "", &rights, table, role->role);
	append_revoke(&sql, "GRANT OPTION FOR ", &choices, table, role->role);
	foreach (lc, role->columns)
		append_astray(&sql, table, role, lfirst(lc));
	return sql.len > 0 ? sql.data : NULL;
}

/* May whoever plans give away the use of the table's schema? */
static bool
may_open_schema(const TableGrants *table, Oid schema)
{
	Oid			user = GetUserId();

	/* Readers see what an admin would do. */
	return is_spine_admin(user) ||
		!relation_owned_by(table->view ? table->view->relid : table->relid,
						   user) ||
		DatumGetBool(DirectFunctionCall3(has_schema_privilege_id_id,
										 ObjectIdGetDatum(user),
										 ObjectIdGetDatum(schema),
										 CStringGetTextDatum(
											 "USAGE WITH GRANT OPTION")));
}

/* Let the role reach the table's schema; never taken away again. */
static void
append_schema(StringInfo sql, const TableGrants *table, Oid role)
{
	Oid			schema = table->schema;

	if (!DatumGetBool(DirectFunctionCall3(has_schema_privilege_id_id,
										  ObjectIdGetDatum(role),
										  ObjectIdGetDatum(schema),
										  CStringGetTextDatum("USAGE"))) &&
		may_open_schema(table, schema))
		appendStringInfo(sql, "GRANT USAGE ON SCHEMA %s TO %s;\n",
						 quote_identifier(get_namespace_name(schema)),
						 role_name(role));
}

/* Let an inserter draw from the sequences of serial columns; likewise. */
static void
append_sequences(StringInfo sql, const TableGrants *table, Oid role)
{
	ListCell   *lc;

	foreach (lc, getOwnedSequences(table->relid))
	{
		Oid			sequence = lfirst_oid(lc);
		Oid			relid;
		int32		column;

		/* Those of identity columns need no rights. */
		if (sequenceIsOwned(sequence, DEPENDENCY_AUTO, &relid, &column) &&
			!DatumGetBool(DirectFunctionCall3(has_sequence_privilege_id_id,
											  ObjectIdGetDatum(role),
											  ObjectIdGetDatum(sequence),
											  CStringGetTextDatum("USAGE"))))
			appendStringInfo(sql, "GRANT USAGE ON SEQUENCE %s TO %s;\n",
							 table_name(sequence), role_name(role));
	}
}

/* Give a role what it lacks. */
static char *
grant_sql(const TableGrants *table, const RoleRights *role)
{
	StringInfoData sql;
	StringInfoData rights;
	bool		reads = role->wanted != 0;
	ListCell   *lc;

	if (role->exempt)
		return NULL;
	initStringInfo(&sql);
	initStringInfo(&rights);
	append_rights(&rights, role->wanted & ~role->rights, NULL);
	foreach (lc, role->columns)
	{
		const ColumnRights *column = lfirst(lc);

		reads |= column->wanted != 0;
		append_rights(&rights,
					  column->wanted & ~role->wanted & ~column->rights,
					  get_attname(table->relid, column->attnum, false));
	}
	if (reads)
		append_schema(&sql, table, role->role);
	if (role->wanted & ACL_INSERT)
		append_sequences(&sql, table, role->role);
	if (rights.len > 0)
		appendStringInfo(&sql, "GRANT %s ON TABLE %s TO %s;\n", rights.data,
						 table->name, role_name(role->role));
	return sql.len > 0 ? sql.data : NULL;
}

/* Take away what the document gave, and leave the rest. */
static char *
withdraw_sql(const TableGrants *table, const RoleRights *role)
{
	StringInfoData sql;
	StringInfoData rights;
	ListCell   *lc;

	if (role->exempt)
		return NULL;
	initStringInfo(&sql);
	initStringInfo(&rights);
	append_rights(&rights, role->rights & role->wanted, NULL);
	foreach (lc, role->columns)
	{
		const ColumnRights *column = lfirst(lc);

		append_rights(&rights, column->rights & column->wanted & ~role->wanted,
					  get_attname(table->relid, column->attnum, false));
	}
	append_revoke(&sql, "", &rights, table, role->role);
	return sql.len > 0 ? sql.data : NULL;
}

/* Steps of one sort for all roles of a table. */
static void
table_steps(TableGrants *table, bool attach, List **steps)
{
	ListCell   *lc;

	foreach (lc, table->roles)
	{
		char *sql = attach ? revoke_sql(table, lfirst(lc)) :
							 withdraw_sql(table, lfirst(lc));

		if (sql != NULL)
			add_step(steps, "revoke", table->key, sql);
	}
	if (!attach)
		return;
	foreach (lc, table->roles)
	{
		char	   *sql = grant_sql(table, lfirst(lc));

		if (sql != NULL)
			add_step(steps, "grant", table->key, sql);
	}
}

/* ---- the tables of a dataset ---- */

static bool
manages_grants(const SpecDataset *spec)
{
	return spec != NULL && spec->local && spec->relation != NULL &&
		jb_get_bool(spec->definition, "manage_grants", false);
}

static TableGrants *
table_new(const SpecDataset *spec, const SpecChild *child)
{
	TableGrants *table = palloc0(sizeof(TableGrants));

	table->spec = spec;
	table->child = child;
	table->key = child ?
		psprintf("%s.%s", spec->key, asset_key_quote(child->name)) :
		spec->key;
	table->relid = spec_relation_oid(child ? child->relation : spec->relation);
	table->name = table_name(table->relid);
	table->schema = get_rel_namespace(table->relid);
	table->states = read_states(spec);
	return table;
}

/* The columns that a writer names to find and change a row. */
static List *
address_columns(const SpecDataset *spec, Oid relid)
{
	const SpecLifecycle *lifecycle = spec->lifecycle;
	Relation	rel = try_relation_open(relid, AccessShareLock);
	List	   *columns;

	if (rel == NULL)
		return NIL;
	columns = list_copy(spec_key_columns(spec, rel));
	relation_close(rel, NoLock);
	if (lifecycle != NULL && lifecycle->governing != NULL)
		columns = lappend(columns, unconstify(char *, lifecycle->governing));
	if (lifecycle != NULL && lifecycle->version != NULL)
		columns = lappend(columns, unconstify(char *, lifecycle->version));
	return columns;
}

/* The dataset's view as a table that rights are granted on. */
static TableGrants *
view_new(const SpecDataset *spec, const ReadView *view)
{
	TableGrants *table = palloc0(sizeof(TableGrants));

	table->spec = spec;
	table->view = view;
	table->key = spec->key;
	table->name = quote_qualified_identifier(view->schema, view->name);
	table->schema = view->schema_oid;
	table->relid = view->view;
	table->owner = view->owner;
	table->states = read_states(spec);
	return table;
}

/*
 * The tables whose grants a dataset manages (List of TableGrants), and its
 * view, unless it goes or apply cannot make it.  named: see read_view_look.
 */
static List *
tables_of(const SpecDataset *spec, bool named, bool with_view)
{
	List	   *tables = NIL;
	const ReadView *view;
	TableGrants *own;
	ListCell   *lc;

	if (!manages_grants(spec))
		return NIL;
	own = table_new(spec, NULL);
	tables = lappend(tables, own);
	view = read_view_look(spec, named);
	own->has_view = view->standing != VIEW_NONE;
	if (own->has_view)
		own->address = address_columns(spec, own->relid);
	if (with_view && read_view_stands(view))
		tables = lappend(tables, view_new(spec, view));
	if (spec->lifecycle != NULL)
		foreach (lc, spec->lifecycle->children)
			tables = lappend(tables, table_new(spec, lfirst(lc)));
	return tables;
}

static bool
table_listed(const List *tables, Oid relid)
{
	ListCell   *lc;

	foreach (lc, tables)
		if (((TableGrants *) lfirst(lc))->relid == relid)
			return true;
	return false;
}

/* ---- the hooks ---- */

static void
grant_steps(const SpecDataset *before, const SpecDataset *after, List **steps)
{
	bool		named = read_view_same(before, after);
	List	   *tables = tables_of(after, named, true);
	ListCell   *lc;

	foreach (lc, tables_of(before, true, named))
	{
		TableGrants *table = lfirst(lc);

		if (table_listed(tables, table->relid) || !read_table(table))
			continue;
		want_everything(table, true);
		table_steps(table, false, steps);
	}
	foreach (lc, tables)
	{
		TableGrants *table = lfirst(lc);

		if (!read_table(table))
			continue;
		want_everything(table, false);
		table_steps(table, true, steps);
	}
}

/* The statements that would mend drift, on one line. */
static void
append_drift(StringInfo drift, const char *sql)
{
	for (; *sql != '\0'; sql++)
		if (*sql != '\n')
			appendStringInfoChar(drift, *sql);
		else if (sql[1] != '\0')
			appendStringInfoChar(drift, ' ');
}

/*
 * Are the grants what the document says?  Says nothing where no dataset has
 * its grants managed.
 */
static void
grant_health(void (*report)(void *arg, const char *check_name, bool ok,
							const char *detail, const char *hint),
			 void *arg)
{
	StringInfoData drift;
	int			tables = 0;
	ListCell   *lc;

	initStringInfo(&drift);
	foreach (lc, catalog_local_datasets())
	{
		List	   *steps = NIL;
		ListCell   *step;

		CHECK_FOR_INTERRUPTS();
		tables += list_length(tables_of(lfirst(lc), true, true));
		grant_steps(lfirst(lc), lfirst(lc), &steps);
		foreach (step, steps)
		{
			if (drift.len > 0)
				appendStringInfoChar(&drift, ' ');
			append_drift(&drift, ((PlanStep *) lfirst(step))->sql);
		}
	}
	if (tables > 0)
		report(arg, "grants", drift.len == 0,
			   drift.len > 0 ?
				   psprintf("to be mended: %s", drift.data) :
				   psprintf("%d tables, all as the document says", tables),
			   drift.len > 0 ?
				   "SELECT spine.apply(spine.export()) mends them." :
				   NULL);
}

void
grants_init(void)
{
	catalog_register_steps(grant_steps);
	catalog_register_health(grant_health);
}
