/*-------------------------------------------------------------------------
 *
 * relation_key.c
 *		The key of a relation: what tells its rows apart.
 *
 * The order is the key's own, not the columns': a child's via names its
 * columns in that order.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "catalog/pg_index.h"
#include "catalog/spine_catalog.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

List *
relation_primary_key(Relation rel)
{
	List	   *names = NIL;
	HeapTuple	tuple;
	Form_pg_index index;

	/* The list is asked for what it sets on the way. */
	list_free(RelationGetIndexList(rel));
	if (!OidIsValid(rel->rd_pkindex))
		return NIL;
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(rel->rd_pkindex));
	if (!HeapTupleIsValid(tuple))
		return NIL;
	index = (Form_pg_index) GETSTRUCT(tuple);
	for (int i = 0; i < index->indnkeyatts; i++)
		names = lappend(names,
						get_attname(RelationGetRelid(rel),
									index->indkey.values[i], false));
	ReleaseSysCache(tuple);
	return names;
}

List *
spec_key_columns(const SpecDataset *dataset, Relation rel)
{
	if (dataset->key_columns != NIL || rel == NULL)
		return list_copy(dataset->key_columns);
	return relation_primary_key(rel);
}
