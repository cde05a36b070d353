/*-------------------------------------------------------------------------
 *
 * gate_target.c
 *		Which governed relations a command is about to touch.
 *
 * Asked before the command runs, so that shapes can be taken as they were.
 * Where the parse tree names a relation or a type, that says it; a command that
 * takes others along (CASCADE) may touch any.  A relation that is missed here
 * is found by its objects when the command has run, and then compared with the
 * last accepted shape.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/spi.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "registry/gate.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* The trigger by which a governed table is known. */
#define TRIGGER_OF_GUARD "~spine_guard"

/* What a statement names. */
typedef struct Named
{
	List	   *relations;	/* Oid */
	List	   *types;		/* Oid */
	bool		all;		/* it may touch any relation */
} Named;

static void
add_relation(Named *named, const RangeVar *relation)
{
	Oid			relid;

	if (relation == NULL)
		return;
	relid = RangeVarGetRelid(relation, NoLock, true);
	if (OidIsValid(relid))
		named->relations = lappend_oid(named->relations, relid);
}

static void
add_type(Named *named, List *name)
{
	Oid type = LookupTypeNameOid(NULL, makeTypeNameFromNameList(name), true);

	if (OidIsValid(type))
		named->types = lappend_oid(named->types, type);
}

/* A composite type is altered as a relation. */
static void
add_altered(Named *named, const RangeVar *relation)
{
	ListCell   *lc;

	add_relation(named, relation);
	foreach (lc, named->relations)
	{
		Oid			type = get_rel_type_id(lfirst_oid(lc));

		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_COMPOSITE_TYPE)
			named->types = lappend_oid(named->types, type);
	}
}

static void
add_renamed(Named *named, const RenameStmt *rename)
{
	switch (rename->renameType)
	{
		case OBJECT_SCHEMA:
			named->all = true;
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
		case OBJECT_DOMCONSTRAINT:
			add_type(named, (List *) rename->object);
			break;
		default:
			add_altered(named, rename->relation);
			break;
	}
}

/* The relation of an object that is named behind it: a policy, a trigger. */
static RangeVar *
relation_of_object(Node *object)
{
	List	   *names = list_copy((List *) object);

	return list_length(names) > 1 ?
		makeRangeVarFromNameList(list_delete_last(names)) :
		NULL;
}

static void
add_dropped(Named *named, const DropStmt *drop)
{
	ListCell   *lc;

	named->all = drop->behavior == DROP_CASCADE;
	foreach (lc, drop->objects)
		switch (drop->removeType)
		{
			case OBJECT_TABLE:
			case OBJECT_VIEW:
			case OBJECT_MATVIEW:
			case OBJECT_FOREIGN_TABLE:
				add_relation(named, makeRangeVarFromNameList(lfirst(lc)));
				break;
			case OBJECT_POLICY:
				add_relation(named, relation_of_object(lfirst(lc)));
				break;
			default:
				break;
		}
}

/* Does it take objects of others along? */
static bool
cascades(const AlterTableStmt *alter)
{
	ListCell   *lc;

	foreach (lc, alter->cmds)
	{
		const AlterTableCmd *cmd = lfirst(lc);

		if (cmd->behavior == DROP_CASCADE)
			return true;
	}
	return false;
}

static void
name_targets(Named *named, Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_AlterTableStmt:
			add_altered(named, ((AlterTableStmt *) parsetree)->relation);
			named->all = cascades((AlterTableStmt *) parsetree);
			break;
		case T_AlterObjectSchemaStmt:
			add_relation(named,
						 ((AlterObjectSchemaStmt *) parsetree)->relation);
			break;
		case T_RenameStmt:
			add_renamed(named, (RenameStmt *) parsetree);
			break;
		case T_DropStmt:
			add_dropped(named, (DropStmt *) parsetree);
			break;
		case T_DropOwnedStmt:
			named->all = true;
			break;
		case T_CreatePolicyStmt:
			add_relation(named, ((CreatePolicyStmt *) parsetree)->table);
			break;
		case T_AlterPolicyStmt:
			add_relation(named, ((AlterPolicyStmt *) parsetree)->table);
			break;
		case T_ViewStmt:
			add_relation(named, ((ViewStmt *) parsetree)->view);
			break;
		case T_IndexStmt:
			add_relation(named, ((IndexStmt *) parsetree)->relation);
			break;
		case T_AlterEnumStmt:
			add_type(named, ((AlterEnumStmt *) parsetree)->typeName);
			break;
		case T_AlterDomainStmt:
			add_type(named, ((AlterDomainStmt *) parsetree)->typeName);
			break;
		case T_AlterTypeStmt:
			add_type(named, ((AlterTypeStmt *) parsetree)->typeName);
			break;
		default:
			break;
	}
}

/* ---- types ---- */

/* Relations with a column of a type, or of one that is made of it: a domain,
 * an array, a range, a composite type.  All of them depend on it. */
static const char users_sql[] =
	"WITH RECURSIVE made(type) AS (SELECT $1 UNION"
	" SELECT coalesce(c.reltype, d.objid) FROM made m"
	" JOIN pg_catalog.pg_depend d ON d.refobjid = m.type"
	" AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass"
	" LEFT JOIN pg_catalog.pg_class c ON c.oid = d.objid"
	" AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
	" WHERE c.reltype <> 0"
	" OR d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass)"
	" SELECT DISTINCT g.relid FROM made m JOIN pg_catalog.pg_depend d"
	" ON d.refobjid = m.type"
	" AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass"
	" AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
	" JOIN spine.asset g ON g.relid = d.objid";

List *
gate_users_of_type(List *relations, Oid type)
{
	SpiArgs		args = {0};
	uint64		n;

	spi_arg(&args, OIDOID, ObjectIdGetDatum(type), false);
	n = spi_run(users_sql, &args, SPI_OK_SELECT);
	for (uint64 i = 0; i < n; i++)
		relations =
			list_append_unique_oid(relations,
								   DatumGetObjectId(spi_value(i, 1, NULL)));
	return relations;
}

List *
gate_targets(Node *parsetree, List **types, bool *all)
{
	Named		named = {0};

	name_targets(&named, parsetree);
	*types = named.types;
	*all = named.all;
	return named.relations;
}

/* ---- subjects ---- */

/* The relation of a dataset, or of one of its children. */
static Oid
governed_root(const CatalogDataset *dataset, const char *child)
{
	ListCell   *lc;

	if (child == NULL)
		return dataset->relid;
	if (dataset->spec->lifecycle == NULL)
		return InvalidOid;
	foreach (lc, dataset->spec->lifecycle->children)
	{
		const SpecChild *candidate = lfirst(lc);

		if (strcmp(candidate->name, child) == 0)
			return spec_relation_oid(candidate->relation);
	}
	return InvalidOid;
}

static char *
qualified_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name ? quote_qualified_identifier(get_namespace_name(
												 get_rel_namespace(relid)),
											 name) :
				  NULL;
}

/* Does the guard of governed tables sit on it?  What was detached, or is not
 * attached yet, is its owner's own business. */
static bool
is_guarded(Oid relid)
{
	return OidIsValid(relid) &&
		OidIsValid(get_trigger_oid(relid, TRIGGER_OF_GUARD, true));
}

bool
gate_may_concern(Oid relid)
{
	return catalog_dataset_of(relid, NULL) != NULL;
}

GateSubject *
gate_subject(Oid relid)
{
	GateSubject *subject;
	char	   *child;
	char	   *key = catalog_dataset_of(relid, &child);
	CatalogDataset *dataset = key ? catalog_dataset(key) : NULL;

	if (dataset == NULL || !dataset->spec->local)
		return NULL;
	subject = palloc0(sizeof(GateSubject));
	subject->dataset = key;
	subject->key =
		child ? psprintf("%s.%s", key, asset_key_quote(child)) : key;
	subject->relid = governed_root(dataset, child);
	if (!is_guarded(subject->relid))
		return NULL;
	subject->name = qualified_name(subject->relid);
	return subject;
}
