/*-------------------------------------------------------------------------
 *
 * schema_setting.c
 *		Levels and modes: of a subject, of a context, of all.
 *
 * A scope is the name of a subject; ":.context:" for all of a context; or the
 * empty text for all.  What a scope does not say is inherited.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/spine_audit.h"
#include "base/jb.h"
#include "base/rights.h"
#include "base/spi.h"
#include "miscadmin.h"
#include "registry/request.h"
#include "registry/store.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

PG_FUNCTION_INFO_V1(spine_set_level);
PG_FUNCTION_INFO_V1(spine_set_mode);

/* ---- scopes ---- */

/* What a setting is of. */
typedef struct Scope
{
	const char *text;
	Subject    *subject;	/* NULL: a context, or all */
} Scope;

static bool
is_context(const char *text)
{
	size_t		length = strlen(text);

	return length > 2 && text[0] == ':' && text[1] == '.' &&
		strchr(text + 1, ':') == text + length - 1;
}

static Scope
read_scope(const text *text)
{
	Scope		scope = {0};

	scope.text = text_to_cstring(text);
	if (scope.text[0] != '\0' && !is_context(scope.text))
	{
		scope.subject = subject_read(scope.text);
		scope.text = scope.subject->shown;
	}
	return scope;
}

/* Settings of more than a subject are spine_admin's. */
static void
require_right(const Scope *scope, Oid user, const char *what)
{
	if (scope->subject != NULL)
	{
		subject_find(scope->subject);
		subject_require(scope->subject, user, what);
	}
	else if (!is_spine_admin(user))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to %s all subjects", what),
				 errhint("Members of spine_admin may.")));
}

/* ---- values ---- */

/* A level that some format has, in upper case. */
static char *
read_level(const text *level)
{
	(void) request_level(NULL, level);
	return asc_toupper(VARDATA_ANY(level), VARSIZE_ANY_EXHDR(level));
}

static char *
read_mode(const text *mode)
{
	static const char *const modes[] = {"READWRITE", "READONLY",
										"READONLY_OVERRIDE", "IMPORT",
										"FORWARD"};
	char *name = asc_toupper(VARDATA_ANY(mode), VARSIZE_ANY_EXHDR(mode));

	for (size_t i = 0; i < lengthof(modes); i++)
		if (strcmp(modes[i], name) == 0)
			return name;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown mode \"%s\"", name),
			 errhint("There are READWRITE, READONLY, READONLY_OVERRIDE, "
					 "IMPORT and FORWARD.")));
}

/* {policy, group}; others are refused. */
static void
check_options(Jsonb *options)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be an object")));
	jb_walk(&cursor, &options->root);
	while (jb_next_member(&cursor, &key, &value))
	{
		char	   *name = jb_text(&key);
		char	   *text = value.type == jbvString ? jb_text(&value) : NULL;

		if (strcmp(name, "policy") == 0 && text != NULL &&
			(strcmp(text, "strict") == 0 || strcmp(text, "lenient") == 0))
			continue;
		if (strcmp(name, "group") == 0 && text != NULL)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown option or value of \"%s\"", name),
				 errhint("There are policy, strict or lenient, and group, a "
						 "property of the metadata.")));
	}
}

/* ---- setting ---- */

static const char level_sql[] =
	"INSERT INTO spine.schema_setting AS s (scope, level, policy, options,"
	" changed_at, changed_by) VALUES ($1, $2, $3 ->> 'policy', $3,"
	" pg_catalog.now(), $4) ON CONFLICT (scope) DO UPDATE SET"
	" level = EXCLUDED.level, policy = EXCLUDED.policy,"
	" options = EXCLUDED.options, changed_at = EXCLUDED.changed_at,"
	" changed_by = EXCLUDED.changed_by";

static const char mode_sql[] =
	"INSERT INTO spine.schema_setting AS s (scope, mode, changed_at,"
	" changed_by) VALUES ($1, $2, pg_catalog.now(), $3)"
	" ON CONFLICT (scope) DO UPDATE SET mode = EXCLUDED.mode,"
	" changed_at = EXCLUDED.changed_at, changed_by = EXCLUDED.changed_by";

static void
audit_setting(const Scope *scope, const char *what, const char *value)
{
	AuditEvent	event = {0};
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "scope", scope->text);
	event.key = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	state = NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, what, value ? value : "inherited");
	event.new_values = JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	event.dataset = CStringGetTextDatum(
		scope->subject && scope->subject->dataset ? scope->subject->dataset :
													scope->text);
	event.action = CStringGetTextDatum(psprintf("set_%s", what));
	event.via = CStringGetTextDatum("registry");
	audit_push(&event);
}

/* Write a setting; level_options is given for levels only. */
static void
write_setting(Scope *scope, const char *what, const char *value,
			  Jsonb *level_options)
{
	Oid			user = GetUserId();
	SpiArgs		args = {0};
	ActAs		before = act_as(extension_owner(), false);

	SPI_connect();
	require_right(scope, user, psprintf("set the %s of", what));
	spi_arg_text(&args, scope->text);
	spi_arg_text(&args, value);
	if (level_options != NULL)
		spi_arg_jsonb(&args, JsonbPGetDatum(level_options));
	spi_arg_text(&args, GetUserNameFromId(user, false));
	(void) spi_run(level_options ? level_sql : mode_sql, &args, SPI_OK_INSERT);
	SPI_finish();
	act_done(&before);
	audit_setting(scope, what, value);
}

/* spine.set_level(scope, level, options): a NULL level is inherited. */
Datum
spine_set_level(PG_FUNCTION_ARGS)
{
	Scope		scope;
	char	   *level = NULL;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("scope and options must not be null")));
	scope = read_scope(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
		level = read_level(PG_GETARG_TEXT_PP(1));
	check_options(PG_GETARG_JSONB_P(2));
	write_setting(&scope, "level", level, PG_GETARG_JSONB_P(2));
	PG_RETURN_VOID();
}

/* Numbers that come from elsewhere must not meet others. */
static void
require_empty(const Subject *subject)
{
	SpiArgs		args = {0};

	SPI_connect();
	spi_arg_text(&args, subject->context);
	spi_arg_text(&args, subject->name);
	if (spi_read("SELECT FROM spine.schema_version"
				 " WHERE context = $1 AND subject = $2 LIMIT 1",
				 &args) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("subject \"%s\" has versions already", subject->shown),
				 errdetail("Mode IMPORT is for subjects that are empty.")));
	SPI_finish();
}

/* spine.set_mode(scope, mode): a NULL mode is inherited. */
Datum
spine_set_mode(PG_FUNCTION_ARGS)
{
	Scope		scope;
	char	   *mode = NULL;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("scope must not be null")));
	scope = read_scope(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
		mode = read_mode(PG_GETARG_TEXT_PP(1));
	if (mode != NULL && strcmp(mode, "IMPORT") == 0 && scope.subject != NULL)
	{
		ActAs		before = act_as(extension_owner(), false);

		require_empty(scope.subject);
		act_done(&before);
	}
	write_setting(&scope, "mode", mode, NULL);
	PG_RETURN_VOID();
}
