/*-------------------------------------------------------------------------
 *
 * matrix.h
 *		The compiled state matrix of one governed table.
 *
 * A matrix belongs to one relation (a partition has its own, since its
 * attribute numbers may differ).  What the document says about parties is
 * kept as sets of party numbers; what one user may do is worked out once per
 * user and kept as bits per attribute, so that judging a row is: which bits
 * changed, which of them are closed to this user in this state.
 *
 * Words: attribute sets are arrays of uint64, bit (attnum - 1), of
 * matrix->nwords words.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_MATRIX_H
#define OWNERSHIP_MATRIX_H

#include "access/htup_details.h"
#include "audit/spine_audit.h"
#include "base/expression.h"
#include "catalog/spine_catalog.h"
#include "nodes/bitmapset.h"
#include "nodes/execnodes.h"
#include "utils/hsearch.h"

/* A state number that stands for NULL or a value that no state names. */
#define STATE_UNKNOWN (-1)

/* One column, as far as comparing tuples needs it. */
typedef struct Column
{
	int16		len;		/* attlen */
	uint8		alignby;	/* attalign in bytes */
	bool		byval;		/* attbyval */
	bool		ignored;	/* dropped or generated: never judged */
	int			offset;		/* where it starts if nothing before it is NULL or
							 * of variable length; else -1 */
} Column;

/* Who may write a path below a jsonb column in one state. */
typedef struct PathRule
{
	AttrNumber	attnum;
	const char *name;		/* as written, for messages */
	List	   *parts;		/* of char *: the parts below the column */
	Bitmapset  *parties;
} PathRule;

/* An entry of the state index: all that finding a state has to look at. */
typedef struct StateSlot
{
	uint64		head;		/* first bytes of the value */
	uint64		tail;		/* last bytes of it */
	const char *bytes;		/* all of them */
	int			len;		/* how many; -1 if the slot is free */
	int			state;		/* number of the state */
} StateSlot;

/*
 * Finding the state of a row, all in one cache line: this is looked at for
 * each row, and in between the row itself takes the cache.
 */
typedef struct StateIndex
{
	StateSlot  *slots;
	uint32		mask;		/* number of slots, a power of two, - 1 */
	AttrNumber	governing;	/* column, or 0 */
	int16		len;		/* its attlen */
	bool		byval;		/* its attbyval */
	bool		in_place;	/* does it stand at the same place in all rows? */
	uint8		bits;		/* then: null bits of it and what precedes it */
	int			start;		/* and where it starts (if short, as a varlena) */
} StateIndex;

/* One state of the matrix; without a lifecycle there is one, unnamed. */
typedef struct MatrixState
{
	const char *name;		/* NULL without a lifecycle */
	Datum		value;		/* of the governing column's base type */
	Datum		label;		/* name as text, for audit rows; 0 if unnamed */
	const char *owner;		/* party, or NULL */
	bool		initial;
	bool		open;		/* what no rule names is open to all */
	Bitmapset  *insert;		/* parties */
	Bitmapset  *remove;		/* parties */
	Bitmapset **write;		/* per attribute (attnum - 1): parties */
	uint64	   *named;		/* attributes that a rule names or * covers */
	List	   *paths;		/* of PathRule */
	const char *write_rule;	/* name of the rule, for messages */
	Datum		write_label; /* the same as text, for audit rows */
	Datum		insert_label;
	Datum		remove_label;
} MatrixState;

/* How many child rows a guard wants to see. */
typedef struct MatrixCount
{
	const char *child;
	int			least;
	const SpecChild *spec;
} MatrixCount;

/* One edge of the transition graph. */
typedef struct MatrixEdge
{
	int			from;
	int			to;
	const char *name;		/* "from -> to" */
	Bitmapset  *by;			/* parties */
	uint64	   *with_write; /* attributes */
	const char *guard;		/* expression text, or NULL */
	Expression *expression; /* compiled on first use */
	const char *function;	/* regprocedure text, or NULL */
	RowFunction *row_function; /* compiled on first use */
	List	   *counts;		/* of MatrixCount */
	List	   *handoffs;	/* of SpecHandoff */
	RowFunction **calls;	/* per handoff, compiled on first use */
	const char *rule;		/* name of the rule, for messages */
	Datum		rule_label; /* the same as text, for audit rows */
} MatrixEdge;

/* What one user may do, worked out once. */
typedef struct MatrixUser
{
	Oid			userid;		/* hash key */
	uint64		role_generation; /* of the memberships that were looked at */
	Bitmapset  *parties;	/* party numbers that the user acts for */
	uint64	   *closed;		/* nstates * nwords: attributes closed to it */
	bool	   *insert;		/* per state */
	bool	   *remove;		/* per state */
	bool	   *insert_all; /* per state: no attribute to look at */
	Datum	   *party;		/* per state: party it writes as there, or 0 */
	Datum	   *inserts_as; /* the same for insert and delete */
	Datum	   *removes_as;
} MatrixUser;

/* A child table's way to its parent. */
typedef struct MatrixParent
{
	Oid			relid;		/* the dataset's own relation */
	AttrNumber *via;		/* columns of the child, in key order */
	List	   *key;		/* of char *: the parent's key columns */
	Oid		   *types;		/* of the child's via columns */
	int			nkeys;
} MatrixParent;

typedef struct Matrix
{
	/* identity */
	Oid			relid;		/* hash key of the cache */
	bool		valid;		/* cleared by invalidation, never set again */
	MemoryContext mcxt;		/* owns all of it */

	/* the dataset */
	const SpecDataset *spec;
	const List *pins;		/* of FunctionPin */
	int64		rev;
	Oid			root;		/* the dataset's own relation */
	const char *key;		/* asset key; of the child where it is one */
	const char *relation;	/* for messages */
	SpecEnforcement enforcement;
	SpecAudit	audit;
	Datum		key_label;	/* asset key as text */

	/* the table's shape */
	TupleDesc	desc;		/* private copy */
	int			natts;
	int			nwords;
	Column	   *columns;
	int			nfixed;		/* columns whose offset is known */
	bool		may_vary;	/* has stored generated columns */
	List	   *key_columns; /* of char *, in the key's order */
	uint64	   *keys;		/* the same as words */
	uint64	   *exempt;		/* governing, version, entered_at */
	uint64	   *partition_keys; /* of a leaf: columns that decide its place */
	AttrNumber	governing;	/* 0 without a lifecycle */
	AttrNumber	version;	/* 0 if none */
	AttrNumber	entered_at; /* 0 if none */
	SpecVersionMode version_mode;
	RowShape   *shape;
	ExprState **defaults;	/* per attribute, compiled on first use */

	/* the rules */
	int			nparties;
	const char **parties;	/* names */
	Datum	   *party_labels; /* names as text */
	Oid		   *roles;		/* InvalidOid: nobody */
	int		   *party_slots; /* party numbers by hash of the name, or -1 */
	uint32		party_mask; /* number of slots, a power of two, - 1 */
	int			nstates;
	MatrixState *states;
	StateIndex	index;		/* of states by value */
	Oid			state_type; /* base type of the governing column */
	int			nedges;
	MatrixEdge *edges;
	int16	   *edge_of;	/* from * nstates + to: edge number or -1 */
	MatrixParent *parent;	/* for a child table, else NULL */
	HTAB	   *users;		/* MatrixUser by userid */
	struct ContentRules *content; /* what values may never hold; made ready on
								   * first use */
} Matrix;

/* ---- in matrix_cache.c ---- */

/*
 * The matrix of a table, compiled on a miss.  Stays readable until the end of
 * the transaction even if it is invalidated.  Raises if the table is not
 * governed as the given dataset (and child): a missing projection fails
 * closed.
 */
extern Matrix *matrix_lookup(Relation rel, const char *dataset,
							 const char *child);
/* Grows whenever a cached matrix dies. */
extern uint64 matrix_generation(void);
extern void matrix_cache_init(void);

/* ---- in matrix.c ---- */

extern Matrix *matrix_compile(Relation rel, const char *dataset,
							  const char *child, MemoryContext mcxt);
/* What a user may do; good until the memberships change. */
extern MatrixUser *matrix_user(Matrix *matrix, Oid userid);
/* The same user as if it acted for one more party of the matrix, allocated in
 * the current context. */
extern MatrixUser *matrix_user_with(const Matrix *matrix,
									const MatrixUser *user, const char *party);
/* Does the user act for a party of the matrix? */
extern bool matrix_user_has(const Matrix *matrix, const MatrixUser *user,
							const char *party);
/* The number of the state that a value of the governing column names. */
extern int	matrix_state_of_value(const Matrix *matrix, Datum value);
extern int	matrix_state_of_tuple(const Matrix *matrix, HeapTuple tuple);
extern int	matrix_state_by_name(const Matrix *matrix, const char *name);
extern const char *matrix_state_name(const Matrix *matrix, int state);
extern MatrixEdge *matrix_edge(const Matrix *matrix, int from, int to);
/* Names of parties in a set, comma-separated, each with its role. */
extern char *matrix_party_names(const Matrix *matrix,
								const Bitmapset *parties);
extern char *matrix_column_name(const Matrix *matrix, AttrNumber attnum);
/* The guard of an edge, made ready on first use; NULL if it has none. */
extern Expression *matrix_edge_expression(Matrix *matrix, MatrixEdge *edge,
										  Relation rel);

/* A function that takes two rows of the dataset's own relation, called with
 * two tuples of this table (which may be a partition of it). */
extern Datum matrix_call(Matrix *matrix, RowFunction **function,
						 const char *name, HeapTuple old, HeapTuple new,
						 bool *isnull);

#define WORD(attnum) (((attnum) -1) >> 6)
#define BIT(attnum) (UINT64CONST(1) << (((attnum) -1) & 63))
#define HAS_BIT(words, attnum) (((words)[WORD(attnum)] & BIT(attnum)) != 0)
#define SET_BIT(words, attnum) ((words)[WORD(attnum)] |= BIT(attnum))
#define CLEAR_BIT(words, attnum) ((words)[WORD(attnum)] &= ~BIT(attnum))

/* Where a column's value starts, if the one before it ends at off. */
static inline uint32
column_start(const Column *column, const char *data, uint32 off)
{
	/* A short varlena is not aligned, and its first byte is never zero. */
	if (column->len == -1 && data[off] != 0)
		return off;
	return TYPEALIGN(column->alignby, off);
}

/* Where a value that starts at an offset ends. */
static inline uint32
column_end(const Column *column, const char *data, uint32 start)
{
	if (column->len > 0)
		return start + column->len;
	return att_addlength_pointer(start, column->len, data + start);
}

static inline bool
words_overlap(const uint64 *a, const uint64 *b, int nwords)
{
	for (int i = 0; i < nwords; i++)
		if (a[i] & b[i])
			return true;
	return false;
}

static inline bool
words_empty(const uint64 *a, int nwords)
{
	for (int i = 0; i < nwords; i++)
		if (a[i])
			return false;
	return true;
}

#endif /* OWNERSHIP_MATRIX_H */
