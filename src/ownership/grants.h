/*-------------------------------------------------------------------------
 *
 * grants.h
 *		Keeping the grants of a dataset's tables as the document says.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_GRANTS_H
#define OWNERSHIP_GRANTS_H

extern void grants_init(void);

#endif /* OWNERSHIP_GRANTS_H */
