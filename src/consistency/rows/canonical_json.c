/*-------------------------------------------------------------------------
 *
 * canonical_json.c
 *		Canonical bytes of a jsonb.
 *
 * A jsonb is read where it stands, whatever its alignment: entries and their
 * offsets are as utils/jsonb.h has them, relative to the container.
 *
 * Invariant: every child lies inside of its container and behind the child
 * before it, else the value is called corrupt.  So the payload never takes
 * more than JSON_ROOM, which is all that is made sure of before.
 *
 * There are two walks, of the same code: a quick one, and one that converts
 * texts to UTF-8, which may take more room.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/rows/payload.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

/* What the converting walk writes to; NULL is the quick walk. */
typedef struct JsonWalk
{
	CanonicalBytes *bytes;
	Size		room;		/* to keep behind a text */
} JsonWalk;

/* A child of a container. */
typedef struct JsonChild
{
	JEntry		type;		/* JENTRY_IS… */
	const char *data;		/* not yet aligned */
	uint32		length;
} JsonChild;

void
payload_corrupt(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a value reaches beyond the end of its tuple")));
}

/*
 * The child of an entry, which begins at data, where the child before it
 * ends.  base is the end of the entries, end that of the container.
 */
static inline JsonChild
json_child(const char *entry_at, const char *base, const char *data,
		   const char *end)
{
	JEntry		entry = read_u32(entry_at);
	JsonChild	child = {entry & JENTRY_TYPEMASK, data, JBE_OFFLENFLD(entry)};

	if (JBE_HAS_OFF(entry))
		child.length -= (uint32) (data - base);
	if (unlikely(child.length > (Size) (end - data)))
		payload_corrupt();
	return child;
}

/* Where a numeric or a container in a child starts. */
static inline const char *
json_aligned(const char *base, const char *data)
{
	return base + INTALIGN(data - base);
}

/* A text of the converting walk, which may need more room than was made. */
static char *
json_converted(const JsonWalk *walk, char *out, const char *text, Size length)
{
	CanonicalBytes *bytes = walk->bytes;

	bytes->length = out - bytes->data;
	canonical_text(bytes, text, length);
	canonical_reserve(bytes, walk->room);
	return bytes->data + bytes->length;
}

static inline char *
json_text(const JsonWalk *walk, char *out, const char *text, Size length)
{
	return walk == NULL ? payload_string(out, text, length) :
						  json_converted(walk, out, text, length);
}

static inline char *
json_numeric(const JsonWalk *walk, char *out, const char *number,
			 const char *end)
{
	const char *data;
	Size		length;

	if (unlikely(number >= end))
		payload_corrupt();
	data = VARDATA_ANY(number);
	length = VARSIZE_ANY_EXHDR(number);
	if (unlikely(data > end || length > (Size) (end - data)))
		payload_corrupt();
	return walk == NULL ? payload_numeric(out, data, length) :
						  payload_any_numeric(out, data, length);
}

static char *json_quickly(char *out, const char *container, const char *end);
static char *json_converting(const JsonWalk *walk, char *out,
							 const char *container, const char *end);

/* A container in a container. */
static char *
json_nested(const JsonWalk *walk, char *out, const char *container,
			const char *end)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	return walk == NULL ? json_quickly(out, container, end) :
						  json_converting(walk, out, container, end);
}

/* One letter, and what it says. */
static pg_attribute_always_inline char *
json_value(const JsonWalk *walk, char *out, const char *base, JsonChild child)
{
	const char *end = child.data + child.length;

	switch (child.type)
	{
		case JENTRY_ISSTRING:
			out = payload_u8(out, 's');
			return json_text(walk, out, child.data, child.length);
		case JENTRY_ISNUMERIC:
			out = payload_u8(out, '#');
			return json_numeric(walk, out, json_aligned(base, child.data),
								end);
		case JENTRY_ISBOOL_FALSE:
			return payload_u8(out, 'f');
		case JENTRY_ISBOOL_TRUE:
			return payload_u8(out, 't');
		case JENTRY_ISNULL:
			return payload_u8(out, 'n');
		default:
			return json_nested(walk, out, json_aligned(base, child.data), end);
	}
}

static pg_attribute_always_inline char *
json_array(const JsonWalk *walk, char *out, const char *entries, uint32 n,
		   const char *end)
{
	const char *base = entries + n * sizeof(JEntry);
	const char *data = base;

	if (unlikely(base > end))
		payload_corrupt();
	for (; entries < base; entries += sizeof(JEntry))
	{
		JsonChild	child = json_child(entries, base, data, end);

		out = json_value(walk, out, base, child);
		data += child.length;
	}
	return out;
}

/* Bytes of the first n children. */
static inline uint32
json_length(const char *entries, uint32 n)
{
	uint32		length = 0;

	while (n-- > 0)
	{
		JEntry		entry = read_u32(entries + n * sizeof(JEntry));

		length += JBE_OFFLENFLD(entry);
		if (JBE_HAS_OFF(entry))
			break;
	}
	return length;
}

/* Where an object's values start, behind its keys. */
static inline const char *
json_values(const char *keys, uint32 n, const char *base, const char *end)
{
	uint32		length;

	if (unlikely(base > end))
		payload_corrupt();
	length = json_length(keys, n);
	if (unlikely(length > (Size) (end - base)))
		payload_corrupt();
	return base + length;
}

/* Members in jsonb's order, by length of the key and then its bytes; the
 * entries of all keys come before those of the values. */
static inline char *
json_object(char *out, const char *entry, uint32 n, const char *end)
{
	Size		size = n * sizeof(JEntry);
	const char *base = entry + 2 * size;
	const char *key_data = base;
	const char *values = json_values(entry, n, base, end);
	const char *value_data = values;
	const char *entries_end = entry + size;

	for (; entry < entries_end; entry += sizeof(JEntry))
	{
		JsonChild	key = json_child(entry, base, key_data, values);
		JsonChild	value = json_child(entry + size, base, value_data, end);

		out = payload_string(out, key.data, key.length);
		out = json_value(NULL, out, base, value);
		key_data += key.length;
		value_data += value.length;
	}
	return out;
}

/* A member of an object, its key in UTF-8. */
typedef struct JsonMember
{
	char	   *key;
	Size		length;
	JsonChild	value;
} JsonMember;

/* Shorter keys first, equally long ones by their bytes. */
static int
compare_members(const void *a, const void *b)
{
	const JsonMember *left = a;
	const JsonMember *right = b;

	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->key, right->key, left->length);
}

/* The members of an object, sorted as it takes in UTF-8: in another encoding
 * their order may be another one. */
static JsonMember *
json_members(const char *entry, uint32 n, const char *end)
{
	Size		size = n * sizeof(JEntry);
	const char *base = entry + 2 * size;
	const char *key_data = base;
	const char *values = json_values(entry, n, base, end);
	const char *value_data = values;
	JsonMember *members =
		palloc_extended((n + 1) * sizeof(JsonMember), MCXT_ALLOC_HUGE);

	for (uint32 i = 0; i < n; i++, entry += sizeof(JEntry))
	{
		JsonChild	key = json_child(entry, base, key_data, values);

		members[i].key =
			canonical_utf8(key.data, key.length, &members[i].length);
		members[i].value = json_child(entry + size, base, value_data, end);
		key_data += key.length;
		value_data += members[i].value.length;
	}
	qsort(members, n, sizeof(JsonMember), compare_members);
	return members;
}

static char *
json_object_converting(const JsonWalk *walk, char *out, const char *entries,
					   uint32 n, const char *end)
{
	CanonicalBytes *bytes = walk->bytes;
	JsonMember *members = json_members(entries, n, end);
	const char *base = entries + 2 * n * sizeof(JEntry);

	for (uint32 i = 0; i < n; i++)
	{
		bytes->length = out - bytes->data;
		canonical_reserve(bytes, members[i].length + walk->room);
		out = bytes->data + bytes->length;
		out = payload_string_exactly(out, members[i].key, members[i].length);
		out = json_value(walk, out, base, members[i].value);
		pfree(members[i].key);
	}
	pfree(members);
	return out;
}

static pg_attribute_always_inline char *
json_container(const JsonWalk *walk, char *out, const char *container,
			   const char *end)
{
	const char *entries = container + sizeof(uint32);
	uint32		header;
	uint32		n;

	if (unlikely(entries > end))
		payload_corrupt();
	header = read_u32(container);
	n = header & JB_CMASK;
	if (header & JB_FOBJECT)
	{
		out = payload_u8(out, '{');
		out = payload_u32(out, n);
		return walk == NULL ?
			json_object(out, entries, n, end) :
			json_object_converting(walk, out, entries, n, end);
	}
	/* A scalar of its own is kept as an array of one. */
	if (!(header & JB_FSCALAR))
	{
		out = payload_u8(out, '[');
		out = payload_u32(out, n);
	}
	return json_array(walk, out, entries, n, end);
}

static char *
json_quickly(char *out, const char *container, const char *end)
{
	return json_container(NULL, out, container, end);
}

static char *
json_converting(const JsonWalk *walk, char *out, const char *container,
				const char *end)
{
	return json_container(walk, out, container, end);
}

char *
payload_json(char *out, const char *container, Size size)
{
	return json_container(NULL, out, container, container + size);
}

/* Walk a copy, behind which bytes may be read. */
static char *
json_copied(CanonicalBytes *bytes, const char *container, Size size)
{
	char	   *out;
	char	   *copy;

	canonical_reserve(bytes, JSON_ROOM(size) + size + PAYLOAD_SLACK);
	out = bytes->data + bytes->length;
	copy = out + JSON_ROOM(size);
	memcpy(copy, container, size);
	return payload_json(out, copy, size);
}

static char *
json_convert(CanonicalBytes *bytes, const char *container, Size size)
{
	JsonWalk	walk = {bytes, JSON_ROOM(size)};

	canonical_reserve(bytes, walk.room);
	return json_converting(&walk, bytes->data + bytes->length, container,
						   container + size);
}

void
canonical_json(CanonicalBytes *bytes, const char *container, Size size)
{
	char *out = bytes->convert ? json_convert(bytes, container, size) :
								 json_copied(bytes, container, size);

	bytes->length = out - bytes->data;
}
