/*-------------------------------------------------------------------------
 *
 * signal.c
 *		What the catalog decides, as events of the outbox.
 *
 * The catalog room does not know the outbox; it calls this hook.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "audit/audit_internal.h"
#include "catalog/spine_catalog.h"

/* CatalogSignalHook: an event of kind signal, by the current user. */
static void
signal_push(const char *topic, const char *asset, const Jsonb *payload)
{
	OutboxEvent event = {0};

	event.kind = "signal";
	event.topic = topic;
	event.dataset = asset;
	event.payload = JsonbPGetDatum(payload);
	outbox_push(&event);
}

void
signal_init(void)
{
	catalog_register_signal(signal_push);
}
