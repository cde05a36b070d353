/*-------------------------------------------------------------------------
 *
 * formats.c
 *		The schema formats by their names.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/format.h"

#include <strings.h>

static const SchemaFormat *const formats[] = {
	&avro_format, &protobuf_format, &json_schema_format, &table_format,
	NULL /* the end */
};

const SchemaFormat *
format_find(const char *name)
{
	for (int i = 0; formats[i] != NULL; i++)
		if (strcasecmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

char *
format_identity(Engine *engine, const SchemaFormat *format,
				const Schema *schema)
{
	if (format->identity != NULL)
		return format->identity(engine, schema);
	return format->canonical(engine, schema);
}

unsigned
format_breaks(Engine *engine, const SchemaFormat *format, const Schema *old,
			  const Schema *new, const SchemaPolicy *policy, unsigned wanted)
{
	SchemaDifferences differences = {NULL, NULL, 0};
	unsigned	breaks = BREAKS_NOTHING;

	if (format->breaks != NULL)
		return format->breaks(engine, old, new, policy, wanted);
	format->diff(engine, old, new, policy, &differences);
	for (const SchemaDifference *d = differences.first; d != NULL; d = d->next)
		breaks |= d->breaks;
	return breaks & wanted;
}
