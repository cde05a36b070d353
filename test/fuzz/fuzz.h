/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *		What fuzz targets share: an input in parts, and what must hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/engine_alone.h"
#include "registry/format.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parts of an input are divided by a form feed, which no format needs. */
#define PART_END '\f'

/* A part of an input. */
typedef struct FuzzPart
{
	const char *text;
	size_t		length;
} FuzzPart;

/* What is in front of the next form feed; the rest is left in the input. */
static inline FuzzPart
next_part(FuzzPart *input)
{
	const char *end = input->length == 0 ? NULL :
		memchr(input->text, PART_END, input->length);
	FuzzPart	part = *input;

	if (end == NULL)
	{
		input->text += input->length;
		input->length = 0;
		return part;
	}
	part.length = (size_t) (end - input->text);
	input->text = end + 1;
	input->length -= part.length + 1;
	return part;
}

/* End at once if something does not hold. */
static inline void
must_hold(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* All that differences say together. */
static inline unsigned
breaks_of(const SchemaDifferences *differences)
{
	unsigned	breaks = 0;

	for (const SchemaDifference *d = differences->first; d != NULL;
		 d = d->next)
		breaks |= d->breaks;
	return breaks;
}

#endif /* TEST_FUZZ_H */
