/*-------------------------------------------------------------------------
 *
 * expression_rules.c
 *		What an analysed expression may contain.
 *
 * A guard runs with the rights of the relation's owner, a CHECK with those of
 * whoever writes.  So nothing is taken on trust but what initdb made in
 * pg_catalog: whatever else an expression reaches (functions, also behind
 * operators, casts and defaults of arguments; the constraints of domains)
 * must belong to the relation's owner or to a superuser.
 *
 * "Made by initdb" is judged by schema and by OID: extensions may put
 * functions into pg_catalog, too.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "base/expression_internal.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

static bool judge_node(Node *node, void *context);
static void judge_type(Analysis *analysis, Oid type, bool produced,
					   int location);

void
complain(Analysis *analysis, const char *code, int location, const char *hint,
		 const char *fmt, ...)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&buf, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}

	/* A location inside a default or a constraint is not one of our text. */
	if (location >= 0 && analysis->depth == 0)
		appendStringInfo(&buf, " (at character %d)",
						 pg_mbstrlen_with_len(analysis->text, location) + 1);

	finding_add(analysis->findings, FINDING_ERROR, code, analysis->place, hint,
				"%s", buf.data);
}

/* May an object of this owner run with the rights of the relation's owner? */
static bool
is_trusted(const Analysis *analysis, Oid owner)
{
	return owner == analysis->rel->rd_rel->relowner || superuser_arg(owner);
}

/*
 * Complain of an object that initdb did not make, if it may not be used here.
 * kind and name make up the message.
 */
static bool
judge_object(Analysis *analysis, const char *kind, const char *name,
			 Oid schema, Oid owner, int location)
{
	if (isAnyTempNamespace(schema))
		complain(analysis, "expression_temporary", location, NULL,
				 "%s %s is temporary", kind, name);
	else if (analysis->scope != EXPRESSION_OLD_NEW)
		complain(analysis, "expression_outside_pg_catalog", location,
				 "A CHECK constraint runs with the rights of whoever writes.",
				 "%s %s is not in pg_catalog", kind, name);
	else if (!is_trusted(analysis, owner))
		complain(
			analysis,
			strcmp(kind, "function") == 0 ? "expression_foreign_function" :
											"expression_foreign_object",
			location, "It would run with the rights of the table's owner.",
			"%s %s belongs neither to the owner of table \"%s\" nor to a superuser",
			kind, name, RelationGetRelationName(analysis->rel));
	else
		return true;
	return false;
}

/* Is a word among some, the last of which is NULL? */
static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* Does a name of pg_catalog answer for the current user? */
static bool
tells_identity(const char *name)
{
	static const char *const names[] =
		{"current_user", "session_user",		"getpgusername",
		 "system_user",	 "current_schema",		"current_schemas",
		 "pg_has_role",	 "row_security_active", NULL};
	const char *privilege = strstr(name, "_privilege");

	return is_one_of(name, names) ||
		(strncmp(name, "has_", 4) == 0 && privilege != NULL);
}

/* Does a name of pg_catalog read tables? */
static bool
reads_tables(const char *name)
{
	static const char *const names[] = {"table_to_xml",
										"table_to_xml_and_xmlschema",
										"schema_to_xml",
										"schema_to_xml_and_xmlschema",
										"database_to_xml",
										"database_to_xml_and_xmlschema",
										NULL};

	return is_one_of(name, names);
}

/* Does a stable function of pg_catalog look at default_text_search_config? */
static bool
guesses_language(const char *name)
{
	static const char *const names[] =
		{"to_tsvector",			 "jsonb_to_tsvector",	  "json_to_tsvector",
		 "to_tsquery",			 "plainto_tsquery",		  "phraseto_tsquery",
		 "websearch_to_tsquery", "ts_headline",			  "ts_match_tt",
		 "ts_match_tq",			 "get_current_ts_config", NULL};

	return is_one_of(name, names);
}

/* Judge a function that initdb made in pg_catalog, beside its volatility. */
static void
judge_builtin(Analysis *analysis, Form_pg_proc proc, int location)
{
	const char *name = NameStr(proc->proname);

	if (tells_identity(name))
		complain(analysis, "expression_identity", location,
				 "Who may act is said by parties.",
				 "function %s depends on who acts", name);
	else if (reads_tables(name))
		complain(analysis, "expression_subquery", location, NULL,
				 "function %s reads tables", name);
	else if (proc->provolatile == PROVOLATILE_STABLE && guesses_language(name))
		complain(
			analysis, "expression_not_fixed", location,
			"Name the text search configuration, as in to_tsvector('english', text).",
			"function %s depends on the session's text search configuration",
			name);
}

/* Judge how much the result of a function may change by itself. */
static void
judge_volatility(Analysis *analysis, Oid function, char volatility,
				 bool allow_volatile, int location)
{
	if (volatility == PROVOLATILE_VOLATILE && !allow_volatile)
		complain(analysis, "expression_volatile", location, NULL,
				 "function %s is volatile",
				 format_procedure_qualified(function));
	else if (volatility != PROVOLATILE_IMMUTABLE &&
			 analysis->scope != EXPRESSION_OLD_NEW)
		complain(analysis, "expression_not_immutable", location, NULL,
				 "function %s is not immutable",
				 format_procedure_qualified(function));
}

/* Judge a function by its row of pg_proc. */
static void
judge_proc(Analysis *analysis, Form_pg_proc proc, bool allow_volatile,
		   int location)
{
	const char *name = format_procedure_qualified(proc->oid);
	Oid			runs_as = analysis->rel->rd_rel->relowner;

	judge_volatility(analysis, proc->oid, proc->provolatile, allow_volatile,
					 location);
	if (proc->provolatile != PROVOLATILE_IMMUTABLE)
		analysis->plain = false;

	if (proc->pronamespace == PG_CATALOG_NAMESPACE &&
		proc->oid < FirstNormalObjectId)
		judge_builtin(analysis, proc, location);
	else if (judge_object(analysis, "function", name, proc->pronamespace,
						  proc->proowner, location))
	{
		analysis->plain = false;
		analysis->functions =
			list_append_unique_oid(analysis->functions, proc->oid);
	}

	if (!function_execute_allowed(proc->oid, runs_as))
		complain(
			analysis, "expression_permission", location, NULL,
			"role \"%s\", the owner of table \"%s\", may not execute function %s",
			GetUserNameFromId(runs_as, false),
			RelationGetRelationName(analysis->rel), name);
}

void
function_judge(Analysis *analysis, Oid function, int location,
			   bool allow_volatile)
{
	HeapTuple	tuple;

	if (list_member_oid(analysis->judged_functions, function))
		return;
	analysis->judged_functions =
		lappend_oid(analysis->judged_functions, function);

	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		/* cannot happen */
		elog(ERROR, "cache lookup failed for function %u", function);
	judge_proc(analysis, (Form_pg_proc) GETSTRUCT(tuple), allow_volatile,
			   location);
	ReleaseSysCache(tuple);
}

/* What check_functions_in_node hands on. */
typedef struct FunctionVisit
{
	Analysis   *analysis;
	int			location;
} FunctionVisit;

/* Checker for check_functions_in_node: judge, and go on. */
static bool
visit_function(Oid function, void *context)
{
	FunctionVisit *visit = context;

	function_judge(visit->analysis, function, visit->location, false);
	return false;
}

/* Judge a tree that is not in the text itself: a default, a constraint. */
static void
judge_inner_tree(Analysis *analysis, const char *node_text)
{
	analysis->depth++;
	(void) judge_node(stringToNode(node_text), analysis);
	analysis->depth--;
}

/* The planner will fill in defaults of missing arguments: judge them now. */
static void
judge_defaults(Analysis *analysis, FuncExpr *call)
{
	HeapTuple	tuple;
	Datum		defaults;
	bool		isnull;

	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));
	if (!HeapTupleIsValid(tuple))
		/* cannot happen */
		elog(ERROR, "cache lookup failed for function %u", call->funcid);

	if (list_length(call->args) < ((Form_pg_proc) GETSTRUCT(tuple))->pronargs)
	{
		defaults = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults,
								   &isnull);
		if (!isnull)
			judge_inner_tree(analysis, TextDatumGetCString(defaults));
	}
	ReleaseSysCache(tuple);
}

/*
 * Judge an operator.  Its function is judged as a function; where the operator
 * is not the server's own, that function is pinned even if it is, so that an
 * operator made anew for another function is noticed.
 */
static void
judge_operator(Analysis *analysis, Oid op, int location)
{
	HeapTuple	tuple;
	Form_pg_operator form;

	if (op < FirstNormalObjectId)
		return;

	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
	if (!HeapTupleIsValid(tuple))
		/* cannot happen */
		elog(ERROR, "cache lookup failed for operator %u", op);
	form = (Form_pg_operator) GETSTRUCT(tuple);

	if (judge_object(analysis, "operator", format_operator_qualified(op),
					 form->oprnamespace, form->oprowner, location))
	{
		analysis->plain = false;
		analysis->functions =
			list_append_unique_oid(analysis->functions, form->oprcode);
	}
	ReleaseSysCache(tuple);
}

/* Judge what the constraints of one domain call. */
static void
judge_domain_constraints(Analysis *analysis, Oid domain)
{
	Relation	rel = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(domain));
	scan =
		systable_beginscan(rel, ConstraintTypidIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		bin;

		bin = heap_getattr(tuple, Anum_pg_constraint_conbin,
						   RelationGetDescr(rel), &isnull);
		if (!isnull)
			judge_inner_tree(analysis, TextDatumGetCString(bin));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Judge a domain; its constraints run where a value of it is made. */
static void
judge_domain(Analysis *analysis, Form_pg_type type, bool produced,
			 int location)
{
	if (produced &&
		judge_object(analysis, "domain", format_type_be_qualified(type->oid),
					 type->typnamespace, type->typowner, location))
	{
		analysis->plain = false;
		judge_domain_constraints(analysis, type->oid);
	}
	judge_type(analysis, type->typbasetype, produced, location);
}

/* Judge the types of a composite type's attributes. */
static void
judge_attributes(Analysis *analysis, Oid type, bool produced, int location)
{
	TupleDesc	tupdesc = lookup_rowtype_tupdesc_copy(type, -1);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped)
			judge_type(analysis, att->atttypid, produced, location);
	}
	FreeTupleDesc(tupdesc);
}

/* The conversion to JSON of a type that has a cast to json calls that cast. */
static void
judge_json_cast(Analysis *analysis, Oid type, int location)
{
	HeapTuple tuple = SearchSysCache2(CASTSOURCETARGET, ObjectIdGetDatum(type),
									  ObjectIdGetDatum(JSONOID));
	Oid			function;

	if (!HeapTupleIsValid(tuple))
		return;
	function = ((Form_pg_cast) GETSTRUCT(tuple))->castfunc;
	ReleaseSysCache(tuple);

	if (OidIsValid(function))
		function_judge(analysis, function, location, false);
}

/* Judge the types that a type is made of. */
static void
judge_parts(Analysis *analysis, Form_pg_type type, bool produced, int location)
{
	switch (type->typtype)
	{
		case TYPTYPE_DOMAIN:
			judge_domain(analysis, type, produced, location);
			break;
		case TYPTYPE_COMPOSITE:
			judge_attributes(analysis, type->oid, produced, location);
			break;
		case TYPTYPE_RANGE:
			judge_type(analysis, get_range_subtype(type->oid), produced,
					   location);
			break;
		case TYPTYPE_MULTIRANGE:
			judge_type(analysis, get_multirange_range(type->oid), produced,
					   location);
			break;
		default:
			if (OidIsValid(get_element_type(type->oid)))
				judge_type(analysis, type->typelem, produced, location);
			break;
	}
}

/* Was the type judged already, in this role or the stricter one? */
static bool
type_was_judged(Analysis *analysis, Oid type, bool produced)
{
	List **judged =
		produced ? &analysis->produced_types : &analysis->read_types;

	if (list_member_oid(*judged, type) ||
		list_member_oid(analysis->produced_types, type))
		return true;
	*judged = lappend_oid(*judged, type);
	return false;
}

/*
 * Judge a type and what it is made of.  Values that are only read run no code
 * of their type; values that are produced run the constraints of domains.
 */
static void
judge_type(Analysis *analysis, Oid type, bool produced, int location)
{
	HeapTuple	tuple;
	Form_pg_type form;

	check_stack_depth();
	if (type < FirstNormalObjectId ||
		type_was_judged(analysis, type, produced))
		return;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		/* cannot happen */
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);

	if (isAnyTempNamespace(form->typnamespace) &&
		type != analysis->rel->rd_rel->reltype)
		complain(analysis, "expression_temporary", location, NULL,
				 "type %s is temporary", format_type_be_qualified(type));
	else
	{
		judge_json_cast(analysis, type, location);
		judge_parts(analysis, form, produced, location);
	}
	ReleaseSysCache(tuple);
}

/* Remember that a column of NEW is read; 0 means all of them. */
static void
note_new_column(Analysis *analysis, AttrNumber attnum)
{
	TupleDesc	tupdesc = RelationGetDescr(analysis->rel);

	if (attnum != 0)
	{
		analysis->new_columns = bms_add_member(analysis->new_columns, attnum);
		return;
	}
	for (int i = 1; i <= tupdesc->natts; i++)
		if (!TupleDescAttr(tupdesc, i - 1)->attisdropped)
			analysis->new_columns = bms_add_member(analysis->new_columns, i);
}

/*
 * Is a column not there yet when a guard looks?  Generated columns of NEW are
 * computed after BEFORE triggers; virtual ones are in no stored row.
 */
static bool
is_unknown_column(Form_pg_attribute att, bool new_row)
{
	return att->attgenerated != '\0' &&
		(new_row || att->attgenerated != ATTRIBUTE_GENERATED_STORED);
}

/* Judge one column, or all of them for a whole row. */
static void
judge_generated(Analysis *analysis, Var *var)
{
	TupleDesc	tupdesc = RelationGetDescr(analysis->rel);
	bool		new_row =
		analysis->scope == EXPRESSION_OLD_NEW && var->varno == NEW_VARNO;

	for (int i = 1; i <= tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i - 1);

		if ((var->varattno == i || var->varattno == 0) &&
			is_unknown_column(att, new_row))
			complain(
				analysis, "expression_generated_column", var->location,
				"Use the columns that it is generated from.",
				"generated column \"%s\" has no value yet when the row is judged",
				NameStr(att->attname));
	}
}

/* Judge a reference to a column or to a whole row. */
static void
judge_var(Analysis *analysis, Var *var)
{
	if (var->varattno < 0)
	{
		complain(analysis, "expression_system_column", var->location, NULL,
				 "an expression may not use system columns");
		return;
	}
	if (analysis->scope != EXPRESSION_OLD_NEW && var->varattno == 0)
	{
		complain(analysis, "expression_whole_row", var->location, NULL,
				 "a check may not use the row as a whole");
		return;
	}

	judge_generated(analysis, var);
	if (var->varno == NEW_VARNO)
		note_new_column(analysis, var->varattno);
	judge_type(analysis, var->vartype, false, var->location);
}

/* Judge a value that has a keyword instead of a function. */
static void
judge_keyword(Analysis *analysis, SQLValueFunction *value)
{
	switch (value->op)
	{
		case SVFOP_CURRENT_ROLE:
		case SVFOP_CURRENT_USER:
		case SVFOP_USER:
		case SVFOP_SESSION_USER:
		case SVFOP_CURRENT_SCHEMA:
			complain(analysis, "expression_identity", value->location,
					 "Who may act is said by parties.",
					 "an expression may not depend on who acts");
			break;
		default:
			analysis->plain = false;
			if (analysis->scope != EXPRESSION_OLD_NEW)
				complain(analysis, "expression_not_immutable", value->location,
						 NULL,
						 "a check may not use the current time or database");
			break;
	}
}

/* Complain of a node that no expression may contain; false if it is none. */
static bool
judge_forbidden(Analysis *analysis, Node *node)
{
	int			location = exprLocation(node);

	switch (nodeTag(node))
	{
		case T_Aggref:
		case T_GroupingFunc:
			complain(analysis, "expression_aggregate", location, NULL,
					 "an expression may not use aggregate functions");
			return true;
		case T_WindowFunc:
			complain(analysis, "expression_window", location, NULL,
					 "an expression may not use window functions");
			return true;
		case T_NextValueExpr:
			complain(analysis, "expression_volatile", location, NULL,
					 "an expression may not draw from a sequence");
			return true;
		case T_SubLink:
		case T_Query:
			complain(analysis, "expression_subquery", location, NULL,
					 "an expression may not contain a subquery");
			return true;
		case T_Param:
			complain(analysis, "expression_parameter", location, NULL,
					 "an expression may not use parameters");
			return true;
		case T_CurrentOfExpr:
		case T_SetToDefault:
			complain(analysis, "expression_syntax", location, NULL,
					 "an expression may not use CURRENT OF or DEFAULT");
			return true;
		default:
			return false;
	}
}

/* Judge the operators that a node names. */
static void
judge_operators(Analysis *analysis, Node *node, int location)
{
	ListCell   *lc;

	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			judge_operator(analysis, ((OpExpr *) node)->opno, location);
			break;
		case T_ScalarArrayOpExpr:
			judge_operator(analysis, ((ScalarArrayOpExpr *) node)->opno,
						   location);
			break;
		case T_RowCompareExpr:
			foreach (lc, ((RowCompareExpr *) node)->opnos)
				judge_operator(analysis, lfirst_oid(lc), location);
			break;
		default:
			break;
	}
}

/* Judge a call beyond its function: sets, and defaults of arguments. */
static void
judge_call(Analysis *analysis, FuncExpr *call)
{
	if (call->funcretset)
		complain(analysis, "expression_set_returning", call->location, NULL,
				 "an expression may not use set-returning functions");
	judge_defaults(analysis, call);
}

/* Judge a node that computes something. */
static void
judge_computation(Analysis *analysis, Node *node)
{
	FunctionVisit visit;

	/* The arms of CASE compute nothing themselves and have no type. */
	if (IsA(node, List) || IsA(node, CaseWhen))
		return;

	visit.analysis = analysis;
	visit.location = exprLocation(node);
	(void) check_functions_in_node(node, visit_function, &visit);
	judge_operators(analysis, node, visit.location);
	judge_type(analysis, exprType(node), true, visit.location);

	if (IsA(node, FuncExpr))
		judge_call(analysis, (FuncExpr *) node);
	else if (IsA(node, OpExpr) && ((OpExpr *) node)->opretset)
		complain(analysis, "expression_set_returning", visit.location, NULL,
				 "an expression may not use set-returning functions");
	else if (IsA(node, XmlExpr))
		analysis->plain = false;
}

/* Walker: judge each node, top down. */
static bool
judge_node(Node *node, void *context)
{
	Analysis   *analysis = context;

	if (node == NULL)
		return false;
	if (judge_forbidden(analysis, node))
		return false;

	if (IsA(node, Var))
		judge_var(analysis, (Var *) node);
	else if (IsA(node, SQLValueFunction))
		judge_keyword(analysis, (SQLValueFunction *) node);
	else
		judge_computation(analysis, node);

	return expression_tree_walker(node, judge_node, context);
}

void
expression_judge(Analysis *analysis, Node *tree)
{
	int			errors = analysis->findings->errors;

	analysis->plain = true;
	(void) judge_node(tree, analysis);

	/* What check_functions_in_node does not see, SQL/JSON for one. */
	if (contain_mutable_functions(tree))
	{
		analysis->plain = false;
		if (analysis->scope != EXPRESSION_OLD_NEW &&
			analysis->findings->errors == errors)
			complain(analysis, "expression_not_immutable", -1, NULL,
					 "a check may not depend on anything but the row");
	}
	if (analysis->findings->errors == errors)
		analysis->tree = tree;
}
