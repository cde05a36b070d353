/*-------------------------------------------------------------------------
 *
 * follow.c
 *		Parties follow their roles when these are renamed.
 *
 * No event tells that a role was renamed.  The projection keeps the oid that
 * a party's role had when it was applied; if that role has another name now,
 * and nobody has taken the old one, the document means the new name, and the
 * next apply writes it down.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"
#include "utils/acl.h"

/* The present name of a party's role if it was renamed; NULL otherwise. */
static const char *
new_role_name(const List *renamed, const JsonbValue *party,
			  const JsonbContainer *definition)
{
	char	 *role = jb_get_text(definition, "role");
	ListCell *lc;

	if (role == NULL)
		return NULL;
	foreach (lc, renamed)
	{
		const RenamedRole *entry = lfirst(lc);

		if (key_is(party, entry->party) && strcmp(role, entry->before) == 0 &&
			!OidIsValid(get_role_oid(role, true)))
			return entry->after;
	}
	return NULL;
}

/* A party's definition with another role. */
static JsonbValue
with_role(const JsonbContainer *definition, const char *role)
{
	JsonbValue name = text_value(role);
	Assembly   object;
	Pairs	   pairs;

	assembly_begin(&object);
	pairs_begin(&pairs, definition, NULL);
	while (pairs_next(&pairs))
		assembly_add(&object, &pairs.key,
					 key_is(&pairs.key, "role") ? &name : pairs.before);
	return assembly_value(&object);
}

/* The document that renames the roles of parties; NULL if there are none. */
static Jsonb *
renaming_document(const Jsonb *document, const List *renamed)
{
	JsonbValue section_name = text_value("parties");
	JsonbValue section;
	Assembly   object;
	Pairs	   pairs;

	assembly_begin(&object);
	pairs_begin(&pairs, jb_get_object(&document->root, "parties"), NULL);
	while (pairs_next(&pairs))
	{
		const JsonbContainer *definition = value_object(pairs.before);
		const char *role = new_role_name(renamed, &pairs.key, definition);
		JsonbValue	party;

		if (role == NULL)
			continue;
		party = with_role(definition, role);
		assembly_add(&object, &pairs.key, &party);
	}
	if (object.count == 0)
		return NULL;

	section = assembly_value(&object);
	assembly_begin(&object);
	assembly_add(&object, &section_name, &section);
	return assembly_document(&object);
}

/* The document with the present names of renamed roles; itself if none is. */
Jsonb *
document_follow(Jsonb *document)
{
	List  *renamed = catalog_renamed_roles();
	Jsonb *renaming;

	if (renamed == NIL)
		return document;
	renaming = renaming_document(document, renamed);
	return renaming ? document_merge(document, renaming, false) : document;
}
