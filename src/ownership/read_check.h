/*-------------------------------------------------------------------------
 *
 * read_check.h
 *		What is wrong with a dataset's Read column or its view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_READ_CHECK_H
#define OWNERSHIP_READ_CHECK_H

extern void read_check_init(void);

#endif /* OWNERSHIP_READ_CHECK_H */
