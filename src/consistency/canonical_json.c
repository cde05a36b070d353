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
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/payload.h"
#include "miscadmin.h"
#include "utils/jsonb.h"

/* What a walk over one jsonb carries along. */
typedef struct JsonWalk
{
	CanonicalBytes *bytes;	/* what is written to */
	Size		rest;		/* room to keep behind a converted text */
	const char *limit;		/* nothing is read from here on */
} JsonWalk;

/* A child of a container, by offsets from the end of the entries on. */
typedef struct JsonChild
{
	uint32		type;		/* JENTRY_IS… */
	uint32		start;
	uint32		end;
} JsonChild;

void
payload_corrupt(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a value reaches beyond the end of its tuple")));
}

/* The child of an entry, where the one before it ends at start. */
static inline JsonChild
json_child(const char *entries, uint32 n, uint32 start)
{
	JEntry		entry = read_u32(entries + n * sizeof(JEntry));
	JsonChild	child = {entry & JENTRY_TYPEMASK, start, JBE_OFFLENFLD(entry)};

	if (!JBE_HAS_OFF(entry))
		child.end += start;
	return child;
}

static inline void
check_child(const char *base, const JsonChild *child, const char *end)
{
	if (unlikely(child->end < child->start ||
				 (Size) (end - base) < child->end))
		payload_corrupt();
}

/* A text in another encoding, which may need more room than was made. */
static char *
json_converted(const JsonWalk *walk, char *out, const char *text, Size length)
{
	CanonicalBytes *bytes = walk->bytes;

	bytes->length = out - bytes->data;
	canonical_text(bytes, text, length);
	canonical_reserve(bytes, walk->rest);
	return bytes->data + bytes->length;
}

static inline char *
json_string(const JsonWalk *walk, char *out, const char *text, Size length)
{
	if (unlikely(walk->bytes->convert))
		return json_converted(walk, out, text, length);
	return payload_string(out, text, length, walk->limit);
}

static inline char *
json_numeric(const JsonWalk *walk, char *out, const char *number,
			 const char *end)
{
	if (unlikely(number >= end || number + VARSIZE_ANY(number) > end))
		payload_corrupt();
	return payload_numeric(out, VARDATA_ANY(number), VARSIZE_ANY_EXHDR(number),
						   walk->limit);
}

static char *json_container(const JsonWalk *walk, char *out,
							const char *container, const char *end);

/* A container in a container. */
static char *
json_nested(const JsonWalk *walk, char *out, const char *container,
			const char *end)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	return json_container(walk, out, container, end);
}

/* One letter, and what it says. */
static pg_attribute_always_inline char *
json_value(const JsonWalk *walk, char *out, const char *base, JsonChild child)
{
	switch (child.type)
	{
		case JENTRY_ISSTRING:
			return json_string(walk, payload_u8(out, 's'), base + child.start,
							   child.end - child.start);
		case JENTRY_ISNUMERIC:
			return json_numeric(walk, payload_u8(out, '#'),
								base + INTALIGN(child.start),
								base + child.end);
		case JENTRY_ISBOOL_FALSE:
			return payload_u8(out, 'f');
		case JENTRY_ISBOOL_TRUE:
			return payload_u8(out, 't');
		case JENTRY_ISNULL:
			return payload_u8(out, 'n');
		default:
			return json_nested(walk, out, base + INTALIGN(child.start),
							   base + child.end);
	}
}

static inline char *
json_array(const JsonWalk *walk, char *out, const char *entries, uint32 n,
		   const char *end)
{
	const char *base = entries + n * sizeof(JEntry);
	uint32		start = 0;

	if (unlikely(base > end))
		payload_corrupt();
	for (uint32 i = 0; i < n; i++)
	{
		JsonChild	child = json_child(entries, i, start);

		check_child(base, &child, end);
		out = json_value(walk, out, base, child);
		start = child.end;
	}
	return out;
}

/* Where the last of n children ends. */
static inline uint32
json_end(const char *entries, uint32 n)
{
	uint32		end = 0;

	while (n-- > 0)
	{
		JEntry		entry = read_u32(entries + n * sizeof(JEntry));

		end += JBE_OFFLENFLD(entry);
		if (JBE_HAS_OFF(entry))
			break;
	}
	return end;
}

/* A member of an object whose key was converted to UTF-8. */
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

/*
 * The members of an object in another encoding than UTF-8, in which their
 * order may be another one as well.
 */
static char *
json_converted_object(const JsonWalk *walk, char *out, const char *keys,
					  uint32 n, const char *end)
{
	CanonicalBytes *bytes = walk->bytes;
	const char *values = keys + n * sizeof(JEntry);
	const char *base = values + n * sizeof(JEntry);
	JsonMember	   *members =
		palloc_extended(n * sizeof(JsonMember) + 1, MCXT_ALLOC_HUGE);
	JsonChild	key = {0};
	JsonChild	value = {0};

	value.end = json_end(keys, n);
	for (uint32 i = 0; i < n; i++)
	{
		key = json_child(keys, i, key.end);
		check_child(base, &key, end);
		value = json_child(values, i, value.end);
		check_child(base, &value, end);
		members[i].key = canonical_utf8(base + key.start, key.end - key.start,
										&members[i].length);
		members[i].value = value;
	}
	qsort(members, n, sizeof(JsonMember), compare_members);
	for (uint32 i = 0; i < n; i++)
	{
		bytes->length = out - bytes->data;
		canonical_reserve(bytes,
						  sizeof(uint32) + members[i].length + walk->rest);
		out = bytes->data + bytes->length;
		out = payload_string(out, members[i].key, members[i].length,
							 members[i].key);
		out = json_value(walk, out, base, members[i].value);
		pfree(members[i].key);
	}
	pfree(members);
	return out;
}

/* Members in jsonb's order, by length of the key and then its bytes; the
 * entries of all keys come before those of the values. */
static inline char *
json_object(const JsonWalk *walk, char *out, const char *keys, uint32 n,
			const char *end)
{
	const char *values = keys + n * sizeof(JEntry);
	const char *base = values + n * sizeof(JEntry);
	JsonChild	key = {0};
	JsonChild	value = {0};

	if (unlikely(base > end))
		payload_corrupt();
	if (unlikely(walk->bytes->convert))
		return json_converted_object(walk, out, keys, n, end);
	value.end = json_end(keys, n);
	for (uint32 i = 0; i < n; i++)
	{
		key = json_child(keys, i, key.end);
		check_child(base, &key, end);
		out = json_string(walk, out, base + key.start, key.end - key.start);
		value = json_child(values, i, value.end);
		check_child(base, &value, end);
		out = json_value(walk, out, base, value);
	}
	return out;
}

static char *
json_container(const JsonWalk *walk, char *out, const char *container,
			   const char *end)
{
	const char *entries = container + sizeof(uint32);
	uint32		header;

	if (unlikely(entries > end))
		payload_corrupt();
	header = read_u32(container);
	if (header & JB_FOBJECT)
	{
		out = payload_u8(out, '{');
		out = payload_u32(out, header & JB_CMASK);
		return json_object(walk, out, entries, header & JB_CMASK, end);
	}
	/* A scalar of its own is kept as an array of one. */
	if (!(header & JB_FSCALAR))
	{
		out = payload_u8(out, '[');
		out = payload_u32(out, header & JB_CMASK);
	}
	return json_array(walk, out, entries, header & JB_CMASK, end);
}

char *
payload_json(CanonicalBytes *bytes, char *out, const char *container,
			 Size size, Size rest, const char *limit)
{
	JsonWalk	walk = {bytes, rest, limit};

	return json_container(&walk, out, container, container + size);
}
