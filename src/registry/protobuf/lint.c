/*-------------------------------------------------------------------------
 *
 * lint.c
 *		What could be better about a Protobuf schema that is valid.
 *
 * The rules are Buf's BASIC and STANDARD, which are warnings, and COMMENTS,
 * which are information, under Buf's names in lower case.  Rules about several
 * files and about where they lie are left out: a schema is one text.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

#include <string.h>

typedef struct Lint
{
	Engine	   *engine;
	const Schema *schema;
	SchemaLints *lints;
	EngineMap  *users;		/* message of a method to the methods using it */
} Lint;

static void
warn(Lint *lint, const char *rule, const ProtoElement *element,
	 const char *message)
{
	lint_add(lint->engine, lint->lints, rule, "warning",
			 proto_path(lint->engine, element), element->line, "%s", message);
}

/* A name should be another. */
static void
warn_name(Lint *lint, const char *rule, const ProtoElement *element,
		  const char *wanted)
{
	lint_add(lint->engine, lint->lints, rule, "warning",
			 proto_path(lint->engine, element), element->line,
			 "\"%s\" should be %s", element->name, wanted);
}

/* ---- how names are written ---- */

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static char
to_upper(char c)
{
	return is_lower(c) ? (char) (c - 'a' + 'A') : c;
}

static bool
is_pascal(const char *name)
{
	return is_upper(name[0]) && strchr(name, '_') == NULL;
}

/* Words of one case and digits, with single underscores between them. */
static bool
is_snake(const char *name, bool upper)
{
	for (size_t i = 0; name[i] != '\0'; i++)
	{
		if (upper ? is_lower(name[i]) : is_upper(name[i]))
			return false;
		if (name[i] == '_' &&
			(i == 0 || name[i + 1] == '_' || name[i + 1] == '\0'))
			return false;
	}
	return true;
}

/* some_name to SomeName. */
static const char *
pascal(Engine *engine, const char *name)
{
	char	   *made = engine_alloc(engine, strlen(name) + 1);
	char	   *to = made;
	bool		first = true;

	for (; *name != '\0'; name++)
	{
		if (*name != '_')
			*to++ = first ? to_upper(*name) : *name;
		first = *name == '_';
	}
	return made;
}

/* Does a new word begin at a letter? */
static bool
begins_word(const char *name, size_t at)
{
	return at > 0 && is_upper(name[at]) && name[at - 1] != '_' &&
		(is_lower(name[at - 1]) || is_lower(name[at + 1]));
}

/* SomeName to SOME_NAME_. */
static const char *
value_prefix(Engine *engine, const char *name)
{
	char	   *made = engine_alloc(engine, 2 * strlen(name) + 2);
	char	   *to = made;

	for (size_t i = 0; name[i] != '\0'; i++)
	{
		bool		gap = name[i] == '_' || begins_word(name, i);

		if (gap && to > made && to[-1] != '_')
			*to++ = '_';
		if (name[i] != '_')
			*to++ = to_upper(name[i]);
	}
	if (to > made && to[-1] != '_')
		*to++ = '_';
	return made;
}

/* ---- comments ---- */

static void
check_comment(Lint *lint, const char *rule, const ProtoElement *element)
{
	if (element->comment == NULL && element->file->commented)
		lint_add(lint->engine, lint->lints, rule, "info",
				 proto_path(lint->engine, element), element->line,
				 "\"%s\" has no comment", element->name);
}

/* ---- enumerations ---- */

static void
check_value(Lint *lint, const ProtoEnumValue *value, const char *prefix)
{
	const ProtoElement *base = &value->base;
	size_t		length = strlen(base->name);
	static const char suffix[] = "_UNSPECIFIED";
	size_t		suffix_length = sizeof(suffix) - 1;

	engine_tick(lint->engine);
	check_comment(lint, "comment_enum_value", base);
	if (!is_snake(base->name, true))
		warn_name(lint, "enum_value_upper_snake_case", base,
				  "in UPPER_SNAKE_CASE");
	if (strncmp(base->name, prefix, strlen(prefix)) != 0)
		warn_name(lint, "enum_value_prefix", base,
				  engine_print(lint->engine, "prefixed with \"%s\"", prefix));
	if (value->number == 0 &&
		(length < suffix_length ||
		 strcmp(base->name + length - suffix_length, suffix) != 0))
		warn_name(lint, "enum_zero_value_suffix", base,
				  "suffixed with \"_UNSPECIFIED\"");
}

/* Where the option allow_alias stands. */
static int
alias_line(const ProtoElement *element)
{
	for (const ProtoOption *option = element->options; option != NULL;
		 option = option->next)
	{
		if (strcmp(option->parts->name, "allow_alias") == 0)
			return option->line;
	}
	return element->line;
}

static void
check_enum(Lint *lint, const ProtoEnum *enumeration)
{
	const ProtoElement *base = &enumeration->base;
	const char *prefix = value_prefix(lint->engine, base->name);

	check_comment(lint, "comment_enum", base);
	if (!is_pascal(base->name))
		warn_name(lint, "enum_pascal_case", base, "in PascalCase");
	if (proto_option_true(base, "allow_alias"))
		lint_add(lint->engine, lint->lints, "enum_no_allow_alias", "warning",
				 proto_path(lint->engine, base), alias_line(base),
				 "values should have numbers of their own");
	if (enumeration->values[0]->number != 0)
		warn(lint, "enum_first_value_zero", &enumeration->values[0]->base,
			 "first value should be zero");
	for (int i = 0; i < enumeration->nvalues; i++)
		check_value(lint, enumeration->values[i], prefix);
}

/* ---- messages ---- */

static void
check_field(Lint *lint, const ProtoField *field)
{
	engine_tick(lint->engine);
	check_comment(lint, "comment_field", &field->base);
	if (!is_snake(field->base.name, false))
		warn_name(lint, "field_lower_snake_case", &field->base,
				  "in lower_snake_case");
	if (proto_is_required(field))
		warn(lint, "field_not_required", &field->base,
			 "field should not be required");
}

static void
check_message(void *context, ProtoMessage *message)
{
	Lint	   *lint = context;

	if (message->is_map_entry)
		return;
	check_comment(lint, "comment_message", &message->base);
	if (!is_pascal(message->base.name))
		warn_name(lint, "message_pascal_case", &message->base,
				  "in PascalCase");
	for (int i = 0; i < message->nfields; i++)
		check_field(lint, message->fields[i]);
	for (int i = 0; i < message->nextensions; i++)
		check_field(lint, message->extensions[i]);
	for (int i = 0; i < message->noneofs; i++)
	{
		const ProtoElement *oneof = &message->oneofs[i]->base;

		check_comment(lint, "comment_oneof", oneof);
		if (!is_snake(oneof->name, false))
			warn_name(lint, "oneof_lower_snake_case", oneof,
					  "in lower_snake_case");
	}
	for (int i = 0; i < message->nenums; i++)
		check_enum(lint, message->enums[i]);
}

/* ---- services ---- */

/* Methods that use a message: one of them, and whether there are more. */
typedef struct Users
{
	const ProtoMethod *method;
	bool		several;
} Users;

static Users *
users_of(Lint *lint, const ProtoMessage *message)
{
	return map_get(lint->users, message->base.full,
				   strlen(message->base.full));
}

static void
add_user(Lint *lint, const ProtoMethod *method, const ProtoMessage *message)
{
	Users	   *users = users_of(lint, message);

	if (users != NULL)
	{
		users->several = users->several || users->method != method;
		return;
	}
	users = engine_alloc(lint->engine, sizeof(Users));
	users->method = method;
	map_set(lint->users, message->base.full, strlen(message->base.full),
			users);
}

/* A message is that of one method only. */
static void
check_shared(Lint *lint, const ProtoMethod *method,
			 const ProtoMessage *message)
{
	if (users_of(lint, message)->several)
		warn(lint, "rpc_request_response_unique", &method->base,
			 engine_print(lint->engine,
						  "\"%s\" should be used by one method only",
						  message->base.full));
}

/* A method's message is called like the method. */
static void
check_method_type(Lint *lint, const ProtoMethod *method, const char *rule,
				  const ProtoMessage *message, const char *word)
{
	const char *name = pascal(lint->engine, method->base.name);
	const char *service = pascal(lint->engine, method->parent->base.name);
	const char *plain = engine_print(lint->engine, "%s%s", name, word);
	const char *longer =
		engine_print(lint->engine, "%s%s%s", service, name, word);

	if (strcmp(message->base.name, plain) != 0 &&
		strcmp(message->base.name, longer) != 0)
		lint_add(lint->engine, lint->lints, rule, "warning",
				 proto_path(lint->engine, &method->base), method->base.line,
				 "\"%s\" should be called \"%s\" or \"%s\"",
				 message->base.name, plain, longer);
}

static void
check_method(Lint *lint, const ProtoMethod *method)
{
	const ProtoElement *base = &method->base;

	engine_tick(lint->engine);
	check_comment(lint, "comment_rpc", base);
	if (!is_pascal(base->name))
		warn_name(lint, "rpc_pascal_case", base, "in PascalCase");
	check_method_type(lint, method, "rpc_request_standard_name", method->input,
					  "Request");
	check_method_type(lint, method, "rpc_response_standard_name",
					  method->output, "Response");
	check_shared(lint, method, method->input);
	if (method->input != method->output)
		check_shared(lint, method, method->output);
	else
		warn(lint, "rpc_request_response_unique", base,
			 "request and response should be two messages");
}

static void
check_service(Lint *lint, const ProtoService *service)
{
	const ProtoElement *base = &service->base;
	size_t		length = strlen(base->name);

	check_comment(lint, "comment_service", base);
	if (!is_pascal(base->name))
		warn_name(lint, "service_pascal_case", base, "in PascalCase");
	if (length < 7 || strcmp(base->name + length - 7, "Service") != 0)
		warn_name(lint, "service_suffix", base, "suffixed with \"Service\"");
	for (int i = 0; i < service->nmethods; i++)
		check_method(lint, service->methods[i]);
}

static void
check_services(Lint *lint, const ProtoFile *file)
{
	lint->users = map_new(lint->engine);
	for (int i = 0; i < file->nservices; i++)
	{
		for (int j = 0; j < file->services[i]->nmethods; j++)
		{
			const ProtoMethod *method = file->services[i]->methods[j];

			add_user(lint, method, method->input);
			add_user(lint, method, method->output);
		}
	}
	for (int i = 0; i < file->nservices; i++)
		check_service(lint, file->services[i]);
}

/* ---- the file ---- */

/* Over a number; false if there is none, or none above zero where needed. */
static bool
skip_number(const char **at, bool needed)
{
	bool		positive = false;
	size_t		digits = strspn(*at, "0123456789");

	for (size_t i = 0; i < digits; i++)
		positive = positive || (*at)[i] != '0';
	*at += digits;
	return positive || (digits == 0 && !needed);
}

static bool
skip_word(const char **at, const char *word)
{
	size_t		length = strlen(word);

	if (strncmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

/* Is it v1, v1test, v1beta2, v1p1alpha1 or the like? */
static bool
is_version(const char *at)
{
	if (!skip_word(&at, "v") || !skip_number(&at, true))
		return false;
	if (*at == '\0' || strncmp(at, "test", 4) == 0)
		return true;
	if (skip_word(&at, "p") && !skip_number(&at, true))
		return false;
	return (skip_word(&at, "alpha") || skip_word(&at, "beta")) &&
		skip_number(&at, false) && *at == '\0';
}

/* Are all parts of a package's name in lower_snake_case? */
static bool
is_snake_package(const char *package)
{
	for (size_t i = 0; package[i] != '\0'; i++)
	{
		bool edge = i == 0 || package[i - 1] == '.' || package[i + 1] == '.' ||
			package[i + 1] == '\0' || package[i + 1] == '_';

		if (is_upper(package[i]) || (package[i] == '_' && edge))
			return false;
	}
	return true;
}

static void
check_package(Lint *lint, const ProtoFile *file)
{
	const char *last;

	if (file->package == NULL)
	{
		lint_add(lint->engine, lint->lints, "package_defined", "warning", "#",
				 file->base.line, "file should have a package");
		return;
	}
	last = strrchr(file->package, '.');
	if (!is_snake_package(file->package))
		lint_add(lint->engine, lint->lints, "package_lower_snake_case",
				 "warning", proto_path(lint->engine, &file->base),
				 file->package_line,
				 "package \"%s\" should be in lower_snake.case",
				 file->package);
	if (last == NULL || !is_version(last + 1))
		lint_add(lint->engine, lint->lints, "package_version_suffix",
				 "warning", proto_path(lint->engine, &file->base),
				 file->package_line,
				 "package \"%s\" should end with a version such as \"v1\"",
				 file->package);
}

static void
check_imports(Lint *lint, const ProtoFile *file)
{
	for (int i = 0; i < file->nimports; i++)
	{
		const ProtoImport *import = file->imports[i];

		if (import->is_public)
			lint_add(lint->engine, lint->lints, "import_no_public", "warning",
					 proto_path(lint->engine, &file->base), import->line,
					 "import \"%s\" should not be public", import->name);
		else if (!import->used)
			lint_add(lint->engine, lint->lints, "import_used", "warning",
					 proto_path(lint->engine, &file->base), import->line,
					 "import \"%s\" is not used", import->name);
	}
}

void
proto_lint(Engine *engine, const Schema *schema, SchemaLints *lints)
{
	const ProtoFile *file = schema->root;
	Lint		lint = {0};

	lint.engine = engine;
	lint.schema = schema;
	lint.lints = lints;
	if (!file->syntax_given && !file->from_wire)
		warn(&lint, "syntax_specified", &file->base,
			 "file should say its syntax");
	check_package(&lint, file);
	check_imports(&lint, file);
	for (int i = 0; i < file->nenums; i++)
		check_enum(&lint, file->enums[i]);
	proto_each_message((Schema *) schema, file, check_message, &lint);
	for (int i = 0; i < file->nextensions; i++)
		check_field(&lint, file->extensions[i]);
	check_services(&lint, file);
}
