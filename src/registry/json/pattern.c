/*-------------------------------------------------------------------------
 *
 * pattern.c
 *		Regular expressions in schemas, as far as they must be understood.
 *
 * Patterns are compared as text; only whether a property's name matches one of
 * patternProperties has to be known.  Simple patterns (characters, classes, and
 * repetitions of them) are run; of all others the answer is "maybe", which
 * callers take as both.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

#include <string.h>

/* Patterns of more parts than these are beyond us. */
#define MOST_PARTS 64

const char *
js_pattern_error(const char *text, size_t length)
{
	int			open = 0;
	bool		class = false;

	for (size_t i = 0; i < length; i++)
	{
		char		c = text[i];

		if (c == '\\' && ++i >= length)
			return "ends with a backslash";
		if (c == '\\')
			continue;
		if (class)
			class = c != ']';
		else if (c == '[')
			class = true;
		else if (c == '(')
			open++;
		else if (c == ')' && --open < 0)
			return "closes a group that is not open";
	}
	if (class)
		return "has a class without an end";
	return open > 0 ? "has a group without an end" : NULL;
}

/* Some characters, and how often. */
typedef struct Part
{
	unsigned char set[16];	/* bits of the ASCII characters */
	bool		optional;
	bool		repeated;
} Part;

typedef struct Simple
{
	Part		parts[MOST_PARTS];
	int			count;
	bool		from_start;
	bool		to_end;
} Simple;

static void
set_range(Part *part, int from, int to)
{
	for (int c = from; c <= to; c++)
		part->set[c / 8] |= (unsigned char) (1u << (c % 8));
}

static bool
has_char(const Part *part, unsigned char c)
{
	return c < 128 && (part->set[c / 8] >> (c % 8) & 1) != 0;
}

/* What a backslash and a character stand for; false: unknown. */
static bool
set_escape(Part *part, char c)
{
	if (c == 'd')
		set_range(part, '0', '9');
	else if (c == 'w')
	{
		set_range(part, '0', '9');
		set_range(part, 'a', 'z');
		set_range(part, 'A', 'Z');
		set_range(part, '_', '_');
	}
	else if (c > ' ' && c < 127 && strchr("^$\\.*+?()[]{}|/-_", c) != NULL)
		set_range(part, c, c);
	else
		return false;
	return true;
}

/* A class behind its bracket; returns what is behind it, NULL: unknown. */
static const char *
read_class(Part *part, const char *c, const char *end)
{
	bool		negated = c < end && *c == '^';

	for (c += negated; c < end && *c != ']'; c++)
	{
		if (*c == '\\')
		{
			if (++c >= end || !set_escape(part, *c) ||
				(c + 1 < end && c[1] == '-'))
				return NULL;
		}
		else if ((unsigned char) *c >= 128)
			return NULL;
		else if (c + 2 < end && c[1] == '-' && c[2] != ']')
		{
			if (c[2] == '\\' || (unsigned char) c[2] >= 128 || c[2] < *c)
				return NULL;
			set_range(part, *c, c[2]);
			c += 2;
		}
		else
			set_range(part, *c, *c);
	}
	for (int i = 0; negated && i < 16; i++)
		part->set[i] = (unsigned char) ~part->set[i];
	return c < end ? c + 1 : NULL;
}

/* One part; returns what is behind it, NULL: unknown. */
static const char *
read_part(Part *part, const char *c, const char *end)
{
	if (*c == '[')
		c = read_class(part, c + 1, end);
	else if (*c == '\\')
		c = c + 1 < end && set_escape(part, c[1]) ? c + 2 : NULL;
	else if (*c == '.')
	{
		set_range(part, 0, 127);
		c++;
	}
	else if ((unsigned char) *c >= 128 || strchr("()|{}*+?^$", *c) != NULL)
		c = NULL;
	else
	{
		set_range(part, *c, *c);
		c++;
	}
	if (c == NULL || c == end)
		return c;
	part->optional = *c == '*' || *c == '?';
	part->repeated = *c == '*' || *c == '+';
	if (part->optional || part->repeated)
		c++;
	return c;
}

static bool
read_simple(Simple *simple, const char *c, const char *end)
{
	memset(simple, 0, sizeof(*simple));
	if (c < end && *c == '^')
	{
		simple->from_start = true;
		c++;
	}
	while (c < end)
	{
		if (*c == '$' && c + 1 == end)
		{
			simple->to_end = true;
			return true;
		}
		if (simple->count == MOST_PARTS)
			return false;
		c = read_part(&simple->parts[simple->count++], c, end);
		if (c == NULL)
			return false;
	}
	return true;
}

/* States that are reached without a character. */
static void
skip_optional(const Simple *simple, bool *states)
{
	for (int i = 0; i < simple->count; i++)
		if (states[i] && simple->parts[i].optional)
			states[i + 1] = true;
}

/* One character more. */
static void
step_states(const Simple *simple, bool *states, unsigned char c)
{
	bool		next[MOST_PARTS + 1] = {false};

	for (int i = 0; i < simple->count; i++)
	{
		if (!states[i] || !has_char(&simple->parts[i], c))
			continue;
		next[i + 1] = true;
		if (simple->parts[i].repeated)
			next[i] = true;
	}
	/* A repeated part that has matched may match again. */
	memcpy(states, next, sizeof(next));
}

static bool
run_simple(const Simple *simple, const JsonNode *name)
{
	bool		states[MOST_PARTS + 1] = {false};

	states[0] = true;
	skip_optional(simple, states);
	for (size_t i = 0; i < name->length; i++)
	{
		if (!simple->to_end && states[simple->count])
			return true;
		step_states(simple, states, (unsigned char) name->text[i]);
		if (!simple->from_start)
			states[0] = true;
		skip_optional(simple, states);
	}
	return states[simple->count];
}

JsMatch
js_matches(Engine *engine, const JsonNode *pattern, const JsonNode *name)
{
	Simple		simple;

	engine_tick(engine);
	for (size_t i = 0; i < name->length; i++)
		if ((unsigned char) name->text[i] >= 128 || name->text[i] < ' ')
			return MATCH_MAYBE;
	if (!read_simple(&simple, pattern->text, pattern->text + pattern->length))
		return MATCH_MAYBE;
	return run_simple(&simple, name) ? MATCH_YES : MATCH_NO;
}
