/*-------------------------------------------------------------------------
 *
 * row_program.c
 *		What a walk over a tuple does at each of its columns.
 *
 * A program is made once for a table and some of its columns, and good for as
 * long as the table is locked.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "consistency/rows/payload.h"
#include "consistency/rows/row_program.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/*
 * What a field may take beside what stands in the tuple: a number is widened
 * by six bytes, a text's length takes three more, and fixed bytes of a
 * corrupt tuple reach beyond its end before that is noticed.
 */
#define FIELD_ROOM 32

/* convert: are texts in another encoding than UTF-8? */
static StepKind
step_kind(const CanonicalType *type, bool convert)
{
#ifdef WORDS_BIGENDIAN
	return STEP_OTHER;
#endif
	switch (type->type)
	{
		case BOOLOID:
			return STEP_1_BYTE;
		case DATEOID:
			return STEP_4_BYTES;
		case INT8OID:
		case XID8OID:
		case LSNOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case MONEYOID:
			return STEP_8_BYTES;
		case UUIDOID:
			return STEP_16_BYTES;
		case INT2OID:
			return STEP_INT2;
		case INT4OID:
			return STEP_INT4;
		case OIDOID:
		case XIDOID:
			return STEP_UINT4;
		case FLOAT4OID:
			return STEP_FLOAT4;
		case FLOAT8OID:
			return STEP_FLOAT8;
		case TEXTOID:
		case VARCHAROID:
		case JSONOID:
		case XMLOID:
			return convert ? STEP_OTHER : STEP_STRING;
		case BYTEAOID:
			return STEP_STRING;
		case NUMERICOID:
			return STEP_NUMERIC;
		case JSONBOID:
			return convert ? STEP_OTHER : STEP_JSONB;
		default:
			return STEP_OTHER;
	}
}

/* The column of a name; names were checked when the digest began. */
static AttrNumber
column_of(Relation rel, const char *name)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						name, RelationGetRelationName(rel))));
	return attnum;
}

/* Every column is passed, so what it takes to pass it. */
static void
fill_step(Step *step, Form_pg_attribute att)
{
	step->kind = STEP_SKIP;
	step->len = att->attlen;
	step->byval = att->attbyval;
	step->alignby = att->attalign == TYPALIGN_DOUBLE ? ALIGNOF_DOUBLE :
		att->attalign == TYPALIGN_INT				 ? ALIGNOF_INT :
		att->attalign == TYPALIGN_SHORT				 ? ALIGNOF_SHORT :
													   1;
	step->column = att->attnum - 1;
	step->field = -1;
}

/* What tuples that lack a column say of it: its default when it was added. */
static void
fill_missing(RowProgram *program, Step *step, AttrNumber attnum)
{
	CanonicalBytes payload;
	Datum		value;
	bool		isnull;

	if (!TupleDescAttr(program->desc, attnum - 1)->atthasmissing)
		return;
	value = getmissingattr(program->desc, attnum, &isnull);
	if (isnull)
		return;
	canonical_begin(&payload);
	step->type->write(&payload, step->type, value);
	step->missing = payload.data;
	step->missing_length = payload.length;
	program->fixed_room += payload.length;
}

/* Take one column as the next field. */
static void
add_field(RowProgram *program, AttrNumber attnum, const char *name)
{
	Step	   *step = &program->steps[attnum - 1];
	int			field = program->nfields++;

	program->attnums[field] = attnum;
	program->types[field] =
		canonical_type(TupleDescAttr(program->desc, attnum - 1)->atttypid,
					   name);
	if (field > 0 && program->attnums[field - 1] >= attnum)
		program->in_order = false;
	step->type = program->types[field];
	step->kind = step_kind(step->type, program->bytes.convert);
	step->field = field;
	program->nsteps = Max(program->nsteps, attnum);
	program->fixed_room += FIELD_ROOM;
	fill_missing(program, step, attnum);
}

/* ---- plans ---- */

/* What stands before the payloads, with bytes behind it to copy as well. */
static char *
make_head(const RowProgram *program)
{
	char	   *head = palloc0(program->head_length + PAYLOAD_SLACK);

	payload_u16(head, program->nfields);
	for (int i = 0; i < program->nfields; i++)
		head[sizeof(uint16) + i] = (char) program->types[i]->tag;
	return head;
}

/* Add a step to a plan. */
static inline void
put_step(Step **to, const Step *column, StepKind kind)
{
	Step	   *step = (*to)++;

	*step = *column;
	step->kind = kind;
	step->code = row_step_code(kind);
}

static void
end_steps(Step *to)
{
	static const Step none = {0};

	put_step(&to, &none, STEP_END);
}

/* The plan of tuples that may lack any column. */
static void
make_plan_for_any(RowProgram *program, RowPlan *plan)
{
	Step	   *step = palloc(sizeof(Step) * (2 * program->nsteps + 1));

	plan->steps = step;
	plan->head = make_head(program);
	for (int i = 0; i < program->nsteps; i++)
	{
		const Step *column = &program->steps[i];

		put_step(&step, column, STEP_IF_PRESENT);
		put_step(&step, column, column->kind);
	}
	end_steps(step);
}

/* The plan of tuples that have certain columns. */
static void
make_plan(RowProgram *program, RowPlan *plan, uint64 present)
{
	Step	   *step = palloc(sizeof(Step) * (program->nsteps + 1));

	plan->present = present;
	plan->steps = step;
	plan->head = make_head(program);
	for (int i = 0; i < program->nsteps; i++)
	{
		const Step *column = &program->steps[i];

		if (i >= ROW_PLAN_COLUMNS || present & (UINT64CONST(1) << i))
			put_step(&step, column, column->kind);
		else if (column->field >= 0)
			plan->head[sizeof(uint16) + column->field] = CANONICAL_NULL;
	}
	end_steps(step);
}

const RowPlan *
row_plan(RowProgram *program, uint64 present, RowPlan *plan)
{
	MemoryContext old;

	if (program->nplans >= MOST_ROW_PLANS)
		return &program->any;
	program->nplans++;
	if (plan->steps != program->full.steps)
	{
		pfree(plan->steps);
		pfree(plan->head);
	}
	old = MemoryContextSwitchTo(GetMemoryChunkContext(program));
	make_plan(program, plan, present);
	MemoryContextSwitchTo(old);
	return plan;
}

/* ---- programs ---- */

/* The first plans, when all fields are known. */
static void
make_plans(RowProgram *program)
{
	uint64		all = program->nsteps < ROW_PLAN_COLUMNS ?
		(UINT64CONST(1) << program->nsteps) - 1 :
		PG_UINT64_MAX;

	program->head_length = sizeof(uint16) + program->nfields;
	program->fixed_room += program->head_length + PAYLOAD_SLACK;
	make_plan(program, &program->full, all);
	make_plan_for_any(program, &program->any);
	for (int i = 0; i < ROW_PLANS; i++)
		program->plans[i] = program->full;
}

/* Is a row just the number that stands first in its tuple? */
static bool
is_integer(const RowProgram *program)
{
	if (program->nfields != 1 || program->attnums[0] != 1)
		return false;
	switch (program->steps[0].kind)
	{
		case STEP_8_BYTES:
		case STEP_INT2:
		case STEP_INT4:
		case STEP_UINT4:
			return true;
		default:
			return false;
	}
}

RowProgram *
row_program(Relation rel, const List *columns)
{
	RowProgram *program = palloc0(sizeof(RowProgram));
	TupleDesc	desc = RelationGetDescr(rel);
	ListCell   *lc;

	program->desc = desc;
	program->steps = palloc0(sizeof(Step) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
		fill_step(&program->steps[i], TupleDescAttr(desc, i));

	canonical_begin(&program->bytes);
	canonical_begin(&program->copy);
	program->types = palloc0(sizeof(CanonicalType *) * list_length(columns));
	program->attnums = palloc0(sizeof(AttrNumber) * list_length(columns));
	program->in_order = true;
	foreach (lc, columns)
		add_field(program, column_of(rel, lfirst(lc)), lfirst(lc));
	program->integer = is_integer(program);
	make_plans(program);
	program->present = palloc(BITMAPLEN(desc->natts));
	program->values = palloc(sizeof(Datum) * desc->natts);
	program->nulls = palloc(sizeof(bool) * desc->natts);
	program->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "spine digest row",
							  ALLOCSET_DEFAULT_SIZES);
	return program;
}

void
row_release(RowProgram *program)
{
	MemoryContextReset(program->scratch);
}
