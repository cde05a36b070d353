/*-------------------------------------------------------------------------
 *
 * paths.c
 *		Which paths of a jsonb value changed, and who may change them.
 *
 * Two values are walked together.  Where both are objects, or both arrays,
 * the walk goes into the members (elements by position); anywhere else a
 * difference is a change of that very path.  The most specific rule that is
 * a prefix of a changed path decides: the longest, and of two as long the one
 * that is first to name an element where the other says any.  A change that replaces or removes a
 * whole subtree also changes every path below it, so each longer rule below
 * must agree too where its own value differs.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "miscadmin.h"
#include "ownership/changed.h"

/* A rule's part that stands for any array element. */
#define ANY_ELEMENT "[*]"

/* One step of the path the walk stands at, on the stack of the walk. */
typedef struct Step
{
	const struct Step *up;
	const char *key; /* member name, or NULL for an array element */
	int			keylen;
	int			index;
	int			depth; /* steps from the column on, this one included */
} Step;

/* What the walk judges by. */
typedef struct PathJudge
{
	const List *rules;
	AttrNumber	attnum;
	const Bitmapset *parties;
	bool		whole;
	const PathRule *decided; /* the rule that forbids, or NULL */
} PathJudge;

static const char *judge_values(PathJudge *judge, const Step *at,
								const JsonbValue *old, const JsonbValue *new);

/* ---- matching rules ---- */

static bool
part_is_index(const char *part, int index)
{
	char		digits[16];

	snprintf(digits, sizeof(digits), "%d", index);
	return strcmp(part, digits) == 0 || strcmp(part, ANY_ELEMENT) == 0;
}

static bool
part_matches(const char *part, const Step *step)
{
	if (step->key == NULL)
		return part_is_index(part, step->index);
	return strlen(part) == (size_t) step->keylen &&
		memcmp(part, step->key, step->keylen) == 0;
}

/* Do the first `depth` parts of a rule match the steps down to here? */
static bool
prefix_matches(const List *parts, const Step *at)
{
	for (const Step *step = at; step != NULL; step = step->up)
		if (!part_matches(list_nth(parts, step->depth - 1), step))
			return false;
	return true;
}

static int
step_depth(const Step *at)
{
	return at ? at->depth : 0;
}

/* Does a rule lead to the place, or to one above it? */
static bool
rule_covers(const PathRule *rule, const Step *at)
{
	while (step_depth(at) > list_length(rule->parts))
		at = at->up;
	return step_depth(at) == list_length(rule->parts) &&
		prefix_matches(rule->parts, at);
}

/* Of two rules that cover the same place: is the first more specific? */
static bool
more_specific(const PathRule *rule, const PathRule *other)
{
	ListCell   *a;
	ListCell   *b;

	if (list_length(rule->parts) != list_length(other->parts))
		return list_length(rule->parts) > list_length(other->parts);
	forboth (a, rule->parts, b, other->parts)
	{
		bool		any = strcmp(lfirst(a), ANY_ELEMENT) == 0;

		if (any != (strcmp(lfirst(b), ANY_ELEMENT) == 0))
			return !any;
	}
	return false;
}

/* Does the most specific rule for this very path let the parties through? */
static bool
rule_allows(PathJudge *judge, const Step *at)
{
	const PathRule *best = NULL;
	ListCell   *lc;

	foreach (lc, judge->rules)
	{
		const PathRule *rule = lfirst(lc);

		if (rule->attnum == judge->attnum && rule_covers(rule, at) &&
			(best == NULL || more_specific(rule, best)))
			best = rule;
	}
	judge->decided = best;
	return best ? bms_overlap(best->parties, judge->parties) : judge->whole;
}

/* Is there a rule for a path strictly below this one? */
static bool
has_rule_below(const PathJudge *judge, const Step *at)
{
	ListCell   *lc;

	foreach (lc, judge->rules)
	{
		const PathRule *rule = lfirst(lc);

		if (rule->attnum == judge->attnum &&
			list_length(rule->parts) > step_depth(at) &&
			prefix_matches(rule->parts, at))
			return true;
	}
	return false;
}

/* ---- naming a path ---- */

static void
append_steps(StringInfo buf, const Step *at)
{
	if (at == NULL)
		return;
	append_steps(buf, at->up);
	if (buf->len > 0)
		appendStringInfoChar(buf, '.');
	if (at->key == NULL)
		appendStringInfo(buf, "%d", at->index);
	else
		appendStringInfoString(buf,
							   asset_key_quote(pnstrdup(at->key, at->keylen)));
}

static const char *
path_text(const Step *at)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_steps(&buf, at);
	return buf.data;
}

/* ---- the walk ---- */

static bool
both_containers(const JsonbValue *old, const JsonbValue *new)
{
	return old != NULL && new != NULL &&
		((jb_is_object(old) && jb_is_object(new)) ||
		 (jb_is_array(old) && jb_is_array(new)));
}

static Step
step_member(const Step *up, const JsonbValue *key)
{
	Step step = {up, key->val.string.val, key->val.string.len, 0,
				 step_depth(up) + 1};

	return step;
}

static Step
step_element(const Step *up, int index)
{
	Step		step = {up, NULL, 0, index, step_depth(up) + 1};

	return step;
}

/* Judge the members of one object against those of another, one way. */
static const char *
judge_members(PathJudge *judge, const Step *at, const JsonbContainer *from,
			  const JsonbContainer *against, bool only_missing)
{
	JbCursor	cursor;
	JsonbValue	key;
	JsonbValue	value;

	jb_walk(&cursor, from);
	while (jb_next_member(&cursor, &key, &value))
	{
		Step		step = step_member(at, &key);
		JsonbValue	other;
		bool		found = jb_get_n(against, step.key, step.keylen, &other);
		const char *path;

		if (found && only_missing)
			continue;
		path = only_missing ?
			judge_values(judge, &step, NULL, &value) :
			judge_values(judge, &step, &value, found ? &other : NULL);
		if (path != NULL)
			return path;
	}
	return NULL;
}

static const char *
judge_elements(PathJudge *judge, const Step *at, const JsonbContainer *old,
			   const JsonbContainer *new)
{
	uint32		nold = JsonContainerSize(old);
	uint32		nnew = JsonContainerSize(new);

	for (uint32 i = 0; i < Max(nold, nnew); i++)
	{
		Step		step = step_element(at, (int) i);
		JsonbValue *a = i < nold ?
			getIthJsonbValueFromContainer(unconstify(JsonbContainer *, old),
										  i) :
			NULL;
		JsonbValue *b = i < nnew ?
			getIthJsonbValueFromContainer(unconstify(JsonbContainer *, new),
										  i) :
			NULL;
		const char *path = judge_values(judge, &step, a, b);

		if (path != NULL)
			return path;
	}
	return NULL;
}

static const char *
judge_containers(PathJudge *judge, const Step *at, const JsonbContainer *old,
				 const JsonbContainer *new)
{
	const char *path;

	if (JsonContainerIsArray(old))
		return judge_elements(judge, at, old, new);
	path = judge_members(judge, at, old, new, false);
	return path ? path : judge_members(judge, at, new, old, true);
}

/* Judge what lies below a subtree that came or went as a whole. */
static const char *
judge_below(PathJudge *judge, const Step *at, const JsonbValue *value)
{
	const JsonbContainer *container;
	JsonbContainer *empty;

	if (value == NULL || value->type != jbvBinary ||
		!has_rule_below(judge, at))
		return NULL;
	container = value->val.binary.data;
	empty = palloc0(sizeof(JsonbContainer) + sizeof(JEntry));
	empty->header = JsonContainerIsArray(container) ? JB_FARRAY : JB_FOBJECT;
	return judge_containers(judge, at, container, empty);
}

/* Judge one place: old or new may be NULL where there is no such value. */
static const char *
judge_values(PathJudge *judge, const Step *at, const JsonbValue *old,
			 const JsonbValue *new)
{
	const char *path;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (old != NULL && new != NULL && jb_same(old, new))
		return NULL;
	if (both_containers(old, new))
		return judge_containers(judge, at, old->val.binary.data,
								new->val.binary.data);

	if (!rule_allows(judge, at))
		return path_text(at);
	path = judge_below(judge, at, old);
	return path ? path : judge_below(judge, at, new);
}

/* A whole jsonb datum as the value at the column itself. */
static JsonbValue *
root_value(const Jsonb *jsonb, JsonbValue *value)
{
	JsonbContainer *root;

	if (jsonb == NULL)
		return NULL;
	root = unconstify(JsonbContainer *, &jsonb->root);
	if (JsonContainerIsScalar(root))
	{
		*value = *getIthJsonbValueFromContainer(root, 0);
		return value;
	}
	value->type = jbvBinary;
	value->val.binary.data = root;
	value->val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	return value;
}

const char *
forbidden_path(const List *rules, AttrNumber attnum, const Bitmapset *parties,
			   bool whole, const Jsonb *old, const Jsonb *new,
			   const PathRule **decided)
{
	PathJudge	judge = {rules, attnum, parties, whole, NULL};
	JsonbValue	old_value;
	JsonbValue	new_value;
	const char *path = judge_values(&judge, NULL, root_value(old, &old_value),
									root_value(new, &new_value));

	*decided = judge.decided;
	return path;
}

/* ---- a path without values ---- */

static bool
all_digits(const char *part)
{
	return part[0] != '\0' && strspn(part, "0123456789") == strlen(part);
}

/* Go one step down; at and below are NULL where there is no value. */
static Step
step_down(const Step *up, const char *part, const JsonbValue **at,
		  JsonbValue *below)
{
	bool		known = *at != NULL && (*at)->type == jbvBinary;
	const JsonbContainer *here = known ? (*at)->val.binary.data : NULL;
	Step		step = {up, part, (int) strlen(part), 0, step_depth(up) + 1};
	JsonbValue *element;

	*at = NULL;
	if (all_digits(part) && (here == NULL || JsonContainerIsArray(here)))
	{
		step.key = NULL;
		step.index = atoi(part);
		element = here == NULL ?
			NULL :
			getIthJsonbValueFromContainer(unconstify(JsonbContainer *, here),
										  (uint32) step.index);
		if (element != NULL)
		{
			*below = *element;
			*at = below;
		}
	}
	else if (jb_get(here, part, below))
		*at = below;
	return step;
}

bool
path_allowed(const List *rules, AttrNumber attnum, const Bitmapset *parties,
			 bool whole, const List *parts, const Jsonb *value,
			 const PathRule **decided)
{
	PathJudge	judge = {rules, attnum, parties, whole, NULL};
	int			n = list_length(parts);
	Step	   *steps = palloc0(sizeof(Step) * (n + 1));
	JsonbValue	root;
	JsonbValue *below = palloc0(sizeof(JsonbValue) * (n + 1));
	const JsonbValue *at = root_value(value, &root);
	bool		allowed;

	for (int i = 0; i < n; i++)
		steps[i] = step_down(i > 0 ? &steps[i - 1] : NULL, list_nth(parts, i),
							 &at, &below[i]);
	allowed = rule_allows(&judge, n > 0 ? &steps[n - 1] : NULL);
	*decided = judge.decided;
	return allowed;
}
