/*-------------------------------------------------------------------------
 *
 * findings.c
 *		Lists of differences and of lint, for the engines to add to.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/format.h"

#include <stdarg.h>
#include <stdio.h>

static char *print_message(Engine *engine, const char *format, va_list args)
	ENGINE_PRINTF(2, 0);

/* A message in the engine's memory. */
static char *
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

static SchemaDifference *
append_difference(Engine *engine, SchemaDifferences *differences)
{
	SchemaDifference *difference =
		engine_alloc(engine, sizeof(SchemaDifference));

	if (differences->last != NULL)
		differences->last->next = difference;
	else
		differences->first = difference;
	differences->last = difference;
	differences->count++;
	return difference;
}

void
difference_add(Engine *engine, SchemaDifferences *differences,
			   const char *kind, unsigned breaks, const char *path,
			   const char *format, ...)
{
	SchemaDifference *difference = append_difference(engine, differences);
	va_list		args;

	difference->kind = kind;
	difference->breaks = breaks;
	difference->path = path;
	va_start(args, format);
	difference->message = print_message(engine, format, args);
	va_end(args);
}

void
difference_add_text(Engine *engine, SchemaDifferences *differences,
					const char *kind, const char *path, const char *format,
					...)
{
	SchemaDifference *difference = append_difference(engine, differences);
	va_list		args;

	difference->kind = kind;
	difference->path = path;
	difference->text_only = true;
	va_start(args, format);
	difference->message = print_message(engine, format, args);
	va_end(args);
}

void
lint_add(Engine *engine, SchemaLints *lints, const char *rule,
		 const char *severity, const char *path, int line, const char *format,
		 ...)
{
	SchemaLint *lint = engine_alloc(engine, sizeof(SchemaLint));
	va_list		args;

	lint->rule = rule;
	lint->severity = severity;
	lint->path = path;
	lint->line = line;
	va_start(args, format);
	lint->message = print_message(engine, format, args);
	va_end(args);
	if (lints->last != NULL)
		lints->last->next = lint;
	else
		lints->first = lint;
	lints->last = lint;
	lints->count++;
}
