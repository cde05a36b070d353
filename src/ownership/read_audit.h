/*-------------------------------------------------------------------------
 *
 * read_audit.h
 *		Who read which governed relation when.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_READ_AUDIT_H
#define OWNERSHIP_READ_AUDIT_H

extern void read_audit_init(void);

/* ---- in read_log.c ---- */

/* A view that a statement goes through, and what it reads of it. */
typedef struct ReadThrough
{
	const char *view;
	List	   *columns; /* of char * */
} ReadThrough;

/* One statement that reads one governed relation. */
typedef struct ReadEvent
{
	const char *dataset;  /* asset key; of the child where it is one */
	Oid			relid;	  /* the relation that the statement reads */
	const char *relation; /* its name */
	List	   *columns;  /* of char *, in the table's order */
	const char *command;  /* SELECT, COPY, UPDATE... */
	List	   *through;  /* of ReadThrough */
	Oid			as;		  /* whose rights it reads with, or InvalidOid */
	double		share;	  /* of such statements that are recorded */
} ReadEvent;

/* Record it: in spine.read_log, or where nothing can be written in the
 * server's log.  Raises where neither can be done. */
extern void read_log_push(const ReadEvent *event);

/* How many reads went to the server's log; *everywhere: of all sessions since
 * the server started, or of this one? */
extern uint64 read_log_logged(bool *everywhere);

extern void read_log_init(void);

#endif /* OWNERSHIP_READ_AUDIT_H */
