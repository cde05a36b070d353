/*-------------------------------------------------------------------------
 *
 * proto.h
 *		Protobuf schemas in memory, and the parts that work on them.
 *
 * A schema is a set of files: the one that was given, and all that it imports.
 * parse.c (from text) and wire.c (from a serialised descriptor) build the same
 * tree; link.c then resolves what names mean, option.c what options say, and
 * check.c refuses what the language forbids.  After that nothing changes any
 * more, and canonical.c, diff*.c and lint.c only read.
 *
 * Includes no header of the server: see registry/engine.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_PROTOBUF_PROTO_H
#define REGISTRY_PROTOBUF_PROTO_H

#include "registry/format.h"

/* Field numbers go from 1 to this. */
#define PROTO_MOST_NUMBER 536870911

/* All qualified names of a schema together may have so many bytes. */
#define PROTO_MOST_NAME_BYTES (128 * 1024 * 1024)

typedef struct ProtoFile ProtoFile;
typedef struct ProtoMessage ProtoMessage;
typedef struct ProtoField ProtoField;
typedef struct ProtoOneof ProtoOneof;
typedef struct ProtoEnum ProtoEnum;
typedef struct ProtoEnumValue ProtoEnumValue;
typedef struct ProtoService ProtoService;
typedef struct ProtoMethod ProtoMethod;
typedef struct ProtoTree ProtoTree;

/* The languages; an edition is not a syntax, but where it stands is. */
typedef enum ProtoSyntax
{
	PROTO_2,
	PROTO_3,
	PROTO_EDITION_2023
} ProtoSyntax;

/* What a symbol is. */
typedef enum ProtoKind
{
	PROTO_PACKAGE,
	PROTO_FILE,
	PROTO_MESSAGE,
	PROTO_FIELD,
	PROTO_ONEOF,
	PROTO_ENUM,
	PROTO_ENUM_VALUE,
	PROTO_SERVICE,
	PROTO_METHOD,
	PROTO_RANGE				/* an extension range, which has options only */
} ProtoKind;

/* Types of fields, by their numbers in descriptor.proto. */
typedef enum ProtoType
{
	PROTO_TYPE_NAMED = 0,	/* not resolved yet */
	PROTO_TYPE_DOUBLE,
	PROTO_TYPE_FLOAT,
	PROTO_TYPE_INT64,
	PROTO_TYPE_UINT64,
	PROTO_TYPE_INT32,
	PROTO_TYPE_FIXED64,
	PROTO_TYPE_FIXED32,
	PROTO_TYPE_BOOL,
	PROTO_TYPE_STRING,
	PROTO_TYPE_GROUP,
	PROTO_TYPE_MESSAGE,
	PROTO_TYPE_BYTES,
	PROTO_TYPE_UINT32,
	PROTO_TYPE_ENUM,
	PROTO_TYPE_SFIXED32,
	PROTO_TYPE_SFIXED64,
	PROTO_TYPE_SINT32,
	PROTO_TYPE_SINT64
} ProtoType;

/* Labels, by their numbers in descriptor.proto. */
typedef enum ProtoLabel
{
	PROTO_NO_LABEL,			/* none given; optional once linked */
	PROTO_OPTIONAL,
	PROTO_REQUIRED,
	PROTO_REPEATED
} ProtoLabel;

/* Features, by the numbers of their values in FeatureSet. */
typedef struct ProtoFeatures
{
	unsigned char presence; /* explicit, implicit, legacy required */
	unsigned char enum_type;	/* open, closed */
	unsigned char repeated; /* packed, expanded */
	unsigned char utf8;		/* 2: verify, 3: none */
	unsigned char message;	/* length prefixed, delimited */
	unsigned char json;		/* allow, legacy best effort */
} ProtoFeatures;

#define PROTO_PRESENCE_EXPLICIT 1
#define PROTO_PRESENCE_IMPLICIT 2
#define PROTO_PRESENCE_REQUIRED 3
#define PROTO_ENUM_OPEN 1
#define PROTO_ENUM_CLOSED 2
#define PROTO_REPEATED_PACKED 1
#define PROTO_REPEATED_EXPANDED 2
#define PROTO_UTF8_VERIFY 2
#define PROTO_UTF8_NONE 3
#define PROTO_LENGTH_PREFIXED 1
#define PROTO_DELIMITED 2
#define PROTO_JSON_ALLOW 1
#define PROTO_JSON_LEGACY 2

/* ---- options as written ---- */

typedef enum ProtoLiteralKind
{
	LITERAL_NAME,			/* a word: true, SPEED, inf */
	LITERAL_INTEGER,
	LITERAL_FLOAT,
	LITERAL_STRING,
	LITERAL_MESSAGE,		/* { name: value ... } */
	LITERAL_LIST			/* [value, ...], only within a message */
} ProtoLiteralKind;

typedef struct ProtoLiteral ProtoLiteral;

struct ProtoLiteral
{
	ProtoLiteralKind kind;
	int			line;		/* where it begins */
	int			column;
	bool		negative;	/* a minus stood before it */
	uint64_t	integer;
	double		number;
	const char *text;		/* word or string; may hold NULs */
	size_t		length;
	ProtoLiteral *first;	/* list: its elements; message: its values */
	ProtoLiteral *last;
	ProtoLiteral *next;		/* sibling */
	const char *name;		/* within a message: the field's name */
	bool		bracketed;	/* the name stood in brackets: an extension */
};

typedef struct ProtoOptionPart
{
	const char *name;		/* as written, maybe with a leading dot */
	bool		extension;	/* it stood in parentheses */
	struct ProtoOptionPart *next;
} ProtoOptionPart;

/* One option statement. */
typedef struct ProtoOption
{
	ProtoOptionPart *parts;
	ProtoLiteral *value;
	int			line;
	int			column;
	struct ProtoOption *next;
} ProtoOption;

/* ---- options as understood: messages of descriptor.proto ---- */

typedef struct ProtoValue
{
	uint64_t	integer;	/* integers, booleans, enumerations' numbers */
	double		number;		/* float and double */
	const char *text;		/* string and bytes */
	size_t		length;
	ProtoTree  *tree;		/* message and group */
	struct ProtoValue *next;	/* the next of a repeated field */
} ProtoValue;

/* A field that is set. */
typedef struct ProtoSet
{
	const ProtoField *field;
	ProtoValue *first;
	ProtoValue *last;
	struct ProtoSet *next;	/* of a higher number */
} ProtoSet;

/* A message's value: the fields that are set, by number. */
struct ProtoTree
{
	const ProtoMessage *type;
	ProtoSet   *sets;
};

/* ---- what files declare ---- */

/* What all that is declared has in common. */
typedef struct ProtoElement
{
	ProtoKind	kind;
	const char *name;
	const char *full;		/* qualified, without a leading dot */
	ProtoFile  *file;
	int			line;		/* of the name; 0 in descriptors */
	int			column;
	const char *comment;	/* the one before it, without marks; or NULL */
	ProtoOption *options;	/* as written */
	ProtoOption *last_option;
	const unsigned char *options_wire;	/* as serialised */
	size_t		options_wire_length;
	ProtoTree  *tree;		/* as understood; NULL: none */
	ProtoFeatures features; /* resolved */
	const ProtoFeatures *around;	/* those that it would have by itself */
} ProtoElement;

/* Numbers from first to last, both included. */
typedef struct ProtoRange
{
	ProtoElement base;
	int64_t		first;
	int64_t		last;
} ProtoRange;

typedef struct ProtoReservedName
{
	const char *name;
	int			line;
	int			column;
} ProtoReservedName;

struct ProtoField
{
	ProtoElement base;
	ProtoLabel	label;
	bool		proto3_optional;
	ProtoType	type;
	const char *type_name;	/* as written; NULL for scalars and groups */
	ProtoMessage *message;	/* of type message or group */
	ProtoEnum  *enumeration;	/* of type enum */
	int64_t		number;
	int			number_line;
	int			number_column;
	ProtoOneof *oneof;		/* that it belongs to */
	bool		is_map;		/* message is then an entry of its own */
	bool		extension;
	const char *extendee;	/* as written */
	ProtoMessage *scope;	/* where it is declared; NULL: top of the file */
	ProtoMessage *parent;	/* what it is a field of */
	const char *json_name;	/* given, else derived from the name */
	bool		json_name_given;
	ProtoLiteral *default_literal;	/* as written */
	const char *default_text;	/* as in a descriptor */
	ProtoValue *default_value;	/* as understood; NULL: none */
};

struct ProtoOneof
{
	ProtoElement base;
	ProtoMessage *parent;
	ProtoField **fields;
	int			nfields;
};

struct ProtoEnumValue
{
	ProtoElement base;
	ProtoEnum  *parent;
	int64_t		number;
};

struct ProtoEnum
{
	ProtoElement base;
	ProtoMessage *parent;	/* NULL: top of the file */
	ProtoEnumValue **values;
	int			nvalues;
	ProtoEnumValue **by_number; /* the same, sorted; stable */
	ProtoRange **reserved;
	int			nreserved;
	ProtoReservedName **reserved_names;
	int			nreserved_names;
};

struct ProtoMessage
{
	ProtoElement base;
	ProtoMessage *parent;	/* NULL: top of the file */
	int			position;	/* among the messages that it stands with */
	bool		is_group;
	bool		is_map_entry;
	ProtoField **fields;	/* also those of oneofs */
	int			nfields;
	ProtoField **by_number; /* the same, sorted */
	ProtoOneof **oneofs;
	int			noneofs;
	ProtoMessage **messages;	/* nested, also groups; not map entries */
	int			nmessages;
	ProtoEnum **enums;
	int			nenums;
	ProtoField **extensions;	/* declared here, for whomever */
	int			nextensions;
	ProtoRange **ranges;	/* of extensions */
	int			nranges;
	ProtoRange **reserved;
	int			nreserved;
	ProtoReservedName **reserved_names;
	int			nreserved_names;
};

struct ProtoMethod
{
	ProtoElement base;
	ProtoService *parent;
	const char *input_name; /* as written */
	const char *output_name;
	ProtoMessage *input;
	ProtoMessage *output;
	bool		client_streaming;
	bool		server_streaming;
};

struct ProtoService
{
	ProtoElement base;
	ProtoMethod **methods;
	int			nmethods;
};

typedef struct ProtoImport
{
	const char *name;
	bool		is_public;
	bool		is_weak;
	bool		used;		/* something of it is referred to */
	int			line;
	int			column;
	ProtoFile  *file;
} ProtoImport;

struct ProtoFile
{
	ProtoElement base;		/* full: the package */
	const char *reference;	/* NULL: the schema itself */
	bool		built_in;
	bool		from_wire;	/* serialised, so without positions */
	bool		commented;	/* comments are known */
	ProtoSyntax syntax;
	bool		syntax_given;
	const char *package;	/* NULL: none */
	int			package_line;
	ProtoImport **imports;
	int			nimports;
	ProtoMessage **messages;
	int			nmessages;
	ProtoEnum **enums;
	int			nenums;
	ProtoService **services;
	int			nservices;
	ProtoField **extensions;
	int			nextensions;
	ProtoFile **published;	/* itself, and what its public imports publish */
	int			npublished;
	ProtoFile **visible;	/* itself, and what its imports publish */
	int			nvisible;
	bool		reading;	/* its imports are being read: seen again, a cycle */
};

/* A parsed schema. */
struct Schema
{
	Engine	   *engine;
	ProtoFile  *root;
	ProtoFile **files;		/* each after what it imports */
	int			nfiles;
	EngineMap  *names;		/* of files */
	EngineMap  *symbols;	/* qualified names to elements */
	EngineMap  *extensions; /* "extendee number" to field */
	const SchemaReference *references;
	int			nreferences;
	size_t		name_bytes; /* of qualified names so far */
	bool		has_options;	/* some element has some */
};

/* ---- in model.c: making and finding elements ---- */

/* One more at the end of an array; the array is moved as it grows. */
#define PROTO_APPEND(engine, array, count, element)                           \
	((array) = proto_grow(engine, array, count, sizeof(*(array))),            \
	 (array)[(count)++] = (element))

extern void *proto_grow(Engine *engine, void *array, int count, size_t size);
/* Fill in what an element is; scope is NULL or "" at the top. */
extern void proto_name(Schema *schema, ProtoElement *element, ProtoKind kind,
					   ProtoFile *file, const char *scope, const char *name);
extern SchemaPlace proto_place(const ProtoElement *element);
/* "#" and the qualified name. */
extern const char *proto_path(Engine *engine, const ProtoElement *element);
extern const char *proto_json_name(Engine *engine, const char *name);
/* The name of a map field's entry: some_field to SomeFieldEntry. */
extern const char *proto_entry_name(Engine *engine, const char *field);
extern const char *proto_group_field(Engine *engine, const char *group);
/* A map field's entry with its key and value. */
extern ProtoMessage *proto_map_entry(Schema *schema, ProtoField *field,
									 const char *scope, ProtoType key,
									 ProtoType value, const char *value_name);
extern ProtoField *proto_field(const ProtoMessage *message, int64_t number);
extern ProtoField	*proto_field_named(const ProtoMessage *message,
									   const char *name, size_t length);
extern const char *proto_type_word(ProtoType type);
/* PROTO_TYPE_NAMED if it is no scalar's name. */
extern ProtoType proto_scalar(const char *name, size_t length);
/* A field's type as one says it: "int32", ".a.B", "map<string, .a.B>". */
extern const char *proto_type_text(Engine *engine, const ProtoField *field);
extern bool proto_is_packable(ProtoType type);
/* Does a value equal the default of its field? */
extern bool proto_is_default(const ProtoField *field, const ProtoValue *value);
extern bool proto_same_value(const ProtoField *field, const ProtoValue *a,
							 const ProtoValue *b);
/* Are two texts equal, or both absent? */
extern bool proto_same_text(const char *a, const char *b);
extern bool proto_is_identifier(const char *name);
/* A copy of an array of elements, sorted by name. */
extern void *proto_by_name(Engine *engine, void *array, int count);
/* Call a function for each message of a file, outer before inner. */
typedef void (*ProtoVisit)(void *context, ProtoMessage *message);
extern void proto_each_message(Schema *schema, const ProtoFile *file,
							   ProtoVisit visit, void *context);

/* ---- in lex.c ---- */

typedef enum ProtoTokenKind
{
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_INTEGER,
	TOKEN_FLOAT,
	TOKEN_STRING,
	TOKEN_SYMBOL
} ProtoTokenKind;

typedef struct ProtoToken
{
	ProtoTokenKind kind;
	const char *start;
	size_t		length;
	int			line;
	int			column;
	const char *comment;	/* the one that stands before it; NULL: none */
	size_t		comment_length;
} ProtoToken;

typedef struct ProtoLexer
{
	Engine	   *engine;
	const char *reference;	/* whose text it is */
	const char *at;
	const char *end;
	const char *line_start;
	int			line;
	int			last_line;	/* of the last token's end; 0: none yet */
	ProtoToken	token;		/* the current one */
} ProtoLexer;

extern void lex_begin(ProtoLexer *lexer, Engine *engine, const char *text,
					  size_t length, const char *reference);
extern void lex_next(ProtoLexer *lexer);
extern void lex_fail(const ProtoLexer *lexer, const char *format, ...)
	ENGINE_PRINTF(2, 3) ENGINE_NORETURN;
extern bool lex_is(const ProtoLexer *lexer, const char *text);
/* The value of the current integer token; false if beyond 64 bits. */
extern bool lex_integer(const ProtoLexer *lexer, uint64_t *value);
extern double lex_number(const ProtoLexer *lexer);
/* Append what the current string token stands for. */
extern void lex_string(const ProtoLexer *lexer, EngineText *text);
/* A comment without its marks, NULL if nothing is left. */
extern const char *lex_comment(Engine *engine, const char *comment,
							   size_t length);

/* ---- in parse.c and wire.c: one file ---- */

extern ProtoFile *proto_parse_text(Schema *schema, const char *text,
								   size_t length, const char *reference);
/* Does a text look like base64 of a descriptor? */
extern bool proto_is_base64(const char *text, size_t length);
extern ProtoFile *proto_parse_wire(Schema *schema, const char *text,
								   size_t length, const char *reference);

/* Walking over serialised fields. */
typedef struct WireField
{
	uint64_t	number;
	int			type;		/* 0 varint, 1 64 bit, 2 bytes, 3 group, 5 32 bit */
	uint64_t	value;		/* varint and fixed */
	const unsigned char *data;	/* bytes, or a group's inside */
	size_t		length;
} WireField;

typedef struct WireReader
{
	Engine	   *engine;
	const SchemaPlace *place;
	const unsigned char *at;
	const unsigned char *end;
} WireReader;

extern bool wire_next(WireReader *reader, WireField *field);
/* A number of a wire type: 0, 1 or 5. */
extern uint64_t wire_scalar(WireReader *reader, int type);

/* ---- in builtin.c ---- */

/* The text of a file that everybody has; NULL: there is no such file. */
extern const char *proto_builtin(const char *name);

/* ---- in link.c ---- */

/* Read what the root imports, and resolve all names. */
extern void proto_link(Schema *schema);
extern void proto_load(Schema *schema, const char *name);
/* What a name means within a scope of a file; NULL if nothing. */
extern ProtoElement *proto_resolve(Schema *schema, ProtoFile *file,
								   const char *scope, const char *name,
								   bool types_only);
extern ProtoField	*proto_extension(const Schema		*schema,
									 const ProtoMessage *message,
									 int64_t			 number);
extern void proto_used(ProtoFile *file, const ProtoElement *element);

/* ---- in option.c, tree.c and feature.c ---- */

extern void proto_options(Schema *schema);
/* The value of an option by its name, NULL if it is not set. */
extern const ProtoValue *proto_option(const ProtoElement *element,
									  const char *name);
extern bool proto_option_true(const ProtoElement *element, const char *name);
extern ProtoTree *tree_new(Engine *engine, const ProtoMessage *type);
/* A field of a tree, made if it is not there. */
extern ProtoSet	  *tree_set(Engine *engine, ProtoTree *tree,
							const ProtoField *field);
extern ProtoSet *tree_get(const ProtoTree *tree, const ProtoField *field);
extern ProtoValue *tree_add(Engine *engine, ProtoSet *set);
/* Set or add a field's value as it is written. */
extern void tree_read(Schema *schema, ProtoElement *owner, ProtoTree *tree,
					  const ProtoField *field, const ProtoLiteral *literal);
extern void tree_read_scalar(Schema *schema, ProtoElement *owner,
							 const ProtoField *field,
							 const ProtoLiteral *literal, ProtoValue *value);
/* Refuse what lacks required fields, or has two members of a oneof. */
extern void tree_check(Schema *schema, ProtoElement *owner,
					   const ProtoTree *tree);
/* Set fields from serialised bytes. */
extern void tree_decode(Schema *schema, ProtoElement *owner, ProtoTree *tree,
						const unsigned char *data, size_t length);
/* Features of all elements, from options and from what they inherit. */
extern void proto_features(Schema *schema);
extern bool proto_is_required(const ProtoField *field);
/* Does a field tell an unset value from the default? */
extern bool proto_has_presence(const ProtoField *field);
extern bool proto_is_packed(const ProtoField *field);
/* Its type; groups in editions are messages with a feature. */
extern ProtoType proto_wire_kind(const ProtoField *field);

/* ---- in check.c and names.c ---- */

extern void proto_check(Schema *schema);
extern void proto_check_json_names(Schema *schema,
								   const ProtoMessage *message);
extern void proto_check_enum_names(Schema *schema,
								   const ProtoEnum *enumeration);

/* ---- in canonical.c ---- */

extern char *proto_canonical(Engine *engine, const Schema *schema);
/* A value as it is written in options. */
extern void proto_print_value(EngineText *text, const ProtoField *field,
							  const ProtoValue *value);
/* Is a field set to what it would be anyway? */
extern bool proto_is_idle(const ProtoElement *element, const ProtoSet *set);
/* ---- in diff.c, diff_buf.c, lint.c ---- */

extern void proto_diff(Engine *engine, const Schema *old, const Schema *new,
					   const SchemaPolicy *policy,
					   SchemaDifferences *differences);
extern void proto_diff_buf(Engine *engine, const Schema *old,
						   const Schema *new, SchemaDifferences *differences);
extern void proto_lint(Engine *engine, const Schema *schema,
					   SchemaLints *lints);

#endif /* REGISTRY_PROTOBUF_PROTO_H */
