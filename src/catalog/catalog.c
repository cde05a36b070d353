/*-------------------------------------------------------------------------
 *
 * catalog.c
 *		The start of the catalog room.
 *
 * The room keeps no state of its own in a backend: other rooms register
 * their hooks in the files that call them (steps in plan.c, checks in
 * validate.c, pins in projection.c, health in health.c).
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/spine_catalog.h"

void
catalog_init(void)
{
}
