/*-------------------------------------------------------------------------
 *
 * link.c
 *		Files to a schema: imports are read, names resolved.
 *
 * An import is looked for among the references first, then among the built-in
 * files.  Names resolve as in protoc: the innermost scope that knows the first
 * part of a name decides, and only what the file imports is seen.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <stdlib.h>
#include <string.h>

#define DESCRIPTOR "google/protobuf/descriptor.proto"

static void load_imports(Schema *schema, ProtoFile *file);

/* ---- files ---- */

static SchemaPlace
import_place(const ProtoFile *file, const ProtoImport *import)
{
	SchemaPlace place = {0};

	place.line = import->line;
	place.column = import->column;
	place.path = import->name;
	place.reference = file->reference;
	return place;
}

/* Parse a reference, or a built-in file; NULL if there is none so called. */
static ProtoFile *
find_file(Schema *schema, const char *name)
{
	const char *text;
	ProtoFile  *file;

	for (int i = 0; i < schema->nreferences; i++)
	{
		const SchemaReference *reference = &schema->references[i];

		if (strcmp(reference->name, name) != 0)
			continue;
		if (proto_is_base64(reference->text, reference->length))
			return proto_parse_wire(schema, reference->text, reference->length,
									reference->name);
		return proto_parse_text(schema, reference->text, reference->length,
								reference->name);
	}
	text = proto_builtin(name);
	if (text == NULL)
		return NULL;
	file = proto_parse_text(schema, text, strlen(text),
							engine_copy(schema->engine, name, strlen(name)));
	file->built_in = true;
	return file;
}

/* Read a file and what it imports, once. */
static ProtoFile *
load_file(Schema *schema, const char *name)
{
	ProtoFile  *file = map_get(schema->names, name, strlen(name));

	if (file != NULL)
		return file;
	file = find_file(schema, name);
	if (file == NULL)
		return NULL;
	map_set(schema->names, name, strlen(name), file);
	load_imports(schema, file);
	return file;
}

static void
load_import(Schema *schema, ProtoFile *file, ProtoImport *import)
{
	SchemaPlace place = import_place(file, import);

	import->file = load_file(schema, import->name);
	if (import->file == NULL)
		engine_fail(schema->engine, &place,
					"import \"%s\" is neither among the references nor built "
					"in",
					import->name);
	if (import->file->reading)
		engine_fail(schema->engine, &place, "import \"%s\" imports itself",
					import->name);
}

/* Read what a file imports; then it takes its place behind all of that. */
static void
load_imports(Schema *schema, ProtoFile *file)
{
	SchemaPlace place = {0};
	EngineMap  *seen = map_new(schema->engine);

	place.reference = file->reference;
	engine_down(schema->engine, &place);
	file->reading = true;
	for (int i = 0; i < file->nimports; i++)
	{
		ProtoImport *import = file->imports[i];

		if (map_set(seen, import->name, strlen(import->name), import) != NULL)
		{
			place = import_place(file, import);
			engine_fail(schema->engine, &place, "import \"%s\" is there twice",
						import->name);
		}
		load_import(schema, file, import);
	}
	file->reading = false;
	engine_up(schema->engine);
	PROTO_APPEND(schema->engine, schema->files, schema->nfiles, file);
}

void
proto_load(Schema *schema, const char *name)
{
	(void) load_file(schema, name);
}

/* Add files to a list, each once. */
static void
add_files(Engine *engine, ProtoFile ***list, int *count, ProtoFile **more,
		  int nmore)
{
	for (int i = 0; i < nmore; i++)
	{
		int			j = 0;

		while (j < *count && (*list)[j] != more[i])
			j++;
		if (j == *count)
			PROTO_APPEND(engine, *list, *count, more[i]);
	}
}

/* What a file publishes and what it sees; its imports have theirs. */
static void
collect_visible(Engine *engine, ProtoFile *file)
{
	PROTO_APPEND(engine, file->published, file->npublished, file);
	PROTO_APPEND(engine, file->visible, file->nvisible, file);
	for (int i = 0; i < file->nimports; i++)
	{
		const ProtoImport *import = file->imports[i];

		engine_tick(engine);
		add_files(engine, &file->visible, &file->nvisible,
				  import->file->published, import->file->npublished);
		if (import->is_public)
			add_files(engine, &file->published, &file->npublished,
					  import->file->published, import->file->npublished);
	}
}

/* An element of this file is used: so are the imports that publish it. */
void
proto_used(ProtoFile *file, const ProtoElement *element)
{
	if (element->file == file)
		return;
	for (int i = 0; i < file->nimports; i++)
	{
		ProtoImport *import = file->imports[i];

		for (int j = 0; !import->used && j < import->file->npublished; j++)
			import->used = import->file->published[j] == element->file;
	}
}

/* ---- symbols ---- */

static const char *
kind_word(ProtoKind kind)
{
	static const char *const words[] = {"a package",
										"a file",
										"a message",
										"a field",
										"a oneof",
										"an enumeration",
										"a value of an enumeration",
										"a service",
										"a method",
										"a range"};

	return words[kind];
}

static void
add_symbol(Schema *schema, ProtoElement *element)
{
	ProtoElement *before = map_set(schema->symbols, element->full,
								   strlen(element->full), element);
	SchemaPlace place = proto_place(element);

	if (before == NULL ||
		(before->kind == PROTO_PACKAGE && element->kind == PROTO_PACKAGE))
		return;
	if (before->line > 0)
		engine_fail(schema->engine, &place,
					"\"%s\" is defined already, as %s in line %d%s%s",
					element->full, kind_word(before->kind), before->line,
					before->file->reference != NULL ? " of " : "",
					before->file->reference != NULL ? before->file->reference :
													  "");
	engine_fail(schema->engine, &place, "\"%s\" is defined already, as %s",
				element->full, kind_word(before->kind));
}

/* Each part of a package's name is a symbol. */
static void
add_package(Schema *schema, ProtoFile *file)
{
	const char *package = file->package;

	for (const char *at = package; at != NULL && *at != '\0'; at++)
	{
		ProtoElement *element;

		at += strcspn(at, ".");
		element = engine_alloc(schema->engine, sizeof(ProtoElement));
		element->kind = PROTO_PACKAGE;
		element->file = file;
		element->line = file->package_line;
		element->column = 1;
		element->full =
			engine_copy(schema->engine, package, (size_t) (at - package));
		element->name = element->full;
		add_symbol(schema, element);
		if (*at == '\0')
			break;
	}
}

static void
add_enum(Schema *schema, ProtoEnum *enumeration)
{
	add_symbol(schema, &enumeration->base);
	for (int i = 0; i < enumeration->nvalues; i++)
		add_symbol(schema, &enumeration->values[i]->base);
}

static int
compare_fields(const void *a, const void *b)
{
	int64_t		x = (*(ProtoField *const *) a)->number;
	int64_t		y = (*(ProtoField *const *) b)->number;

	return (x > y) - (x < y);
}

/* By number, and those of one number by name. */
static int
compare_values(const void *a, const void *b)
{
	const ProtoEnumValue *x = *(ProtoEnumValue *const *) a;
	const ProtoEnumValue *y = *(ProtoEnumValue *const *) b;

	if (x->number != y->number)
		return (x->number > y->number) - (x->number < y->number);
	return strcmp(x->base.name, y->base.name);
}

static void
sort_values(Schema *schema, ProtoEnum *enumeration)
{
	size_t		size = sizeof(ProtoEnumValue *) * (size_t) enumeration->nvalues;

	if (size == 0)
		return;
	enumeration->by_number = engine_alloc(schema->engine, size);
	memcpy(enumeration->by_number, enumeration->values, size);
	qsort(enumeration->by_number, (size_t) enumeration->nvalues,
		  sizeof(ProtoEnumValue *), compare_values);
}

/* All symbols of a message, but for those of the messages within. */
static void
add_message(void *context, ProtoMessage *message)
{
	Schema	   *schema = context;
	size_t		size = sizeof(ProtoField *) * (size_t) message->nfields;

	add_symbol(schema, &message->base);
	for (int i = 0; i < message->nmessages; i++)
		message->messages[i]->position = i;
	for (int i = 0; i < message->nfields; i++)
		add_symbol(schema, &message->fields[i]->base);
	for (int i = 0; i < message->noneofs; i++)
		add_symbol(schema, &message->oneofs[i]->base);
	for (int i = 0; i < message->nextensions; i++)
		add_symbol(schema, &message->extensions[i]->base);
	for (int i = 0; i < message->nenums; i++)
	{
		add_enum(schema, message->enums[i]);
		sort_values(schema, message->enums[i]);
	}
	if (size == 0)
		return;
	message->by_number = engine_alloc(schema->engine, size);
	memcpy(message->by_number, message->fields, size);
	qsort(message->by_number, (size_t) message->nfields, sizeof(ProtoField *),
		  compare_fields);
}

static void
add_file(Schema *schema, ProtoFile *file)
{
	add_package(schema, file);
	for (int i = 0; i < file->nmessages; i++)
		file->messages[i]->position = i;
	proto_each_message(schema, file, add_message, schema);
	for (int i = 0; i < file->nenums; i++)
	{
		add_enum(schema, file->enums[i]);
		sort_values(schema, file->enums[i]);
	}
	for (int i = 0; i < file->nextensions; i++)
		add_symbol(schema, &file->extensions[i]->base);
	for (int i = 0; i < file->nservices; i++)
	{
		ProtoService *service = file->services[i];

		add_symbol(schema, &service->base);
		for (int j = 0; j < service->nmethods; j++)
			add_symbol(schema, &service->methods[j]->base);
	}
}

/* ---- what names mean ---- */

/* Does a package's name begin with these parts? */
static bool
package_has(const char *package, const char *prefix, size_t length)
{
	return package != NULL && strncmp(package, prefix, length) == 0 &&
		(package[length] == '.' || package[length] == '\0');
}

/* Does a file see an element? */
static bool
is_visible(const ProtoFile *file, const ProtoElement *element)
{
	for (int i = 0; i < file->nvisible; i++)
	{
		const ProtoFile *seen = file->visible[i];

		if (element->kind == PROTO_PACKAGE ?
				package_has(seen->package, element->full,
							strlen(element->full)) :
				seen == element->file)
			return true;
	}
	return false;
}

static ProtoElement *
find_visible(Schema *schema, ProtoFile *file, const char *name, size_t length)
{
	ProtoElement *element = map_get(schema->symbols, name, length);

	return element != NULL && is_visible(file, element) ? element : NULL;
}

static bool
is_type(const ProtoElement *element)
{
	return element->kind == PROTO_MESSAGE || element->kind == PROTO_ENUM;
}

/* May names stand within it? */
static bool
is_scope(const ProtoElement *element)
{
	return is_type(element) || element->kind == PROTO_PACKAGE ||
		element->kind == PROTO_SERVICE;
}

ProtoElement *
proto_resolve(Schema *schema, ProtoFile *file, const char *scope,
			  const char *name, bool types_only)
{
	size_t		length = scope != NULL ? strlen(scope) : 0;
	size_t		name_length = strlen(name);
	size_t		first = strcspn(name, ".");
	char	   *candidate;

	if (name[0] == '.')
		return find_visible(schema, file, name + 1, name_length - 1);
	candidate = engine_alloc(schema->engine, length + name_length + 2);
	for (;;)
	{
		size_t		at = length > 0 ? length + 1 : 0;
		ProtoElement *element;

		engine_tick(schema->engine);
		if (length > 0)
		{
			memcpy(candidate, scope, length);
			candidate[length] = '.';
		}
		memcpy(candidate + at, name, name_length);
		element = find_visible(schema, file, candidate, at + first);
		if (element != NULL && first == name_length &&
			(!types_only || is_type(element)))
			return element;
		if (element != NULL && first < name_length && is_scope(element))
			return find_visible(schema, file, candidate, at + name_length);
		if (length == 0)
			return NULL;
		while (length > 0 && scope[length - 1] != '.')
			length--;
		if (length > 0)
			length--;
	}
}

/* Say why a name means nothing here. */
static void
fail_unknown(Schema *schema, ProtoElement *owner, const char *name)
{
	SchemaPlace place = proto_place(owner);
	const char *bare = name[0] == '.' ? name + 1 : name;
	const ProtoElement *hidden = map_get(schema->symbols, bare, strlen(bare));

	if (hidden != NULL && is_type(hidden) && !is_visible(owner->file, hidden))
		engine_fail(schema->engine, &place,
					"\"%s\" is defined in a file that is not imported", name);
	engine_fail(schema->engine, &place, "\"%s\" is not defined", name);
}

/*
 * The type of a name, or an error.  Things that are no types are passed over
 * on the way out for types of fields only, as protoc does it.
 */
static ProtoElement *
resolve_type(Schema *schema, ProtoElement *owner, const char *scope,
			 const char *name, bool types_only)
{
	ProtoElement *element =
		proto_resolve(schema, owner->file, scope, name, types_only);
	SchemaPlace place = proto_place(owner);

	if (element == NULL)
		fail_unknown(schema, owner, name);
	if (!is_type(element))
		engine_fail(schema->engine, &place, "\"%s\" is %s and no type", name,
					kind_word(element->kind));
	if (element->kind == PROTO_MESSAGE &&
		((const ProtoMessage *) element)->is_map_entry)
		engine_fail(schema->engine, &place, "\"%s\" is the entry of a map",
					name);
	proto_used(owner->file, element);
	return element;
}

static ProtoMessage *
resolve_message(Schema *schema, ProtoElement *owner, const char *scope,
				const char *name)
{
	ProtoElement *element = resolve_type(schema, owner, scope, name, false);
	SchemaPlace place = proto_place(owner);

	if (element->kind != PROTO_MESSAGE)
		engine_fail(schema->engine, &place, "\"%s\" is no message", name);
	return (ProtoMessage *) element;
}

/* Find a field's type. */
static void
link_field(Schema *schema, ProtoField *field, const char *scope)
{
	ProtoElement *type;
	SchemaPlace place = proto_place(&field->base);

	engine_tick(schema->engine);
	if (field->label == PROTO_NO_LABEL)
		field->label = PROTO_OPTIONAL;
	if (field->json_name == NULL)
		field->json_name = proto_json_name(schema->engine, field->base.name);
	if (field->type_name == NULL)
		return;
	type = resolve_type(schema, &field->base, scope, field->type_name, true);
	if (type->kind == PROTO_MESSAGE)
	{
		if (field->type == PROTO_TYPE_ENUM)
			engine_fail(schema->engine, &place, "\"%s\" is no enumeration",
						field->type_name);
		field->message = (ProtoMessage *) type;
		if (field->type != PROTO_TYPE_GROUP)
			field->type = PROTO_TYPE_MESSAGE;
		return;
	}
	if (field->type != PROTO_TYPE_NAMED && field->type != PROTO_TYPE_ENUM)
		engine_fail(schema->engine, &place, "\"%s\" is no message",
					field->type_name);
	field->enumeration = (ProtoEnum *) type;
	field->type = PROTO_TYPE_ENUM;
}

/* Find the type of an extension, and what it extends. */
static void
link_extension(Schema *schema, ProtoField *field, const char *scope)
{
	const char *key;
	ProtoField *before;
	SchemaPlace place = proto_place(&field->base);

	link_field(schema, field, scope);
	field->parent =
		resolve_message(schema, &field->base, scope, field->extendee);
	key = engine_print(schema->engine, "%s %lld", field->parent->base.full,
					   (long long) field->number);
	before = map_set(schema->extensions, key, strlen(key), field);
	if (before != NULL)
		engine_fail(schema->engine, &place,
					"extension number %lld of \"%s\" is used by \"%s\" "
					"already",
					(long long) field->number, field->parent->base.full,
					before->base.full);
}

static void
link_message(void *context, ProtoMessage *message)
{
	Schema	   *schema = context;

	for (int i = 0; i < message->nfields; i++)
		link_field(schema, message->fields[i], message->base.full);
	for (int i = 0; i < message->nextensions; i++)
		link_extension(schema, message->extensions[i], message->base.full);
}

static void
link_service(Schema *schema, ProtoService *service)
{
	for (int i = 0; i < service->nmethods; i++)
	{
		ProtoMethod *method = service->methods[i];

		method->input =
			resolve_message(schema, &method->base, service->base.full,
							method->input_name);
		method->output =
			resolve_message(schema, &method->base, service->base.full,
							method->output_name);
	}
}

static void
link_file(Schema *schema, ProtoFile *file)
{
	proto_each_message(schema, file, link_message, schema);
	for (int i = 0; i < file->nextensions; i++)
		link_extension(schema, file->extensions[i], file->package);
	for (int i = 0; i < file->nservices; i++)
		link_service(schema, file->services[i]);
}

/* The extension of a message that has a number; NULL: there is none. */
ProtoField *
proto_extension(const Schema *schema, const ProtoMessage *message,
				int64_t number)
{
	const char *key = engine_print(schema->engine, "%s %lld",
								   message->base.full, (long long) number);

	return map_get(schema->extensions, key, strlen(key));
}

/* Is descriptor.proto, or something that stands for it, among the files? */
static bool
has_descriptor(const Schema *schema)
{
	for (int i = 0; i < schema->nfiles; i++)
	{
		const ProtoFile *file = schema->files[i];

		if (!proto_same_text(file->package, "google.protobuf"))
			continue;
		for (int j = 0; j < file->nmessages; j++)
		{
			if (strcmp(file->messages[j]->base.name, "FileOptions") == 0)
				return true;
		}
	}
	return false;
}

void
proto_link(Schema *schema)
{
	load_imports(schema, schema->root);
	if (schema->has_options && !has_descriptor(schema))
		proto_load(schema, DESCRIPTOR);
	for (int i = 0; i < schema->nfiles; i++)
	{
		collect_visible(schema->engine, schema->files[i]);
		add_file(schema, schema->files[i]);
	}
	for (int i = 0; i < schema->nfiles; i++)
		link_file(schema, schema->files[i]);
}
