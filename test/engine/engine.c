/*-------------------------------------------------------------------------
 *
 * engine.c
 *		Tests of what the schema engines have and no SQL function shows:
 *		semantic versions, identity forms, JSON as it is written.
 *
 * Prints "ok - what" or "not ok - what" for each.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "registry/engine_alone.h"
#include "registry/format.h"
#include "registry/json_tree.h"
#include "registry/semver.h"

static int	failures = 0;

static void
report(bool good, const char *what)
{
	printf("%s - %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

/* ---- semantic versions ---- */

static bool
parses(const char *text)
{
	Semver		version;

	return semver_parse(text, strlen(text), &version);
}

static void
test_parse(void)
{
	static const char *const good[] = {
		"0.0.0", "1.2.3", "10.20.30", "1.0.0-alpha", "1.0.0-alpha.1",
		"1.0.0-0.3.7", "1.0.0-x-y-z.--", "1.0.0-0a", "1.0.0+20130313",
		"1.0.0-beta+exp.sha.5114f85", "1.0.0+001", "1.0.0--",
		"18446744073709551615.0.0", "1.0.0-99999999999999999999999",
		NULL};
	static const char *const bad[] = {
		"", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.03", "1.2.3-",
		"1.2.3-01", "1.2.3-a..b", "1.2.3-a.", "1.2.3+", "1.2.3+a..b",
		"1.2.3-\xc3\xa9", "v1.2.3", " 1.2.3", "1.2.3 ", "-1.2.3", "1.2.x",
		"18446744073709551616.0.0", "1.2.3+a+b", NULL};
	char		what[100];

	for (int i = 0; good[i] != NULL; i++)
	{
		snprintf(what, sizeof(what), "\"%s\" is a version", good[i]);
		report(parses(good[i]), what);
	}
	for (int i = 0; bad[i] != NULL; i++)
	{
		snprintf(what, sizeof(what), "\"%s\" is none", bad[i]);
		report(!parses(bad[i]), what);
	}
}

static Semver
version_of(const char *text)
{
	Semver		version;

	(void) semver_parse(text, strlen(text), &version);
	return version;
}

/* Each version comes before all that follow it. */
static void
test_compare(void)
{
	static const char *const order[] = {
		"0.0.1", "0.1.0", "1.0.0-0", "1.0.0-1", "1.0.0-2", "1.0.0-11",
		"1.0.0-100000000000000000000", "1.0.0-A", "1.0.0-alpha",
		"1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "2.0.0-a",
		"2.0.0", "10.0.0", NULL};
	Semver		a = version_of("1.0.0+a"),
				b = version_of("1.0.0+b");
	bool		good = true;

	for (int i = 0; order[i] != NULL; i++)
		for (int j = 0; order[j] != NULL; j++)
		{
			Semver		one = version_of(order[i]),
						other = version_of(order[j]);

			if (semver_compare(&one, &other) != (i > j) - (i < j))
			{
				printf("# %s, %s\n", order[i], order[j]);
				good = false;
			}
		}
	report(good, "versions are ordered as the specification does");
	report(semver_compare(&a, &b) == 0, "builds do not matter");
}

static void
test_next(void)
{
	static const struct
	{
		const char *old;
		SemverBump	bump;
		const char *next;	/* NULL: there is none */
	}			cases[] = {
		{"1.2.3", BUMP_NONE, "1.2.3"},
		{"1.2.3", BUMP_PATCH, "1.2.4"},
		{"1.2.3", BUMP_MINOR, "1.3.0"},
		{"1.2.3", BUMP_MAJOR, "2.0.0"},
		{"1.2.3+b", BUMP_PATCH, "1.2.4"},
		{"1.2.3-rc.1", BUMP_PATCH, "1.2.3"},
		{"1.2.3-rc.1", BUMP_MINOR, "1.3.0"},
		{"1.2.0-rc.1", BUMP_MINOR, "1.2.0"},
		{"1.2.0-rc.1", BUMP_MAJOR, "2.0.0"},
		{"2.0.0-rc.1", BUMP_MAJOR, "2.0.0"},
		{"1.0.18446744073709551615", BUMP_PATCH, NULL},
		{"18446744073709551615.1.1", BUMP_MAJOR, NULL},
		{"18446744073709551615.1.1", BUMP_MINOR, "18446744073709551615.2.0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Semver		old = version_of(cases[i].old);
		char		next[SEMVER_ROOM],
					what[200];
		bool		there = semver_next(&old, cases[i].bump, next);

		snprintf(what, sizeof(what), "%s of %s is %s",
				 semver_bump_name(cases[i].bump), cases[i].old,
				 cases[i].next ? cases[i].next : "not there");
		report(there == (cases[i].next != NULL) &&
			   (!there || strcmp(next, cases[i].next) == 0), what);
	}
}

static void
test_claim(void)
{
	static const struct
	{
		const char *old;
		const char *new;
		SemverBump	claim;
	}			cases[] = {
		{"1.2.3", "1.2.3", BUMP_NONE}, {"1.2.3", "1.2.2", BUMP_NONE},
		{"1.2.3", "1.2.3+x", BUMP_NONE}, {"1.2.3", "1.2.3-a", BUMP_NONE},
		{"1.2.3", "1.2.9", BUMP_PATCH}, {"1.2.3", "1.3.0", BUMP_MINOR},
		{"1.2.3", "2.0.0", BUMP_MAJOR}, {"1.2.3", "2.0.0-a", BUMP_MAJOR},
		{"2.0.0-a", "2.0.0", BUMP_MAJOR}, {"2.0.0-a", "2.0.0-b", BUMP_MAJOR},
		{"1.1.0-a", "1.1.0", BUMP_MINOR}, {"1.1.1-a", "1.1.1", BUMP_PATCH},
	};
	bool		good = true;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Semver		old = version_of(cases[i].old),
					new = version_of(cases[i].new);

		if (semver_claim(&old, &new) != cases[i].claim)
		{
			printf("# %s to %s\n", cases[i].old, cases[i].new);
			good = false;
		}
	}
	report(good, "what a new version claims");
}

/* ---- engines ---- */

/* Two Avro schemas, and what is asked of them. */
typedef struct Pair
{
	const char *old;
	const char *new;
	bool		same;		/* the answer: have they the same identity form? */
	SemverBump	bump;		/* the answer */
	char		form[400];	/* the identity form of the old one */
} Pair;

static Schema *
parse(Engine *engine, const char *text)
{
	return avro_format.parse(engine, text, strlen(text), NULL, 0);
}

static void
judge_pair(Engine *engine, void *argument)
{
	Pair	   *pair = argument;
	Schema	   *old = parse(engine, pair->old);
	Schema	   *new = parse(engine, pair->new);
	const char *form = avro_format.identity(engine, old);
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaPolicy policy;

	memset(&policy, 0, sizeof(policy));
	pair->same = strcmp(form, avro_format.identity(engine, new)) == 0;
	avro_format.diff(engine, old, new, &policy, &differences);
	pair->bump = semver_bump(&differences);
	snprintf(pair->form, sizeof(pair->form), "%s", form);
}

/* What differs in text is a version of its own, but for its layout. */
static void
test_identity(void)
{
#define RECORD(members, field) \
	"{\"type\":\"record\"," members "\"fields\":[{" field "}]}"
#define FIELD "\"name\":\"f\",\"type\":\"int\""
	static const struct
	{
		const char *what;
		const char *old;
		const char *new;
		bool		same;
		SemverBump	bump;
	}			cases[] = {
		{"white space and the order of members",
			RECORD("\"name\":\"R\",", FIELD),
			"{ \"fields\": [ {\"type\" :\"int\",\n\"name\": \"f\"}],"
			" \"name\": \"R\", \"type\": \"record\"}", true, BUMP_NONE},
		{"how names are written",
			RECORD("\"name\":\"R\",\"namespace\":\"n\",\"aliases\":[\"Q\"],",
				   "\"name\":\"f\",\"type\":[\"null\",\"R\"]"),
			RECORD("\"name\":\"n.R\",\"aliases\":[\"n.Q\"],",
				   "\"name\":\"f\",\"type\":[\"null\",\"n.R\"]"),
			true, BUMP_NONE},
		{"a primitive type as an object", RECORD("\"name\":\"R\",", FIELD),
			RECORD("\"name\":\"R\",",
				   "\"name\":\"f\",\"type\":{\"type\":\"int\"}"),
			true, BUMP_NONE},
		{"documentation", RECORD("\"name\":\"R\",", FIELD),
			RECORD("\"name\":\"R\",\"doc\":\"d\",", FIELD), false,
			BUMP_PATCH},
		{"a default", RECORD("\"name\":\"R\",", FIELD),
			RECORD("\"name\":\"R\",", FIELD ",\"default\":1"), false,
			BUMP_MINOR},
		{"an alias", RECORD("\"name\":\"R\",", FIELD),
			RECORD("\"name\":\"R\",\"aliases\":[\"Q\"],", FIELD), false,
			BUMP_MINOR},
		{"a logical type", "\"int\"",
			"{\"type\":\"int\",\"logicalType\":\"date\"}", false,
			BUMP_MINOR},
		{"an attribute of others", "\"int\"", "{\"type\":\"int\",\"x\":1}",
			false, BUMP_MINOR},
		{"a type, one way", "\"int\"", "\"long\"", false, BUMP_MAJOR},
		{"a type, the other way", "\"long\"", "\"int\"", false, BUMP_MAJOR},
		{"a type, both ways", "\"bytes\"", "\"string\"", false, BUMP_MINOR},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Pair		pair = {cases[i].old, cases[i].new, false, BUMP_NONE, ""};
		EngineOutcome outcome = engine_alone_run(judge_pair, &pair);
		char		what[200];

		snprintf(what, sizeof(what), "identity and bump: %s", cases[i].what);
		if (!outcome.done)
			printf("# %s\n", outcome.message);
		report(outcome.done && pair.same == cases[i].same &&
			   pair.bump == cases[i].bump, what);
	}
}

static void
test_identity_form(void)
{
	Pair		pair = {
		"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"z\":1.50,"
		"\"doc\":\"\\u00e9\",\"fields\":[{\"type\":[\"null\",\"R\"],"
		"\"name\":\"f\",\"default\":null}]}", "\"int\"", false, BUMP_NONE, ""};
	EngineOutcome outcome = engine_alone_run(judge_pair, &pair);

	printf("# %s\n", pair.form);
	report(outcome.done &&
		   strcmp(pair.form,
				  "{\"doc\":\"\xc3\xa9\",\"fields\":[{\"default\":null,"
				  "\"name\":\"f\",\"type\":[\"null\",\"n.R\"]}],"
				  "\"name\":\"n.R\",\"type\":\"record\",\"z\":1.50}") == 0,
		   "the identity form");
}

/* JSON: a text, sorted. */
typedef struct JsonCase
{
	const char *text;
	size_t		length;
	char		sorted[200];
} JsonCase;

static void
sort_json(Engine *engine, void *argument)
{
	JsonCase   *c = argument;
	EngineText	text;

	text_begin(&text, engine);
	json_write(&text, json_parse(engine, c->text, c->length, NULL), true);
	snprintf(c->sorted, sizeof(c->sorted), "%s", text.data);
}

static void
test_json(void)
{
	JsonCase	sorted = {"{\"b\":[1.0,-0e+2,{}],\"a\\u0000\":null,\"\":true,"
		"\"ab\":\"\\/\\u001f\\\"\\u20ac\"}", 0, ""};
	JsonCase	nul = {"\"a\0b\"", 5, ""};
	JsonCase	cut = {"\"abc\"", 4, ""};
	JsonCase	behind = {"1\0", 2, ""};
	EngineOutcome outcome;

	sorted.length = strlen(sorted.text);
	outcome = engine_alone_run(sort_json, &sorted);
	printf("# %s\n", sorted.sorted);
	report(outcome.done &&
		   strcmp(sorted.sorted,
				  "{\"\":true,\"a\\u0000\":null,"
				  "\"ab\":\"/\\u001f\\\"\xe2\x82\xac\","
				  "\"b\":[1.0,-0e+2,{}]}") == 0, "JSON is sorted");
	outcome = engine_alone_run(sort_json, &nul);
	report(!outcome.done && outcome.column == 3, "no NUL inside a string");
	outcome = engine_alone_run(sort_json, &cut);
	report(!outcome.done && outcome.column == 5, "a text that is cut off");
	outcome = engine_alone_run(sort_json, &behind);
	report(!outcome.done && outcome.column == 2, "no NUL behind a value");
}

int
main(void)
{
	test_parse();
	test_compare();
	test_next();
	test_claim();
	test_identity();
	test_identity_form();
	test_json();
	return failures > 0;
}
