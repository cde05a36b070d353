/*-------------------------------------------------------------------------
 *
 * finding.c
 *		Findings as data, and the one place that turns them into an error.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "base/finding.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

Place
place_member(const Place *up, const char *key)
{
	return place_member_n(up, key, (int) strlen(key));
}

Place
place_member_n(const Place *up, const char *key, int keylen)
{
	Place		place = {up, key, keylen, 0};

	return place;
}

Place
place_element(const Place *up, int index)
{
	Place		place = {up, NULL, 0, index};

	return place;
}

/* Append one member name with the escapes of RFC 6901. */
static void
append_escaped(StringInfo buf, const char *key, int keylen)
{
	for (int i = 0; i < keylen; i++)
	{
		if (key[i] == '~')
			appendStringInfoString(buf, "~0");
		else if (key[i] == '/')
			appendStringInfoString(buf, "~1");
		else
			appendStringInfoCharMacro(buf, key[i]);
	}
}

/* Append the pointer of a place, its containers first. */
static void
append_place(StringInfo buf, const Place *place)
{
	check_stack_depth();

	if (place == NULL)
		return;

	append_place(buf, place->up);
	if (place->key == NULL && place->up == NULL)
		return;
	appendStringInfoChar(buf, '/');
	if (place->key != NULL)
		append_escaped(buf, place->key, place->keylen);
	else
		appendStringInfo(buf, "%d", place->index);
}

char *
place_pointer(const Place *place)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_place(&buf, place);
	return buf.data;
}

/* An empty list in the current memory context. */
Findings *
findings_new(void)
{
	Findings   *findings = palloc0(sizeof(Findings));

	findings->mcxt = CurrentMemoryContext;
	return findings;
}

void
finding_add(Findings *findings, FindingSeverity severity, const char *code,
			const Place *place, const char *hint, const char *fmt, ...)
{
	MemoryContext old = MemoryContextSwitchTo(findings->mcxt);
	Finding    *finding = palloc0(sizeof(Finding));
	StringInfoData buf;

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&buf, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}

	finding->severity = severity;
	finding->code = code;
	finding->pointer = place_pointer(place);
	finding->message = buf.data;
	finding->hint = hint ? pstrdup(hint) : NULL;

	findings->items = lappend(findings->items, finding);
	if (severity == FINDING_ERROR)
		findings->errors++;

	MemoryContextSwitchTo(old);
}

const char *
finding_severity_name(FindingSeverity severity)
{
	switch (severity)
	{
		case FINDING_ERROR:
			return "error";
		case FINDING_WARNING:
			return "warning";
		case FINDING_INFO:
			break;
	}
	return "info";
}

char *
findings_detail(const Findings *findings)
{
	StringInfoData detail;
	ListCell   *lc;

	initStringInfo(&detail);
	foreach (lc, findings->items)
	{
		const Finding *finding = lfirst(lc);

		if (finding->severity != FINDING_ERROR)
			continue;
		if (detail.len > 0)
			appendStringInfoChar(&detail, '\n');
		appendStringInfo(&detail, "%s: %s [%s]",
						 finding->pointer[0] ? finding->pointer : "/",
						 finding->message, finding->code);
	}
	return detail.data;
}

void
findings_raise(const Findings *findings)
{
	if (findings->errors == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("document has %d error", "document has %d errors",
						   findings->errors, findings->errors),
			 errdetail_internal("%s", findings_detail(findings)),
			 errhint(
				 "spine.validate(document) returns the findings as rows.")));
}
