/*-------------------------------------------------------------------------
 *
 * gate.h
 *		The migration gate: what a transaction does to the shapes of governed
 *		relations, and whether it may.
 *
 *		gate.c			event triggers, and the end of the transaction
 *		gate_target.c	which subjects a command is about to touch
 *		gate_judge.c	differences, approvals, the verdict
 *		gate_words.c	what is said of it, and who is affected
 *		gate_adopt.c	first versions of what no migration has touched
 *		approval.c		approvals
 *
 *-------------------------------------------------------------------------
 */
#ifndef REGISTRY_GATE_H
#define REGISTRY_GATE_H

#include "catalog/spine_catalog.h"
#include "nodes/parsenodes.h"
#include "registry/publish.h"

/* A governed relation that a transaction touches. */
typedef struct GateSubject
{
	char	   *key;		/* asset key, which is the subject's name */
	char	   *dataset;	/* asset key of the dataset */
	Oid			relid;
	char	   *name;		/* qualified, before the transaction touched it */
	char	   *before;		/* its shape then; NULL: not known */
	bool		fresh;		/* touched by the command that runs */
} GateSubject;

/* What the transaction does to one of them, so far. */
typedef struct GateVerdict
{
	const GateSubject *subject;
	Engine	   *engine;		/* holds the differences */
	const SpecDataset *dataset;
	const char *level;
	char	   *after;		/* the relation's shape now; NULL: it is gone */
	char	   *name;		/* qualified, as it is now; NULL: it is gone */
	List	   *differences; /* of SchemaDifference: the transaction's own */
	List	   *violations; /* those of them that the level forbids */
} GateVerdict;

/* ---- in gate_target.c ---- */

/*
 * Relations that a command may change (List of Oid), and types; *all receives
 * whether it may change any relation.  Names mean what they mean to the user.
 */
extern List *gate_targets(Node *parsetree, List **types, bool *all);

/* Add the governed relations that have columns made of a type; connected to
 * SPI as the extension's owner. */
extern List *gate_users_of_type(List *relations, Oid type);

/* May a relation be governed?  Cheap, and needs no SPI. */
extern bool gate_may_concern(Oid relid);

/* The subject of a relation, or of the table that it is a partition of; NULL
 * if it is not governed.  Without the shape. */
extern GateSubject *gate_subject(Oid relid);

/* ---- in gate_judge.c; connected to SPI as the extension's owner ---- */

/* The shape of a relation as text; NULL if it is gone. */
extern char *gate_shape(Oid relid);

extern GateVerdict *gate_judge(const GateSubject *subject);

/* A version that came of it, to be announced by its author. */
typedef struct GateAccepted
{
	Offer	   *offer;
	Published	published;
} GateAccepted;

/* Keep the shape as a version of the subject (List of GateAccepted). */
extern List *gate_accept(const GateVerdict *verdict, const char *author);

/* Keep the shape of a relation whose subject has no version yet as its first
 * one; NIL if it has one. */
extern List *gate_adopt(const GateSubject *subject, const char *author);

/* ---- in gate_words.c; likewise ---- */

/* Every violation, who is affected, a line each. */
extern char *gate_detail(const GateVerdict *verdict);
/* The compatible way to do what the first violation does. */
extern const char *gate_hint(const char *kind);
/* Who and what depends on the relation, as an object of lists. */
extern Datum gate_affected(const GateVerdict *verdict);

/* ---- in approval.c ---- */

/* Is a difference covered by an approval that holds now? */
extern bool approval_covers(const char *dataset,
							const SchemaDifference *difference);

/* ---- in gate_adopt.c ---- */

extern void gate_adopt_init(void);

#endif /* REGISTRY_GATE_H */
