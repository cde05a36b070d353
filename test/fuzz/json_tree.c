/*-------------------------------------------------------------------------
 *
 * json_tree.c
 *		Fuzz target: two JSON texts, parsed, written and compared.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "registry/json_tree.h"

static const char *
written(Engine *engine, const JsonNode *node, bool sorted)
{
	EngineText	text;

	text_begin(&text, engine);
	json_write(&text, node, sorted);
	return text.data;
}

/* What is written parses again as the same value. */
static void
check_written(Engine *engine, const JsonNode *node)
{
	for (int sorted = 0; sorted <= 1; sorted++)
	{
		const char *text = written(engine, node, sorted);
		JsonNode   *again = json_parse(engine, text, strlen(text), NULL);

		must_hold(json_equal(engine, node, again), "written is the same");
		must_hold(strcmp(written(engine, again, sorted), text) == 0,
				  "written again is written the same");
	}
}

static void
work(Engine *engine, void *argument)
{
	FuzzPart   *rest = argument;
	FuzzPart	a = next_part(rest);
	FuzzPart	b = next_part(rest);
	JsonNode   *one = json_parse(engine, a.text, a.length, NULL);
	JsonNode   *other;

	must_hold(json_equal(engine, one, one), "a value is equal to itself");
	check_written(engine, one);
	other = json_parse(engine, b.text, b.length, NULL);
	must_hold(json_equal(engine, one, other) == json_equal(engine, other, one),
			  "equality goes both ways");
	if (strcmp(written(engine, one, true), written(engine, other, true)) == 0)
		must_hold(json_equal(engine, one, other), "same text, same value");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzPart	rest = {(const char *) data, size};

	(void) engine_alone_run(work, &rest);
	return 0;
}
