/*-------------------------------------------------------------------------
 *
 * protobuf.c
 *		Fuzz target: a Protobuf schema, an older one, and what both import.
 *
 * An input that begins with a zero byte is a serialised descriptor instead,
 * which the target puts into base64.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

/* The input, and the schemas in it. */
typedef struct Input
{
	FuzzPart	new;
	FuzzPart	old;
	bool		serialised;
	bool		again;		/* a canonical form is being parsed */
	SchemaReference reference;
	int			nreferences;
} Input;

static Schema *
parse(Engine *engine, const char *text, size_t length, const Input *input)
{
	return protobuf_format.parse(engine, text, length, &input->reference,
								 input->nreferences);
}

/* Bytes in base64. */
static FuzzPart
base64(Engine *engine, const FuzzPart *part)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char	   *text = engine_alloc(engine, part->length * 2 + 4);
	FuzzPart	made = {text, 0};
	unsigned	bits = 0;
	int			nbits = 0;

	for (size_t i = 0; i < part->length; i++)
	{
		bits = (bits << 8 | (unsigned char) part->text[i]) & 0xFFFF;
		for (nbits += 8; nbits >= 6; nbits -= 6)
			text[made.length++] = digits[bits >> (nbits - 6) & 63];
	}
	if (nbits > 0)
		text[made.length++] = digits[bits << (6 - nbits) & 63];
	return made;
}

/* The canonical form is a schema that has this form itself. */
static void
check_form(Engine *engine, const Schema *schema, Input *input)
{
	char	   *form = protobuf_format.canonical(engine, schema);
	Schema	   *again;

	input->again = true;
	again = parse(engine, form, strlen(form), input);
	input->again = false;

	must_hold(strcmp(protobuf_format.canonical(engine, again), form) == 0,
			  "the canonical form is its own");
}

static void
check_alone(Engine *engine, const Schema *schema)
{
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaLints lints = {NULL, NULL, 0};
	SchemaPolicy policy;

	memset(&policy, 0, sizeof(policy));
	protobuf_format.diff(engine, schema, schema, &policy, &differences);
	must_hold(differences.count == 0, "a schema does not differ from itself");
	protobuf_format.lint(engine, schema, &lints);
}

static void
check_pair(Engine *engine, const Schema *old, const Schema *new)
{
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaDifferences reverse = {NULL, NULL, 0};
	SchemaPolicy policy;
	unsigned	breaks;
	unsigned	reversed;

	memset(&policy, 0, sizeof(policy));
	protobuf_format.diff(engine, old, new, &policy, &differences);
	protobuf_format.diff(engine, new, old, &policy, &reverse);
	breaks = breaks_of(&differences);
	reversed = breaks_of(&reverse);
	must_hold(((breaks & BREAKS_BACKWARD) != 0) ==
			  ((reversed & BREAKS_FORWARD) != 0) &&
			  ((breaks & BREAKS_FORWARD) != 0) ==
			  ((reversed & BREAKS_BACKWARD) != 0),
			  "the reverse differences break the reverse");
	must_hold((differences.count == 0) == (reverse.count == 0),
			  "what differs differs in reverse");
}

static void
work(Engine *engine, void *argument)
{
	Input	   *input = argument;
	FuzzPart	text = input->new;
	Schema	   *new;
	Schema	   *old;

	if (input->serialised)
		text = base64(engine, &input->new);
	new = parse(engine, text.text, text.length, input);
	check_form(engine, new, input);
	check_alone(engine, new);
	if (input->serialised)
		return;
	old = parse(engine, input->old.text, input->old.length, input);
	check_pair(engine, old, new);
}

/* Do it; that the canonical form is not valid is no outcome. */
static void
run(Input *input)
{
	EngineOutcome outcome = engine_alone_run(work, input);

	if (!outcome.done && input->again)
		fprintf(stderr, "%s\n", outcome.message);
	must_hold(outcome.done || !input->again, "the canonical form is valid");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzPart	rest = {(const char *) data, size};
	FuzzPart	part;
	Input		input;

	memset(&input, 0, sizeof(input));
	input.serialised = size > 0 && data[0] == 0;
	if (input.serialised)
	{
		input.new.text = (const char *) data + 1;
		input.new.length = size - 1;
		run(&input);
		return 0;
	}
	input.new = next_part(&rest);
	input.old = next_part(&rest);
	part = next_part(&rest);
	input.nreferences = part.length > 0;
	input.reference.name = "other.proto";
	input.reference.text = part.text;
	input.reference.length = part.length;
	run(&input);
	return 0;
}
