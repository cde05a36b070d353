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
#include "consistency/payload.h"
#include "consistency/row_program.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/*
 * What a field may take beside what stands in the tuple: a number is widened
 * by six bytes, a text's length takes three more, a corrupt short value may
 * reach 126 bytes beyond the tuple before that is noticed.
 */
#define FIELD_ROOM 144

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
			return STEP_JSONB;
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
	step->byte = (att->attnum - 1) >> 3;
	step->bit = 1 << ((att->attnum - 1) & 7);
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

static void
make_head(RowProgram *program)
{
	Size		length = sizeof(uint16) + program->nfields;
	char	   *head = palloc0(length + PAYLOAD_SLACK);

	payload_u16(head, program->nfields);
	for (int i = 0; i < program->nfields; i++)
		head[sizeof(uint16) + i] = (char) program->types[i]->tag;
	program->head = head;
	program->head_length = length;
	program->fixed_room += length + PAYLOAD_SLACK;
}

RowProgram *
row_program(Relation rel, const List *columns)
{
	RowProgram *program = palloc0(sizeof(RowProgram));
	TupleDesc	desc = RelationGetDescr(rel);
	ListCell   *lc;

	program->desc = desc;
	program->steps = palloc0(sizeof(Step) * (desc->natts + 1));
	for (int i = 0; i < desc->natts; i++)
		fill_step(&program->steps[i], TupleDescAttr(desc, i));

	canonical_begin(&program->bytes);
	program->types = palloc0(sizeof(CanonicalType *) * list_length(columns));
	program->attnums = palloc0(sizeof(AttrNumber) * list_length(columns));
	program->in_order = true;
	foreach (lc, columns)
		add_field(program, column_of(rel, lfirst(lc)), lfirst(lc));
	program->steps[program->nsteps] = (Step){.kind = STEP_END, .bit = 0xff};
	make_head(program);
	program->present = palloc(BITMAPLEN(desc->natts));
	program->all = palloc(BITMAPLEN(desc->natts));
	memset(program->all, 0xff, BITMAPLEN(desc->natts));
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
