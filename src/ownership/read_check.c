/*-------------------------------------------------------------------------
 *
 * read_check.c
 *		What is wrong with a dataset's Read column or its view, found out
 *		before it is applied.
 *
 * A Read column is worth nothing to those who hold SELECT on the table itself:
 * they are named, with whatever way the right came to them.  A writer's right
 * to the key, the state and the version, which finding a row takes, is not
 * held against it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/rights.h"
#include "catalog/pg_authid.h"
#include "catalog/spine_catalog.h"
#include "miscadmin.h"
#include "ownership/read_check.h"
#include "ownership/read_rules.h"
#include "ownership/read_view.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* Roles that a finding names at most. */
#define MOST_NAMES 8

/* A dataset under check. */
typedef struct ReadCheck
{
	const SpecDataset *spec;
	Relation	rel;
	const JsonbContainer *doc;
	const Place *place;
	Findings   *findings;
	List	   *readers; /* of List of Oid: of each state that is restricted */
	List	   *address; /* of char *: columns that a writer finds rows by */
} ReadCheck;

/* ---- the view ---- */

/* Does the document that is in force name the same view for this dataset? */
static bool
view_is_named(const SpecDataset *spec)
{
	CatalogDataset *known = catalog_dataset(spec->key);

	return known != NULL && read_view_same(known->spec, spec);
}

static void
check_view(const ReadCheck *check)
{
	const ReadView *view =
		read_view_look(check->spec, view_is_named(check->spec));
	Place place = place_member(check->place, "read_view");

	switch (view->standing)
	{
		case VIEW_NO_SCHEMA:
			finding_add(check->findings, FINDING_ERROR, "read_view_no_schema",
						&place, NULL, "schema \"%s\" does not exist",
						view->schema);
			break;
		case VIEW_TAKEN:
			finding_add(check->findings, FINDING_ERROR, "read_view_taken",
						&place, "Choose another name, or drop what has it.",
						"\"%s.%s\" is not a view that spine made",
						view->schema, view->name);
			break;
		case VIEW_CLOSED:
			finding_add(check->findings, FINDING_ERROR, "read_view_closed",
						&place,
						"The view belongs to the owner of the relation, who "
						"needs CREATE on its schema; it may not stand in "
						"schema spine or one of the server's own.",
						"role \"%s\" may not create a view in schema \"%s\"",
						GetUserNameFromId(view->owner, false), view->schema);
			break;
		case VIEW_STUCK:
			finding_add(check->findings, FINDING_ERROR, "read_view_used",
						&place,
						"Drop what uses the view, apply, and create it "
						"again.",
						"view \"%s.%s\" has to be made anew, and other "
						"objects use it",
						view->schema, view->name);
			break;
		default:
			break;
	}
}

/* The view reads with the rights of the table's owner, whom row security
 * leaves alone. */
static void
check_row_security(const ReadCheck *check)
{
	Place place = place_member(check->place, "read_view");

	if (check->rel->rd_rel->relrowsecurity &&
		!check->rel->rd_rel->relforcerowsecurity)
		finding_add(check->findings, FINDING_WARNING, "read_view_row_security",
					&place,
					"ALTER TABLE ... FORCE ROW LEVEL SECURITY makes policies "
					"apply to the owner, or say it in the document alone.",
					"row security of \"%s\" does not apply to readers of its "
					"view",
					check->spec->relation);
}

/* Does another dataset of a context have a view of that name? */
static void
check_context_views(const ReadCheck *check, const char *name,
					const JsonbContainer *context_name_datasets,
					const char *context)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;
	Place		place = place_member(check->place, "read_view");

	jb_walk(&cursor, context_name_datasets);
	while (jb_next_member(&cursor, &key, &value))
	{
		char	   *other;
		char	   *dataset = jb_text(&key);

		CHECK_FOR_INTERRUPTS();
		if (!jb_is_object(&value) ||
			(strcmp(context, check->spec->context) == 0 &&
			 strcmp(dataset, check->spec->name) == 0))
			continue;
		other = jb_get_text(value.val.binary.data, "read_view");
		if (other != NULL && strcmp(other, name) == 0)
			finding_add(check->findings, FINDING_ERROR, "read_view_shared",
						&place, NULL, "dataset \"%s\" has the same read_view",
						asset_key(context, dataset, NULL));
	}
}

/* One view cannot show two datasets. */
static void
check_shared(const ReadCheck *check)
{
	const char *name = read_view_name(check->spec);
	const JsonbContainer *contexts = jb_get_object(check->doc, "contexts");
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (contexts == NULL)
		return;
	jb_walk(&cursor, contexts);
	while (jb_next_member(&cursor, &key, &value))
	{
		const JsonbContainer *datasets = jb_is_object(&value) ?
			jb_get_object(value.val.binary.data, "datasets") :
			NULL;

		if (datasets != NULL)
			check_context_views(check, name, datasets, jb_text(&key));
	}
}

/* ---- who reads past it ---- */

/* The roles of parties, as the document has them. */
static List *
party_roles(const ReadCheck *check, const List *parties)
{
	const JsonbContainer *entries = jb_get_object(check->doc, "parties");
	List	   *roles = NIL;
	ListCell   *lc;

	foreach (lc, parties)
	{
		char *role = jb_get_text(jb_get_object(entries, lfirst(lc)), "role");
		Oid	  oid = role != NULL ? get_role_oid(role, true) : InvalidOid;

		if (OidIsValid(oid))
			roles = list_append_unique_oid(roles, oid);
	}
	return roles;
}

static bool
acts_for_any(Oid user, const List *roles)
{
	ListCell   *lc;

	foreach (lc, roles)
		if (acts_for(user, lfirst_oid(lc)))
			return true;
	return false;
}

/* Is there a state whose rows the role is not to read? */
static bool
is_excluded(const ReadCheck *check, Oid role)
{
	ListCell   *lc;

	foreach (lc, check->readers)
		if (!acts_for_any(role, lfirst(lc)))
			return true;
	return false;
}

static bool
is_address(const ReadCheck *check, const char *column)
{
	ListCell   *lc;

	foreach (lc, check->address)
		if (strcmp(lfirst(lc), column) == 0)
			return true;
	return false;
}

/* May the role read the table, or a column of it? */
static bool
may_select(const ReadCheck *check, Oid role)
{
	Oid			relid = RelationGetRelid(check->rel);
	TupleDesc	desc = RelationGetDescr(check->rel);

	if (pg_class_aclcheck(relid, role, ACL_SELECT) == ACLCHECK_OK)
		return true;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !is_address(check, NameStr(att->attname)) &&
			pg_attribute_aclcheck(relid, i + 1, role, ACL_SELECT) ==
				ACLCHECK_OK)
			return true;
	}
	return false;
}

/* Roles but for the server's own, superusers and the table's owner, that read
 * what they are not to read (List of char *). */
static List *
roles_past(const ReadCheck *check)
{
	Relation	authid = table_open(AuthIdRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(authid, InvalidOid, false, NULL, 0, NULL);
	List	   *names = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_authid form = (Form_pg_authid) GETSTRUCT(tuple);

		CHECK_FOR_INTERRUPTS();
		if (form->rolsuper || form->oid < FirstNormalObjectId ||
			form->oid == check->rel->rd_rel->relowner ||
			!may_select(check, form->oid) || !is_excluded(check, form->oid))
			continue;
		names = lappend(names, psprintf("\"%s\"", NameStr(form->rolname)));
	}
	systable_endscan(scan);
	table_close(authid, AccessShareLock);
	return names;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* The first names of a list, and how many there are more. */
static char *
first_names(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	list_sort(names, compare_names);
	initStringInfo(&buf);
	foreach (lc, names)
	{
		if (foreach_current_index(lc) == MOST_NAMES)
		{
			appendStringInfo(&buf, " and %d more",
							 list_length(names) - MOST_NAMES);
			break;
		}
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	}
	return buf.data;
}

static void
check_past(const ReadCheck *check)
{
	bool		has_view = read_view_name(check->spec) != NULL;
	List	   *names;

	if (may_select(check, ACL_ID_PUBLIC))
		names = list_make1(pstrdup("PUBLIC"));
	else
		names = roles_past(check);
	if (names == NIL)
		return;
	finding_add(check->findings, FINDING_WARNING, "reads_past", check->place,
				has_view ? "Revoke SELECT on the relation and grant it on the "
						   "read_view, or let manage_grants do both." :
						   "Name a read_view and grant SELECT on that alone.",
				"relation \"%s\" is read past the states' \"read\" by %s",
				check->spec->relation, first_names(names));
}

/* Who cannot be kept from reading: said once, as it can have no cure. */
static void
tell_owner(const ReadCheck *check)
{
	finding_add(check->findings, FINDING_INFO, "reads_all", check->place, NULL,
				"superusers and role \"%s\", which owns relation \"%s\", read "
				"all of it",
				GetUserNameFromId(check->rel->rd_rel->relowner, false),
				check->spec->relation);
}

/* Take down who reads which states, and how writers find rows. */
static void
prepare(ReadCheck *check)
{
	const SpecLifecycle *lifecycle = check->spec->lifecycle;
	ListCell   *lc;

	foreach (lc, read_states(check->spec))
	{
		const ReadState *state = lfirst(lc);

		if (!state->open)
			check->readers =
				lappend(check->readers, party_roles(check, state->parties));
	}
	check->address = list_copy(spec_key_columns(check->spec, check->rel));
	if (lifecycle->governing != NULL)
		check->address =
			lappend(check->address, unconstify(char *, lifecycle->governing));
	if (lifecycle->version != NULL)
		check->address =
			lappend(check->address, unconstify(char *, lifecycle->version));
}

/* The hook: findings about one dataset. */
static void
check_reads(const SpecDataset *dataset, Relation rel,
			const JsonbContainer *doc, const Place *place, Findings *findings)
{
	ReadCheck check = {dataset, rel, doc, place, findings, NIL, NIL};

	if (!dataset->local || rel == NULL)
		return;
	if (read_view_name(dataset) != NULL)
	{
		check_view(&check);
		check_shared(&check);
		check_row_security(&check);
	}
	if (!read_is_restricted(read_states(dataset)))
		return;
	prepare(&check);
	check_past(&check);
	tell_owner(&check);
}

void
read_check_init(void)
{
	catalog_register_check(check_reads);
}
