/*-------------------------------------------------------------------------
 *
 * json_tree.c
 *		JSON text to a tree with places, and back to text.
 *
 * The parser works in a copy of the text: strings are decoded where they
 * stand, and the quote that ends one becomes its NUL.  So the tree costs its
 * nodes alone, and every string and number in it ends with a NUL.
 *
 * RFC 8259 to the letter: no comments, no byte order mark, no names twice,
 * no bytes that are not UTF-8, no half of a surrogate pair.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json_tree.h"

#include <stdio.h>
#include <string.h>

/* Objects with more members than this have a map of them. */
#define MOST_WITHOUT_MAP 8

/* Nodes are made so many at once. */
#define NODES_AT_ONCE 64

/* A parse; the text is read at next, which a NUL ends. */
typedef struct JsonParser
{
	Engine	   *engine;
	const char *reference;	/* for places */
	char	   *next;
	char	   *end;
	char	   *line_start;	/* of the line that next is on */
	int			line;		/* from 1 */
	/* nodes not used yet */
	JsonNode   *nodes;
	int			nnodes;
	/* children and their names, of all arrays and objects being read */
	JsonNode  **stack;
	size_t		top;
	size_t		room;
} JsonParser;

static JsonNode *parse_value(JsonParser *p);

/* ---- places and errors ---- */

/* Where a byte of the current line stands. */
static SchemaPlace
place_of(const JsonParser *p, const char *at)
{
	SchemaPlace place = {0};

	place.line = p->line;
	place.column = (int) (at - p->line_start) + 1;
	place.reference = p->reference;
	return place;
}

static void fail_at(JsonParser *p, const char *at,
					const char *message) ENGINE_NORETURN;

static void
fail_at(JsonParser *p, const char *at, const char *message)
{
	SchemaPlace place = place_of(p, at);

	engine_fail(p->engine, &place, "%s", message);
}

/* Say what was expected, and what is there instead. */
static void fail_expected(JsonParser *p, const char *what) ENGINE_NORETURN;

static void
fail_expected(JsonParser *p, const char *what)
{
	SchemaPlace place = place_of(p, p->next);
	unsigned char c = (unsigned char) *p->next;

	if (p->next >= p->end)
		engine_fail(p->engine, &place, "expected %s, not the end of the text",
					what);
	if (c >= 0x20 && c < 0x7f)
		engine_fail(p->engine, &place, "expected %s, not \"%c\"", what, c);
	engine_fail(p->engine, &place, "expected %s, not byte 0x%02x", what, c);
}

/* ---- nodes ---- */

/* A node that begins at the next byte. */
static JsonNode *
new_node(JsonParser *p, JsonKind kind)
{
	JsonNode   *node;

	if (p->nnodes == 0)
	{
		p->nodes = engine_alloc(p->engine, NODES_AT_ONCE * sizeof(JsonNode));
		p->nnodes = NODES_AT_ONCE;
	}
	node = p->nodes++;
	p->nnodes--;
	node->kind = kind;
	node->line = p->line;
	node->column = (int) (p->next - p->line_start) + 1;
	return node;
}

/* Keep a child until its parent is complete. */
static void
push_node(JsonParser *p, JsonNode *node)
{
	if (p->top == p->room)
	{
		size_t		room = p->room == 0 ? 64 : p->room * 2;
		JsonNode  **stack = engine_alloc(p->engine, room * sizeof(JsonNode *));

		if (p->top > 0)
			memcpy(stack, p->stack, p->top * sizeof(JsonNode *));
		p->stack = stack;
		p->room = room;
	}
	p->stack[p->top++] = node;
}

/* ---- white space ---- */

static void
skip_space(JsonParser *p)
{
	for (;; p->next++)
	{
		if (*p->next == '\n')
		{
			p->line++;
			p->line_start = p->next + 1;
			engine_tick(p->engine);
		}
		else if (*p->next != ' ' && *p->next != '\t' && *p->next != '\r')
			return;
	}
}

/* ---- strings ---- */

/*
 * The length of the UTF-8 sequence here, or 0 if there is none that is valid:
 * no surrogate, nothing longer than needed, nothing above U+10FFFF.
 */
static int
utf8_length(const unsigned char *s, const unsigned char *end)
{
	unsigned char low = 0x80, high = 0xbf;
	int			length;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		length = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		length = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (end - s < length)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (int i = 2; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* Write a code point as UTF-8; returns the byte behind it. */
static char *
put_utf8(char *out, unsigned code)
{
	if (code < 0x80)
		*out++ = (char) code;
	else if (code < 0x800)
	{
		*out++ = (char) (0xc0 | (code >> 6));
		*out++ = (char) (0x80 | (code & 0x3f));
	}
	else if (code < 0x10000)
	{
		*out++ = (char) (0xe0 | (code >> 12));
		*out++ = (char) (0x80 | ((code >> 6) & 0x3f));
		*out++ = (char) (0x80 | (code & 0x3f));
	}
	else
	{
		*out++ = (char) (0xf0 | (code >> 18));
		*out++ = (char) (0x80 | ((code >> 12) & 0x3f));
		*out++ = (char) (0x80 | ((code >> 6) & 0x3f));
		*out++ = (char) (0x80 | (code & 0x3f));
	}
	return out;
}

/* Four hexadecimal digits, or -1.  The NUL that ends the text is none. */
static int
four_digits(const char *s)
{
	int			value = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = s[i];

		value *= 16;
		if (c >= '0' && c <= '9')
			value += c - '0';
		else if (c >= 'a' && c <= 'f')
			value += c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			value += c - 'A' + 10;
		else
			return -1;
	}
	return value;
}

/* \uXXXX, or two of them for one character; next is at the u. */
static unsigned
parse_unicode_escape(JsonParser *p)
{
	char	   *start = p->next - 1;
	int			code = four_digits(p->next + 1);
	int			second;

	if (code < 0)
		fail_at(p, start, "\\u is not followed by four hexadecimal digits");
	p->next += 5;
	if (code < 0xd800 || code > 0xdfff)
		return (unsigned) code;
	if (code > 0xdbff || p->next[0] != '\\' || p->next[1] != 'u')
		fail_at(p, start, "half of a surrogate pair");
	second = four_digits(p->next + 2);
	if (second < 0xdc00 || second > 0xdfff)
		fail_at(p, start, "half of a surrogate pair");
	p->next += 6;
	return 0x10000 + (((unsigned) code - 0xd800) << 10) +
		((unsigned) second - 0xdc00);
}

/* What a backslash stands for; next is at it.  Returns the end of output. */
static char *
parse_escape(JsonParser *p, char *out)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	p->next++;
	if (*p->next == 'u')
		return put_utf8(out, parse_unicode_escape(p));
	letter = *p->next == '\0' ? NULL : strchr(letters, *p->next);
	if (letter == NULL)
		fail_at(p, p->next - 1, "unknown escape in a string");
	*out++ = meanings[letter - letters];
	p->next++;
	return out;
}

/* Of bytes above 0x7f: copy one sequence. */
static char *
copy_utf8(JsonParser *p, char *out)
{
	int length = utf8_length((const unsigned char *) p->next,
							 (const unsigned char *) p->end);

	if (length == 0)
		fail_at(p, p->next, "not valid UTF-8");
	memmove(out, p->next, (size_t) length);
	p->next += length;
	return out + length;
}

/* The bytes of a string that need no look: not control, quote, backslash. */
static bool
is_plain(char c)
{
	return (unsigned char) c >= 0x20 && c != '"' && c != '\\' &&
		(unsigned char) c < 0x80;
}

/* The same byte eight times. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Behind the bytes that need no look: eight of them at a time, as long as a
 * word with its borrows shows none that does. */
static char *
skip_plain(char *next, const char *end)
{
	while (end - next >= 8)
	{
		uint64_t word, quote, backslash;

		memcpy(&word, next, sizeof(word));
		quote = word ^ EIGHT('"');
		backslash = word ^ EIGHT('\\');
		if (((word | (word - EIGHT(0x20)) | (quote - EIGHT(1)) |
			  (backslash - EIGHT(1))) &
			 EIGHT(0x80)) != 0)
			break;
		next += 8;
	}
	while (is_plain(*next))
		next++;
	return next;
}

/* A string; next is at its first quote. */
static JsonNode *
parse_string(JsonParser *p)
{
	JsonNode   *node = new_node(p, JSON_STRING);
	char	   *out;

	p->next++;
	node->text = p->next;
	p->next = skip_plain(p->next, p->end);
	out = p->next;
	while (*p->next != '"')
	{
		if (*p->next == '\\')
			out = parse_escape(p, out);
		else if ((unsigned char) *p->next >= 0x80)
			out = copy_utf8(p, out);
		else if (is_plain(*p->next))
			*out++ = *p->next++;
		else if (p->next >= p->end)
			fail_at(p, p->next, "the text ends inside a string");
		else
			fail_at(p, p->next, "control character in a string");
	}
	p->next++;
	*out = '\0';
	node->length = (size_t) (out - node->text);
	return node;
}

/* ---- numbers and words ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
skip_digits(JsonParser *p)
{
	if (!is_digit(*p->next))
		fail_expected(p, "a digit");
	while (is_digit(*p->next))
		p->next++;
}

static JsonNode *
parse_number(JsonParser *p)
{
	JsonNode   *node = new_node(p, JSON_NUMBER);
	char	   *start = p->next;

	if (*p->next == '-')
		p->next++;
	if (*p->next == '0' && is_digit(p->next[1]))
		fail_at(p, p->next, "a number begins with 0");
	skip_digits(p);
	if (*p->next == '.')
	{
		p->next++;
		skip_digits(p);
	}
	if (*p->next == 'e' || *p->next == 'E')
	{
		p->next++;
		if (*p->next == '+' || *p->next == '-')
			p->next++;
		skip_digits(p);
	}
	node->length = (size_t) (p->next - start);
	node->text = engine_copy(p->engine, start, node->length);
	return node;
}

static JsonNode *
parse_word(JsonParser *p, const char *word, JsonKind kind)
{
	JsonNode   *node = new_node(p, kind);
	size_t		length = strlen(word);

	/* The NUL behind the text ends the comparison. */
	if (strncmp(p->next, word, length) != 0)
		fail_expected(p, "a value");
	p->next += length;
	return node;
}

/* ---- arrays and objects ---- */

/* Hand what was pushed since a mark to its parent: every step-th node. */
static JsonNode **
take_nodes(JsonParser *p, size_t mark, int count, int step)
{
	JsonNode  **items =
		engine_alloc(p->engine, ((size_t) count + 1) * sizeof(JsonNode *));

	for (int i = 0; i < count; i++)
		items[i] = p->stack[mark + (size_t) i * (size_t) step];
	return items;
}

/* Go into what the next byte opens; true if it is closed again at once. */
static bool
open_container(JsonParser *p, char closing)
{
	SchemaPlace place = place_of(p, p->next);

	engine_down(p->engine, &place);
	p->next++;
	skip_space(p);
	return *p->next == closing;
}

/* Behind a child: true if another one follows. */
static bool
next_child(JsonParser *p, char closing, const char *expected)
{
	skip_space(p);
	if (*p->next == closing)
		return false;
	if (*p->next != ',')
		fail_expected(p, expected);
	p->next++;
	skip_space(p);
	return true;
}

static JsonNode *
parse_array(JsonParser *p)
{
	JsonNode   *node = new_node(p, JSON_ARRAY);
	size_t		mark = p->top;
	bool		more = !open_container(p, ']');

	while (more)
	{
		engine_tick(p->engine);
		push_node(p, parse_value(p));
		more = next_child(p, ']', "\",\" or \"]\"");
	}
	p->next++;
	node->count = (int) (p->top - mark);
	node->items = take_nodes(p, mark, node->count, 1);
	p->top = mark;
	engine_up(p->engine);
	return node;
}

/* Index of a member, or -1. */
static int
find_member(const JsonNode *object, const char *name, size_t length)
{
	if (object->members != NULL)
		return (int) (intptr_t) map_get(object->members, name, length) - 1;
	for (int i = 0; i < object->count; i++)
		if (object->names[i]->length == length &&
			memcmp(object->names[i]->text, name, length) == 0)
			return i;
	return -1;
}

static void
fail_duplicate(JsonParser *p, const JsonNode *name)
{
	SchemaPlace place = {name->line, name->column, NULL, p->reference};

	engine_fail(p->engine, &place, "member \"%s\" is there twice", name->text);
}

/* Give an object its members, each of which must be there once. */
static void
index_members(JsonParser *p, JsonNode *object, int count)
{
	if (count > MOST_WITHOUT_MAP)
		object->members = map_new_for(p->engine, (size_t) count);
	for (int i = 0; i < count; i++)
	{
		const JsonNode *name = object->names[i];

		if (object->members == NULL)
		{
			if (find_member(object, name->text, name->length) >= 0)
				fail_duplicate(p, name);
			object->count = i + 1;
		}
		else if (map_set(object->members, name->text, name->length,
						 (void *) (intptr_t) (i + 1)) != NULL)
			fail_duplicate(p, name);
	}
	object->count = count;
}

static JsonNode *
parse_object(JsonParser *p)
{
	JsonNode   *node = new_node(p, JSON_OBJECT);
	size_t		mark = p->top;
	bool		more = !open_container(p, '}');
	int			count;

	while (more)
	{
		engine_tick(p->engine);
		if (*p->next != '"')
			fail_expected(p, "the name of a member");
		push_node(p, parse_string(p));
		skip_space(p);
		if (*p->next != ':')
			fail_expected(p, "\":\"");
		p->next++;
		skip_space(p);
		push_node(p, parse_value(p));
		more = next_child(p, '}', "\",\" or \"}\"");
	}
	p->next++;
	count = (int) ((p->top - mark) / 2);
	node->names = (const JsonNode **) take_nodes(p, mark, count, 2);
	node->items = take_nodes(p, mark + 1, count, 2);
	p->top = mark;
	index_members(p, node, count);
	engine_up(p->engine);
	return node;
}

static JsonNode *
parse_value(JsonParser *p)
{
	switch (*p->next)
	{
		case '{':
			return parse_object(p);
		case '[':
			return parse_array(p);
		case '"':
			return parse_string(p);
		case 't':
			return parse_word(p, "true", JSON_TRUE);
		case 'f':
			return parse_word(p, "false", JSON_FALSE);
		case 'n':
			return parse_word(p, "null", JSON_NULL);
		default:
			if (*p->next != '-' && !is_digit(*p->next))
				fail_expected(p, "a value");
			return parse_number(p);
	}
}

JsonNode *
json_parse(Engine *engine, const char *text, size_t length,
		   const char *reference)
{
	JsonParser	p = {0};
	JsonNode   *node;

	p.engine = engine;
	p.reference = reference;
	p.line = 1;
	if (length > ENGINE_MOST_BYTES)
	{
		SchemaPlace place = {0, 0, NULL, reference};

		engine_fail(engine, &place, "longer than %d bytes", ENGINE_MOST_BYTES);
	}
	p.next = engine_copy(engine, text, length);
	p.end = p.next + length;
	p.line_start = p.next;
	skip_space(&p);
	node = parse_value(&p);
	skip_space(&p);
	if (p.next < p.end)
		fail_expected(&p, "the end of the text");
	return node;
}

/* ---- reading a tree ---- */

JsonNode *
json_get_n(const JsonNode *object, const char *name, size_t length)
{
	int			index;

	if (object == NULL || object->kind != JSON_OBJECT)
		return NULL;
	index = find_member(object, name, length);
	return index < 0 ? NULL : object->items[index];
}

JsonNode *
json_get(const JsonNode *object, const char *name)
{
	return json_get_n(object, name, strlen(name));
}

bool
json_is(const JsonNode *node, const char *text)
{
	return node != NULL && node->kind == JSON_STRING &&
		node->length == strlen(text) &&
		memcmp(node->text, text, node->length) == 0;
}

const char *
json_kind_name(const JsonNode *node)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",	  [JSON_FALSE] = "boolean",
		[JSON_TRUE] = "boolean",  [JSON_NUMBER] = "number",
		[JSON_STRING] = "string", [JSON_ARRAY] = "array",
		[JSON_OBJECT] = "object",
	};

	return names[node->kind];
}

/* ---- writing ---- */

void
json_write_string(EngineText *text, const char *data, size_t length)
{
	size_t		done = 0;

	text_add(text, "\"", 1);
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) data[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		text_add(text, data + done, i - done);
		done = i + 1;
		if (c == '"' || c == '\\')
			text_print(text, "\\%c", c);
		else if (c == '\n')
			text_add(text, "\\n", 2);
		else
			text_print(text, "\\u%04x", c);
	}
	text_add(text, data + done, length - done);
	text_add(text, "\"", 1);
}

/* Which of two members comes first, by the bytes of their names? */
static bool
name_precedes(const JsonNode *a, const JsonNode *b)
{
	size_t		shorter = a->length < b->length ? a->length : b->length;
	int			order = memcmp(a->text, b->text, shorter);

	return order < 0 || (order == 0 && a->length < b->length);
}

/* Sort indexes of members by name: merge sort, from one array to another. */
static void
sort_names(const JsonNode *object, int *order, int *other, int count)
{
	int half = count / 2, left = 0, right = half;

	if (count < 2)
		return;
	sort_names(object, order, other, half);
	sort_names(object, order + half, other, count - half);
	for (int i = 0; i < count; i++)
	{
		if (right == count ||
			(left < half &&
			 !name_precedes(object->names[order[right]],
							object->names[order[left]])))
			other[i] = order[left++];
		else
			other[i] = order[right++];
	}
	memcpy(order, other, (size_t) count * sizeof(int));
}

const int *
json_order(Engine *engine, const JsonNode *object)
{
	size_t		size = ((size_t) object->count + 1) * sizeof(int);
	int		   *order = engine_alloc(engine, size);

	for (int i = 0; i < object->count; i++)
		order[i] = i;
	sort_names(object, order, engine_alloc(engine, size), object->count);
	return order;
}

static void
write_array(EngineText *text, const JsonNode *node, bool sorted)
{
	text_add(text, "[", 1);
	for (int i = 0; i < node->count; i++)
	{
		if (i > 0)
			text_add(text, ",", 1);
		json_write(text, node->items[i], sorted);
	}
	text_add(text, "]", 1);
}

static void
write_object(EngineText *text, const JsonNode *node, bool sorted)
{
	const int  *order = sorted ? json_order(text->engine, node) : NULL;

	text_add(text, "{", 1);
	for (int i = 0; i < node->count; i++)
	{
		int			member = order != NULL ? order[i] : i;

		if (i > 0)
			text_add(text, ",", 1);
		json_write_string(text, node->names[member]->text,
						  node->names[member]->length);
		text_add(text, ":", 1);
		json_write(text, node->items[member], sorted);
	}
	text_add(text, "}", 1);
}

void
json_write(EngineText *text, const JsonNode *node, bool sorted)
{
	SchemaPlace place = {node->line, node->column, NULL, NULL};

	engine_down(text->engine, &place);
	engine_tick(text->engine);
	switch (node->kind)
	{
		case JSON_NULL:
			text_add_string(text, "null");
			break;
		case JSON_FALSE:
			text_add_string(text, "false");
			break;
		case JSON_TRUE:
			text_add_string(text, "true");
			break;
		case JSON_NUMBER:
			text_add(text, node->text, node->length);
			break;
		case JSON_STRING:
			json_write_string(text, node->text, node->length);
			break;
		case JSON_ARRAY:
			write_array(text, node, sorted);
			break;
		case JSON_OBJECT:
			write_object(text, node, sorted);
			break;
	}
	engine_up(text->engine);
}

/* ---- pointers ---- */

const char *
json_pointer(Engine *engine, const char *up, const char *name, size_t length)
{
	EngineText	text;

	text_begin(&text, engine);
	text_add_string(&text, up);
	text_add(&text, "/", 1);
	for (size_t i = 0; i < length; i++)
	{
		if (name[i] == '~')
			text_add(&text, "~0", 2);
		else if (name[i] == '/')
			text_add(&text, "~1", 2);
		else
			text_add(&text, name + i, 1);
	}
	return text.data;
}

const char *
json_pointer_index(Engine *engine, const char *up, int index)
{
	return engine_print(engine, "%s/%d", up, index);
}
