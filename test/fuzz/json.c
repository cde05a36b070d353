/*-------------------------------------------------------------------------
 *
 * json.c
 *		Fuzz target: a JSON Schema, an older one, and what both refer to.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "registry/json/json_schema.h"

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
	return json_schema_format.parse(engine, part->text, part->length,
							 &input->reference, input->nreferences);
}

/* Both forms are schemas that have these forms themselves. */
static void
check_forms(Engine *engine, const Schema *schema, const Input *input)
{
	FuzzPart	part;
	Schema	   *again;

	part.text = json_schema_format.canonical(engine, schema);
	part.length = strlen(part.text);
	/* References may lead into what is not schema, and forms sort that. */
	if (strstr(part.text, "$ref") != NULL ||
		strstr(part.text, "Ref\"") != NULL)
		return;
	again = parse(engine, &part, input);
	must_hold(strcmp(json_schema_format.canonical(engine, again), part.text) ==
				  0,
			  "the canonical form is its own");
	part.text = json_schema_format.identity(engine, schema);
	part.length = strlen(part.text);
	again = parse(engine, &part, input);
	must_hold(strcmp(json_schema_format.identity(engine, again), part.text) ==
				  0,
			  "the identity form is its own");
}

/* Differences and verdicts agree. */
static void
check_pair(Engine *engine, const Schema *old, const Schema *new, bool lenient)
{
	const unsigned both = BREAKS_BACKWARD | BREAKS_FORWARD;
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaDifferences reverse = {NULL, NULL, 0};
	SchemaPolicy policy;
	unsigned	breaks,
				reversed;

	memset(&policy, 0, sizeof(policy));
	policy.lenient = lenient;
	json_schema_format.diff(engine, old, new, &policy, &differences);
	json_schema_format.diff(engine, new, old, &policy, &reverse);
	breaks = breaks_of(&differences);
	reversed = breaks_of(&reverse);
	must_hold(breaks == json_schema_format.breaks(engine, old, new, &policy, both),
			  "differences say what the verdict says");
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
	json_schema_format.diff(engine, schema, schema, &policy, &differences);
	must_hold(differences.count == 0, "a schema does not differ from itself");
	json_schema_format.lint(engine, schema, &lints);
}

static void
work(Engine *engine, void *argument)
{
	const Input *input = argument;
	Schema	   *new = parse(engine, &input->new, input);
	Schema	   *old;

	check_forms(engine, new, input);
	check_alone(engine, new);
	old = parse(engine, &input->old, input);
	check_pair(engine, old, new, false);
	check_pair(engine, old, new, true);
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
	input.reference.name = "other.json";
	input.reference.text = part.text;
	input.reference.length = part.length;
	(void) engine_alone_run(work, &input);
	return 0;
}
