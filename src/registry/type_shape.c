/*-------------------------------------------------------------------------
 *
 * type_shape.c
 *		What a column's type looks like to who reads and writes it.
 *
 * A type's name does not tell all: labels of an enum, what a domain checks and
 * the attributes of a composite type may change behind it.  So the shape of a
 * type holds those too, as deep as they go.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "base/jb.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(spine_type_shape);

static JsonbValue *push_shape(JsonbParseState **state, Oid type, int32 typmod);

static void
push_int(JsonbParseState **state, const char *key, int number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(
		DirectFunctionCall1(int4_numeric, Int32GetDatum(number)));
	jb_push_value(state, key, &value);
}

static void
push_element(JsonbParseState **state, const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = pstrdup(text);
	value.val.string.len = (int) strlen(text);
	pushJsonbValue(state, WJB_ELEM, &value);
}

/* The labels in their order. */
static void
push_enum(JsonbParseState **state, Oid type)
{
	Relation	catalog = table_open(EnumRelationId, AccessShareLock);
	Relation	order = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	jb_push_text(state, "class", "enum");
	jb_push_key(state, "labels");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan_ordered(catalog, order, NULL, 1, &key);
	while (HeapTupleIsValid(
		tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
		push_element(state,
					 NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	systable_endscan_ordered(scan);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	index_close(order, AccessShareLock);
	table_close(catalog, AccessShareLock);
}

/* What a domain checks: name to definition. */
static void
push_checks(JsonbParseState **state, Oid domain)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	jb_push_key(state, "checks");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(domain));
	scan = systable_beginscan(catalog, ConstraintTypidIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype == CONSTRAINT_CHECK)
			jb_push_text(state, pstrdup(NameStr(form->conname)),
						 TextDatumGetCString(
							 DirectFunctionCall1(pg_get_constraintdef,
												 ObjectIdGetDatum(
													 form->oid))));
	}
	systable_endscan(scan);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
	table_close(catalog, AccessShareLock);
}

static void
push_domain(JsonbParseState **state, Form_pg_type form)
{
	jb_push_text(state, "class", "domain");
	if (form->typnotnull)
		jb_push_bool(state, "not_null", true);
	push_checks(state, form->oid);
	jb_push_key(state, "base");
	push_shape(state, form->typbasetype, form->typtypmod);
}

static void
push_composite(JsonbParseState **state, Oid type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(type, -1);
	int			position = 0;

	jb_push_text(state, "class", "composite");
	jb_push_key(state, "attributes");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		jb_push_key(state, NameStr(att->attname));
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_int(state, "position", ++position);
		jb_push_key(state, "type");
		push_shape(state, att->atttypid, att->atttypmod);
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* An array or a range, where what it holds has more to say than its name. */
static void
push_inner(JsonbParseState **state, const char *class, Oid inner, int32 typmod)
{
	jb_push_text(state, "class", class);
	if (OidIsValid(inner))
	{
		jb_push_key(state, "element");
		push_shape(state, inner, typmod);
	}
}

static void
push_class(JsonbParseState **state, Form_pg_type form, int32 typmod)
{
	switch (form->typtype)
	{
		case TYPTYPE_ENUM:
			push_enum(state, form->oid);
			break;
		case TYPTYPE_DOMAIN:
			push_domain(state, form);
			break;
		case TYPTYPE_COMPOSITE:
			push_composite(state, form->oid);
			break;
		case TYPTYPE_RANGE:
			push_inner(state, "range", get_range_subtype(form->oid), -1);
			break;
		default:
			if (OidIsValid(get_element_type(form->oid)))
				push_inner(state, "array", get_element_type(form->oid),
						   typmod);
			break;
	}
}

/* The shape of a type as an object, a value of what state stands in. */
static JsonbValue *
push_shape(JsonbParseState **state, Oid type, int32 typmod)
{
	JsonbValue *shape;
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	check_stack_depth();
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type with OID %u does not exist", type)));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(state, "name", format_type_with_typemod(type, typmod));
	push_class(state, (Form_pg_type) GETSTRUCT(tuple), typmod);
	shape = pushJsonbValue(state, WJB_END_OBJECT, NULL);
	ReleaseSysCache(tuple);
	return shape;
}

/* spine.type_shape(type, typmod): part of spine.table_schema. */
Datum
spine_type_shape(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;

	PG_RETURN_POINTER(JsonbValueToJsonb(
		push_shape(&state, PG_GETARG_OID(0), PG_GETARG_INT32(1))));
}
