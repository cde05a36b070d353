/*-------------------------------------------------------------------------
 *
 * judge.h
 *		The verdict on one action of one user, by the compiled matrix.
 *
 * The judge raises nothing and writes nothing: it returns NULL for allowed,
 * else a denial that says everything an error, an observation or spine.may
 * has to say.  Enforcement and spine.may both ask here, so they agree.
 *
 * Order of judgement: write, edge exists, party, guard, version, content.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_JUDGE_H
#define OWNERSHIP_JUDGE_H

#include "ownership/matrix.h"

typedef struct Denial
{
	int			sqlstate;
	const char *action;		 /* insert, update, delete, transition, truncate */
	const char *reason;		 /* snake_case, for spine.may */
	AttrNumber	attnum;		 /* attribute, or 0 */
	const char *attribute;	 /* its name, with the path below it; or NULL */
	const char *from_state;	 /* or NULL */
	const char *to_state;	 /* or NULL */
	const char *rule;		 /* name of the rule that denies */
	const char *owner;		 /* party that owns the state, or NULL */
	const Bitmapset *who_may; /* party numbers that the rule lets through */
	const char *message;
	const char *detail;
	const char *hint;		 /* or NULL */
} Denial;

/* One action being judged. */
typedef struct Judgement
{
	Matrix	   *matrix;
	MatrixUser *user;
	Relation	rel;	  /* the table of the tuples, open */
	HeapTuple	old;	  /* or NULL */
	HeapTuple	new;	  /* or NULL */
} Judgement;

typedef enum AttemptKind
{
	ATTEMPT_INSERT,
	ATTEMPT_UPDATE,
	ATTEMPT_DELETE,
	ATTEMPT_TRUNCATE
} AttemptKind;

/* A write as it is put to the judge; start from attempt_of. */
typedef struct Attempt
{
	Judgement	judgement;
	AttemptKind kind;
	const uint64 *changed; /* of an UPDATE: what differs; else NULL */
	int			from;	/* state before; of a child: its parent's */
	int			to;		/* state after; of a child: its new parent's */
} Attempt;

/*
 * An attempt with its states filled in.  lock: the parent of a child row
 * stays locked FOR SHARE.
 */
extern Attempt attempt_of(const Judgement *judgement, AttemptKind kind,
						  const uint64 *changed, bool lock);

/* The verdict on a whole write; asked again with other users in judgement. */
extern Denial *attempt_judge(const Attempt *attempt);

/*
 * Does a write with all its values keep to what nobody's leave lifts?  That
 * is the key, what the guard keeps itself and the version step; content is
 * judged apart.
 */
extern bool attempt_is_sound(const Attempt *attempt);

/* An UPDATE: all of it, in the order above; to is the new state. */
extern Denial *judge_update(const Judgement *judgement, const uint64 *changed,
							int from, int to);
/* Attributes changed by an UPDATE, in the given old state. */
extern Denial *judge_write(const Judgement *judgement, int state,
						   const uint64 *changed, const MatrixEdge *edge);
/* One attribute, or a path below it, whatever the new value. */
extern Denial *judge_attribute(const Judgement *judgement, int state,
							   AttrNumber attnum, const List *parts);
/* A state change: edge, party, guard. */
extern Denial *judge_transition(const Judgement *judgement, int from, int to);
/* Edge and party alone, for questions without values. */
extern Denial *judge_edge(const Judgement *judgement, int from, int to);
extern Denial *judge_guard(const Judgement *judgement, MatrixEdge *edge);
/* Does the guard look at values of NEW beside the new state?  False also
 * where it cannot be told, since judge_guard then denies anyway. */
extern bool guard_reads_new(const Judgement *judgement, MatrixEdge *edge);
/* The version step of an UPDATE that changes something. */
extern Denial *judge_version(const Judgement *judgement,
							 const uint64 *changed);
/* The version of a row, 0 if it is NULL. */
extern int64 version_of(const Matrix *matrix, HeapTuple tuple, bool *isnull);
extern Denial *judge_insert(const Judgement *judgement, int state);
/* Who may insert into a state, whatever the values. */
extern Denial *judge_inserter(const Judgement *judgement, int state);
extern Denial *judge_delete(const Judgement *judgement, int state);
extern Denial *judge_truncate(const Judgement *judgement);
/* A write to a child row, in the state of its parent. */
extern Denial *judge_child(const Judgement *judgement, const char *action,
						   int state);

/* ---- in content.c ---- */

/* Does a value of the new row hold what its attribute may never hold?
 * changed: what differs, or NULL for a row that is inserted. */
extern Denial *judge_content(const Judgement *judgement,
							 const uint64 *changed);

/* ---- in judge.c ---- */

/* Raise a denial; never returns. */
pg_noreturn extern void denial_raise(const Judgement *judgement,
									 const Denial *denial);

/* ---- in children.c ---- */

/* Does the row have at least so many children?  Counted with the latest
 * snapshot, under the row lock that the caller holds. */
extern bool children_at_least(Matrix *matrix, Relation rel, HeapTuple row,
							  const MatrixCount *count);

/* The state of a child row's parent; STATE_UNKNOWN if there is none.  With
 * lock, the parent stays locked FOR SHARE to the end of the transaction. */
extern int	parent_state(Matrix *matrix, HeapTuple child, bool lock);

/* ---- in defaults.c ---- */

typedef enum DefaultMatch
{
	DEFAULT_SAME,
	DEFAULT_OTHER,
	DEFAULT_UNKNOWABLE /* the default is volatile */
} DefaultMatch;

/* Is a new row's attribute what its column default gives? */
extern DefaultMatch default_match(Matrix *matrix, HeapTuple tuple,
								  AttrNumber attnum, Datum *default_value,
								  bool *default_isnull);

/* The default itself, evaluated; NULL if there is none or it is volatile. */
extern Datum default_value_of(Matrix *matrix, AttrNumber attnum, bool *isnull);

#endif /* OWNERSHIP_JUDGE_H */
