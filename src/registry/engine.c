/*-------------------------------------------------------------------------
 *
 * engine.c
 *		What the schema engines stand on, in the server.
 *
 * An engine's memory is a context below the caller's, so it goes with the
 * caller's also when an error leaves it.  One that ended well is kept for the
 * next piece of work, with its first block: to get memory from the system for
 * each schema takes longer than to parse it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "registry/engine_server.h"
#include "utils/memutils.h"

struct Engine
{
	MemoryContext mcxt;
	int			depth;		/* of what is being worked on */
	/* memory of the context that small pieces are cut off from, zeroed */
	char	   *piece;
	size_t		left;
	size_t		refill;		/* how much is got at once; 0: nothing is cut */
};

/* What the first block of an engine's memory has room for. */
#define FIRST_BLOCK (64 * 1024)

/* What is got at once for small pieces, and the largest of those. */
#define REFILL (8 * 1024)
#define MOST_CUT 512

/* Engines that nobody uses: one for a piece of work and one inside of it. */
static Engine *spares[2];
static int	nspares = 0;

/* An engine in a context without anything else. */
static Engine *
engine_in(MemoryContext mcxt, size_t refill)
{
	Engine	   *engine = MemoryContextAllocZero(mcxt, sizeof(Engine));

	engine->mcxt = mcxt;
	engine->refill = refill;
	return engine;
}

Engine *
engine_begin(void)
{
	Engine	   *engine;

	if (nspares == 0)
		return engine_in(AllocSetContextCreate(CurrentMemoryContext,
											   "spine schema", 0, FIRST_BLOCK,
											   ALLOCSET_DEFAULT_MAXSIZE),
						 REFILL);
	engine = spares[--nspares];
	MemoryContextSetParent(engine->mcxt, CurrentMemoryContext);
	return engine;
}

Engine *
engine_begin_small(void)
{
	return engine_in(AllocSetContextCreate(CurrentMemoryContext,
										   "spine schema",
										   ALLOCSET_DEFAULT_SIZES),
					 0);
}

void
engine_end(Engine *engine)
{
	MemoryContext mcxt = engine->mcxt;

	if (nspares == lengthof(spares))
	{
		MemoryContextDelete(mcxt);
		return;
	}
	MemoryContextReset(mcxt);
	MemoryContextSetParent(mcxt, TopMemoryContext);
	spares[nspares++] = engine_in(mcxt, REFILL);
}

void
engine_forget(Engine *engine)
{
	MemoryContextDelete(engine->mcxt);
}

void
engine_move(Engine *engine, MemoryContext parent)
{
	MemoryContextSetParent(engine->mcxt, parent);
}

Size
engine_size(Engine *engine)
{
	return MemoryContextMemAllocated(engine->mcxt, true);
}

/* A small piece; schemas are made of thousands of them. */
static void *
cut_piece(Engine *engine, size_t size)
{
	void	   *piece;

	size = MAXALIGN(size);
	if (size > engine->left)
	{
		engine->piece = MemoryContextAllocZero(engine->mcxt, engine->refill);
		engine->left = engine->refill;
	}
	piece = engine->piece;
	engine->piece += size;
	engine->left -= size;
	return piece;
}

void *
engine_alloc(Engine *engine, size_t size)
{
	if (size <= MOST_CUT && engine->refill > 0)
		return cut_piece(engine, size);
	return MemoryContextAllocExtended(engine->mcxt, size,
									  MCXT_ALLOC_ZERO | MCXT_ALLOC_HUGE);
}

char *
engine_copy(Engine *engine, const char *text, size_t length)
{
	char	   *copy = MemoryContextAllocHuge(engine->mcxt, length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *
engine_print(Engine *engine, const char *format, ...)
{
	MemoryContext old = MemoryContextSwitchTo(engine->mcxt);
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list		args;
		int			more;

		va_start(args, format);
		more = appendStringInfoVA(&text, format, args);
		va_end(args);
		if (more == 0)
			break;
		enlargeStringInfo(&text, more);
	}
	MemoryContextSwitchTo(old);
	return text.data;
}

/* Where it is, as a sentence; NULL if nothing is known. */
static char *
place_words(const SchemaPlace *place)
{
	StringInfoData words;

	initStringInfo(&words);
	if (place != NULL && place->line > 0)
		appendStringInfo(&words, "line %d, column %d", place->line,
						 place->column);
	if (place != NULL && place->path != NULL && place->path[0] != '\0')
		appendStringInfo(&words, "%s\"%s\"", words.len > 0 ? ", " : "",
						 place->path);
	if (place != NULL && place->reference != NULL)
		appendStringInfo(&words, "%sreference \"%s\"",
						 words.len > 0 ? ", " : "", place->reference);
	return words.len > 0 ? words.data : NULL;
}

/* Engines speak UTF-8. */
static char *
in_server(const char *utf8)
{
	return pg_any_to_server(utf8, (int) strlen(utf8), PG_UTF8);
}

void
engine_fail(Engine *engine, const SchemaPlace *place, const char *format, ...)
{
	char	   *words = place_words(place);
	StringInfoData message;

	initStringInfo(&message);
	for (;;)
	{
		va_list		args;
		int			more;

		va_start(args, format);
		more = appendStringInfoVA(&message, format, args);
		va_end(args);
		if (more == 0)
			break;
		enlargeStringInfo(&message, more);
	}
	ereport(ERROR,
			(errcode(ERRCODE_SPINE_INVALID_SCHEMA),
			 errmsg("invalid schema: %s", in_server(message.data)),
			 words ? errdetail("It stands at %s.", in_server(words)) : 0));
}

void
engine_tick(Engine *engine)
{
	CHECK_FOR_INTERRUPTS();
}

void
engine_down(Engine *engine, const SchemaPlace *place)
{
	if (++engine->depth > ENGINE_MOST_DEPTH)
		engine_fail(engine, place, "nested deeper than %d levels",
					ENGINE_MOST_DEPTH);
	check_stack_depth();
}

void
engine_up(Engine *engine)
{
	engine->depth--;
}
