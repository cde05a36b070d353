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
int			spine_require_owner_level = REQUIRE_OWNER_OFF;

static const struct config_enum_entry require_owner_words[] =
	{{"off", REQUIRE_OWNER_OFF, false},
	 {"warn", REQUIRE_OWNER_WARN, false},
	 {"error", REQUIRE_OWNER_ERROR, false},
	 {NULL, 0, false}};

void
settings_init(void)
{
	DefineCustomStringVariable("spine.store",
							   "Name of the store that this database is.",
							   "Needed only where a document has several "
							   "stores of kind postgres without a server.",
							   &spine_store, "", PGC_SUSET, 0, NULL, NULL,
							   NULL);

	DefineCustomEnumVariable(
		"spine.require_owner",
		"What happens to a table that is made without an owner.",
		"It concerns schemas that a context lists or that hold governed "
		"tables; superusers and spine_admin are only warned.",
		&spine_require_owner_level, REQUIRE_OWNER_OFF, require_owner_words,
		PGC_SUSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("spine");
}
