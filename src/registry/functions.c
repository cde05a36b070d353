/*-------------------------------------------------------------------------
 *
 * functions.c
 *		The registry's functions that know no subject: of their arguments
 *		alone, whatever is published.
 *
 * None of them returns NULL where a check was not made: a NULL among the
 * arguments is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "registry/engine_server.h"
#include "registry/fingerprint.h"
#include "registry/request.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_is_compatible);
PG_FUNCTION_INFO_V1(spine_compare_schemas);
PG_FUNCTION_INFO_V1(spine_lint_schema);
PG_FUNCTION_INFO_V1(spine_canonical_schema);
PG_FUNCTION_INFO_V1(spine_schema_fingerprint);

/* The arguments by number, none of which may be NULL. */
static void
check_arguments(FunctionCallInfo fcinfo, const char *const *names)
{
	for (int i = 0; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s is NULL", names[i])));
}

/* ---- old versions ---- */

/* What the error context speaks of. */
typedef struct OldVersion
{
	int			number;		/* from 1 */
	int			count;
} OldVersion;

static void
old_version_context(void *arg)
{
	const OldVersion *old = arg;

	if (old->count == 1)
		errcontext("the old schema");
	else
		errcontext("old schema %d of %d", old->number, old->count);
}

/* Parse an old version, whole or for a verdict alone; errors say that it is
 * one. */
static const Schema *
parse_old(Engine *engine, const SchemaFormat *format, const text *schema,
		  const RequestOptions *options, int version, int count, bool whole)
{
	OldVersion	old = {version + 1, count};
	ErrorContextCallback context;
	const Schema *parsed;

	context.callback = old_version_context;
	context.arg = &old;
	context.previous = error_context_stack;
	error_context_stack = &context;
	if (whole)
		parsed = request_parse(engine, format, schema, &options->old, version);
	else
		parsed = request_known(engine, format, schema, &options->old, version,
							   false);
	error_context_stack = context.previous;
	return parsed;
}

/* The texts of an array, none of which may be NULL. */
static Datum *
old_texts(ArrayType *array, int *count)
{
	Datum	   *texts;
	bool	   *nulls;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls,
					  count);
	for (int i = 0; i < *count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("old schema %d of %d is NULL", i + 1, *count)));
	return texts;
}

/* ---- the functions ---- */

/* Does a version keep a level, against one or all that were there before? */
Datum
spine_is_compatible(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"type", "level", "new", "old",
										"options"};
	const SchemaFormat *format;
	SchemaLevel level;
	RequestOptions options;
	Engine	   *engine;
	const Schema *new;
	Datum	   *texts;
	int			count;
	unsigned	broken = BREAKS_NOTHING;

	check_arguments(fcinfo, names);
	format = request_format(PG_GETARG_TEXT_PP(0));
	level = request_level(format, PG_GETARG_TEXT_PP(1));
	texts = old_texts(PG_GETARG_ARRAYTYPE_P(3), &count);
	request_options(PG_GETARG_JSONB_P(4), count, &options);

	engine = engine_begin();
	new = request_known(engine, format, PG_GETARG_TEXT_PP(2), &options.new, 0,
						true);
	for (int i = count - 1; i >= 0 && level.wanted != 0 && broken == 0; i--)
	{
		SchemaPolicy policy = request_policy(&options, i);
		const Schema *old = parse_old(engine, format, DatumGetTextPP(texts[i]),
									  &options, i, count, false);

		broken =
			format_breaks(engine, format, old, new, &policy, level.wanted);
		if (!level.transitive)
			break;
	}
	engine_end(engine);
	PG_RETURN_BOOL(broken == 0);
}

static void
put_difference(ReturnSetInfo *result, const SchemaDifference *difference)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = CStringGetTextDatum(difference->kind);
	values[1] = PointerGetDatum(request_result(difference->path));
	values[2] = BoolGetDatum((difference->breaks & BREAKS_BACKWARD) == 0);
	values[3] = BoolGetDatum((difference->breaks & BREAKS_FORWARD) == 0);
	values[4] = PointerGetDatum(request_result(difference->message));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* All differences of two versions, as rows. */
Datum
spine_compare_schemas(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"type", "old", "new", "options"};
	const SchemaFormat *format;
	RequestOptions options;
	SchemaPolicy policy;
	SchemaDifferences differences = {NULL, NULL, 0};
	Engine	   *engine;
	const Schema			*old, *new;

	InitMaterializedSRF(fcinfo, 0);
	check_arguments(fcinfo, names);
	format = request_format(PG_GETARG_TEXT_PP(0));
	request_options(PG_GETARG_JSONB_P(3), 1, &options);
	policy = request_policy(&options, 0);

	engine = engine_begin();
	old =
		parse_old(engine, format, PG_GETARG_TEXT_PP(1), &options, 0, 1, true);
	new = request_parse(engine, format, PG_GETARG_TEXT_PP(2), &options.new, 0);
	format->diff(engine, old, new, &policy, &differences);
	for (const SchemaDifference *d = differences.first; d != NULL; d = d->next)
		put_difference((ReturnSetInfo *) fcinfo->resultinfo, d);
	engine_end(engine);
	return (Datum) 0;
}

static void
put_lint(ReturnSetInfo *result, const SchemaLint *lint)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = CStringGetTextDatum(lint->rule);
	values[1] = CStringGetTextDatum(lint->severity);
	values[2] = PointerGetDatum(request_result(lint->path));
	values[3] = Int32GetDatum(lint->line);
	nulls[3] = lint->line == 0;
	values[4] = PointerGetDatum(request_result(lint->message));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What could be better about a schema, as rows. */
Datum
spine_lint_schema(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"type", "schema"};
	const SchemaFormat *format;
	RequestSide nothing = {0};
	SchemaLints lints = {NULL, NULL, 0};
	Engine	   *engine;

	InitMaterializedSRF(fcinfo, 0);
	check_arguments(fcinfo, names);
	format = request_format(PG_GETARG_TEXT_PP(0));

	engine = engine_begin();
	format->lint(engine,
				 request_parse(engine, format, PG_GETARG_TEXT_PP(1), &nothing,
							   0),
				 &lints);
	for (const SchemaLint *lint = lints.first; lint != NULL; lint = lint->next)
		put_lint((ReturnSetInfo *) fcinfo->resultinfo, lint);
	engine_end(engine);
	return (Datum) 0;
}

/* The canonical form of a schema that refers to no other, in UTF-8. */
static char *
canonical_form(Engine *engine, const text *type, const text *schema)
{
	const SchemaFormat *format = request_format(type);
	RequestSide nothing = {0};

	return format->canonical(engine,
							 request_parse(engine, format, schema, &nothing,
										   0));
}

Datum
spine_canonical_schema(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"type", "schema"};
	Engine	   *engine;
	text	   *result;

	check_arguments(fcinfo, names);
	engine = engine_begin();
	result = request_result(
		canonical_form(engine, PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1)));
	engine_end(engine);
	PG_RETURN_TEXT_P(result);
}

/* A fingerprint of the canonical form. */
Datum
spine_schema_fingerprint(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"type", "schema", "algorithm"};
	Engine	   *engine;
	const char *form;
	bytea	   *result;

	check_arguments(fcinfo, names);
	engine = engine_begin();
	form = canonical_form(engine, PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1));
	result = fingerprint_by_name(text_to_cstring(PG_GETARG_TEXT_PP(2)), form,
								 strlen(form));
	engine_end(engine);
	PG_RETURN_BYTEA_P(result);
}
