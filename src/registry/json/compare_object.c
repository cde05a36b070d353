/*-------------------------------------------------------------------------
 *
 * compare_object.c
 *		Objects of two JSON Schemas: properties, and what holds for others.
 *
 * A content model is open if properties that are not named may be there with
 * any value, closed if they may not, partially open if other schemas speak of
 * them: patternProperties, or additionalProperties.  A property that only one
 * side names is judged by what the other side's model says of it.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

/* What a node says of properties. */
typedef struct Model
{
	JsNode	   *node;
	const JsKey *named;
	const JsKey *patterns;	/* NULL: none */
	JsNode	   *others;		/* schema of all others */
	JsKeyword	keyword;	/* which says so */
	bool		open;
} Model;

static Model
model_of(JsNode *node, JsNode *anything)
{
	Model		model = {0};

	model.node = node;
	model.named = js_key(node, K_PROPERTIES);
	model.patterns = js_key(node, K_PATTERN_PROPERTIES);
	if (model.patterns != NULL && model.patterns->count == 0)
		model.patterns = NULL;
	model.keyword = K_ADDITIONAL_PROPERTIES;
	model.others = js_schema_of(node, model.keyword);
	if (model.others == NULL)
	{
		model.keyword = K_UNEVALUATED_PROPERTIES;
		model.others = js_schema_of(node, model.keyword);
	}
	if (model.others == NULL)
	{
		model.keyword = K_ADDITIONAL_PROPERTIES;
		model.others = anything;
	}
	model.open = model.patterns == NULL && model.others->real->anything;
	return model;
}

/* Does a schema accept all that a model accepts of a name, or the reverse? */
static bool
is_covered(JsComparison *c, bool model_is_old, const Model *model,
		   const JsonNode *name, JsNode *schema, bool model_writes)
{
	bool		sure = false;
	bool		all = true;
	bool		some = false;

	for (int i = 0; model->patterns != NULL && i < model->patterns->count; i++)
	{
		JsNode	   *node = model->patterns->nodes[i];
		JsMatch		match =
			js_matches(c->engine, model->patterns->json->names[i], name);
		bool		fits;

		if (match == MATCH_NO)
			continue;
		fits = model_writes ? js_accepts(c, model_is_old, node, schema) :
							  js_accepts(c, !model_is_old, schema, node);
		sure |= match == MATCH_YES;
		some |= match == MATCH_YES && fits;
		all &= fits;
	}
	/* Of patterns that match for sure, one that is strict enough will do. */
	if (model_writes && some)
		return true;
	if (sure)
		return model_writes ? some : all;
	return all &&
		(model_writes ? js_accepts(c, model_is_old, model->others, schema) :
						js_accepts(c, !model_is_old, schema, model->others));
}

/* Does any pattern speak of a name for sure? */
static bool
has_pattern(JsComparison *c, const Model *model, const JsonNode *name)
{
	for (int i = 0; model->patterns != NULL && i < model->patterns->count; i++)
		if (js_matches(c->engine, model->patterns->json->names[i], name) !=
			MATCH_NO)
			return true;
	return false;
}

/* ---- required ---- */

static EngineMap *
required_of(JsComparison *c, JsNode *node)
{
	const JsonNode *list = js_json(node, K_REQUIRED);

	if (list == NULL || node->required != NULL)
		return node->required;
	node->required = map_new_for(c->engine, (size_t) list->count);
	for (int i = 0; i < list->count; i++)
		map_set(node->required, list->items[i]->text, list->items[i]->length,
				node);
	return node->required;
}

static bool
is_required(const EngineMap *required, const JsonNode *name)
{
	return required != NULL &&
		map_get(required, name->text, name->length) != NULL;
}

/* Is there a value for those who leave a property out? */
static bool
has_default(const Model *model, const JsonNode *name)
{
	JsNode	   *node = js_named(model->named, name);

	return node != NULL &&
		(js_json(node, K_DEFAULT) != NULL ||
		 js_json(node->real, K_DEFAULT) != NULL);
}

/* Names that one side requires and the other does not. */
static void
tell_required(JsComparison *c, const Model *old, const Model *new,
			  const EngineMap *other, bool added)
{
	const Model *model = added ? new : old;
	const JsonNode *list = js_json(model->node, K_REQUIRED);

	for (int i = 0; list != NULL && i < list->count; i++)
	{
		const JsonNode *name = list->items[i];
		bool		given = has_default(model, name);
		unsigned		breaks = given ? BREAKS_NOTHING :
				   added			   ? BREAKS_BACKWARD :
										 BREAKS_FORWARD;

		engine_tick(c->engine);
		if (is_required(other, name))
			continue;
		js_report(c,
				  !added  ? "REQUIRED_ATTRIBUTE_REMOVED" :
					  given ? "REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED" :
							  "REQUIRED_ATTRIBUTE_ADDED",
				  js_relevant(c, old->node, new->node, T_OBJECT, breaks),
				  model->node, K_REQUIRED, "property \"%s\" is %s", name->text,
				  added ? "required now" : "not required any more");
	}
}

static void
compare_required(JsComparison *c, const Model *old, const Model *new)
{
	EngineMap  *before = required_of(c, old->node);
	EngineMap  *after = required_of(c, new->node);

	tell_required(c, old, new, before, true);
	tell_required(c, old, new, after, false);
}

/* ---- properties ---- */

static const char *
removed_kind(const Model *new, bool closed, bool fits, const JsNode *schema)
{
	if (new->open)
		return "PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL";
	if (closed && schema->real->nothing)
		return "PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL";
	if (closed)
		return "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL";
	return fits ?
		"PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" :
		"PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL";
}

static const char *
added_kind(const Model *old, const Model *new, const JsonNode *name,
		   bool closed, bool fits, const JsNode *schema, bool required)
{
	if (old->open)
		return schema->real->anything ?
			"PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL" :
			"PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL";
	if (!closed)
		return fits ?
			"PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" :
			"PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL";
	if (!required)
		return "OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL";
	return has_default(new, name) ?
		"REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL" :
		"REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL";
}

/* A property that only one side names, against the other side's model. */
static void
compare_lone(JsComparison *c, const Model *old, const Model *new,
			 const JsonNode *name, JsNode *schema, bool removed,
			 const EngineMap *required)
{
	const Model *model = removed ? new : old;
	bool closed = model->others->real->nothing && !has_pattern(c, model, name);
	bool		fits = is_covered(c, !removed, model, name, schema, false);
	bool		serves = is_covered(c, !removed, model, name, schema, true);
	unsigned	breaks = BREAKS_NOTHING;
	bool		good;

	/* The side with the name writes to the model, and the model to it. */
	if (!fits)
		breaks |= removed ? BREAKS_BACKWARD : BREAKS_FORWARD;
	if (!serves)
		breaks |= removed ? BREAKS_FORWARD : BREAKS_BACKWARD;
	good = removed ? fits : serves;
	if (c->policy->lenient)
		breaks = BREAKS_NOTHING;
	js_report(c,
			  removed ? removed_kind(new, closed, good, schema) :
						added_kind(old, new, name, closed, good, schema,
								   is_required(required, name)),
			  js_relevant(c, old->node, new->node, T_OBJECT, breaks), schema,
			  K_NONE, "property \"%s\" was %s", name->text,
			  removed ? "removed" : "added");
}

static void
compare_named(JsComparison *c, const Model *old, const Model *new)
{
	EngineMap  *required = required_of(c, new->node);

	for (int i = 0; old->named != NULL && i < old->named->count; i++)
	{
		const JsonNode *name = old->named->json->names[i];
		JsNode	   *other = js_named(new->named, name);

		engine_tick(c->engine);
		if (other != NULL)
			js_walk_masked(c, old->named->nodes[i], other,
						   js_relevant(c, old->node, new->node, T_OBJECT,
									   BREAKS_BOTH));
		else
			compare_lone(c, old, new, name, old->named->nodes[i], true, NULL);
		if (js_done(c))
			return;
	}
	for (int i = 0; new->named != NULL &&i < new->named->count; i++)
	{
		const JsonNode *name = new->named->json->names[i];

		engine_tick(c->engine);
		if (js_named(old->named, name) == NULL)
			compare_lone(c, old, new, name, new->named->nodes[i], false,
						 required);
		if (js_done(c))
			return;
	}
}

/* ---- patterns and all others ---- */

/* Does the other side's model write only what a new pattern's schema takes? */
static bool
pattern_takes(JsComparison *c, bool model_is_old, const Model *model,
			  const JsonNode *pattern, JsNode *schema)
{
	if (!js_accepts(c, model_is_old, model->others, schema))
		return false;
	for (int i = 0; model->named != NULL && i < model->named->count; i++)
		if (js_matches(c->engine, pattern, model->named->json->names[i]) !=
				MATCH_NO &&
			!js_accepts(c, model_is_old, model->named->nodes[i], schema))
			return false;
	for (int i = 0; model->patterns != NULL && i < model->patterns->count; i++)
		if (!js_accepts(c, model_is_old, model->patterns->nodes[i], schema))
			return false;
	return true;
}

/* A pattern that only one side has. */
static void
compare_lone_pattern(JsComparison *c, const Model *old, const Model *new,
					 const JsonNode *pattern, JsNode *schema, bool removed)
{
	const Model *model = removed ? new : old;
	unsigned	breaks = BREAKS_NOTHING;

	if (!js_accepts(c, removed, schema, model->others))
		breaks |= removed ? BREAKS_BACKWARD : BREAKS_FORWARD;
	if (!pattern_takes(c, !removed, model, pattern, schema))
		breaks |= removed ? BREAKS_FORWARD : BREAKS_BACKWARD;
	if (c->policy->lenient)
		breaks = BREAKS_NOTHING;
	js_report(c,
			  removed ? "PATTERN_PROPERTY_REMOVED" : "PATTERN_PROPERTY_ADDED",
			  js_relevant(c, old->node, new->node, T_OBJECT, breaks), schema,
			  K_NONE, "properties that match \"%s\" %s", pattern->text,
			  removed ? "have no schema of their own any more" :
						"have a schema of their own now");
}

static void
compare_patterns(JsComparison *c, const Model *old, const Model *new)
{
	for (int i = 0; old->patterns != NULL && i < old->patterns->count; i++)
	{
		const JsonNode *pattern = old->patterns->json->names[i];
		JsNode	   *other = js_named(new->patterns, pattern);

		if (other != NULL)
			js_walk_masked(c, old->patterns->nodes[i], other,
						   js_relevant(c, old->node, new->node, T_OBJECT,
									   BREAKS_BOTH));
		else
			compare_lone_pattern(c, old, new, pattern, old->patterns->nodes[i],
								 true);
	}
	for (int i = 0; new->patterns != NULL &&i < new->patterns->count; i++)
		if (js_named(old->patterns, new->patterns->json->names[i]) == NULL)
			compare_lone_pattern(c, old, new, new->patterns->json->names[i],
								 new->patterns->nodes[i], false);
}

static const char *
others_kind(JsKeyword keyword, const JsNode *before, const JsNode *after)
{
	bool		plain = keyword == K_ADDITIONAL_PROPERTIES;

	if (after->real->nothing)
		return plain ? "ADDITIONAL_PROPERTIES_REMOVED" :
					   "UNEVALUATED_PROPERTIES_REMOVED";
	if (before->real->nothing)
		return plain ? "ADDITIONAL_PROPERTIES_ADDED" :
					   "UNEVALUATED_PROPERTIES_ADDED";
	if (after->real->anything)
		return plain ? "ADDITIONAL_PROPERTIES_EXTENDED" :
					   "UNEVALUATED_PROPERTIES_EXTENDED";
	return plain ? "ADDITIONAL_PROPERTIES_NARROWED" :
				   "UNEVALUATED_PROPERTIES_NARROWED";
}

/* Do the schemas in a keyword break nothing?  There are as many. */
static bool
same_children(JsComparison *c, const JsKey *before, const JsKey *after)
{
	for (int i = 0; i < before->count; i++)
		if (js_breaks(c, before->nodes[i], after->nodes[i]) != 0)
			return false;
	return true;
}

/*
 * Other keywords that evaluate properties or items of the same value: are they
 * the same, and what references in them lead to?
 */
static bool
same_applicators(JsComparison *c, const JsNode *old, const JsNode *new)
{
	static const JsKeyword keywords[] = {
		K_ALL_OF, K_ANY_OF, K_ONE_OF, K_IF,
		K_THEN,	  K_ELSE,	K_REF,	  K_DEPENDENT_SCHEMAS,
		K_CONTAINS,
	};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
	{
		const JsonNode *before = js_json(old, keywords[i]);
		const JsonNode *after = js_json(new, keywords[i]);

		if ((before == NULL) != (after == NULL) ||
			(before != NULL && !json_equal(c->engine, before, after)))
			return false;
		if (before != NULL &&
			!same_children(c, js_key(old, keywords[i]),
						   js_key(new, keywords[i])))
			return false;
	}
	for (int i = 0; i < old->ntargets && i < new->ntargets; i++)
		if (js_breaks(c, old->targets[i], new->targets[i]) != 0)
			return false;
	return true;
}

/* What is left over depends on all that evaluates properties. */
void
js_compare_evaluated(JsComparison *c, JsNode *old, JsNode *new,
					 JsKeyword keyword, unsigned types, const char *kind)
{
	JsNode	   *before = js_schema_of(old, keyword);
	JsNode	   *after = js_schema_of(new, keyword);
	unsigned	breaks = 0;

	if ((before == NULL && after == NULL) || same_applicators(c, old, new))
		return;
	if (after != NULL && !after->real->anything)
		breaks |= BREAKS_BACKWARD;
	if (before != NULL && !before->real->anything)
		breaks |= BREAKS_FORWARD;
	if (c->policy->lenient || breaks == 0)
		return;
	js_report(c, kind, js_relevant(c, old, new, types, breaks),
			  after != NULL ? new : old, keyword,
			  "what is left for \"%s\" may have changed",
			  js_keywords[keyword].name);
}

static void
compare_others(JsComparison *c, const Model *old, const Model *new)
{
	const Model *told = new->node->at[new->keyword] != 0 ? new : old;
	unsigned	breaks;

	if (told->node->at[told->keyword] == 0)
		return;
	breaks = js_breaks(c, old->others, new->others);
	if (!old->others->real->nothing && !new->others->real->nothing &&
		!old->others->real->anything && !new->others->real->anything)
	{
		if (!c->policy->lenient)
			js_walk_masked(c, old->others, new->others,
						   js_relevant(c, old->node, new->node, T_OBJECT,
									   BREAKS_BOTH));
		return;
	}
	if (breaks == 0)
		return;
	if (c->policy->lenient)
		breaks = 0;
	js_report(c, others_kind(told->keyword, old->others, new->others),
			  js_relevant(c, old->node, new->node, T_OBJECT, breaks),
			  told->node, told->keyword, "\"%s\" changed",
			  js_keywords[told->keyword].name);
}

/* ---- dependencies ---- */

/* The names that one name demands: a list, or NULL. */
static const JsonNode *
demanded_names(const JsNode *node, const JsonNode *name)
{
	static const JsKeyword keywords[] = {K_DEPENDENT_REQUIRED, K_DEPENDENCIES};

	for (size_t i = 0; i < 2; i++)
	{
		const JsonNode *list =
			json_get_n(js_json(node, keywords[i]), name->text, name->length);

		if (list != NULL && list->kind == JSON_ARRAY && list->count > 0)
			return list;
	}
	return NULL;
}

/* The schema that one name demands, or NULL. */
static JsNode *
demanded_schema(const JsNode *node, const JsonNode *name)
{
	JsNode	   *schema = js_named(js_key(node, K_DEPENDENT_SCHEMAS), name);

	if (schema == NULL && js_key(node, K_DEPENDENCIES) != NULL)
		schema = js_named(js_key(node, K_DEPENDENCIES), name);
	return schema;
}

static bool
lists_all(Engine *engine, const JsonNode *list, const JsonNode *of)
{
	for (int i = 0; i < of->count; i++)
	{
		bool		found = false;

		engine_tick(engine);
		for (int j = 0; !found && j < list->count; j++)
			found = json_is(list->items[j], of->items[i]->text) &&
				list->items[j]->length == of->items[i]->length;
		if (!found)
			return false;
	}
	return true;
}

static void
compare_names(JsComparison *c, JsNode *old, JsNode *new, JsKeyword keyword,
			  const JsonNode *name)
{
	const JsonNode *before = demanded_names(old, name);
	const JsonNode *after = demanded_names(new, name);
	unsigned	breaks = 0;

	if (before == NULL && after == NULL)
		return;
	if (after != NULL &&
		(before == NULL || !lists_all(c->engine, before, after)))
		breaks |= BREAKS_BACKWARD;
	if (before != NULL &&
		(after == NULL || !lists_all(c->engine, after, before)))
		breaks |= BREAKS_FORWARD;
	if (breaks == 0)
		return;
	js_report(c,
			  before == NULL				? "DEPENDENCY_ARRAY_ADDED" :
				  after == NULL				? "DEPENDENCY_ARRAY_REMOVED" :
				  breaks == BREAKS_BACKWARD ? "DEPENDENCY_ARRAY_EXTENDED" :
				  breaks == BREAKS_FORWARD	? "DEPENDENCY_ARRAY_NARROWED" :
											  "DEPENDENCY_ARRAY_CHANGED",
			  js_relevant(c, old, new, T_OBJECT, breaks),
			  after != NULL ? new : old, keyword,
			  "what property \"%s\" demands changed", name->text);
}

static void
compare_dependency(JsComparison *c, JsNode *old, JsNode *new,
				   JsKeyword keyword, const JsonNode *name)
{
	JsNode	   *before = demanded_schema(old, name);
	JsNode	   *after = demanded_schema(new, name);
	unsigned	relevant = js_relevant(c, old, new, T_OBJECT, BREAKS_BOTH);

	compare_names(c, old, new, keyword, name);
	if (before != NULL && after != NULL)
		js_walk_masked(c, before, after, relevant);
	else if (before != NULL && !before->real->anything)
		js_report(c, "DEPENDENCY_SCHEMA_REMOVED", relevant & BREAKS_FORWARD,
				  before, K_NONE, "property \"%s\" demands less", name->text);
	else if (after != NULL && !after->real->anything)
		js_report(c, "DEPENDENCY_SCHEMA_ADDED", relevant & BREAKS_BACKWARD,
				  after, K_NONE, "property \"%s\" demands more", name->text);
}

static void
compare_dependencies(JsComparison *c, JsNode *old, JsNode *new)
{
	static const JsKeyword keywords[] = {K_DEPENDENCIES, K_DEPENDENT_REQUIRED,
										 K_DEPENDENT_SCHEMAS};
	EngineMap  *seen = NULL;

	for (int i = 0; i < 6; i++)
	{
		const JsonNode *json = js_json(i < 3 ? new : old, keywords[i % 3]);

		for (int j = 0; json != NULL && j < json->count; j++)
		{
			const JsonNode *name = json->names[j];

			engine_tick(c->engine);
			if (seen == NULL)
				seen = map_new(c->engine);
			if (map_set(seen, name->text, name->length, seen) == NULL)
				compare_dependency(c, old, new, keywords[i % 3], name);
		}
	}
}

void
js_compare_object(JsComparison *c, JsNode *old, JsNode *new)
{
	static const char *const most[] = {"MAX_PROPERTIES_ADDED",
									   "MAX_PROPERTIES_REMOVED",
									   "MAX_PROPERTIES_INCREASED",
									   "MAX_PROPERTIES_DECREASED"};
	static const char *const least[] = {"MIN_PROPERTIES_ADDED",
										"MIN_PROPERTIES_REMOVED",
										"MIN_PROPERTIES_INCREASED",
										"MIN_PROPERTIES_DECREASED"};
	Model		before = model_of(old, c->old->anything);
	Model		after = model_of(new, c->new->anything);
	JsNode	   *old_names = js_schema_of(old, K_PROPERTY_NAMES);
	JsNode	   *new_names = js_schema_of(new, K_PROPERTY_NAMES);

	js_compare_count(c, old, new, K_MAX_PROPERTIES, T_OBJECT, true, most);
	js_compare_count(c, old, new, K_MIN_PROPERTIES, T_OBJECT, false, least);
	compare_required(c, &before, &after);
	if (js_done(c))
		return;
	compare_named(c, &before, &after);
	if (js_done(c))
		return;
	compare_patterns(c, &before, &after);
	compare_others(c, &before, &after);
	js_compare_evaluated(c, old, new, K_UNEVALUATED_PROPERTIES, T_OBJECT,
						 "UNEVALUATED_PROPERTIES_CHANGED");
	if (old_names != NULL || new_names != NULL)
		js_walk_masked(c, old_names != NULL ? old_names : c->old->anything,
					   new_names != NULL ? new_names : c->new->anything,
					   js_relevant(c, old, new, T_OBJECT, BREAKS_BOTH));
	compare_dependencies(c, old, new);
}
