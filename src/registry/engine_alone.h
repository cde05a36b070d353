/*-------------------------------------------------------------------------
 *
 * engine_alone.h
 *		Engines without a server, for fuzz targets and tests of their own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_ENGINE_ALONE_H
#define REGISTRY_ENGINE_ALONE_H

#include "registry/engine.h"

/* How some work ended that engine_alone_run did. */
typedef struct EngineOutcome
{
	bool		done;			/* else engine_fail ended it */
	char		message[400];	/* of the failure, cut where it is too long */
	int			line;			/* of its place; 0: unknown */
	int			column;
} EngineOutcome;

/* Do some work on an engine of its own, whose memory is gone afterwards. */
extern EngineOutcome engine_alone_run(void (*work)(Engine *engine,
												   void *argument),
									  void *argument);

#endif /* REGISTRY_ENGINE_ALONE_H */
