/*-------------------------------------------------------------------------
 *
 * avro.c
 *		Fuzz target: an Avro schema, an older one, and what both refer to.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "registry/avro/avro.h"

/* The input, and the schemas in it. */
typedef struct Input
{
	FuzzPart	new;
	FuzzPart	old;
	SchemaReference reference;
	int			nreferences;
} Input;

static Schema *
parse(Engine *engine, const FuzzPart *part, const Input *input)
{
	return avro_format.parse(engine, part->text, part->length,
							 &input->reference, input->nreferences);
}

/*
 * In both forms all names are full; in a schema's text one without dots, inside
 * a type with a namespace, is in that namespace.  So such a form is no schema.
 */
static bool
names_are_ambiguous(const Schema *schema)
{
	bool		some = false,
				none = false;

	for (int i = 0; i < schema->nnamed; i++)
	{
		const AvroName *name = &schema->named[i]->name;

		some |= name->base != name->full;
		none |= name->base == name->full;
	}
	return some && none;
}

/* Both forms are schemas that have these forms themselves. */
static void
check_forms(Engine *engine, const Schema *schema)
{
	char	   *canonical = avro_format.canonical(engine, schema);
	char	   *identity = avro_format.identity(engine, schema);
	Schema	   *again;

	if (names_are_ambiguous(schema))
		return;
	again = avro_format.parse(engine, canonical, strlen(canonical), NULL, 0);
	must_hold(strcmp(avro_format.canonical(engine, again), canonical) == 0,
			  "the canonical form is its own");
	again = avro_format.parse(engine, identity, strlen(identity), NULL, 0);
	must_hold(strcmp(avro_format.identity(engine, again), identity) == 0,
			  "the identity form is its own");
	must_hold(strcmp(avro_format.canonical(engine, again), canonical) == 0,
			  "the identity form has the same canonical form");
}

/* Differences and verdicts agree. */
static void
check_pair(Engine *engine, const Schema *old, const Schema *new)
{
	const unsigned both = BREAKS_BACKWARD | BREAKS_FORWARD;
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaDifferences reverse = {NULL, NULL, 0};
	SchemaPolicy policy;
	unsigned	breaks,
				reversed;

	memset(&policy, 0, sizeof(policy));
	avro_format.diff(engine, old, new, &policy, &differences);
	avro_format.diff(engine, new, old, &policy, &reverse);
	breaks = breaks_of(&differences);
	reversed = breaks_of(&reverse);
	must_hold(breaks == avro_format.breaks(engine, old, new, &policy, both),
			  "differences say what the verdict says");
	must_hold(breaks == avro_format.breaks(engine,
										   avro_format.keep(engine, old),
										   avro_format.keep(engine, new),
										   &policy, both),
			  "what is kept of them gives the same verdict");
	must_hold(((breaks & BREAKS_BACKWARD) != 0) ==
			  ((reversed & BREAKS_FORWARD) != 0) &&
			  ((breaks & BREAKS_FORWARD) != 0) ==
			  ((reversed & BREAKS_BACKWARD) != 0),
			  "the reverse differences break the reverse");
}

static void
check_alone(Engine *engine, const Schema *schema)
{
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaLints lints = {NULL, NULL, 0};
	SchemaPolicy policy;

	memset(&policy, 0, sizeof(policy));
	avro_format.diff(engine, schema, schema, &policy, &differences);
	must_hold(differences.count == 0, "a schema does not differ from itself");
	avro_format.lint(engine, schema, &lints);
}

static void
work(Engine *engine, void *argument)
{
	const Input *input = argument;
	Schema	   *new = parse(engine, &input->new, input);
	Schema	   *old;

	check_forms(engine, new);
	check_alone(engine, new);
	old = parse(engine, &input->old, input);
	check_pair(engine, old, new);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzPart	rest = {(const char *) data, size},
				part;
	Input		input;

	memset(&input, 0, sizeof(input));
	input.new = next_part(&rest);
	input.old = next_part(&rest);
	part = next_part(&rest);
	input.nreferences = part.length > 0;
	input.reference.name = "other.avsc";
	input.reference.text = part.text;
	input.reference.length = part.length;
	(void) engine_alone_run(work, &input);
	return 0;
}
