/*-------------------------------------------------------------------------
 *
 * detectors.h
 *		What a value looks like: a card number, a secret, plain text.
 *
 * A detector reads bytes once from left to right, looks back and ahead by a
 * bounded number of them, and allocates nothing: its time is linear in the
 * length whatever the bytes are.  It tells shapes, not meanings, and is made
 * against accidents, not against somebody who disguises a value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWNERSHIP_DETECTORS_H
#define OWNERSHIP_DETECTORS_H

typedef enum Detector
{
	DETECT_CARD_NUMBER,
	DETECT_SECRET,
	DETECT_PLAIN_TEXT
} Detector;

#define DETECTOR_COUNT 3

/* How often a detector lets itself be interrupted, in bytes; a power of 2. */
#define DETECT_STRIDE 65536

/* ---- in detectors.c ---- */

/* A detector by the name that documents use; false if there is none. */
extern bool detector_by_name(const char *name, Detector *detector);
extern const char *detector_name(Detector detector);
/* What it detects, for a message. */
extern const char *detector_noun(Detector detector);
/* What to do instead, a sentence. */
extern const char *detector_advice(Detector detector);

/* Does the detector find what it looks for in a text? */
extern bool detect(Detector detector, const char *text, int len);

/* ---- in detect_card.c ---- */

extern bool holds_card_number(const char *text, int len);

/* ---- in detect_secret.c ---- */

extern bool holds_secret(const char *text, int len);
/* Is it a secret as the value of something that has this name? */
extern bool is_secret_value(const char *name, int name_len, const char *value,
							int len);

/* ---- in detect_cipher.c ---- */

/* Does a text, or do bytes, look as if they were encrypted? */
extern bool looks_encrypted(const char *text, int len);
extern bool bytes_look_encrypted(const unsigned char *bytes, int len);

/* ---- kinds of characters; ASCII alone, whatever the locale ---- */

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Is it part of a word, as identifiers are written? */
static inline bool
is_word(char c)
{
	return is_digit(c) || is_lower(c) || is_upper(c) || c == '_';
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

#endif /* OWNERSHIP_DETECTORS_H */
