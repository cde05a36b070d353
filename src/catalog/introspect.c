/*-------------------------------------------------------------------------
 *
 * introspect.c
 *		What spine.introspect asks of the format while it reads pg_catalog.
 *
 * The reading itself is SQL (sql/catalog/51_introspect.sql).  Here is what
 * only the format knows: which names and texts a document may hold.  Whatever
 * these functions return is accepted by spine.validate where it is put.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/format.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/spine_catalog.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_user_schema);
PG_FUNCTION_INFO_V1(spine_fit_name);
PG_FUNCTION_INFO_V1(spine_fit_text);
PG_FUNCTION_INFO_V1(spine_attribute_key);

/* UTF-8 of the guillemets that a form's placeholders stand in. */
#define PLACEHOLDER_OPEN "\342\200\271"
#define PLACEHOLDER_CLOSE "\342\200\272"

/* Would validate take this text for a placeholder that nobody filled in? */
static bool
holds_placeholder(const char *text)
{
	const char *open = strstr(text, PLACEHOLDER_OPEN);

	return open != NULL && strstr(open, PLACEHOLDER_CLOSE) != NULL;
}

/* May an entry of a document bear this name? */
static bool
is_fit(const char *name)
{
	return format_string_matches(SHAPE_NAME, name, (int) strlen(name)) &&
		strcmp(name, "*") != 0 && !holds_placeholder(name);
}

/* Control characters and placeholders, byte by byte, become question marks. */
static void
clean_name(char *name)
{
	for (char *c = name; *c; c++)
	{
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (strncmp(c, PLACEHOLDER_OPEN, 3) == 0 ||
				 strncmp(c, PLACEHOLDER_CLOSE, 3) == 0)
			memset(c, '?', 3);
	}
}

/*
 * spine.user_schema(name): the oid of a schema whose tables can be governed.
 */
Datum
spine_user_schema(PG_FUNCTION_ARGS)
{
	const char *name = NameStr(*PG_GETARG_NAME(0));
	Oid			schema = get_namespace_oid(name, false);

	if (schema < FirstNormalObjectId && schema != PG_PUBLIC_NAMESPACE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("schema \"%s\" is a system schema", name),
				 errhint("Name a schema that holds tables of your own.")));
	if (isAnyTempNamespace(schema))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("schema \"%s\" is temporary", name),
				 errhint("Name a schema that holds tables of your own.")));
	if (schema == get_namespace_oid("spine", true))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("schema \"%s\" belongs to the extension", name),
				 errhint("Name a schema that holds tables of your own.")));
	PG_RETURN_OID(schema);
}

/*
 * spine.fit_name(name, taken): the name, if a document's entry may bear it and
 * nothing else does; otherwise one like it, made unique by a hash of it.
 */
Datum
spine_fit_name(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	uint32		hash;
	StringInfoData buf;
	int			len;

	if (is_fit(name) && !PG_GETARG_BOOL(1))
		PG_RETURN_TEXT_P(cstring_to_text(name));

	hash = hash_bytes((const unsigned char *) name, (int) strlen(name));
	len = pg_mbcliplen(name, (int) strlen(name), 160);
	name[len] = '\0';
	clean_name(name);
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s~%08x", name + strspn(name, " "), hash);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

/*
 * spine.fit_text(text): the text, or NULL where validate would take it for a
 * form that was never filled in.
 */
Datum
spine_fit_text(PG_FUNCTION_ARGS)
{
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (holds_placeholder(given))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(given));
}

/*
 * spine.attribute_key(name): a column as attributes are written in documents.
 */
Datum
spine_attribute_key(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(asset_key_quote(name)));
}
