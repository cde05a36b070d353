/*-------------------------------------------------------------------------
 *
 * read_audit.c
 *		Who read which governed relation when, for datasets with audit_reads.
 *
 * PostgreSQL asks ExecutorCheckPerms_hook about each statement that passed its
 * own checks, with every relation that needs rights: those that the statement
 * names, and those below its views.  COPY of a table asks too.  Partitions and
 * children that a statement does not name need no rights, so each relation
 * counts once, under the name that was used.
 *
 * A statement pays one hash probe for each relation that it reads.  What is
 * known of a relation, be it that it is not audited, dies by relcache
 * invalidation of it; spine.project() announces all tables of a dataset that
 * changed.  The callback reads no catalog.
 *
 * EXPLAIN asks for rights as well, but reads nothing: ExecutorStart_hook tells
 * the two apart.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/spine_catalog.h"
#include "common/pg_prng.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ownership/read_audit.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

/* What is known of one relation. */
typedef struct Audited
{
	Oid			relid;	 /* hash key */
	double		share;	 /* 0: its reads are not recorded */
	char	   *dataset; /* asset key, or NULL */
} Audited;

static HTAB *cache = NULL;
static uint64 announced = 1; /* grows with every invalidation heard */

/* The statement that is being started; CMD_UNKNOWN outside of that. */
static CmdType starting = CMD_UNKNOWN;
static bool explaining = false; /* it will not run */
static int	worker_starts = 0;	/* statements that a parallel worker started */

static ExecutorStart_hook_type next_start = NULL;
static ExecutorCheckPerms_hook_type next_check = NULL;

/* ---- what is audited ---- */

/* Forget one relation. */
static void
forget(Audited *entry)
{
	if (entry->dataset != NULL)
		pfree(entry->dataset);
	(void) hash_search(cache, &entry->relid, HASH_REMOVE, NULL);
}

/* Relcache callback: one relation, or all of them if relid is invalid. */
static void
audited_invalidate(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS seq;
	Audited    *entry;

	announced++;
	if (cache == NULL)
		return;
	if (OidIsValid(relid))
	{
		entry = hash_search(cache, &relid, HASH_FIND, NULL);
		if (entry != NULL)
			forget(entry);
		return;
	}
	hash_seq_init(&seq, cache);
	while ((entry = hash_seq_search(&seq)) != NULL)
		forget(entry);
}

static void
audited_create(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Audited);
	ctl.hcxt = TopMemoryContext;
	cache = hash_create("spine audited relations", 128, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Ask the catalog about a relation. */
static void
audited_load(Audited *found)
{
	char	   *child;
	char	   *key;

	found->share = 0;
	found->dataset = NULL;
	/* Nothing temporary is governed. */
	if (get_rel_persistence(found->relid) == RELPERSISTENCE_TEMP)
		return;
	key = catalog_dataset_of(found->relid, &child);
	if (key == NULL)
		return;
	found->share = catalog_audit_reads(key);
	if (found->share <= 0)
		return;
	found->dataset =
		child == NULL ? key : psprintf("%s.%s", key, asset_key_quote(child));
}

/* Look a relation up that is not in the cache, and keep what was found. */
static pg_noinline Audited *
audited_find(Oid relid)
{
	MemoryContext mcxt =
		AllocSetContextCreate(CurrentMemoryContext, "spine audited relation",
							  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(mcxt);
	Audited    *entry;
	Audited		found;
	uint64		before;
	bool		had;
	char	   *lasting = NULL;

	found.relid = relid;
	do
	{
		CHECK_FOR_INTERRUPTS();
		before = announced;
		audited_load(&found);
	} while (before != announced);

	if (found.dataset != NULL)
		lasting = MemoryContextStrdup(TopMemoryContext, found.dataset);
	entry = hash_search(cache, &relid, HASH_ENTER, &had);
	entry->share = found.share;
	entry->dataset = lasting;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(mcxt);
	return entry;
}

/* What is known of a relation; good until catalogs are read again. */
static inline const Audited *
audited_lookup(Oid relid)
{
	Audited    *entry;

	if (unlikely(cache == NULL))
		audited_create();
	entry = hash_search(cache, &relid, HASH_FIND, NULL);
	return likely(entry != NULL) ? entry : audited_find(relid);
}

/* ---- what a statement reads ---- */

static const char *
command_name(void)
{
	switch (starting)
	{
		case CMD_SELECT:
			return "SELECT";
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_DELETE:
			return "DELETE";
		case CMD_MERGE:
			return "MERGE";
		default:
			return "COPY";
	}
}

/* All columns of a relation that are not dropped. */
static List *
all_columns(Oid relid)
{
	List	   *columns = NIL;
	AttrNumber	attnum = 0;

	for (;;)
	{
		HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										  Int16GetDatum(++attnum));
		Form_pg_attribute att;

		if (!HeapTupleIsValid(tuple))
			return columns;
		att = (Form_pg_attribute) GETSTRUCT(tuple);
		if (!att->attisdropped)
			columns = lappend(columns, pstrdup(NameStr(att->attname)));
		ReleaseSysCache(tuple);
	}
}

/*
 * Does the statement read this relation?  One that writes it and names none of
 * its columns does not, nor does a foreign key's own check, which locks or
 * writes the rows and runs as the table's owner.
 */
static inline bool
reads(const WantedRights *entry)
{
	if (!wants_rights(entry) || (entry->requiredPerms & ACL_SELECT) == 0 ||
		entry->relid < FirstNormalObjectId)
		return false;
	if ((entry->requiredPerms & (ACL_INSERT | ACL_UPDATE | ACL_DELETE)) == 0)
		return true;
	return !bms_is_empty(entry->selectedCols) && !InNoForceRLSOperation();
}

/* Do two entries of a statement read the same relation with the same rights? */
static bool
same_read(const WantedRights *a, const WantedRights *b)
{
	return a->relid == b->relid && a->checkAsUser == b->checkAsUser &&
		reads(b);
}

/* Is the relation one that an earlier entry of the statement reads? */
static bool
is_repeated(const WantedRights *entry, const List *wanted)
{
	ListCell   *lc;

	foreach (lc, wanted)
	{
		if (lfirst(lc) == entry)
			return false;
		if (same_read(entry, lfirst(lc)))
			return true;
	}
	return false;
}

/* The names of the columns that a statement reads; a whole row is all. */
static List *
read_columns(const WantedRights *entry, const List *wanted)
{
	Bitmapset  *numbers = NULL;
	List	   *columns = NIL;
	ListCell   *lc;
	int			n = -1;

	foreach (lc, wanted)
		if (same_read(entry, lfirst(lc)))
			numbers =
				bms_add_members(numbers,
								((WantedRights *) lfirst(lc))->selectedCols);
	if (bms_is_member(-FirstLowInvalidHeapAttributeNumber, numbers))
		return all_columns(entry->relid);
	while ((n = bms_next_member(numbers, n)) >= 0)
	{
		char *name = get_attname(entry->relid,
								 n + FirstLowInvalidHeapAttributeNumber, true);

		if (name != NULL)
			columns = lappend(columns, name);
	}
	return columns;
}

static char *
relation_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name == NULL ?
		psprintf("%u", relid) :
		quote_qualified_identifier(get_namespace_name(
									   get_rel_namespace(relid)),
								   name);
}

/* The views among the relations of a statement (List of ReadThrough). */
static List *
views_of(const List *wanted)
{
	List	   *views = NIL;
	ListCell   *lc;

	foreach (lc, wanted)
	{
		const WantedRights *entry = lfirst(lc);
		ReadThrough *through;

		if (!reads(entry) || is_repeated(entry, wanted) ||
			get_rel_relkind(entry->relid) != RELKIND_VIEW)
			continue;
		through = palloc(sizeof(ReadThrough));
		through->view = relation_name(entry->relid);
		through->columns = read_columns(entry, wanted);
		views = lappend(views, through);
	}
	return views;
}

/* Record that the statement reads a relation, unless the dice say no. */
static pg_noinline void
record(const WantedRights *entry, const Audited *audited, const List *wanted)
{
	MemoryContext mcxt;
	MemoryContext old;
	ReadEvent	event = {0};

	if (is_repeated(entry, wanted) ||
		(audited->share < 1 &&
		 pg_prng_double(&pg_global_prng_state) >= audited->share))
		return;

	mcxt = AllocSetContextCreate(CurrentMemoryContext, "spine read event",
								 ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(mcxt);
	/* Copied first: reading catalogs may move what is known. */
	event.share = audited->share;
	event.dataset = pstrdup(audited->dataset);
	event.relid = entry->relid;
	event.relation = relation_name(entry->relid);
	event.columns = read_columns(entry, wanted);
	event.command = command_name();
	event.as = entry->checkAsUser;
	if (OidIsValid(entry->checkAsUser))
		event.through = views_of(wanted);
	read_log_push(&event);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(mcxt);
}

/*
 * Is it no statement of its own that asks?  EXPLAIN does not run; what a
 * parallel worker starts first is a part of its leader's statement.
 */
static inline bool
is_no_statement(void)
{
	return explaining || (IsParallelWorker() && worker_starts <= 1);
}

/* ---- the hooks ---- */

static bool
read_check_perms(CHECK_PERMS_PARAMETERS)
{
	ListCell   *lc;

	if (next_check != NULL && !next_check(CHECK_PERMS_ARGUMENTS))
		return false;

	/* Who does not want an error only asks. */
	if (!ereport_on_violation || is_no_statement())
		return true;
	foreach (lc, wantedRights)
	{
		const WantedRights *entry = lfirst(lc);
		const Audited *audited;

		if (!reads(entry))
			continue;
		audited = audited_lookup(entry->relid);
		if (unlikely(audited->share > 0))
			record(entry, audited, wantedRights);
	}
	return true;
}

/* An error on the way is followed by an abort, which forgets the statement. */
static void
read_executor_start(QueryDesc *query, int eflags)
{
	CmdType		outer = starting;
	bool		outer_explains = explaining;

	starting = query->operation;
	explaining = (eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0;
	if (IsParallelWorker())
		worker_starts++;

	if (next_start != NULL)
		next_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);

	starting = outer;
	explaining = outer_explains;
}

static void
nothing_starts(void)
{
	starting = CMD_UNKNOWN;
	explaining = false;
}

static void
transaction_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		nothing_starts();
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId mine,
					 SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		nothing_starts();
}

/* ---- health ---- */

/* Is the library named in a list of libraries? */
static bool
names_spine(const char *libraries)
{
	List	   *names = NIL;
	ListCell   *lc;

	if (libraries == NULL ||
		!SplitDirectoriesString(pstrdup(libraries), ',', &names))
		return false;
	foreach (lc, names)
		if (strcmp(lfirst(lc), "spine") == 0 ||
			strcmp(lfirst(lc), "$libdir/spine") == 0)
			return true;
	return false;
}

/*
 * Is it loaded into every session of this database?  What a role or a session
 * sets for itself says nothing of the others.
 */
static bool
loaded_everywhere(void)
{
	static const char *const sql =
		"SELECT setting FROM pg_catalog.pg_settings"
		" WHERE name = 'session_preload_libraries'"
		" AND source NOT IN ('user', 'database user', 'client', 'session')";

	if (names_spine(GetConfigOption("shared_preload_libraries", true, false)))
		return true;
	return SPI_execute(sql, true, 1) == SPI_OK_SELECT && SPI_processed == 1 &&
		names_spine(
			   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
}

/* Says nothing where no dataset has its reads audited. */
static void
read_audit_health(void (*report)(void *arg, const char *check_name, bool ok,
								 const char *detail, const char *hint),
				  void *arg)
{
	int			datasets = 0;
	bool		loaded;
	bool		everywhere;
	uint64		logged;
	ListCell   *lc;

	foreach (lc, catalog_local_datasets())
		if (((SpecDataset *) lfirst(lc))->audit_reads > 0)
			datasets++;
	if (datasets == 0)
		return;
	loaded = loaded_everywhere();
	logged = read_log_logged(&everywhere);
	report(arg, "audit_reads", loaded,
		   psprintf("%d datasets; %s; reads that stand in the server's log "
					"alone: " UINT64_FORMAT " %s",
					datasets,
					loaded ? "the library is loaded into every session" :
							 "sessions that do not load the library are not "
							 "seen",
					logged,
					everywhere ? "since the server started" :
								 "of this session"),
		   loaded ? NULL :
					"Add spine to session_preload_libraries or "
					"shared_preload_libraries.");
}

void
read_audit_init(void)
{
	CacheRegisterRelcacheCallback(audited_invalidate, (Datum) 0);
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
	next_check = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = read_check_perms;
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = read_executor_start;
	catalog_register_health(read_audit_health);
	read_log_init();
}
