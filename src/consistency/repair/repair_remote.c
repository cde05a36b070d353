/*-------------------------------------------------------------------------
 *
 * repair_remote.c
 *		Repairs of copies on other nodes: what is to be written goes there as
 *		jsonb, and is carried out by spine.apply_repair.
 *
 * The node that has the copy runs it as one transaction, with the journal and
 * the images of the rows, which so never leave it: a crash on either side, or
 * between the two, leaves all of a repair or nothing.  Both journals have the
 * run under the same token.
 *
 * What arrives is not believed: whoever sends it needs the privileges on the
 * copy, where a document names the copy here he must answer for it, and each
 * row is guarded by what it was seen to be.  A node that has the source of
 * truth itself takes nothing: there spine.repair_replica reads it.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "access/xact.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "consistency/check/answerable.h"
#include "consistency/repair/repair_internal.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(spine_apply_repair);

/* Rows that one call takes. */
#define MOST_OPS 100000

/* Places of the function's arguments. */
enum
{
	ARG_TOKEN,
	ARG_PLACEMENT,
	ARG_RELATION,
	ARG_KEY,
	ARG_COLUMNS,
	ARG_OPS,
	ARG_DRY_RUN,
	ARG_TRIGGERS,
	ARG_COUNT
};

/* ---- sending ---- */

static void
push_text_or_null(JsonbParseState **state, JsonbIteratorToken token,
				  const char *text)
{
	JsonbValue	value;

	value.type = text ? jbvString : jbvNull;
	if (text != NULL)
	{
		value.val.string.val = (char *) text;
		value.val.string.len = (int) strlen(text);
	}
	pushJsonbValue(state, token, &value);
}

static void
push_texts(JsonbParseState **state, const char *name, List *texts)
{
	ListCell   *lc;

	jb_push_key(state, name);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, texts)
		push_text_or_null(state, WJB_ELEM, lfirst(lc));
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_op(JsonbParseState **state, const RepairOp *op)
{
	JsonbValue	value;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	jb_push_text(state, "action", repair_action_name(op->action));
	JsonbToJsonbValue(op->key, &value);
	jb_push_value(state, "key", &value);
	push_texts(state, "columns", op->columns);
	push_texts(state, "values", op->values);
	push_texts(state, "key_values", op->key_values);
	if (op->seen != NULL)
		jb_push_text(state, "seen", op->seen);
	if (op->wanted != NULL)
		jb_push_text(state, "wanted", op->wanted);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(op->have);
	jb_push_value(state, "have", &value);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Ops that are not settled, as text of a jsonb array. */
static char *
encode_ops(List *ops)
{
	JsonbParseState *state = NULL;
	Jsonb	   *array;
	ListCell   *lc;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach (lc, ops)
		push_op(&state, lfirst(lc));
	array = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	return JsonbToCString(NULL, &array->root, VARSIZE(array));
}

/* Names as the text of an array. */
static char *
names_text(List *names)
{
	return OidOutputFunctionCall(F_ARRAY_OUT, repair_names_datum(names));
}

static List *
open_ops(const RepairRequest *request)
{
	List	   *ops = NIL;
	ListCell   *lc;

	foreach (lc, request->ops)
		if (((RepairOp *) lfirst(lc))->outcome == NULL)
			ops = lappend(ops, lfirst(lc));
	return ops;
}

/* What the other node says of the ops, which it numbers from 1. */
static void
take_outcomes(RepairRequest *request, List *ops, const RemoteRows *rows)
{
	for (int i = 0; i < rows->nrows; i++)
	{
		int			n = (int) side_number(rows, i, 0);
		RepairOp   *op;

		if (n < 1 || n > list_length(ops) || side_value(rows, i, 1) == NULL)
			continue;
		op = list_nth(ops, n - 1);
		op->outcome = side_value(rows, i, 1);
		op->statement = side_value(rows, i, 2);
		if (strcmp(op->outcome, "repaired") == 0)
			request->done = lappend(request->done, op);
	}
}

/* What the other node may have set otherwise for all sessions. */
void
repair_prepare_there(Remote *remote)
{
	(void) remote_query(remote,
						"SELECT pg_catalog.set_config(n, v, false) FROM"
						" (VALUES ('default_transaction_isolation',"
						" 'read committed'),"
						" ('default_transaction_read_only', 'off')) s(n, v)",
						0, NULL);
}

void
repair_apply_there(Side *target, const RepairRun *run, RepairRequest *request)
{
	List	   *ops = open_ops(request);
	const char *params[ARG_COUNT];
	ListCell   *lc;

	if (ops == NIL)
		return;
	repair_prepare_there(target->remote);
	params[ARG_TOKEN] = run->token;
	params[ARG_PLACEMENT] = request->placement;
	params[ARG_RELATION] = target->relation;
	params[ARG_KEY] = names_text(request->key);
	params[ARG_COLUMNS] = names_text(request->columns);
	params[ARG_OPS] = encode_ops(ops);
	params[ARG_DRY_RUN] = request->dry_run ? "true" : "false";
	params[ARG_TRIGGERS] = request->triggers ? "true" : "false";
	take_outcomes(request, ops,
				  remote_query(target->remote,
							   "SELECT n, outcome, statement"
							   " FROM spine.apply_repair("
							   "$1::pg_catalog.uuid, $2::pg_catalog.text,"
							   " $3::pg_catalog.text, $4::pg_catalog.text[],"
							   " $5::pg_catalog.text[], $6::pg_catalog.jsonb,"
							   " $7::pg_catalog.bool, $8::pg_catalog.bool)"
							   " ORDER BY position",
							   ARG_COUNT, params));
	foreach (lc, ops)
		if (((RepairOp *) lfirst(lc))->outcome == NULL)
			((RepairOp *) lfirst(lc))->outcome =
				"failed: the other node says nothing of it";
}

/* ---- receiving ---- */

static void
malformed(int n, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("operation %d of a repair is malformed", n),
			 errdetail("%s", what)));
}

/* A member that is an array of texts and nulls. */
static List *
texts_or_nulls(const JsonbContainer *object, const char *name, int n)
{
	const JsonbContainer *array = jb_get_array(object, name);
	List	   *texts = NIL;
	JbCursor	cursor;
	JsonbValue	value;

	if (array == NULL)
		malformed(n, psprintf("\"%s\" is no array.", name));
	jb_walk(&cursor, array);
	while (jb_next_element(&cursor, &value))
	{
		if (value.type != jbvNull && value.type != jbvString)
			malformed(n,
					  psprintf("\"%s\" holds something else than texts.",
							   name));
		texts =
			lappend(texts, value.type == jbvString ? jb_text(&value) : NULL);
	}
	return texts;
}

static int
have_of(const JsonbContainer *object)
{
	JsonbValue	value;

	if (!jb_get(object, "have", &value) || value.type != jbvNumeric)
		return -1;
	return DatumGetInt32(
		DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
}

/* Every column that is written is one of those compared. */
static void
check_columns(const RepairRequest *request, const RepairOp *op, int n)
{
	ListCell   *lc;
	ListCell   *other;

	foreach (lc, op->columns)
	{
		bool		known = false;

		foreach (other, request->columns)
			known = known ||
				(lfirst(lc) != NULL && strcmp(lfirst(lc), lfirst(other)) == 0);
		if (!known)
			malformed(n, "It writes a column that is not compared.");
	}
}

static RepairOp *
decode_op(const RepairRequest *request, const JsonbContainer *object, int n)
{
	RepairOp   *op = palloc0(sizeof(RepairOp));
	JsonbValue	key;

	if (jb_get_text(object, "action") == NULL)
		malformed(n, "\"action\" is no text.");
	op->action = repair_action_of(jb_get_text(object, "action"));
	if (!jb_get(object, "key", &key) || !jb_is_object(&key))
		malformed(n, "\"key\" is no object.");
	op->key = JsonbValueToJsonb(&key);
	op->columns = texts_or_nulls(object, "columns", n);
	op->values = texts_or_nulls(object, "values", n);
	op->key_values = texts_or_nulls(object, "key_values", n);
	op->seen = op->before = jb_get_text(object, "seen");
	op->wanted = jb_get_text(object, "wanted");
	op->have = have_of(object);
	if ((op->action == REPAIR_INSERT) != (op->seen == NULL) ||
		(op->action == REPAIR_DELETE) != (op->wanted == NULL))
		malformed(n, "\"seen\" or \"wanted\" does not fit the action.");
	if (list_length(op->key_values) != list_length(request->key) ||
		list_length(op->columns) != list_length(op->values) ||
		(op->action == REPAIR_DELETE) != (op->columns == NIL))
		malformed(n, "Numbers of columns and values differ.");
	check_columns(request, op, n);
	return op;
}

static void
decode_ops(RepairRequest *request, const Jsonb *array)
{
	JbCursor	cursor;
	JsonbValue	value;

	if (!JB_ROOT_IS_ARRAY(array) || JB_ROOT_COUNT(array) > MOST_OPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("operations must be an array of at most %d objects",
						MOST_OPS)));
	jb_walk(&cursor, &array->root);
	while (jb_next_element(&cursor, &value))
	{
		int			n = list_length(request->ops) + 1;

		if (!jb_is_object(&value))
			malformed(n, "It is no object.");
		request->ops = lappend(request->ops,
							   decode_op(request, value.val.binary.data, n));
	}
}

/* An argument that is an array of texts, none of them null. */
static List *
names_argument(FunctionCallInfo fcinfo, int argument)
{
	List	   *names = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			names = lappend(names, TextDatumGetCString(elements[i]));
	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key and columns must name columns")));
	return names;
}

/* ---- may he? ---- */

/* The copy, if a document says that it is here. */
static const SpecPlacement *
placement_here(const char *key)
{
	const SpecPlacement *placement = catalog_placement(key);

	return placement != NULL && placement->store != NULL &&
			placement->store->here ?
		placement :
		NULL;
}

static void
require_registered(const SpecPlacement *placement, Relation rel)
{
	if (placement->locator == NULL ||
		spec_relation_oid(placement->locator) != RelationGetRelid(rel))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("copy \"%s\" is another relation here",
						placement->key)));
	if (placement->source != NULL && placement->source->here)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the source of truth of copy \"%s\" is here",
						placement->key),
				 errhint("Repair it by spine.repair_replica.")));
	require_answerable(placement, "repair");
	repair_refuse_kind(placement);
	if (repair_is_off(placement))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("copy \"%s\" cannot be repaired", placement->key),
				 errdetail("Its repair policy is \"off\".")));
}

/* Only for who may write the relation and sees all of it. */
static void
require_privileges(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK ||
		pg_class_aclmask(relid, GetUserId(),
						 ACL_INSERT | ACL_UPDATE | ACL_DELETE,
						 ACLMASK_ANY) == 0)
		aclcheck_error(ACLCHECK_NO_PRIV,
					   get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot repair \"%s\": row security applies to you",
						RelationGetRelationName(rel)),
				 errhint("Ask a role that sees all rows.")));
}

/*
 * Of a copy that is not here: the journal and the audit log will say that its
 * dataset's rows were repaired.  Where the document here has that dataset, not
 * everybody may have them say so.
 */
static void
require_voice(const RepairRequest *request)
{
	const SpecPlacement *placement = catalog_placement(request->placement);
	CatalogDataset *dataset = catalog_dataset(request->dataset);
	SpecPlacement unnamed = {0};

	if (placement == NULL && dataset == NULL)
		return;
	if (placement == NULL)
	{
		unnamed.key = request->placement;
		unnamed.dataset = dataset->spec;
		unnamed.entry = dataset->spec->definition;
		placement = &unnamed;
	}
	require_answerable(placement, "repair");
}

static Relation
open_relation(FunctionCallInfo fcinfo)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_RELATION));
	Oid			relid = spec_relation_oid(name);
	Relation	rel;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation %s does not exist", name)));
	rel = relation_open(relid, AccessShareLock);
	require_privileges(rel);
	return rel;
}

/* ---- the function ---- */

static RepairRequest *
make_request(FunctionCallInfo fcinfo)
{
	RepairRequest *request = palloc0(sizeof(RepairRequest));
	const SpecPlacement *placement;
	List	   *parts;

	request->placement = text_to_cstring(PG_GETARG_TEXT_PP(ARG_PLACEMENT));
	parts = asset_key_parts(request->placement);
	if (list_length(parts) != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no key of a copy", request->placement)));
	request->dataset = asset_key(linitial(parts), lsecond(parts), NULL);
	request->name = lthird(parts);
	request->rel = open_relation(fcinfo);
	placement = placement_here(request->placement);
	if (placement != NULL)
		require_registered(placement, request->rel);
	else
		require_voice(request);
	request->synced = placement != NULL;
	request->key = names_argument(fcinfo, ARG_KEY);
	request->columns = names_argument(fcinfo, ARG_COLUMNS);
	request->triggers = PG_GETARG_BOOL(ARG_TRIGGERS);
	request->dry_run = PG_GETARG_BOOL(ARG_DRY_RUN);
	decode_ops(request, PG_GETARG_JSONB_P(ARG_OPS));
	return request;
}

static void
begin_run(FunctionCallInfo fcinfo, RepairRequest *request)
{
	RepairRun	run = {0};

	run.token = DatumGetCString(
		DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(ARG_TOKEN)));
	run.placement = request->placement;
	run.relation = repair_table_name(request->rel);
	run.key = request->key;
	run.columns = request->columns;
	run.dry_run = request->dry_run;
	request->run_id = repair_journal_begin(&run);
}

static int
position_of(const RepairRequest *request, const RepairOp *op)
{
	ListCell   *lc;

	foreach (lc, request->done)
		if (lfirst(lc) == op)
			return foreach_current_index(lc) + 1;
	return list_length(request->done) + 1;
}

static void
return_outcomes(FunctionCallInfo fcinfo, const RepairRequest *request)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	foreach (lc, request->ops)
	{
		const RepairOp *op = lfirst(lc);
		Datum		values[5] = {0};
		bool		nulls[5] = {false};

		values[0] = Int64GetDatum(request->run_id);
		values[1] = Int32GetDatum(foreach_current_index(lc) + 1);
		values[2] = Int32GetDatum(position_of(request, op));
		values[3] = CStringGetTextDatum(op->outcome);
		nulls[4] = op->statement == NULL;
		if (op->statement != NULL)
			values[4] = CStringGetTextDatum(op->statement);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 nulls);
	}
}

/* spine.apply_repair(...): see docs/repair.md. */
Datum
spine_apply_repair(PG_FUNCTION_ARGS)
{
	RepairRequest *request;

	PreventCommandIfReadOnly("spine.apply_repair");
	PreventCommandDuringRecovery("spine.apply_repair");
	repair_require_read_committed();
	InitMaterializedSRF(fcinfo, 0);
	request = make_request(fcinfo);
	begin_run(fcinfo, request);
	repair_apply(request);
	if (!request->dry_run)
		repair_journal_rows(request);
	repair_journal_end(request->run_id, request->ops,
					   request->dry_run ? "proposed" : "applied", 0);
	return_outcomes(fcinfo, request);
	relation_close(request->rel, NoLock);
	return (Datum) 0;
}
