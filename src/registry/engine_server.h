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

/* An engine for one piece of work, whose memory is below the current context. */
extern Engine *engine_begin(void);
extern void engine_end(Engine *engine);

/* One for what is to be kept, which takes no more memory than it needs. */
extern Engine *engine_begin_small(void);
extern void engine_forget(Engine *engine);

/* Let it live below another context; how many bytes it takes. */
extern void engine_move(Engine *engine, MemoryContext parent);
extern Size engine_size(Engine *engine);

#endif /* REGISTRY_ENGINE_SERVER_H */
