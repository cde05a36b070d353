/*-------------------------------------------------------------------------
 *
 * expression_check.c
 *		Checking what a document says against the database: errors of the
 *		server become findings.
 *
 * The analysis runs as the relation's owner in a security-restricted
 * operation, since names are looked up with that role's rights later on, and
 * inside a subtransaction that is always rolled back: nothing of it stays, not
 * even a lock, whether it succeeded or not.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/expression_internal.h"
#include "base/rights.h"
#include "base/steady.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

/* Names of findings for errors that the server raised. */
static const struct
{
	int			sqlerrcode;
	const char *code;
} error_codes[] = {
	{ERRCODE_SYNTAX_ERROR, "expression_syntax"},
	{ERRCODE_UNDEFINED_PARAMETER, "expression_parameter"},
	{ERRCODE_UNDEFINED_COLUMN, "expression_unknown_name"},
	{ERRCODE_UNDEFINED_TABLE, "expression_unknown_name"},
	{ERRCODE_UNDEFINED_FUNCTION, "expression_unknown_name"},
	{ERRCODE_UNDEFINED_OBJECT, "expression_unknown_name"},
	{ERRCODE_INVALID_SCHEMA_NAME, "expression_unknown_name"},
	{ERRCODE_AMBIGUOUS_COLUMN, "expression_ambiguous"},
	{ERRCODE_AMBIGUOUS_FUNCTION, "expression_ambiguous"},
	{ERRCODE_DATATYPE_MISMATCH, "expression_type"},
	{ERRCODE_CANNOT_COERCE, "expression_type"},
	{ERRCODE_INDETERMINATE_DATATYPE, "expression_type"},
	{ERRCODE_COLLATION_MISMATCH, "expression_type"},
	{ERRCODE_GROUPING_ERROR, "expression_aggregate"},
	{ERRCODE_WINDOWING_ERROR, "expression_window"},
	{ERRCODE_INSUFFICIENT_PRIVILEGE, "expression_permission"},
};

/* The name of the finding that an error becomes. */
static const char *
code_of_error(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	for (int i = 0; i < (int) lengthof(error_codes); i++)
		if (error_codes[i].sqlerrcode == error->sqlerrcode)
			return error_codes[i].code;

	if (category == ERRCODE_DATA_EXCEPTION)
		return "expression_value";
	if (category == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		return "expression_too_complex";
	return "expression_invalid";
}

bool
error_is_a_verdict(const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		return false;

	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
		case ERRCODE_TRANSACTION_ROLLBACK:
			return false;
		default:
			return true;
	}
}

/* Turn an error of the server into a finding. */
static void
complain_of_error(Analysis *analysis, const ErrorData *error)
{
	const char *code = analysis->code ? analysis->code : code_of_error(error);

	if (error->cursorpos > 0)
		complain(analysis, code, -1, error->hint, "%s (at character %d)",
				 error->message, error->cursorpos);
	else
		complain(analysis, code, -1, error->hint, "%s", error->message);
}

/* The pins of what an analysis found, in a memory context that stays. */
static List *
pins_of(const Analysis *analysis, MemoryContext mcxt)
{
	MemoryContext old = MemoryContextSwitchTo(mcxt);
	List	   *pins = NIL;
	ListCell   *lc;

	foreach (lc, analysis->functions)
		pins = lappend(pins, function_pin(lfirst_oid(lc)));

	MemoryContextSwitchTo(old);
	return pins;
}

/* Run an analysis as the relation's owner; returns pins of what it uses. */
static List *
analyse_as_owner(Analysis *analysis, void (*analyse)(Analysis *),
				 bool want_pins, MemoryContext mcxt)
{
	ActAs		before = act_as(analysis->rel->rd_rel->relowner, true);
	int			errors = analysis->findings->errors;
	List	   *pins = NIL;

	steady_settings();
	analyse(analysis);
	if (want_pins && analysis->findings->errors == errors)
		pins = pins_of(analysis, mcxt);
	act_done(&before);

	return pins;
}

/*
 * Run an analysis so that it ends in findings, whatever happens, save for
 * errors that are not about the document.  Returns whether there were none.
 */
static bool
check(Analysis *analysis, void (*analyse)(Analysis *), List **pins)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext scratch = AllocSetContextCreate(caller, "spine analysis",
												  ALLOCSET_DEFAULT_SIZES);
	List	   *volatile found = NIL;
	ErrorData  *volatile error = NULL;
	int			errors = analysis->findings->errors;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		found = analyse_as_owner(analysis, analyse, pins != NULL, caller);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(scratch);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();

	RollbackAndReleaseCurrentSubTransaction();
	CurrentResourceOwner = owner;
	MemoryContextSwitchTo(caller);

	if (error != NULL)
	{
		if (!error_is_a_verdict(error))
			ReThrowError(error);
		complain_of_error(analysis, error);
	}
	MemoryContextDelete(scratch);

	if (pins != NULL)
		*pins = found;
	return analysis->findings->errors == errors;
}

void
expression_analyse(Analysis *analysis)
{
	Node	   *tree = expression_parse(analysis);

	if (tree != NULL)
		expression_judge(analysis, tree);
}

bool
expression_check(const char *text, Relation rel, ExpressionScope scope,
				 const Place *place, Findings *findings, List **pins)
{
	Analysis	analysis = {0};

	analysis.text = text;
	analysis.rel = rel;
	analysis.scope = scope;
	analysis.place = place;
	analysis.findings = findings;
	return check(&analysis, expression_analyse, pins);
}

/* Is a type that of the relation's rows, or of a parent's? */
static bool
takes_rows(const Analysis *analysis, Oid type)
{
	Oid			reltype = analysis->rel->rd_rel->reltype;

	return type == reltype || typeInheritsFrom(reltype, type);
}

/* Judge the shape of a function of a document. */
static void
judge_signature(Analysis *analysis, Form_pg_proc proc)
{
	const char *row = format_type_be_qualified(analysis->rel->rd_rel->reltype);

	if (proc->prokind != PROKIND_FUNCTION || proc->proretset)
		complain(analysis, "function_kind", -1, NULL,
				 "%s is not a function that returns one value",
				 analysis->text);
	if (proc->pronargs != 2 ||
		!takes_rows(analysis, proc->proargtypes.values[0]) ||
		!takes_rows(analysis, proc->proargtypes.values[1]))
		complain(analysis, "function_arguments", -1, NULL,
				 "function %s must take the old and the new row: (%s, %s)",
				 analysis->text, row, row);
	if (analysis->result_type != VOIDOID &&
		analysis->result_type != proc->prorettype)
		complain(analysis, "function_result", -1, NULL,
				 "function %s must return %s, not %s", analysis->text,
				 format_type_be(analysis->result_type),
				 format_type_be(proc->prorettype));
}

void
function_analyse(Analysis *analysis)
{
	Oid			function = function_parse(analysis);
	HeapTuple	tuple;

	if (!OidIsValid(function))
		return;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		/* cannot happen */
		elog(ERROR, "cache lookup failed for function %u", function);
	judge_signature(analysis, (Form_pg_proc) GETSTRUCT(tuple));
	ReleaseSysCache(tuple);

	function_judge(analysis, function, -1, analysis->allow_volatile);
	analysis->function = function;
}

bool
function_check(const char *regprocedure, Relation rel, Oid result_type,
			   bool allow_volatile, const Place *place, Findings *findings,
			   List **pins)
{
	Analysis	analysis = {0};

	analysis.text = regprocedure;
	analysis.rel = rel;
	analysis.scope = EXPRESSION_OLD_NEW;
	analysis.result_type = result_type;
	analysis.allow_volatile = allow_volatile;
	analysis.place = place;
	analysis.findings = findings;
	return check(&analysis, function_analyse, pins);
}
