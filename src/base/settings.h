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

/* spine.workers: do launcher and stewards work at all? */
extern bool spine_workers;
/* spine.steward_interval: seconds between visits to a database, at least. */
extern int	spine_steward_interval;
/* spine.max_stewards: visits that there may be at a time. */
extern int	spine_max_stewards;

/* spine.max_long_stewards: the same of visits for long jobs. */
extern int	spine_max_long_stewards;

/* spine.denied_ring_size: refused attempts that shared memory has room for;
 * means something only where spine is preloaded. */
extern int	spine_denied_ring_size;

/* spine.denied_rate: refused attempts kept in a second, of a role at an
 * attribute of a dataset. */
extern int	spine_denied_rate;

/* spine.audit_keep: how long the logs keep rows, as an interval; '' = ever. */
extern char *spine_audit_keep;

/* spine.override_max: longest life of an override, in seconds. */
extern int	spine_override_max;

/* spine.check_max_lag: milliseconds that a standby may lag behind before
 * checks of copies wait; 0: they never do. */
extern int	spine_check_max_lag;

/* spine.confirm_wait: milliseconds that a check waits, at most, for a copy to
 * come to where its source was. */
extern int	spine_confirm_wait;

/* spine.schema_cache: kilobytes of parsed schemas that a session keeps. */
extern int	spine_schema_cache;

/* spine.migration_gate: are migrations of guarded tables judged? */
extern bool spine_migration_gate;

/* spine.page_cache_limit: megabytes that all page caches may take; 0: there
 * are none, -1: as many as they like. */
extern int	spine_page_cache_limit;

/* spine.check_pages_per_second: pages that the job reads into page caches
 * before a check, at most; 0: as fast as it can. */
extern int	spine_check_pages_per_second;

/* spine.check_keep: how long all checks are kept, as an interval; '' = ever. */
extern char *spine_check_keep;

extern void settings_init(void);

#endif /* SPINE_SETTINGS_H */
