/*-------------------------------------------------------------------------
 *
 * detect_card.c
 *		Numbers of payment cards in a text.
 *
 * What counts: 13 to 19 digits in one piece, or in the groups that are
 * embossed on cards with a blank or a hyphen between them, which begin as an
 * issuer's numbers do, have a length that this issuer gives out, and pass
 * the Luhn check.  A number that is part of a longer word or number does not
 * count: that leaves out hashes, UUIDs, IBANs, fractions and telephone
 * numbers with a plus sign.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "miscadmin.h"
#include "ownership/detectors.h"

#define MIN_DIGITS 13
#define MAX_DIGITS 19
#define LENGTH(n) (1 << (n))

/* Numbers that an issuer gives out: their first six digits, their lengths. */
typedef struct Issuer
{
	int			first;
	int			last;
	int			lengths; /* of LENGTH() */
} Issuer;

/*
 * Left out on purpose: what begins with 1 (airlines; timestamps do), and 15
 * digits of JCB (as long as IMEIs, which pass the Luhn check too).
 */
static const Issuer issuers[] = {
	{220000, 220499,
	 LENGTH(16) | LENGTH(17) | LENGTH(18) | LENGTH(19)}, /* Mir */
	{222100, 272099, LENGTH(16)},						 /* Mastercard */
	{300000, 305999, LENGTH(14) | LENGTH(16)},			 /* Diners Club */
	{309500, 309599, LENGTH(14) | LENGTH(16)},			 /* Diners Club */
	{340000, 349999, LENGTH(15)},						 /* American Express */
	{352800, 358999, LENGTH(16) | LENGTH(19)},			 /* JCB */
	{360000, 369999, LENGTH(14) | LENGTH(16)},			 /* Diners Club */
	{370000, 379999, LENGTH(15)},						 /* American Express */
	{380000, 399999, LENGTH(14) | LENGTH(16)},			 /* Diners Club */
	{400000, 499999, LENGTH(13) | LENGTH(16) | LENGTH(19)}, /* Visa */
	{501800, 501899, LENGTH(16) | LENGTH(18) | LENGTH(19)}, /* Maestro */
	{501900, 501999, LENGTH(16)},							/* Dankort */
	{502000, 502099, LENGTH(16) | LENGTH(18) | LENGTH(19)}, /* Maestro */
	{503800, 503899, LENGTH(16) | LENGTH(18) | LENGTH(19)}, /* Maestro */
	{506099, 506198, LENGTH(16) | LENGTH(18) | LENGTH(19)}, /* Verve */
	{508000, 508999, LENGTH(16)},							/* RuPay */
	{510000, 559999, LENGTH(16)},							/* Mastercard */
	{589300, 589399, LENGTH(16) | LENGTH(18) | LENGTH(19)}, /* Maestro */
	{601100, 601199, LENGTH(16) | LENGTH(19)},				/* Discover */
	{620000, 629999, LENGTH(16) | LENGTH(19)},				/* UnionPay */
	{630400, 630499, LENGTH(16) | LENGTH(18) | LENGTH(19)}, /* Maestro */
	{644000, 659999, LENGTH(16) | LENGTH(19)},				/* Discover */
	{675900, 676399, LENGTH(16) | LENGTH(18) | LENGTH(19)}, /* Maestro */
	{810000, 817199, LENGTH(16) | LENGTH(19)},				/* UnionPay */
	{979200, 979299, LENGTH(16)},							/* Troy */
};

/* The groups of digits that cards show; ended by 0. */
static const int shapes[][6] = {
	{4, 4, 4, 4, 3, 0},
	{4, 4, 4, 4, 0},
	{4, 6, 5, 0},
	{4, 6, 4, 0},
};

/* ---- numbers ---- */

/* The sum of digits, each factor times, counted from the last one. */
static int
digit_sum(const char *digits, int n, bool luhn)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
	{
		int			digit = digits[n - 1 - i] - '0';

		if (i % 2 == 1)
			digit = luhn ? digit * 2 - (digit > 4 ? 9 : 0) : digit * 3;
		sum += digit;
	}
	return sum;
}

/*
 * Visa once gave out 13 digits.  So many digits have the numbers of goods
 * (EAN), which bring their own check digit, and German and Austrian telephone
 * numbers without the plus sign.
 */
static bool
is_other_number(const char *digits, int n)
{
	return n == 13 &&
		(digit_sum(digits, n, false) % 10 == 0 ||
		 memcmp(digits, "49", 2) == 0 || memcmp(digits, "43", 2) == 0);
}

/* Could an issuer have given out this number? */
static bool
is_issued(const char *digits, int n)
{
	int			first = 0;

	for (int i = 0; i < 6; i++)
		first = first * 10 + (digits[i] - '0');
	for (size_t i = 0; i < lengthof(issuers); i++)
		if (first >= issuers[i].first && first <= issuers[i].last)
			return (issuers[i].lengths & LENGTH(n)) != 0;
	return false;
}

static bool
is_card_number(const char *digits, int n)
{
	return is_issued(digits, n) && digit_sum(digits, n, true) % 10 == 0 &&
		!is_other_number(digits, n);
}

/* ---- where a number begins and ends ---- */

/* Is what stands at a place a group of just so many digits? */
static bool
is_group(const char *text, int len, int at, int n)
{
	if (at < 0 || at + n > len)
		return false;
	for (int i = 0; i < n; i++)
		if (!is_digit(text[at + i]))
			return false;
	return (at == 0 || !is_digit(text[at - 1])) &&
		(at + n == len || !is_digit(text[at + n]));
}

/* Two letters and two digits before a blank or hyphen: so IBANs begin. */
static bool
begins_iban(const char *text, int before)
{
	return before >= 4 && is_digit(text[before - 1]) &&
		is_digit(text[before - 2]) && is_upper(text[before - 3]) &&
		is_upper(text[before - 4]) &&
		(before == 4 || !is_word(text[before - 5]));
}

/* May a number begin here, after whatever stands before it? */
static bool
may_begin(const char *text, int at)
{
	char		before;

	if (at == 0)
		return true;
	before = text[at - 1];
	if (is_word(before) || before == '+')
		return false;
	return before != '.' || at < 2 || !is_digit(text[at - 2]);
}

/* May it end here? */
static bool
may_end(const char *text, int len, int end)
{
	if (end == len)
		return true;
	if (is_word(text[end]))
		return false;
	return text[end] != '.' || end + 1 == len || !is_digit(text[end + 1]);
}

/* ---- looking at a place ---- */

/* A number in groups of a shape, the first of which begins here? */
static bool
has_shape(const char *text, int len, int at, const int *shape)
{
	char		digits[MAX_DIGITS];
	char		separator = at + 4 < len ? text[at + 4] : '\0';
	int			n = 0;
	int			end = at;

	if (separator != ' ' && separator != '-')
		return false;
	for (int i = 0; shape[i] != 0; i++)
	{
		if (i > 0 && (end >= len || text[end++] != separator))
			return false;
		if (!is_group(text, len, end, shape[i]))
			return false;
		memcpy(digits + n, text + end, shape[i]);
		n += shape[i];
		end += shape[i];
	}
	/* Groups of four before or behind: a longer number. */
	if (at >= 5 && text[at - 1] == separator && is_group(text, len, at - 5, 4))
		return false;
	if (end < len && text[end] == separator && is_group(text, len, end + 1, 4))
		return false;
	return may_end(text, len, end) && is_card_number(digits, n);
}

/* A number whose first group, of so many digits, begins here? */
static bool
begins_card_number(const char *text, int len, int at, int n)
{
	if (!may_begin(text, at))
		return false;
	if (n >= MIN_DIGITS && n <= MAX_DIGITS)
		return may_end(text, len, at + n) && is_card_number(text + at, n);
	if (n != 4 || (at > 0 && begins_iban(text, at - 1)))
		return false;
	for (size_t i = 0; i < lengthof(shapes); i++)
		if (has_shape(text, len, at, shapes[i]))
			return true;
	return false;
}

bool
holds_card_number(const char *text, int len)
{
	int			stride = 0;

	for (int i = 0; i < len; i++)
	{
		int			begin = i;

		if (i >= stride)
		{
			CHECK_FOR_INTERRUPTS();
			stride += DETECT_STRIDE;
		}
		while (i < len && is_digit(text[i]))
			i++;
		if (i - begin >= 4 && begins_card_number(text, len, begin, i - begin))
			return true;
	}
	return false;
}
