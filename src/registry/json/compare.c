/*-------------------------------------------------------------------------
 *
 * compare.c
 *		What breaks between two JSON Schemas: pairs of nodes, and the ways to
 *		judge them.
 *
 * A pair breaks backward if a value that the old node accepts may be refused
 * by the new one, and forward the other way round; both are found at once.
 * Pairs are kept, so schemas that refer to themselves end and oneOf against
 * oneOf costs what there are pairs.  A pair that is met while it is being
 * looked at is taken as known so far, which is too little; then all is looked
 * at again with what was found, until nothing more is found.  As more breaks
 * inside never means less outside, that is the least that breaks: nothing of
 * an assumption that proved wrong is left.
 *
 * Differences are told afterwards, by the same rules, of each pair once; what
 * they say together is what the pair breaks.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- pairs ---- */

static size_t
hash_pair(int old, int new)
{
	uint64_t	hash = ((uint64_t) (unsigned) old << 32) | (unsigned) new;

	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t) (hash ^ (hash >> 32));
}

static JsPair **
find_pair(JsPair **pairs, size_t room, const JsNode *old, const JsNode *new)
{
	size_t		place = hash_pair(old->number, new->number) & (room - 1);

	while (pairs[place] != NULL &&
		   (pairs[place]->old != old || pairs[place]->new != new))
		place = (place + 1) & (room - 1);
	return &pairs[place];
}

static void
grow_pairs(JsComparison *c)
{
	size_t		room = c->room == 0 ? 64 : c->room * 2;
	JsPair	  **pairs = engine_alloc(c->engine, room * sizeof(JsPair *));

	for (size_t i = 0; i < c->room; i++)
		if (c->pairs[i] != NULL)
			*find_pair(pairs, room, c->pairs[i]->old, c->pairs[i]->new) =
				c->pairs[i];
	c->pairs = pairs;
	c->room = room;
}

static JsPair *
get_pair(JsComparison *c, JsNode *old, JsNode *new)
{
	JsPair	  **place;

	old = old->real;
	new = new->real;
	if ((c->count + 1) * 2 > c->room)
		grow_pairs(c);
	place = find_pair(c->pairs, c->room, old, new);
	if (*place == NULL)
	{
		*place = engine_alloc(c->engine, sizeof(JsPair));
		(*place)->old = old;
		(*place)->new = new;
		c->count++;
	}
	return *place;
}

static void
push_trail(JsComparison *c, JsPair *pair)
{
	if (c->ntrail == c->trail_room)
	{
		size_t		room = c->trail_room * 2 + 64;
		JsPair	  **trail = engine_alloc(c->engine, room * sizeof(JsPair *));

		if (c->ntrail > 0)
			memcpy(trail, c->trail, c->ntrail * sizeof(JsPair *));
		c->trail = trail;
		c->trail_room = room;
	}
	c->trail[c->ntrail++] = pair;
}

/* ---- what is found ---- */

bool
js_done(const JsComparison *c)
{
	return c->differences == NULL && c->found == BREAKS_BOTH;
}

static unsigned
swap_bits(unsigned breaks)
{
	return ((breaks & BREAKS_BACKWARD) != 0 ? BREAKS_FORWARD : 0u) |
		((breaks & BREAKS_FORWARD) != 0 ? BREAKS_BACKWARD : 0u);
}

static const char *print_message(Engine *engine, const char *format,
								 va_list args) ENGINE_PRINTF(2, 0);

/* A message in the engine's memory. */
static const char *
print_message(Engine *engine, const char *format, va_list args)
{
	va_list		again;
	int			length;
	char	   *message;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	message = engine_alloc(engine, (size_t) length + 1);
	vsnprintf(message, (size_t) length + 1, format, args);
	return message;
}

void
js_report(JsComparison *c, const char *kind, unsigned breaks, const JsNode *at,
		  JsKeyword keyword, const char *format, ...)
{
	const char *message;
	va_list		args;

	c->found |= breaks;
	breaks &= c->mask;
	if (c->differences == NULL || (c->only_breaks && breaks == 0))
		return;
	va_start(args, format);
	message = print_message(c->engine, format, args);
	va_end(args);
	difference_add(c->engine, c->differences, kind,
				   c->swapped ? swap_bits(breaks) : breaks,
				   js_key_path(c->engine, at, keyword), "%s", message);
}

void
js_report_text(JsComparison *c, const char *kind, const JsNode *at,
			   JsKeyword keyword, const char *format, ...)
{
	const char *message;
	va_list		args;

	if (c->differences == NULL || c->only_breaks)
		return;
	va_start(args, format);
	message = print_message(c->engine, format, args);
	va_end(args);
	difference_add_text(c->engine, c->differences, kind,
						js_key_path(c->engine, at, keyword), "%s", message);
}

/* ---- types ---- */

static unsigned
value_type(const JsonNode *value)
{
	int64_t		whole;
	bool		fits;

	switch (value->kind)
	{
		case JSON_NULL:
			return T_NULL;
		case JSON_FALSE:
		case JSON_TRUE:
			return T_BOOLEAN;
		case JSON_NUMBER:
			return decimal_is_integer(value->text, value->length, &whole,
									  &fits) ?
				T_INTEGER :
				T_FRACTION;
		case JSON_STRING:
			return T_STRING;
		case JSON_ARRAY:
			return T_ARRAY;
		case JSON_OBJECT:
			return T_OBJECT;
	}
	return T_ALL;
}

/* What "type" says. */
static unsigned
declared_types(const JsNode *node)
{
	const JsonNode *type = js_json(node, K_TYPE);
	unsigned	bits = 0;

	if (type == NULL)
		return T_ALL;
	if (type->kind == JSON_STRING)
		return js_type_bits(type);
	for (int i = 0; i < type->count; i++)
		bits |= js_type_bits(type->items[i]);
	return bits;
}

/* The types of values that a node may accept: perhaps more, never less. */
unsigned
js_types(Engine *engine, JsNode *node)
{
	const JsonNode *values;
	const JsKey *all;
	unsigned	bits;

	node = node->real;
	if (node->nothing)
		return 0;
	if (node->typed || node->typing)
		return node->typed ? node->types : T_ALL;
	engine_down(engine, NULL);
	node->typing = true;
	bits = declared_types(node);
	values = js_json(node, K_ENUM);
	if (values != NULL)
	{
		unsigned	some = 0;

		for (int i = 0; i < values->count; i++)
			some |= value_type(values->items[i]);
		bits &= some;
	}
	if (js_json(node, K_CONST) != NULL)
		bits &= value_type(js_json(node, K_CONST));
	all = js_key(node, K_ALL_OF);
	for (int i = 0; all != NULL && i < all->count; i++)
		bits &= js_types(engine, all->nodes[i]);
	for (int i = 0; i < node->ntargets; i++)
		bits &= js_types(engine, node->targets[i]);
	node->typing = false;
	node->typed = true;
	node->types = bits;
	engine_up(engine);
	return bits;
}

unsigned
js_relevant(JsComparison *c, JsNode *old, JsNode *new, unsigned types,
			unsigned breaks)
{
	if ((js_types(c->engine, old) & types) == 0)
		breaks &= ~(unsigned) BREAKS_BACKWARD;
	if ((js_types(c->engine, new) & types) == 0)
		breaks &= ~(unsigned) BREAKS_FORWARD;
	return breaks;
}

/* ---- one pair ---- */

static void
compare_truth(JsComparison *c, JsNode *old, JsNode *new)
{
	const JsNode *at = new->document != NULL ? new : old;

	if ((old->anything && new->anything) || (old->nothing && new->nothing))
		return;
	if (new->anything)
		js_report(c, "SCHEMA_REMOVED", BREAKS_FORWARD, at, K_NONE,
				  "whatever was demanded is not any more");
	else if (old->anything)
		js_report(c, "SCHEMA_ADDED", BREAKS_BACKWARD, at, K_NONE,
				  "something is demanded where nothing was");
	else if (new->nothing)
		js_report(c, "SCHEMA_BECAME_FALSE", BREAKS_BACKWARD, at, K_NONE,
				  "no value is valid any more");
	else
		js_report(c, "SCHEMA_WAS_FALSE", BREAKS_FORWARD, at, K_NONE,
				  "values are valid where none was");
}

/* A schema that is only known by its URI. */
static void
compare_opaque(JsComparison *c, JsNode *old, JsNode *new)
{
	if (old->opaque != NULL && new->opaque != NULL &&
		strcmp(old->opaque, new->opaque) == 0)
		return;
	js_report(c, "REFERENCE_CHANGED", BREAKS_BOTH, new, K_NONE,
			  "refers to another schema, which is only known by its URI");
}

static void
compare_nodes(JsComparison *c, JsNode *old, JsNode *new)
{
	if (old->anything || new->anything || old->nothing || new->nothing)
	{
		compare_truth(c, old, new);
		if (old->json != NULL && new->json != NULL && c->differences != NULL)
			js_compare_values(c, old, new);
		return;
	}
	if (old->opaque != NULL || new->opaque != NULL)
	{
		compare_opaque(c, old, new);
		return;
	}
	js_compare_values(c, old, new);
	if (!js_done(c))
		js_compare_object(c, old, new);
	if (!js_done(c))
		js_compare_array(c, old, new);
	if (!js_done(c))
		js_compare_combined(c, old, new);
}

/* Look at a pair in this round, if that was not done. */
static unsigned
evaluate(JsComparison *c, JsPair *pair)
{
	unsigned	found = c->found;
	unsigned	breaks;

	if (pair->final || pair->round == c->round)
	{
		pair->leaned |= pair->open;
		return pair->breaks;
	}
	engine_tick(c->engine);
	engine_down(c->engine, NULL);
	pair->round = c->round;
	pair->open = true;
	pair->leaned = false;
	push_trail(c, pair);
	c->found = 0;
	compare_nodes(c, pair->old, pair->new);
	breaks = c->found;
	if (breaks != 0)
		breaks &= ~js_other_ways(c, pair->old, pair->new, breaks);
	c->found = found;
	pair->open = false;
	if ((breaks | pair->breaks) != pair->breaks)
	{
		pair->breaks |= breaks;
		c->again |= pair->leaned;
	}
	engine_up(c->engine);
	return pair->breaks;
}

/* Rounds until nothing more is found; without telling. */
static void
settle(JsComparison *c, JsPair *pair)
{
	SchemaDifferences *differences = c->differences;

	c->differences = NULL;
	do
	{
		c->again = false;
		c->ntrail = 0;
		c->round++;
		(void) evaluate(c, pair);
	} while (c->again);
	for (size_t i = 0; i < c->ntrail; i++)
		c->trail[i]->final = true;
	c->differences = differences;
}

unsigned
js_breaks(JsComparison *c, JsNode *old, JsNode *new)
{
	JsPair	   *pair;

	if (old->real->anything && new->real->anything)
		return BREAKS_NOTHING;
	pair = get_pair(c, old, new);
	if (c->differences == NULL)
		return evaluate(c, pair);
	if (!pair->final)
		settle(c, pair);
	return pair->breaks;
}

bool
js_accepts(JsComparison *c, bool from_old, JsNode *from, JsNode *to)
{
	if (to->real->anything || from->real->nothing)
		return true;
	if (from_old)
		return (js_breaks(c, from, to) & BREAKS_BACKWARD) == 0;
	return (js_breaks(c, to, from) & BREAKS_FORWARD) == 0;
}

/* ---- telling ---- */

/* Tell the differences of a pair, those that were not told yet. */
static void
tell(JsComparison *c, JsNode *old, JsNode *new, unsigned mask)
{
	unsigned	breaks = js_breaks(c, old, new) & mask;
	JsPair	   *pair = get_pair(c, old, new);
	unsigned	was_mask = c->mask;
	bool		was_only = c->only_breaks;

	if (pair->told[c->swapped] &&
		(breaks & ~pair->told_breaks[c->swapped]) == 0)
		return;
	engine_tick(c->engine);
	engine_down(c->engine, NULL);
	c->only_breaks = pair->told[c->swapped];
	c->mask = breaks;
	pair->told[c->swapped] = true;
	pair->told_breaks[c->swapped] |= breaks;
	compare_nodes(c, pair->old, pair->new);
	c->mask = was_mask;
	c->only_breaks = was_only;
	engine_up(c->engine);
}

void
js_walk_masked(JsComparison *c, JsNode *old, JsNode *new, unsigned mask)
{
	if (c->differences == NULL)
		c->found |= js_breaks(c, old, new) & mask;
	else
		tell(c, old, new, mask & c->mask);
}

void
js_walk(JsComparison *c, JsNode *old, JsNode *new)
{
	js_walk_masked(c, old, new, BREAKS_BOTH);
}

void
js_walk_swapped(JsComparison *c, JsNode *old, JsNode *new)
{
	if (c->differences == NULL)
		c->found |= swap_bits(js_breaks(c, old, new));
	else
	{
		c->swapped = !c->swapped;
		tell(c, old, new, swap_bits(c->mask));
		c->swapped = !c->swapped;
	}
}

/* ---- reserved names ---- */

static bool
is_listed(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Does a schema, or one that it is made of, have a property? */
static bool
defines(Engine *engine, JsNode *node, const char *name, int depth)
{
	static const JsKeyword parts[] = {K_ALL_OF, K_ANY_OF, K_ONE_OF};
	JsonNode	text = {0};

	node = node->real;
	text.kind = JSON_STRING;
	text.text = name;
	text.length = strlen(name);
	engine_tick(engine);
	if (js_named(js_key(node, K_PROPERTIES), &text) != NULL)
		return true;
	for (size_t i = 0; depth > 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		const JsKey *key = js_key(node, parts[i]);

		for (int j = 0; key != NULL && j < key->count; j++)
			if (defines(engine, key->nodes[j], name, depth - 1))
				return true;
	}
	return false;
}

/* Promises about names, whichever direction is asked for. */
static void
compare_reserved(JsComparison *c)
{
	const SchemaPolicy *p = c->policy;

	for (int i = 0; i < p->nreserved_old; i++)
		if (!is_listed(p->reserved_old[i], p->reserved_new, p->nreserved_new))
			js_report(c, "RESERVED_PROPERTY_REMOVED", BREAKS_BOTH,
					  c->new->root, K_NONE, "\"%s\" is not reserved any more",
					  p->reserved_old[i]);
	for (int i = 0; i < p->nreserved_new; i++)
		if (defines(c->engine, c->new->root, p->reserved_new[i], 4))
			js_report(c, "RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY",
					  BREAKS_BOTH, c->new->root, K_PROPERTIES,
					  "\"%s\" is reserved, but there", p->reserved_new[i]);
}

/* ---- entry ---- */

static void
begin(JsComparison *c, Engine *engine, const Schema *old, const Schema *new,
	  const SchemaPolicy *policy)
{
	memset(c, 0, sizeof(*c));
	c->engine = engine;
	c->policy = policy;
	c->old = old;
	c->new = new;
	c->mask = BREAKS_BOTH;
	settle(c, get_pair(c, old->root, new->root));
}

void
js_diff(Engine *engine, const Schema *old, const Schema *new,
		const SchemaPolicy *policy, SchemaDifferences *differences)
{
	JsComparison c;

	begin(&c, engine, old, new, policy);
	c.differences = differences;
	tell(&c, old->root, new->root, BREAKS_BOTH);
	compare_reserved(&c);
}

unsigned
js_verdict(Engine *engine, const Schema *old, const Schema *new,
		   const SchemaPolicy *policy, unsigned wanted)
{
	JsComparison c;

	begin(&c, engine, old, new, policy);
	c.found = js_breaks(&c, old->root, new->root);
	compare_reserved(&c);
	return c.found & wanted;
}
