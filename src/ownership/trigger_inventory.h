/*-------------------------------------------------------------------------
 *
 * trigger_inventory.h
 *		Other people's triggers on governed tables: which there are, which
 *		the dataset names, and what their functions did when it was applied.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_TRIGGER_INVENTORY_H
#define OWNERSHIP_TRIGGER_INVENTORY_H

#include "catalog/spine_catalog.h"
#include "utils/snapshot.h"

/* A trigger that is neither ours nor the server's own, and that can fire. */
typedef struct OtherTrigger
{
	Oid			oid;
	const char *name;
	Oid			function;
	int16		type;	/* pg_trigger.tgtype */
} OtherTrigger;

/* Those of one relation (List of OtherTrigger *); snapshot as in past.h. */
extern List *triggers_of_others(Oid relid, Snapshot snapshot);

/* Does the dataset's "triggers" name it? */
extern bool trigger_is_declared(const SpecDataset *spec, const char *name);

/* Can it change a row that the guard has judged already? */
extern bool trigger_is_late(const OtherTrigger *trigger);

/* Pins of the functions of the triggers that a dataset names. */
extern List *trigger_pins(const SpecDataset *spec, Relation rel);

extern void trigger_inventory_init(void);

#endif /* OWNERSHIP_TRIGGER_INVENTORY_H */
