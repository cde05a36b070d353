/*-------------------------------------------------------------------------
 *
 * rules.c
 *		The TABLE engine: constraints, row security, and what else is of the
 *		relation as a whole.
 *
 * A constraint is known by what it demands, not by its name: NOT VALID does not
 * make it another one, since new rows must obey it all the same.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/table/table.h"

#include <string.h>

#define NOT_VALID " NOT VALID"

/* ---- constraints ---- */

/* Length of a definition without NOT VALID at its end. */
static size_t
demand_length(const char *definition)
{
	size_t		length = strlen(definition);
	size_t		tail = strlen(NOT_VALID);

	if (length > tail && strcmp(definition + length - tail, NOT_VALID) == 0)
		return length - tail;
	return length;
}

static const char *
definition_of(const JsonNode *constraint)
{
	const char *definition = table_text(constraint, "definition");

	return definition != NULL ? definition : "";
}

static bool
same_demand(const JsonNode *a, const JsonNode *b)
{
	const char *one = definition_of(a);
	const char *other = definition_of(b);
	size_t		length = demand_length(one);

	return demand_length(other) == length && strncmp(one, other, length) == 0;
}

/* The constraint that demands the same, or NULL. */
static const JsonNode *
find_demand(const JsonNode *constraints, const JsonNode *constraint)
{
	for (int i = 0; constraints != NULL && i < constraints->count; i++)
		if (same_demand(constraints->items[i], constraint))
			return constraints->items[i];
	return NULL;
}

static const char *
constraint_path(TableDiff *diff, const JsonNode *name)
{
	return json_pointer(diff->engine, "/constraints", name->text,
						name->length);
}

static void
constraint_gone(TableDiff *diff, const JsonNode *name,
				const JsonNode *constraint)
{
	bool		key = json_is(json_get(constraint, "kind"), "primary key");

	difference_add(diff->engine, diff->out,
				   key ? "PRIMARY_KEY_REMOVED" : "CONSTRAINT_REMOVED",
				   BREAKS_FORWARD, constraint_path(diff, name),
				   key ? "old programs and copies tell rows apart by it" :
						 "old programs rely on what it demands");
}

static void
constraint_came(TableDiff *diff, const JsonNode *name)
{
	difference_add(diff->engine, diff->out, "CONSTRAINT_ADDED",
				   BREAKS_BACKWARD, constraint_path(diff, name),
				   "old rows and what old programs write may not obey it");
}

static void
constraint_validated(TableDiff *diff, const JsonNode *name,
					 const JsonNode *old, const JsonNode *new)
{
	if (strlen(definition_of(old)) != strlen(definition_of(new)))
		difference_add(diff->engine, diff->out, "CONSTRAINT_VALIDATED",
					   BREAKS_NOTHING, constraint_path(diff, name),
					   "whether old rows obey it is known otherwise");
}

void
table_diff_constraints(TableDiff *diff)
{
	const JsonNode *old = json_get(diff->old, "constraints");
	const JsonNode *new = json_get(diff->new, "constraints");

	for (int i = 0; old != NULL && i < old->count; i++)
	{
		const JsonNode *now = find_demand(new, old->items[i]);

		engine_tick(diff->engine);
		if (now == NULL)
			constraint_gone(diff, old->names[i], old->items[i]);
		else
			constraint_validated(diff, old->names[i], old->items[i], now);
	}
	for (int i = 0; new != NULL &&i < new->count; i++)
	{
		engine_tick(diff->engine);
		if (find_demand(old, new->items[i]) == NULL)
			constraint_came(diff, new->names[i]);
	}
}

/* ---- row security ---- */

static void
diff_policies(TableDiff *diff, const JsonNode *old, const JsonNode *new)
{
	for (int i = 0; old != NULL && i < old->count; i++)
	{
		const JsonNode *now = json_get(new, old->names[i]->text);

		if (now == NULL || !json_equal(diff->engine, old->items[i], now))
			difference_add(
				diff->engine, diff->out,
				now == NULL ? "POLICY_REMOVED" : "POLICY_CHANGED", BREAKS_BOTH,
				"/row_security/policies",
				"policy \"%s\" decides otherwise who sees which rows",
				old->names[i]->text);
	}
	for (int i = 0; new != NULL &&i < new->count; i++)
		if (old == NULL || json_get(old, new->names[i]->text) == NULL)
			difference_add(
				diff->engine, diff->out, "POLICY_ADDED", BREAKS_BOTH,
				"/row_security/policies",
				"policy \"%s\" decides otherwise who sees which rows",
				new->names[i]->text);
}

static void
diff_row_security(TableDiff *diff)
{
	const JsonNode *old = json_get(diff->old, "row_security");
	const JsonNode *new = json_get(diff->new, "row_security");

	if (old == NULL && new == NULL)
		return;
	if (old == NULL || new == NULL)
	{
		difference_add(diff->engine, diff->out,
					   old == NULL ? "ROW_SECURITY_ENABLED" :
									 "ROW_SECURITY_DISABLED",
					   BREAKS_BOTH, "/row_security",
					   "programs see and write other rows than before");
		return;
	}
	if (table_flag(old, "forced") != table_flag(new, "forced"))
		difference_add(diff->engine, diff->out, "ROW_SECURITY_FORCED",
					   BREAKS_BOTH, "/row_security/forced",
					   "the owner sees and writes other rows than before");
	diff_policies(diff, json_get(old, "policies"), json_get(new, "policies"));
}

/* ---- the rest ---- */

/* Has a text of the relation changed?  *after receives the new one or "". */
static bool
text_changed(const TableDiff *diff, const char *name, const char **after)
{
	const char *before = table_text(diff->old, name);

	*after = table_text(diff->new, name);
	before = before != NULL ? before : "";
	*after = *after != NULL ? *after : "";
	return strcmp(before, *after) != 0;
}

void
table_diff_rules(TableDiff *diff)
{
	const char *after;

	diff_row_security(diff);
	if (diff->to_view)
		return;
	if (text_changed(diff, "partition_by", &after))
		difference_add(diff->engine, diff->out, "PARTITIONING_CHANGED",
					   BREAKS_NOTHING, "/partition_by",
					   "rows are spread over partitions otherwise");
	if (text_changed(diff, "replica_identity", &after))
		difference_add(diff->engine, diff->out, "REPLICA_IDENTITY_CHANGED",
					   strcmp(after, "nothing") == 0 ? BREAKS_FORWARD :
													   BREAKS_NOTHING,
					   "/replica_identity",
					   "what logical replication says of old rows is another");
}
