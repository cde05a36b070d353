/*-------------------------------------------------------------------------
 *
 * digest.c
 *		The hash of a document: SHA-256 over its text in UTF-8.
 *
 * The text is the one that the type jsonb prints, so anybody can check a
 * revision with sha256(convert_to(document::text, 'UTF8')).  It is hashed as
 * it is made, in pieces, and never stands in memory whole.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"

/* How much text is collected before it is hashed. */
#define PIECE 65536

/* A hash in the making. */
typedef struct Digest
{
	pg_cryptohash_ctx *ctx;
	StringInfoData text; /* what is not hashed yet */
} Digest;

/* The bytes as lower-case hex digits. */
static char *
hex_digits(const uint8 *bytes, int count)
{
	static const char digits[] = "0123456789abcdef";
	char	   *hex = palloc(count * 2 + 1);

	for (int i = 0; i < count; i++)
	{
		hex[i * 2] = digits[bytes[i] >> 4];
		hex[i * 2 + 1] = digits[bytes[i] & 15];
	}
	hex[count * 2] = '\0';
	return hex;
}

/* Raise what the server's hash functions have to say. */
static void
check_hash(bool ok, pg_cryptohash_ctx *ctx)
{
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256 hash: %s",
						pg_cryptohash_error(ctx))));
}

/*
 * Hash the text collected so far.  Pieces end between tokens, so each one
 * can be converted to UTF-8 alone.
 */
static void
hash_text(Digest *digest)
{
	char *utf8 =
		pg_server_to_any(digest->text.data, digest->text.len, PG_UTF8);
	size_t len =
		utf8 == digest->text.data ? (size_t) digest->text.len : strlen(utf8);

	CHECK_FOR_INTERRUPTS();
	check_hash(pg_cryptohash_update(digest->ctx, (const uint8 *) utf8, len) ==
				   0,
			   digest->ctx);
	if (utf8 != digest->text.data)
		pfree(utf8);
	resetStringInfo(&digest->text);
}

/* Append a character as JSON writes it inside a string. */
static void
append_escaped(StringInfo buf, unsigned char c)
{
	switch (c)
	{
		case '\b':
			appendStringInfoString(buf, "\\b");
			break;
		case '\f':
			appendStringInfoString(buf, "\\f");
			break;
		case '\n':
			appendStringInfoString(buf, "\\n");
			break;
		case '\r':
			appendStringInfoString(buf, "\\r");
			break;
		case '\t':
			appendStringInfoString(buf, "\\t");
			break;
		case '"':
		case '\\':
			appendStringInfoChar(buf, '\\');
			appendStringInfoChar(buf, c);
			break;
		default:
			appendStringInfo(buf, "\\u%04x", c);
			break;
	}
}

/* Append a string in its quotes; runs that need no escape are copied whole. */
static void
append_string(StringInfo buf, const char *string, int len)
{
	int			start = 0;

	appendStringInfoChar(buf, '"');
	for (int i = 0; i < len; i++)
	{
		unsigned char c = string[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		appendBinaryStringInfo(buf, string + start, i - start);
		append_escaped(buf, c);
		start = i + 1;
	}
	appendBinaryStringInfo(buf, string + start, len - start);
	appendStringInfoChar(buf, '"');
}

static void digest_container(Digest *digest, const JsonbContainer *container);

/* Add the text of one value. */
static void
digest_value(Digest *digest, const JsonbValue *value)
{
	StringInfo	buf = &digest->text;

	switch (value->type)
	{
		case jbvNull:
			appendStringInfoString(buf, "null");
			break;
		case jbvBool:
			appendStringInfoString(buf, value->val.boolean ? "true" : "false");
			break;
		case jbvString:
			append_string(buf, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			appendStringInfoString(buf,
								   DatumGetCString(DirectFunctionCall1(
									   numeric_out,
									   NumericGetDatum(value->val.numeric))));
			break;
		default:
			digest_container(digest, value->val.binary.data);
			break;
	}
	if (buf->len >= PIECE)
		hash_text(digest);
}

/* Add the text of an object's members. */
static void
digest_members(Digest *digest, const JsonbContainer *object)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, object);
	while (jb_next_member(&cursor, &key, &value))
	{
		if (cursor.index > 0)
			appendStringInfoString(&digest->text, ", ");
		append_string(&digest->text, key.val.string.val, key.val.string.len);
		appendStringInfoString(&digest->text, ": ");
		digest_value(digest, &value);
	}
}

/* Add the text of an array's elements. */
static void
digest_elements(Digest *digest, const JsonbContainer *array)
{
	JbCursor	cursor;
	JsonbValue	value;

	jb_walk(&cursor, array);
	while (jb_next_element(&cursor, &value))
	{
		if (cursor.index > 0)
			appendStringInfoString(&digest->text, ", ");
		digest_value(digest, &value);
	}
}

/* Add the text of an object or an array. */
static void
digest_container(Digest *digest, const JsonbContainer *container)
{
	bool		object = JsonContainerIsObject(container);

	check_stack_depth();
	appendStringInfoChar(&digest->text, object ? '{' : '[');
	if (object)
		digest_members(digest, container);
	else
		digest_elements(digest, container);
	appendStringInfoChar(&digest->text, object ? '}' : ']');
}

char *
document_sha256(const Jsonb *document)
{
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	Digest		digest;

	initStringInfo(&digest.text);
	digest.ctx = pg_cryptohash_create(PG_SHA256);
	check_hash(digest.ctx != NULL && pg_cryptohash_init(digest.ctx) == 0,
			   digest.ctx);
	digest_container(&digest, &document->root);
	hash_text(&digest);
	check_hash(pg_cryptohash_final(digest.ctx, hash, sizeof(hash)) == 0,
			   digest.ctx);
	pg_cryptohash_free(digest.ctx);
	pfree(digest.text.data);
	return hex_digits(hash, sizeof(hash));
}
