/*-------------------------------------------------------------------------
 *
 * months.h
 *		What there is to know of the audit log's partitions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AUDIT_MONTHS_H
#define AUDIT_MONTHS_H

/* Tables of the logs whose trigger against changes is missing or not always
 * on: a query of one column, the quoted name. */
extern const char months_unkept[];

/* Bytes of the default partition. */
extern int64 months_default_size(void);

/* Are this month and the next one made? */
extern bool months_ready(void);

#endif /* AUDIT_MONTHS_H */
