/*-------------------------------------------------------------------------
 *
 * content.h
 *		What the values of an attribute may never hold; judge_content itself
 *		is in judge.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_CONTENT_H
#define OWNERSHIP_CONTENT_H

/* Plug the findings about such rules into the catalog's checks. */
extern void content_init(void);

#endif /* OWNERSHIP_CONTENT_H */
