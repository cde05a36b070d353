/*-------------------------------------------------------------------------
 *
 * assemble.c
 *		Walking two documents side by side, and assembling a document out of
 *		parts of others.
 *
 * A jsonb container holds nothing but lengths, so the bytes of a nested one
 * are the same wherever they stand on a 4-byte boundary.  An object is
 * therefore assembled by copying the bytes of its members, however large,
 * instead of rebuilding their trees node by node.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"
#include "utils/fmgrprotos.h"

/* ---- pairs ---- */

/* The order of keys in a jsonb object: by length, then by bytes. */
static int
compare_keys(const JsonbValue *a, const JsonbValue *b)
{
	if (a->val.string.len != b->val.string.len)
		return a->val.string.len < b->val.string.len ? -1 : 1;
	return memcmp(a->val.string.val, b->val.string.val, a->val.string.len);
}

/* Load the next member of one side. */
static void
advance(PairSide *side)
{
	side->live =
		side->live && jb_next_member(&side->cursor, &side->key, &side->value);
}

/* Start one side; no object, no members. */
static void
start_side(PairSide *side, const JsonbContainer *obj)
{
	side->live = obj != NULL && JsonContainerIsObject(obj);
	if (side->live)
		jb_walk(&side->cursor, obj);
	advance(side);
}

/* Start a walk over the members of two objects; either may be NULL. */
void
pairs_begin(Pairs *pairs, const JsonbContainer *before,
			const JsonbContainer *after)
{
	start_side(&pairs->left, before);
	start_side(&pairs->right, after);
}

/*
 * The next member that either object has: pairs->key, and before and after,
 * one of which is NULL where that object lacks it.
 */
bool
pairs_next(Pairs *pairs)
{
	PairSide   *left = &pairs->left;
	PairSide   *right = &pairs->right;
	int			order;

	if (!left->live && !right->live)
		return false;

	if (left->live && right->live)
		order = compare_keys(&left->key, &right->key);
	else
		order = left->live ? -1 : 1;

	pairs->key = order <= 0 ? left->key : right->key;
	pairs->before = NULL;
	pairs->after = NULL;
	if (order <= 0)
	{
		pairs->before_value = left->value;
		pairs->before = &pairs->before_value;
		advance(left);
	}
	if (order >= 0)
	{
		pairs->after_value = right->value;
		pairs->after = &pairs->after_value;
		advance(right);
	}
	return true;
}

/* Is the key just that word? */
bool
key_is(const JsonbValue *key, const char *word)
{
	size_t		len = strlen(word);

	return (size_t) key->val.string.len == len &&
		memcmp(key->val.string.val, word, len) == 0;
}

/* The container of an object value; NULL for NULL and for all else. */
const JsonbContainer *
value_object(const JsonbValue *value)
{
	return value != NULL && jb_is_object(value) ? value->val.binary.data :
												  NULL;
}

/*
 * Do two values say the same?  Most equal values are the same bytes; what
 * differs there may still be the same number with another scale.
 */
bool
values_equal(const JsonbValue *a, const JsonbValue *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->type != b->type)
		return false;
	if (jb_same(a, b))
		return true;
	if (a->type == jbvBinary)
		return compareJsonbContainers(a->val.binary.data,
									  b->val.binary.data) == 0;
	if (a->type == jbvNumeric)
		return DatumGetBool(
			DirectFunctionCall2(numeric_eq, NumericGetDatum(a->val.numeric),
								NumericGetDatum(b->val.numeric)));
	return false;
}

/* ---- objects ---- */

/* Start an object without members. */
void
assembly_begin(Assembly *object)
{
	object->count = 0;
	object->room = 16;
	object->members = palloc(object->room * sizeof(AssemblyMember));
}

/*
 * Add a member.  Keys must come in jsonb's order; neither text nor bytes are
 * copied before assembly_end.
 */
void
assembly_add(Assembly *object, const JsonbValue *key, const JsonbValue *value)
{
	AssemblyMember *member;

	if (object->count == object->room)
	{
		object->room *= 2;
		object->members =
			repalloc(object->members, object->room * sizeof(AssemblyMember));
	}
	member = &object->members[object->count++];
	Assert(object->count == 1 || compare_keys(&member[-1].key, key) < 0);
	member->key = *key;
	member->value = *value;
}

/* The bytes that a value takes behind the entries, without padding. */
static size_t
value_size(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return value->val.string.len;
		case jbvNumeric:
			return VARSIZE_ANY(value->val.numeric);
		case jbvBinary:
			return value->val.binary.len;
		default:
			return 0;
	}
}

/* The type bits of a value's entry. */
static JEntry
value_type(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return JENTRY_ISSTRING;
		case jbvNumeric:
			return JENTRY_ISNUMERIC;
		case jbvBool:
			return value->val.boolean ? JENTRY_ISBOOL_TRUE :
										JENTRY_ISBOOL_FALSE;
		case jbvBinary:
			return JENTRY_ISCONTAINER;
		default:
			return JENTRY_ISNULL;
	}
}

/* Where a value's bytes stand. */
static const void *
value_bytes(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return value->val.string.val;
		case jbvNumeric:
			return value->val.numeric;
		case jbvBinary:
			return value->val.binary.data;
		default:
			return NULL;
	}
}

/* The most bytes that the object's container may take. */
static size_t
size_limit(const Assembly *object)
{
	size_t		size = sizeof(uint32) + object->count * 2 * sizeof(JEntry);

	for (int i = 0; i < object->count; i++)
		size += object->members[i].key.val.string.len +
			value_size(&object->members[i].value) + sizeof(uint32);
	if (size > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("document is too large"),
				 errdetail("A jsonb object holds at most %u bytes.",
						   JENTRY_OFFLENMASK)));
	return size;
}

/* A container being written: its entries, and the bytes behind them. */
typedef struct ContainerWriter
{
	JEntry	   *entries; /* one per key, then one per value */
	int			entry;	 /* the next one to write */
	char	   *bytes;	 /* start of what the entries speak of */
	uint32		used;	 /* bytes written there */
} ContainerWriter;

/* Write one key or value; every JB_OFFSET_STRIDE'th entry has an offset. */
static void
write_value(ContainerWriter *writer, const JsonbValue *value)
{
	JEntry		type = value_type(value);
	size_t		size = value_size(value);
	uint32		start = writer->used;

	if (type == JENTRY_ISNUMERIC || type == JENTRY_ISCONTAINER)
	{
		while (writer->used != INTALIGN(writer->used))
			writer->bytes[writer->used++] = '\0';
	}
	if (size > 0)
		memcpy(writer->bytes + writer->used, value_bytes(value), size);
	writer->used += size;

	writer->entries[writer->entry] = writer->entry % JB_OFFSET_STRIDE == 0 ?
		(type | JENTRY_HAS_OFF | writer->used) :
		(type | (writer->used - start));
	writer->entry++;
}

/* Write the container of the object; returns its length. */
static uint32
write_container(const Assembly *object, JsonbContainer *container)
{
	ContainerWriter writer;

	container->header = object->count | JB_FOBJECT;
	writer.entries = container->children;
	writer.entry = 0;
	writer.bytes = (char *) (container->children + object->count * 2);
	writer.used = 0;
	for (int i = 0; i < object->count; i++)
		write_value(&writer, &object->members[i].key);
	for (int i = 0; i < object->count; i++)
		write_value(&writer, &object->members[i].value);
	return (writer.bytes + writer.used) - (char *) container;
}

/* The finished object as a document. */
Jsonb *
assembly_document(Assembly *object)
{
	Jsonb	   *document = palloc(VARHDRSZ + size_limit(object));
	uint32		len = write_container(object, &document->root);

	SET_VARSIZE(document, VARHDRSZ + len);
	pfree(object->members);
	return document;
}

/* The finished object as a value, to be a member of another. */
JsonbValue
assembly_value(Assembly *object)
{
	return document_value(assembly_document(object));
}

/* A whole document as a value that points into it. */
JsonbValue
document_value(const Jsonb *document)
{
	JsonbValue	value;

	value.type = jbvBinary;
	value.val.binary.data = unconstify(JsonbContainer *, &document->root);
	value.val.binary.len = VARSIZE(document) - VARHDRSZ;
	return value;
}

/* A value as a document of its own; NULL for NULL. */
Jsonb *
value_document(const JsonbValue *value)
{
	Jsonb	   *document;

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary)
		return JsonbValueToJsonb(unconstify(JsonbValue *, value));

	document = palloc(VARHDRSZ + value->val.binary.len);
	SET_VARSIZE(document, VARHDRSZ + value->val.binary.len);
	memcpy(&document->root, value->val.binary.data, value->val.binary.len);
	return document;
}

/* A string as a value that points to it. */
JsonbValue
text_value(const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	return value;
}

/* The document that says nothing. */
Jsonb *
document_empty(void)
{
	Assembly	object;
	JsonbValue	kind_key = text_value("kind");
	JsonbValue	kind = text_value("DataSpine");
	JsonbValue	version_key = text_value("apiVersion");
	JsonbValue	version = text_value("spine/v1");

	assembly_begin(&object);
	assembly_add(&object, &kind_key, &kind);
	assembly_add(&object, &version_key, &version);
	return assembly_document(&object);
}
