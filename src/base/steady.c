/*-------------------------------------------------------------------------
 *
 * steady.c
 *		Settings held at fixed values while an expression is read or run.
 *
 * Whoever is judged by a guard chooses the settings of the session.  With
 * standard_conforming_strings off the text of a guard reads differently, with
 * another TimeZone CURRENT_DATE is another day; so both analysis and
 * evaluation happen under the values below, whatever the session says.
 *
 * Setting an option costs about a microsecond and so does looking its value
 * up by name; comparing the server's own variable costs nothing, so that is
 * what decides.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <limits.h>

#include "base/steady.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/xml.h"

/* Of utils/pg_locale.h, which needs ICU's headers to be there. */
extern PGDLLIMPORT char *locale_monetary;
extern PGDLLIMPORT char *locale_numeric;
extern PGDLLIMPORT char *locale_time;

/* Set one option for the current GUC nest level. */
static void
hold(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* The same for an option whose variable the server keeps to itself. */
static void
hold_by_name(const char *name, const char *value)
{
	const char *current = GetConfigOption(name, true, false);

	if (current != NULL && strcmp(current, value) != 0)
		hold(name, value);
}

/* What the parser looks at. */
static void
hold_syntax(void)
{
	if (!standard_conforming_strings)
		hold("standard_conforming_strings", "on");
	if (backslash_quote != BACKSLASH_QUOTE_SAFE_ENCODING)
		hold("backslash_quote", "safe_encoding");
	if (Transform_null_equals)
		hold("transform_null_equals", "off");
	if (quote_all_identifiers)
		hold("quote_all_identifiers", "off");
}

/* What date and time values look at. */
static void
hold_time(void)
{
	if (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_MDY)
		hold("DateStyle", "ISO, MDY");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		hold("IntervalStyle", "postgres");
	if (strcmp(pg_get_timezone_name(session_timezone), "UTC") != 0)
		hold("TimeZone", "UTC");
	hold_by_name("timezone_abbreviations", "Default");
}

/* What other input and output functions look at. */
static void
hold_values(void)
{
	if (!Array_nulls)
		hold("array_nulls", "on");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		hold("bytea_output", "hex");
	if (extra_float_digits < 1)
		hold("extra_float_digits", "1");
	if (xmlbinary != XMLBINARY_BASE64)
		hold("xmlbinary", "base64");
	if (xmloption != XMLOPTION_CONTENT)
		hold("xmloption", "content");
}

/* What money and to_char look at. */
static void
hold_locale(void)
{
	if (strcmp(locale_monetary, "C") != 0)
		hold("lc_monetary", "C");
	if (strcmp(locale_numeric, "C") != 0)
		hold("lc_numeric", "C");
	if (strcmp(locale_time, "C") != 0)
		hold("lc_time", "C");
}

void
steady_settings(void)
{
	hold_syntax();
	hold_time();
	hold_values();
	hold_locale();
}

/*
 * Output functions of these types are called immutable and yet look at a
 * setting; any extra_float_digits above zero prints the same.
 */
bool
steady_for_immutables(void)
{
	return IntervalStyle == INTSTYLE_POSTGRES &&
		bytea_output == BYTEA_OUTPUT_HEX && extra_float_digits > 0;
}
