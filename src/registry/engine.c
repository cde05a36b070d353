/*-------------------------------------------------------------------------
 *
 * engine.c
 *		What the schema engines stand on, in the server.
 *
 * An engine's memory is a context below the caller's, so it goes with the
 * caller's also when an error leaves it.
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
};

Engine *
engine_begin(void)
{
	MemoryContext mcxt =
		AllocSetContextCreate(CurrentMemoryContext, "spine schema",
							  ALLOCSET_DEFAULT_SIZES);
	Engine	   *engine = MemoryContextAllocZero(mcxt, sizeof(Engine));

	engine->mcxt = mcxt;
	return engine;
}

void
engine_end(Engine *engine)
{
	MemoryContextDelete(engine->mcxt);
}

void *
engine_alloc(Engine *engine, size_t size)
{
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
