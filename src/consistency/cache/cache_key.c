/*-------------------------------------------------------------------------
 *
 * cache_key.c
 *		Which tables may have a page cache, and what it is a cache of.
 *
 * A cached hash is that of a tuple's bytes as they were read when it was made.
 * What decides how they are read is part of the cache's identity: the columns
 * and their types, down to the labels of enums and the attributes of composite
 * types, values of columns that older tuples lack, and the versions of our own
 * formats.  If any of it changes, another cache is asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/tupdesc_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "base/compat.h"
#include "consistency/cache/cache_key.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

const char *
cache_refused(Relation rel, Snapshot snapshot)
{
	if (snapshot->snapshot_type != SNAPSHOT_MVCC ||
		snapshot->takenDuringRecovery != RecoveryInProgress())
		return "the snapshot is of another kind";
	if (IsolationIsSerializable())
		return "serializable transactions read all rows";
	if (rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		return "the table is not logged";
	if (!XLogIsNeeded())
		return "wal_level is minimal";
	if (IsCatalogRelation(rel) || RelationIsMapped(rel))
		return "catalogs change in place";
	if (relation_file_is_new(rel))
		return "this transaction made the table's file";
	return NULL;
}

/* ---- types ---- */

static void put_type(StringInfo bytes, Oid type);

static void
put_number(StringInfo bytes, uint32 number)
{
	appendBinaryStringInfo(bytes, (char *) &number, sizeof(number));
}

/* Labels of an enum, whatever order they come in. */
static void
put_labels(StringInfo bytes, Oid type)
{
	CatCList   *labels =
		SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	Hash128		sum = {0};

	for (int i = 0; i < labels->n_members; i++)
	{
		Form_pg_enum label =
			(Form_pg_enum) GETSTRUCT(&labels->members[i]->tuple);
		char		one[sizeof(Oid) + NAMEDATALEN] = {0};

		memcpy(one, &label->oid, sizeof(Oid));
		strlcpy(one + sizeof(Oid), NameStr(label->enumlabel), NAMEDATALEN);
		hash128_add(&sum, hash128(one, sizeof(one)));
	}
	ReleaseSysCacheList(labels);
	appendBinaryStringInfo(bytes, (char *) &sum, sizeof(sum));
}

static void
put_attributes(StringInfo bytes, Oid type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);

	put_number(bytes, desc->natts);
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attisdropped)
			put_number(bytes, InvalidOid);
		else
			put_type(bytes, TupleDescAttr(desc, i)->atttypid);
	ReleaseTupleDesc(desc);
}

/* Append what decides how a value of a type is written. */
static void
put_type(StringInfo bytes, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	check_stack_depth();
	put_number(bytes, type);
	put_number(bytes, base);
	if (OidIsValid(element))
	{
		put_type(bytes, element);
		return;
	}
	switch (get_typtype(base))
	{
		case TYPTYPE_ENUM:
			put_labels(bytes, base);
			break;
		case TYPTYPE_COMPOSITE:
			put_attributes(bytes, base);
			break;
		case TYPTYPE_RANGE:
			put_type(bytes, get_range_subtype(base));
			break;
		case TYPTYPE_MULTIRANGE:
			put_type(bytes, get_multirange_range(base));
			break;
		default:
			break;
	}
}

/* ---- columns ---- */

/* Append the value that a column has in tuples that lack it. */
static void
put_missing(StringInfo bytes, TupleDesc desc, int n)
{
	Form_pg_attribute att = TupleDescAttr(desc, n);
	AttrMissing *missing = desc->constr ? desc->constr->missing : NULL;

	if (!att->atthasmissing || missing == NULL || !missing[n].am_present)
		put_number(bytes, 0);
	else if (att->attbyval)
		appendBinaryStringInfo(bytes, (char *) &missing[n].am_value,
							   sizeof(Datum));
	else
		appendBinaryStringInfo(bytes, DatumGetPointer(missing[n].am_value),
							   (int) att_addlength_datum(0, att->attlen,
														 missing[n].am_value));
}

static void
put_columns(StringInfo bytes, Relation rel, const List *columns)
{
	TupleDesc	desc = RelationGetDescr(rel);
	ListCell   *lc;

	put_number(bytes, list_length(columns));
	foreach (lc, columns)
	{
		AttrNumber	attnum = get_attnum(RelationGetRelid(rel), lfirst(lc));

		put_number(bytes, (uint32) attnum);
		if (attnum <= 0)
			continue;			/* whoever reads the rows will say so */
		put_type(bytes, TupleDescAttr(desc, attnum - 1)->atttypid);
		put_missing(bytes, desc, attnum - 1);
	}
}

void
cache_identity(Relation rel, const List *columns, const List *key,
			   TimeLineID timeline, CacheIdentity *identity)
{
	FileLocator locator = relation_locator(rel);
	StringInfoData bytes;

	initStringInfo(&bytes);
	put_number(&bytes, (uint32) GetDatabaseEncoding());
	put_columns(&bytes, rel, columns);
	put_columns(&bytes, rel, key);

	memset(identity, 0, sizeof(*identity));
	identity->system = GetSystemIdentifier();
	identity->timeline = timeline;
	identity->database = locator_database(locator);
	identity->tablespace = locator_tablespace(locator);
	identity->file = locator_number(locator);
	identity->relid = RelationGetRelid(rel);
	identity->format = CACHE_FORMAT;
	identity->canonical = CANONICAL_VERSION;
	identity->fingerprint = hash128(bytes.data, bytes.len);
	pfree(bytes.data);
}
