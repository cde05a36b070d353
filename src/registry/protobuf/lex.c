/*-------------------------------------------------------------------------
 *
 * lex.c
 *		Tokens of .proto text, each with its place and the comment before it.
 *
 * The rules are those of protoc's tokenizer.  A comment belongs to a token
 * if it ends on the line before it (or on its own) and does not begin on the
 * line where the last token ended.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
lex_begin(ProtoLexer *lexer, Engine *engine, const char *text, size_t length,
		  const char *reference)
{
	memset(lexer, 0, sizeof(ProtoLexer));
	lexer->engine = engine;
	lexer->reference = reference;
	lexer->at = text;
	lexer->end = text + length;
	if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		lexer->at += 3;
	lexer->line_start = lexer->at;
	lexer->line = 1;
	lex_next(lexer);
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The character so many places ahead, NUL at the end. */
static char
peek(const ProtoLexer *lexer, size_t ahead)
{
	return ahead < (size_t) (lexer->end - lexer->at) ? lexer->at[ahead] : '\0';
}

/* Invalid text: say so at the current token. */
void
lex_fail(const ProtoLexer *lexer, const char *format, ...)
{
	SchemaPlace place = {0};
	char		message[512];
	va_list		args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	place.line = lexer->token.line;
	place.column = lexer->token.column;
	place.reference = lexer->reference;
	engine_fail(lexer->engine, &place, "%s", message);
}

/* The current token begins here. */
static void
begin_token(ProtoLexer *lexer)
{
	lexer->token.start = lexer->at;
	lexer->token.line = lexer->line;
	lexer->token.column = (int) (lexer->at - lexer->line_start) + 1;
}

static void
skip_newline(ProtoLexer *lexer)
{
	lexer->at++;
	lexer->line++;
	lexer->line_start = lexer->at;
	if ((lexer->line & 1023) == 0)
		engine_tick(lexer->engine);
}

/* Over a comment; the lexer stands at its slash. */
static void
skip_comment(ProtoLexer *lexer)
{
	if (peek(lexer, 1) == '/')
	{
		while (lexer->at < lexer->end && *lexer->at != '\n')
			lexer->at++;
		return;
	}
	begin_token(lexer);
	lexer->at += 2;
	for (;;)
	{
		if (lexer->at >= lexer->end)
			lex_fail(lexer, "comment has no end");
		if (*lexer->at == '*' && peek(lexer, 1) == '/')
			break;
		if (*lexer->at == '/' && peek(lexer, 1) == '*')
			lex_fail(lexer, "comment stands within a comment");
		if (*lexer->at == '\n')
			skip_newline(lexer);
		else
			lexer->at++;
	}
	lexer->at += 2;
}

/* Where a block of comments is. */
typedef struct CommentBlock
{
	const char *start;		/* NULL: none */
	const char *end;
	int			last_line;
	bool		lines;		/* of the kind that ends with its line */
} CommentBlock;

/* Take a comment into the block, or begin a new one with it. */
static void
take_comment(ProtoLexer *lexer, CommentBlock *block)
{
	const char *start = lexer->at;
	int			line = lexer->line;
	bool		lines = peek(lexer, 1) == '/';

	skip_comment(lexer);
	if (line == lexer->last_line)
	{
		block->start = NULL;	/* it belongs to the token before */
		return;
	}
	if (block->start == NULL || !lines || !block->lines ||
		block->last_line != line - 1)
		block->start = start;
	block->end = lexer->at;
	block->last_line = lexer->line;
	block->lines = lines;
}

/* Over white space and comments; leaves the token's comment. */
static void
skip_space(ProtoLexer *lexer)
{
	CommentBlock block = {0};

	while (lexer->at < lexer->end)
	{
		char		c = *lexer->at;

		if (c == '\n')
			skip_newline(lexer);
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f')
			lexer->at++;
		else if (c == '/' && (peek(lexer, 1) == '/' || peek(lexer, 1) == '*'))
			take_comment(lexer, &block);
		else
			break;
	}
	lexer->token.comment = NULL;
	if (block.start != NULL && lexer->line - block.last_line <= 1)
	{
		lexer->token.comment = block.start;
		lexer->token.comment_length = (size_t) (block.end - block.start);
	}
}

/* Over the escape behind a backslash. */
static void
skip_escape(ProtoLexer *lexer)
{
	char		c = peek(lexer, 0);
	int			digits = 0;

	if (c == '\0' || strchr("abfnrtv\\?'\"01234567xXuU", c) == NULL)
		lex_fail(lexer, "invalid escape sequence in string");
	lexer->at++;
	if (c == 'u')
		digits = 4;
	else if (c == 'U')
		digits = 8;
	else if (c == 'x' || c == 'X')
		digits = 1;
	for (int i = 0; i < digits; i++, lexer->at++)
	{
		if (!is_hex(peek(lexer, 0)))
			lex_fail(lexer, "escape sequence lacks hexadecimal digits");
	}
	if (c == 'U' &&
		strtoul(engine_copy(lexer->engine, lexer->at - 8, 8), NULL, 16) >
			0x10FFFF)
		lex_fail(lexer, "escape sequence is no character of Unicode");
}

static void
scan_string(ProtoLexer *lexer)
{
	char		quote = *lexer->at++;

	for (;;)
	{
		char		c = peek(lexer, 0);

		if (lexer->at >= lexer->end || c == '\n')
			lex_fail(lexer, "string has no end");
		if (c == '\0')
			lex_fail(lexer, "control character in string");
		lexer->at++;
		if (c == quote)
			break;
		if (c == '\\')
			skip_escape(lexer);
	}
	lexer->token.kind = TOKEN_STRING;
}

static void
scan_digits(ProtoLexer *lexer)
{
	while (is_digit(peek(lexer, 0)))
		lexer->at++;
}

/* A decimal number, which is a float if it has a point or an exponent. */
static void
scan_decimal(ProtoLexer *lexer)
{
	scan_digits(lexer);
	if (peek(lexer, 0) == '.')
	{
		lexer->token.kind = TOKEN_FLOAT;
		lexer->at++;
		scan_digits(lexer);
	}
	if (peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E')
	{
		lexer->token.kind = TOKEN_FLOAT;
		lexer->at++;
		if (peek(lexer, 0) == '-' || peek(lexer, 0) == '+')
			lexer->at++;
		if (!is_digit(peek(lexer, 0)))
			lex_fail(lexer, "exponent lacks digits");
		scan_digits(lexer);
	}
}

static void
scan_number(ProtoLexer *lexer)
{
	lexer->token.kind = TOKEN_INTEGER;
	if (*lexer->at == '0' && (peek(lexer, 1) == 'x' || peek(lexer, 1) == 'X'))
	{
		lexer->at += 2;
		if (!is_hex(peek(lexer, 0)))
			lex_fail(lexer, "hexadecimal number lacks digits");
		while (is_hex(peek(lexer, 0)))
			lexer->at++;
	}
	else if (*lexer->at == '0' && is_digit(peek(lexer, 1)))
	{
		while (is_digit(peek(lexer, 0)))
		{
			if (*lexer->at++ > '7')
				lex_fail(lexer, "number with a leading zero is not octal");
		}
	}
	else
		scan_decimal(lexer);
	if (is_letter(peek(lexer, 0)))
		lex_fail(lexer, "number and word need a space between them");
	if (peek(lexer, 0) == '.')
		lex_fail(lexer, "number has a point too many");
}

/* Make the next token the current one. */
void
lex_next(ProtoLexer *lexer)
{
	char		c;

	skip_space(lexer);
	begin_token(lexer);
	c = peek(lexer, 0);
	if (lexer->at >= lexer->end)
		lexer->token.kind = TOKEN_END;
	else if (is_letter(c))
	{
		lexer->token.kind = TOKEN_NAME;
		while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
			lexer->at++;
	}
	else if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1))))
		scan_number(lexer);
	else if (c == '"' || c == '\'')
		scan_string(lexer);
	else if ((unsigned char) c < 0x20 || (unsigned char) c >= 0x7F)
		lex_fail(lexer, "character of code %d outside of strings and comments",
				 (int) (unsigned char) c);
	else
	{
		lexer->token.kind = TOKEN_SYMBOL;
		lexer->at++;
	}
	lexer->token.length = (size_t) (lexer->at - lexer->token.start);
	lexer->last_line = lexer->line;
}

/* Is the current token this word or symbol? */
bool
lex_is(const ProtoLexer *lexer, const char *text)
{
	return (lexer->token.kind == TOKEN_NAME ||
			lexer->token.kind == TOKEN_SYMBOL) &&
		strlen(text) == lexer->token.length &&
		memcmp(text, lexer->token.start, lexer->token.length) == 0;
}

static int
hex_digit(char c)
{
	return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool
lex_integer(const ProtoLexer *lexer, uint64_t *value)
{
	const char *text = lexer->token.start;
	size_t		length = lexer->token.length;
	size_t		i = 0;
	uint64_t	base = 10;

	*value = 0;
	if (length > 1 && text[0] == '0')
	{
		base = (text[1] | 0x20) == 'x' ? 16 : 8;
		i = base == 16 ? 2 : 1;
	}
	for (; i < length; i++)
	{
		uint64_t	digit = (uint64_t) hex_digit(text[i]);

		if (*value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	return true;
}

/* The value of an integer or float token; beyond all bounds: infinite. */
double
lex_number(const ProtoLexer *lexer)
{
	return strtod(engine_copy(lexer->engine, lexer->token.start,
							  lexer->token.length),
				  NULL);
}

/* Append a character in UTF-8. */
static void
add_character(EngineText *text, uint32_t code)
{
	char		bytes[4];
	size_t		length;

	if (code < 0x80)
		length = 1;
	else if (code < 0x800)
		length = 2;
	else
		length = code < 0x10000 ? 3 : 4;
	for (size_t i = length; i-- > 1; code >>= 6)
		bytes[i] = (char) (0x80 | (code & 0x3F));
	bytes[0] = (char) (length == 1 ? code : ((0xF00 >> length) & 0xFF) | code);
	text_add(text, bytes, length);
}

/* Read up to so many digits of a base; returns how many there were. */
static int
read_digits(const char *at, const char *end, int most, int base,
			uint32_t *value)
{
	int			count = 0;

	*value = 0;
	while (count < most && at + count < end && is_hex(at[count]) &&
		   hex_digit(at[count]) < base)
		*value = *value * (uint32_t) base + (uint32_t) hex_digit(at[count++]);
	return count;
}

/*
 * Append the character of \u or \U, two of them if they are a surrogate pair;
 * returns what stands behind.
 */
static const char *
read_unicode(EngineText *text, const char *at, const char *end)
{
	uint32_t	code;
	uint32_t	low;
	int			digits = *at == 'u' ? 4 : 8;

	at += 1 + read_digits(at + 1, end, digits, 16, &code);
	if (code >= 0xD800 && code < 0xDC00 && end - at >= 6 && at[0] == '\\' &&
		at[1] == 'u' && read_digits(at + 2, end, 4, 16, &low) == 4 &&
		low >= 0xDC00 && low < 0xE000)
	{
		code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
		at += 6;
	}
	add_character(text, code);
	return at;
}

/* Append what an escape stands for; returns what stands behind it. */
static const char *
read_escape(EngineText *text, const char *at, const char *end)
{
	static const char from[] = "abfnrtv";
	static const char to[] = "\a\b\f\n\r\t\v";
	const char *found = strchr(from, *at);
	uint32_t	code;
	char		byte;

	if (*at == 'u' || *at == 'U')
		return read_unicode(text, at, end);
	if (*at >= '0' && *at <= '7')
	{
		at += read_digits(at, end, 3, 8, &code);
		byte = (char) (code & 0xFF);
	}
	else if (*at == 'x' || *at == 'X')
	{
		at += 1 + read_digits(at + 1, end, 2, 16, &code);
		byte = (char) code;
	}
	else
		byte = found != NULL ? to[found - from] : *at, at++;
	text_add(text, &byte, 1);
	return at;
}

void
lex_string(const ProtoLexer *lexer, EngineText *text)
{
	const char *at = lexer->token.start + 1;
	const char *end = lexer->token.start + lexer->token.length - 1;

	while (at < end)
	{
		const char *plain = at;

		while (at < end && *at != '\\')
			at++;
		text_add(text, plain, (size_t) (at - plain));
		if (at < end)
			at = read_escape(text, at + 1, end);
	}
}

/* One line of a comment: without marks and white space around. */
static void
add_comment_line(EngineText *text, const char *line, const char *end)
{
	while (line < end && strchr(" \t\r/*", *line) != NULL)
		line++;
	while (end > line && strchr(" \t\r*/", end[-1]) != NULL)
		end--;
	if (end == line)
		return;
	if (text->length > 0)
		text_add_string(text, "\n");
	text_add(text, line, (size_t) (end - line));
}

const char *
lex_comment(Engine *engine, const char *comment, size_t length)
{
	EngineText	text;
	const char *end;

	if (comment == NULL)
		return NULL;
	end = comment + length;
	text_begin(&text, engine);
	while (comment < end)
	{
		const char *line = comment;

		while (comment < end && *comment != '\n')
			comment++;
		add_comment_line(&text, line, comment);
		comment++;
	}
	return text.length > 0 ? text.data : NULL;
}
