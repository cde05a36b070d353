/*-------------------------------------------------------------------------
 *
 * spine_registry.h
 *		The registry room: schemas of four formats, their subjects, and the
 *		gate that migrations of governed relations pass.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_REGISTRY_H
#define SPINE_REGISTRY_H

/* After audit_init: what the gate records must be flushed after it. */
extern void registry_init(void);

#endif /* SPINE_REGISTRY_H */
