/*-------------------------------------------------------------------------
 *
 * gate_adopt.c
 *		First versions of the shapes of guarded relations.
 *
 * The job "table_shapes" keeps the shape of each guarded relation whose
 * subject has no version yet, one in each transaction, so that the migration
 * gate has something to judge against.  It comes after apply, or when
 * somebody calls spine.run_jobs.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/job.h"
#include "base/settings.h"
#include "base/spi.h"
#include "miscadmin.h"
#include "registry/gate.h"

/* Shapes that one transaction keeps, and names that health spells out. */
#define MOST_KEPT 50
#define MOST_NAMED 10

/* ---- which have none ---- */

/* Whether they are guarded is not known yet. */
static const char without_sql[] =
	"SELECT DISTINCT a.relid FROM spine.asset a WHERE a.relid <> 0"
	" AND NOT EXISTS (SELECT FROM spine.schema_version v"
	" WHERE v.context = '.' AND v.subject = a.asset) ORDER BY 1";

/* The subjects of guarded relations without any version (GateSubject). */
static List *
subjects_without(void)
{
	uint64		n = spi_read(without_sql, NULL);
	List	   *relations = NIL;
	List	   *subjects = NIL;
	ListCell   *lc;

	for (uint64 i = 0; i < n; i++)
		relations =
			lappend_oid(relations, DatumGetObjectId(spi_value(i, 1, NULL)));
	foreach (lc, relations)
	{
		GateSubject *subject = gate_subject(lfirst_oid(lc));

		CHECK_FOR_INTERRUPTS();
		if (subject != NULL)
			subjects = lappend(subjects, subject);
	}
	return subjects;
}

/* ---- the job ---- */

/* Audit rows and signals of what was kept. */
static void
announce(const List *accepted)
{
	ListCell   *lc;

	foreach (lc, accepted)
	{
		const GateAccepted *one = lfirst(lc);

		offer_announce(one->offer, &one->published);
	}
}

/* Keep the shapes of some; is there more to do? */
static bool
work_shapes(void)
{
	List	   *accepted = NIL;
	ListCell   *lc;

	if (!spine_migration_gate || IsBinaryUpgrade)
		return false;
	foreach (lc, subjects_without())
	{
		CHECK_FOR_INTERRUPTS();
		accepted =
			list_concat(accepted,
						gate_adopt(lfirst(lc),
								   GetUserNameFromId(GetUserId(), false)));
		if (list_length(accepted) == MOST_KEPT)
			break;
	}
	announce(accepted);
	return list_length(accepted) == MOST_KEPT;
}

/* ---- health ---- */

/* A row "shapes": which guarded relations have no version yet. */
static void
report_shapes(void (*report)(void *arg, const char *check_name, bool ok,
							 const char *detail, const char *hint),
			  void *arg)
{
	StringInfoData names;
	ListCell   *lc;
	int			n = 0;

	if (!spine_migration_gate)
		return;
	initStringInfo(&names);
	foreach (lc, subjects_without())
	{
		const GateSubject *subject = lfirst(lc);

		if (n++ < MOST_NAMED)
			appendStringInfo(&names, "%s%s", n > 1 ? ", " : "", subject->key);
	}
	if (n > MOST_NAMED)
		appendStringInfo(&names, ", and %d more", n - MOST_NAMED);
	report(
		arg, "shapes", true, names.data,
		n > 0 ?
			"Their first version comes with the job table_shapes: CALL spine.run_jobs('table_shapes')." :
			NULL);
}

void
gate_adopt_init(void)
{
	static const Job shapes =
		{"table_shapes",
		 "Keeps the shapes of guarded tables as the first versions of their "
		 "subjects.",
		 0, false, work_shapes};

	job_register(&shapes);
	catalog_register_health(report_shapes);
}
