/*-------------------------------------------------------------------------
 *
 * spine.h
 *		What every file of the extension starts from.
 *
 * Nothing of a room belongs here: a room is known by its own header.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPINE_H
#define SPINE_H

#include "postgres.h"

#include "fmgr.h"

#include "base/compat.h"
#include "base/errors.h"

/* The schema that holds all of spine's objects; fixed by the control file. */
#define SPINE_SCHEMA "spine"

#endif /* SPINE_H */
