/*-------------------------------------------------------------------------
 *
 * detect_cipher.c
 *		Does a value look as if it were encrypted?
 *
 * Nobody can prove that bytes are ciphertext, but text, numbers, compressed
 * files and most structures prove that they are not: they are valid UTF-8, or
 * their bytes are not spread evenly.  So a value passes if it is a PGP
 * message, or bytes (as they are, in hex or in base64, by themselves or
 * behind the prefix of a key service) that are many enough and spread evenly
 * enough.  Random bytes pass too, and so do hashes.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "ownership/detectors.h"

#define MIN_BYTES 16   /* a block of AES, or a tag */
#define SAMPLE 4096	   /* as many bytes as are judged */
#define EVENNESS 0.8   /* share of the entropy that random bytes have */

/* What a key service puts before what it encrypted. */
static const char *const envelopes[] =
	{"vault:v",		 /* HashiCorp Vault: vault:v1:base64 */
	 "k8s:enc:",	 /* Kubernetes: k8s:enc:aescbc:v1:key:bytes */
	 "arn:aws:kms:", /* a key of AWS KMS, then : and the ciphertext */
	 "enc:",		 /* enc:base64, the prefix of many libraries */
	 "{cipher}",	 /* Spring Cloud Config */
	 "$ANSIBLE_VAULT;"};

/* Files that look random since they are compressed. */
static const struct
{
	const char *magic;
	int			len;
} compressed[] = {
	{"\x1f\x8b\x08", 3},	 /* gzip */
	{"PK\x03\x04", 4},		 /* zip */
	{"BZh", 3},				 /* bzip2 */
	{"\x28\xb5\x2f\xfd", 4}, /* zstd */
	{"\xfd"
	 "7zXZ",
	 5},				 /* xz */
	{"\x89PNG", 4},		 /* PNG */
	{"\xff\xd8\xff", 3}, /* JPEG */
	{"%PDF", 4},		 /* PDF */
};

/* ---- bytes ---- */

static bool
is_compressed(const unsigned char *bytes, int len)
{
	for (size_t i = 0; i < lengthof(compressed); i++)
		if (len >= compressed[i].len &&
			memcmp(bytes, compressed[i].magic, compressed[i].len) == 0)
			return true;
	return false;
}

/* Is it text, in ASCII or UTF-8?  Control characters say that it is not. */
static bool
is_text(const unsigned char *bytes, int len)
{
	int			i = 0;

	while (i < len)
	{
		int			n = pg_utf_mblen(bytes + i);

		if (bytes[i] < ' ' && !is_blank((char) bytes[i]))
			return false;
		/* A character that the sample cuts off. */
		if (i + n > len)
			return i > 0;
		if (!pg_utf8_islegal(bytes + i, n))
			return false;
		i += n;
	}
	return true;
}

/* Are the bytes spread as evenly as random ones? */
static bool
is_even(const unsigned char *bytes, int len)
{
	int			count[256] = {0};
	double		entropy = 0;

	for (int i = 0; i < len; i++)
		count[bytes[i]]++;
	for (int i = 0; i < 256; i++)
		if (count[i] > 0)
			entropy -= count[i] * log2((double) count[i] / len);
	return entropy / len >= EVENNESS * log2(Min(len, 256));
}

/* Do enough bytes look random? */
static bool
is_random(const unsigned char *bytes, int len)
{
	int			sample = Min(len, SAMPLE);

	return len >= MIN_BYTES && !is_compressed(bytes, sample) &&
		!is_text(bytes, sample) && is_even(bytes, sample);
}

/* ---- PGP messages ---- */

/* The tag of the packet that begins here, 0 if none does.  *body: where its
 * body begins; *next: where the one behind it would begin, or len. */
static int
packet_tag(const unsigned char *bytes, int len, int at, int *body, int *next)
{
	static const int widths[] = {1, 2, 4, 0};
	int			width;
	uint64		size = 0;
	int			begin = at + 1;
	bool		new_form;

	*body = *next = len;
	if (at + 2 > len || !(bytes[at] & 0x80))
		return 0;
	new_form = (bytes[at] & 0x40) != 0;
	if (new_form && bytes[begin] < 192)
		size = bytes[begin++];
	else if (new_form && bytes[begin] < 224 && at + 3 <= len)
	{
		size = ((bytes[begin] - 192) << 8) + bytes[begin + 1] + 192;
		begin += 2;
	}
	else if (!new_form)
	{
		width = widths[bytes[at] & 3];
		for (int i = 0; i < width && begin < len; i++)
			size = size << 8 | bytes[begin++];
		if (width == 0)
			size = len - begin;
	}
	else
		size = len - begin;		/* in pieces, or of four bytes */
	if (begin <= len && size <= (uint64) (len - begin))
		*next = begin + (int) size;
	*body = begin;
	return new_form ? bytes[at] & 0x3f : bytes[at] >> 2 & 0x0f;
}

/*
 * Encrypted data (tags 9, 18, 20), as a rule behind a packet with the key it
 * is encrypted with (1, 3).
 */
static bool
is_pgp_message(const unsigned char *bytes, int len)
{
	int			at = 0;

	if (len < MIN_BYTES * 2)
		return false;
	for (int i = 0; i < 16 && at < len; i++)
	{
		int			body;
		int			tag = packet_tag(bytes, len, at, &body, &at);

		if (tag == 9 || tag == 18 || tag == 20)
			return i > 0 || is_random(bytes, len);
		/* A key packet begins with its version, 3 to 6. */
		if ((tag != 1 && tag != 3) || body >= len || bytes[body] < 3 ||
			bytes[body] > 6)
			return false;
	}
	return false;
}

bool
bytes_look_encrypted(const unsigned char *bytes, int len)
{
	if (is_pgp_message(bytes, len) || is_random(bytes, len))
		return true;
	return is_text(bytes, Min(len, SAMPLE)) &&
		looks_encrypted((const char *) bytes, len);
}

/* ---- bytes written as text ---- */

/* The value of a base64 digit, -1 if it is none. */
static int
base64_value(char c)
{
	if (is_upper(c))
		return c - 'A';
	if (is_lower(c))
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Hex digits alone, some of them letters, that stand for random bytes? */
static bool
is_random_hex(const char *text, int len)
{
	unsigned char bytes[SAMPLE];
	int			n = 0;
	bool		letter = false;

	if (len % 2 != 0)
		return false;
	for (int i = 0; i < len; i += 2)
	{
		int			high = hex_value(text[i]);
		int			low = hex_value(text[i + 1]);

		if (i % DETECT_STRIDE == 0)
			CHECK_FOR_INTERRUPTS();
		if (high < 0 || low < 0)
			return false;
		letter |= high > 9 || low > 9;
		if (n < SAMPLE)
			bytes[n++] = high << 4 | low;
	}
	return letter && (is_pgp_message(bytes, n) || is_random(bytes, n));
}

/* Which of capitals, small letters, the rest? */
static int
letter_class(char c)
{
	return is_upper(c) ? 0 : is_lower(c) ? 1 : 2;
}

/*
 * Letters mixed as in base64 of random bytes: words written together have few
 * capitals, go on in small letters, and have neither digits nor padding.  Of
 * 16 random bytes less than one in 10,000 is taken for words, of more bytes
 * ever fewer.
 */
static bool
is_mixed(const int *counts, int turns, int n, bool padded)
{
	return counts[0] * 24 >= n && counts[1] * 24 >= n && turns * 5 >= n - 1 &&
		(counts[2] > 0 || padded || n >= 64);
}

/* Base64 alone, in lines or not, that stands for random bytes? */
static bool
is_random_base64(const char *text, int len)
{
	unsigned char bytes[SAMPLE];
	int			nbytes = 0;
	int			counts[3] = {0};
	int			turns = 0;
	int			n = 0;
	int			last = -1;
	uint32		bits = 0;
	bool		padded = false;

	for (int i = 0; i < len; i++)
	{
		int			value = base64_value(text[i]);

		if (i % DETECT_STRIDE == 0)
			CHECK_FOR_INTERRUPTS();
		if (text[i] == '\n' || text[i] == '\r')
			continue;
		if (value < 0)
		{
			/* padding, at most two of it, ends it */
			if (text[i] != '=' || len - i > 4 || n < MIN_BYTES)
				return false;
			padded = true;
			continue;
		}
		turns += last >= 0 && last != letter_class(text[i]);
		last = letter_class(text[i]);
		counts[last]++;
		bits = bits << 6 | value;
		if (++n % 4 != 1 && nbytes < SAMPLE)
			bytes[nbytes++] = bits >> (6 - 2 * ((n - 1) % 4)) & 0xff;
	}
	if (is_pgp_message(bytes, nbytes))
		return true;
	return is_mixed(counts, turns, n, padded) && is_random(bytes, nbytes);
}

/* Bytes in hex or base64. */
static bool
is_random_text(const char *text, int len)
{
	if (len >= 2 &&
		(memcmp(text, "\\x", 2) == 0 || memcmp(text, "0x", 2) == 0) &&
		is_random_hex(text + 2, len - 2))
		return true;
	return is_random_hex(text, len) || is_random_base64(text, len);
}

/* ---- armors and envelopes ---- */

static bool
begins_with(const char *text, int len, const char *word)
{
	int			n = (int) strlen(word);

	return len >= n && memcmp(text, word, n) == 0;
}

/* The first place of a word in a text, or len. */
static int
place_of(const char *text, int len, const char *word)
{
	int			n = (int) strlen(word);

	for (int i = 0; i + n <= len; i++)
		if (text[i] == word[0] && memcmp(text + i, word, n) == 0)
			return i;
	return len;
}

/* A message of PGP or age in its armor: between the lines stands base64. */
static bool
is_armor(const char *text, int len)
{
	bool		pgp = begins_with(text, len, "-----BEGIN PGP MESSAGE-----");
	int			begin;
	int			end;

	if (!pgp && !begins_with(text, len, "-----BEGIN AGE ENCRYPTED FILE-----"))
		return false;
	/* The headers of PGP end with an empty line. */
	begin =
		pgp ? place_of(text, len, "\n\n") + 2 : place_of(text, len, "\n") + 1;
	if (begin >= len)
		return false;
	text += begin;
	len -= begin;
	end = Min(place_of(text, len, "\n="), place_of(text, len, "\n-----END"));
	return end < len && is_random_base64(text, end);
}

/* What a key service's prefix announces must look encrypted itself. */
static bool
is_envelope(const char *text, int len)
{
	int			begin = len;
	bool		known = false;

	for (size_t i = 0; i < lengthof(envelopes); i++)
		known |= begins_with(text, len, envelopes[i]);
	if (!known)
		return false;
	while (begin > 0 && strchr(":}|;#", text[begin - 1]) == NULL)
		begin--;
	if (begins_with(text, len, "$ANSIBLE_VAULT;"))
		begin = place_of(text, len, "\n") + 1;
	return begin < len &&
		(is_random_text(text + begin, len - begin) ||
		 bytes_look_encrypted((const unsigned char *) text + begin,
							  len - begin));
}

/* SOPS: ENC[AES256_GCM,data:...,iv:...,tag:...] with values of any length. */
static bool
is_sops(const char *text, int len)
{
	return begins_with(text, len, "ENC[AES256_GCM,data:") &&
		text[len - 1] == ']' && place_of(text, len, ",iv:") < len &&
		place_of(text, len, ",tag:") < len;
}

/* A JSON web token of five segments is encrypted, one of three is not. */
static bool
is_encrypted_web_token(const char *text, int len)
{
	int			dots = 0;
	int			begin = 0;

	if (!begins_with(text, len, "eyJ"))
		return false;
	for (int i = 0; i < len; i++)
		if (text[i] == '.')
		{
			if (++dots == 3)
				begin = i + 1;
		}
		else if (base64_value(text[i]) < 0)
			return false;
	return dots == 4 && len - begin > MIN_BYTES * 4 / 3;
}

bool
looks_encrypted(const char *text, int len)
{
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	/* Nothing holds no text. */
	if (len == 0)
		return true;
	return is_armor(text, len) || is_envelope(text, len) ||
		is_sops(text, len) || is_encrypted_web_token(text, len) ||
		is_random_text(text, len);
}
