/*-------------------------------------------------------------------------
 *
 * warm.c
 *		Before a check: the page caches of both sides, a slice at a time.
 *
 * A check in full of a large table holds one snapshot for as long as it
 * takes.  So the job has the caches of both sides brought up to date first, by
 * so many pages at a time, each in a short transaction of its own, here or on
 * the server of the side; the check itself then has little left to read.  How
 * far that got is in the caches, so a restart goes on where it stopped.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/check/compare.h"
#include "consistency/jobs/consistency_internal.h"
#include "consistency/check/copy.h"
#include "utils/guc.h"

/* One slice of a side, if its pages are what is compared. */
static WarmSlice
warm_side(const Copy *copy, Side *side, int pages)
{
	List	   *columns = copy_plain_columns(copy, side);
	WarmSlice	slice = {0};
	const char *params[3];
	RemoteRows *rows;

	if (columns == NIL || !side_uses_cache(side))
		return slice;
	params[0] = side->relation;
	params[1] = array_of_names(columns);
	params[2] = psprintf("%d", pages);
	rows = side_query(side,
					  "SELECT pages_done, pages_total FROM spine.warm_digest("
					  "$1::text::regclass, $2::text[], $3::int)",
					  3, params);
	slice.done = side_number(rows, 0, 0);
	slice.total = side_number(rows, 0, 1);
	return slice;
}

/* Both sides; what is done and what there is are of both together. */
WarmSlice
warm_copy(const char *placement, int pages)
{
	Copy	   *copy = copy_find(placement);
	int			settings = side_settings();
	WarmSlice	source = {0};
	WarmSlice	target;

	copy_open(copy);
	if (copy->source != NULL)
		source = warm_side(copy, copy->source, pages);
	target = warm_side(copy, copy->target, pages);
	copy_close(copy);
	AtEOXact_GUC(false, settings);
	target.done += source.done;
	target.total += source.total;
	return target;
}

/* Rows of a side that its cache has wrong. */
static int64
scrub_side(const Copy *copy, Side *side)
{
	List	   *columns = copy_plain_columns(copy, side);
	const char *params[2];

	if (columns == NIL || !side_uses_cache(side))
		return 0;
	params[0] = side->relation;
	params[1] = array_of_names(columns);
	return side_number(side_query(side,
								  "SELECT wrong FROM spine.scrub_digest("
								  "$1::text::regclass, $2::text[])",
								  2, params),
					   0, 0);
}

int64
scrub_copy(const char *placement)
{
	Copy *copy = copy_find(placement);
	int	  settings = side_settings();
	int64 wrong = 0;

	copy_open(copy);
	if (copy->source != NULL)
		wrong += scrub_side(copy, copy->source);
	wrong += scrub_side(copy, copy->target);
	copy_close(copy);
	AtEOXact_GUC(false, settings);
	return wrong;
}
