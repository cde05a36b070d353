/*-------------------------------------------------------------------------
 *
 * sketch.h
 *		Sketches: a few bytes that name the keys of rows in which two sides
 *		differ.
 *
 * Each side adds its rows; one sketch is subtracted from the other, and what
 * both have is gone.  What is left tells its keys, if they are not many more
 * than the cells are for.  docs/sketch.md has the format and its figures.
 *
 * How two sides talk, with one scan each and little on the wire:
 *
 *	1. both:   sketch_agg(SKETCH_CELLS, nkey, fields); the far side runs it
 *			   inside spine.sketch_keep(...), which answers with the part that
 *			   estimates, SKETCH_ESTIMATE_BYTES
 *	2. here:   n = sketch_cells_for(sketch_estimate(mine, sketch_read(it)))
 *	3. far:    spine.sketch_kept(n)
 *	4. here:   sketch_name_keys(mine, sketch_read(it), &keys, &nkeys); if it
 *			   fails, from 3 with twice the cells, up to SKETCH_CELLS; if that
 *			   fails, or no keys come though the digests differ, by buckets
 *	5. rows of both sides whose spine.key_hash(key fields) is among the keys;
 *			   of a key of one integer column that is the integer itself
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONSISTENCY_SKETCH_H
#define CONSISTENCY_SKETCH_H

#include "consistency/rows/canonical.h"
#include "consistency/rows/hash128.h"
#include "consistency/digest/walk.h"

/* The version of the serialised form. */
#define SKETCH_VERSION 1

/* Cells that one scan fills unless there is reason for another number. */
#define SKETCH_CELLS 65536
#define SKETCH_MOST_CELLS 1048576

/* The part that estimates how many rows differ. */
#define SKETCH_LEVELS 16
#define SKETCH_SLOTS 64
#define SKETCH_ESTIMATE_BYTES (12 + 24 + SKETCH_LEVELS * SKETCH_SLOTS / 2)

/* Bytes of a cell on the wire. */
#define SKETCH_CELL_BYTES 17

typedef struct Sketch Sketch;

/* A key in which the sides differ. */
typedef struct SketchElement
{
	uint64		key;		/* as sketch_key made it */
	int			net;		/* rows that the first side has more: 1 missing from
							 * the second, -1 extra there, 0 changed */
} SketchElement;

/* ---- in sketch.c ---- */

/* The number that stands for a key, of its canonical bytes: the integer where
 * it is just one, else the low half of their hash. */
extern uint64 sketch_key(const CanonicalBytes *key);

/* An empty sketch; the number of cells is rounded up to a multiple of four. */
extern Sketch *sketch_begin(int ncells);
/* One of no rows, which fits any other. */
extern Sketch *sketch_none(void);
/* Add a row by its key and hash. */
extern void sketch_add(Sketch *sketch, uint64 key, Hash128 row);
/* Add all that another one of the same cells has. */
extern void sketch_merge(Sketch *sketch, const Sketch *other);
/* The same rows in fewer cells. */
extern Sketch *sketch_fold(const Sketch *sketch, int ncells);
extern Sketch *sketch_copy(const Sketch *sketch);
extern int	sketch_ncells(const Sketch *sketch);
/* Rows and digest, of a sketch that has the part that estimates. */
extern const Bucket *sketch_totals(const Sketch *sketch);

/* ---- in sketch_wire.c ---- */

extern bytea *sketch_write(const Sketch *sketch);
/* Only the part that estimates. */
extern bytea *sketch_write_estimate(const Sketch *sketch);
/* Only the cells. */
extern bytea *sketch_write_cells(const Sketch *sketch);
/* Read any of these; 22023 or SP007 if it is none. */
extern Sketch *sketch_read(const bytea *image);

/* ---- in sketch_decode.c ---- */

/* How many rows differ, about; 0 only if none do. */
extern int64 sketch_estimate(const Sketch *mine, const Sketch *theirs);
/* Cells that name so many rows at the first try, 999 times of a thousand. */
extern int	sketch_cells_for(int64 differing);
/*
 * The keys in which two sketches differ, palloc'ed; false if there are more
 * than the cells can name.  Mine is folded to the cells of theirs.
 */
extern bool sketch_name_keys(const Sketch *mine, const Sketch *theirs,
							 SketchElement **elements, int *n);

#endif /* CONSISTENCY_SKETCH_H */
