/*-------------------------------------------------------------------------
 *
 * semver.c
 *		Semantic versions 2.0.0, and which one a change deserves.
 *
 * Numbers have 64 bits; larger ones are no versions here.  Identifiers of a
 * prerelease may be numbers of any length.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/semver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is left to read of a text. */
typedef struct Reading
{
	const char *next;
	const char *end;
} Reading;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_identifier(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		c == '-';
}

static bool
read_char(Reading *r, char c)
{
	if (r->next == r->end || *r->next != c)
		return false;
	r->next++;
	return true;
}

/* A number without leading zeros. */
static bool
read_number(Reading *r, uint64_t *number)
{
	const char *start = r->next;

	*number = 0;
	for (; r->next < r->end && is_digit(*r->next); r->next++)
	{
		uint64_t	digit = (uint64_t) (*r->next - '0');

		if (*number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return r->next > start && (*start != '0' || r->next == start + 1);
}

static bool
all_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_digit(text[i]))
			return false;
	return true;
}

/*
 * Identifiers with dots between them.  In a prerelease, those that are
 * numbers have no leading zeros.
 */
static bool
read_identifiers(Reading *r, bool prerelease, const char **text,
				 size_t *length)
{
	*text = r->next;
	do
	{
		const char *start = r->next;
		size_t		size;

		while (r->next < r->end && is_identifier(*r->next))
			r->next++;
		size = (size_t) (r->next - start);
		if (size == 0 ||
			(prerelease && size > 1 && *start == '0' &&
			 all_digits(start, size)))
			return false;
	} while (read_char(r, '.'));
	*length = (size_t) (r->next - *text);
	return true;
}

bool
semver_parse(const char *text, size_t length, Semver *version)
{
	Reading		r = {text, text + length};

	memset(version, 0, sizeof(*version));
	if (!read_number(&r, &version->major) || !read_char(&r, '.') ||
		!read_number(&r, &version->minor) || !read_char(&r, '.') ||
		!read_number(&r, &version->patch))
		return false;
	if (read_char(&r, '-') &&
		!read_identifiers(&r, true, &version->prerelease,
						  &version->prerelease_length))
		return false;
	if (read_char(&r, '+') &&
		!read_identifiers(&r, false, &version->build, &version->build_length))
		return false;
	return r.next == r.end;
}

/* ---- precedence ---- */

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Order of two texts of bytes. */
static int
compare_bytes(const char *a, size_t alen, const char *b, size_t blen)
{
	int			order = memcmp(a, b, alen < blen ? alen : blen);

	if (order == 0)
		return (alen > blen) - (alen < blen);
	return order < 0 ? -1 : 1;
}

/* Numbers by value and before words; words by their bytes. */
static int
compare_identifiers(const char *a, size_t alen, const char *b, size_t blen)
{
	bool anum = all_digits(a, alen), bnum = all_digits(b, blen);

	if (anum != bnum)
		return anum ? -1 : 1;
	if (anum && alen != blen)
		return alen < blen ? -1 : 1;
	return compare_bytes(a, alen, b, blen);
}

/* Length of the identifier that a text begins with. */
static size_t
identifier_length(const char *text, size_t length)
{
	const char *dot = memchr(text, '.', length);

	return dot == NULL ? length : (size_t) (dot - text);
}

/* Identifier by identifier; where all are equal, more of them come later. */
static int
compare_prereleases(const char *a, size_t alen, const char *b, size_t blen)
{
	while (alen > 0 && blen > 0)
	{
		size_t apart = identifier_length(a, alen),
			   bpart = identifier_length(b, blen);
		int			order = compare_identifiers(a, apart, b, bpart);

		if (order != 0)
			return order;
		apart += apart < alen;
		bpart += bpart < blen;
		a += apart;
		alen -= apart;
		b += bpart;
		blen -= bpart;
	}
	return (alen > 0) - (blen > 0);
}

int
semver_compare(const Semver *a, const Semver *b)
{
	int			order = compare_numbers(a->major, b->major);

	if (order == 0)
		order = compare_numbers(a->minor, b->minor);
	if (order == 0)
		order = compare_numbers(a->patch, b->patch);
	if (order != 0)
		return order;
	/* A prerelease comes before its release. */
	if (a->prerelease_length == 0 || b->prerelease_length == 0)
		return (a->prerelease_length == 0) - (b->prerelease_length == 0);
	return compare_prereleases(a->prerelease, a->prerelease_length,
							   b->prerelease, b->prerelease_length);
}

/* ---- which version a change deserves ---- */

SemverBump
semver_bump(const SchemaDifferences *differences)
{
	SemverBump	bump = BUMP_NONE;

	for (const SchemaDifference *d = differences->first; d != NULL;
		 d = d->next)
	{
		SemverBump	of_one = d->text_only ? BUMP_PATCH : BUMP_MINOR;

		if ((d->breaks & (BREAKS_BACKWARD | BREAKS_FORWARD)) != 0)
			of_one = BUMP_MAJOR;
		if (of_one > bump)
			bump = of_one;
	}
	return bump;
}

/* What a version raises that ends in these numbers: 2.0.0 is major. */
static SemverBump
bump_of_zeros(const Semver *version)
{
	if (version->patch != 0)
		return BUMP_PATCH;
	return version->minor != 0 ? BUMP_MINOR : BUMP_MAJOR;
}

SemverBump
semver_claim(const Semver *old, const Semver *new)
{
	if (semver_compare(old, new) >= 0)
		return BUMP_NONE;
	if (new->major > old->major)
		return BUMP_MAJOR;
	if (new->minor > old->minor)
		return BUMP_MINOR;
	if (new->patch > old->patch)
		return BUMP_PATCH;
	/* from a prerelease to its release, or to a later prerelease */
	return bump_of_zeros(new);
}

bool
semver_next(const Semver *old, SemverBump bump, char next[SEMVER_ROOM])
{
	uint64_t	numbers[3] = {old->major, old->minor, old->patch};

	if (bump != BUMP_NONE &&
		(old->prerelease_length == 0 || bump_of_zeros(old) < bump))
	{
		int			raised = bump == BUMP_MAJOR ? 0 : bump == BUMP_MINOR ? 1 : 2;

		if (numbers[raised] == UINT64_MAX)
			return false;
		numbers[raised]++;
		for (int i = raised + 1; i < 3; i++)
			numbers[i] = 0;
	}
	snprintf(next, SEMVER_ROOM, "%" PRIu64 ".%" PRIu64 ".%" PRIu64, numbers[0],
			 numbers[1], numbers[2]);
	return true;
}

const char *
semver_bump_name(SemverBump bump)
{
	static const char *const names[] = {"none", "patch", "minor", "major"};

	return names[bump];
}
