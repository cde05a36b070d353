/*-------------------------------------------------------------------------
 *
 * scrub.c
 *		The job scrub_copies: what page caches say, asked of the storage.
 *
 * A check by page cache proves that pages which did not change still hold
 * what they held, if the storage is honest.  Once a week the caches of each
 * copy's sides are compared with every row; one that is wrong is removed, and
 * the copy is checked anew.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/xact.h"
#include "base/job.h"
#include "base/rights.h"
#include "base/spi.h"
#include "consistency/jobs/consistency_internal.h"
#include "executor/spi.h"
#include "utils/resowner.h"

/* Copies that were proved, and not scrubbed for a week. */
static const char due_sql[] =
	"SELECT p.placement FROM spine.check_plan p"
	" JOIN spine.check_state s ON s.placement = p.placement"
	" WHERE p.automatic AND s.proved_at IS NOT NULL"
	" AND coalesce(s.scrubbed_at, s.seen_at)"
	" < pg_catalog.now() - '7 days'::interval ORDER BY 1 LIMIT 1";

/* In a subtransaction, as who checks the copy; -1 if it failed. */
static int64
try_scrub(const char *placement)
{
	MemoryContext  mcxt = CurrentMemoryContext;
	ResourceOwner  owner = CurrentResourceOwner;
	Oid			   role = copy_reader(placement, false);
	volatile int64 wrong = -1;

	if (!OidIsValid(role))
		return -1;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		ActAs before = act_as(role, true);

		wrong = scrub_copy(placement);
		act_done(&before);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		if (geterrcode() == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		/* The check tells of it, where it fails for the same reason. */
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		wrong = -1;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return wrong;
}

static void
note_scrub(const char *placement, bool wrong)
{
	SpiArgs args = {0};

	spi_arg_text(&args, placement);
	(void) spi_run("UPDATE spine.check_state SET scrubbed_at ="
				   " pg_catalog.now() WHERE placement = $1",
				   &args, SPI_OK_UPDATE);
	if (wrong)
		(void) spi_run("INSERT INTO spine.check_request VALUES ($1, 'digest',"
					   " pg_catalog.clock_timestamp(), current_user)",
					   &args, SPI_OK_INSERT);
}

/* One copy; returns whether there are more. */
static bool
work_scrub(void)
{
	char *placement;

	if (spi_read(due_sql, NULL) == 0)
		return false;
	placement = spi_text(0, 1);
	note_scrub(placement, try_scrub(placement) > 0);
	return true;
}

static bool
want_scrub(void)
{
	return spi_read(due_sql, NULL) > 0;
}

void
scrub_copies_init(void)
{
	static const Job scrub = {"scrub_copies",
							  "Compares page caches of copies and sources "
							  "with all rows, once a week.",
							  3600, false, work_scrub};

	job_register_long(&scrub, want_scrub);
}
