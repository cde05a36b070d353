/*-------------------------------------------------------------------------
 *
 * rights_table.h
 *		Who may do what, of two versions of one dataset, state by state.
 *
 * Both versions are read against the same axes: parties, states, columns and
 * paths that either of them knows.  Wildcards are expanded over them, so that
 * comparing two versions is comparing sets of parties.  What is decided here
 * is what the guard decides for a role that is one party and nothing else.
 *
 * A set of parties is an array of axes->nwords words.  Its last member stands
 * for everybody else who holds the table privilege.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RIGHTS_TABLE_H
#define RIGHTS_TABLE_H

#include "catalog/catalog_internal.h"

/* A path below a column that some state's rules name. */
typedef struct RightsPath
{
	const char *name;
	List	   *parts; /* of char *: column, then the parts below it */
	int			column; /* on the axis */
} RightsPath;

/* What two versions are read against. */
typedef struct RightsAxes
{
	const char *dataset; /* asset key; of a child where child is set */
	const char *child;	 /* name of a child table, or NULL */
	int			nparties; /* named ones; number nparties is everybody else */
	const char **parties;
	int		   *slots; /* parties by the hash of their name; -1 is free */
	uint32		mask;  /* number of slots - 1 */
	int			nwords;
	int			nstates;
	const char **states; /* one that is NULL where there are no states */
	int			ncolumns;
	const char **columns; /* "*" stands for those that are not known */
	int			npaths;
	RightsPath *paths;
} RightsAxes;

/* One version of the dataset. */
typedef struct RightsSide
{
	const SpecDataset *spec; /* NULL: this version has no such dataset */
	const SpecChild *child;	 /* its child table, where the axes are one's */
	bool		present;	 /* is the table governed in this version? */
	bool		plain;		 /* has it no lifecycle? */
	bool	   *has_column;	 /* per column of the axis */
	bool	   *closed;		 /* per column: key, entered_at, governing */
	int			open_column; /* the version attribute, or -1 */
	int			governing;	 /* column, or -1 */
	uint64	   *writers;	 /* plain: who does everything */
	SpecState **states;		 /* per state of the axis, or NULL */
	List	  **edges;		 /* per state: of SpecTransition that leave it */
} RightsSide;

/* The rights of one version in one state. */
typedef struct RightsRow
{
	uint64	   *insert;
	uint64	   *remove;
	uint64	   *write; /* per column: a set */
	uint64	   *path;  /* per path: a set */
	const SpecTransition **edge; /* per state that is led to, or NULL */
	uint64	   *move;  /* per state that is led to: a set */
} RightsRow;

/* The axes of two versions, either of which may be NULL; child names a child
 * table of them, or is NULL. */
extern RightsAxes *rights_axes(const SpecDataset *before,
							   const SpecDataset *after, const char *child);
extern RightsSide *rights_side(const RightsAxes *axes,
							   const SpecDataset *spec);
/* The rights in a state of the axis. */
extern RightsRow *rights_row(const RightsAxes *axes, const RightsSide *side,
							 int state);
/* The set of parties of a list of names, added to words. */
extern void rights_add_parties(const RightsAxes *axes, const List *names,
							   uint64 *words);
/* Who may empty the table. */
extern uint64 *rights_truncate(const RightsAxes *axes, const RightsSide *side);

static inline bool
rights_has(const uint64 *words, int party)
{
	return (words[party / 64] >> (party % 64) & 1) != 0;
}

#endif /* RIGHTS_TABLE_H */
