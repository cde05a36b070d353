/*-------------------------------------------------------------------------
 *
 * sheet_context.c
 *		The ownership matrix of a context as a person reads it: a row for each
 *		of its datasets, what it shares, and each dataset in short.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/markdown.h"

/* What is written: the context and its datasets. */
typedef struct ContextSheet
{
	StringInfo	out;
	const Found *found;
	List	   *datasets; /* of SpecDataset, by name */
} ContextSheet;

/* The names of a dataset's consumers. */
static List *
reader_names(const SpecDataset *dataset)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach (lc,
			 members_sorted(jb_get_object(dataset->definition, "consumers")))
		names = lappend(names, ((const Member *) lfirst(lc))->name);
	return names;
}

/* Add the parties of a list of names. */
static List *
add_names(List *names, const List *more)
{
	ListCell   *lc;

	foreach (lc, more)
		names = names_add(names, lfirst(lc));
	return names;
}

/* Everybody who writes a dataset in some state. */
static List *
writer_names(const SpecDataset *dataset)
{
	List	   *names = NIL;
	ListCell   *lc;
	ListCell   *rule;

	if (dataset->lifecycle == NULL)
		return add_names(names_add(NIL, dataset->standing),
						 dataset->producers);

	foreach (lc, states_in_order(dataset->lifecycle))
	{
		const SpecState *state = lfirst(lc);

		if (state->initial)
			names = add_names(names, state->insert);
		names = add_names(names, state->remove);
		foreach (rule, state->write)
			names =
				add_names(names, ((const SpecWrite *) lfirst(rule))->parties);
	}
	foreach (lc, dataset->lifecycle->transitions)
		names = add_names(names, ((const SpecTransition *) lfirst(lc))->by);
	return names;
}

/* The writers in words: one is the only one. */
static char *
writers_text(const SpecDataset *dataset)
{
	List	   *names = writer_names(dataset);

	if (list_length(names) == 1)
		return psprintf("%s only", (const char *) linitial(names));
	if (dataset->lifecycle != NULL && names != NIL)
		return psprintf("%s, by state", names_join(names, ", "));
	return names_join(names, ", ");
}

/* The copies of a dataset in words, such as "cache names in web-cache". */
static List *
copies_text(const SpecDataset *dataset)
{
	List	   *texts = NIL;
	ListCell   *lc;

	foreach (lc, dataset_copies(dataset->definition))
	{
		const Copy *copy = lfirst(lc);
		const JsonbContainer *obj = value_object(&copy->member->value);
		char	   *store = jb_get_text(obj, "store");
		char	   *owner = jb_get_text(obj, "owner");

		texts = lappend(texts,
						psprintf("%s %s in %s%s%s", copy->kind,
								 copy->member->name, store ? store : "?",
								 owner ? " run by " : "", owner ? owner : ""));
	}
	return texts;
}

static void
put_fields(const ContextSheet *sheet)
{
	static const char *const titles[] = {"Field", "Value"};
	static const MemberColumn fields[] = {
		{"Owner", "owner"},
		{"Owner's answer", "owner_state"},
		{"Interim owner", "interim_owner"},
		{"Steward", "steward"},
		{"Delegates", "delegates"},
		{"Classification", "classification"},
		{"Schemas", "schemas"},
		{"Review on", "review_on"},
		{"Rationale", "rationale"},
		{"Links", "links"},
	};

	md_titles(sheet->out, lengthof(titles), titles);
	md_field(sheet->out, "Context", sheet->found->context_name);
	for (size_t i = 0; i < lengthof(fields); i++)
		md_field(sheet->out, fields[i].title,
				 member_words(sheet->found->context, fields[i].member));
	md_end(sheet->out);
}

static void
put_context_matrix(const ContextSheet *sheet)
{
	static const char *const titles[] = {"Data type", "Owner", "Read access",
										 "Write access", "Notes"};
	ListCell   *lc;

	md_heading(sheet->out, 2, "Data ownership matrix");
	if (sheet->datasets == NIL)
	{
		md_line(sheet->out, "It has no datasets.");
		return;
	}
	md_titles(sheet->out, lengthof(titles), titles);
	foreach (lc, sheet->datasets)
	{
		const SpecDataset *dataset = lfirst(lc);
		const char		  *cells[] = {
				   dataset->name,
				   dataset->owner,
				   names_join(reader_names(dataset), ", "),
				   writers_text(dataset),
				   jb_get_text(dataset->definition, "description"),
		   };

		md_row(sheet->out, lengthof(cells), cells);
	}
	md_end(sheet->out);
}

/* ---- what is shared ---- */

/* Is the event the context's own? */
static bool
is_own_event(const ContextSheet *sheet, const JsonbContainer *event)
{
	char	   *context = jb_get_text(event, "context");
	char	   *about = jb_get_text(event, "dataset");
	ListCell   *lc;

	if (context != NULL)
		return strcmp(context, sheet->found->context_name) == 0;
	foreach (lc, sheet->datasets)
		if (about != NULL &&
			strcmp(((const SpecDataset *) lfirst(lc))->key, about) == 0)
			return true;
	return false;
}

/* Who receives an event. */
static char *
subscribers_text(const JsonbContainer *event)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach (lc, members_sorted(jb_get_object(event, "subscriptions")))
	{
		const Member *member = lfirst(lc);

		names = names_add(names,
						  jb_get_text(value_object(&member->value), "party"));
	}
	return names_join(names, ", ");
}

static void
put_events(const ContextSheet *sheet)
{
	static const char *const titles[] = {"Event", "Dataset", "Received by",
										 "Notes"};
	bool		any = false;
	ListCell   *lc;

	foreach (lc,
			 members_sorted(jb_get_object(sheet->found->document, "events")))
	{
		const Member *member = lfirst(lc);
		const JsonbContainer *event = value_object(&member->value);
		const char			 *cells[] = {
					  member->name,
					  jb_get_text(event, "dataset"),
					  subscribers_text(event),
					  jb_get_text(event, "description"),
		  };

		if (!is_own_event(sheet, event))
			continue;
		if (!any)
		{
			md_heading(sheet->out, 2, "Data shared by events");
			md_titles(sheet->out, lengthof(titles), titles);
		}
		any = true;
		md_row(sheet->out, lengthof(cells), cells);
	}
	if (any)
		md_end(sheet->out);
}

/* The copies of one other context's datasets that this one's owner runs. */
static void
put_copies_of(const ContextSheet *sheet, const Member *context,
			  const char *owner, bool *any)
{
	static const char *const titles[] = {"Data type", "Copy", "Consistency",
										 "Max lag"};
	const JsonbContainer *datasets =
		jb_get_object(value_object(&context->value), "datasets");
	ListCell   *lc;

	foreach (lc, members_sorted(datasets))
	{
		const Member *dataset = lfirst(lc);
		ListCell   *cell;

		foreach (cell, dataset_copies(value_object(&dataset->value)))
		{
			const Copy *copy = lfirst(cell);
			const JsonbContainer *obj = value_object(&copy->member->value);
			char	   *runs = jb_get_text(obj, "owner");
			const char			 *cells[] = {
						  asset_key(context->name, dataset->name, NULL),
						  psprintf("%s %s", copy->kind, copy->member->name),
						  member_words(obj, "consistency"),
						  member_words(obj, "max_lag"),
			  };

			if (runs == NULL || strcmp(runs, owner) != 0)
				continue;
			if (!*any)
			{
				md_heading(sheet->out, 2, "Data copied from other contexts");
				md_titles(sheet->out, lengthof(titles), titles);
			}
			*any = true;
			md_row(sheet->out, lengthof(cells), cells);
		}
	}
}

/* What this context's owner keeps of other contexts' data. */
static void
put_foreign_copies(const ContextSheet *sheet)
{
	char	   *owner = jb_get_text(sheet->found->context, "owner");
	bool		any = false;
	ListCell   *lc;

	if (owner == NULL)
		return;
	foreach (lc,
			 members_sorted(jb_get_object(sheet->found->document, "contexts")))
	{
		const Member *context = lfirst(lc);

		if (strcmp(context->name, sheet->found->context_name) != 0)
			put_copies_of(sheet, context, owner, &any);
	}
	if (any)
		md_end(sheet->out);
}

/* ---- each dataset ---- */

/* The states in order, the initial ones first. */
static char *
lifecycle_text(const SpecDataset *dataset)
{
	List	   *names = NIL;
	ListCell   *lc;

	if (dataset->lifecycle == NULL)
		return pstrdup("none");
	foreach (lc, states_in_order(dataset->lifecycle))
		names = lappend(names,
						unconstify(char *,
								   ((const SpecState *) lfirst(lc))->name));
	return psprintf("%s: %s", dataset->lifecycle->governing,
					names_join(names, ", "));
}

/* An item, left out where there is nothing to say. */
static void
put_item(const ContextSheet *sheet, const char *label, const char *text)
{
	if (text != NULL && text[0] != '\0')
		md_item(sheet->out, label, text);
}

static void
put_dataset(const ContextSheet *sheet, const SpecDataset *dataset)
{
	static const MemberColumn members[] = {
		{"Steward", "steward"},
		{"Delegates", "delegates"},
		{"Classification", "classification"},
		{"Tags", "tags"},
		{"Source of truth", "sot"},
		{"Retention", "retention"},
		{"Review on", "review_on"},
		{"Links", "links"},
	};

	md_heading(sheet->out, 3, dataset->name);
	put_item(sheet, NULL, jb_get_text(dataset->definition, "description"));
	put_item(sheet, "Key", dataset->key);
	put_item(sheet, "Relation", dataset->relation);
	put_item(sheet, "Owner", dataset->owner);
	put_item(sheet, "Lifecycle", lifecycle_text(dataset));
	put_item(sheet, "Writers", writers_text(dataset));
	put_item(sheet, "Readers", names_join(reader_names(dataset), ", "));
	for (size_t i = 0; i < lengthof(members); i++)
		put_item(sheet, members[i].title,
				 member_words(dataset->definition, members[i].member));
	put_item(sheet, "Copies", names_join(copies_text(dataset), "; "));
	md_end(sheet->out);
}

void
context_sheet(StringInfo out, const Found *found)
{
	ContextSheet sheet = {out, found, NIL};
	char	   *about = jb_get_text(found->context, "description");
	ListCell   *lc;

	foreach (lc, members_sorted(jb_get_object(found->context, "datasets")))
		sheet.datasets =
			lappend(sheet.datasets, found_dataset(found, lfirst(lc)));

	md_heading(out, 1, psprintf("Data ownership of %s", found->context_name));
	if (about != NULL)
		md_line(out, about);
	put_fields(&sheet);
	put_context_matrix(&sheet);
	put_events(&sheet);
	put_foreign_copies(&sheet);
	if (sheet.datasets != NIL)
		md_heading(out, 2, "Datasets");
	foreach (lc, sheet.datasets)
		put_dataset(&sheet, lfirst(lc));
}
