/*-------------------------------------------------------------------------
 *
 * matrix.c
 *		Compiling a dataset's rules for one table, and for one user.
 *
 * Whatever cannot be compiled raises: a table whose rules are not clear is
 * written by nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/tupconvert.h"
#include "base/rights.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "ownership/matrix.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/* ---- small helpers ---- */

pg_noreturn static void refuse_compile(const char *relation, const char *fmt,
									   ...) pg_attribute_printf(2, 3);

/* Raise that a table cannot be judged; the cure is a new apply. */
static void
refuse_compile(const char *relation, const char *fmt, ...)
{
	va_list		args;
	char		reason[512];

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);

	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg("writes to table \"%s\" cannot be judged", relation),
		 errdetail("%s.", reason),
		 errhint(
			 "Apply a document that fits the table, or detach its guard with spine.detach_all().")));
}

static uint64 *
words_new(const Matrix *matrix)
{
	return palloc0(sizeof(uint64) * matrix->nwords);
}

static Datum
text_datum(const char *text)
{
	return CStringGetTextDatum(text);
}

char *
matrix_column_name(const Matrix *matrix, AttrNumber attnum)
{
	return pstrdup(NameStr(TupleDescAttr(matrix->desc, attnum - 1)->attname));
}

/*
 * The number of a column by name; 0 if there is none.  Each state names the
 * columns in the same order, so the search goes on where the last one ended.
 */
static AttrNumber
find_column(const Matrix *matrix, const char *name)
{
	static int	last = 0;

	for (int n = 0; n < matrix->natts; n++)
	{
		int			i = (last + n) % matrix->natts;
		Form_pg_attribute att = TupleDescAttr(matrix->desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
		{
			last = i;
			return i + 1;
		}
	}
	return 0;
}

/* As find_column, for a column that the rules need. */
static AttrNumber
need_column(const Matrix *matrix, const char *name)
{
	AttrNumber	attnum = find_column(matrix, name);

	if (attnum == 0)
		refuse_compile(
			matrix->relation,
			"The rules of dataset \"%s\" name the attribute \"%s\", which is not a column",
			matrix->spec->key, name);
	return attnum;
}

/* ---- identity: which dataset, which table ---- */

/* Is a relation the dataset's own, or a partition or child of it? */
static bool
belongs_to(Oid relid, Oid root)
{
	return relid == root ||
		list_member_oid(find_all_inheritors(root, NoLock, NULL), relid);
}

/* The relation that a dataset or one of its children names. */
static Oid
root_of(const CatalogDataset *dataset, const SpecChild *child)
{
	if (child != NULL)
		return spec_relation_oid(child->relation);
	/* A table that was dropped and made anew is found by its name. */
	if (OidIsValid(dataset->relid) && get_rel_name(dataset->relid) != NULL)
		return dataset->relid;
	return dataset->spec->relation ?
		spec_relation_oid(dataset->spec->relation) :
		InvalidOid;
}

static const SpecChild *
find_child(const SpecDataset *spec, const char *name)
{
	ListCell   *lc;

	if (spec->lifecycle == NULL)
		return NULL;
	foreach (lc, spec->lifecycle->children)
	{
		const SpecChild *child = lfirst(lc);

		if (strcmp(child->name, name) == 0)
			return child;
	}
	return NULL;
}

/* ---- the table's shape ---- */

static bool
column_ignored(Form_pg_attribute att)
{
	return att->attisdropped || att->attgenerated != '\0';
}

/* Describe the columns so that two tuples can be compared byte by byte. */
static void
compile_columns(Matrix *matrix)
{
	int			offset = 0;
	bool		fixed = true;

	matrix->columns = palloc0(sizeof(Column) * matrix->natts);
	for (int i = 0; i < matrix->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(matrix->desc, i);
		Column	   *column = &matrix->columns[i];

		column->len = att->attlen;
		column->alignby = att_align_nominal(1, att->attalign);
		column->byval = att->attbyval;
		column->ignored = column_ignored(att);
		column->offset = -1;
		if (att->attgenerated != '\0')
			matrix->may_vary = true;

		if (fixed && att->attlen > 0)
		{
			column->offset = att_align_nominal(offset, att->attalign);
			offset = column->offset + att->attlen;
			matrix->nfixed = i + 1;
		}
		else
			fixed = false;
	}
}

/* Is a column, by name, part of an ancestor's partition key? */
static bool
decides_partition(Relation ancestor, const char *name)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(ancestor), name);
	bool		in_expression;

	return attnum != InvalidAttrNumber &&
		has_partition_attrs(ancestor,
							bms_make_singleton(
								attnum - FirstLowInvalidHeapAttributeNumber),
							&in_expression);
}

/* The columns whose change may move a row to another partition. */
static uint64 *
compile_partition_keys(const Matrix *matrix, Relation rel)
{
	uint64	   *keys = words_new(matrix);
	List	   *ancestors;
	ListCell   *lc;

	if (!rel->rd_rel->relispartition)
		return keys;

	ancestors = get_partition_ancestors(RelationGetRelid(rel));
	foreach (lc, ancestors)
	{
		Relation	ancestor = relation_open(lfirst_oid(lc), AccessShareLock);

		for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
			if (!matrix->columns[attnum - 1].ignored &&
				decides_partition(ancestor,
								  matrix_column_name(matrix, attnum)))
				SET_BIT(keys, attnum);
		relation_close(ancestor, NoLock);
	}
	return keys;
}

static uint64 *
compile_keys(const Matrix *matrix, const List *names)
{
	uint64	   *keys = words_new(matrix);
	ListCell   *lc;

	foreach (lc, names)
		SET_BIT(keys, need_column(matrix, lfirst(lc)));
	return keys;
}

/* ---- parties ---- */

/*
 * Where the number of a party stands, or would stand, among the slots.  A
 * large matrix names parties thousands of times while it is compiled.
 */
static uint32
party_slot(const Matrix *matrix, const char *name)
{
	uint32		slot = 0;

	for (const char *c = name; *c != '\0'; c++)
		slot = slot * 31 + (unsigned char) *c;
	slot &= matrix->party_mask;
	while (matrix->party_slots[slot] >= 0 &&
		   strcmp(matrix->parties[matrix->party_slots[slot]], name) != 0)
		slot = (slot + 1) & matrix->party_mask;
	return slot;
}

static void
compile_parties(Matrix *matrix)
{
	List	   *names = spec_dataset_parties(matrix->spec);
	ListCell   *lc;
	int			i = 0;

	matrix->nparties = list_length(names);
	matrix->parties = palloc0(sizeof(char *) * (matrix->nparties + 1));
	matrix->party_labels = palloc0(sizeof(Datum) * (matrix->nparties + 1));
	matrix->roles = palloc0(sizeof(Oid) * (matrix->nparties + 1));
	matrix->party_mask = pg_nextpower2_32(matrix->nparties * 2 + 1) - 1;
	matrix->party_slots = palloc(sizeof(int) * (matrix->party_mask + 1));
	memset(matrix->party_slots, 0xFF, sizeof(int) * (matrix->party_mask + 1));
	foreach (lc, names)
	{
		matrix->parties[i] = pstrdup(lfirst(lc));
		matrix->party_labels[i] = text_datum(lfirst(lc));
		matrix->roles[i] = catalog_party_role(lfirst(lc));
		matrix->party_slots[party_slot(matrix, matrix->parties[i])] = i;
		i++;
	}
}

static int
party_number(const Matrix *matrix, const char *name)
{
	return matrix->party_slots[party_slot(matrix, name)];
}

/* The set of party numbers of a list of names. */
static Bitmapset *
party_set(const Matrix *matrix, const List *names)
{
	Bitmapset  *set = NULL;
	ListCell   *lc;

	foreach (lc, names)
	{
		int			number = party_number(matrix, lfirst(lc));

		if (number >= 0)
			set = bms_add_member(set, number);
	}
	return set;
}

char *
matrix_party_names(const Matrix *matrix, const Bitmapset *parties)
{
	StringInfoData buf;
	int			i = -1;

	initStringInfo(&buf);
	while ((i = bms_next_member(parties, i)) >= 0)
	{
		char *role = OidIsValid(matrix->roles[i]) ?
			GetUserNameFromId(matrix->roles[i], true) :
			NULL;

		if (buf.len > 0)
			appendStringInfoString(&buf, ", ");
		if (role != NULL)
			appendStringInfo(&buf, "%s (role \"%s\")", matrix->parties[i],
							 role);
		else
			appendStringInfo(&buf, "%s (no role)", matrix->parties[i]);
	}
	return buf.data;
}

/* ---- states ---- */

/* Parse a state's name as a value of the governing column. */
static Datum
state_value(const Matrix *matrix, const char *name)
{
	Form_pg_attribute att = TupleDescAttr(matrix->desc, matrix->governing - 1);
	int32		typmod = att->atttypmod;
	Oid			type = getBaseTypeAndTypmod(att->atttypid, &typmod);
	Oid			input;
	Oid			param;

	getTypeInputInfo(type, &input, &param);
	return OidInputFunctionCall(input, unconstify(char *, name), param,
								typmod);
}

/* The bytes of a governing value that tell states apart. */
static inline const char *
state_bytes(const StateIndex *index, const Datum *value, int *len)
{
	if (index->byval)
	{
		*len = index->len;
#ifdef WORDS_BIGENDIAN
		return (const char *) value + sizeof(Datum) - index->len;
#else
		return (const char *) value;
#endif
	}
	if (index->len == -1)
	{
		struct varlena *packed = PG_DETOAST_DATUM_PACKED(*value);

		*len = VARSIZE_ANY_EXHDR(packed);
		return VARDATA_ANY(packed);
	}
	*len = (int) strnlen(DatumGetPointer(*value),
						 index->len > 0 ? (size_t) index->len : SIZE_MAX);
	return DatumGetPointer(*value);
}

/* The first and last bytes: up to 16, they and their number are the value. */
static pg_attribute_always_inline void
state_ends(const char *bytes, int len, uint64 *head, uint64 *tail)
{
	const unsigned char *byte = (const unsigned char *) bytes;

	*head = *tail = 0;
	if (len >= 8)
	{
		memcpy(head, bytes, 8);
		memcpy(tail, bytes + len - 8, 8);
	}
	else if (len >= 4)
	{
		memcpy(head, bytes, 4);
		memcpy(tail, bytes + len - 4, 4);
	}
	else if (len > 0)
		*head = byte[0] | byte[len / 2] << 8 | byte[len - 1] << 16;
}

/* The slot of a value, or the free one where it belongs. */
static pg_attribute_always_inline StateSlot *
state_slot(const StateIndex *index, const char *bytes, int len, uint64 head,
		   uint64 tail)
{
	/* A cheap hash: state names are short and few. */
	uint64		hash = (head ^ (uint64) len) * UINT64CONST(0x9E3779B97F4A7C15);

	hash = (hash ^ (hash >> 32) ^ tail) * UINT64CONST(0xC2B2AE3D27D4EB4F);
	for (uint32 i = hash >> 32;; i++)
	{
		StateSlot  *slot = &index->slots[i & index->mask];

		if (slot->len < 0 ||
			(slot->head == head && slot->tail == tail && slot->len == len &&
			 (len <= 16 || memcmp(slot->bytes, bytes, len) == 0)))
			return slot;
	}
}

static pg_attribute_always_inline int
state_of_bytes(const StateIndex *index, const char *bytes, int len)
{
	uint64		head;
	uint64		tail;

	state_ends(bytes, len, &head, &tail);
	return state_slot(index, bytes, len, head, tail)->state;
}

int
matrix_state_of_value(const Matrix *matrix, Datum value)
{
	int			len;
	const char *bytes = state_bytes(&matrix->index, &value, &len);

	return state_of_bytes(&matrix->index, bytes, len);
}

/* The state of a row with whatever PostgreSQL makes of the row. */
static pg_noinline int
state_of_any_tuple(const Matrix *matrix, HeapTuple tuple)
{
	bool		isnull;
	Datum		value;

	if (matrix->governing == 0)
		return 0;
	value = heap_getattr(tuple, matrix->governing, matrix->desc, &isnull);
	return isnull ? STATE_UNKNOWN : matrix_state_of_value(matrix, value);
}

/* Where the governing value starts, found by walking; NULL if it is NULL. */
static pg_noinline const char *
state_walk(const Matrix *matrix, HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;
	const bits8 *nulls = HeapTupleHasNulls(tuple) ? header->t_bits : NULL;
	const char *data = (char *) header + header->t_hoff;
	int			last = matrix->governing - 1;
	uint32		off = 0;

	if (nulls != NULL && att_isnull(last, nulls))
		return NULL;
	for (int i = 0; i < last; i++)
		if (nulls == NULL || !att_isnull(i, nulls))
			off = column_end(&matrix->columns[i], data,
							 column_start(&matrix->columns[i], data, off));
	return data + column_start(&matrix->columns[last], data, off);
}

int
matrix_state_of_tuple(const Matrix *matrix, HeapTuple tuple)
{
	const StateIndex *index = &matrix->index;
	HeapTupleHeader header = tuple->t_data;
	const char *value;

	if (index->governing == 0 ||
		HeapTupleHeaderGetNatts(header) < index->governing)
		return state_of_any_tuple(matrix, tuple);

	if (index->in_place &&
		(!HeapTupleHasNulls(tuple) ||
		 (header->t_bits[0] & index->bits) == index->bits))
		value = (char *) header + header->t_hoff + index->start;
	else
		value = state_walk(matrix, tuple);

	if (value == NULL)
		return STATE_UNKNOWN;
	if (index->byval)
		return state_of_bytes(index, value, index->len);
	if (index->len == -1 && VARATT_IS_SHORT(value) &&
		!VARATT_IS_EXTERNAL(value))
		return state_of_bytes(index, VARDATA_SHORT(value),
							  VARSIZE_SHORT(value) - VARHDRSZ_SHORT);
	return state_of_any_tuple(matrix, tuple);
}

int
matrix_state_by_name(const Matrix *matrix, const char *name)
{
	for (int i = 0; i < matrix->nstates; i++)
		if (matrix->states[i].name != NULL &&
			strcmp(matrix->states[i].name, name) == 0)
			return i;
	return STATE_UNKNOWN;
}

const char *
matrix_state_name(const Matrix *matrix, int state)
{
	if (state == STATE_UNKNOWN || matrix->states[state].name == NULL)
		return NULL;
	return matrix->states[state].name;
}

/* Note where the governing value stands, if that is the same in all rows. */
static void
compile_state_place(Matrix *matrix)
{
	StateIndex *index = &matrix->index;
	int			before = matrix->governing - 1;
	const Column *column = &matrix->columns[before];
	int			start = 0;

	index->governing = matrix->governing;
	index->byval = column->byval;
	index->len = column->len;
	if (before > matrix->nfixed || before >= BITS_PER_BYTE ||
		!(column->byval || column->len == -1))
		return;
	if (before > 0)
		start = matrix->columns[before - 1].offset +
			matrix->columns[before - 1].len;

	/* A short varlena follows at once, what else there is is aligned. */
	index->start =
		column->byval ? (int) TYPEALIGN(column->alignby, start) : start;
	index->bits = (1 << matrix->governing) - 1;
	index->in_place = true;
}

/*
 * Index the states by value.  Few slots are taken, so that the first one
 * looked at is the right one nearly always: it is mispredicted branches that
 * cost.  Free slots take memory but no cache.
 */
static void
compile_state_index(Matrix *matrix)
{
	StateIndex *index = &matrix->index;
	uint32		nslots = 4;

	compile_state_place(matrix);
	while (nslots < (uint32) matrix->nstates * 8)
		nslots *= 2;
	index->mask = nslots - 1;
	index->slots = palloc(sizeof(StateSlot) * nslots);
	for (uint32 i = 0; i < nslots; i++)
	{
		index->slots[i].len = -1;
		index->slots[i].state = STATE_UNKNOWN;
	}

	for (int i = 0; i < matrix->nstates; i++)
	{
		Datum	   *value = &matrix->states[i].value;
		StateSlot	entry;
		StateSlot  *slot;

		entry.state = i;
		entry.bytes = state_bytes(index, value, &entry.len);
		state_ends(entry.bytes, entry.len, &entry.head, &entry.tail);
		slot =
			state_slot(index, entry.bytes, entry.len, entry.head, entry.tail);
		if (slot->len >= 0)
			refuse_compile(
				matrix->relation,
				"Two states of dataset \"%s\" stand for the same value \"%s\"",
				matrix->spec->key, matrix->states[i].name);
		*slot = entry;
	}
}

/* May a rule that covers "all the rest" cover this column? */
static bool
star_covers(const Matrix *matrix, AttrNumber attnum)
{
	return !matrix->columns[attnum - 1].ignored &&
		!HAS_BIT(matrix->keys, attnum) && !HAS_BIT(matrix->exempt, attnum);
}

/* Enter one write rule of a state: an attribute, or a path below it. */
static void
compile_write(const Matrix *matrix, MatrixState *state, const SpecWrite *write)
{
	AttrNumber	attnum = need_column(matrix, linitial(write->path));
	Bitmapset  *parties = party_set(matrix, write->parties);

	if (list_length(write->path) > 1)
	{
		PathRule   *rule = palloc0(sizeof(PathRule));

		rule->attnum = attnum;
		rule->name = write->name;
		rule->parts = list_copy_tail(write->path, 1);
		rule->parties = parties;
		state->paths = lappend(state->paths, rule);
		return;
	}

	state->write[attnum - 1] = parties;
	SET_BIT(state->named, attnum);
}

/* Enter what * covers: every attribute that no rule of the state names. */
static void
compile_star(const Matrix *matrix, MatrixState *state, const SpecWrite *star)
{
	Bitmapset  *parties = party_set(matrix, star->parties);

	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		if (HAS_BIT(state->named, attnum) || !star_covers(matrix, attnum))
			continue;
		state->write[attnum - 1] = parties;
		SET_BIT(state->named, attnum);
	}
}

static void
state_labels(MatrixState *state, const char *write, const char *insert,
			 const char *remove)
{
	state->write_rule = write;
	state->write_label = text_datum(write);
	state->insert_label = text_datum(insert);
	state->remove_label = text_datum(remove);
}

static MatrixState *
compile_state(const Matrix *matrix, MatrixState *state, const SpecState *spec)
{
	const SpecWrite *star = NULL;
	ListCell   *lc;

	state->name = spec->name;
	state->label = text_datum(spec->name);
	state->owner = spec->owner;
	state->initial = spec->initial;
	state->insert = party_set(matrix, spec->insert);
	state->remove = party_set(matrix, spec->remove);
	state->named = words_new(matrix);
	state->write = palloc0(sizeof(Bitmapset *) * matrix->natts);

	foreach (lc, spec->write)
	{
		const SpecWrite *write = lfirst(lc);

		if (write->path == NIL)
			star = write;
		else
			compile_write(matrix, state, write);
	}
	if (star != NULL)
		compile_star(matrix, state, star);
	state->open = !spec->locked && star == NULL;

	state_labels(state, psprintf("states/%s/write", spec->name),
				 psprintf("states/%s/insert", spec->name),
				 psprintf("states/%s/delete", spec->name));
	state->value = state_value(matrix, spec->name);
	return state;
}

/* Without a lifecycle: the owner and the producers do everything. */
static void
compile_single_state(Matrix *matrix)
{
	const SpecDataset *spec = matrix->spec;
	List	   *names = list_copy(spec->producers);
	MatrixState *state = palloc0(sizeof(MatrixState));

	if (spec->standing != NULL)
		names = lcons(unconstify(char *, spec->standing), names);

	state->owner = spec->standing;
	state->initial = true;
	state->insert = party_set(matrix, names);
	state->remove = bms_copy(state->insert);
	state->named = words_new(matrix);
	state->write = palloc0(sizeof(Bitmapset *) * matrix->natts);
	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
	{
		state->write[attnum - 1] = state->insert;
		SET_BIT(state->named, attnum);
	}
	state_labels(state, "owner and producers", "owner and producers",
				 "owner and producers");

	matrix->nstates = 1;
	matrix->states = state;
}

/* ---- transitions ---- */

static int
edge_slot(const Matrix *matrix, int from, int to)
{
	return from * matrix->nstates + to;
}

MatrixEdge *
matrix_edge(const Matrix *matrix, int from, int to)
{
	int			number;

	if (from == STATE_UNKNOWN || to == STATE_UNKNOWN ||
		matrix->edge_of == NULL)
		return NULL;
	number = matrix->edge_of[edge_slot(matrix, from, to)];
	return number < 0 ? NULL : &matrix->edges[number];
}

static List *
compile_counts(const Matrix *matrix, const List *specs)
{
	List	   *counts = NIL;
	ListCell   *lc;

	foreach (lc, specs)
	{
		const SpecChildCount *spec = lfirst(lc);
		MatrixCount *count = palloc0(sizeof(MatrixCount));

		count->child = spec->child;
		count->least = spec->least;
		count->spec = find_child(matrix->spec, spec->child);
		if (count->spec == NULL)
			refuse_compile(
				matrix->relation,
				"A guard counts the child \"%s\", which dataset \"%s\" does not list",
				spec->child, matrix->spec->key);
		counts = lappend(counts, count);
	}
	return counts;
}

static void
compile_edge(Matrix *matrix, MatrixEdge *edge, const SpecTransition *spec)
{
	ListCell   *lc;

	edge->from = matrix_state_by_name(matrix, spec->from);
	edge->to = matrix_state_by_name(matrix, spec->to);
	if (edge->from == STATE_UNKNOWN || edge->to == STATE_UNKNOWN)
		refuse_compile(
			matrix->relation,
			"The transition \"%s\" of dataset \"%s\" names a state that is not listed",
			spec->name, matrix->spec->key);
	edge->name = spec->name;
	edge->by = party_set(matrix, spec->by);
	edge->with_write = words_new(matrix);
	foreach (lc, spec->with_write)
		SET_BIT(edge->with_write, need_column(matrix, lfirst(lc)));
	edge->guard = spec->guard;
	edge->function = spec->guard_function;
	edge->counts = compile_counts(matrix, spec->guard_children);
	edge->handoffs = spec->handoffs;
	edge->calls =
		palloc0(sizeof(RowFunction *) * (list_length(spec->handoffs) + 1));
	edge->rule = psprintf("transitions/%s", spec->name);
	edge->rule_label = text_datum(edge->rule);
}

static void
compile_edges(Matrix *matrix)
{
	const List *specs = matrix->spec->lifecycle->transitions;
	ListCell   *lc;
	int			size = matrix->nstates * matrix->nstates;

	matrix->nedges = list_length(specs);
	matrix->edges = palloc0(sizeof(MatrixEdge) * (matrix->nedges + 1));
	matrix->edge_of = palloc(sizeof(int16) * (size + 1));
	memset(matrix->edge_of, -1, sizeof(int16) * (size + 1));

	foreach (lc, specs)
	{
		int			number = foreach_current_index(lc);
		MatrixEdge *edge = &matrix->edges[number];

		compile_edge(matrix, edge, lfirst(lc));
		matrix->edge_of[edge_slot(matrix, edge->from, edge->to)] = number;
	}
}

/* ---- the lifecycle as a whole ---- */

static void
compile_special_columns(Matrix *matrix)
{
	const SpecLifecycle *lifecycle = matrix->spec->lifecycle;

	matrix->exempt = words_new(matrix);
	if (lifecycle == NULL)
		return;

	matrix->governing = need_column(matrix, lifecycle->governing);
	SET_BIT(matrix->exempt, matrix->governing);
	if (lifecycle->entered_at != NULL)
	{
		matrix->entered_at = need_column(matrix, lifecycle->entered_at);
		SET_BIT(matrix->exempt, matrix->entered_at);
	}
	if (lifecycle->version != NULL)
	{
		matrix->version = need_column(matrix, lifecycle->version);
		matrix->version_mode = lifecycle->version_mode;
		SET_BIT(matrix->exempt, matrix->version);
	}
}

static void
compile_lifecycle(Matrix *matrix)
{
	const List *states = matrix->spec->lifecycle->states;
	ListCell   *lc;

	if (list_length(states) > PG_INT16_MAX / 4)
		refuse_compile(matrix->relation, "Dataset \"%s\" has too many states",
					   matrix->spec->key);
	matrix->nstates = list_length(states);
	matrix->states = palloc0(sizeof(MatrixState) * (matrix->nstates + 1));
	foreach (lc, states)
		compile_state(matrix, &matrix->states[foreach_current_index(lc)],
					  lfirst(lc));
	compile_state_index(matrix);
	compile_edges(matrix);
}

/* ---- child tables ---- */

/* A child's states are its parent's; who may write is a set per state. */
static void
compile_child_states(Matrix *matrix, const SpecChild *child)
{
	const List *states = matrix->spec->lifecycle->states;
	ListCell   *lc;

	matrix->nstates = list_length(states);
	matrix->states = palloc0(sizeof(MatrixState) * (matrix->nstates + 1));
	foreach (lc, states)
	{
		const SpecState *spec = lfirst(lc);
		MatrixState *state = &matrix->states[foreach_current_index(lc)];
		char *rule = psprintf("children/%s/write/%s", child->name, spec->name);
		ListCell   *lw;

		state->name = spec->name;
		state->label = text_datum(spec->name);
		state->owner = spec->owner;
		state->initial = true;
		state->named = words_new(matrix);
		state->write = palloc0(sizeof(Bitmapset *) * matrix->natts);
		foreach (lw, child->write)
		{
			const SpecWrite *write = lfirst(lw);

			if (strcmp(write->name, spec->name) == 0)
				state->insert = party_set(matrix, write->parties);
		}
		state->remove = bms_copy(state->insert);
		for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
		{
			state->write[attnum - 1] = state->insert;
			SET_BIT(state->named, attnum);
		}
		state_labels(state, rule, rule, rule);
	}
}

static void
compile_parent(Matrix *matrix, const CatalogDataset *dataset,
			   const SpecChild *child)
{
	MatrixParent *parent = palloc0(sizeof(MatrixParent));
	Relation	rel;
	ListCell   *lc;

	parent->relid = root_of(dataset, NULL);
	rel = OidIsValid(parent->relid) ? RelationIdGetRelation(parent->relid) :
									  NULL;
	if (rel == NULL)
		refuse_compile(
			matrix->relation,
			"The relation of dataset \"%s\", its parent, is missing",
			matrix->spec->key);
	parent->key = spec_key_columns(matrix->spec, rel);
	RelationClose(rel);

	parent->nkeys = list_length(child->via);
	if (parent->nkeys == 0 || parent->nkeys != list_length(parent->key))
		refuse_compile(
			matrix->relation,
			"The child \"%s\" of dataset \"%s\" must name one column for each key column of its parent",
			child->name, matrix->spec->key);
	parent->via = palloc(sizeof(AttrNumber) * parent->nkeys);
	parent->types = palloc(sizeof(Oid) * parent->nkeys);
	foreach (lc, child->via)
	{
		int			i = foreach_current_index(lc);

		parent->via[i] = need_column(matrix, lfirst(lc));
		parent->types[i] =
			TupleDescAttr(matrix->desc, parent->via[i] - 1)->atttypid;
	}
	matrix->parent = parent;
}

/* ---- putting it together ---- */

static HTAB *
user_table(MemoryContext mcxt)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(MatrixUser);
	ctl.hcxt = mcxt;
	return hash_create("spine matrix users", 8, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Fill in what is the same for a dataset's table and a child's. */
static void
compile_table(Matrix *matrix, Relation rel)
{
	matrix->relid = RelationGetRelid(rel);
	matrix->relation = pstrdup(RelationGetRelationName(rel));
	matrix->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	matrix->natts = matrix->desc->natts;
	matrix->nwords = (matrix->natts + 63) / 64;
	if (matrix->nwords == 0)
		matrix->nwords = 1;
	compile_columns(matrix);
	matrix->partition_keys = compile_partition_keys(matrix, rel);
	matrix->shape = row_shape(matrix->desc);
	matrix->defaults = palloc0(sizeof(ExprState *) * (matrix->natts + 1));
	matrix->users = user_table(matrix->mcxt);
}

/* The key is the root's: tables that inherit from it have no primary key. */
static List *
compile_key_columns(const Matrix *matrix, const SpecChild *child)
{
	Relation	root = relation_open(matrix->root, AccessShareLock);
	List	   *names;

	if (child != NULL)
		names = relation_primary_key(root);
	else
		names = spec_key_columns(matrix->spec, root);
	relation_close(root, NoLock);
	return names;
}

static void
compile_rules(Matrix *matrix, const CatalogDataset *dataset,
			  const SpecChild *child)
{
	const SpecDataset *spec = dataset->spec;

	matrix->key = child ?
		psprintf("%s.%s", spec->key, asset_key_quote(child->name)) :
		spec->key;
	matrix->key_label = text_datum(matrix->key);
	compile_parties(matrix);
	matrix->key_columns = compile_key_columns(matrix, child);
	matrix->keys = compile_keys(matrix, matrix->key_columns);
	if (child != NULL)
	{
		matrix->exempt = words_new(matrix);
		compile_child_states(matrix, child);
		compile_parent(matrix, dataset, child);
		return;
	}
	compile_special_columns(matrix);
	if (spec->lifecycle != NULL)
		compile_lifecycle(matrix);
	else
		compile_single_state(matrix);
}

Matrix *
matrix_compile(Relation rel, const char *dataset_key, const char *child_name,
			   MemoryContext mcxt)
{
	MemoryContext old = MemoryContextSwitchTo(mcxt);
	CatalogDataset *dataset = catalog_dataset(dataset_key);
	const SpecChild *child = NULL;
	Matrix	   *matrix = palloc0(sizeof(Matrix));
	const char *relation = RelationGetRelationName(rel);

	if (dataset == NULL)
		refuse_compile(
			relation,
			"Its guard belongs to dataset \"%s\", which the catalog does not have",
			dataset_key);
	if (child_name != NULL)
	{
		child = find_child(dataset->spec, child_name);
		if (child == NULL)
			refuse_compile(
				relation,
				"Its guard belongs to the child \"%s\", which dataset \"%s\" does not list",
				child_name, dataset_key);
	}

	matrix->mcxt = mcxt;
	matrix->spec = dataset->spec;
	matrix->pins = dataset->pins;
	matrix->rev = dataset->rev;
	matrix->enforcement = dataset->spec->enforcement;
	matrix->audit = dataset->spec->audit;
	matrix->root = root_of(dataset, child);
	if (!OidIsValid(matrix->root) ||
		!belongs_to(RelationGetRelid(rel), matrix->root))
		refuse_compile(
			relation,
			"Its guard belongs to \"%s\", which governs another relation",
			dataset_key);

	compile_table(matrix, rel);
	compile_rules(matrix, dataset, child);

	MemoryContextSwitchTo(old);
	return matrix;
}

/* ---- one user's rights ---- */

/* Which parties does a user act for? */
static Bitmapset *
user_parties(const Matrix *matrix, Oid userid)
{
	Bitmapset  *parties = NULL;

	for (int i = 0; i < matrix->nparties; i++)
		if (OidIsValid(matrix->roles[i]) && acts_for(userid, matrix->roles[i]))
			parties = bms_add_member(parties, i);
	return parties;
}

/* Is an attribute closed as a whole to a set of parties in a state? */
static bool
attribute_closed(const Matrix *matrix, const MatrixState *state,
				 const Bitmapset *parties, AttrNumber attnum)
{
	if (matrix->columns[attnum - 1].ignored)
		return false;
	if (attnum == matrix->governing ||
		(attnum == matrix->version && matrix->version_mode != VERSION_NONE))
		return false;
	if (matrix->governing != 0 &&
		(attnum == matrix->entered_at || HAS_BIT(matrix->keys, attnum)))
		return true;
	if (HAS_BIT(state->named, attnum))
		return !bms_overlap(state->write[attnum - 1], parties);
	return !state->open;
}

/* Close what must be looked at: closed columns, and columns with a path. */
static void
user_close(const Matrix *matrix, const MatrixState *state,
		   const Bitmapset *parties, uint64 *closed)
{
	ListCell   *lc;

	for (AttrNumber attnum = 1; attnum <= matrix->natts; attnum++)
		if (attribute_closed(matrix, state, parties, attnum))
			SET_BIT(closed, attnum);

	foreach (lc, state->paths)
	{
		const PathRule *rule = lfirst(lc);

		if (!bms_overlap(rule->parties, parties))
			SET_BIT(closed, rule->attnum);
	}
}

/* Must an insert look at no attribute but the special ones? */
static bool
insert_is_open(const Matrix *matrix, const uint64 *closed)
{
	for (int i = 0; i < matrix->nwords; i++)
		if (closed[i] & ~matrix->keys[i] & ~matrix->exempt[i])
			return false;
	return true;
}

/* The party that a user acts as by a rule: the state's owner, else the first. */
static Datum
party_by_rule(const Matrix *matrix, const MatrixState *state,
			  const Bitmapset *rule, const Bitmapset *parties)
{
	int			owner = state->owner ? party_number(matrix, state->owner) : -1;
	Bitmapset  *mine = bms_intersect(rule, parties);

	if (bms_is_empty(mine))
		return (Datum) 0;
	return matrix->party_labels[owner >= 0 && bms_is_member(owner, mine) ?
									owner :
									bms_next_member(mine, -1)];
}

/* The party that a user writes as in a state: the owner, else a writer. */
static Datum
user_party(const Matrix *matrix, const MatrixState *state,
		   const Bitmapset *parties)
{
	int			owner = state->owner ? party_number(matrix, state->owner) : -1;
	Bitmapset  *writers = NULL;
	ListCell   *lc;

	if (owner >= 0 && bms_is_member(owner, parties))
		return matrix->party_labels[owner];
	for (int i = 0; i < matrix->natts; i++)
		writers = bms_add_members(writers, state->write[i]);
	foreach (lc, state->paths)
		writers = bms_add_members(writers, ((PathRule *) lfirst(lc))->parties);
	return party_by_rule(matrix, state, writers, parties);
}

/* Work out what the parties of a user come to. */
static void
user_work_out(const Matrix *matrix, MatrixUser *user)
{
	int			n = matrix->nstates;

	user->closed = palloc0(sizeof(uint64) * matrix->nwords * (n + 1));
	user->insert = palloc0(sizeof(bool) * (n + 1));
	user->remove = palloc0(sizeof(bool) * (n + 1));
	user->insert_all = palloc0(sizeof(bool) * (n + 1));
	user->party = palloc0(sizeof(Datum) * (n + 1));
	user->inserts_as = palloc0(sizeof(Datum) * (n + 1));
	user->removes_as = palloc0(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
	{
		const MatrixState *state = &matrix->states[i];
		uint64	   *closed = &user->closed[i * matrix->nwords];

		user_close(matrix, state, user->parties, closed);
		user->insert[i] = bms_overlap(state->insert, user->parties);
		user->remove[i] = bms_overlap(state->remove, user->parties);
		user->insert_all[i] = insert_is_open(matrix, closed);
		user->party[i] = user_party(matrix, state, user->parties);
		user->inserts_as[i] =
			party_by_rule(matrix, state, state->insert, user->parties);
		user->removes_as[i] =
			party_by_rule(matrix, state, state->remove, user->parties);
	}
}

MatrixUser *
matrix_user(Matrix *matrix, Oid userid)
{
	uint64		now = role_generation();
	bool		found;
	MatrixUser *user = hash_search(matrix->users, &userid, HASH_ENTER, &found);

	if (!found)
		user->role_generation = 0;
	if (user->role_generation != now)
	{
		MemoryContext old = MemoryContextSwitchTo(matrix->mcxt);

		user->parties = user_parties(matrix, userid);
		user_work_out(matrix, user);
		user->role_generation = now;
		MemoryContextSwitchTo(old);
	}
	return user;
}

MatrixUser *
matrix_user_with(const Matrix *matrix, const MatrixUser *user,
				 const char *party)
{
	MatrixUser *other = palloc0(sizeof(MatrixUser));
	int			number = party_number(matrix, party);

	other->userid = user->userid;
	other->parties = bms_copy(user->parties);
	if (number >= 0)
		other->parties = bms_add_member(other->parties, number);
	user_work_out(matrix, other);
	return other;
}

bool
matrix_user_has(const Matrix *matrix, const MatrixUser *user,
				const char *party)
{
	int			number = party_number(matrix, party);

	return number >= 0 && bms_is_member(number, user->parties);
}

Expression *
matrix_edge_expression(Matrix *matrix, MatrixEdge *edge, Relation rel)
{
	if (edge->guard == NULL)
		return NULL;
	if (edge->expression == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(matrix->mcxt);

		edge->expression =
			expression_compile(edge->guard, rel, EXPRESSION_OLD_NEW,
							   matrix->pins);
		MemoryContextSwitchTo(old);
	}
	return edge->expression;
}

/* A tuple of this table in the layout of the dataset's own relation. */
static HeapTuple
root_tuple(const Matrix *matrix, Relation root, HeapTuple tuple)
{
	TupleConversionMap *map;

	if (RelationGetRelid(root) == matrix->relid || tuple == NULL)
		return tuple;
	map = convert_tuples_by_name(matrix->desc, RelationGetDescr(root));
	return map ? execute_attr_map_tuple(tuple, map) : tuple;
}

Datum
matrix_call(Matrix *matrix, RowFunction **function, const char *name,
			HeapTuple old, HeapTuple new, bool *isnull)
{
	Relation	root = relation_open(matrix->root, AccessShareLock);
	Datum		result;

	if (*function == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(matrix->mcxt);

		*function = row_function_compile(name, root, matrix->pins);
		MemoryContextSwitchTo(before);
	}
	result = row_function_call(*function, root_tuple(matrix, root, old),
							   root_tuple(matrix, root, new), isnull);
	relation_close(root, NoLock);
	return result;
}
