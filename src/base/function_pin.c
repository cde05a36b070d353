/*-------------------------------------------------------------------------
 *
 * function_pin.c
 *		Pins: what a function does, as a hash, so that CREATE OR REPLACE
 *		does not go unseen.
 *
 * The hash covers what the function's own definition says: signature,
 * defaults, language, body, library and symbol, volatility, strictness,
 * security and settings.  Names in it are qualified, so that it survives dump
 * and restore.  Who owns the function is not in it (ownership is judged each
 * time anew, and renaming a role must not hurt).  What the function calls in
 * turn, or a library's code behind its symbol, is out of its reach.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "base/expression_internal.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

/* Append one field; the length keeps neighbours from running together. */
static void
append_field(StringInfo buf, const char *name, const char *value)
{
	if (value == NULL)
		appendStringInfo(buf, "%s=\n", name);
	else
		appendStringInfo(buf, "%s=%zu:%s\n", name, strlen(value), value);
}

/* Append a text attribute of pg_proc, if it is there. */
static void
append_text_attribute(StringInfo buf, const char *name, HeapTuple tuple,
					  AttrNumber attnum)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, tuple, attnum, &isnull);

	append_field(buf, name, isnull ? NULL : TextDatumGetCString(value));
}

/* Append the settings of a function, each as name=value. */
static void
append_settings(StringInfo buf, HeapTuple tuple)
{
	bool		isnull;
	Datum		value =
		SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &isnull);
	ArrayIterator iterator;
	Datum		setting;

	if (isnull)
		return;

	iterator = array_create_iterator(DatumGetArrayTypeP(value), 0, NULL);
	while (array_iterate(iterator, &setting, &isnull))
		append_field(buf, "setting",
					 isnull ? NULL : TextDatumGetCString(setting));
	array_free_iterator(iterator);
}

/* Append what a deparser of the server says about the function. */
static void
append_deparsed(StringInfo buf, const char *name, Oid deparser, Oid function)
{
	Datum		said = OidFunctionCall1(deparser, ObjectIdGetDatum(function));

	append_field(buf, name, TextDatumGetCString(said));
}

/* Append the body, whichever of its three forms it has. */
static void
append_body(StringInfo buf, Oid function, HeapTuple tuple)
{
	bool		isnull;

	append_text_attribute(buf, "source", tuple, Anum_pg_proc_prosrc);
	append_text_attribute(buf, "library", tuple, Anum_pg_proc_probin);

	(void) SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	if (!isnull)
		append_deparsed(buf, "sql", F_PG_GET_FUNCTION_SQLBODY, function);
}

/* Append everything about a function that its hash covers. */
static void
append_definition(StringInfo buf, Oid function, HeapTuple tuple)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);

	append_field(buf, "identity", format_procedure_qualified(function));
	append_deparsed(buf, "arguments", F_PG_GET_FUNCTION_ARGUMENTS, function);
	append_deparsed(buf, "result", F_PG_GET_FUNCTION_RESULT, function);
	append_field(buf, "language", get_language_name(proc->prolang, false));
	appendStringInfo(buf, "volatility=%c strict=%d definer=%d\n",
					 proc->provolatile, proc->proisstrict, proc->prosecdef);
	append_settings(buf, tuple);
	append_body(buf, function, tuple);
}

/* The SHA-256 of a buffer in lower-case hex. */
static char *
sha256_hex(const StringInfo buf)
{
	bytea	   *input = palloc(VARHDRSZ + buf->len);
	bytea	   *digest;
	int			len;
	char	   *hex;

	SET_VARSIZE(input, VARHDRSZ + buf->len);
	memcpy(VARDATA(input), buf->data, buf->len);
	digest = DatumGetByteaPP(
		DirectFunctionCall1(sha256_bytea, PointerGetDatum(input)));

	len = VARSIZE_ANY_EXHDR(digest);
	hex = palloc(2 * len + 1);
	hex_encode(VARDATA_ANY(digest), len, hex);
	hex[2 * len] = '\0';
	return hex;
}

/* The pin of a function, in the current memory context. */
FunctionPin *
function_pin(Oid function)
{
	FunctionPin *pin = palloc(sizeof(FunctionPin));
	HeapTuple	tuple;
	StringInfoData buf;

	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", function)));

	initStringInfo(&buf);
	append_definition(&buf, function, tuple);
	ReleaseSysCache(tuple);

	pin->identity = format_procedure_qualified(function);
	pin->sha256 = sha256_hex(&buf);
	return pin;
}

const FunctionPin *
function_pin_find(const List *pins, const char *identity)
{
	ListCell   *lc;

	foreach (lc, pins)
	{
		const FunctionPin *pin = lfirst(lc);

		if (strcmp(pin->identity, identity) == 0)
			return pin;
	}
	return NULL;
}

/* Raise SP002 about a function; what says how it differs from its pin. */
static void
reject_function(const char *identity, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_GUARD_FAILED),
			 errmsg("function %s %s", identity, what),
			 errhint("Review the function, then apply the document again.")));
}

/* Raise SP002 unless the function is what its pin says. */
static void
verify_function(Oid function, const List *pins)
{
	const FunctionPin *now;
	const FunctionPin *then;

	if (!SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function)))
		ereport(ERROR,
				(errcode(ERRCODE_SPINE_GUARD_FAILED),
				 errmsg(
					 "a function was dropped since the document was applied"),
				 errhint("Apply a document that uses it no longer.")));

	now = function_pin(function);
	then = function_pin_find(pins, now->identity);
	if (then == NULL)
		reject_function(now->identity,
						"was not used when the document was applied");
	else if (strcmp(now->sha256, then->sha256) != 0)
		reject_function(now->identity,
						"changed since the document was applied");
}

void
function_pins_verify(const List *functions, const List *pins)
{
	ListCell   *lc;

	foreach (lc, functions)
		verify_function(lfirst_oid(lc), pins);
}
