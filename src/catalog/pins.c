/*-------------------------------------------------------------------------
 *
 * pins.c
 *		The functions that a dataset's expressions use, pinned by what they do.
 *
 * Pins are taken when a dataset is projected.  A function that is replaced
 * afterwards no longer fits its pin, and what uses it refuses, until somebody
 * who may applies a document that names the dataset: that takes new pins.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "access/xact.h"
#include "base/expression.h"
#include "catalog/catalog_internal.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/resowner.h"

static CatalogPinsHook pins_hook = NULL;

/* Take the room's hook that finds a dataset's pins; called from _PG_init. */
void
catalog_register_pins(CatalogPinsHook hook)
{
	pins_hook = hook;
}

/* The pin of a function in a list; NULL if there is none. */
static const FunctionPin *
pin_of(const List *pins, const char *identity)
{
	ListCell *lc;

	foreach (lc, pins)
	{
		const FunctionPin *pin = lfirst(lc);

		if (strcmp(pin->identity, identity) == 0)
			return pin;
	}
	return NULL;
}

/* Does the dataset say anything that functions may stand behind? */
static bool
uses_functions(const SpecDataset *dataset)
{
	return dataset->lifecycle != NULL ||
		jb_get_array(dataset->definition, "triggers") != NULL;
}

/* The pins of a dataset as its functions are now, each function once. */
static List *
find_pins(const SpecDataset *dataset, Oid relid)
{
	Relation  rel = try_relation_open(relid, AccessShareLock);
	List	 *pins = NIL;
	ListCell *lc;

	if (rel == NULL)
		return NIL;
	foreach (lc, pins_hook(dataset, rel))
		if (pin_of(pins, ((FunctionPin *) lfirst(lc))->identity) == NULL)
			pins = lappend(pins, lfirst(lc));
	relation_close(rel, AccessShareLock);
	return pins;
}

/* Give up a subtransaction that failed; raise again what must not be caught. */
static void
forget_error(const SpecDataset *dataset, MemoryContext mcxt)
{
	ErrorData *error;

	MemoryContextSwitchTo(mcxt);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
		ReThrowError(error);
	ereport(WARNING,
			(errmsg("could not pin the functions of dataset \"%s\"",
					dataset->key),
			 errdetail_internal("%s", error->message)));
}

/*
 * The pins of a dataset, found inside a subtransaction: an expression that is
 * no longer sound must not stop a restore.  The guard refuses what needs it.
 */
List *
pins_find(const SpecDataset *dataset, Oid relid)
{
	MemoryContext  mcxt = CurrentMemoryContext;
	ResourceOwner  owner = CurrentResourceOwner;
	List *volatile pins = NIL;

	if (pins_hook == NULL || !uses_functions(dataset) || !OidIsValid(relid))
		return NIL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		pins = find_pins(dataset, relid);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		forget_error(dataset, mcxt);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
	CurrentResourceOwner = owner;
	return pins;
}

/* Do two lists pin the same functions in the same way? */
static bool
pins_equal(const List *a, const List *b)
{
	ListCell *lc;

	if (list_length(a) != list_length(b))
		return false;
	foreach (lc, a)
	{
		const FunctionPin *pin = lfirst(lc);
		const FunctionPin *other = pin_of(b, pin->identity);

		if (other == NULL || strcmp(pin->sha256, other->sha256) != 0)
			return false;
	}
	return true;
}

/*
 * What new pins a dataset needs, if any.  One without pins has no functions
 * that could have changed, but a trigger that it names may be new.
 */
static PinChange *
pin_change(SpecDataset *dataset, Oid user)
{
	List	  *before = catalog_pins(dataset->key);
	PinChange *change;
	Oid		   relid;

	if (!dataset->local ||
		(before == NIL &&
		 jb_get_array(dataset->definition, "triggers") == NULL))
		return NULL;
	relid = spec_relation_oid(dataset->relation);
	if (!OidIsValid(relid) ||
		(OidIsValid(user) && !relation_owned_by(relid, user)))
		return NULL;

	change = palloc(sizeof(PinChange));
	change->dataset = dataset;
	change->relid = relid;
	change->before = before;
	change->after = pins_find(dataset, relid);
	return pins_equal(before, change->after) ? NULL : change;
}

/* Does any dataset of a document name triggers? */
static bool
names_triggers(const JsonbContainer *doc)
{
	Pairs contexts;
	Pairs datasets;

	pairs_begin(&contexts, jb_get_object(doc, "contexts"), NULL);
	while (pairs_next(&contexts))
	{
		pairs_begin(&datasets,
					jb_get_object(value_object(contexts.before), "datasets"),
					NULL);
		while (pairs_next(&datasets))
			if (jb_get_array(value_object(datasets.before), "triggers"))
				return true;
	}
	return false;
}

/*
 * The datasets that a document names and whose definition in the accepted
 * document stays, but whose functions changed (List of PinChange).  A valid
 * user restricts it to tables of that user.
 */
List *
pins_changed(const JsonbContainer *doc, const JsonbContainer *before,
			 const JsonbContainer *merged, Oid user)
{
	List	 *changes = NIL;
	ListCell *lc;

	if (pins_hook == NULL || (!catalog_has_pins() && !names_triggers(merged)))
		return NIL;

	foreach (lc, document_datasets(merged))
	{
		SpecDataset *dataset = lfirst(lc);
		JsonbValue	 was;
		JsonbValue	 is;
		PinChange	*change;

		CHECK_FOR_INTERRUPTS();
		if (!document_dataset(doc, dataset, &was) ||
			!document_dataset(before, dataset, &was) ||
			!document_dataset(merged, dataset, &is) ||
			!values_equal(&was, &is))
			continue;
		change = pin_change(dataset, user);
		if (change != NULL)
			changes = lappend(changes, change);
	}
	return changes;
}

/* The pins as an object: function -> hash. */
static Jsonb *
pins_document(const List *pins)
{
	JsonbParseState *state = NULL;
	JsonbValue		*object;
	ListCell		*lc;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach (lc, pins)
	{
		const FunctionPin *pin = lfirst(lc);

		jb_push_text(&state, pin->identity, pin->sha256);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(object);
}

/* What plan says about new pins. */
List *
pins_steps(const List *changes)
{
	List	 *steps = NIL;
	ListCell *lc;

	foreach (lc, changes)
	{
		const PinChange *change = lfirst(lc);
		PlanStep		*step = palloc0(sizeof(PlanStep));

		step->action = "update";
		step->kind = "pin";
		step->key = change->dataset->key;
		step->before = pins_document(change->before);
		step->after = pins_document(change->after);
		step->risk = risk_name(RISK_REVIEW);
		step->sql = "-- takes the functions as they are now";
		steps = lappend(steps, step);
	}
	return steps;
}
