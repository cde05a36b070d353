#!/bin/bash
# ownership_detectors.sh: random and adversarial texts, and what detectors cost.
#
# No text may break a detector, and the time must be linear in the length: a
# text of 1 MB may take at most five times as long as ten of 100 kB, which it
# consists of.
#
#   SPINE_FUZZ_ROUNDS  how many random texts (200000)
set -euo pipefail

rounds=${SPINE_FUZZ_ROUNDS:-200000}
export PGOPTIONS='-c client_min_messages=error'
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
status=0
check() { # what, condition
	if [ "$(sql -c "SELECT $2")" = t ]; then
		echo "ok - detectors: $1"
	else
		echo "not ok - detectors: $1"
		status=1
	fi
}

sql -c 'CREATE EXTENSION spine' -f - <<'SQL'
CREATE SCHEMA fuzz;
CREATE TABLE fuzz.piece AS SELECT row_number() OVER () AS n, p FROM unnest(ARRAY['4111111111111111', '4111', ' ', '-', '.', ',', '+', '_', 'eyJ', 'password', '=', ':', '://', '@', '"',
	'-----BEGIN ', 'PRIVATE KEY', 'PGP MESSAGE-----', E'\n', E'\n\n', 'AKIA', 'xoxb-', 'sk_live_', 'Bearer ', 'vault:v1:', 'enc:', 'ENC[AES256_GCM,data:', ']', '\x', '0x', 'deadbeef', 'ü', '卡', '😀', 'a', 'Z', '9', '[*]', '{}', '$',
	repeat('1', 20), repeat('eyJ.', 5), repeat('ab', 30), 'DE89 ', '====']) p;
CREATE FUNCTION fuzz.text(seed int) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(p.p, '' ORDER BY x.i) FROM generate_series(1, 1 + abs(hashint4(seed)) % 12) x(i)
		JOIN fuzz.piece p ON p.n = 1 + abs(hashint8(seed::bigint * 1000 + x.i)) % (SELECT count(*) FROM fuzz.piece) $$;
-- Milliseconds on a CPU: others run, too.
CREATE FUNCTION fuzz.cpu() RETURNS float LANGUAGE sql VOLATILE AS
	$$ SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float / 1e6 $$;
-- What a detector takes for so many times a text; the best of
-- five.
CREATE FUNCTION fuzz.ms(value text, detector text, times int) RETURNS float LANGUAGE plpgsql AS $$
DECLARE
	best float := 1e9;
	start float;
BEGIN
	FOR i IN 1..5 LOOP
		start := fuzz.cpu();
		FOR j IN 1..times LOOP PERFORM spine.detect(value, detector); END LOOP;
		best := least(best, fuzz.cpu() - start);
	END LOOP;
	RETURN best;
END $$;
CREATE TABLE fuzz.worst AS
SELECT piece, d AS detector, fuzz.ms(repeat(piece, 100000 / octet_length(piece)), d, 10) AS short, fuzz.ms(repeat(piece, 1000000 / octet_length(piece)), d, 1) AS long
FROM unnest(ARRAY['4', '4111 ', '4111-', '4111 1111 1111 1112 ', '411111111111111 ', 'eyJ', 'eyJ-', 'eyJ.', 'eyJaaaaaaa.', 'xoxb-', 'a://', 'a:b', '://:', 'password=', 'password:  ', '=', '-----BEGIN ', 'Bearer ', 'AKIA ', '-', E'\n', 'vault:v1:', 'ab', 'aB3/', 'ü']) piece,
	unnest('{card_number,secret,plain_text}'::text[]) d;
SQL
sql -c "CREATE TABLE fuzz.result AS SELECT n, spine.detect(t, 'card_number') AS card, spine.detect(t, 'secret') AS secret, spine.detect(t, 'plain_text') AS plain
	FROM (SELECT n, fuzz.text(n) AS t FROM generate_series(1, $rounds) n OFFSET 0) x"
echo "# $rounds random texts: $(sql -c "SELECT format('%s with a card number, %s with a secret, %s plain', count(*) FILTER (WHERE card), count(*) FILTER (WHERE secret), count(*) FILTER (WHERE plain)) FROM fuzz.result")"
sql -c "SELECT format('# slowest for %s: %s ms for 1 MB of %s', detector, round(long::numeric, 2), quote_literal(piece))
	FROM (SELECT DISTINCT ON (detector) * FROM fuzz.worst ORDER BY detector, long DESC) w"
sql -c "SELECT format('# %s: %s ms for ten times 100 kB, %s ms for 1 MB of %s', detector, round(short::numeric, 3), round(long::numeric, 3), quote_literal(piece)) FROM fuzz.worst WHERE long >= 5 * greatest(short, 1)"
check "$rounds random texts, none of which breaks them" "count(*) = $rounds AND bool_or(card) AND bool_or(secret) AND NOT bool_and(plain) FROM fuzz.result"
check "the time is linear in the length" "bool_and(long < 5 * greatest(short, 1)) FROM fuzz.worst"

# What it costs, beside the regular expressions that one would write.
sql -c "CREATE TABLE fuzz.line AS SELECT rpad(format('order %s of %s: %s pieces, ship to Ring %s, 10115 Berlin; see https://example.org/%s', n, md5(n::text), n % 7, n % 90, n), 100, ' and so on') AS t
		FROM generate_series(1, 200000) n" -c 'VACUUM ANALYZE fuzz.line' -c "CREATE FUNCTION fuzz.luhn(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS \$\$
DECLARE m text; s int; BEGIN
	FOR m IN SELECT regexp_replace(x[1], '[ -]', '', 'g') FROM regexp_matches(value, '\m((?:\d[ -]?){12,18}\d)\M', 'g') x LOOP
		SELECT sum(CASE WHEN (length(m) - i) % 2 = 1 THEN CASE WHEN d > 4 THEN d * 2 - 9 ELSE d * 2 END ELSE d END) INTO s FROM (SELECT i, substr(m, i, 1)::int AS d FROM generate_series(1, length(m)) i) x;
		IF s % 10 = 0 THEN RETURN true; END IF;
	END LOOP;
	RETURN false; END \$\$"
cost() { # expression
	sql -c 'SET max_parallel_workers_per_gather = 0' -c '\timing on' -c "SELECT count(*) FILTER (WHERE $1) FROM fuzz.line" -c "SELECT count(*) FILTER (WHERE $1) FROM fuzz.line" -c "SELECT count(*) FILTER (WHERE $1) FROM fuzz.line" |
		awk '/^Time/ { if (!best || $2 < best) best = $2 } END { printf "%d", best * 1e6 / 200000 }'
}
base=$(cost "length(t) < 0")
card=$(cost "spine.detect(t, 'card_number')") secret=$(cost "spine.detect(t, 'secret')") plain=$(cost "NOT spine.detect(t, 'plain_text')")
regex=$(cost "t ~ '\m(?:\d[ -]?){12,18}\d\M'") luhn=$(cost "fuzz.luhn(t)")
words=$(cost "t ~* '(password|passwd|pwd|secret|api_?key|access_?key|auth_?token)\s*[\"'']?\s*[:=]|-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-|sk_live_|eyJ[\w-]+[.]eyJ|://[^/@ ]*:[^/@ ]+@'")
echo "# ns for a text of 100 bytes, of which $base are the scan's: card_number $card, secret $secret, plain_text $plain; regular expression of card numbers $regex, with the Luhn check in PL/pgSQL $luhn, of secrets $words"
echo "# without the scan, a regular expression takes $(((regex - base) / (card - base > 0 ? card - base : 1))) times as long as card_number, $(((words - base) / (secret - base > 0 ? secret - base : 1))) times as long as secret"
exit $status
