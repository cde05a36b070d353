/*-------------------------------------------------------------------------
 *
 * may_matrix.c
 *		spine.may_matrix: all that a role may do with the rows of a table.
 *
 * Each row of the result is one question to the judge, by the compiled
 * matrix that the guard uses, so that it agrees with the guard and with
 * spine.may.  No row of the table is read.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "ownership/judge.h"
#include "ownership/may.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(spine_may_matrix);

#define NCOLUMNS 7

/* One call: whom it is about, and where its rows go. */
typedef struct Listing
{
	ReturnSetInfo *result;
	Judgement	judgement; /* old: a row of NULLs, so that no value is known */
	MemoryContext scratch; /* of one state */
	List	   *paths;	   /* of PathRule: each path that some state names */
} Listing;

/* ---- rows ---- */

/* Add a row; what is NULL is null. */
static void
put_row(const Listing *listing, int state, const char *action,
		const char *target, bool allowed, const char *condition,
		const char *rule)
{
	const Matrix *matrix = listing->judgement.matrix;
	const char *texts[NCOLUMNS] = {0};
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS];

	texts[0] = matrix_state_name(matrix, state);
	texts[1] = action;
	texts[2] = target;
	texts[4] = condition;
	texts[5] = rule;
	texts[6] = state == STATE_UNKNOWN ? NULL : matrix->states[state].owner;
	for (int i = 0; i < NCOLUMNS; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	values[3] = BoolGetDatum(allowed);
	nulls[3] = false;
	tuplestore_putvalues(listing->result->setResult, listing->result->setDesc,
						 values, nulls);
}

/* The same for a verdict; rule is the one that allows. */
static void
put_verdict(const Listing *listing, int state, const char *action,
			const char *target, const Denial *denial, const char *rule)
{
	put_row(listing, state, action, target, denial == NULL, NULL,
			denial ? denial->rule : rule);
}

/* ---- whole rows ---- */

static void
tell_insert(const Listing *listing, int state)
{
	const Judgement *judgement = &listing->judgement;
	const Matrix *matrix = judgement->matrix;

	put_verdict(listing, state, "insert", NULL,
				matrix->parent ? judge_child(judgement, "insert", state) :
								 judge_inserter(judgement, state),
				TextDatumGetCString(matrix->states[state].insert_label));
}

static void
tell_delete(const Listing *listing, int state)
{
	const Judgement *judgement = &listing->judgement;
	const Matrix *matrix = judgement->matrix;

	put_verdict(listing, state, "delete", NULL,
				matrix->parent ? judge_child(judgement, "delete", state) :
								 judge_delete(judgement, state),
				TextDatumGetCString(matrix->states[state].remove_label));
}

static void
tell_truncate(const Listing *listing)
{
	const Matrix *matrix = listing->judgement.matrix;
	bool		states = matrix->governing != 0 || matrix->parent != NULL;

	put_verdict(listing, states ? STATE_UNKNOWN : 0, "truncate", NULL,
				judge_truncate(&listing->judgement), "owner and producers");
}

/* ---- values ---- */

static void
tell_write(const Listing *listing, int state, AttrNumber attnum,
		   const char *target, const List *parts)
{
	const Judgement *judgement = &listing->judgement;
	const Matrix *matrix = judgement->matrix;

	put_verdict(listing, state, "write", target,
				matrix->parent ?
					judge_child(judgement, "update", state) :
					judge_attribute(judgement, state, attnum, parts),
				matrix->states[state].write_rule);
}

/* Each column that a statement can set, the governing one excepted, and each
 * path that rules speak of. */
static void
tell_writes(const Listing *listing, int state)
{
	const Matrix *matrix = listing->judgement.matrix;
	ListCell   *lc;

	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
		if (!matrix->columns[attnum - 1].ignored &&
			attnum != matrix->governing)
			tell_write(listing, state, attnum,
					   asset_key_quote(matrix_column_name(matrix, attnum)),
					   NIL);
	foreach (lc, listing->paths)
	{
		const PathRule *path = lfirst(lc);

		tell_write(listing, state, path->attnum, path->name, path->parts);
	}
}

/* ---- transitions ---- */

static bool
is_guarded(const MatrixEdge *edge)
{
	return edge->guard != NULL || edge->function != NULL ||
		edge->counts != NIL;
}

/* What may be set along with a transition that the role may make. */
static void
tell_with_write(const Listing *listing, const MatrixEdge *edge,
				const char *target)
{
	const Matrix *matrix = listing->judgement.matrix;

	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
		if (HAS_BIT(edge->with_write, attnum))
			put_row(listing, edge->from, "write",
					asset_key_quote(matrix_column_name(matrix, attnum)), true,
					target, edge->rule);
}

static void
tell_transition(const Listing *listing, int from, int to)
{
	const Matrix *matrix = listing->judgement.matrix;
	const MatrixEdge *edge = matrix_edge(matrix, from, to);
	const Denial *denial = judge_edge(&listing->judgement, from, to);
	char	   *target = psprintf("-> %s", matrix->states[to].name);

	if (denial != NULL)
	{
		put_verdict(listing, from, "transition", target, denial, NULL);
		return;
	}
	put_row(listing, from, "transition", target, true,
			is_guarded(edge) ? "guard" : NULL, edge->rule);
	tell_with_write(listing, edge, target);
}

/* ---- all of it ---- */

static void
tell_state(const Listing *listing, int state)
{
	const Matrix *matrix = listing->judgement.matrix;
	MemoryContext old = MemoryContextSwitchTo(listing->scratch);

	CHECK_FOR_INTERRUPTS();
	tell_insert(listing, state);
	tell_delete(listing, state);
	tell_writes(listing, state);
	if (matrix->governing != 0)
		for (int to = 0; to < matrix->nstates; to++)
			if (to != state)
				tell_transition(listing, state, to);
	MemoryContextSwitchTo(old);
	MemoryContextReset(listing->scratch);
}

/* Every path that some state's rules name, once. */
static List *
paths_of(const Matrix *matrix)
{
	List	   *paths = NIL;

	for (int i = 0; i < matrix->nstates; i++)
	{
		ListCell   *lc;

		foreach (lc, matrix->states[i].paths)
		{
			const PathRule *path = lfirst(lc);
			bool		known = false;
			ListCell   *other;

			foreach (other, paths)
				known |= strcmp(((PathRule *) lfirst(other))->name,
								path->name) == 0;
			if (!known)
				paths = lappend(paths, lfirst(lc));
		}
	}
	return paths;
}

/* A row of NULLs: the judge is asked about rules, not about values. */
static HeapTuple
unknown_row(const Matrix *matrix)
{
	Datum	   *values = palloc0(sizeof(Datum) * matrix->natts);
	bool	   *nulls = palloc(sizeof(bool) * matrix->natts);

	memset(nulls, true, sizeof(bool) * matrix->natts);
	return heap_form_tuple(matrix->desc, values, nulls);
}

/* spine.may_matrix(role, relation) */
Datum
spine_may_matrix(PG_FUNCTION_ARGS)
{
	Listing		listing = {0};
	Oid			role;
	Matrix	   *matrix;

	may_require_argument(fcinfo, 0, "role");
	may_require_argument(fcinfo, 1, "relation");
	InitMaterializedSRF(fcinfo, 0);

	role = get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	listing.result = (ReturnSetInfo *) fcinfo->resultinfo;
	listing.judgement.rel = may_open(PG_GETARG_OID(1), &matrix);
	listing.judgement.matrix = matrix;
	listing.judgement.user = matrix_user(matrix, role);
	listing.judgement.old = unknown_row(matrix);
	listing.paths = paths_of(matrix);
	listing.scratch =
		AllocSetContextCreate(CurrentMemoryContext, "spine rights of a state",
							  ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < matrix->nstates; i++)
		tell_state(&listing, i);
	tell_truncate(&listing);
	MemoryContextDelete(listing.scratch);
	table_close(listing.judgement.rel, AccessShareLock);
	return (Datum) 0;
}
