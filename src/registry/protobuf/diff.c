/*-------------------------------------------------------------------------
 *
 * diff.c
 *		Differences as Confluent's registry sees them, in both directions.
 *
 * The comparison runs twice: from old to new, whose incompatible differences
 * break BACKWARD, and from new to old, whose incompatible differences break
 * FORWARD and are reported by the kind that they are from old to new.
 *
 * Messages are matched by name without the package, fields by number.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

typedef enum Kind
{
	PACKAGE_CHANGED,
	MESSAGE_ADDED,
	MESSAGE_REMOVED,
	MESSAGE_MOVED,
	ENUM_ADDED,
	ENUM_REMOVED,
	ENUM_CONST_ADDED,
	ENUM_CONST_CHANGED,
	ENUM_CONST_REMOVED,
	FIELD_ADDED,
	FIELD_REMOVED,
	FIELD_NAME_CHANGED,
	FIELD_KIND_CHANGED,
	FIELD_SCALAR_KIND_CHANGED,
	FIELD_TYPE_CHANGED,
	FIELD_NAMED_TYPE_CHANGED,
	FIELD_NUMERIC_LABEL_CHANGED,
	FIELD_STRING_OR_BYTES_LABEL_CHANGED,
	FIELD_LABEL_CHANGED,
	REQUIRED_FIELD_ADDED,
	REQUIRED_FIELD_REMOVED,
	ONEOF_ADDED,
	ONEOF_REMOVED,
	ONEOF_FIELD_ADDED,
	ONEOF_FIELD_REMOVED,
	ONEOF_FIELD_MOVED_TO_TOP_LEVEL,
	MULTIPLE_FIELDS_MOVED_TO_ONEOF,
	FIELD_MOVED_TO_EXISTING_ONEOF,
	SERVICE_ADDED,
	RPC_ADDED,
	NKINDS
} Kind;

/* What a kind is called, what it is seen from the other side, what it says. */
static const struct
{
	const char *name;
	bool		compatible;
	Kind		mirror;
	const char *message;
} kinds[NKINDS] =
	{{"PACKAGE_CHANGED", false, PACKAGE_CHANGED, "package changed"},
	 {"MESSAGE_ADDED", true, MESSAGE_REMOVED, "message was added"},
	 {"MESSAGE_REMOVED", false, MESSAGE_ADDED, "message was removed"},
	 {"MESSAGE_MOVED", true, MESSAGE_MOVED,
	  "message stands at another position"},
	 {"ENUM_ADDED", true, ENUM_REMOVED, "enumeration was added"},
	 {"ENUM_REMOVED", true, ENUM_ADDED, "enumeration was removed"},
	 {"ENUM_CONST_ADDED", true, ENUM_CONST_REMOVED, "value was added"},
	 {"ENUM_CONST_CHANGED", true, ENUM_CONST_CHANGED, "name of value changed"},
	 {"ENUM_CONST_REMOVED", true, ENUM_CONST_ADDED, "value was removed"},
	 {"FIELD_ADDED", true, FIELD_REMOVED, "field was added"},
	 {"FIELD_REMOVED", true, FIELD_ADDED, "field was removed"},
	 {"FIELD_NAME_CHANGED", true, FIELD_NAME_CHANGED, "name of field changed"},
	 {"FIELD_KIND_CHANGED", false, FIELD_KIND_CHANGED,
	  "field changed between scalar, message, group and map"},
	 {"FIELD_SCALAR_KIND_CHANGED", false, FIELD_SCALAR_KIND_CHANGED,
	  "type changed to one that is encoded otherwise"},
	 {"FIELD_TYPE_CHANGED", true, FIELD_TYPE_CHANGED,
	  "type changed to one that is encoded alike"},
	 {"FIELD_NAMED_TYPE_CHANGED", false, FIELD_NAMED_TYPE_CHANGED,
	  "type changed to another message"},
	 {"FIELD_NUMERIC_LABEL_CHANGED", false, FIELD_NUMERIC_LABEL_CHANGED,
	  "field of numbers changed between one and many"},
	 {"FIELD_STRING_OR_BYTES_LABEL_CHANGED", true,
	  FIELD_STRING_OR_BYTES_LABEL_CHANGED,
	  "field of strings or bytes changed between one and many"},
	 {"FIELD_LABEL_CHANGED", true, FIELD_LABEL_CHANGED,
	  "field of messages changed between one and many"},
	 {"REQUIRED_FIELD_ADDED", false, REQUIRED_FIELD_REMOVED,
	  "field is required now"},
	 {"REQUIRED_FIELD_REMOVED", false, REQUIRED_FIELD_ADDED,
	  "field was required"},
	 {"ONEOF_ADDED", true, ONEOF_REMOVED, "oneof was added"},
	 {"ONEOF_REMOVED", true, ONEOF_ADDED, "oneof was removed"},
	 {"ONEOF_FIELD_ADDED", true, ONEOF_FIELD_REMOVED,
	  "field was added to the oneof"},
	 {"ONEOF_FIELD_REMOVED", false, ONEOF_FIELD_ADDED,
	  "field was removed from the oneof"},
	 {"ONEOF_FIELD_MOVED_TO_TOP_LEVEL", true, FIELD_MOVED_TO_EXISTING_ONEOF,
	  "field is in no oneof any more"},
	 {"MULTIPLE_FIELDS_MOVED_TO_ONEOF", false, ONEOF_REMOVED,
	  "several fields, which could all be set, are in one oneof"},
	 {"FIELD_MOVED_TO_EXISTING_ONEOF", false, ONEOF_FIELD_MOVED_TO_TOP_LEVEL,
	  "field was moved into a oneof that has others"},
	 {"SERVICE_ADDED", true, SERVICE_ADDED, "service was added"},
	 {"RPC_ADDED", true, RPC_ADDED, "method was added"}};

typedef struct Diff
{
	Engine	   *engine;
	SchemaDifferences *differences;
	bool		reverse;	/* from new to old */
	const Schema *from;
	const Schema *to;
	EngineMap  *found;		/* kind and path to difference */
	EngineMap  *compared;	/* pairs of messages that were met */
} Diff;

static void compare_messages(Diff *diff, const ProtoMessage *a,
							 const ProtoMessage *b);

/* ---- reporting ---- */

/* The path of a pair is that in the new schema, where it is there. */
static const char *
pair_path(const Diff *diff, const ProtoElement *a, const ProtoElement *b)
{
	const ProtoElement *first = diff->reverse ? a : b;

	if (first == NULL)
		first = diff->reverse ? b : a;
	return proto_path(diff->engine, first);
}

/* Remember a difference, or say of one that is known that it breaks more. */
static void
report(Diff *diff, Kind kind, const char *path, const char *before,
	   const char *after)
{
	Kind		seen = diff->reverse ? kinds[kind].mirror : kind;
	unsigned	breaks = diff->reverse ? BREAKS_FORWARD : BREAKS_BACKWARD;
	const char *key = engine_print(diff->engine, "%d %s", (int) seen, path);
	SchemaDifference *known = map_get(diff->found, key, strlen(key));
	const char *text = kinds[seen].message;

	if (kinds[kind].compatible)
		breaks = BREAKS_NOTHING;
	if (known != NULL)
	{
		known->breaks |= breaks;
		return;
	}
	if (diff->reverse && breaks == BREAKS_NOTHING)
		return;
	if (before == NULL || after == NULL)
		difference_add(diff->engine, diff->differences, kinds[seen].name,
					   breaks, path, "%s", text);
	else
		difference_add(diff->engine, diff->differences, kinds[seen].name,
					   breaks, path, "%s: %s to %s", text,
					   diff->reverse ? after : before,
					   diff->reverse ? before : after);
	map_set(diff->found, key, strlen(key), diff->differences->last);
}

static void
report_pair(Diff *diff, Kind kind, const ProtoElement *a,
			const ProtoElement *b)
{
	report(diff, kind, pair_path(diff, a, b), NULL, NULL);
}

/* ---- documentation and options, which data do not show ---- */

/* All options of an element as text. */
static const char *
options_text(Engine *engine, const ProtoElement *element)
{
	EngineText	text;

	text_begin(&text, engine);
	if (element->tree == NULL)
		return text.data;
	for (const ProtoSet *set = element->tree->sets; set != NULL;
		 set = set->next)
	{
		if (proto_is_idle(element, set))
			continue;
		for (const ProtoValue *value = set->first; value != NULL;
			 value = value->next)
		{
			text_print(&text, "%s = ", set->field->base.full);
			proto_print_value(&text, set->field, value);
			text_add_string(&text, ";");
		}
	}
	return text.data;
}

/* What two versions of a thing say beside what they are. */
static void
compare_words(Diff *diff, const ProtoElement *a, const ProtoElement *b)
{
	if (diff->reverse)
		return;
	if ((a->tree != NULL || b->tree != NULL) &&
		strcmp(options_text(diff->engine, a), options_text(diff->engine, b)) !=
			0)
		difference_add_text(diff->engine, diff->differences, "OPTIONS_CHANGED",
							pair_path(diff, a, b), "options changed");
	if (a->file->commented && b->file->commented &&
		!proto_same_text(a->comment, b->comment))
		difference_add_text(diff->engine, diff->differences, "COMMENT_CHANGED",
							pair_path(diff, a, b), "comment changed");
}

/* ---- types of fields ---- */

typedef enum FieldKind
{
	KIND_SCALAR,
	KIND_MESSAGE,
	KIND_GROUP,
	KIND_MAP
} FieldKind;

static FieldKind
field_kind(const ProtoField *field)
{
	if (field->is_map)
		return KIND_MAP;
	if (field->message == NULL)
		return KIND_SCALAR;
	return proto_wire_kind(field) == PROTO_TYPE_GROUP ? KIND_GROUP :
														KIND_MESSAGE;
}

/* Types of one class are encoded alike. */
static int
scalar_class(ProtoType type)
{
	switch (type)
	{
		case PROTO_TYPE_INT32:
		case PROTO_TYPE_INT64:
		case PROTO_TYPE_UINT32:
		case PROTO_TYPE_UINT64:
		case PROTO_TYPE_BOOL:
		case PROTO_TYPE_ENUM:
			return 1;
		case PROTO_TYPE_SINT32:
		case PROTO_TYPE_SINT64:
			return 2;
		case PROTO_TYPE_STRING:
		case PROTO_TYPE_BYTES:
			return 3;
		case PROTO_TYPE_FIXED32:
		case PROTO_TYPE_SFIXED32:
			return 4;
		case PROTO_TYPE_FIXED64:
		case PROTO_TYPE_SFIXED64:
			return 5;
		case PROTO_TYPE_FLOAT:
			return 6;
		default:
			return 7;
	}
}

/* A type's name without its package. */
static const char *
local_name(const ProtoElement *element)
{
	const char *package = element->file->package;

	return package == NULL ? element->full :
							 element->full + strlen(package) + 1;
}

static void
compare_message_types(Diff *diff, const ProtoField *a, const ProtoField *b,
					  const char *path)
{
	const ProtoElement *x = &a->message->base;
	const ProtoElement *y = &b->message->base;

	if (strcmp(local_name(x), local_name(y)) != 0)
		report(diff, FIELD_NAMED_TYPE_CHANGED, path, local_name(x),
			   local_name(y));
	else if (x->file != diff->from->root || y->file != diff->to->root)
		compare_messages(diff, a->message, b->message);
}

/* Compare two types; path is that of the field. */
static void
compare_types(Diff *diff, const ProtoField *a, const ProtoField *b,
			  const char *path)
{
	FieldKind	kind = field_kind(a);
	const char *before = proto_type_text(diff->engine, a);
	const char *after = proto_type_text(diff->engine, b);

	if (kind != field_kind(b))
		report(diff, FIELD_KIND_CHANGED, path, before, after);
	else if (kind == KIND_MAP)
	{
		compare_types(diff, a->message->fields[0], b->message->fields[0],
					  path);
		compare_types(diff, a->message->fields[1], b->message->fields[1],
					  path);
	}
	else if (kind != KIND_SCALAR)
		compare_message_types(diff, a, b, path);
	else if (scalar_class(a->type) != scalar_class(b->type))
		report(diff, FIELD_SCALAR_KIND_CHANGED, path, before, after);
	else if (strcmp(before, after) != 0)
		report(diff, FIELD_TYPE_CHANGED, path, before, after);
}

static void
compare_labels(Diff *diff, const ProtoField *a, const ProtoField *b,
			   const char *path)
{
	bool		many = a->label == PROTO_REPEATED;
	Kind		kind = FIELD_NUMERIC_LABEL_CHANGED;

	if (proto_is_required(a) != proto_is_required(b))
		report(diff,
			   proto_is_required(b) ? REQUIRED_FIELD_ADDED :
									  REQUIRED_FIELD_REMOVED,
			   path, NULL, NULL);
	if (many == (b->label == PROTO_REPEATED) || a->is_map || b->is_map)
		return;
	if (a->message != NULL)
		kind = FIELD_LABEL_CHANGED;
	else if (scalar_class(a->type) == 3)
		kind = FIELD_STRING_OR_BYTES_LABEL_CHANGED;
	report(diff, kind, path, many ? "many" : "one", many ? "one" : "many");
}

/* Compare two fields of one number. */
static void
compare_fields(Diff *diff, const ProtoField *a, const ProtoField *b)
{
	const char *path = pair_path(diff, &a->base, &b->base);

	engine_tick(diff->engine);
	compare_words(diff, &a->base, &b->base);
	if (strcmp(a->base.name, b->base.name) != 0)
		report(diff, FIELD_NAME_CHANGED, path, a->base.name, b->base.name);
	compare_labels(diff, a, b, path);
	compare_types(diff, a, b, path);
}

/* ---- oneofs ---- */

static ProtoOneof *
find_oneof(const ProtoMessage *message, const char *name)
{
	for (int i = 0; i < message->noneofs; i++)
	{
		if (strcmp(message->oneofs[i]->base.name, name) == 0)
			return message->oneofs[i];
	}
	return NULL;
}

/* Is a field in a oneof that the other version has, too? */
static bool
in_common_oneof(const ProtoField *field, const ProtoMessage *other)
{
	return field->oneof != NULL &&
		find_oneof(other, field->oneof->base.name) != NULL;
}

/*
 * How many fields of a oneof could be set together before?  Those of one
 * former oneof could not.
 */
static int
count_moved(const ProtoMessage *before, const ProtoOneof *oneof)
{
	const ProtoOneof *last = NULL;
	int			moved = 0;

	for (int i = 0; i < oneof->nfields; i++)
	{
		const ProtoField *field =
			proto_field(before, oneof->fields[i]->number);

		if (field == NULL || (field->oneof != NULL && field->oneof == last))
			continue;
		last = field->oneof;
		moved++;
	}
	return moved;
}

/* Fields that came into a oneof that was there, or went out of it. */
static void
compare_oneof_fields(Diff *diff, const ProtoMessage *a, const ProtoOneof *x,
					 const ProtoMessage *b, const ProtoOneof *y)
{
	for (int i = 0; i < x->nfields; i++)
	{
		const ProtoField *before = x->fields[i];
		const ProtoField *after = proto_field(b, before->number);

		if (after == NULL)
			report_pair(diff, ONEOF_FIELD_REMOVED, &before->base, NULL);
		else if (after->oneof == NULL)
			report_pair(diff, ONEOF_FIELD_MOVED_TO_TOP_LEVEL, &before->base,
						&after->base);
		else if (after->oneof != y)
			report_pair(diff, ONEOF_FIELD_REMOVED, &before->base,
						&after->base);
	}
	for (int i = 0; i < y->nfields; i++)
	{
		const ProtoField *after = y->fields[i];
		const ProtoField *before = proto_field(a, after->number);

		if (before == NULL)
			report_pair(diff, ONEOF_FIELD_ADDED, NULL, &after->base);
		else if (before->oneof != x)
			report_pair(diff, FIELD_MOVED_TO_EXISTING_ONEOF, &before->base,
						&after->base);
	}
}

static void
compare_oneofs(Diff *diff, const ProtoMessage *a, const ProtoMessage *b)
{
	for (int i = 0; i < a->noneofs; i++)
	{
		const ProtoOneof *x = a->oneofs[i];
		const ProtoOneof *y = find_oneof(b, x->base.name);

		if (y == NULL)
		{
			report_pair(diff, ONEOF_REMOVED, &x->base, NULL);
			continue;
		}
		compare_words(diff, &x->base, &y->base);
		compare_oneof_fields(diff, a, x, b, y);
	}
	for (int i = 0; i < b->noneofs; i++)
	{
		const ProtoOneof *y = b->oneofs[i];

		if (find_oneof(a, y->base.name) == NULL)
			report_pair(diff,
						count_moved(a, y) > 1 ?
							MULTIPLE_FIELDS_MOVED_TO_ONEOF :
							ONEOF_ADDED,
						NULL, &y->base);
	}
}

/* ---- enumerations ---- */

/* How many values from one on have its number? */
static int
count_aliases(const ProtoEnum *enumeration, int from)
{
	int			count = 1;

	while (from + count < enumeration->nvalues &&
		   enumeration->by_number[from + count]->number ==
			   enumeration->by_number[from]->number)
		count++;
	return count;
}

static void
report_values(Diff *diff, const ProtoEnum *enumeration, int from, int count,
			  bool added)
{
	for (int i = from; i < from + count; i++)
	{
		const ProtoElement *value = &enumeration->by_number[i]->base;

		report_pair(diff, added ? ENUM_CONST_ADDED : ENUM_CONST_REMOVED,
					added ? NULL : value, added ? value : NULL);
	}
}

/* Two values, or sets of aliases, of one number. */
static void
compare_values(Diff *diff, const ProtoEnum *a, int i, int na,
			   const ProtoEnum *b, int j, int nb)
{
	const ProtoElement *x = &a->by_number[i]->base;
	const ProtoElement *y = &b->by_number[j]->base;
	bool		same = na == nb;

	compare_words(diff, x, y);
	for (int k = 0; same && k < na; k++)
		same = strcmp(a->by_number[i + k]->base.name,
					  b->by_number[j + k]->base.name) == 0;
	if (!same)
		report(diff, ENUM_CONST_CHANGED, pair_path(diff, x, y), x->name,
			   y->name);
}

/* Values by their numbers, both lists in step. */
static void
compare_enums(Diff *diff, const ProtoEnum *a, const ProtoEnum *b)
{
	int			i = 0;
	int			j = 0;

	compare_words(diff, &a->base, &b->base);
	while (i < a->nvalues || j < b->nvalues)
	{
		int			na = i < a->nvalues ? count_aliases(a, i) : 0;
		int			nb = j < b->nvalues ? count_aliases(b, j) : 0;
		int64_t		x = na > 0 ? a->by_number[i]->number : INT64_MAX;
		int64_t		y = nb > 0 ? b->by_number[j]->number : INT64_MAX;

		engine_tick(diff->engine);
		if (x < y)
			report_values(diff, a, i, na, false);
		else if (y < x)
			report_values(diff, b, j, nb, true);
		else
			compare_values(diff, a, i, na, b, j, nb);
		i += x <= y ? na : 0;
		j += y <= x ? nb : 0;
	}
}

/* ---- messages ---- */

/* A field that only one of the versions has. */
static void
report_single(Diff *diff, const ProtoField *a, const ProtoField *b,
			  const ProtoMessage *other)
{
	const ProtoField *field = a != NULL ? a : b;
	const ProtoElement *x = a != NULL ? &a->base : NULL;
	const ProtoElement *y = b != NULL ? &b->base : NULL;

	if (proto_is_required(field))
		report_pair(diff,
					a != NULL ? REQUIRED_FIELD_REMOVED : REQUIRED_FIELD_ADDED,
					x, y);
	else if (!in_common_oneof(field, other))
		report_pair(diff, a != NULL ? FIELD_REMOVED : FIELD_ADDED, x, y);
}

/* Fields by their numbers, both lists in step. */
static void
compare_message_fields(Diff *diff, const ProtoMessage *a,
					   const ProtoMessage *b)
{
	int			i = 0;
	int			j = 0;

	while (i < a->nfields || j < b->nfields)
	{
		int64_t		x = i < a->nfields ? a->by_number[i]->number : INT64_MAX;
		int64_t		y = j < b->nfields ? b->by_number[j]->number : INT64_MAX;

		if (x < y)
			report_single(diff, a->by_number[i], NULL, b);
		else if (y < x)
			report_single(diff, NULL, b->by_number[j], a);
		else
			compare_fields(diff, a->by_number[i], b->by_number[j]);
		i += x <= y ? 1 : 0;
		j += y <= x ? 1 : 0;
	}
}

/* Messages, and enumerations, of one scope. */
typedef struct Scope
{
	ProtoMessage **messages;
	int			nmessages;
	ProtoEnum **enums;
	int			nenums;
} Scope;

/* Names to elements. */
static EngineMap *
map_elements(Engine *engine, void *array, int count)
{
	ProtoElement **elements = array;
	EngineMap  *map = map_new(engine);

	for (int i = 0; i < count; i++)
		map_set(map, elements[i]->name, strlen(elements[i]->name),
				elements[i]);
	return map;
}

static void
compare_scope_messages(Diff *diff, const Scope *a, const Scope *b)
{
	EngineMap  *in_a = map_elements(diff->engine, a->messages, a->nmessages);
	EngineMap  *in_b = map_elements(diff->engine, b->messages, b->nmessages);

	for (int i = 0; i < a->nmessages; i++)
	{
		const ProtoMessage *x = a->messages[i];
		const ProtoMessage *y =
			map_get(in_b, x->base.name, strlen(x->base.name));

		if (y == NULL)
		{
			report_pair(diff, MESSAGE_REMOVED, &x->base, NULL);
			continue;
		}
		if (x->position != y->position)
			report_pair(diff, MESSAGE_MOVED, &x->base, &y->base);
		compare_messages(diff, x, y);
	}
	for (int i = 0; i < b->nmessages; i++)
	{
		const ProtoElement *y = &b->messages[i]->base;

		if (map_get(in_a, y->name, strlen(y->name)) == NULL)
			report_pair(diff, MESSAGE_ADDED, NULL, y);
	}
}

static void
compare_scope_enums(Diff *diff, const Scope *a, const Scope *b)
{
	EngineMap  *in_a = map_elements(diff->engine, a->enums, a->nenums);
	EngineMap  *in_b = map_elements(diff->engine, b->enums, b->nenums);

	for (int i = 0; i < a->nenums; i++)
	{
		const ProtoElement *x = &a->enums[i]->base;
		const ProtoEnum *y = map_get(in_b, x->name, strlen(x->name));

		if (y == NULL)
			report_pair(diff, ENUM_REMOVED, x, NULL);
		else
			compare_enums(diff, a->enums[i], y);
	}
	for (int i = 0; i < b->nenums; i++)
	{
		const ProtoElement *y = &b->enums[i]->base;

		if (map_get(in_a, y->name, strlen(y->name)) == NULL)
			report_pair(diff, ENUM_ADDED, NULL, y);
	}
}

static Scope
message_scope(const ProtoMessage *message)
{
	Scope		scope;

	scope.messages = message->messages;
	scope.nmessages = message->nmessages;
	scope.enums = message->enums;
	scope.nenums = message->nenums;
	return scope;
}

static Scope
file_scope(const ProtoFile *file)
{
	Scope		scope;

	scope.messages = file->messages;
	scope.nmessages = file->nmessages;
	scope.enums = file->enums;
	scope.nenums = file->nenums;
	return scope;
}

/* Compare two messages, once: types may refer to one another. */
static void
compare_messages(Diff *diff, const ProtoMessage *a, const ProtoMessage *b)
{
	const char *key = engine_print(diff->engine, "%p %p", (const void *) a,
								   (const void *) b);
	SchemaPlace place = proto_place(&a->base);
	Scope		x = message_scope(a);
	Scope		y = message_scope(b);

	if (map_set(diff->compared, key, strlen(key), diff) != NULL)
		return;
	engine_tick(diff->engine);
	engine_down(diff->engine, &place);
	compare_words(diff, &a->base, &b->base);
	compare_message_fields(diff, a, b);
	compare_oneofs(diff, a, b);
	compare_scope_messages(diff, &x, &y);
	compare_scope_enums(diff, &x, &y);
	engine_up(diff->engine);
}

/* ---- extensions ---- */

typedef struct ExtensionWalk
{
	Diff	   *diff;
	EngineMap  *map;		/* extendee and number to field */
	ProtoField **fields;
	int			nfields;
} ExtensionWalk;

static void
add_extensions(ExtensionWalk *walk, ProtoField **fields, int nfields)
{
	Engine	   *engine = walk->diff->engine;

	for (int i = 0; i < nfields; i++)
	{
		const char *key = engine_print(engine, "%s %lld",
									   local_name(&fields[i]->parent->base),
									   (long long) fields[i]->number);

		map_set(walk->map, key, strlen(key), fields[i]);
		PROTO_APPEND(engine, walk->fields, walk->nfields, fields[i]);
	}
}

static void
walk_extensions(void *context, ProtoMessage *message)
{
	add_extensions(context, message->extensions, message->nextensions);
}

/* All extensions that a schema's own file declares. */
static ExtensionWalk
all_extensions(Diff *diff, const Schema *schema)
{
	ExtensionWalk walk = {0};

	walk.diff = diff;
	walk.map = map_new(diff->engine);
	add_extensions(&walk, schema->root->extensions, schema->root->nextensions);
	proto_each_message((Schema *) schema, schema->root, walk_extensions,
					   &walk);
	return walk;
}

/* The same extension in the other version. */
static const ProtoField *
same_extension(const ExtensionWalk *walk, const ProtoField *field)
{
	const char *key = engine_print(walk->diff->engine, "%s %lld",
								   local_name(&field->parent->base),
								   (long long) field->number);

	return map_get(walk->map, key, strlen(key));
}

static void
compare_extensions(Diff *diff)
{
	ExtensionWalk a = all_extensions(diff, diff->from);
	ExtensionWalk b = all_extensions(diff, diff->to);

	for (int i = 0; i < a.nfields; i++)
	{
		const ProtoField *after = same_extension(&b, a.fields[i]);

		if (after == NULL)
			report_pair(diff, FIELD_REMOVED, &a.fields[i]->base, NULL);
		else
			compare_fields(diff, a.fields[i], after);
	}
	for (int i = 0; i < b.nfields; i++)
	{
		if (same_extension(&a, b.fields[i]) == NULL)
			report_pair(diff, FIELD_ADDED, NULL, &b.fields[i]->base);
	}
}

/* ---- services: what they lose is for diff_buf.c ---- */

static void
compare_methods(Diff *diff, const ProtoService *a, const ProtoService *b)
{
	EngineMap  *before = map_elements(diff->engine, a->methods, a->nmethods);

	compare_words(diff, &a->base, &b->base);
	for (int i = 0; i < b->nmethods; i++)
	{
		const ProtoElement *y = &b->methods[i]->base;
		const ProtoElement *x = map_get(before, y->name, strlen(y->name));

		if (x == NULL)
			report_pair(diff, RPC_ADDED, NULL, y);
		else
			compare_words(diff, x, y);
	}
}

static void
compare_services(Diff *diff)
{
	const ProtoFile *a = diff->from->root;
	const ProtoFile *b = diff->to->root;
	EngineMap  *before = map_elements(diff->engine, a->services, a->nservices);

	for (int i = 0; i < b->nservices && !diff->reverse; i++)
	{
		const ProtoElement *y = &b->services[i]->base;
		const ProtoService *x = map_get(before, y->name, strlen(y->name));

		if (x == NULL)
			report_pair(diff, SERVICE_ADDED, NULL, y);
		else
			compare_methods(diff, x, b->services[i]);
	}
}

/* ---- names that must not come back ---- */

static bool
has_name(const char *const *names, int nnames, const char *name)
{
	for (int i = 0; i < nnames; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Both break either direction: they are against a promise, not against data. */
#define BREAKS_PROMISE (BREAKS_BACKWARD | BREAKS_FORWARD)

/* What the search for fields of reserved names needs. */
typedef struct ReservedWalk
{
	Diff	   *diff;
	const char *const *names;
	int			nnames;
} ReservedWalk;

/* A field's name, or its name with those of its messages, may be reserved. */
static void
find_reserved(void *context, ProtoMessage *message)
{
	ReservedWalk *walk = context;
	Engine	   *engine = walk->diff->engine;

	for (int i = 0; i < message->nfields && !message->is_map_entry; i++)
	{
		const ProtoElement *field = &message->fields[i]->base;

		if (has_name(walk->names, walk->nnames, field->name) ||
			has_name(walk->names, walk->nnames, local_name(field)) ||
			has_name(walk->names, walk->nnames, field->full))
			difference_add(engine, walk->diff->differences,
						   "RESERVED_FIELD_CONFLICTS_WITH_FIELD",
						   BREAKS_PROMISE, proto_path(engine, field),
						   "field has a name that the metadata reserve");
	}
}

/* Names that metadata reserve: none goes, no field has one. */
static void
compare_reserved(Diff *diff, const SchemaPolicy *policy)
{
	ReservedWalk walk;

	walk.diff = diff;
	walk.names = policy->reserved_new;
	walk.nnames = policy->nreserved_new;
	for (int i = 0; i < policy->nreserved_old; i++)
	{
		const char *name = policy->reserved_old[i];

		if (!has_name(walk.names, walk.nnames, name))
			difference_add(diff->engine, diff->differences,
						   "RESERVED_FIELD_REMOVED", BREAKS_PROMISE,
						   engine_print(diff->engine, "#%s", name),
						   "name is not reserved in the metadata any more");
	}
	if (walk.nnames > 0)
		proto_each_message((Schema *) diff->to, diff->to->root, find_reserved,
						   &walk);
}

/* ---- all of it ---- */

/* One direction. */
static void
compare(Diff *diff)
{
	const ProtoFile *a = diff->from->root;
	const ProtoFile *b = diff->to->root;
	Scope		x = file_scope(a);
	Scope		y = file_scope(b);

	diff->compared = map_new(diff->engine);
	compare_words(diff, &a->base, &b->base);
	if (!proto_same_text(a->package, b->package))
		report(diff, PACKAGE_CHANGED, "#",
			   a->package != NULL ? a->package : "none",
			   b->package != NULL ? b->package : "none");
	compare_scope_messages(diff, &x, &y);
	compare_scope_enums(diff, &x, &y);
	compare_extensions(diff);
	compare_services(diff);
}

void
proto_diff(Engine *engine, const Schema *old, const Schema *new,
		   const SchemaPolicy *policy, SchemaDifferences *differences)
{
	Diff		diff = {0};
	int			before = differences->count;

	diff.engine = engine;
	diff.differences = differences;
	diff.found = map_new(engine);
	diff.from = old;
	diff.to = new;
	compare(&diff);
	compare_reserved(&diff, policy);
	diff.reverse = true;
	diff.from = new;
	diff.to = old;
	compare(&diff);
	proto_diff_buf(engine, old, new, differences);
	if (differences->count == before &&
		strcmp(proto_canonical(engine, old), proto_canonical(engine, new)) !=
			0)
		difference_add_text(engine, differences, "TEXT_CHANGED", "#",
							"imports, reserved numbers or the like changed");
}
