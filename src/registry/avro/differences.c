/*-------------------------------------------------------------------------
 *
 * differences.c
 *		All that differs between two Avro schemas.
 *
 * One walk over both, in which each pair of places is looked at for what is
 * asked of it: that the new one reads the old one's data, that the old one
 * reads the new one's, and what people want to know beside.  Each pair of
 * named types is looked at once for each of these.
 *
 * Invariant: a difference says that it breaks a direction if and only if
 * avro_reads denies that direction.  So a pair is asked for a direction only
 * where reading must go through it: not where a union has several branches to
 * read with.
 *
 * Paths are those of the new schema, and of the old one for what only that
 * has.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/avro/avro.h"

#include <inttypes.h>
#include <string.h>

/* What is asked of a pair, beside the directions that SchemaBreaks has. */
#define TELL_CHANGES 64
#define ASK_ALL (BREAKS_BACKWARD | BREAKS_FORWARD | TELL_CHANGES)

/* Symbols that one message names. */
#define MOST_SYMBOLS 8

typedef struct Comparison
{
	Engine	   *engine;
	SchemaDifferences *differences;
	AvroResolver *backward; /* the new schema reads */
	AvroResolver *forward;	/* the old schema reads */
	EngineMap  *asked;		/* SeenPair to what was asked of it */
} Comparison;

/* The key of a pair of named types. */
typedef struct SeenPair
{
	int			old;
	int			new;
} SeenPair;

/* Two places, one in each schema. */
typedef struct Spots
{
	const AvroSpot *old;
	const AvroSpot *new;
} Spots;

/* The branches of a union; of any other type, itself as the only one. */
typedef struct Branches
{
	const AvroType *whole;
	const AvroType *const *list;
	int			count;
	bool		is_union;
} Branches;

static void compare_types(Comparison *c, const AvroType *old,
						  const AvroType *new, Spots at, unsigned ask);

/* ---- paths ---- */

static const char *
path_of(Comparison *c, const AvroSpot *spot)
{
	return avro_spot_path(c->engine, spot);
}

/* A member of the new place if it is there, else of the old one. */
static const char *
member_path(Comparison *c, Spots at, const char *member, bool in_new)
{
	AvroSpot	spot = {in_new ? at.new : at.old, member, -1, false};

	return path_of(c, &spot);
}

/* ---- what people want to know: attributes ---- */

static bool
same_json(Comparison *c, const JsonNode *a, const JsonNode *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return json_equal(c->engine, a, b);
}

/* What became of something: added, removed or changed. */
static const char *
what_became(const void *old, const void *new)
{
	if (old == NULL)
		return "added";
	return new == NULL ? "removed" : "changed";
}

static void
compare_doc(Comparison *c, const JsonNode *old, const JsonNode *new, Spots at,
			const char *of)
{
	const JsonNode *old_doc = json_get(old, "doc");
	const JsonNode *new_doc = json_get(new, "doc");

	if (same_json(c, old_doc, new_doc))
		return;
	difference_add_text(c->engine, c->differences, "DOC_CHANGED",
						member_path(c, at, "doc", new_doc != NULL),
						"documentation of \"%s\" was %s", of,
						what_became(old_doc, new_doc));
}

static bool
is_one_of(const JsonNode *name, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
		if (json_is(name, names[i]))
			return true;
	return false;
}

static void
tell_property(Comparison *c, const JsonNode *name, const JsonNode *old,
			  const JsonNode *new, Spots at)
{
	const char *up = path_of(c, new != NULL ? at.new : at.old);

	difference_add(c->engine, c->differences, "PROPERTY_CHANGED",
				   BREAKS_NOTHING,
				   json_pointer(c->engine, up, name->text, name->length),
				   "attribute \"%s\" was %s", name->text,
				   what_became(old, new));
}

/* Attributes that the specification does not know. */
static void
compare_properties(Comparison *c, const JsonNode *old, const JsonNode *new,
				   Spots at, const char *const *known)
{
	for (int i = 0; new != NULL &&i < new->count; i++)
	{
		const JsonNode *name = new->names[i];
		const JsonNode *before;

		if (is_one_of(name, known))
			continue;
		before = json_get_n(old, name->text, name->length);
		if (!same_json(c, before, new->items[i]))
			tell_property(c, name, before, new->items[i], at);
	}
	for (int i = 0; old != NULL && i < old->count; i++)
	{
		const JsonNode *name = old->names[i];

		if (!is_one_of(name, known) &&
			json_get_n(new, name->text, name->length) == NULL)
			tell_property(c, name, old->items[i], NULL, at);
	}
}

/* A parameter of decimals; one that is absent counts as 0. */
static void
compare_decimals(Comparison *c, const JsonNode *old, const JsonNode *new,
				 Spots at, const char *member, const char *kind,
				 const char *consequence)
{
	JsonNode	zero = {.kind = JSON_NUMBER, .text = "0", .length = 1};
	const JsonNode *a = json_get(old, member);
	const JsonNode *b = json_get(new, member);

	if (json_equal(c->engine, a != NULL ? a : &zero, b != NULL ? b : &zero))
		return;
	difference_add(c->engine, c->differences, kind, BREAKS_NOTHING,
				   member_path(c, at, member, b != NULL),
				   "%s of a decimal was changed%s", member, consequence);
}

static void
compare_logical(Comparison *c, const JsonNode *old, const JsonNode *new,
				Spots at)
{
	const JsonNode *a = json_get(old, "logicalType");
	const JsonNode *b = json_get(new, "logicalType");

	if (!same_json(c, a, b))
		difference_add(c->engine, c->differences, "LOGICAL_TYPE_CHANGED",
					   BREAKS_NOTHING,
					   member_path(c, at, "logicalType", b != NULL),
					   "logical type was %s", what_became(a, b));
	else if (json_is(a, "decimal"))
	{
		compare_decimals(c, old, new, at, "precision",
						 "DECIMAL_PRECISION_CHANGED", "");
		compare_decimals(c, old, new, at, "scale", "DECIMAL_SCALE_CHANGED",
						 ": what was written reads as another number");
	}
}

/* What stands beside the type in its object, if it has one. */
static void
compare_type_attributes(Comparison *c, const AvroType *old,
						const AvroType *new, Spots at)
{
	static const char *const known[] = {"type",	   "name",		  "namespace",
										"aliases", "fields",	  "symbols",
										"items",   "values",	  "size",
										"default", "logicalType", "precision",
										"scale",   "doc",		  NULL};

	compare_logical(c, old->json, new->json, at);
	compare_properties(c, old->json, new->json, at, known);
}

/* ---- aliases ---- */

static bool
has_alias(const AvroNamed *named, const AvroName *alias)
{
	for (int i = 0; i < named->naliases; i++)
		if (named->aliases[i].length == alias->length &&
			memcmp(named->aliases[i].full, alias->full, alias->length) == 0)
			return true;
	return false;
}

/* Tell of the aliases that one type has and another has not. */
static void
tell_aliases(Comparison *c, const AvroNamed *has, const AvroNamed *has_not,
			 const AvroSpot *at, const char *kind, const char *became)
{
	for (int i = 0; i < has->naliases; i++)
	{
		AvroSpot	spot = {at, "aliases", i, false};

		engine_tick(c->engine);
		if (!has_alias(has_not, &has->aliases[i]))
			difference_add(c->engine, c->differences, kind, BREAKS_NOTHING,
						   path_of(c, &spot), "alias \"%s\" of \"%s\" was %s",
						   has->aliases[i].full, has->name.full, became);
	}
}

static bool
has_string(Comparison *c, const JsonNode *array, const JsonNode *string)
{
	for (int i = 0; array != NULL && i < array->count; i++)
		if (json_equal(c->engine, array->items[i], string))
			return true;
	return false;
}

/* The same for fields. */
static void
tell_field_aliases(Comparison *c, const AvroField *has,
				   const AvroField *has_not, const AvroSpot *at,
				   const char *kind, const char *became)
{
	for (int i = 0; has->aliases != NULL && i < has->aliases->count; i++)
	{
		AvroSpot	spot = {at, "aliases", i, false};
		const JsonNode *alias = has->aliases->items[i];

		engine_tick(c->engine);
		if (!has_string(c, has_not->aliases, alias))
			difference_add(c->engine, c->differences, kind, BREAKS_NOTHING,
						   path_of(c, &spot),
						   "alias \"%s\" of field \"%s\" was %s", alias->text,
						   has->name->text, became);
	}
}

/* ---- fields ---- */

static const char *
default_kind(const AvroField *old, const AvroField *new)
{
	if (old->default_value == NULL)
		return "DEFAULT_ADDED";
	return new->default_value == NULL ? "DEFAULT_REMOVED" : "DEFAULT_CHANGED";
}

/* How a field is ordered; ascending if it does not say. */
static const char *
order_of(const AvroField *field)
{
	const JsonNode *order = json_get(field->json, "order");

	return order != NULL ? order->text : "ascending";
}

static void
compare_field_attributes(Comparison *c, const AvroField *old,
						 const AvroField *new, Spots at)
{
	static const char *const known[] = {"name", "type",	   "default", "doc",
										"order", "aliases", NULL};

	if (!same_json(c, old->default_value, new->default_value))
		difference_add(c->engine, c->differences, default_kind(old, new),
					   BREAKS_NOTHING,
					   member_path(c, at, "default",
								   new->default_value != NULL),
					   "default of field \"%s\" was %s", new->name->text,
					   what_became(old->default_value, new->default_value));
	if (strcmp(order_of(old), order_of(new)) != 0)
		difference_add(c->engine, c->differences, "ORDER_CHANGED",
					   BREAKS_NOTHING, path_of(c, at.new),
					   "order of field \"%s\" became %s", new->name->text,
					   order_of(new));
	tell_field_aliases(c, new, old, at.new, "ALIAS_ADDED", "added");
	tell_field_aliases(c, old, new, at.old, "ALIAS_REMOVED", "removed");
	compare_doc(c, old->json, new->json, at, new->name->text);
	compare_properties(c, old->json, new->json, at, known);
}

/* Two fields of which one reads the other, in one direction at least. */
static void
compare_fields(Comparison *c, const AvroField *old, const AvroField *new,
			   Spots at, unsigned ask)
{
	AvroSpot	old_type = {at.old, "type", -1, false};
	AvroSpot	new_type = {at.new, "type", -1, false};
	Spots		types = {&old_type, &new_type};

	if ((ask & TELL_CHANGES) != 0)
	{
		if (!json_is(old->name, new->name->text))
			difference_add(c->engine, c->differences, "FIELD_RENAMED",
						   BREAKS_NOTHING, path_of(c, at.new),
						   "field \"%s\" became \"%s\"", old->name->text,
						   new->name->text);
		compare_field_attributes(c, old, new, at);
	}
	compare_types(c, old->type, new->type, types, ask);
}

/* Which field of another record each field of a record reads; -1: none. */
static int *
match_fields(Comparison *c, const AvroNamed *reader, const AvroNamed *writer)
{
	int *matches =
		engine_alloc(c->engine, sizeof(int) * (size_t) (reader->nfields + 1));
	int			hint = 0;

	for (int i = 0; i < reader->nfields; i++)
	{
		engine_tick(c->engine);
		matches[i] = avro_match_field(reader, i, writer, hint);
		if (matches[i] >= 0)
			hint = matches[i] + 1;
	}
	return matches;
}

/* Two records whose fields are being compared. */
typedef struct Records
{
	const AvroNamed *old;
	const AvroNamed *new;
	const int  *backward;	/* which old field each new one reads */
	const int  *forward;	/* which new field each old one reads */
	const bool *paired;		/* new fields that some old one reads */
	unsigned	ask;
} Records;

/* A new field that reads none of the old ones. */
static void
tell_new_field(Comparison *c, const Records *records, int index,
			   const AvroSpot *at)
{
	const AvroField *field = &records->new->fields[index];

	if ((records->ask & TELL_CHANGES) != 0 && !records->paired[index])
		difference_add(c->engine, c->differences, "FIELD_ADDED",
					   BREAKS_NOTHING, path_of(c, at),
					   "field \"%s\" was added", field->name->text);
	if ((records->ask & BREAKS_BACKWARD) != 0 && field->default_value == NULL)
		difference_add(c->engine, c->differences,
					   "READER_FIELD_MISSING_DEFAULT_VALUE", BREAKS_BACKWARD,
					   path_of(c, at),
					   "old data has no field \"%s\", which "
					   "has no default",
					   field->name->text);
}

/* An old field that reads none of the new ones; told is whether a new one
 * reads it. */
static void
tell_old_field(Comparison *c, const Records *records, int index, bool told,
			   const AvroSpot *at)
{
	const AvroField *field = &records->old->fields[index];

	if ((records->ask & TELL_CHANGES) != 0 && !told)
		difference_add(c->engine, c->differences, "FIELD_REMOVED",
					   BREAKS_NOTHING, path_of(c, at),
					   "field \"%s\" was removed", field->name->text);
	if ((records->ask & BREAKS_FORWARD) != 0 && field->default_value == NULL)
		difference_add(c->engine, c->differences,
					   "READER_FIELD_MISSING_DEFAULT_VALUE", BREAKS_FORWARD,
					   path_of(c, at),
					   "new data has no field \"%s\", for which the old "
					   "schema has no default",
					   field->name->text);
}

static void
compare_new_fields(Comparison *c, const Records *records, Spots at)
{
	for (int i = 0; i < records->new->nfields; i++)
	{
		int			other = records->backward[i];
		AvroSpot	new_at = {at.new, "fields", i, false};
		AvroSpot	old_at = {at.old, "fields", other, false};
		Spots		fields = {&old_at, &new_at};
		unsigned	ask = records->ask;

		engine_tick(c->engine);
		if (other < 0)
		{
			tell_new_field(c, records, i, &new_at);
			continue;
		}
		if (records->forward[other] != i)
			ask &= ~(unsigned) BREAKS_FORWARD;
		compare_fields(c, &records->old->fields[other],
					   &records->new->fields[i], fields, ask);
	}
}

/* What old fields read, where it is not the same that reads them. */
static void
compare_old_fields(Comparison *c, const Records *records, Spots at)
{
	bool *told = engine_alloc(c->engine, (size_t) records->old->nfields + 1);

	for (int i = 0; i < records->new->nfields; i++)
		if (records->backward[i] >= 0)
			told[records->backward[i]] = true;
	for (int i = 0; i < records->old->nfields; i++)
	{
		int			other = records->forward[i];
		AvroSpot	new_at = {at.new, "fields", other, false};
		AvroSpot	old_at = {at.old, "fields", i, false};
		Spots		fields = {&old_at, &new_at};
		unsigned	ask = records->ask & ~(unsigned) BREAKS_BACKWARD;

		engine_tick(c->engine);
		if (other < 0)
			tell_old_field(c, records, i, told[i], &old_at);
		else if (records->backward[other] != i)
			compare_fields(c, &records->old->fields[i],
						   &records->new->fields[other], fields,
						   told[i] ? ask & ~(unsigned) TELL_CHANGES : ask);
	}
}

/* Do the fields that stayed come in another order? */
static bool
are_reordered(const int *matches, int count)
{
	int			last = -1;

	for (int i = 0; i < count; i++)
	{
		if (matches[i] >= 0 && matches[i] < last)
			return true;
		if (matches[i] >= 0)
			last = matches[i];
	}
	return false;
}

static void
compare_records(Comparison *c, const AvroNamed *old, const AvroNamed *new,
				Spots at, unsigned ask)
{
	Records		records;
	bool	   *paired = engine_alloc(c->engine, (size_t) new->nfields + 1);

	records.old = old;
	records.new = new;
	records.backward = match_fields(c, new, old);
	records.forward = match_fields(c, old, new);
	records.ask = ask;
	for (int i = 0; i < old->nfields; i++)
		if (records.forward[i] >= 0)
			paired[records.forward[i]] = true;
	records.paired = paired;
	compare_new_fields(c, &records, at);
	compare_old_fields(c, &records, at);
	if ((ask & TELL_CHANGES) != 0 &&
		are_reordered(records.backward, new->nfields))
		difference_add(c->engine, c->differences, "FIELDS_REORDERED",
					   BREAKS_NOTHING, member_path(c, at, "fields", true),
					   "fields of \"%s\" come in another order",
					   new->name.full);
}

/* ---- enums ---- */

/* The symbols that a reader lacks, as text; NULL if it lacks none. */
static const char *
missing_symbols(Comparison *c, const AvroNamed *reader,
				const AvroNamed *writer)
{
	EngineText	text;
	int			missing = 0;

	text_begin(&text, c->engine);
	for (int i = 0; i < writer->nsymbols; i++)
	{
		engine_tick(c->engine);
		if (avro_has_symbol(reader, writer->symbols[i]))
			continue;
		if (missing++ < MOST_SYMBOLS)
			text_print(&text, "%s\"%s\"", missing > 1 ? ", " : "",
					   writer->symbols[i]->text);
	}
	if (missing > MOST_SYMBOLS)
		text_print(&text, " and %d more", missing - MOST_SYMBOLS);
	return missing > 0 ? text.data : NULL;
}

static void
tell_missing_symbols(Comparison *c, const AvroNamed *reader,
					 const AvroNamed *writer, Spots at, unsigned breaks)
{
	const char *missing;

	if (reader->symbol_default != NULL)
		return;
	missing = missing_symbols(c, reader, writer);
	if (missing == NULL)
		return;
	difference_add(c->engine, c->differences, "MISSING_ENUM_SYMBOLS", breaks,
				   member_path(c, at, "symbols", true),
				   breaks == BREAKS_BACKWARD ?
					   "\"%s\" no longer has %s and has no default" :
					   "the old \"%s\" does not have %s and has no default",
				   reader->name.full, missing);
}

/* Symbols that one enum has and another has not. */
static void
tell_symbols(Comparison *c, const AvroNamed *has, const AvroNamed *has_not,
			 const AvroSpot *at, const char *kind, const char *became)
{
	for (int i = 0; i < has->nsymbols; i++)
	{
		AvroSpot	spot = {at, "symbols", i, false};

		engine_tick(c->engine);
		if (!avro_has_symbol(has_not, has->symbols[i]))
			difference_add(c->engine, c->differences, kind, BREAKS_NOTHING,
						   path_of(c, &spot), "symbol \"%s\" was %s",
						   has->symbols[i]->text, became);
	}
}

/* Where in the old enum each symbol of the new one is; -1: nowhere. */
static const int *
symbol_places(Comparison *c, const AvroNamed *old, const AvroNamed *new)
{
	int *places =
		engine_alloc(c->engine, sizeof(int) * (size_t) (new->nsymbols + 1));

	for (int i = 0; i < new->nsymbols; i++)
	{
		const JsonNode *symbol = new->symbols[i];

		places[i] = (int) (intptr_t) map_get(old->symbol_map, symbol->text,
											 symbol->length) -
			1;
	}
	return places;
}

static void
compare_enums(Comparison *c, const AvroNamed *old, const AvroNamed *new,
			  Spots at, unsigned ask)
{
	if ((ask & BREAKS_BACKWARD) != 0)
		tell_missing_symbols(c, new, old, at, BREAKS_BACKWARD);
	if ((ask & BREAKS_FORWARD) != 0)
		tell_missing_symbols(c, old, new, at, BREAKS_FORWARD);
	if ((ask & TELL_CHANGES) == 0)
		return;
	tell_symbols(c, new, old, at.new, "SYMBOL_ADDED", "added");
	tell_symbols(c, old, new, at.old, "SYMBOL_REMOVED", "removed");
	if (are_reordered(symbol_places(c, old, new), new->nsymbols))
		difference_add(c->engine, c->differences, "SYMBOLS_REORDERED",
					   BREAKS_NOTHING, member_path(c, at, "symbols", true),
					   "symbols of \"%s\" come in another order",
					   new->name.full);
	if (!same_json(c, old->symbol_default, new->symbol_default))
		difference_add(c->engine, c->differences, "ENUM_DEFAULT_CHANGED",
					   BREAKS_NOTHING,
					   member_path(c, at, "default",
								   new->symbol_default != NULL),
					   "default of enum \"%s\" was %s", new->name.full,
					   what_became(old->symbol_default, new->symbol_default));
}

/* ---- named types ---- */

static void
compare_names(Comparison *c, const AvroNamed *old, const AvroNamed *new,
			  Spots at, unsigned ask)
{
	unsigned	breaks = BREAKS_NOTHING;
	bool						same_base = old->name.base_length ==
		new->name.base_length &&memcmp(old->name.base, new->name.base,
									   new->name.base_length) == 0;

	if (strcmp(old->name.full, new->name.full) == 0)
		return;
	if (!avro_names_match(new, old))
		breaks |= ask & BREAKS_BACKWARD;
	if (!avro_names_match(old, new))
		breaks |= ask & BREAKS_FORWARD;
	if (breaks == BREAKS_NOTHING && (ask & TELL_CHANGES) == 0)
		return;
	difference_add(c->engine, c->differences,
				   breaks != BREAKS_NOTHING ? "NAME_MISMATCH" :
					   same_base			? "NAMESPACE_CHANGED" :
											  "NAME_CHANGED",
				   breaks, member_path(c, at, "name", true),
				   "%s \"%s\" became \"%s\"", avro_kind_name(new->type->kind),
				   old->name.full, new->name.full);
}

static void
compare_sizes(Comparison *c, const AvroNamed *old, const AvroNamed *new,
			  Spots at, unsigned ask)
{
	unsigned	breaks = ask & (BREAKS_BACKWARD | BREAKS_FORWARD);

	if (old->size == new->size)
		return;
	difference_add(c->engine, c->differences, "FIXED_SIZE_MISMATCH", breaks,
				   member_path(c, at, "size", true),
				   "size of \"%s\" was %" PRId64 " and became %" PRId64,
				   new->name.full, old->size, new->size);
}

/* What is still to be asked of a pair; notes that it will be. */
static unsigned
ask_pair(Comparison *c, const AvroNamed *old, const AvroNamed *new,
		 unsigned ask)
{
	SeenPair  pair = {old->number, new->number}, *kept;
	uintptr_t before =
		(uintptr_t) map_get(c->asked, (const char *) &pair, sizeof(pair));

	if ((ask & ~(unsigned) before) == 0)
		return 0;
	kept = engine_alloc(c->engine, sizeof(pair));
	*kept = pair;
	(void) map_set(c->asked, (const char *) kept, sizeof(pair),
				   (void *) (before | ask));
	return ask & ~(unsigned) before;
}

/* Two records, enums or fixed. */
static void
compare_named(Comparison *c, const AvroNamed *old, const AvroNamed *new,
			  unsigned ask)
{
	Spots		at = {old->spot, new->spot};

	ask = ask_pair(c, old, new, ask);
	if (ask == 0)
		return;
	compare_names(c, old, new, at, ask);
	if ((ask & TELL_CHANGES) != 0)
	{
		tell_aliases(c, new, old, at.new, "ALIAS_ADDED", "added");
		tell_aliases(c, old, new, at.old, "ALIAS_REMOVED", "removed");
		compare_doc(c, old->type->json, new->type->json, at, new->name.full);
		compare_type_attributes(c, old->type, new->type, at);
	}
	if (new->type->kind == AVRO_RECORD)
		compare_records(c, old, new, at, ask);
	else if (new->type->kind == AVRO_ENUM)
		compare_enums(c, old, new, at, ask);
	else
		compare_sizes(c, old, new, at, ask);
}

/* ---- unions ---- */

static Branches
branches_of(const AvroType *const *type)
{
	Branches	branches = {*type, type, 1, false};

	if ((*type)->kind == AVRO_UNION)
	{
		branches.list = (*type)->branches;
		branches.count = (*type)->nbranches;
		branches.is_union = true;
	}
	return branches;
}

/* Two unions, or one and what is none. */
typedef struct Unions
{
	Branches	old;
	Branches	new;
	Spots		at;
	int		   *of_old;		/* the new branch that an old one became; -1 */
	int		   *of_new;		/* the reverse */
} Unions;

/* The branch that has a type's full name, or its kind; or -1. */
static int
same_branch(const Branches *branches, const AvroType *type)
{
	const AvroType *only = branches->whole;

	if (branches->is_union)
		return avro_same_branch(only, type);
	if (only->kind != type->kind ||
		(type->named != NULL &&
		 strcmp(only->named->name.full, type->named->name.full) != 0))
		return -1;
	return 0;
}

/* A branch to read a named type with by its name, that is not taken yet; -1 if
 * there is none. */
static int
free_candidate(const Branches *reader, const AvroType *writer,
			   const int *taken)
{
	AvroCandidates candidates;
	int			index;

	if (!reader->is_union)
		return taken[0] < 0 && reader->whole->kind == writer->kind &&
				avro_names_match(reader->whole->named, writer->named) ?
			0 :
			-1;
	avro_candidates(&candidates, reader->whole, writer);
	while ((index = avro_next_candidate(&candidates)) >= 0)
		if (taken[index] < 0)
			break;
	return index;
}

static int *
none_paired(Comparison *c, int count)
{
	int *pairs = engine_alloc(c->engine, sizeof(int) * (size_t) (count + 1));

	for (int i = 0; i < count; i++)
		pairs[i] = -1;
	return pairs;
}

/* Pair the branches of the same full name or kind, then those whose names
 * match otherwise. */
static void
pair_branches(Comparison *c, Unions *u)
{
	int			other;

	u->of_old = none_paired(c, u->old.count);
	u->of_new = none_paired(c, u->new.count);
	for (int i = 0; i < u->old.count; i++)
	{
		engine_tick(c->engine);
		other = same_branch(&u->new, u->old.list[i]);
		u->of_old[i] = other;
		if (other >= 0)
			u->of_new[other] = i;
	}
	for (int i = 0; i < u->old.count; i++)
	{
		engine_tick(c->engine);
		if (u->of_old[i] >= 0 || u->old.list[i]->named == NULL)
			continue;
		other = free_candidate(&u->new, u->old.list[i], u->of_new);
		u->of_old[i] = other;
		if (other >= 0)
			u->of_new[other] = i;
	}
}

/* Where a branch stands; *made is used for it in a union. */
static const AvroSpot *
branch_spot(const Branches *branches, const AvroSpot *at, int index,
			AvroSpot *made)
{
	if (!branches->is_union)
		return at;
	made->up = at;
	made->step = NULL;
	made->index = index;
	made->kept = false;
	return made;
}

/* Must reading go through this branch, if it reads at all? */
static bool
is_only_way(const Branches *reader, int index, const AvroType *writer)
{
	const AvroType *branch = reader->list[index];

	if (!reader->is_union || writer->named == NULL ||
		strcmp(branch->named->name.full, writer->named->name.full) == 0)
		return true;
	return avro_same_branch(reader->whole, writer) < 0 &&
		avro_names_match(branch->named, writer->named) &&
		!avro_has_candidates(reader->whole, writer, 2);
}

/* The old branch, told by its place in the new schema if it has one there. */
static const char *
writer_path(Comparison *c, const Unions *u, bool old_writes, int index)
{
	const Branches *writer = old_writes ? &u->old : &u->new;
	int			other = old_writes ? u->of_old[index] : index;
	AvroSpot	made;

	if (!writer->is_union)
		return path_of(c, u->at.new);
	if (other >= 0)
		return path_of(c, branch_spot(&u->new, u->at.new, other, &made));
	return path_of(c, branch_spot(&u->old, u->at.old, index, &made));
}

/* Each branch that is written must be read. */
static void
check_branches(Comparison *c, const Unions *u, unsigned direction)
{
	bool		old_writes = direction == BREAKS_BACKWARD;
	const Branches *writer = old_writes ? &u->old : &u->new;
	const Branches *reader = old_writes ? &u->new : &u->old;
	const int  *pairs = old_writes ? u->of_old : u->of_new;
	const char *which = old_writes ? "new" : "old";

	for (int i = 0; i < writer->count; i++)
	{
		const AvroType *branch = writer->list[i];

		engine_tick(c->engine);
		if (avro_reads(old_writes ? c->backward : c->forward, reader->whole,
					   branch))
			continue;
		if (reader->is_union)
			difference_add(c->engine, c->differences, "MISSING_UNION_BRANCH",
						   direction, writer_path(c, u, old_writes, i),
						   "the %s union has no branch that reads \"%s\"",
						   which, avro_type_name(branch));
		else if (pairs[i] < 0)
			difference_add(c->engine, c->differences, "TYPE_MISMATCH",
						   direction, writer_path(c, u, old_writes, i),
						   "the %s type \"%s\" does not read \"%s\"", which,
						   avro_type_name(reader->whole),
						   avro_type_name(branch));
	}
}

static void
compare_pairs(Comparison *c, const Unions *u, unsigned ask)
{
	for (int i = 0; i < u->new.count; i++)
	{
		int			other = u->of_new[i];
		AvroSpot	old_made, new_made;
		Spots		at;
		unsigned	of_pair = ask;

		if (other < 0)
			continue;
		at.old = branch_spot(&u->old, u->at.old, other, &old_made);
		at.new = branch_spot(&u->new, u->at.new, i, &new_made);
		if (!is_only_way(&u->new, i, u->old.list[other]))
			of_pair &= ~(unsigned) BREAKS_BACKWARD;
		if (!is_only_way(&u->old, other, u->new.list[i]))
			of_pair &= ~(unsigned) BREAKS_FORWARD;
		compare_types(c, u->old.list[other], u->new.list[i], at, of_pair);
	}
}

/* Branches that came and went. */
static void
tell_branches(Comparison *c, const Unions *u)
{
	AvroSpot	made;

	for (int i = 0; i < u->new.count; i++)
		if (u->of_new[i] < 0)
			difference_add(c->engine, c->differences, "UNION_BRANCH_ADDED",
						   BREAKS_NOTHING,
						   path_of(c,
								   branch_spot(&u->new, u->at.new, i, &made)),
						   "branch \"%s\" was added",
						   avro_type_name(u->new.list[i]));
	for (int i = 0; i < u->old.count; i++)
		if (u->of_old[i] < 0)
			difference_add(c->engine, c->differences, "UNION_BRANCH_REMOVED",
						   BREAKS_NOTHING,
						   path_of(c,
								   branch_spot(&u->old, u->at.old, i, &made)),
						   "branch \"%s\" was removed",
						   avro_type_name(u->old.list[i]));
	if (are_reordered(u->of_new, u->new.count))
		difference_add(c->engine, c->differences, "UNION_REORDERED",
					   BREAKS_NOTHING, path_of(c, u->at.new),
					   "branches come in another order");
}

static void
compare_unions(Comparison *c, const AvroType *old, const AvroType *new,
			   Spots at, unsigned ask)
{
	Unions		u;

	u.old = branches_of(&old);
	u.new = branches_of(&new);
	u.at = at;
	pair_branches(c, &u);
	if ((ask & BREAKS_BACKWARD) != 0)
		check_branches(c, &u, BREAKS_BACKWARD);
	if ((ask & BREAKS_FORWARD) != 0)
		check_branches(c, &u, BREAKS_FORWARD);
	if ((ask & TELL_CHANGES) != 0)
		tell_branches(c, &u);
	compare_pairs(c, &u, ask);
}

/* ---- types ---- */

/* Types of two kinds, none of them a union. */
static void
compare_kinds(Comparison *c, const AvroType *old, const AvroType *new,
			  Spots at, unsigned ask)
{
	unsigned	breaks = BREAKS_NOTHING;

	if (!avro_promotes(new->kind, old->kind))
		breaks |= ask & BREAKS_BACKWARD;
	if (!avro_promotes(old->kind, new->kind))
		breaks |= ask & BREAKS_FORWARD;
	if (breaks != BREAKS_NOTHING || (ask & TELL_CHANGES) != 0)
		difference_add(c->engine, c->differences,
					   breaks != BREAKS_NOTHING ? "TYPE_MISMATCH" :
												  "TYPE_CHANGED",
					   breaks, path_of(c, at.new), "type \"%s\" became \"%s\"",
					   avro_type_name(old), avro_type_name(new));
	if ((ask & TELL_CHANGES) != 0)
		compare_logical(c, old->json, new->json, at);
}

static void
compare_items(Comparison *c, const AvroType *old, const AvroType *new,
			  Spots at, unsigned ask)
{
	const char *step = new->kind == AVRO_ARRAY ? "items" : "values";
	AvroSpot	old_at = {at.old, step, -1, false};
	AvroSpot	new_at = {at.new, step, -1, false};
	Spots		items = {&old_at, &new_at};

	compare_types(c, old->items, new->items, items, ask);
}

static void
compare_types(Comparison *c, const AvroType *old, const AvroType *new,
			  Spots at, unsigned ask)
{
	if (ask == 0 || (old == new && old->json == NULL))
		return;
	engine_down(c->engine, NULL);
	if (old->kind == AVRO_UNION || new->kind == AVRO_UNION)
		compare_unions(c, old, new, at, ask);
	else if (old->kind != new->kind)
		compare_kinds(c, old, new, at, ask);
	else if (new->named != NULL)
		compare_named(c, old->named, new->named, ask);
	else
	{
		if ((ask & TELL_CHANGES) != 0)
			compare_type_attributes(c, old, new, at);
		if (new->items != NULL)
			compare_items(c, old, new, at, ask);
	}
	engine_up(c->engine);
}

void
avro_diff(Engine *engine, const Schema *old, const Schema *new,
		  const SchemaPolicy *policy, SchemaDifferences *differences)
{
	AvroSpot	root = {NULL, "", -1, false};
	Spots		at = {&root, &root};
	Comparison	c;

	(void) policy;
	c.engine = engine;
	c.differences = differences;
	c.backward = avro_resolver_new(engine);
	c.forward = avro_resolver_new(engine);
	c.asked = map_new(engine);
	/* From the root, so that no pair is judged under many assumptions. */
	(void) avro_reads(c.backward, new->root, old->root);
	(void) avro_reads(c.forward, old->root, new->root);
	compare_types(&c, old->root, new->root, at, ASK_ALL);
}
