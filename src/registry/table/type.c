/*-------------------------------------------------------------------------
 *
 * type.c
 *		The TABLE engine: when a column's type still fits.
 *
 * A wider type takes every old value, but what new programs store may be too
 * much for old ones: it breaks forward.  A narrower type breaks backward.
 * Where values may change on the way (a smaller scale), or clients see another
 * kind of value, it breaks both.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/table/table.h"

#include <stdlib.h>
#include <string.h>

/* A type's name, taken apart: numeric(12,2)[] */
typedef struct TypeName
{
	char	   *base;		/* without modifiers and brackets */
	long		mods[2];
	int			nmods;
	bool		array;
} TypeName;

typedef enum TypeFit
{
	FIT_SAME,
	FIT_WIDER,
	FIT_NARROWER,
	FIT_LOSSY,				/* values are rounded */
	FIT_TEXT,				/* anything as text */
	FIT_OTHER
} TypeFit;

/* Numbers that hold one another, the least first. */
static const char *const integers[] = {"smallint", "integer", "bigint"};

static void
read_mods(TypeName *type, const char *text)
{
	char	   *end;

	while (type->nmods < 2)
	{
		type->mods[type->nmods++] = strtol(text, &end, 10);
		if (*end != ',')
			break;
		text = end + 1;
	}
}

/* Take a name apart; a name in quotes is left as it is. */
static TypeName
read_name(Engine *engine, const char *name)
{
	TypeName	type = {0};
	size_t		length = strlen(name);
	const char *open;
	const char *close;

	while (length > 2 && strncmp(name + length - 2, "[]", 2) == 0)
	{
		type.array = true;
		length -= 2;
	}
	type.base = engine_copy(engine, name, length);
	open = strchr(type.base, '"') ? NULL : strchr(type.base, '(');
	close = open ? strchr(open, ')') : NULL;
	if (close == NULL)
		return type;
	read_mods(&type, open + 1);
	/* timestamp(3) with time zone: what follows belongs to the name */
	type.base = engine_print(engine, "%.*s%s", (int) (open - type.base),
							 type.base, close + 1);
	return type;
}

static int
integer_rank(const char *base)
{
	for (int i = 0; i < 3; i++)
		if (strcmp(integers[i], base) == 0)
			return i + 1;
	return 0;
}

static bool
is_base(const TypeName *type, const char *name)
{
	return strcmp(type->base, name) == 0;
}

static bool
is_unlimited_text(const TypeName *type)
{
	return is_base(type, "text") ||
		(is_base(type, "character varying") && type->nmods == 0);
}

/* numeric(p,s) to numeric(p,s); without modifiers it holds anything. */
static TypeFit
fit_numeric(const TypeName *old, const TypeName *new)
{
	if (new->nmods == 0)
		return old->nmods == 0 ? FIT_SAME : FIT_WIDER;
	if (old->nmods == 0 || new->mods[1] < old->mods[1])
		return FIT_LOSSY;
	if (new->mods[0] - new->mods[1] < old->mods[0] - old->mods[1])
		return FIT_NARROWER;
	return new->mods[0] == old->mods[0] && new->mods[1] == old->mods[1] ?
		FIT_SAME :
		FIT_WIDER;
}

/* The same type with a length (or precision) that may have changed. */
static TypeFit
fit_length(const TypeName *old, const TypeName *new, TypeFit shorter)
{
	if (old->nmods == 0 && new->nmods == 0)
		return FIT_SAME;
	if (new->nmods == 0)
		return FIT_WIDER;
	if (old->nmods == 0 || new->mods[0] < old->mods[0])
		return shorter;
	return new->mods[0] == old->mods[0] ? FIT_SAME : FIT_WIDER;
}

static TypeFit
fit_same_base(const TypeName *old, const TypeName *new)
{
	if (is_base(old, "numeric"))
		return fit_numeric(old, new);
	if (strncmp(old->base, "time", 4) == 0 || is_base(old, "interval"))
		return fit_length(old, new, FIT_LOSSY);
	return fit_length(old, new, FIT_NARROWER);
}

/* An integer type beside numeric: does every integer have room in it? */
static TypeFit
fit_integer_numeric(const TypeName *number, bool from_integer)
{
	if (!from_integer)
		return FIT_LOSSY;
	return number->nmods == 0 || number->mods[0] - number->mods[1] >= 19 ?
		FIT_WIDER :
		FIT_NARROWER;
}

static TypeFit
fit_names(const TypeName *old, const TypeName *new)
{
	int			before = integer_rank(old->base);
	int			after = integer_rank(new->base);

	if (old->array != new->array)
		return is_unlimited_text(new) && !new->array ? FIT_TEXT : FIT_OTHER;
	if (is_base(old, new->base))
		return fit_same_base(old, new);
	if (before > 0 && after > 0)
		return after > before ? FIT_WIDER : FIT_NARROWER;
	if (before > 0 && is_base(new, "numeric"))
		return fit_integer_numeric(new, true);
	if (is_base(old, "numeric") && after > 0)
		return fit_integer_numeric(old, false);
	if (is_base(old, "real") && is_base(new, "double precision"))
		return FIT_WIDER;
	if (is_base(old, "double precision") && is_base(new, "real"))
		return FIT_LOSSY;
	if (is_unlimited_text(old) && is_base(new, "character varying"))
		return new->nmods == 0 ? FIT_SAME : FIT_NARROWER;
	if (is_base(old, "character varying") && is_unlimited_text(new))
		return old->nmods == 0 ? FIT_SAME : FIT_WIDER;
	if (is_base(old, "json") && is_base(new, "jsonb"))
		return FIT_NARROWER;
	return is_unlimited_text(new) ? FIT_TEXT : FIT_OTHER;
}

static void
report_fit(TableDiff *diff, const char *path, TypeFit fit, const char *before,
		   const char *after)
{
	switch (fit)
	{
		case FIT_SAME:
			return;
		case FIT_WIDER:
			difference_add(
				diff->engine, diff->out, "TYPE_WIDENED", BREAKS_FORWARD, path,
				"%s became %s: a new value may be too much for old programs",
				before, after);
			return;
		case FIT_NARROWER:
			difference_add(diff->engine, diff->out, "TYPE_NARROWED",
						   BREAKS_BACKWARD, path,
						   "%s became %s: old values may not fit", before,
						   after);
			return;
		case FIT_LOSSY:
			difference_add(diff->engine, diff->out, "TYPE_LOSSY", BREAKS_BOTH,
						   path, "%s became %s: values are rounded", before,
						   after);
			return;
		case FIT_TEXT:
			difference_add(
				diff->engine, diff->out, "TYPE_TO_TEXT", BREAKS_FORWARD, path,
				"%s became %s: old programs get another kind of value", before,
				after);
			return;
		case FIT_OTHER:
			difference_add(diff->engine, diff->out, "TYPE_CHANGED",
						   BREAKS_BOTH, path, "%s became %s", before, after);
			return;
	}
}

/* ---- enums ---- */

static bool
has_label(const JsonNode *labels, const char *label)
{
	for (int i = 0; i < labels->count; i++)
		if (json_is(labels->items[i], label))
			return true;
	return false;
}

/* A label that is gone: where a new one stands in its place it was renamed. */
static void
label_gone(TableDiff *diff, const char *path, const JsonNode *old,
		   const JsonNode *new, int place)
{
	bool renamed =
		old->count == new->count && !has_label(old, new->items[place]->text);

	difference_add(diff->engine, diff->out,
				   renamed ? "ENUM_LABEL_RENAMED" : "ENUM_LABEL_REMOVED",
				   renamed ? BREAKS_BOTH : BREAKS_BACKWARD, path,
				   "label \"%s\" is gone", old->items[place]->text);
}

static void
diff_labels(TableDiff *diff, const char *path, const JsonNode *old,
			const JsonNode *new)
{
	path = json_pointer(diff->engine, path, "labels", 6);
	for (int i = 0; i < old->count; i++)
	{
		engine_tick(diff->engine);
		if (!has_label(new, old->items[i]->text))
			label_gone(diff, path, old, new, i);
	}
	for (int i = 0; i < new->count; i++)
	{
		if (!has_label(old, new->items[i]->text) &&
			(old->count != new->count || has_label(new, old->items[i]->text)))
			difference_add(diff->engine, diff->out, "ENUM_LABEL_ADDED",
						   BREAKS_FORWARD, path,
						   "old programs do not know label \"%s\"",
						   new->items[i]->text);
	}
}

/* ---- domains and composite types ---- */

/* Is the same text among the values of the object? */
static bool
has_value(const JsonNode *object, const char *text)
{
	for (int i = 0; object != NULL && i < object->count; i++)
		if (json_is(object->items[i], text))
			return true;
	return false;
}

static void
diff_domain(TableDiff *diff, const char *path, const JsonNode *old,
			const JsonNode *new)
{
	const JsonNode *before = json_get(old, "checks");
	const JsonNode *after = json_get(new, "checks");

	for (int i = 0; after != NULL && i < after->count; i++)
		if (!has_value(before, after->items[i]->text))
			difference_add(diff->engine, diff->out, "DOMAIN_CHECK_ADDED",
						   BREAKS_BACKWARD,
						   json_pointer(diff->engine, path, "checks", 6),
						   "old values may not pass check \"%s\"",
						   after->names[i]->text);
	for (int i = 0; before != NULL && i < before->count; i++)
		if (!has_value(after, before->items[i]->text))
			difference_add(diff->engine, diff->out, "DOMAIN_CHECK_REMOVED",
						   BREAKS_FORWARD,
						   json_pointer(diff->engine, path, "checks", 6),
						   "old programs rely on check \"%s\"",
						   before->names[i]->text);
	if (table_flag(new, "not_null") && !table_flag(old, "not_null"))
		difference_add(diff->engine, diff->out, "NOT_NULL_ADDED",
					   BREAKS_BACKWARD, path, "old values may be NULL");
	if (table_flag(old, "not_null") && !table_flag(new, "not_null"))
		difference_add(diff->engine, diff->out, "NOT_NULL_REMOVED",
					   BREAKS_FORWARD, path,
					   "old programs do not expect NULL here");
}

/* A composite value is read by position and by name: nothing may move. */
static void
diff_attributes(TableDiff *diff, const char *path, const JsonNode *old,
				const JsonNode *new)
{
	path = json_pointer(diff->engine, path, "attributes", 10);
	for (int i = 0; i < old->count; i++)
	{
		const JsonNode *name = old->names[i];
		const JsonNode *now = json_get(new, name->text);
		const char *at =
			json_pointer(diff->engine, path, name->text, name->length);

		if (now == NULL)
			difference_add(diff->engine, diff->out, "ATTRIBUTE_REMOVED",
						   BREAKS_BOTH, at, "values have one attribute less");
		else
			table_diff_types(diff, json_pointer(diff->engine, at, "type", 4),
							 json_get(old->items[i], "type"),
							 json_get(now, "type"));
	}
	for (int i = 0; i < new->count; i++)
		if (json_get(old, new->names[i]->text) == NULL)
			difference_add(diff->engine, diff->out, "ATTRIBUTE_ADDED",
						   BREAKS_BOTH,
						   json_pointer(diff->engine, path,
										new->names[i]->text,
										new->names[i]->length),
						   "values have one attribute more");
}

/* ---- types ---- */

/* Do both have this member?  Then it is compared by what it holds. */
static bool
both_have(const JsonNode *old, const JsonNode *new, const char *name,
		  const JsonNode **before, const JsonNode **after)
{
	*before = json_get(old, name);
	*after = json_get(new, name);
	return *before != NULL && *after != NULL;
}

/* A domain beside a plain type is compared by its base. */
static const JsonNode *
strip_domain(const JsonNode *type, const JsonNode *other)
{
	if (json_is(json_get(type, "class"), "domain") &&
		!json_is(json_get(other, "class"), "domain"))
		return json_get(type, "base");
	return type;
}

static bool
is_empty(const JsonNode *object)
{
	return object == NULL || object->count == 0;
}

/* What a domain demands beside its base came or went with it. */
static void
diff_domain_edge(TableDiff *diff, const char *path, const JsonNode *old,
				 const JsonNode *new)
{
	bool before =
		!is_empty(json_get(old, "checks")) || table_flag(old, "not_null");
	bool after =
		!is_empty(json_get(new, "checks")) || table_flag(new, "not_null");

	if (after && !before)
		difference_add(diff->engine, diff->out, "DOMAIN_CHECK_ADDED",
					   BREAKS_BACKWARD, path,
					   "old values may not pass what the domain checks");
	else if (before && !after)
		difference_add(diff->engine, diff->out, "DOMAIN_CHECK_REMOVED",
					   BREAKS_FORWARD, path,
					   "old programs rely on what the domain checked");
}

void
table_diff_types(TableDiff *diff, const char *path, const JsonNode *old,
				 const JsonNode *new)
{
	SchemaPlace place = {0};
	const JsonNode *before;
	const JsonNode *after;

	place.path = path;
	engine_down(diff->engine, &place);
	engine_tick(diff->engine);
	if (both_have(old, new, "labels", &before, &after))
		diff_labels(diff, path, before, after);
	else if (both_have(old, new, "attributes", &before, &after))
		diff_attributes(diff, path, before, after);
	else if (both_have(old, new, "base", &before, &after))
	{
		diff_domain(diff, path, old, new);
		table_diff_types(diff, json_pointer(diff->engine, path, "base", 4),
						 before, after);
	}
	else if (strip_domain(old, new) != old || strip_domain(new, old) != new)
	{
		diff_domain_edge(diff, path, old, new);
		table_diff_types(diff, path, strip_domain(old, new),
						 strip_domain(new, old));
	}
	else if (both_have(old, new, "element", &before, &after))
		table_diff_types(diff, json_pointer(diff->engine, path, "element", 7),
						 before, after);
	else
	{
		TypeName	was = read_name(diff->engine, table_text(old, "name"));
		TypeName	is = read_name(diff->engine, table_text(new, "name"));

		report_fit(diff, path, fit_names(&was, &is), table_text(old, "name"),
				   table_text(new, "name"));
	}
	engine_up(diff->engine);
}
