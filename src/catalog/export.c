/*-------------------------------------------------------------------------
 *
 * export.c
 *		The accepted document, whole or a part of it, now or at a time.
 *
 * What is exported applies again: a part is a partial document.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_export);

/* Raise that the scope names nothing. */
static void
unknown_scope(const char *scope)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("\"%s\" is not in the document", scope),
			 errhint("A scope is a context or context.dataset, as in "
					 "spine.asset.")));
}

/* An object with one member. */
static JsonbValue
wrapped(const char *key, const JsonbValue *value)
{
	Assembly	object;
	JsonbValue	name = text_value(key);

	assembly_begin(&object);
	assembly_add(&object, &name, value);
	return assembly_value(&object);
}

/* The document with nothing but the given contexts. */
static Jsonb *
with_contexts(const JsonbValue *contexts)
{
	JsonbValue	section = wrapped("contexts", contexts);
	Jsonb	   *partial = value_document(&section);

	return document_merge(document_empty(), partial, false);
}

/* The part of a document that a scope names. */
static Jsonb *
document_part(const Jsonb *document, const char *scope)
{
	List	   *parts = asset_key_parts(scope);
	JsonbValue	value;
	JsonbValue	contexts;

	if (parts == NIL || list_length(parts) > 2 ||
		!jb_get(jb_get_object(&document->root, "contexts"), linitial(parts),
				&value))
		unknown_scope(scope);

	if (list_length(parts) == 2)
	{
		if (!jb_get(jb_get_object(value_object(&value), "datasets"),
					lsecond(parts), &value))
			unknown_scope(scope);
		value = wrapped(lsecond(parts), &value);
		value = wrapped("datasets", &value);
	}
	contexts = wrapped(linitial(parts), &value);
	return with_contexts(&contexts);
}

/* spine.export(scope, as_of): see docs/catalog.md. */
Datum
spine_export(PG_FUNCTION_ARGS)
{
	Jsonb	   *document;
	int64		rev;

	if (PG_ARGISNULL(1))
		document = document_newest(&rev);
	else
		document = document_as_of(PG_GETARG_TIMESTAMPTZ(1));

	if (!PG_ARGISNULL(0))
		document =
			document_part(document, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_JSONB_P(document);
}
