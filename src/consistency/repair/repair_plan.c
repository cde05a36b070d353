/*-------------------------------------------------------------------------
 *
 * repair_plan.c
 *		What has to be written so that drifted rows of a copy are equal to
 *		those of the source.
 *
 * The rows of the keys that drifted are read anew on both sides, through the
 * placement's column map and as the current user: by one snapshot of now where
 * that is possible, else the copy before the source.  Rows of one key are
 * compared as a multiset of digests: a row that only one side has is written,
 * one of each side make an update.  So a key needs not be unique, and a copy
 * without a key is one whose key is the whole row.
 *
 * Invariant: what is written is what the source says, and it says so since
 * before the copy was read.  If that is another version of the row than the
 * one whose difference was confirmed, lag may explain it, and nothing is.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/repair/repair_internal.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

/* Columns of the answer to side_query_of; those of the row follow in pairs. */
enum
{
	COL_KEY_NUMBER,
	COL_DIGEST,
	COL_IDENTITY,
	COL_VALUES
};

/* A row of one side. */
typedef struct SideRow
{
	char	   *digest;
	char	   *identity;	/* which version it is, as checks write it */
	char	  **values;		/* texts of the compared columns, each followed by
							 * its digest */
	bool		paired;		/* has the other side the same? */
} SideRow;

/* The rows of one key. */
typedef struct KeyRows
{
	List	   *sot;		/* of SideRow */
	List	   *copy;
} KeyRows;

/* ---- reading ---- */

/* The widest type of families of types within which "=" is index-friendly and
 * follows from equal keys; NULL for others. */
static const char *
family_type(const char *type)
{
	static const struct
	{
		const char *type;
		const char *common;
	} families[] = {
		{"smallint", "pg_catalog.int8"},
		{"integer", "pg_catalog.int8"},
		{"bigint", "pg_catalog.int8"},
		{"text", "pg_catalog.text"},
		{"character varying", "pg_catalog.text"},
		{"uuid", "pg_catalog.uuid"},
	};

	for (int i = 0; i < (int) lengthof(families); i++)
		if (strcmp(families[i].type, type) == 0)
			return families[i].common;
	return NULL;
}

/* Is the column null in one of the keys? */
static bool
is_null_somewhere(List *drift, const char *column)
{
	ListCell   *lc;

	foreach (lc, drift)
	{
		JsonbValue	value;

		if (!jb_get(&((RepairDrift *) lfirst(lc))->key->root, column,
					&value) ||
			value.type == jbvNull)
			return true;
	}
	return false;
}

/* The type in which a column is the same on both sides, or NULL. */
static const char *
common_type(const CopyColumn *column)
{
	const char *to = family_type(column->to->type);
	const char *from = column->from ? family_type(column->from->type) : NULL;

	return to != NULL && from != NULL && strcmp(to, from) == 0 ? to : NULL;
}

/* Does the side's primary key begin with the column? */
static bool
leads_index(const Copy *copy, const Side *side, const CopyColumn *column)
{
	const char *name =
		side == copy->source ? column->from->name : column->name;

	return side->key != NIL && strcmp(linitial(side->key), name) == 0;
}

/*
 * A condition implied by that on the whole key, which leaves few rows to make
 * a key of: a key column is one of those asked for.  Its type is of one family
 * on both sides, so every key that one side has can be said in the other's.
 *
 * Where an index finds the rows they are asked for by an array, which leads to
 * it whatever statistics say; else by a join, since with an array each row
 * would be compared with each key.
 */
static const char *
column_condition(const Copy *copy, const Side *side, List *drift)
{
	static const char by_array[] =
		"q.v%d OPERATOR(pg_catalog.=) ANY (ARRAY(%s)) AND ";
	static const char by_join[] = "q.v%d OPERATOR(pg_catalog.=) ANY (%s) AND ";
	ListCell   *lc;

	foreach (lc, copy->columns)
	{
		const CopyColumn *column = lfirst(lc);
		const char *type = common_type(column);

		if (!column->key || type == NULL ||
			is_null_somewhere(drift, column->name))
			continue;
		return psprintf(
			leads_index(copy, side, column) ? by_array : by_join,
			foreach_current_index(lc) + 1,
			psprintf("SELECT (e OPERATOR(pg_catalog.->>) %s)::%s FROM"
					 " pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb)"
					 " e",
					 quote_literal_cstr(column->name), type));
	}
	return "";
}

/* Rows of one side whose key is among those of $1, with its number there. */
static char *
side_query_of(const Copy *copy, const Side *side, List *drift)
{
	StringInfoData each;
	int			n = copy_value_count(copy, false);

	initStringInfo(&each);
	for (int i = 1; i <= n; i++)
		appendStringInfo(&each, ", q.v%d, spine.digest_row(q.v%d)", i, i);
	return psprintf("SELECT w.i, %s,"
					" spine.digest_row(q.identity)%s FROM (%s) q,"
					" pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb)"
					" WITH ORDINALITY w(k, i)"
					" WHERE %s%s OPERATOR(pg_catalog.=) w.k ORDER BY 1, 2",
					copy_digest(copy, "q.", false), each.data,
					side == copy->source ? copy_source_rows(copy) :
										   copy_rows(copy),
					column_condition(copy, side, drift),
					copy_key_object(copy, "q."));
}

static void
read_side(Side *side, const char *sql, const char *keys, KeyRows *all,
		  bool is_sot)
{
	RemoteRows *rows = side_query(side, sql, 1, &keys);

	for (int i = 0; i < rows->nrows; i++)
	{
		int			n = (int) side_number(rows, i, COL_KEY_NUMBER) - 1;
		List	  **list = is_sot ? &all[n].sot : &all[n].copy;
		SideRow    *row = palloc0(sizeof(SideRow));

		row->digest = side_value(rows, i, COL_DIGEST);
		row->identity =
			psprintf("%s %s", side_value(rows, i, COL_IDENTITY), row->digest);
		row->values = &rows->values[(Size) i * rows->ncols + COL_VALUES];
		*list = lappend(*list, row);
	}
}

/* What side_settings leaves as the other server has it. */
static void
pin_values_there(Side *side)
{
	if (side->remote != NULL)
		(void) side_query(side,
						  "SELECT pg_catalog.set_config(n, v, false) FROM"
						  " (VALUES ('lc_monetary', 'C'),"
						  " ('xmlbinary', 'base64')) s(n, v)",
						  0, NULL);
}

/* Does one snapshot of ours show both sides? */
static bool
share_snapshot(const Copy *copy)
{
	return copy->source->remote == NULL && copy->target->remote == NULL &&
		!copy->source->own_snapshot && !copy->target->own_snapshot;
}

/*
 * Where no snapshot shows both sides, the copy is read first: a version of
 * the source's row that was there when drift was confirmed and is there now
 * was there when the copy was read.
 */
static void
read_sides(const Copy *copy, List *drift, const char *keys, KeyRows *all)
{
	bool		share = share_snapshot(copy);

	pin_values_there(copy->source);
	pin_values_there(copy->target);
	if (share)
		sides_begin(copy->source, copy->target);
	read_side(copy->target, side_query_of(copy, copy->target, drift), keys,
			  all, false);
	read_side(copy->source, side_query_of(copy, copy->source, drift), keys,
			  all, true);
	if (share)
		sides_end(copy->source, copy->target);
}

/* The keys as text of a jsonb array. */
static char *
keys_of(List *drift)
{
	JsonbParseState *state = NULL;
	Jsonb	   *array;
	ListCell   *lc;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, drift)
	{
		JsonbValue	key;

		JsonbToJsonbValue(((RepairDrift *) lfirst(lc))->key, &key);
		pushJsonbValue(&state, WJB_ELEM, &key);
	}
	array = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	return JsonbToCString(NULL, &array->root, VARSIZE(array));
}

/* ---- what differs ---- */

/* Rows that both sides have are left alone. */
static void
pair_equal(KeyRows *rows)
{
	ListCell   *lc;
	ListCell   *other;

	foreach (lc, rows->sot)
	{
		SideRow    *row = lfirst(lc);

		foreach (other, rows->copy)
		{
			SideRow    *candidate = lfirst(other);

			if (candidate->paired ||
				strcmp(candidate->digest, row->digest) != 0)
				continue;
			row->paired = candidate->paired = true;
			break;
		}
	}
}

static List *
unpaired(List *rows)
{
	List	   *left = NIL;
	ListCell   *lc;

	foreach (lc, rows)
		if (!((SideRow *) lfirst(lc))->paired)
			left = lappend(left, lfirst(lc));
	return left;
}

/* How many rows of the copy are like one? */
static int
count_like(List *rows, const char *digest)
{
	int			n = 0;
	ListCell   *lc;

	foreach (lc, rows)
		if (strcmp(((SideRow *) lfirst(lc))->digest, digest) == 0)
			n++;
	return n;
}

/* ---- the ops ---- */

static RepairOp *
add_op(RepairRequest *request, const RepairDrift *drift, RepairAction action)
{
	RepairOp   *op = palloc0(sizeof(RepairOp));

	op->action = action;
	op->key = drift->key;
	op->have = -1;
	request->ops = lappend(request->ops, op);
	return op;
}

static void
skip(RepairRequest *request, const RepairDrift *drift, const char *why)
{
	RepairAction action = REPAIR_UPDATE;

	if (strcmp(drift->kind, "missing") == 0)
		action = REPAIR_INSERT;
	else if (strcmp(drift->kind, "extra") == 0)
		action = REPAIR_DELETE;
	add_op(request, drift, action)->outcome = why;
}

/* The texts of the key's columns, in the order of the request's key. */
static List *
key_values(const Copy *copy, const SideRow *row)
{
	List	   *values = NIL;
	ListCell   *lc;

	foreach (lc, copy->columns)
		if (((CopyColumn *) lfirst(lc))->key)
			values =
				lappend(values, row->values[2 * foreach_current_index(lc)]);
	return values;
}

/* Set what the op writes: columns in which the rows differ, or all. */
static void
set_values(const Copy *copy, RepairOp *op, const SideRow *sot,
		   const SideRow *old)
{
	ListCell   *lc;

	foreach (lc, copy->columns)
	{
		CopyColumn *column = lfirst(lc);
		int			i = 2 * foreach_current_index(lc);

		if (old != NULL && strcmp(sot->values[i + 1], old->values[i + 1]) == 0)
			continue;
		op->columns = lappend(op->columns, (char *) column->name);
		op->values = lappend(op->values, sot->values[i]);
	}
}

static void
add_update(RepairRequest *request, const RepairDrift *drift, const Copy *copy,
		   const SideRow *sot, const SideRow *old)
{
	RepairOp   *op = add_op(request, drift, REPAIR_UPDATE);

	op->seen = op->before = old->digest;
	op->wanted = sot->digest;
	op->key_values = key_values(copy, old);
	set_values(copy, op, sot, old);
}

static void
add_insert(RepairRequest *request, const RepairDrift *drift, const Copy *copy,
		   const SideRow *sot, int have)
{
	RepairOp   *op = add_op(request, drift, REPAIR_INSERT);

	op->wanted = sot->digest;
	op->key_values = key_values(copy, sot);
	op->have = have;
	set_values(copy, op, sot, NULL);
}

static void
add_delete(RepairRequest *request, const RepairDrift *drift, const Copy *copy,
		   const SideRow *old, int have)
{
	RepairOp   *op = add_op(request, drift, REPAIR_DELETE);

	op->seen = op->before = old->digest;
	op->key_values = key_values(copy, old);
	op->have = have;
}

/* The ops of one key: pairs are updated, then the rest of the longer side. */
static void
add_ops(RepairRequest *request, const RepairDrift *drift, const Copy *copy,
		const KeyRows *rows)
{
	List	   *missing = unpaired(rows->sot);
	List	   *extra = unpaired(rows->copy);
	int			pairs = Min(list_length(missing), list_length(extra));

	for (int i = 0; i < pairs; i++)
		add_update(request, drift, copy, list_nth(missing, i),
				   list_nth(extra, i));
	for (int i = pairs; i < list_length(missing); i++)
	{
		const SideRow *row = list_nth(missing, i);

		add_insert(request, drift, copy, row,
				   count_like(rows->copy, row->digest));
	}
	for (int i = pairs; i < list_length(extra); i++)
	{
		const SideRow *row = list_nth(extra, i);

		add_delete(request, drift, copy, row,
				   count_like(rows->copy, row->digest));
	}
}

/* ---- is it what was confirmed? ---- */

static bool
is_version(const SideRow *row, const char *identity)
{
	return identity == NULL || strcmp(row->identity, identity) == 0;
}

/*
 * Is the source's row another version than the confirmed one (of an extra row
 * the copy's)?  Where several rows have one key, versions tell nothing.
 */
static const char *
why_not(const RepairDrift *drift, const KeyRows *rows)
{
	bool		extra = strcmp(drift->kind, "extra") == 0;

	if (unpaired(rows->sot) == NIL && unpaired(rows->copy) == NIL)
		return "skipped: the rows are equal by now";
	if (list_length(rows->sot) > 1 || list_length(rows->copy) > 1)
		return NULL;
	if (extra && rows->sot == NIL)
		return is_version(linitial(rows->copy), drift->identity) ?
			NULL :
			"skipped: the copy's row changed since it was confirmed as drift";
	if (extra || rows->sot == NIL ||
		!is_version(linitial(rows->sot), drift->identity))
		return "skipped: the source's row changed since the drift was confirmed";
	return NULL;
}

/* ---- the whole ---- */

void
repair_plan(const Copy *copy, List *drift, RepairRequest *request)
{
	KeyRows    *rows = palloc0(sizeof(KeyRows) * (list_length(drift) + 1));
	ListCell   *lc;

	int			settings;

	if (drift == NIL)
		return;
	settings = repair_pin_values();
	read_sides(copy, drift, keys_of(drift), rows);
	AtEOXact_GUC(false, settings);
	foreach (lc, drift)
	{
		KeyRows    *found = &rows[foreach_current_index(lc)];
		const char *why;

		CHECK_FOR_INTERRUPTS();
		pair_equal(found);
		why = why_not(lfirst(lc), found);
		if (why != NULL)
			skip(request, lfirst(lc), why);
		else
			add_ops(request, lfirst(lc), copy, found);
	}
}
