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
#include "catalog/pg_namespace.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#define relation_owned_by(relid, user)                                        \
	object_ownercheck(RelationRelationId, (relid), (user))
#define function_execute_allowed(fn, user)                                    \
	(object_aclcheck(ProcedureRelationId, (fn), (user), ACL_EXECUTE) ==       \
	 ACLCHECK_OK)
#define schema_create_allowed(schema, user)                                   \
	(object_aclcheck(NamespaceRelationId, (schema), (user), ACL_CREATE) ==    \
	 ACLCHECK_OK)
#define foreign_server_usage(server, user)                                    \
	object_aclcheck(ForeignServerRelationId, (server), (user), ACL_USAGE)
#else
#define relation_owned_by(relid, user) pg_class_ownercheck((relid), (user))
#define function_execute_allowed(fn, user)                                    \
	(pg_proc_aclcheck((fn), (user), ACL_EXECUTE) == ACLCHECK_OK)
#define schema_create_allowed(schema, user)                                   \
	(pg_namespace_aclcheck((schema), (user), ACL_CREATE) == ACLCHECK_OK)
#define foreign_server_usage(server, user)                                    \
	pg_foreign_server_aclcheck((server), (user), ACL_USAGE)
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

/* Arguments of a hook of ExecutorRun, to declare and to pass on; the query is
 * queryDesc. */
#if PG_VERSION_NUM >= 180000
#define EXECUTOR_RUN_ARGS                                                     \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define EXECUTOR_RUN_PASS queryDesc, direction, count
#else
#define EXECUTOR_RUN_ARGS                                                     \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, bool once
#define EXECUTOR_RUN_PASS queryDesc, direction, count, once
#endif

/*
 * What ExecutorCheckPerms_hook is given: rights wanted on relations.  Before
 * 16 they stand in the range table itself.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/parsenodes.h"
typedef RTEPermissionInfo WantedRights;
#define CHECK_PERMS_PARAMETERS                                                \
	List *rangeTable, List *wantedRights, bool ereport_on_violation
#define CHECK_PERMS_ARGUMENTS rangeTable, wantedRights, ereport_on_violation
#define wants_rights(entry) true
#else
#include "nodes/parsenodes.h"
typedef RangeTblEntry WantedRights;
#define CHECK_PERMS_PARAMETERS List *wantedRights, bool ereport_on_violation
#define CHECK_PERMS_ARGUMENTS wantedRights, ereport_on_violation
#define wants_rights(entry) ((entry)->rtekind == RTE_RELATION)
#endif

/* Where a relation's file is, and the numbers that say so. */
#if PG_VERSION_NUM >= 160000
#include "storage/relfilelocator.h"
typedef RelFileLocator FileLocator;
#define relation_locator(rel) ((rel)->rd_locator)
#define locator_tablespace(locator) ((locator).spcOid)
#define locator_database(locator) ((locator).dbOid)
#define locator_number(locator) ((locator).relNumber)
#define truncate_locator(record) ((record)->rlocator)
#define create_locator(record) ((record)->rlocator)
#define relation_file_is_new(rel)                                             \
	((rel)->rd_createSubid != InvalidSubTransactionId ||                      \
	 (rel)->rd_newRelfilelocatorSubid != InvalidSubTransactionId ||           \
	 (rel)->rd_firstRelfilelocatorSubid != InvalidSubTransactionId)
#else
#include "storage/relfilenode.h"
typedef RelFileNode FileLocator;
#define relation_locator(rel) ((rel)->rd_node)
#define locator_tablespace(locator) ((locator).spcNode)
#define locator_database(locator) ((locator).dbNode)
#define locator_number(locator) ((locator).relNode)
#define truncate_locator(record) ((record)->rnode)
#define create_locator(record) ((record)->rnode)
/* Did the current transaction make the file that the relation is in? */
#define relation_file_is_new(rel)                                             \
	((rel)->rd_createSubid != InvalidSubTransactionId ||                      \
	 (rel)->rd_newRelfilenodeSubid != InvalidSubTransactionId ||              \
	 (rel)->rd_firstRelfilenodeSubid != InvalidSubTransactionId)
#endif

/* The status of a backend as this transaction sees it, from 1. */
#include "utils/backend_status.h"
#if PG_VERSION_NUM >= 160000
#define backend_status_at(n) pgstat_get_local_beentry_by_index(n)
#else
#define backend_status_at(n) pgstat_fetch_stat_local_beentry(n)
#endif

/* In front of a declaration: the function does not return. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Where a relation's files are. */
#if PG_VERSION_NUM >= 160000
#define relation_locator(rel) ((rel)->rd_locator)
#else
#define relation_locator(rel) ((rel)->rd_node)
#endif

#endif /* SPINE_COMPAT_H */
