/*-------------------------------------------------------------------------
 *
 * engine_alone.c
 *		What the schema engines stand on, without a server: memory from the C
 *		library, errors by longjmp.
 *
 * No part of the module.  Each piece of memory is one of the C library's, so
 * that a sanitizer sees the ends of each.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/engine_alone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A piece of memory, in the list of all of an engine's. */
typedef struct Piece
{
	struct Piece *next;
	max_align_t data[];
} Piece;

struct Engine
{
	Piece	   *pieces;
	int			depth;		/* of what is being worked on */
	jmp_buf		failed;
	EngineOutcome *outcome;
};

void *
engine_alloc(Engine *engine, size_t size)
{
	/* lint: allow alloc because there is no server here */
	Piece	   *piece = calloc(1, sizeof(Piece) + size);

	if (piece == NULL)
		abort();
	piece->next = engine->pieces;
	engine->pieces = piece;
	return piece->data;
}

char *
engine_copy(Engine *engine, const char *text, size_t length)
{
	char	   *copy = engine_alloc(engine, length + 1);

	if (length > 0)
		memcpy(copy, text, length);
	return copy;
}

char *
engine_print(Engine *engine, const char *format, ...)
{
	va_list		args;
	int			length;
	char	   *text;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = engine_alloc(engine, (size_t) length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t) length + 1, format, args);
	va_end(args);
	return text;
}

void
engine_fail(Engine *engine, const SchemaPlace *place, const char *format, ...)
{
	EngineOutcome *outcome = engine->outcome;
	va_list		args;

	va_start(args, format);
	vsnprintf(outcome->message, sizeof(outcome->message), format, args);
	va_end(args);
	if (place != NULL)
	{
		outcome->line = place->line;
		outcome->column = place->column;
	}
	longjmp(engine->failed, 1);
}

void
engine_tick(Engine *engine)
{
	(void) engine;
}

void
engine_down(Engine *engine, const SchemaPlace *place)
{
	if (++engine->depth > ENGINE_MOST_DEPTH)
		engine_fail(engine, place, "nested deeper than %d levels",
					ENGINE_MOST_DEPTH);
}

void
engine_up(Engine *engine)
{
	engine->depth--;
}

static void
release(Engine *engine)
{
	while (engine->pieces != NULL)
	{
		Piece	   *piece = engine->pieces;

		engine->pieces = piece->next;
		/* lint: allow alloc because there is no server here */
		free(piece);
	}
}

EngineOutcome
engine_alone_run(void (*work)(Engine *engine, void *argument), void *argument)
{
	EngineOutcome outcome;
	Engine		engine;

	memset(&outcome, 0, sizeof(outcome));
	memset(&engine, 0, sizeof(engine));
	engine.outcome = &outcome;
	if (setjmp(engine.failed) == 0)
	{
		work(&engine, argument);
		outcome.done = true;
	}
	release(&engine);
	return outcome;
}
