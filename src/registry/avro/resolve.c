/*-------------------------------------------------------------------------
 *
 * resolve.c
 *		Does a reader's schema read what a writer's schema writes?
 *
 * The answer is the greatest fixpoint: a pair of types is taken as readable
 * while it is being looked at, so that recursion ends.  What was found under
 * such an assumption holds only if the assumption does: when a pair turns out
 * unreadable, the answers that may have leant on it are forgotten.  "No" is
 * never found by assuming too little, so it holds at once.
 *
 * Each pair of named types is kept, so unions of records with unions of
 * records cost what there are pairs, not what there are ways.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/avro/avro.h"

#include <limits.h>
#include <string.h>

/* Leans on nothing that is still open. */
#define FIRM INT_MAX

typedef enum PairState
{
	PAIR_UNKNOWN,
	PAIR_OPEN,		/* being looked at */
	PAIR_READS,
	PAIR_FAILS
} PairState;

/* A reader's and a writer's type, both with names. */
typedef struct Pair
{
	PairState	state;
	int			reader;		/* numbers of the types */
	int			writer;
	int			depth;		/* OPEN: how many were opened before */
	int			leans;		/* READS: the least depth that it leans on */
} Pair;

struct AvroResolver
{
	Engine	   *engine;
	Pair	  **pairs;		/* a hash table */
	size_t		room;		/* of it: a power of two */
	size_t		count;
	int			depth;		/* of pairs that are open */
	int			leans;		/* least depth that was leant on just now */
	/* pairs that are READS, but not firmly yet */
	Pair	  **trail;
	size_t		ntrail;
	size_t		trail_room;
};

AvroResolver *
avro_resolver_new(Engine *engine)
{
	AvroResolver *r = engine_alloc(engine, sizeof(AvroResolver));

	r->engine = engine;
	r->room = 16;
	r->pairs = engine_alloc(engine, r->room * sizeof(Pair *));
	r->leans = FIRM;
	return r;
}

/* ---- the pairs ---- */

static size_t
hash_pair(int reader, int writer)
{
	uint64_t hash = ((uint64_t) (unsigned) reader << 32) | (unsigned) writer;

	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t) (hash ^ (hash >> 32));
}

static Pair **
find_pair(Pair **pairs, size_t room, int reader, int writer)
{
	size_t		place = hash_pair(reader, writer) & (room - 1);

	while (pairs[place] != NULL &&
		   (pairs[place]->reader != reader || pairs[place]->writer != writer))
		place = (place + 1) & (room - 1);
	return &pairs[place];
}

static void
grow_pairs(AvroResolver *r)
{
	size_t		room = r->room * 2;
	Pair	  **pairs = engine_alloc(r->engine, room * sizeof(Pair *));

	for (size_t i = 0; i < r->room; i++)
		if (r->pairs[i] != NULL)
			*find_pair(pairs, room, r->pairs[i]->reader, r->pairs[i]->writer) =
				r->pairs[i];
	r->pairs = pairs;
	r->room = room;
}

static Pair *
get_pair(AvroResolver *r, const AvroNamed *reader, const AvroNamed *writer)
{
	Pair	  **place;

	if ((r->count + 1) * 2 > r->room)
		grow_pairs(r);
	place = find_pair(r->pairs, r->room, reader->number, writer->number);
	if (*place == NULL)
	{
		*place = engine_alloc(r->engine, sizeof(Pair));
		(*place)->reader = reader->number;
		(*place)->writer = writer->number;
		r->count++;
	}
	return *place;
}

/* ---- the trail ---- */

static void
push_trail(AvroResolver *r, Pair *pair)
{
	if (r->ntrail == r->trail_room)
	{
		size_t		room = r->trail_room * 2 + 16;
		Pair	  **trail = engine_alloc(r->engine, room * sizeof(Pair *));

		if (r->ntrail > 0)
			memcpy(trail, r->trail, r->ntrail * sizeof(Pair *));
		r->trail = trail;
		r->trail_room = room;
	}
	r->trail[r->ntrail++] = pair;
}

/* What was found since a mark is firm, or forgotten. */
static void
settle_trail(AvroResolver *r, size_t mark, bool firm)
{
	for (size_t i = mark; i < r->ntrail; i++)
	{
		r->trail[i]->state = firm ? PAIR_READS : PAIR_UNKNOWN;
		r->trail[i]->leans = FIRM;
	}
	r->ntrail = mark;
}

/* ---- names ---- */

static bool
same_base_name(const AvroNamed *a, const AvroNamed *b)
{
	return a->name.base_length == b->name.base_length &&
		memcmp(a->name.base, b->name.base, a->name.base_length) == 0;
}

bool
avro_names_match(const AvroNamed *reader, const AvroNamed *writer)
{
	const AvroName *b = &writer->name;

	if (same_base_name(reader, writer))
		return true;
	for (int i = 0; i < reader->naliases; i++)
		if (reader->aliases[i].length == b->length &&
			memcmp(reader->aliases[i].full, b->full, b->length) == 0)
			return true;
	return false;
}

static bool
same_full_name(const AvroNamed *a, const AvroNamed *b)
{
	return a->name.length == b->name.length &&
		memcmp(a->name.full, b->name.full, a->name.length) == 0;
}

/* ---- what reads what ---- */

bool
avro_promotes(AvroKind reader, AvroKind writer)
{
	switch (reader)
	{
		case AVRO_LONG:
			return writer == AVRO_INT;
		case AVRO_FLOAT:
			return writer == AVRO_INT || writer == AVRO_LONG;
		case AVRO_DOUBLE:
			return writer == AVRO_INT || writer == AVRO_LONG ||
				writer == AVRO_FLOAT;
		case AVRO_BYTES:
			return writer == AVRO_STRING;
		case AVRO_STRING:
			return writer == AVRO_BYTES;
		default:
			return false;
	}
}

static bool
same_text(const JsonNode *a, const JsonNode *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

int
avro_match_field(const AvroNamed *reader, int index, const AvroNamed *writer,
				 int hint)
{
	const AvroField *field = &reader->fields[index];
	int			found;

	if (hint < writer->nfields &&
		same_text(writer->fields[hint].name, field->name))
		return hint;
	found = avro_field_index(writer, field->name->text, field->name->length);
	if (found >= 0 || field->aliases == NULL)
		return found;
	for (int i = 0; i < field->aliases->count; i++)
	{
		const JsonNode *alias = field->aliases->items[i];

		/* A field that is there by its own name keeps what was written. */
		if (avro_field_index(reader, alias->text, alias->length) >= 0)
			continue;
		found = avro_field_index(writer, alias->text, alias->length);
		if (found >= 0)
			return found;
	}
	return -1;
}

/* Do values of a type contain values of others? */
static bool
is_flat(const AvroType *type)
{
	return type->kind < AVRO_PRIMITIVES || type->kind == AVRO_ENUM ||
		type->kind == AVRO_FIXED;
}

/*
 * What can be said of the fields without looking into other records: false if
 * one of them is not read; *deep is set if there are more to look at.
 */
static bool
reads_flat_fields(AvroResolver *r, const AvroNamed *reader,
				  const AvroNamed *writer, bool *deep)
{
	int			hint = 0;

	for (int i = 0; i < reader->nfields; i++)
	{
		const AvroField *field = &reader->fields[i];
		int			found = avro_match_field(reader, i, writer, hint);

		engine_tick(r->engine);
		if (found < 0)
		{
			if (field->default_value == NULL)
				return false;
			continue;
		}
		hint = found + 1;
		if (!is_flat(field->type) || !is_flat(writer->fields[found].type))
			*deep = true;
		else if (!avro_reads(r, field->type, writer->fields[found].type))
			return false;
	}
	return true;
}

/* Flat fields first: they may spare looking at what is deep. */
static bool
reads_record(AvroResolver *r, const AvroNamed *reader, const AvroNamed *writer)
{
	bool		deep = false;
	int			hint = 0;

	if (!reads_flat_fields(r, reader, writer, &deep))
		return false;
	for (int i = 0; deep && i < reader->nfields; i++)
	{
		const AvroType *type = reader->fields[i].type;
		int			found = avro_match_field(reader, i, writer, hint);

		engine_tick(r->engine);
		if (found < 0)
			continue;
		hint = found + 1;
		if ((!is_flat(type) || !is_flat(writer->fields[found].type)) &&
			!avro_reads(r, type, writer->fields[found].type))
			return false;
	}
	return true;
}

static bool
reads_enum(AvroResolver *r, const AvroNamed *reader, const AvroNamed *writer)
{
	if (reader->symbol_default != NULL)
		return true;
	for (int i = 0; i < writer->nsymbols; i++)
	{
		engine_tick(r->engine);
		if (i < reader->nsymbols &&
			same_text(reader->symbols[i], writer->symbols[i]))
			continue;
		if (!avro_has_symbol(reader, writer->symbols[i]))
			return false;
	}
	return true;
}

/* Look at an open pair. */
static bool
judge_pair(AvroResolver *r, const AvroType *reader, const AvroType *writer)
{
	bool		reads;

	engine_down(r->engine, NULL);
	if (reader->kind == AVRO_RECORD)
		reads = reads_record(r, reader->named, writer->named);
	else
		reads = reads_enum(r, reader->named, writer->named);
	engine_up(r->engine);
	return reads;
}

/* Close a pair with what was found. */
static void
close_pair(AvroResolver *r, Pair *pair, bool reads, size_t mark)
{
	if (!reads)
	{
		settle_trail(r, mark, false);
		pair->state = PAIR_FAILS;
		r->leans = FIRM;
		return;
	}
	pair->state = PAIR_READS;
	if (r->leans < pair->depth)
	{
		pair->leans = r->leans;
		push_trail(r, pair);
		return;
	}
	settle_trail(r, mark, true);
	pair->leans = FIRM;
	r->leans = FIRM;
}

/* Records or enums; each pair is looked at once, or again where an assumption
 * failed. */
static bool
reads_pair(AvroResolver *r, const AvroType *reader, const AvroType *writer)
{
	Pair	   *pair = get_pair(r, reader->named, writer->named);
	int			leans = r->leans;
	size_t		mark = r->ntrail;
	bool		reads = true;

	switch (pair->state)
	{
		case PAIR_FAILS:
			return false;
		case PAIR_READS:
			if (pair->leans < r->leans)
				r->leans = pair->leans;
			return true;
		case PAIR_OPEN:
			if (pair->depth < r->leans)
				r->leans = pair->depth;
			return true;
		case PAIR_UNKNOWN:
			pair->state = PAIR_OPEN;
			pair->depth = r->depth++;
			r->leans = FIRM;
			reads = judge_pair(r, reader, writer);
			r->depth--;
			close_pair(r, pair, reads, mark);
			if (leans < r->leans)
				r->leans = leans;
			break;
	}
	return reads;
}

static bool
reads_named(AvroResolver *r, const AvroType *reader, const AvroType *writer)
{
	if (!avro_names_match(reader->named, writer->named))
		return false;
	if (reader->kind == AVRO_FIXED)
		return reader->named->size == writer->named->size;
	return reads_pair(r, reader, writer);
}

/* ---- unions ---- */

int
avro_same_branch(const AvroType *reader, const AvroType *writer)
{
	if (writer->named != NULL && reader->by_full != NULL)
	{
		const AvroName *name = &writer->named->name;
		int index = (int) (intptr_t) map_get(reader->by_full, name->full,
											 name->length) -
			1;

		return index >= 0 && reader->branches[index]->kind == writer->kind ?
			index :
			-1;
	}
	for (int i = 0; i < reader->nbranches; i++)
	{
		const AvroType *branch = reader->branches[i];

		if (branch->kind == writer->kind &&
			(writer->named == NULL ||
			 same_full_name(branch->named, writer->named)))
			return i;
	}
	return -1;
}

void
avro_candidates(AvroCandidates *c, const AvroType *reader,
				const AvroType *writer)
{
	const AvroName *name = &writer->named->name;

	memset(c, 0, sizeof(*c));
	c->reader = reader;
	c->writer = writer;
	if (reader->by_any != NULL)
		c->link = map_get(reader->by_any, name->base, name->base_length);
}

/* The next branch that may be one: of the writer's base name, then those with
 * an alias. */
static int
next_branch(AvroCandidates *c)
{
	const AvroName *name = &c->writer->named->name;
	int			branch;

	if (c->reader->by_any == NULL)
		return c->next < c->reader->nbranches ? c->next++ : -1;
	if (c->link == NULL && !c->by_full && name->full != name->base)
	{
		c->link = map_get(c->reader->by_any, name->full, name->length);
		c->by_full = true;
	}
	if (c->link == NULL)
		return -1;
	branch = c->link->branch;
	c->link = c->link->next;
	return branch;
}

int
avro_next_candidate(AvroCandidates *c)
{
	int			index;

	while ((index = next_branch(c)) >= 0)
	{
		const AvroType *branch = c->reader->branches[index];

		if (branch->kind != c->writer->kind ||
			!avro_names_match(branch->named, c->writer->named))
			continue;
		/* Those of the base name came first, also if they have an alias. */
		if (!c->by_full || !same_base_name(branch->named, c->writer->named))
			return index;
	}
	return -1;
}

bool
avro_has_candidates(const AvroType *reader, const AvroType *writer, int count)
{
	AvroCandidates candidates;

	avro_candidates(&candidates, reader, writer);
	while (count > 0 && avro_next_candidate(&candidates) >= 0)
		count--;
	return count == 0;
}

/*
 * A union reads a named type with the branch of its full name if there is
 * one, else with any whose name matches.
 */
static bool
union_reads_named(AvroResolver *r, const AvroType *reader,
				  const AvroType *writer)
{
	int			index = avro_same_branch(reader, writer);
	AvroCandidates candidates;

	if (index >= 0)
		return avro_reads(r, reader->branches[index], writer);
	avro_candidates(&candidates, reader, writer);
	while ((index = avro_next_candidate(&candidates)) >= 0)
		if (avro_reads(r, reader->branches[index], writer))
			return true;
	return false;
}

/* What has no name, it reads with the branch of the same kind, else with any
 * that promotes it. */
static bool
union_reads(AvroResolver *r, const AvroType *reader, const AvroType *writer)
{
	int			index;

	if (writer->named != NULL)
		return union_reads_named(r, reader, writer);
	index = avro_same_branch(reader, writer);
	if (index >= 0)
		return avro_reads(r, reader->branches[index], writer);
	for (int i = 0; i < reader->nbranches; i++)
		if (avro_promotes(reader->branches[i]->kind, writer->kind))
			return true;
	return false;
}

/* All branches that may be written must be read. */
static bool
reads_all_branches(AvroResolver *r, const AvroType *reader,
				   const AvroType *writer)
{
	for (int i = 0; i < writer->nbranches; i++)
	{
		engine_tick(r->engine);
		if (!avro_reads(r, reader, writer->branches[i]))
			return false;
	}
	return true;
}

/* Arrays and maps: no names end the recursion, so its depth is bounded. */
static bool
reads_items(AvroResolver *r, const AvroType *reader, const AvroType *writer)
{
	bool		reads;

	engine_down(r->engine, NULL);
	reads = avro_reads(r, reader->items, writer->items);
	engine_up(r->engine);
	return reads;
}

bool
avro_reads(AvroResolver *r, const AvroType *reader, const AvroType *writer)
{
	if (writer->kind == AVRO_UNION)
		return reads_all_branches(r, reader, writer);
	if (reader->kind == AVRO_UNION)
		return union_reads(r, reader, writer);
	if (reader->kind != writer->kind)
		return avro_promotes(reader->kind, writer->kind);
	if (reader->named != NULL)
		return reads_named(r, reader, writer);
	if (reader->items != NULL)
		return reads_items(r, reader, writer);
	return true;
}

/* ---- both directions ---- */

unsigned
avro_breaks(Engine *engine, const Schema *old, const Schema *new,
			const SchemaPolicy *policy, unsigned wanted)
{
	unsigned	breaks = BREAKS_NOTHING;

	(void) policy;
	if ((wanted & BREAKS_BACKWARD) != 0 &&
		!avro_reads(avro_resolver_new(engine), new->root, old->root))
		breaks |= BREAKS_BACKWARD;
	if ((wanted & BREAKS_FORWARD) != 0 &&
		!avro_reads(avro_resolver_new(engine), old->root, new->root))
		breaks |= BREAKS_FORWARD;
	return breaks;
}
