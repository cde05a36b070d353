/*-------------------------------------------------------------------------
 *
 * compat.h
 *		The differences between PostgreSQL 15, 17 and 18, under names that
 *		read like functions.
 *
 * No other file tests PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_COMPAT_H
#define SPINE_COMPAT_H

#include "access/attnum.h"
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "utils/acl.h"
#include "utils/syscache.h"

/* Is the user the owner of the relation, or a superuser? */
#if PG_VERSION_NUM >= 160000
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#define relation_owned_by(relid, user)                                        \
	object_ownercheck(RelationRelationId, (relid), (user))
#define function_execute_allowed(fn, user)                                    \
	(object_aclcheck(ProcedureRelationId, (fn), (user), ACL_EXECUTE) ==       \
	 ACLCHECK_OK)
#else
#define relation_owned_by(relid, user) pg_class_ownercheck((relid), (user))
#define function_execute_allowed(fn, user)                                    \
	(pg_proc_aclcheck((fn), (user), ACL_EXECUTE) == ACLCHECK_OK)
#endif

/* Does the member of this membership have the role's privileges by it?  From
 * 16 on each membership says so itself, before that the member. */
#if PG_VERSION_NUM >= 160000
#define membership_inherits(tuple)                                            \
	(((Form_pg_auth_members) GETSTRUCT(tuple))->inherit_option)
#else
static inline bool
membership_inherits(HeapTuple membership)
{
	Oid		  member = ((Form_pg_auth_members) GETSTRUCT(membership))->member;
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(member));
	bool	  inherits = false;

	if (HeapTupleIsValid(tuple))
	{
		inherits = ((Form_pg_authid) GETSTRUCT(tuple))->rolinherit;
		ReleaseSysCache(tuple);
	}
	return inherits;
}
#endif

/* In front of a declaration: the function does not return. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

#endif /* SPINE_COMPAT_H */
