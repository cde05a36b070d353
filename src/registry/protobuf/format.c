/*-------------------------------------------------------------------------
 *
 * format.c
 *		Protobuf as a format of the registry.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/protobuf/proto.h"

/* Parse, link and check a schema with all that it imports. */
static Schema *
parse(Engine *engine, const char *text, size_t length,
	  const SchemaReference *references, int nreferences)
{
	Schema	   *schema = engine_alloc(engine, sizeof(Schema));

	if (length > ENGINE_MOST_BYTES)
		engine_fail(engine, NULL, "text is longer than %d bytes",
					ENGINE_MOST_BYTES);
	schema->engine = engine;
	schema->references = references;
	schema->nreferences = nreferences;
	schema->names = map_new(engine);
	schema->symbols = map_new(engine);
	schema->extensions = map_new(engine);
	if (proto_is_base64(text, length))
		schema->root = proto_parse_wire(schema, text, length, NULL);
	else
		schema->root = proto_parse_text(schema, text, length, NULL);
	proto_link(schema);
	proto_options(schema);
	proto_features(schema);
	proto_check(schema);
	return schema;
}

const SchemaFormat protobuf_format = {.name = "PROTOBUF",
									  .parse = parse,
									  .canonical = proto_canonical,
									  .diff = proto_diff,
									  .lint = proto_lint};
