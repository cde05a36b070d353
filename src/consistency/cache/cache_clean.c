/*-------------------------------------------------------------------------
 *
 * cache_clean.c
 *		How many page caches there are, and which are of no use any more.
 *
 * A cache whose table was dropped, truncated or rewritten is asked for by
 * nobody: its files stay until they are removed here.  To remove one too many
 * costs a digest in full, nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "base/compat.h"
#include "base/job.h"
#include "base/rights.h"
#include "base/settings.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "consistency/cache/cache_clean.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(spine_clean_page_cache);
PG_FUNCTION_INFO_V1(spine_page_cache);

/* Caches that one table may have, of several sets of columns. */
#define MOST_OF_ONE 8

/* Seconds after which a cache that nobody wrote to is removed. */
#define UNUSED_SECONDS (30 * 24 * 60 * 60)

/* A file below pg_spine. */
typedef struct Found
{
	char		path[MAXPGPATH];
	Oid			database;
	Oid			file;
	bool		map;		/* or the file of rows */
	uint64		bytes;
	time_t		written;
} Found;

/* ---- the directory ---- */

/* Is it one of our files?  Then say what its name and the system tell. */
static bool
look_at_file(const char *name, Found *found)
{
	const char *suffix = strrchr(name, '.');
	struct stat status;

	if (suffix == NULL ||
		sscanf(name, CACHE_PREFIX "%u_%u_", &found->database, &found->file) !=
			2)
		return false;
	found->map = strcmp(suffix, ".map") == 0;
	snprintf(found->path, sizeof(found->path), CACHE_DIRECTORY "/%s", name);
	if (stat(found->path, &status) != 0)
		return false;
	found->bytes = status.st_size;
	found->written = status.st_mtime;
	return true;
}

/* The next of our files; closes the directory after the last one. */
static bool
next_file(DIR *dir, Found *found)
{
	struct dirent *entry;

	while (dir != NULL &&
		   (entry = ReadDirExtended(dir, CACHE_DIRECTORY, LOG)) != NULL)
		if (look_at_file(entry->d_name, found))
			return true;
	if (dir != NULL)
		FreeDir(dir);
	return false;
}

/* ---- room ---- */

uint64
cache_limit(void)
{
	return spine_page_cache_limit < 0 ?
		PG_UINT64_MAX :
		(uint64) spine_page_cache_limit * 1024 * 1024;
}

bool
cache_has_room(const CacheIdentity *identity)
{
	DIR		   *dir = AllocateDir(CACHE_DIRECTORY);
	uint64		bytes = 0;
	int			same = 0;
	Found		found;

	while (next_file(dir, &found))
	{
		bytes += found.bytes;
		same += found.map && found.database == identity->database &&
			found.file == identity->file;
	}
	return bytes < cache_limit() && same < MOST_OF_ONE;
}

/* ---- cleaning ---- */

/* Is the map that of a file that its table still has? */
static bool
table_has_file(const CacheHead *head)
{
	HeapTuple	tuple =
		SearchSysCache1(RELOID, ObjectIdGetDatum(head->identity.relid));
	bool		same = false;

	if (HeapTupleIsValid(tuple))
	{
		same = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode ==
			head->identity.file;
		ReleaseSysCache(tuple);
	}
	return same;
}

static bool
is_useless(const Found *found)
{
	CacheHead	head;
	struct stat status;
	char		map[MAXPGPATH];

	if (time(NULL) - found->written > UNUSED_SECONDS)
		return true;
	if (found->database != MyDatabaseId)
		return !SearchSysCacheExists1(DATABASEOID,
									  ObjectIdGetDatum(found->database));
	if (found->map)
		return !cache_file_read_head(found->path, &head) ||
			head.identity.system != GetSystemIdentifier() ||
			!table_has_file(&head);

	/* Rows without a map. */
	strlcpy(map, found->path, sizeof(map));
	strlcpy(strrchr(map, '.'), ".map", 5);
	return stat(map, &status) != 0;
}

int
page_cache_clean(void)
{
	DIR		   *dir = AllocateDir(CACHE_DIRECTORY);
	int			removed = 0;
	Found		found;

	while (next_file(dir, &found))
	{
		CHECK_FOR_INTERRUPTS();
		if (is_useless(&found) && unlink(found.path) == 0)
			removed += found.map;
	}
	return removed;
}

static bool
clean_work(void)
{
	(void) page_cache_clean();
	return false;
}

void
page_cache_init(void)
{
	static const Job clean = {"clean_page_cache",
							  "Removes page caches of tables that are gone.",
							  60 * 60, false, clean_work};

	job_register(&clean);
}

/* spine.clean_page_cache(): see docs/incremental.md. */
Datum
spine_clean_page_cache(PG_FUNCTION_ARGS)
{
	require_spine_role("spine_steward", "clean the page cache");
	PG_RETURN_INT32(page_cache_clean());
}

/* ---- listing ---- */

/* spine.page_cache(): the caches of this database whose tables one can read. */
Datum
spine_page_cache(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DIR		   *dir;
	Found		found;

	InitMaterializedSRF(fcinfo, 0);
	dir = AllocateDir(CACHE_DIRECTORY);
	while (next_file(dir, &found))
	{
		CacheHead	head;
		Datum		values[6];
		bool		nulls[6] = {false};

		if (!found.map || found.database != MyDatabaseId ||
			!cache_file_read_head(found.path, &head) ||
			!table_has_file(&head) ||
			pg_class_aclcheck(head.identity.relid, GetUserId(), ACL_SELECT) !=
				ACLCHECK_OK)
			continue;
		values[0] = ObjectIdGetDatum(head.identity.relid);
		values[1] = Int64GetDatum(head.pages);
		values[2] = Int64GetDatum(head.total.rows);
		values[3] = Int64GetDatum(head.unsettled);
		values[4] =
			Int64GetDatum(found.bytes + head.units * sizeof(CacheSlot));
		values[5] = LSNGetDatum(head.position);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
