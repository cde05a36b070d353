/*-------------------------------------------------------------------------
 *
 * rights.c
 *		Acting as another role for a while, and who counts as which role.
 *
 * A section between act_as and act_done owns one GUC nest level: settings
 * that code inside it changes are undone with it.  If an error leaves the
 * section, the abort of the (sub)transaction restores user and settings, so
 * whoever catches an error around it must do so with a subtransaction, or
 * raise again.
 *
 * Being a superuser makes nobody a party: for superusers memberships are
 * walked here, since the server's own answer is always yes.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/table.h"
#include "base/rights.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* pg_temp last: named nowhere, it would be searched first for types. */
#define SAFE_SEARCH_PATH "pg_catalog, pg_temp"

/* The role whose members run spine. */
#define ADMIN_ROLE "spine_admin"

static uint64 generation = 1;

/*
 * Act as a role until act_done.  A search_path that is as it should be
 * already is left alone: setting it costs more than all the rest.
 */
ActAs
act_as(Oid role, bool restricted)
{
	ActAs before;
	int	  context;

	GetUserIdAndSecContext(&before.userid, &before.secctx);
	context = before.secctx | SECURITY_LOCAL_USERID_CHANGE;
	if (restricted)
		context |= SECURITY_RESTRICTED_OPERATION;

	before.guc_level = NewGUCNestLevel();
	if (strcmp(namespace_search_path, SAFE_SEARCH_PATH) != 0)
		(void) set_config_option("search_path", SAFE_SEARCH_PATH, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	SetUserIdAndSecContext(role, context);

	return before;
}

/* Go back to who acted before, and to the settings of then. */
void
act_done(const ActAs *before)
{
	AtEOXact_GUC(false, before->guc_level);
	SetUserIdAndSecContext(before->userid, before->secctx);
}

/*
 * Read from pg_extension each time: it has no syscache to tell of a change,
 * and REASSIGN OWNED changes it.  One index probe.
 */
Oid
extension_owner(void)
{
	Oid			owner = InvalidOid;
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("spine"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (!OidIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" does not exist", "spine"),
				 errhint("Run CREATE EXTENSION spine in this database.")));
	return owner;
}

/* Add the roles that a role inherits from directly. */
static List *
add_inherited_roles(List *roles, Oid member)
{
	CatCList *memberships =
		SearchSysCacheList1(AUTHMEMMEMROLE, ObjectIdGetDatum(member));

	for (int i = 0; i < memberships->n_members; i++)
	{
		HeapTuple tuple = &memberships->members[i]->tuple;

		if (membership_inherits(tuple))
			roles = list_append_unique_oid(
				roles, ((Form_pg_auth_members) GETSTRUCT(tuple))->roleid);
	}
	ReleaseSysCacheList(memberships);

	return roles;
}

/* Does a user inherit from a role, superuser or not?  Ends on cycles too. */
static bool
inherits_from(Oid user, Oid role)
{
	List	 *roles = list_make1_oid(user);
	ListCell *lc;
	bool	  found;

	/* The list grows while it is walked: each role in it is visited once. */
	foreach (lc, roles)
		roles = add_inherited_roles(roles, lfirst_oid(lc));

	found = list_member_oid(roles, role);
	list_free(roles);
	return found;
}

bool
acts_for(Oid user, Oid role)
{
	if (!OidIsValid(role))
		return false;
	if (user == role)
		return true;
	if (superuser_arg(user))
		return inherits_from(user, role);
	return has_privs_of_role(user, role);
}

bool
is_spine_admin(Oid user)
{
	return superuser_arg(user) ||
		acts_for(user, get_role_oid(ADMIN_ROLE, true));
}

void
require_spine_role(const char *role, const char *what)
{
	Oid user = GetUserId();

	if (superuser_arg(user) || acts_for(user, get_role_oid(role, true)))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to %s", what),
			 errdetail("Only superusers and roles with the privileges of role "
					   "\"%s\" may do so.",
					   role)));
}

uint64
role_generation(void)
{
	return generation;
}

/* Syscache callback: whatever was derived from roles may be stale. */
static void
roles_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	generation++;
}

/*
 * AUTHOID tells of roles and of their superuser and inherit flags, DATABASEOID
 * of the database's owner, who is a member of pg_database_owner.
 */
void
rights_init(void)
{
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMMEMROLE, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(DATABASEOID, roles_changed, (Datum) 0);
}
