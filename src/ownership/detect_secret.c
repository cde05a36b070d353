/*-------------------------------------------------------------------------
 *
 * detect_secret.c
 *		Keys, tokens and passwords in a text.
 *
 * Four kinds of shapes: tokens that their issuer begins with a word of its
 * own (a table), private keys and JSON web tokens, passwords within a URL,
 * and values that are assigned to a name such as "password" (a table).  A
 * token is looked at from the start of a word only, and no further than it
 * takes to be sure, so that no byte is read more than a few times.
 *
 *-------------------------------------------------------------------------
 */
#include "spine.h"

#include "miscadmin.h"
#include "ownership/detectors.h"

/* Of what characters the rest of a token is. */
typedef enum Charset
{
	ALNUM,	 /* letters and digits */
	CAPITAL, /* capitals and digits */
	HEX,	 /* lower-case hex digits */
	WORD,	 /* letters, digits, _ */
	BASE64URL /* letters, digits, _ and - */
} Charset;

/* A token by what it begins with; exact: nothing of its kind may follow. */
typedef struct TokenShape
{
	const char *prefix;
	Charset		charset;
	int			length; /* of the rest, at least */
	bool		exact;
} TokenShape;

static const TokenShape tokens[] = {
	{"AKIA", CAPITAL, 16, true},		/* AWS access key */
	{"ASIA", CAPITAL, 16, true},		/* AWS temporary access key */
	{"AIza", BASE64URL, 35, true},		/* Google API key */
	{"GOCSPX-", BASE64URL, 24, false},	/* Google OAuth client secret */
	{"ya29.", BASE64URL, 20, false},	/* Google OAuth access token */
	{"ghp_", ALNUM, 36, false},			/* GitHub personal token */
	{"gho_", ALNUM, 36, false},			/* GitHub OAuth token */
	{"ghu_", ALNUM, 36, false},			/* GitHub user-to-server token */
	{"ghs_", ALNUM, 36, false},			/* GitHub server-to-server token */
	{"ghr_", ALNUM, 36, false},			/* GitHub refresh token */
	{"github_pat_", WORD, 40, false},	/* GitHub fine-grained token */
	{"glpat-", BASE64URL, 20, false},	/* GitLab personal token */
	{"xoxb-", BASE64URL, 20, false},	/* Slack bot token */
	{"xoxp-", BASE64URL, 20, false},	/* Slack user token */
	{"xoxa-", BASE64URL, 20, false},	/* Slack app token */
	{"xoxr-", BASE64URL, 20, false},	/* Slack refresh token */
	{"xoxs-", BASE64URL, 20, false},	/* Slack session token */
	{"xapp-", BASE64URL, 20, false},	/* Slack app-level token */
	{"sk_live_", ALNUM, 16, false},		/* Stripe secret key */
	{"sk_test_", ALNUM, 16, false},		/* Stripe secret key of tests */
	{"rk_live_", ALNUM, 16, false},		/* Stripe restricted key */
	{"rk_test_", ALNUM, 16, false},		/* Stripe restricted key of tests */
	{"whsec_", ALNUM, 24, false},		/* Stripe webhook secret */
	{"sk-ant-", BASE64URL, 24, false},	/* Anthropic API key */
	{"sk-proj-", BASE64URL, 24, false}, /* OpenAI project key */
	{"sk-", ALNUM, 40, false},			/* OpenAI key */
	{"npm_", ALNUM, 36, false},			/* npm token */
	{"pypi-", BASE64URL, 50, false},	/* PyPI token */
	{"hf_", ALNUM, 30, false},			/* Hugging Face token */
	{"dop_v1_", HEX, 64, true},			/* DigitalOcean token */
	{"shpat_", HEX, 32, true},			/* Shopify access token */
	{"hvs.", BASE64URL, 24, false},		/* HashiCorp Vault token */
	{"AGE-SECRET-KEY-1", CAPITAL, 50, false}, /* age key */
};

/* A name whose value is a secret: how it ends, in lower case, _ for - too. */
static const char *const names[] =
	{"password",	  "passwd",		 "pwd",			 "passphrase",
	 "passwort",	  "secret",		 "secret_key",	 "secretkey",
	 "api_key",		  "apikey",		 "access_key",	 "accesskey",
	 "account_key",	  "accountkey",	 "private_key",	 "privatekey",
	 "auth_token",	  "authtoken",	 "access_token", "accesstoken",
	 "refresh_token", "api_token",	 "apitoken",	 "bearer_token",
	 "client_secret", "clientsecret"};

/* What stands for a secret that is not there. */
static const char *const placeholders[] = {"null",	"none",		"nil",
										   "true",	"false",	"undefined",
										   "empty", "redacted", "changeme",
										   "hidden", "removed", "masked"};

#define MAX_NAME 16		/* longest of names */
#define MIN_NAME 3		/* shortest of names */
#define MAX_BLANKS 8	/* between a name, its sign and its value */
#define MAX_VALUE 64	/* as much of a value as is looked at */
#define MIN_VALUE 4		/* what is shorter is not taken for a secret */
#define MIN_PROSE 6		/* the same for what may be a word of a sentence */
#define MIN_SEGMENT 8	/* of a JSON web token */
#define MIN_AUTHORIZATION 16

/* ---- characters ---- */

static inline bool
is_alnum(char c)
{
	return is_digit(c) || is_lower(c) || is_upper(c);
}

static inline bool
is_base64url(char c)
{
	return is_word(c) || c == '-';
}

static bool
is_of(Charset charset, char c)
{
	switch (charset)
	{
		case ALNUM:
			return is_alnum(c);
		case CAPITAL:
			return is_upper(c) || is_digit(c);
		case HEX:
			return is_digit(c) || (c >= 'a' && c <= 'f');
		case WORD:
			return is_word(c);
		case BASE64URL:
			break;
	}
	return is_base64url(c);
}

static inline char
lower(char c)
{
	return is_upper(c) ? c + ('a' - 'A') : c;
}

/* Does the text go on with a word at this place? */
static bool
goes_on(const char *text, int len, int at, const char *word)
{
	int			n = (int) strlen(word);

	return len - at >= n && memcmp(text + at, word, n) == 0;
}

/* ---- tokens ---- */

static bool
is_token(const char *text, int len, int at, const TokenShape *shape)
{
	int			begin = at + (int) strlen(shape->prefix);
	int			end = begin;

	if (!goes_on(text, len, at, shape->prefix))
		return false;
	while (end < len && end - begin <= shape->length &&
		   is_of(shape->charset, text[end]))
		end++;
	if (end - begin < shape->length)
		return false;
	return !shape->exact ||
		(end - begin == shape->length && (end == len || !is_word(text[end])));
}

/* The end of a run of base64url characters. */
static int
segment_end(const char *text, int len, int at)
{
	while (at < len && is_base64url(text[at]))
		at++;
	return at;
}

/*
 * A JSON web token: two or more segments that are objects ("eyJ" is {" in
 * base64), or a header and ciphertext.  Begins where base64url does.
 */
static bool
is_web_token(const char *text, int len, int at)
{
	int			end;
	int			next;

	if (!goes_on(text, len, at, "eyJ") ||
		(at > 0 && is_base64url(text[at - 1])))
		return false;
	end = segment_end(text, len, at);
	if (end - at < MIN_SEGMENT || end == len || text[end] != '.')
		return false;
	next = segment_end(text, len, end + 1);
	if (next == len || text[next] != '.')
		return false;
	return goes_on(text, len, end + 1, "eyJ") ||
		segment_end(text, len, next + 1) - next > MIN_SEGMENT;
}

/* -----BEGIN ... PRIVATE KEY, or the file of a PuTTY key. */
static bool
is_private_key(const char *text, int len, int at)
{
	static const char begin[] = "-----BEGIN ";

	if (goes_on(text, len, at, "PuTTY-User-Key-File-"))
		return true;
	if (!goes_on(text, len, at, begin))
		return false;
	for (int i = 0; i < 24; i++)
	{
		int			here = at + (int) strlen(begin) + i;

		if (goes_on(text, len, here, "PRIVATE KEY"))
			return true;
		if (here >= len || !(is_upper(text[here]) || text[here] == ' '))
			return false;
	}
	return false;
}

/* "Bearer" or "Basic" and what an HTTP client sends behind it. */
static bool
is_authorization(const char *text, int len, int at)
{
	int			begin = at +
		(goes_on(text, len, at, "Bearer ")	  ? 7 :
			 goes_on(text, len, at, "Basic ") ? 6 :
												0);
	int			end = begin;
	bool		digit = false;

	if (begin == at)
		return false;
	while (end < len && end - begin < MAX_VALUE &&
		   (is_base64url(text[end]) || strchr(".~+/=", text[end]) != NULL))
		digit |= is_digit(text[end++]);
	return digit && end - begin >= MIN_AUTHORIZATION;
}

/* What begins with a word: is a secret at the start of this one? */
static bool
is_secret_word(const char *text, int len, int at)
{
	switch (text[at])
	{
		case 'e':
			return is_web_token(text, len, at);
		case 'B':
			return is_authorization(text, len, at);
		case 'P':
			return is_private_key(text, len, at);
		case 'A':
		case 'G':
		case 'd':
		case 'g':
		case 'h':
		case 'n':
		case 'p':
		case 'r':
		case 's':
		case 'w':
		case 'x':
		case 'y':
			break;
		default:
			return false;		/* no token begins so */
	}
	for (size_t i = 0; i < lengthof(tokens); i++)
		if (tokens[i].prefix[0] == text[at] &&
			is_token(text, len, at, &tokens[i]))
			return true;
	return false;
}

/* ---- values ---- */

/* Is a value only the place of one: ${X}, <x>, ****, xxxx, none? */
static bool
is_placeholder(const char *value, int len)
{
	int			same = 0;

	if (strchr("$<{%[(", value[0]) != NULL)
		return true;
	while (same < len && value[same] == value[0])
		same++;
	if (same == len && strchr("*xX.-_#?", value[0]) != NULL)
		return true;
	for (size_t i = 0; i < lengthof(placeholders); i++)
		if ((int) strlen(placeholders[i]) == len &&
			pg_strncasecmp(placeholders[i], value, len) == 0)
			return true;
	return false;
}

/* How long is a value that ends with a blank or what cannot be in one? */
static int
value_length(const char *text, int len, int at, char quote)
{
	int			end = at;

	while (end < len && end - at < MAX_VALUE)
	{
		char		c = text[end];

		if (quote ? c == quote :
					is_blank(c) || strchr("\"',;&<>()", c) != NULL)
			break;
		end++;
	}
	return end - at;
}

/* Is there more to it than letters, as in a word of a sentence? */
static bool
is_no_word(const char *value, int len)
{
	for (int i = 0; i < len - 1; i++)
		if (!is_lower(value[i]) && !is_upper(value[i]) &&
			(unsigned char) value[i] < 0x80)
			return true;
	return is_digit(value[len - 1]);
}

/* ---- assignments ---- */

/* Does a name that ends here end as one of a secret? */
static bool
names_secret(const char *text, int end)
{
	char		name[MAX_NAME + 1];
	int			n = 0;

	/* Most of what stands before a colon is told by its last letter. */
	if (end < MIN_NAME || strchr("detyn", lower(text[end - 1])) == NULL)
		return false;
	for (; n < MAX_NAME && n < end && is_base64url(text[end - 1 - n]); n++)
	{
		char		c = lower(text[end - 1 - n]);

		name[MAX_NAME - 1 - n] = c == '-' ? '_' : c;
	}
	name[MAX_NAME] = '\0';
	for (size_t i = 0; i < lengthof(names); i++)
	{
		int			length = (int) strlen(names[i]);

		if (length <= n && strcmp(name + MAX_NAME - length, names[i]) == 0)
			return true;
	}
	return false;
}

/* Go over blanks, not too many of them. */
static int
skip_blanks(const char *text, int len, int at, int step)
{
	for (int i = 0; i < MAX_BLANKS; i++)
	{
		int			here = step > 0 ? at : at - 1;

		if (here < 0 || here >= len || !is_blank(text[here]))
			break;
		at += step;
	}
	return at;
}

static inline bool
is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/*
 * name = value, "name": "value", name:value.  Behind a colon and a blank any
 * word may follow, as in "password: required"; there it takes more than
 * letters.
 */
static bool
is_assignment(const char *text, int len, int sign)
{
	int			end = skip_blanks(text, len, sign, -1);
	int			begin = sign + 1;
	bool		prose;
	char		quote = '\0';
	int			length;

	if (end > 0 && is_quote(text[end - 1]))
		end--;
	if (!names_secret(text, end))
		return false;
	if (begin < len && text[begin] == '=' && text[sign] == '=')
		return false;			/* compared, not assigned */
	if (begin < len && (text[begin] == '=' || text[begin] == '>'))
		begin++;
	prose = text[sign] == ':' && begin < len && is_blank(text[begin]);
	begin = skip_blanks(text, len, begin, 1);
	if (begin < len && is_quote(text[begin]))
		quote = text[begin++];
	length = value_length(text, len, begin, quote);
	if (length < MIN_VALUE || is_placeholder(text + begin, length))
		return false;
	return !prose || quote != '\0' ||
		(length >= MIN_PROSE && is_no_word(text + begin, length));
}

bool
is_secret_value(const char *name, int name_len, const char *value, int len)
{
	return names_secret(name, name_len) && len >= MIN_VALUE &&
		!is_placeholder(value, Min(len, MAX_VALUE));
}

/* ---- passwords in URLs ---- */

/* scheme://user:password@host; at is the colon behind the scheme. */
static bool
is_url_password(const char *text, int len, int at)
{
	int			password = 0;
	int			i;

	if (!goes_on(text, len, at, "://"))
		return false;
	for (i = at + 3; i < len; i++)
	{
		char		c = text[i];

		if (c == '@' || c == '/' || is_blank(c) || is_quote(c) || c == '<' ||
			c == '>')
			break;
		if (c == ':' && password == 0)
			password = i + 1;
	}
	return i < len && text[i] == '@' && password > 0 && i > password &&
		!is_placeholder(text + password, i - password);
}

/* ---- the whole text ---- */

/* What a character that is not part of a word may begin or divide. */
static inline bool
is_secret_sign(const char *text, int len, int at)
{
	switch (text[at])
	{
		case '-':
			return is_private_key(text, len, at);
		case ':':
			return is_url_password(text, len, at) ||
				is_assignment(text, len, at);
		case '=':
			return is_assignment(text, len, at);
		default:
			return false;
	}
}

bool
holds_secret(const char *text, int len)
{
	int			stride = 0;
	bool		inside = false; /* a word, after its first character */

	for (int i = 0; i < len; i++)
	{
		bool		word = is_word(text[i]);

		if (i >= stride)
		{
			CHECK_FOR_INTERRUPTS();
			stride += DETECT_STRIDE;
		}
		if (word ? !inside && is_secret_word(text, len, i) :
				   is_secret_sign(text, len, i))
			return true;
		inside = word;
	}
	return false;
}
