/*-------------------------------------------------------------------------
 *
 * row_nested.c
 *		Arrays and composites as jsonb.
 *
 * What to_jsonb gives, but for casts to json: to_jsonb calls those that
 * somebody made for the type of an element or a field, so that the owner of
 * that type would run code in whoever writes the row, and choose what the
 * audit log says.  Here such a value is the text of its output function, as it
 * is where the column itself has the type.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "audit/audit_internal.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

static void push_value(JsonbParseState **state, JsonbIteratorToken token,
					   Oid type, Datum value, bool isnull);

/* An array of which the values are a list, dimension after dimension. */
typedef struct Elements
{
	Oid			type;
	const int  *dims;
	int			ndims;
	const Datum *values;
	const bool *nulls;
	int			next;
} Elements;

/* Push one dimension; returns what the end of the array gives. */
static JsonbValue *
push_dimension(JsonbParseState **state, Elements *elements, int dimension)
{
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < elements->dims[dimension]; i++)
	{
		if (dimension + 1 < elements->ndims)
		{
			(void) push_dimension(state, elements, dimension + 1);
			continue;
		}
		push_value(state, WJB_ELEM, elements->type,
				   elements->values[elements->next],
				   elements->nulls[elements->next]);
		elements->next++;
	}
	return pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static JsonbValue *
push_array(JsonbParseState **state, Oid element, Datum value)
{
	static const int empty = 0;
	ArrayType  *array = DatumGetArrayTypeP(value);
	Elements	elements = {.type = element, .dims = &empty, .ndims = 1};
	Datum	   *values;
	bool	   *nulls;
	int16		len;
	bool		by_value;
	char		align;
	int			count;

	if (ARR_NDIM(array) > 0)
	{
		get_typlenbyvalalign(element, &len, &by_value, &align);
		deconstruct_array(array, element, len, by_value, align, &values,
						  &nulls, &count);
		elements.dims = ARR_DIMS(array);
		elements.ndims = ARR_NDIM(array);
		elements.values = values;
		elements.nulls = nulls;
	}
	return push_dimension(state, &elements, 0);
}

static JsonbValue *
push_composite(JsonbParseState **state, Datum value)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),
						   .t_data = header};
	JsonbValue *result;

	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		JsonbValue	name = {.type = jbvString};
		bool		isnull;
		Datum		field;

		if (att->attisdropped)
			continue;
		name.val.string.val = pstrdup(NameStr(att->attname));
		name.val.string.len = (int) strlen(name.val.string.val);
		(void) pushJsonbValue(state, WJB_KEY, &name);
		field = heap_getattr(&tuple, i + 1, desc, &isnull);
		push_value(state, WJB_VALUE, att->atttypid, field, isnull);
	}
	result = pushJsonbValue(state, WJB_END_OBJECT, NULL);
	ReleaseTupleDesc(desc);
	return result;
}

/* What to_jsonb makes of a value of one of the server's own types. */
static Jsonb *
builtin_json(Oid type, Datum value)
{
	Expr	   *argument = (Expr *) makeNullConst(type, -1, InvalidOid);
	FmgrInfo	fn;

	fmgr_info(F_TO_JSONB, &fn);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID,
											 list_make1(argument), InvalidOid,
											 InvalidOid, COERCE_EXPLICIT_CALL),
					   &fn);
	return DatumGetJsonbP(FunctionCall1(&fn, value));
}

/* Push the value of an element or a field. */
static void
push_scalar(JsonbParseState **state, JsonbIteratorToken token, Oid type,
			Datum value)
{
	JsonbValue	scalar;

	if (type >= FirstNormalObjectId)
	{
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(type, &output, &varlena);
		scalar.type = jbvString;
		scalar.val.string.val = OidOutputFunctionCall(output, value);
		scalar.val.string.len = (int) strlen(scalar.val.string.val);
	}
	else
	{
		Jsonb	   *json = builtin_json(type, value);

		if (!JB_ROOT_IS_SCALAR(json))
		{
			scalar.type = jbvBinary;
			scalar.val.binary.data = &json->root;
			scalar.val.binary.len = (int) (VARSIZE(json) - VARHDRSZ);
		}
		else
			(void) JsonbExtractScalar(&json->root, &scalar);
	}
	(void) pushJsonbValue(state, token, &scalar);
}

static void
push_value(JsonbParseState **state, JsonbIteratorToken token, Oid type,
		   Datum value, bool isnull)
{
	JsonbValue	null = {.type = jbvNull};
	Oid			element;

	check_stack_depth();
	if (isnull)
	{
		(void) pushJsonbValue(state, token, &null);
		return;
	}
	type = getBaseType(type);
	element = get_element_type(type);
	if (OidIsValid(element))
		(void) push_array(state, element, value);
	else if (type_is_rowtype(type))
		(void) push_composite(state, value);
	else
		push_scalar(state, token, type, value);
}

Datum
nested_json(Oid type, Datum value)
{
	Oid			element = get_element_type(type);
	JsonbParseState *state = NULL;

	/* Nobody can have made a cast for what is inside. */
	if (OidIsValid(element) && element < FirstNormalObjectId &&
		!type_is_rowtype(element))
		return JsonbPGetDatum(builtin_json(type, value));
	return JsonbPGetDatum(JsonbValueToJsonb(
		OidIsValid(element) ? push_array(&state, element, value) :
							  push_composite(&state, value)));
}
