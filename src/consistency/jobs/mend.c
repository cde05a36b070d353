/*-------------------------------------------------------------------------
 *
 * mend.c
 *		The job repair_replicas: drift of copies whose policy is "auto".
 *
 * What a check confirmed is repaired once: after that, either a later check
 * proves the copy equal, or somebody has to look.  Copies that are due
 * together are repaired in the order of their foreign keys: first what is to
 * be deleted, of those that refer to others first, then the rest the other
 * way round.  Each step is a piece of the job, so a transaction of its own; a
 * restart plans anew, and what is repaired already is passed by.
 *
 * A step acts as the copy's owner, if he may read the source, else as another
 * of those who may check it who inherits him, since the copy's triggers run as
 * who writes it; in a restricted operation.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/job.h"
#include "base/rights.h"
#include "base/spi.h"
#include "consistency/jobs/consistency_internal.h"
#include "consistency/progress.h"
#include "consistency/repair/repair.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* One step of the plan. */
typedef struct Step
{
	char *placement;
	int	  actions; /* see repair.h */
	bool  last;	   /* of its copy: check it then */
} Step;

static List			*plan = NIL; /* of Step, those that are left */
static MemoryContext plan_context = NULL;

/* ---- the plan ---- */

/* Copies with drift that nobody tried to repair since it was confirmed. */
static const char due_sql[] =
	"SELECT p.placement FROM spine.check_plan p"
	" JOIN spine.check_state s ON s.placement = p.placement"
	" WHERE p.policy = 'auto' AND p.automatic AND p.kind <> 'snapshot'"
	" AND s.checked_shape = p.shape"
	" AND s.last_verdict = 'drift'"
	" AND s.mended_run IS DISTINCT FROM s.last_run"
	" AND EXISTS (SELECT FROM spine.drift_log d"
	" WHERE d.placement = p.placement AND d.closed_at IS NULL"
	" AND d.confirmed_at IS NOT NULL) ORDER BY p.placement";

/* Names of the copies (List of char *). */
static List *
due_copies(void)
{
	List  *names = NIL;
	uint64 n = spi_read(due_sql, NULL);

	for (uint64 i = 0; i < n; i++)
		names = lappend(names, spi_text(i, 1));
	return names;
}

static void
add_step(const char *placement, int actions, bool last)
{
	Step *step = palloc(sizeof(Step));

	step->placement = pstrdup(placement);
	step->actions = actions;
	step->last = last;
	plan = lappend(plan, step);
}

static void
make_plan(void)
{
	List		 *order = repair_order(due_copies());
	MemoryContext old;

	if (plan_context == NULL)
		plan_context = AllocSetContextCreate(TopMemoryContext, "spine repairs",
											 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(plan_context);
	old = MemoryContextSwitchTo(plan_context);
	plan = NIL;
	if (list_length(order) == 1)
		add_step(linitial(order), REPAIR_ALL, true);
	else
	{
		for (int i = list_length(order) - 1; i >= 0; i--)
			add_step(list_nth(order, i), REPAIR_DELETES, false);
		for (int i = 0; i < list_length(order); i++)
			add_step(list_nth(order, i), REPAIR_UPSERTS, true);
	}
	MemoryContextSwitchTo(old);
}

/* Of a copy where a step failed, no further one is tried. */
static void
drop_steps(const char *placement)
{
	ListCell *lc;

	foreach (lc, plan)
		if (strcmp(((Step *) lfirst(lc))->placement, placement) == 0)
			plan = foreach_delete_current(plan, lc);
}

/* ---- a step ---- */

static void
repair_step(const Step *step)
{
	RepairOptions options = {.placement = step->placement,
							 .max_rows = -1,
							 .actions = step->actions,
							 .by_policy = true,
							 .check = step->last};
	Oid			  role = copy_reader(step->placement, true);
	ActAs		  before;

	if (!OidIsValid(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("nobody may repair copy \"%s\"", step->placement),
				 errhint(
					 "Its owner, or a role that inherits him, needs SELECT on "
					 "the source of truth.")));
	progress_begin(step->placement);
	progress_phase(PROGRESS_REPAIRING, 0);
	before = act_as(role, true);
	(void) repair_copy(&options);
	act_done(&before);
	progress_end();
}

/* Run it in a subtransaction; what went wrong, or NULL. */
static ErrorData *
try_step(const Step *step)
{
	MemoryContext mcxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		repair_step(step);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return error;
}

/*
 * The drift that the step was about has had its repair: of the check before
 * it, and of the one that followed it.
 */
static void
note_step(const Step *step, const ErrorData *error)
{
	SpiArgs args = {0};

	if (!step->last && error == NULL)
		return;
	spi_arg_text(&args, step->placement);
	spi_arg_text(&args, error ? unpack_sql_state(error->sqlerrcode) : NULL);
	spi_arg_text(&args, error ? job_safe_message(error) : NULL);
	(void) spi_run("UPDATE spine.check_state SET mended_run = last_run,"
				   " mend_sqlstate = $2, mend_error = $3"
				   " WHERE placement = $1",
				   &args, SPI_OK_UPDATE);
	if (error == NULL)
		return;
	drop_steps(step->placement);
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("repair of copy \"%s\" failed: %s", step->placement,
					error->message)));
}

/* ---- the job ---- */

static bool
want_repair(void)
{
	return spi_read(due_sql, NULL) > 0;
}

/* One step; returns whether there are more. */
static bool
work_repair(void)
{
	const Step *step;

	if (plan == NIL)
		make_plan();
	if (plan == NIL)
		return false;
	step = linitial(plan);
	plan = list_delete_first(plan);
	note_step(step, try_step(step));
	job_request_at_commit();
	return plan != NIL;
}

void
mend_copies_init(void)
{
	static const Job mend = {"repair_replicas",
							 "Repairs confirmed drift of copies whose policy "
							 "is auto.",
							 0, false, work_repair};

	job_register_long(&mend, want_repair);
}
