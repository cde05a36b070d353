/*-------------------------------------------------------------------------
 *
 * apply_trust.c
 *		Changes of logical replication that were judged upstream.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "ownership/settle.h"

bool
apply_is_trusted(const SpecDataset *spec)
{
	return false;
}
