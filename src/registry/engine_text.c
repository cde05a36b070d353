/*-------------------------------------------------------------------------
 *
 * engine_text.c
 *		Text that grows, and names to things, in an engine's memory.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- text ---- */

void
text_begin(EngineText *text, Engine *engine)
{
	text->engine = engine;
	text->length = 0;
	text->room = 128;
	text->data = engine_alloc(engine, text->room);
}

/* Make room for so many bytes and a NUL. */
static void
text_reserve(EngineText *text, size_t more)
{
	char	   *data;

	if (text->length + more + 1 <= text->room)
		return;
	text->room = text->room * 2 + more;
	data = engine_alloc(text->engine, text->room);
	memcpy(data, text->data, text->length);
	text->data = data;
}

void
text_add(EngineText *text, const char *data, size_t length)
{
	text_reserve(text, length);
	memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void
text_add_string(EngineText *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void
text_print(EngineText *text, const char *format, ...)
{
	va_list		args;
	int			length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text_reserve(text, (size_t) length);
	va_start(args, format);
	vsnprintf(text->data + text->length, (size_t) length + 1, format, args);
	va_end(args);
	text->length += (size_t) length;
}

/* ---- names to things ---- */

typedef struct MapEntry
{
	const char *name;		/* NULL: free */
	size_t		length;
	void	   *value;
} MapEntry;

struct EngineMap
{
	Engine	   *engine;
	MapEntry   *entries;	/* probed one after the other */
	size_t		room;		/* a power of two, at most two thirds taken */
	size_t		count;
};

EngineMap *
map_new(Engine *engine)
{
	return map_new_for(engine, 0);
}

EngineMap *
map_new_for(Engine *engine, size_t count)
{
	EngineMap  *map = engine_alloc(engine, sizeof(EngineMap));

	map->engine = engine;
	map->room = 8;
	while (count * 3 > map->room * 2)
		map->room *= 2;
	map->entries = engine_alloc(engine, map->room * sizeof(MapEntry));
	return map;
}

/* FNV-1a with a last mix, since low bits choose the place. */
static uint64_t
hash_name(const char *name, size_t length)
{
	uint64_t	hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) name[i]) * UINT64_C(1099511628211);
	return hash ^ (hash >> 29);
}

/* The entry of a name, or the free one where it belongs. */
static MapEntry *
find_entry(MapEntry *entries, size_t room, const char *name, size_t length)
{
	size_t		place = (size_t) hash_name(name, length) & (room - 1);

	while (entries[place].name != NULL &&
		   (entries[place].length != length ||
			memcmp(entries[place].name, name, length) != 0))
		place = (place + 1) & (room - 1);
	return &entries[place];
}

void *
map_get(const EngineMap *map, const char *name, size_t length)
{
	return find_entry(map->entries, map->room, name, length)->value;
}

static void
map_grow(EngineMap *map)
{
	size_t		room = map->room * 2;
	MapEntry   *entries = engine_alloc(map->engine, room * sizeof(MapEntry));

	for (size_t i = 0; i < map->room; i++)
	{
		const MapEntry *old = &map->entries[i];

		if (old->name != NULL)
			*find_entry(entries, room, old->name, old->length) = *old;
	}
	map->entries = entries;
	map->room = room;
}

void *
map_set(EngineMap *map, const char *name, size_t length, void *value)
{
	MapEntry   *entry;
	void	   *before;

	if ((map->count + 1) * 3 > map->room * 2)
		map_grow(map);
	entry = find_entry(map->entries, map->room, name, length);
	before = entry->value;
	if (entry->name == NULL)
		map->count++;
	entry->name = name;
	entry->length = length;
	entry->value = value;
	return before;
}
