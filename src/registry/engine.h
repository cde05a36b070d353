/*-------------------------------------------------------------------------
 *
 * engine.h
 *		What the schema engines stand on: memory, errors, limits.
 *
 * The engines (parse, canonical form, differences, lint of one format each)
 * include no header of the server, so that they also build alone, as fuzz
 * targets.  engine.c is this interface in the server, engine_alone.c without.
 *
 * Memory is never freed piece by piece: all of it goes with the engine.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_ENGINE_H
#define REGISTRY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define ENGINE_NORETURN __attribute__((noreturn))
#define ENGINE_PRINTF(text, first)                                            \
	__attribute__((__format__(__printf__, text, first)))
#elif defined(__GNUC__)
#define ENGINE_NORETURN __attribute__((noreturn))
#define ENGINE_PRINTF(text, first)                                            \
	__attribute__((__format__(__gnu_printf__, text, first)))
#else
#define ENGINE_NORETURN
#define ENGINE_PRINTF(text, first)
#endif

/* Texts longer than this are refused. */
#define ENGINE_MOST_BYTES (16 * 1024 * 1024)

/* Things inside of one another, deeper than this, are refused. */
#define ENGINE_MOST_DEPTH 4000

/* One piece of work and all of its memory. */
typedef struct Engine Engine;

/* Where something stands in a schema's text; what is unknown is 0 or NULL. */
typedef struct SchemaPlace
{
	int			line;		/* from 1 */
	int			column;		/* in bytes, from 1 */
	const char *path;		/* JSON pointer, or qualified name in Protobuf */
	const char *reference;	/* the reference whose text it is; NULL: the
							 * schema itself */
} SchemaPlace;

/* Zeroed memory; never NULL. */
extern void *engine_alloc(Engine *engine, size_t size);
/* A copy with a NUL behind it. */
extern char *engine_copy(Engine *engine, const char *text, size_t length);
extern char *engine_print(Engine *engine, const char *format, ...)
	ENGINE_PRINTF(2, 3);

/*
 * The schema is not valid: raise SP008 with the place.  The message is a
 * primary message: lower case, no period.
 */
extern void engine_fail(Engine *engine, const SchemaPlace *place,
						const char *format, ...)
	ENGINE_PRINTF(3, 4) ENGINE_NORETURN;

/* To be called in every loop over input: lets the user cancel. */
extern void engine_tick(Engine *engine);

/* Go down one level of nesting, and up again; refuses what is too deep. */
extern void engine_down(Engine *engine, const SchemaPlace *place);
extern void engine_up(Engine *engine);

/* ---- text that grows ---- */

typedef struct EngineText
{
	Engine	   *engine;
	char	   *data;	/* ends with a NUL */
	size_t		length;
	size_t		room;
} EngineText;

extern void text_begin(EngineText *text, Engine *engine);
extern void text_add(EngineText *text, const char *data, size_t length);
extern void text_add_string(EngineText *text, const char *string);
extern void text_print(EngineText *text, const char *format, ...)
	ENGINE_PRINTF(2, 3);

/* ---- names to things ---- */

/* A hash table from names to pointers; keys are not copied. */
typedef struct EngineMap EngineMap;

extern EngineMap *map_new(Engine *engine);
/* The same with room for so many names. */
extern EngineMap *map_new_for(Engine *engine, size_t count);
/* The value of a name, or NULL. */
extern void *map_get(const EngineMap *map, const char *name, size_t length);
/* Set it; returns what was there before, or NULL. */
extern void *map_set(EngineMap *map, const char *name, size_t length,
					 void *value);

#endif /* REGISTRY_ENGINE_H */
