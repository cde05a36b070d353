/*-------------------------------------------------------------------------
 *
 * rights_diff.h
 *		What two documents allow and deny differently.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RIGHTS_DIFF_H
#define RIGHTS_DIFF_H

#include "catalog/catalog_internal.h"

/* One right of one party that differs. */
typedef struct RightChange
{
	const char *dataset; /* asset key; of a child where it is one */
	const char *party;	 /* NULL: everybody else with the table privilege */
	const char *state;	 /* NULL: whatever the state */
	const char *action;	 /* insert, delete, write, transition, truncate */
	const char *target;	 /* column, path, "-> state", or NULL */
	const char *change;	 /* allowed, denied, condition */
	const char *before;	 /* what held; NULL: the table was not governed */
	const char *after;	 /* what holds */
} RightChange;

/* Called for each; what it is given lives only until it returns. */
typedef void (*RightVisit)(void *arg, const RightChange *change);

/* Which changes are wanted. */
typedef struct RightsWanted
{
	const char *dataset; /* of this dataset alone, or NULL */
	bool		common;	 /* of tables that both documents govern alone */
	RightVisit	visit;
	void	   *arg;
} RightsWanted;

/* Visit what differs.  Returns whether the wanted dataset is in a document. */
extern bool documents_diff_rights(const JsonbContainer *before,
								  const JsonbContainer *after,
								  const RightsWanted *wanted);

/* The same as steps (a List of PlanStep) of kind "right", for spine.diff. */
extern List *document_right_steps(const JsonbContainer *before,
								  const JsonbContainer *after);

#endif /* RIGHTS_DIFF_H */
