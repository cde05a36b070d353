/*-------------------------------------------------------------------------
 *
 * settle.c
 *		What becomes of a write that the judge denies.
 *
 * All slow work of the guard is done here, on the denial path.  The order:
 * whatever lets the write through (a foreign key that the dataset names, the
 * fallback of an owner who has not acted in time, an override), then mode
 * observe, then what contention says (no_op, queue), and at last the error.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "miscadmin.h"
#include "ownership/settle.h"

/* One way for a denied write to go through after all. */
typedef bool (*ConcessionWay)(const Attempt *attempt, const Denial *denial,
							  Concession *concession);

static const ConcessionWay ways[] = {fk_action_concedes, fallback_concedes,
									 override_concedes};

bool
concede(const Attempt *attempt, const Denial *denial, Concession *concession)
{
	/* What a value may never hold is no question of who writes it. */
	if (denial->sqlstate == ERRCODE_CHECK_VIOLATION)
		return false;
	for (int i = 0; i < (int) lengthof(ways); i++)
		if (ways[i](attempt, denial, concession))
			return true;
	return false;
}

/* What is wrong with the values of a write that was denied for its writer. */
static Denial *
content_denial(const Attempt *attempt)
{
	const Judgement *judgement = &attempt->judgement;

	return judgement->new != NULL && judgement->matrix->spec->forbids != NIL ?
		judge_content(judgement, attempt->changed) :
		NULL;
}

/* Is the row's key the very value that may not be held? */
static bool
key_is_denied(const Judgement *judgement, const Denial *denial)
{
	return denial->sqlstate == ERRCODE_CHECK_VIOLATION &&
		judgement->old == NULL &&
		HAS_BIT(judgement->matrix->keys, denial->attnum);
}

/* The denial as an event of the denied log. */
static DeniedEvent
denied_event(const Attempt *attempt, const Denial *denial, const char *mode)
{
	const Judgement *judgement = &attempt->judgement;
	const Matrix *matrix = judgement->matrix;
	HeapTuple	row = judgement->old ? judgement->old : judgement->new;
	DeniedEvent event = {0};

	event.dataset = matrix->key;
	event.action = denial->action;
	event.rev = matrix->rev;
	if (row != NULL && !key_is_denied(judgement, denial))
		event.key = row_shape_json(matrix->shape, row, matrix->keys);
	event.attribute = denial->attribute;
	event.from_state = denial->from_state;
	event.to_state = denial->to_state;
	event.sqlstate = denial->sqlstate;
	event.message = denial->message;
	event.rule = denial->rule;
	event.mode = mode;
	return event;
}

/*
 * Is it a state change out of order, and nothing else, that does nothing?
 * Never under the action of a foreign key, which would then be broken.
 */
static bool
is_no_op(const Attempt *attempt, const Denial *denial)
{
	const Matrix *matrix = attempt->judgement.matrix;

	if (attempt->kind != ATTEMPT_UPDATE || matrix->parent != NULL ||
		matrix->spec->lifecycle == NULL || !matrix->spec->lifecycle->no_op ||
		denial->sqlstate != ERRCODE_SPINE_UNDECLARED_TRANSITION ||
		attempt->to == STATE_UNKNOWN || InNoForceRLSOperation())
		return false;
	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
		if (HAS_BIT(attempt->changed, attnum) && attnum != matrix->governing &&
			attnum != matrix->version)
			return false;
	return true;
}

bool
may_wait(const Attempt *attempt, const Denial *denial)
{
	const Matrix *matrix = attempt->judgement.matrix;

	return matrix->spec->lifecycle != NULL &&
		matrix->spec->lifecycle->non_owner == NON_OWNER_QUEUE &&
		matrix->parent == NULL &&
		denial->sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE &&
		!bms_is_empty(denial->who_may) &&
		(attempt->kind == ATTEMPT_UPDATE || attempt->kind == ATTEMPT_DELETE);
}

Settlement
settle(const Attempt *attempt, const Denial *denial, Concession *concession)
{
	DeniedEvent event;

	if (concede(attempt, denial, concession))
	{
		denial = content_denial(attempt);
		if (denial == NULL)
			return SETTLED_WRITE;
	}
	if (attempt->judgement.matrix->enforcement != ENFORCEMENT_ENFORCE)
	{
		event = denied_event(attempt, denial, "observe");
		denied_push(&event);
		return SETTLED_WRITE;
	}
	if (is_no_op(attempt, denial))
	{
		event = denied_event(attempt, denial, "no_op");
		denied_push(&event);
		return SETTLED_KEEP;
	}
	if (may_wait(attempt, denial) && content_denial(attempt) == NULL &&
		request_keep(attempt, denial))
		return SETTLED_SKIP;
	event = denied_event(attempt, denial, "enforce");
	if (is_escalated(attempt, denial))
		event.detail = escalation_detail();
	denied_record(&event);
	denial_raise(&attempt->judgement, denial);
}
