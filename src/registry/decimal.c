/*-------------------------------------------------------------------------
 *
 * decimal.c
 *		JSON numbers as what is written, not as what a float makes of it.
 *
 * A number is a sign, digits without zeros at either end, and an exponent:
 * 0.DIGITS times ten to the exponent.  So 1, 1.0 and 10e-1 are the same, and
 * 1e400 is a number like any other.
 *
 * Includes no header of the server: see engine.h.
 *
 *-------------------------------------------------------------------------
 */
#include "registry/json_tree.h"

#include <string.h>

/* Exponents beyond this are this: no text has that many digits. */
#define MOST_EXPONENT (INT64_C(1) << 60)

/* Ten times a number of so many digits fits into 64 bits. */
#define WORD_DIGITS 18

typedef struct Decimal
{
	bool		negative;
	const char *first;		/* first digit that is not zero; NULL: zero */
	const char *end;		/* behind the last one */
	int			count;		/* digits between, the point left out */
	int64_t		exponent;
} Decimal;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The exponent behind e, as far as it matters. */
static int64_t
read_exponent(const char *text, const char *end)
{
	bool		negative = text < end && *text == '-';
	int64_t		value = 0;

	if (text < end && (*text == '-' || *text == '+'))
		text++;
	for (; text < end && is_digit(*text); text++)
		if (value < MOST_EXPONENT / 16)
			value = value * 10 + (*text - '0');
	return negative ? -value : value;
}

/* Take a number apart; the text is that of a JSON number. */
static Decimal
read_decimal(const char *text, size_t length)
{
	Decimal		number = {0};
	const char *end = text + length;
	const char *c = text;
	bool		fraction = false;
	int			zeros = 0;	/* at the end of the digits so far */

	if (c < end && *c == '-')
	{
		number.negative = true;
		c++;
	}
	for (; c < end && *c != 'e' && *c != 'E'; c++)
	{
		if (*c == '.')
		{
			fraction = true;
			continue;
		}
		if (number.first == NULL && *c == '0')
		{
			/* in front of all digits: only the point's place matters */
			number.exponent -= fraction;
			continue;
		}
		if (number.first == NULL)
			number.first = c;
		number.exponent += !fraction;
		zeros = *c == '0' ? zeros + 1 : 0;
		number.count++;
		if (zeros == 0)
			number.end = c + 1;
	}
	number.count -= zeros;
	if (c < end)
		number.exponent += read_exponent(c + 1, end);
	return number;
}

/* The next digit at or behind a place, past a point. */
static const char *
next_digit(const char *c)
{
	return *c == '.' ? c + 1 : c;
}

/* Compare sizes, signs left out; neither is zero. */
static int
compare_sizes(const Decimal *a, const Decimal *b)
{
	const char *c = a->first;
	const char *d = b->first;

	if (a->exponent != b->exponent)
		return a->exponent < b->exponent ? -1 : 1;
	while (c < a->end && d < b->end)
	{
		c = next_digit(c);
		d = next_digit(d);
		if (*c != *d)
			return *c < *d ? -1 : 1;
		c++;
		d++;
	}
	return (a->count > b->count) - (a->count < b->count);
}

static int
sign_of(const Decimal *number)
{
	if (number->first == NULL)
		return 0;
	return number->negative ? -1 : 1;
}

int
decimal_compare(Engine *engine, const char *a, size_t alen, const char *b,
				size_t blen)
{
	Decimal		one = read_decimal(a, alen);
	Decimal		other = read_decimal(b, blen);
	int			sign = sign_of(&one);

	engine_tick(engine);
	if (sign != sign_of(&other))
		return sign < sign_of(&other) ? -1 : 1;
	return sign == 0 ? 0 : sign * compare_sizes(&one, &other);
}

/* ---- divisibility ---- */

/* Remainder of a's digits and some zeros by a number of one word. */
static uint64_t
remainder_word(const Decimal *a, int64_t zeros, uint64_t divisor)
{
	uint64_t	rest = 0;		/* below 10^18, so ten times it fits */

	for (const char *c = a->first; c < a->end; c++)
		if (is_digit(*c))
			rest = (rest * 10 + (uint64_t) (*c - '0')) % divisor;
	while (zeros-- > 0 && rest != 0)
		rest = rest * 10 % divisor;
	return rest;
}

/* The digits as one number; there are at most WORD_DIGITS of them. */
static uint64_t
digits_word(const Decimal *number)
{
	uint64_t	word = 0;

	for (const char *c = number->first; c < number->end; c++)
		if (is_digit(*c))
			word = word * 10 + (uint64_t) (*c - '0');
	return word;
}

/* A long divisor, and what is left of the dividend so far: digits with the
 * highest first, the rest with one more in front. */
typedef struct LongRest
{
	int			count;
	char	   *divisor;
	char	   *rest;
} LongRest;

static int
compare_rest(const LongRest *numbers)
{
	if (numbers->rest[0] != 0)
		return 1;
	return memcmp(numbers->rest + 1, numbers->divisor,
				  (size_t) numbers->count);
}

static void
subtract_divisor(LongRest *numbers)
{
	int			borrow = 0;

	for (int i = numbers->count - 1; i >= 0; i--)
	{
		int			digit = numbers->rest[i + 1] - numbers->divisor[i] - borrow;

		borrow = digit < 0;
		numbers->rest[i + 1] = (char) (digit + 10 * borrow);
	}
	numbers->rest[0] = (char) (numbers->rest[0] - borrow);
}

/* Take in one more digit of the dividend. */
static void
take_digit(LongRest *numbers, int digit)
{
	memmove(numbers->rest, numbers->rest + 1, (size_t) numbers->count);
	numbers->rest[numbers->count] = (char) digit;
	while (compare_rest(numbers) >= 0)
		subtract_divisor(numbers);
}

static bool
rest_is_zero(const LongRest *numbers)
{
	for (int i = 0; i <= numbers->count; i++)
		if (numbers->rest[i] != 0)
			return false;
	return true;
}

/* Does a long divisor divide a's digits and some zeros? */
static bool
divides_long(Engine *engine, const Decimal *a, int64_t zeros, const Decimal *b)
{
	LongRest	numbers;
	int			n = 0;

	numbers.count = b->count;
	numbers.divisor = engine_alloc(engine, (size_t) b->count);
	numbers.rest = engine_alloc(engine, (size_t) b->count + 1);
	for (const char *c = b->first; c < b->end; c++)
		if (is_digit(*c))
			numbers.divisor[n++] = (char) (*c - '0');
	for (const char *c = a->first; c < a->end; c++)
	{
		engine_tick(engine);
		if (is_digit(*c))
			take_digit(&numbers, *c - '0');
	}
	while (zeros-- > 0 && !rest_is_zero(&numbers))
	{
		engine_tick(engine);
		take_digit(&numbers, 0);
	}
	return rest_is_zero(&numbers);
}

bool
decimal_is_multiple(Engine *engine, const char *a, size_t alen, const char *b,
					size_t blen)
{
	Decimal		one = read_decimal(a, alen);
	Decimal		other = read_decimal(b, blen);
	int64_t		zeros;

	engine_tick(engine);
	if (one.first == NULL)
		return true;
	if (other.first == NULL)
		return false;
	/* Both as whole digits: how many tens has the dividend more? */
	zeros = (one.exponent - one.count) - (other.exponent - other.count);
	if (zeros < 0)
		return false;
	/* Tens beyond those that the divisor holds change nothing. */
	if (zeros > 4 * (int64_t) other.count + 4)
		zeros = 4 * (int64_t) other.count + 4;
	if (other.count <= WORD_DIGITS)
		return remainder_word(&one, zeros, digits_word(&other)) == 0;
	return divides_long(engine, &one, zeros, &other);
}

bool
decimal_is_integer(const char *text, size_t length, int64_t *value, bool *fits)
{
	Decimal		number = read_decimal(text, length);
	uint64_t	size = 0;

	*value = 0;
	*fits = true;
	if (number.first == NULL)
		return true;
	if (number.exponent < number.count)
		return false;
	*fits = number.exponent <= WORD_DIGITS;
	if (!*fits)
		return true;
	size = digits_word(&number);
	for (int64_t i = number.count; i < number.exponent; i++)
		size *= 10;
	*value = number.negative ? -(int64_t) size : (int64_t) size;
	return true;
}
