/*-------------------------------------------------------------------------
 *
 * row_args.c
 *		A function's arguments as the fields of a row.
 *
 * What their types are is found out once per call site.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "consistency/rows/row_args.h"
#include "utils/memutils.h"

/* What a call site knows about the arguments that are a row's fields. */
typedef struct RowSite
{
	int			first;		/* argument that is the first field */
	int			nfields;
	CanonicalType **types;
	CanonicalBytes bytes;
	MemoryContext scratch;	/* for what type writers allocate */
} RowSite;

/* Learn the types of the arguments from one on; once per call site. */
static RowSite *
row_site(FunctionCallInfo fcinfo, int first)
{
	RowSite    *site = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (site != NULL)
		return site;
	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the fields of a row cannot be given as a VARIADIC array"),
			 errhint("Give them one by one; an array is one field.")));

	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	site = palloc0(sizeof(RowSite));
	site->first = first;
	site->nfields = PG_NARGS() - first;
	site->types = palloc(sizeof(CanonicalType *) * site->nfields);
	for (int i = 0; i < site->nfields; i++)
		site->types[i] =
			canonical_type(get_fn_expr_argtype(fcinfo->flinfo, first + i),
						   psprintf("argument %d", first + i + 1));
	canonical_begin(&site->bytes);
	site->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "spine digest row",
							  ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

const CanonicalBytes *
row_args(FunctionCallInfo fcinfo, int first, int nfields)
{
	RowSite    *site = row_site(fcinfo, first);
	MemoryContext old = MemoryContextSwitchTo(site->scratch);

	site->bytes.length = 0;
	canonical_row(&site->bytes, nfields ? nfields : site->nfields, site->types,
				  &fcinfo->args[first]);
	MemoryContextSwitchTo(old);
	MemoryContextReset(site->scratch);
	return &site->bytes;
}
