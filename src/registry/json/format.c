/*-------------------------------------------------------------------------
 *
 * format.c
 *		JSON Schema as a format of the registry.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json/json_schema.h"

const SchemaFormat json_schema_format = {
	.name = "JSON",
	.parse = js_parse,
	.canonical = js_canonical,
	.identity = js_identity,
	.diff = js_diff,
	.breaks = js_verdict,
	.lint = js_lint,
};
