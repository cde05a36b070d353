/*-------------------------------------------------------------------------
 *
 * placement.c
 *		The placements of datasets, in whatever store they are.
 *
 * Read from the newest document, whose memory they point into.  What the
 * document leaves out is NULL here: it may have been accepted with warnings.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/catalog_internal.h"
#include "catalog/validate.h"
#include "miscadmin.h"

/* Members of a dataset that hold placements. */
static const char *const sections[] = {"replicas", "caches", "snapshots",
									   "derived"};

/* The document that is read, and what was found in it. */
typedef struct Reading
{
	const JsonbContainer *doc;
	const char *local_store; /* or NULL */
	const char *wanted;		 /* key; NULL: all of them */
	List	   *found;		 /* of SpecPlacement */
} Reading;

/* A store by name; NULL if the document has none of it. */
static SpecStore *
read_store(const Reading *reading, const char *name)
{
	const JsonbContainer *stores = jb_get_object(reading->doc, "stores");
	const JsonbContainer *entry = name ? jb_get_object(stores, name) : NULL;
	SpecStore  *store;

	if (entry == NULL)
		return NULL;
	store = palloc0(sizeof(SpecStore));
	store->name = name;
	store->kind = jb_get_text(entry, "kind");
	store->server = jb_get_text(entry, "server");
	store->here = reading->local_store != NULL &&
		strcmp(name, reading->local_store) == 0;
	return store;
}

static SpecPlacement *
read_placement(const Reading *reading, const SpecDataset *dataset,
			   const char *section, const char *name,
			   const JsonbContainer *entry)
{
	const JsonbContainer *sot = jb_get_object(dataset->definition, "sot");
	SpecPlacement *placement = palloc0(sizeof(SpecPlacement));

	placement->key = asset_key(dataset->context, dataset->name, name);
	placement->section = section;
	placement->name = name;
	placement->dataset = dataset;
	placement->entry = entry;
	placement->owner = jb_get_text(entry, "owner");
	if (placement->owner == NULL)
		placement->owner = dataset->owner;
	placement->store = read_store(reading, jb_get_text(entry, "store"));
	placement->locator = jb_get_text(entry, "locator");
	placement->source = read_store(reading, jb_get_text(sot, "store"));
	placement->source_locator = dataset->relation;
	if (placement->source != NULL && !placement->source->here &&
		jb_get_text(sot, "locator") != NULL)
		placement->source_locator = jb_get_text(sot, "locator");
	return placement;
}

/* Note the placements of one section that are wanted. */
static void
read_section(Reading *reading, const SpecDataset *dataset, const char *section)
{
	const JsonbContainer *members =
		jb_get_object(dataset->definition, section);
	JbCursor	cursor;
	JsonbValue	name;
	JsonbValue	value;

	if (members == NULL)
		return;
	jb_walk(&cursor, members);
	while (jb_next_member(&cursor, &name, &value))
	{
		SpecPlacement *placement;

		if (!jb_is_object(&value))
			continue;
		placement = read_placement(reading, dataset, section, jb_text(&name),
								   value.val.binary.data);
		if (reading->wanted == NULL ||
			strcmp(reading->wanted, placement->key) == 0)
			reading->found = lappend(reading->found, placement);
	}
}

static List *
read_placements(const char *wanted)
{
	int64		rev;
	Jsonb	   *newest = document_newest(&rev);
	Reading		reading = {.doc = &newest->root, .wanted = wanted};
	ListCell   *lc;

	reading.local_store = document_local_store(reading.doc);
	foreach (lc, document_datasets(reading.doc))
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < (int) lengthof(sections); i++)
			read_section(&reading, lfirst(lc), sections[i]);
	}
	return reading.found;
}

List *
catalog_placements(void)
{
	return read_placements(NULL);
}

/* The key as a person may write it: parts quoted or not. */
SpecPlacement *
catalog_placement(const char *key)
{
	List	   *parts = asset_key_parts(key);
	List	   *found;

	if (list_length(parts) != 3)
		return NULL;
	found = read_placements(
		asset_key(linitial(parts), lsecond(parts), lthird(parts)));
	return found != NIL ? linitial(found) : NULL;
}
