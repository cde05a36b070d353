/*-------------------------------------------------------------------------
 *
 * merge.c
 *		What an applied document means over the accepted one.
 *
 * Named entities replace one another whole; nothing inside them is merged.
 * Entities are entries of a section (a code of a scheme in terms), members
 * of a context, and datasets.  What is not named stays as it is, byte by
 * byte, unless prune is asked for; prune looks only into sections and
 * contexts that the document names, so it never removes a context that the
 * document is silent about.
 *
 * The result is canonical: it has kind and apiVersion, and no empty section.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"

/*
 * Merge one member that the accepted document (current), the applied one
 * (doc) or both have.  False if the result lacks it.
 */
typedef bool (*MemberMerge)(const Pairs *pair, bool prune, JsonbValue *result);

/* Merge two objects, either of which may be NULL; false if none is left. */
static bool
merge_objects(const JsonbContainer *current, const JsonbContainer *doc,
			  MemberMerge merge_member, bool prune, JsonbValue *result)
{
	Pairs		pairs;
	Assembly	object;

	assembly_begin(&object);
	pairs_begin(&pairs, current, doc);
	while (pairs_next(&pairs))
	{
		JsonbValue	value;

		if (merge_member(&pairs, prune, &value))
			assembly_add(&object, &pairs.key, &value);
	}
	*result = assembly_value(&object);
	return object.count > 0;
}

/* An entity: the document's if it names it. */
static bool
merge_entity(const Pairs *pair, bool prune, JsonbValue *result)
{
	if (pair->after != NULL)
		*result = *pair->after;
	else if (!prune)
		*result = *pair->before;
	return pair->after != NULL || !prune;
}

/* A scheme of terms: its codes are the entities. */
static bool
merge_scheme(const Pairs *pair, bool prune, JsonbValue *result)
{
	if (pair->after == NULL)
		return merge_entity(pair, prune, result);
	return merge_objects(value_object(pair->before), value_object(pair->after),
						 merge_entity, prune, result);
}

/* A member of a context: its datasets are entities, as all else in it is. */
static bool
merge_context_member(const Pairs *pair, bool prune, JsonbValue *result)
{
	if (!key_is(&pair->key, "datasets"))
		return merge_entity(pair, prune, result);
	if (pair->after == NULL)
		return merge_entity(pair, prune, result);
	return merge_objects(value_object(pair->before), value_object(pair->after),
						 merge_entity, prune, result);
}

/*
 * A context.  One that prune leaves without any member is gone: naming it
 * empty is how a context is removed.
 */
static bool
merge_context(const Pairs *pair, bool prune, JsonbValue *result)
{
	if (pair->after == NULL)
	{
		*result = *pair->before;
		return true;
	}
	return merge_objects(value_object(pair->before), value_object(pair->after),
						 merge_context_member, prune, result) ||
		!prune;
}

/* A top-level member: a section, or one of the two that mark the format. */
static bool
merge_section(const Pairs *pair, bool prune, JsonbValue *result)
{
	const JsonbContainer *current = value_object(pair->before);
	const JsonbContainer *doc = value_object(pair->after);
	MemberMerge merge_member = merge_entity;

	if (pair->after == NULL || doc == NULL)
	{
		*result = pair->after != NULL ? *pair->after : *pair->before;
		return true;
	}
	if (key_is(&pair->key, "contexts"))
		merge_member = merge_context;
	else if (key_is(&pair->key, "terms"))
		merge_member = merge_scheme;
	return merge_objects(current, doc, merge_member, prune, result);
}

Jsonb *
document_merge(const Jsonb *current, const Jsonb *doc, bool prune)
{
	Assembly	object;
	Pairs		pairs;

	assembly_begin(&object);
	pairs_begin(&pairs, &current->root, &doc->root);
	while (pairs_next(&pairs))
	{
		JsonbValue	value;

		if (merge_section(&pairs, prune, &value))
			assembly_add(&object, &pairs.key, &value);
	}
	return assembly_document(&object);
}
