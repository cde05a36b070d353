/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings spine.*, listed in docs/settings.md.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_SETTINGS_H
#define SPINE_SETTINGS_H

/* spine.store: which store of the document this database is; '' = the only
 * one of kind postgres without a server. */
extern char *spine_store;

/* spine.require_owner: what happens to a table that is made in a governed
 * schema and that no dataset names. */
typedef enum RequireOwner
{
	REQUIRE_OWNER_OFF,
	REQUIRE_OWNER_WARN,
	REQUIRE_OWNER_ERROR
} RequireOwner;
extern int	spine_require_owner_level;

extern void settings_init(void);

#endif /* SPINE_SETTINGS_H */
