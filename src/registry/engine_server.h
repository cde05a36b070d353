/*-------------------------------------------------------------------------
 *
 * engine_server.h
 *		Engines, for the server's side of the registry.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_ENGINE_SERVER_H
#define REGISTRY_ENGINE_SERVER_H

#include "registry/engine.h"

/* An engine whose memory is below the current context. */
extern Engine *engine_begin(void);
extern void engine_end(Engine *engine);

#endif /* REGISTRY_ENGINE_SERVER_H */
