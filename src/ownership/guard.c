/*-------------------------------------------------------------------------
 *
 * guard.c
 *		The triggers that let a write through or refuse it.
 *
 *		~spine_guard			BEFORE UPDATE OR DELETE, each row; sorts last,
 *								so that it sees the row that will be stored
 *		~spine_guard_insert		AFTER INSERT, each row: BEFORE INSERT would also
 *								fire for rows that ON CONFLICT turns away
 *		~spine_guard_truncate	BEFORE TRUNCATE, each statement
 *		~spine_guard_flush		AFTER each statement: audit and calls
 *
 * The first argument of each is the dataset's key, a second one names the
 * child.  On the allow path nothing is read from a catalog and nothing is
 * allocated for plain values: the matrix is found once per statement, a row
 * costs comparing its two images, or just knowing its state where whatever
 * the statement sets is open to the user (see sets_what_is_open).
 *
 * A row that moves between partitions fires UPDATE and DELETE on the old leaf
 * and INSERT on the new one.  It is judged as the UPDATE that it is; the
 * other two are recognised by what the first one left behind.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "base/rights.h"
#include "ownership/changed.h"
#include "ownership/guard.h"
#include "ownership/handoff.h"
#include "ownership/settle.h"
#include "replication/logicalworker.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(spine_guard);
PG_FUNCTION_INFO_V1(spine_guard_insert);
PG_FUNCTION_INFO_V1(spine_guard_truncate);
PG_FUNCTION_INFO_V1(spine_guard_flush);

/* What a trigger's call site remembers between the rows of a statement. */
typedef struct GuardSite
{
	uint64		generation; /* of the cache when matrix was looked up */
	uint64		roles;		/* of the memberships when user was */
	Oid			userid;
	Matrix	   *matrix;
	MatrixUser *user;
	bool		trusted;	/* an apply worker that was judged upstream */
	bool		alone;		/* no other trigger changes rows before UPDATE, and
							 * no request is being applied */
	bool		plain;		/* all that depends on set_list is the verdict */
	Bitmapset  *set_list;	/* what the statement sets, as it says; or NULL */
	uint64	   *open_in;	/* bit (state): all of set_list is open there */
	uint64		changed[FLEXIBLE_ARRAY_MEMBER];
} GuardSite;

/* A row on its way from one partition to another. */
typedef struct MovingRow
{
	Oid			root;			/* the table whose partition it leaves */
	Oid			relid;			/* the leaf it leaves */
	ItemPointerData tid;		/* and where it stood */
	CommandId	command;
	SubTransactionId subxact;
	MemoryContext query;		/* of the query, to tell nested ones apart */
	uint64		image;			/* hash of the new row by column name */
	bool		left;			/* has it been deleted there? */
} MovingRow;

static List *moving = NIL;		/* of MovingRow, in TopTransactionContext */
static uint64 image_seed;

/* What via says of a write, as text; made once. */
static Datum via_direct;
static Datum via_fk;
static Datum via_apply;
static Datum action_insert;
static Datum action_update;
static Datum action_delete;
static Datum action_truncate;

/* ---- entering ---- */

/* Make sure that we are called as the trigger that we are. */
static inline TriggerData *
called_as(FunctionCallInfo fcinfo, const char *name, bool row, bool before)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	/* A call site that has been here before has had its arguments checked. */
	if (!CALLED_AS_TRIGGER(fcinfo) ||
		(bool) TRIGGER_FIRED_FOR_ROW(trigger->tg_event) != row ||
		(bool) TRIGGER_FIRED_BEFORE(trigger->tg_event) != before ||
		(fcinfo->flinfo->fn_extra == NULL &&
		 (trigger->tg_trigger->tgnargs < 1 ||
		  trigger->tg_trigger->tgnargs > 2)))
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg(
				 "function \"spine.%s\" must be called as the trigger that spine.apply attaches",
				 name)));
	return trigger;
}

static const char *
trigger_child(const TriggerData *trigger)
{
	return trigger->tg_trigger->tgnargs > 1 ? trigger->tg_trigger->tgargs[1] :
											  NULL;
}

/* Is this the only trigger that can change a row before its UPDATE? */
static bool
only_before_update(const TriggerData *trigger)
{
	const TriggerDesc *desc = trigger->tg_relation->trigdesc;

	if (desc == NULL)
		return false;
	for (int i = 0; i < desc->numtriggers; i++)
	{
		const Trigger *other = &desc->triggers[i];

		if (TRIGGER_FOR_ROW(other->tgtype) &&
			TRIGGER_FOR_BEFORE(other->tgtype) &&
			TRIGGER_FOR_UPDATE(other->tgtype) &&
			other->tgoid != trigger->tg_trigger->tgoid)
			return false;
	}
	return true;
}

/* Look up matrix and user anew, and remember them at the call site. */
static GuardSite *
site_refresh(FunctionCallInfo fcinfo, const TriggerData *trigger)
{
	uint64		generation;
	Matrix	   *matrix;
	GuardSite  *site;
	int			nwords;

	do
	{
		generation = matrix_generation();
		matrix =
			matrix_lookup(trigger->tg_relation, trigger->tg_trigger->tgargs[0],
						  trigger_child(trigger));
	} while (generation != matrix_generation());

	if (strcmp(matrix->spec->key, trigger->tg_trigger->tgargs[0]) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is attached to two datasets",
						RelationGetRelationName(trigger->tg_relation))));

	nwords = matrix->nwords + WORD(matrix->nstates) + 1;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
								  offsetof(GuardSite, changed) +
									  sizeof(uint64) * nwords);
	site->generation = generation;
	site->matrix = matrix;
	site->userid = GetUserId();
	site->user = matrix_user(matrix, site->userid);
	site->roles = role_generation();
	site->trusted = apply_is_trusted(matrix->spec);
	site->alone = only_before_update(trigger) && !request_is_applied();
	site->open_in = &site->changed[matrix->nwords];
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* The call site's matrix and user; the fast path is four comparisons. */
static inline GuardSite *
site_enter(FunctionCallInfo fcinfo, const TriggerData *trigger)
{
	GuardSite  *site = fcinfo->flinfo->fn_extra;

	if (likely(site != NULL && site->generation == matrix_generation() &&
			   site->userid == GetUserId() &&
			   site->roles == role_generation()))
		return site;
	return site_refresh(fcinfo, trigger);
}

static Judgement
judgement_of(const GuardSite *site, const TriggerData *trigger, HeapTuple old,
			 HeapTuple new)
{
	Judgement judgement = {site->matrix, site->user, trigger->tg_relation, old,
						   new};

	return judgement;
}

/* ---- auditing ---- */

static Datum
current_via(void)
{
	if (unlikely(IsLogicalWorker()))
		return via_apply;
	return InNoForceRLSOperation() ? via_fk : via_direct;
}

static Datum
state_label(const Matrix *matrix, int state)
{
	return state == STATE_UNKNOWN ? (Datum) 0 : matrix->states[state].label;
}

static Datum
user_label(const Datum *labels, int state)
{
	return state == STATE_UNKNOWN ? (Datum) 0 : labels[state];
}

/* The party that made a transition: the first of by that the user acts for. */
static Datum
transition_party(const Judgement *judgement, const MatrixEdge *edge)
{
	Bitmapset  *mine = bms_intersect(edge->by, judgement->user->parties);

	return bms_is_empty(mine) ?
		(Datum) 0 :
		judgement->matrix->party_labels[bms_next_member(mine, -1)];
}

/* What let the write through, if its own rules did not. */
static void
note_concession(AuditEvent *event, const Concession *concession)
{
	event->via = concession->via ? concession->via : current_via();
	event->detail = concession->detail;
	if (concession->party != 0)
		event->party = concession->party;
}

static void
audit_update(const Attempt *attempt, const MatrixEdge *edge,
			 const Concession *concession)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	const uint64 *changed = attempt->changed;
	int			from = attempt->from;
	int			to = attempt->to;
	AuditEvent	event = {0};

	event.dataset = matrix->key_label;
	event.action = action_update;
	event.rev = matrix->rev;
	event.key = row_shape_json(matrix->shape, judgement->old, matrix->keys);
	event.from_state = state_label(matrix, from);
	event.to_state = state_label(matrix, to);
	event.old_values = row_shape_json(matrix->shape, judgement->old, changed);
	event.new_values = row_shape_json(matrix->shape, judgement->new, changed);
	event.party = edge ? transition_party(judgement, edge) :
						 user_label(judgement->user->party, from);
	event.rule = edge		  ? edge->rule_label :
		from == STATE_UNKNOWN ? (Datum) 0 :
								matrix->states[from].write_label;
	note_concession(&event, concession);
	audit_push(&event);
}

static void
audit_whole_row(const Attempt *attempt, Datum action, Datum rule,
				const Concession *concession)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	HeapTuple	row = judgement->new ? judgement->new : judgement->old;
	int			from = attempt->from;
	int			to = attempt->to;
	AuditEvent	event = {0};

	event.dataset = matrix->key_label;
	event.action = action;
	event.rev = matrix->rev;
	event.from_state = state_label(matrix, from);
	event.to_state = state_label(matrix, to);
	if (row != NULL)
		event.key = row_shape_json(matrix->shape, row, matrix->keys);
	if (judgement->old != NULL)
		event.old_values = row_shape_json(matrix->shape, judgement->old, NULL);
	if (judgement->new != NULL)
		event.new_values = row_shape_json(matrix->shape, judgement->new, NULL);
	event.party = judgement->new ?
		user_label(judgement->user->inserts_as, to) :
		user_label(judgement->user->removes_as,
				   from != STATE_UNKNOWN ? from : to);
	event.rule = rule;
	note_concession(&event, concession);
	audit_push(&event);
}

/* Is the write recorded?  What was denied and then let through always is. */
static bool
audited(const Matrix *matrix, bool transition, const Concession *concession)
{
	return matrix->audit == AUDIT_ALL ||
		(transition && matrix->audit == AUDIT_TRANSITIONS) ||
		concession->detail != 0;
}

/* ---- rows between partitions ---- */

/*
 * A hash of a row's values by column name, the same on every leaf.  Its seed
 * is secret: nobody can make up another row that is taken for the moved one.
 */
static uint64
row_image(const Matrix *matrix, HeapTuple tuple)
{
	Jsonb *image = DatumGetJsonbP(row_shape_json(matrix->shape, tuple, NULL));

	return DatumGetUInt64(hash_any_extended((unsigned char *) &image->root,
											VARSIZE(image) - VARHDRSZ,
											image_seed));
}

/* Remember a row of a leaf that an UPDATE may be about to move. */
static void
moving_remember(const Judgement *judgement, MemoryContext query)
{
	MemoryContext old;
	MovingRow  *row;
	CommandId	command = GetCurrentCommandId(false);

	/* Only rows that have left their leaf are waited for by an INSERT. */
	if (moving != NIL && !((MovingRow *) llast(moving))->left)
	{
		pfree(llast(moving));
		moving = list_delete_last(moving);
	}

	old = MemoryContextSwitchTo(TopTransactionContext);
	row = palloc0(sizeof(MovingRow));
	row->root = judgement->matrix->root;
	row->relid = RelationGetRelid(judgement->rel);
	row->tid = judgement->old->t_self;
	row->command = command;
	row->subxact = GetCurrentSubTransactionId();
	row->query = query;
	moving = lappend(moving, row);
	MemoryContextSwitchTo(old);
	row->image = row_image(judgement->matrix, judgement->new);
}

/* Is this DELETE the first half of a move? */
static bool
moving_leaves(const Judgement *judgement)
{
	MovingRow  *row;

	if (moving == NIL)
		return false;
	row = llast(moving);
	if (row->left || row->relid != RelationGetRelid(judgement->rel) ||
		row->command != GetCurrentCommandId(false) ||
		row->subxact != GetCurrentSubTransactionId() ||
		!ItemPointerEquals(&row->tid, &judgement->old->t_self))
		return false;
	row->left = true;
	return true;
}

/* Is this INSERT the second half of a move?  Then it is taken off the list. */
static bool
moving_arrives(const Judgement *judgement)
{
	uint64		image;
	ListCell   *lc;

	if (moving == NIL || !judgement->rel->rd_rel->relispartition)
		return false;
	image = row_image(judgement->matrix, judgement->new);
	foreach (lc, moving)
	{
		MovingRow  *row = lfirst(lc);

		if (row->left && row->root == judgement->matrix->root &&
			row->image == image &&
			row->subxact == GetCurrentSubTransactionId())
		{
			moving = foreach_delete_current(moving, lc);
			pfree(row);
			return true;
		}
	}
	return false;
}

/*
 * The statement is over: nothing that it moved is on its way any more.  A
 * query may hold several statements, and only the UPDATE flush of the table
 * itself is sure to come after the arrival of all rows that left it.  And a
 * query may be run in the middle of another one, whose rows are not its own:
 * a call site's memory is the query's.
 */
static void
moving_settle(const TriggerData *trigger, MemoryContext query)
{
	Oid			root;
	ListCell   *lc;

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		return;
	root = matrix_lookup(trigger->tg_relation, trigger->tg_trigger->tgargs[0],
						 trigger_child(trigger))
			   ->root;
	foreach (lc, moving)
	{
		MovingRow  *row = lfirst(lc);

		if (row->query == query && row->root == root)
			moving = foreach_delete_current(moving, lc);
	}
}

static void
guard_transaction_end(XactEvent event, void *arg)
{
	moving = NIL;
}

static void
guard_subtransaction_end(SubXactEvent event, SubTransactionId mine,
						 SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		ListCell   *lc;

		foreach (lc, moving)
			if (((MovingRow *) lfirst(lc))->subxact == mine)
				moving = foreach_delete_current(moving, lc);
	}
}

/* ---- values that the guard sets itself ---- */

/* Overwrite a fixed-width column that is not NULL, in a copy of the tuple. */
static HeapTuple
with_value(const Matrix *matrix, HeapTuple tuple, AttrNumber attnum,
		   Datum value)
{
	int			column = attnum;
	bool		isnull = false;

	return heap_modify_tuple_by_cols(tuple, matrix->desc, 1, &column, &value,
									 &isnull);
}

static Datum
next_version(const Matrix *matrix, HeapTuple old)
{
	bool		isnull;
	Datum value = heap_getattr(old, matrix->version, matrix->desc, &isnull);

	switch (matrix->columns[matrix->version - 1].len)
	{
		case 2:
			return Int16GetDatum(isnull ? 1 : DatumGetInt16(value) + 1);
		case 4:
			return Int32GetDatum(isnull ? 1 : DatumGetInt32(value) + 1);
		default:
			return Int64GetDatum(isnull ? 1 : DatumGetInt64(value) + 1);
	}
}

/* ---- UPDATE ---- */

/* What a state change brings with it beside the row itself. */
static void
arrive(const Judgement *judgement, int to, MatrixEdge *edge)
{
	if (judgement->matrix->entered_at == 0 && to != STATE_UNKNOWN)
		state_entry_push(judgement, to);
	if (edge != NULL && edge->handoffs != NIL)
		handoff_push(judgement, edge);
}

/* The values that the guard keeps itself, and what the old ones make them. */
static void
set_kept_values(const Judgement *judgement, uint64 *changed, bool moves,
				HeapTuple *new)
{
	const Matrix *matrix = judgement->matrix;

	if (matrix->version_mode == VERSION_AUTO)
	{
		SET_BIT(changed, matrix->version);
		*new = with_value(matrix, *new, matrix->version,
						  next_version(matrix, judgement->old));
	}
	if (moves && matrix->entered_at != 0)
	{
		SET_BIT(changed, matrix->entered_at);
		*new = with_value(matrix, *new, matrix->entered_at,
						  TimestampTzGetDatum(
							  GetCurrentTransactionStartTimestamp()));
	}
}

/* Everything but the plain allowed write of a governed row; NULL: the row is
 * left out of the statement. */
static HeapTuple
update_row(GuardSite *site, const Judgement *judgement)
{
	Matrix	   *matrix = site->matrix;
	Attempt		attempt =
		attempt_of(judgement, ATTEMPT_UPDATE, site->changed, true);
	Concession	concession = {0};
	Denial	   *denial = site->trusted ? NULL : attempt_judge(&attempt);
	MatrixEdge *edge = NULL;
	bool		moves = matrix->parent == NULL && attempt.from != attempt.to;

	if (denial != NULL)
		switch (settle(&attempt, denial, &concession))
		{
			case SETTLED_WRITE:
				break;
			case SETTLED_SKIP:
				return NULL;
			case SETTLED_KEEP:
				return judgement->old;
		}

	if (moves)
		edge = matrix_edge(matrix, attempt.from, attempt.to);
	if (!site->trusted)
		set_kept_values(judgement, site->changed, moves,
						&attempt.judgement.new);
	if (request_is_applied())
		request_label(&attempt, &concession);
	if (audited(matrix, moves, &concession))
		audit_update(&attempt, edge, &concession);
	if (moves)
		arrive(&attempt.judgement, attempt.to, site->trusted ? NULL : edge);
	if (words_overlap(site->changed, matrix->partition_keys, matrix->nwords))
		moving_remember(&attempt.judgement, GetMemoryChunkContext(site));
	return attempt.judgement.new;
}

/*
 * What the statement sets, as words; NULL if more depends on it than the
 * verdict, or if it is not clear.
 */
static uint64 *
plain_set(const Matrix *matrix, const Bitmapset *set_list)
{
	uint64	   *set;
	int			x = -1;

	if (matrix->parent != NULL || matrix->audit == AUDIT_ALL ||
		matrix->version_mode != VERSION_NONE || matrix->spec->forbids != NIL)
		return NULL;
	set = palloc0(sizeof(uint64) * matrix->nwords);
	while ((x = bms_next_member(set_list, x)) >= 0)
	{
		int			attnum = x + FirstLowInvalidHeapAttributeNumber;

		if (attnum < 1 || attnum > matrix->natts ||
			attnum == matrix->governing ||
			HAS_BIT(matrix->partition_keys, attnum))
			return NULL;
		SET_BIT(set, attnum);
	}
	return words_empty(set, matrix->nwords) ? NULL : set;
}

/* Learn in which states all that the statement sets is open to the user. */
static void
learn_set_list(FunctionCallInfo fcinfo, GuardSite *site,
			   const Bitmapset *set_list)
{
	const Matrix *matrix = site->matrix;
	const uint64 *set = plain_set(matrix, set_list);
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

	bms_free(site->set_list);
	site->set_list = bms_copy(set_list);
	MemoryContextSwitchTo(old);

	site->plain = set != NULL;
	if (!site->plain)
		return;
	memset(site->open_in, 0, sizeof(uint64) * (WORD(matrix->nstates) + 1));
	for (int i = 0; i < matrix->nstates; i++)
		if (!words_overlap(set, &site->user->closed[i * matrix->nwords],
						   matrix->nwords))
			SET_BIT(site->open_in, i + 1);
}

/* bms_equal, for sets that are equal nearly always. */
static inline bool
same_set(const Bitmapset *a, const Bitmapset *b)
{
	if (a == NULL || a->nwords != b->nwords)
		return false;
	for (int i = 0; i < b->nwords; i++)
		if (a->words[i] != b->words[i])
			return false;
	return true;
}

/*
 * May the user write, in the row's state, all that the statement sets?  Then
 * it does not matter which of it differs: the verdict is clear and nothing
 * else depends on it.  That holds only where nobody changes the row between
 * the executor and us; whoever gets false compares images.
 */
static inline bool
sets_what_is_open(FunctionCallInfo fcinfo, GuardSite *site,
				  const TriggerData *trigger)
{
	int			state;

	if (!site->alone || trigger->tg_updatedcols == NULL)
		return false;
	if (!same_set(site->set_list, trigger->tg_updatedcols))
		learn_set_list(fcinfo, site, trigger->tg_updatedcols);
	if (!site->plain)
		return false;
	state = matrix_state_of_tuple(site->matrix, trigger->tg_trigtuple);
	return state != STATE_UNKNOWN && HAS_BIT(site->open_in, state + 1);
}

static HeapTuple
guard_update(FunctionCallInfo fcinfo, GuardSite *site,
			 const TriggerData *trigger)
{
	Matrix	   *matrix = site->matrix;
	Judgement	judgement;

	if (sets_what_is_open(fcinfo, site, trigger) ||
		matrix->enforcement == ENFORCEMENT_OFF)
		return trigger->tg_newtuple;
	judgement = judgement_of(site, trigger, trigger->tg_trigtuple,
							 trigger->tg_newtuple);
	memset(site->changed, 0, sizeof(uint64) * matrix->nwords);
	if (!changed_attributes(matrix, judgement.old, judgement.new,
							site->changed))
		return judgement.new;
	return update_row(site, &judgement);
}

/* ---- DELETE ---- */

/* False: the row stays, and is left out of the statement. */
static bool
guard_delete(GuardSite *site, const TriggerData *trigger)
{
	Matrix	   *matrix = site->matrix;
	Judgement	judgement =
		judgement_of(site, trigger, trigger->tg_trigtuple, NULL);
	Concession	concession = {0};
	Attempt		attempt;
	Denial	   *denial;

	if (matrix->enforcement == ENFORCEMENT_OFF || moving_leaves(&judgement))
		return true;

	attempt = attempt_of(&judgement, ATTEMPT_DELETE, NULL, true);
	denial = site->trusted ? NULL : attempt_judge(&attempt);
	if (denial != NULL &&
		settle(&attempt, denial, &concession) != SETTLED_WRITE)
		return false;
	if (request_is_applied())
		request_label(&attempt, &concession);
	if (audited(matrix, true, &concession))
		audit_whole_row(&attempt, action_delete,
						attempt.from == STATE_UNKNOWN ?
							(Datum) 0 :
							matrix->states[attempt.from].remove_label,
						&concession);
	if (matrix->governing != 0 && matrix->entered_at == 0)
		state_entry_forget(&judgement);
	return true;
}

Datum
spine_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = called_as(fcinfo, "guard", true, true);
	GuardSite  *site = site_enter(fcinfo, trigger);

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		return PointerGetDatum(guard_update(fcinfo, site, trigger));
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return PointerGetDatum(
			guard_delete(site, trigger) ? trigger->tg_trigtuple : NULL);

	ereport(
		ERROR,
		(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		 errmsg("function \"spine.guard\" fires on UPDATE and DELETE alone")));
}

/* ---- INSERT ---- */

Datum
spine_guard_insert(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = called_as(fcinfo, "guard_insert", true, false);
	GuardSite  *site = site_enter(fcinfo, trigger);
	Matrix	   *matrix = site->matrix;
	Judgement	 judgement =
		judgement_of(site, trigger, NULL, trigger->tg_trigtuple);
	Concession	concession = {0};
	Attempt		attempt;
	Denial	   *denial;

	if (matrix->enforcement == ENFORCEMENT_OFF || moving_arrives(&judgement))
		return PointerGetDatum(NULL);

	attempt = attempt_of(&judgement, ATTEMPT_INSERT, NULL, true);
	denial = site->trusted ? NULL : attempt_judge(&attempt);
	if (denial != NULL)
		(void) settle(&attempt, denial, &concession);
	if (audited(matrix, true, &concession))
		audit_whole_row(&attempt, action_insert,
						attempt.to == STATE_UNKNOWN ?
							(Datum) 0 :
							matrix->states[attempt.to].insert_label,
						&concession);
	return PointerGetDatum(NULL);
}

/* ---- statements ---- */

Datum
spine_guard_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = called_as(fcinfo, "guard_truncate", false, true);
	GuardSite  *site = site_enter(fcinfo, trigger);
	Judgement	judgement = judgement_of(site, trigger, NULL, NULL);
	Attempt attempt = attempt_of(&judgement, ATTEMPT_TRUNCATE, NULL, false);
	Concession	concession = {0};
	Denial	   *denial;

	if (site->matrix->enforcement == ENFORCEMENT_OFF)
		return PointerGetDatum(NULL);
	denial = site->trusted ? NULL : attempt_judge(&attempt);
	if (denial != NULL)
		(void) settle(&attempt, denial, &concession);
	if (audited(site->matrix, true, &concession))
		audit_whole_row(&attempt, action_truncate, (Datum) 0, &concession);
	audit_flush();
	return PointerGetDatum(NULL);
}

Datum
spine_guard_flush(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = called_as(fcinfo, "guard_flush", false, false);

	if (moving != NIL)
		moving_settle(trigger, fcinfo->flinfo->fn_mcxt);
	handoff_flush();
	audit_flush();
	return PointerGetDatum(NULL);
}

/* ---- start ---- */

void
guard_init(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	via_direct = CStringGetTextDatum("direct");
	via_fk = CStringGetTextDatum("fk");
	via_apply = CStringGetTextDatum("apply");
	action_insert = CStringGetTextDatum("insert");
	action_update = CStringGetTextDatum("update");
	action_delete = CStringGetTextDatum("delete");
	action_truncate = CStringGetTextDatum("truncate");
	MemoryContextSwitchTo(old);

	if (!pg_strong_random(&image_seed, sizeof(image_seed)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));

	RegisterXactCallback(guard_transaction_end, NULL);
	RegisterSubXactCallback(guard_subtransaction_end, NULL);
}
