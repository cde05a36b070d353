/*-------------------------------------------------------------------------
 *
 * graph.c
 *		State diagrams of a lifecycle, in the languages of Graphviz and of
 *		Mermaid.
 *
 * States are nodes s1, s2, ... in reading order, so that no name of the
 * document ever becomes syntax; names and labels are escaped text.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "catalog/listing.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_export_dot);
PG_FUNCTION_INFO_V1(spine_export_mermaid);

/* How a language writes a diagram; nodes count from 1. */
typedef struct Language
{
	/* What stands before the nodes; the title is the dataset's key. */
	void		(*begin)(StringInfo out, const char *title);
	void		(*node)(StringInfo out, int number, const SpecState *state);
	void		(*edge)(StringInfo out, int from, int to, const char *label);
	const char *end;
} Language;

/* Text of a string in DOT, where & starts an entity and \ an escape. */
static void
put_dot_text(StringInfo out, const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '"' || *c == '\\')
			appendStringInfo(out, "\\%c", *c);
		else if (*c == '&')
			appendStringInfoString(out, "&amp;");
		else if (*c == '\n')
			appendStringInfoString(out, "\\n");
		else if ((unsigned char) *c >= ' ' && *c != 0x7f)
			appendStringInfoChar(out, *c);
		else
			appendStringInfoChar(out, ' ');
	}
}

/* Text of a label in Mermaid: what might be syntax or HTML becomes a code. */
static void
put_mermaid_text(StringInfo out, const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
	{
		unsigned char byte = (unsigned char) *c;

		if (byte < ' ' || byte == 0x7f)
			appendStringInfoChar(out, ' ');
		else if (byte >= 0x80 || strchr(" _-.,/()[]'?!=+*", byte) != NULL ||
				 (byte >= '0' && byte <= '9') ||
				 (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))
			appendStringInfoChar(out, *c);
		else
			appendStringInfo(out, "#%d;", byte);
	}
}

/* ---- Graphviz ---- */

static void
dot_begin(StringInfo out, const char *title)
{
	appendStringInfoString(out, "digraph \"");
	put_dot_text(out, title);
	appendStringInfoString(out,
						   "\" {\n"
						   "    rankdir=LR;\n"
						   "    node [shape=box, style=rounded];\n"
						   "    start [shape=point, label=\"\"];\n");
}

/* A terminal state has a double line; an initial one an arrow to it. */
static void
dot_node(StringInfo out, int number, const SpecState *state)
{
	appendStringInfo(out, "    s%d [label=\"", number);
	put_dot_text(out, state->name);
	appendStringInfo(out, "\"%s];\n",
					 state->terminal ? ", peripheries=2" : "");
	if (state->initial)
		appendStringInfo(out, "    start -> s%d;\n", number);
}

static void
dot_edge(StringInfo out, int from, int to, const char *label)
{
	appendStringInfo(out, "    s%d -> s%d [label=\"", from, to);
	put_dot_text(out, label);
	appendStringInfoString(out, "\"];\n");
}

static const Language dot = {dot_begin, dot_node, dot_edge, "}\n"};

/* ---- Mermaid ---- */

static void
mermaid_begin(StringInfo out, const char *title)
{
	appendStringInfoString(out, "stateDiagram-v2\n    %% ");
	put_mermaid_text(out, title);
	appendStringInfoString(out, "\n    direction LR\n");
}

static void
mermaid_node(StringInfo out, int number, const SpecState *state)
{
	appendStringInfoString(out, "    state \"");
	put_mermaid_text(out, state->name);
	appendStringInfo(out, "\" as s%d\n", number);
	if (state->initial)
		appendStringInfo(out, "    [*] --> s%d\n", number);
	if (state->terminal)
		appendStringInfo(out, "    s%d --> [*]\n", number);
}

static void
mermaid_edge(StringInfo out, int from, int to, const char *label)
{
	appendStringInfo(out, "    s%d --> s%d : ", from, to);
	put_mermaid_text(out, label);
	appendStringInfoChar(out, '\n');
}

static const Language mermaid = {mermaid_begin, mermaid_node, mermaid_edge,
								 ""};

/* ---- the diagram ---- */

/* Who makes the transition, a mark for its guard, and what it hands over. */
static char *
edge_label(const SpecTransition *transition)
{
	StringInfoData label;
	List	   *handoffs = NIL;
	ListCell   *lc;

	initStringInfo(&label);
	appendStringInfoString(&label, names_join(transition->by, ", "));
	if (transition_guarded(transition))
		appendStringInfoString(&label, "\n[guard]");
	foreach (lc, transition->handoffs)
		handoffs = lappend(handoffs, handoff_text(lfirst(lc)));
	if (handoffs != NIL)
		appendStringInfo(&label, "\n/ %s", names_join(handoffs, ", "));
	return label.data;
}

/* The diagram of the dataset that a key names. */
static text *
diagram(const char *key, const Language *language)
{
	Found		found;
	StringInfoData out;
	List	   *states;
	ListCell   *lc;

	found_by_key(key, &found);
	if (found.dataset == NULL || found.dataset->lifecycle == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" has no lifecycle to draw", key),
				 errhint("Datasets with one have has_lifecycle in "
						 "spine.dataset.")));

	initStringInfo(&out);
	language->begin(&out, key);
	states = states_in_order(found.dataset->lifecycle);
	foreach (lc, states)
		language->node(&out, foreach_current_index(lc) + 1, lfirst(lc));
	foreach (lc, transitions_in_order(found.dataset->lifecycle, states))
	{
		const SpecTransition *transition = lfirst(lc);

		language->edge(&out, state_position(states, transition->from) + 1,
					   state_position(states, transition->to) + 1,
					   edge_label(transition));
	}
	appendStringInfoString(&out, language->end);
	return cstring_to_text_with_len(out.data, out.len);
}

/* spine.export_dot(dataset): see docs/views.md. */
Datum
spine_export_dot(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(diagram(text_to_cstring(PG_GETARG_TEXT_PP(0)), &dot));
}

/* spine.export_mermaid(dataset): see docs/views.md. */
Datum
spine_export_mermaid(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(diagram(text_to_cstring(PG_GETARG_TEXT_PP(0)), &mermaid));
}
