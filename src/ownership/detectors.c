/*-------------------------------------------------------------------------
 *
 * detectors.c
 *		The detectors by name, and spine.detect to try them.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "fmgr.h"
#include "ownership/detectors.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(spine_detect);

/* One detector: its name in documents, and what messages say of it. */
typedef struct DetectorWords
{
	const char *name;
	const char *noun;
	const char *advice;
} DetectorWords;

static const DetectorWords words[DETECTOR_COUNT] = {
	{"card_number", "a card number",
	 "Store a token of the payment provider, or the last four digits."},
	{"secret", "a secret",
	 "Keep secrets in a secret store and write a reference to them."},
	{"plain_text", "plain text", "Encrypt the value before it is written."},
};

bool
detector_by_name(const char *name, Detector *detector)
{
	for (int i = 0; i < DETECTOR_COUNT; i++)
		if (strcmp(words[i].name, name) == 0)
		{
			*detector = (Detector) i;
			return true;
		}
	return false;
}

const char *
detector_name(Detector detector)
{
	return words[detector].name;
}

const char *
detector_noun(Detector detector)
{
	return words[detector].noun;
}

const char *
detector_advice(Detector detector)
{
	return words[detector].advice;
}

bool
detect(Detector detector, const char *text, int len)
{
	switch (detector)
	{
		case DETECT_CARD_NUMBER:
			return holds_card_number(text, len);
		case DETECT_SECRET:
			return holds_secret(text, len);
		case DETECT_PLAIN_TEXT:
			break;
	}
	return !looks_encrypted(text, len);
}

/* spine.detect(value, detector) */
Datum
spine_detect(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Detector	detector;

	if (!detector_by_name(name, &detector))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no detector \"%s\"", name),
				 errhint(
					 "Detectors are card_number, secret and plain_text.")));
	PG_RETURN_BOOL(
		detect(detector, VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value)));
}
