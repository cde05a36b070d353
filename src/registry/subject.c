/*-------------------------------------------------------------------------
 *
 * subject.c
 *		Subjects: their names, whose they are, who may change them.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/own_lock.h"
#include "base/rights.h"
#include "base/spi.h"
#include "catalog/spine_catalog.h"
#include "miscadmin.h"
#include "registry/subject.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Longer names are refused. */
#define MOST_NAME_BYTES 1024

/* ---- names ---- */

pg_noreturn static void bad_name(const char *text, const char *why);

static void
bad_name(const char *text, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is no name of a subject", text),
			 errdetail("%s", why)));
}

/* Names that paths of the registry's own are made of. */
static bool
is_reserved(const char *name)
{
	static const char *const reserved[] = {"ids", "types", "guids"};

	for (size_t i = 0; i < lengthof(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return false;
}

static void
check_name(const char *text, const char *name)
{
	if (name[0] == '\0')
		bad_name(text, "It is empty.");
	if (strlen(name) > MOST_NAME_BYTES)
		bad_name(text, "It is too long.");
	if (is_reserved(name))
		bad_name(text, "The names ids, types and guids are reserved.");
	for (const char *c = name; *c != '\0'; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f)
			bad_name(text, "It holds a control character.");
}

Subject *
subject_read(const char *text)
{
	Subject    *subject = palloc0(sizeof(Subject));
	const char *end;

	subject->context = DEFAULT_CONTEXT;
	subject->name = text;
	if (text[0] == ':' && text[1] == '.')
	{
		end = strchr(text + 1, ':');
		if (end == NULL)
			bad_name(text, "The context does not end with a colon.");
		subject->context = pnstrdup(text + 1, end - text - 1);
		subject->name = end + 1;
	}
	check_name(text, subject->name);
	subject->shown = strcmp(subject->context, DEFAULT_CONTEXT) == 0 ?
		subject->name :
		psprintf(":%s:%s", subject->context, subject->name);
	return subject;
}

/* ---- whose it is ---- */

/* A table is a subject by its asset key, a child of one by its own. */
static const char find_sql[] = "SELECT a.asset FROM spine.asset a"
							   " WHERE a.kind = 'dataset'"
							   " AND (a.asset = $1"
							   " OR a.definition -> 'subjects'"
							   " ? $1)"
							   " UNION ALL SELECT a.parent FROM spine.asset a"
							   " WHERE a.kind = 'child'"
							   " AND a.asset = $1 LIMIT 1";

void
subject_find(Subject *subject)
{
	SpiArgs		args = {0};

	spi_arg_text(&args, subject->shown);
	if (spi_read(find_sql, &args) > 0)
		subject->dataset = spi_keep_text(GetMemoryChunkContext(subject), 0, 1);
}

/* ---- who may change it ---- */

static const char delegates_sql[] =
	"SELECT d.party FROM spine.asset a"
	" LEFT JOIN spine.asset c ON c.asset = a.parent"
	" AND c.kind = 'context',"
	" LATERAL (SELECT e.key AS party, e.value AS duties"
	" FROM pg_catalog.jsonb_each(coalesce("
	"a.definition -> 'delegates', '{}')) e"
	" UNION ALL SELECT e.key, e.value FROM pg_catalog.jsonb_each(coalesce("
	"c.definition -> 'delegates', '{}')) e) d"
	" WHERE a.kind = 'dataset'"
	" AND a.asset = $1"
	" AND d.duties ?|"
	" ARRAY['schema_change', 'shape_evolution']";

/* Was the user left the dataset's shape, by it or by its context? */
static bool
is_delegate(const char *dataset, Oid user)
{
	SpiArgs		args = {0};
	uint64		parties;

	spi_arg_text(&args, dataset);
	parties = spi_read(delegates_sql, &args);
	for (uint64 i = 0; i < parties; i++)
		if (acts_for(user, catalog_party_role(spi_text(i, 1))))
			return true;
	return false;
}

static bool
may_evolve(const Subject *subject, Oid user)
{
	CatalogDataset *dataset;

	if (subject->dataset == NULL)
		return acts_for(user, get_role_oid("spine_publisher", true));
	dataset = catalog_dataset(subject->dataset);
	if (dataset != NULL && dataset->spec->standing != NULL &&
		acts_for(user, catalog_party_role(dataset->spec->standing)))
		return true;
	return is_delegate(subject->dataset, user);
}

void
subject_require(const Subject *subject, Oid user, const char *what)
{
	if (may_evolve(subject, user))
		return;
	if (subject->dataset == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to %s subject \"%s\"", what,
						subject->shown),
				 errdetail("No dataset lists it."),
				 errhint("Name it among the subjects of a dataset, or ask a "
						 "member of spine_publisher.")));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to %s subject \"%s\"", what,
					subject->shown),
			 errdetail("It belongs to dataset \"%s\".", subject->dataset),
			 errhint("The owner of the dataset may, and whoever the owner "
					 "leaves schema_change or shape_evolution to.")));
}

void
subject_lock(const Subject *subject)
{
	own_lock(OWN_LOCK_SUBJECT, subject->shown);
}
