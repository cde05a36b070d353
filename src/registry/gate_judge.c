/*-------------------------------------------------------------------------
 *
 * gate_judge.c
 *		What a transaction does to the shape of a governed relation, and
 *		which of it the subject's level forbids.
 *
 * Only the transaction's own doing counts: what differs between the shape
 * before it and now.  And only what leads away from the accepted shape: to add
 * a constraint that is accepted but not there yet, as a restore does, is no
 * migration.  Programs find the relation by its name, so it is the relation of
 * the old name that is compared: a view that was put there keeps the promise.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/jb.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "registry/gate.h"
#include "registry/publish.h"
#include "registry/request.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

char *
gate_shape(Oid relid)
{
	SpiArgs		args = {0};
	MemoryContext own = CurrentMemoryContext;

	if (!OidIsValid(relid) || get_rel_relkind(relid) == '\0')
		return NULL;
	spi_arg(&args, OIDOID, ObjectIdGetDatum(relid), false);
	(void) spi_run("SELECT spine.table_schema($1::pg_catalog.regclass)"
				   "::pg_catalog.text",
				   &args, SPI_OK_SELECT);
	return spi_keep_text(own, 0, 1);
}

/* ---- differences ---- */

static const Schema *
parse_shape(Engine *engine, const char *text)
{
	char	   *utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);

	utf8 = engine_copy(engine, utf8, strlen(utf8));
	return table_format.parse(engine, utf8, strlen(utf8), NULL, 0);
}

static SchemaDifferences
compare_shapes(Engine *engine, const char *old, const char *new)
{
	SchemaDifferences differences = {NULL, NULL, 0};
	SchemaPolicy policy = {0};

	table_format.diff(engine, parse_shape(engine, old),
					  parse_shape(engine, new), &policy, &differences);
	return differences;
}

static bool
is_among(const SchemaDifferences *differences, const SchemaDifference *one)
{
	for (const SchemaDifference *d = differences->first; d != NULL;
		 d = d->next)
		if (strcmp(d->kind, one->kind) == 0 && strcmp(d->path, one->path) == 0)
			return true;
	return false;
}

/*
 * Until the first version of a subject is kept, its relation may still be in
 * the making: a restore adds these when the guard is there already.
 */
static bool
is_of_making(const char *kind)
{
	static const char *const kinds[] = {"CONSTRAINT_", "ROW_SECURITY_",
										"POLICY_", "REPLICA_IDENTITY_"};

	for (size_t i = 0; i < lengthof(kinds); i++)
		if (strncmp(kind, kinds[i], strlen(kinds[i])) == 0 &&
			strstr(kind, "REMOVED") == NULL)
			return true;
	return false;
}

/* The transaction's own differences that lead away from what is accepted. */
static void
note_differences(GateVerdict *verdict, const char *accepted, const char *now)
{
	const char *before = verdict->subject->before;
	SchemaDifferences net =
		compare_shapes(verdict->engine, before ? before : accepted, now);
	SchemaDifferences away = compare_shapes(verdict->engine, accepted, now);

	for (SchemaDifference *d = net.first; d != NULL; d = d->next)
		if (is_among(&away, d) &&
			!(accepted == before && is_of_making(d->kind)))
			verdict->differences = lappend(verdict->differences, d);
}

/* A difference that no shape shows. */
static void
note_whole(GateVerdict *verdict, const char *kind, const char *message)
{
	SchemaDifferences one = {NULL, NULL, 0};

	difference_add(verdict->engine, &one, kind,
				   BREAKS_BACKWARD | BREAKS_FORWARD, "", "%s", message);
	verdict->differences = lappend(verdict->differences, one.first);
}

/* ---- the verdict ---- */

/* The last accepted shape, else the very one before the transaction, or
 * NULL. */
static const char *
accepted_shape(const GateSubject *subject)
{
	List	   *versions =
		stored_versions(CurrentMemoryContext, subject_read(subject->key));

	for (int i = list_length(versions) - 1; i >= 0; i--)
	{
		const StoredVersion *version = list_nth(versions, i);

		if (!version->deleted)
			return version->text;
	}
	return subject->before;
}

static char *
name_now(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name ? quote_qualified_identifier(get_namespace_name(
												 get_rel_namespace(relid)),
											 name) :
				  NULL;
}

/* Compare what programs find by the old name. */
static void
find_differences(GateVerdict *verdict)
{
	const GateSubject *subject = verdict->subject;
	const char *accepted = accepted_shape(subject);
	Oid named = subject->name ? spec_relation_oid(subject->name) : InvalidOid;
	Oid			relid = OidIsValid(named) ? named : subject->relid;
	char	   *now = gate_shape(relid);

	verdict->after =
		relid == subject->relid ? now : gate_shape(subject->relid);
	verdict->name = name_now(subject->relid);
	if (verdict->after == NULL)
	{
		/* made anew under its name? */
		verdict->after = now;
		verdict->name = OidIsValid(named) ? subject->name : NULL;
	}
	if (now == NULL)
		note_whole(verdict, "RELATION_REMOVED",
				   "old programs find no relation of this name");
	else if (accepted != NULL)
		note_differences(verdict, accepted, now);
	if (now != NULL && !OidIsValid(named) && subject->name != NULL)
		note_whole(verdict, "RELATION_RENAMED",
				   "old programs find no relation of its old name");
}

static void
find_violations(GateVerdict *verdict)
{
	StoredSetting setting =
		stored_setting(CurrentMemoryContext,
					   subject_read(verdict->subject->key), table_format.name);
	SchemaLevel level =
		request_level(&table_format, cstring_to_text(setting.level));
	ListCell   *lc;

	verdict->level = setting.level;
	foreach (lc, verdict->differences)
	{
		SchemaDifference *difference = lfirst(lc);

		if ((difference->breaks & level.wanted) != 0 &&
			!approval_covers(verdict->subject->dataset, difference))
			verdict->violations = lappend(verdict->violations, difference);
	}
}

GateVerdict *
gate_judge(const GateSubject *subject)
{
	GateVerdict *verdict = palloc0(sizeof(GateVerdict));
	CatalogDataset *dataset = catalog_dataset(subject->dataset);

	verdict->subject = subject;
	verdict->engine = engine_begin();
	verdict->dataset = dataset ? dataset->spec : NULL;
	find_differences(verdict);
	find_violations(verdict);
	return verdict;
}

/* ---- accepting ---- */

/* {"relation": name} */
static Datum
name_metadata(const char *name)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(&state, "relation", name);
	return JsonbPGetDatum(
		JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Publish a shape, unless the newest version is it already. */
static List *
publish_shape(List *accepted, const GateSubject *subject, const char *shape,
			  const char *name, const char *origin, const char *author)
{
	Offer	   *offer = palloc0(sizeof(Offer));
	GateAccepted *one = palloc0(sizeof(GateAccepted));

	offer->mcxt = CurrentMemoryContext;
	offer->subject = subject_read(subject->key);
	offer->subject->dataset = subject->dataset;
	offer->format = &table_format;
	offer->text = shape;
	offer->metadata = name_metadata(name);
	offer->origin = origin;
	subject_lock(offer->subject);
	offer_judge(offer);
	one->offer = offer;
	one->published = offer_publish(offer, author);
	return one->published.created ? lappend(accepted, one) : accepted;
}

/* The first migration of a subject also tells what was there before. */
static bool
has_version(const GateSubject *subject)
{
	return stored_versions(CurrentMemoryContext, subject_read(subject->key)) !=
		NIL;
}

List *
gate_accept(const GateVerdict *verdict, const char *author)
{
	const GateSubject *subject = verdict->subject;
	List	   *accepted = NIL;

	if (verdict->after == NULL || verdict->differences == NIL)
		return NIL;
	if (subject->before != NULL && !has_version(subject))
		accepted = publish_shape(accepted, subject, subject->before,
								 subject->name, "migration", author);
	return publish_shape(accepted, subject, verdict->after, verdict->name,
						 "migration", author);
}

List *
gate_adopt(const GateSubject *subject, const char *author)
{
	char	   *shape = has_version(subject) ? NULL : gate_shape(subject->relid);

	if (shape == NULL)
		return NIL;
	return publish_shape(NIL, subject, shape, subject->name, "adopted",
						 author);
}
