/*-------------------------------------------------------------------------
 *
 * settings.c
 *		The settings spine.*
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/settings.h"
#include "utils/guc.h"

char	   *spine_store = NULL;

void
settings_init(void)
{
	DefineCustomStringVariable("spine.store",
							   "Name of the store that this database is.",
							   "Needed only where a document has several "
							   "stores of kind postgres without a server.",
							   &spine_store, "", PGC_SUSET, 0, NULL, NULL,
							   NULL);

	MarkGUCPrefixReserved("spine");
}
