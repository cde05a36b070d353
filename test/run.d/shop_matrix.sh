#!/bin/bash
# shop_matrix.sh: is it so that in the shop each table is written and read by
# whom the matrix of its owners names, and by nobody else?
#
# test/data/shop/matrix.csv has the matrix in its own words; the document is
# not looked at to know what to expect.  Every role of the world (contexts,
# their members, a stranger, the stewards, the superuser) tries to insert,
# update, delete and truncate in every table (test/data/shop/matrix.sql).
set -euo pipefail

data=$(cd "$(dirname "$0")/../data/shop" && pwd)
export PGOPTIONS='-c client_min_messages=error'
psql -XAtqc 'CREATE DATABASE shop'
export PGDATABASE=shop
sql() { psql -XAtq -v ON_ERROR_STOP=1 -v document="$(<"$data/shop.spec.json")" "$@"; }

sql -c 'CREATE EXTENSION spine' -f "$data/world.sql" -f "$data/matrix.sql" \
	-c "\\copy trial.seed FROM '$data/matrix.csv' CSV HEADER"
sql <<<"SELECT FROM spine.apply(:'document', 'the shop')" >/dev/null

status=0
check() { # what, condition
	if [ "$(sql -c "SELECT $2")" = t ]; then
		echo "ok - shop: $1"
	else
		echo "not ok - shop: $1"
		status=1
	fi
}
count() { sql -c "SELECT count(*) FROM $1"; }
surprises() { # run
	sql -c "SELECT format('# %s by %s: expected %s, got %s', statement, role,
			quote_literal(expected), quote_literal(outcome))
		FROM trial.surprise WHERE run = '$1' ORDER BY 1 LIMIT 10"
}

check "the matrix has 23 data types of 13 contexts, each a table of its own" \
	"(count(*), count(DISTINCT relation), count(DISTINCT owner_context))
	 = (23, 23, 13) FROM trial.seed"

sql -c "CALL trial.run('writes', '{insert, update, delete, truncate}')"
surprises writes
attempts=$(count "trial.result WHERE run = 'writes'")
echo "# $attempts writes: $(sql -c "SELECT string_agg(format('%s %s (%s allowed)',
	n, action, allowed), ', ' ORDER BY action) FROM (SELECT action, count(*) AS n,
	count(*) FILTER (WHERE allowed) AS allowed FROM trial.result GROUP BY 1) a")"
check "$attempts attempts to write, 0 surprises" \
	"NOT EXISTS (SELECT FROM trial.surprise WHERE run = 'writes')"
check "at least 1000 of them in tables of the matrix" \
	"count(*) >= 1000 FROM trial.result WHERE relation IN (SELECT relation FROM trial.seed)"
check "each action is allowed to somebody and refused to somebody" \
	"bool_and(n = 2) FROM (SELECT count(DISTINCT allowed) AS n FROM trial.result GROUP BY action) a"
check "Seller and Product write the catalog, in both their roles" \
	"array_agg(DISTINCT role ORDER BY role) = '{shop_product,shop_product_member,shop_seller,shop_seller_member}'
	 FROM trial.result WHERE relation = 'product.products'::regclass AND action = 'update' AND outcome = ''"

sql -c "CREATE TABLE trial.answer AS TABLE trial.question" \
	-c "SELECT format('# may(%s, %s, %s): %s (%s)', role, relation, ask, answer, reason)
		FROM trial.answer WHERE answer IS DISTINCT FROM allowed ORDER BY 1 LIMIT 10"
check "$(count trial.answer) answers of spine.may agree" \
	"bool_and(answer = allowed) AND count(*) > 1000 FROM trial.answer"


sql -c "SELECT format('# %s: %s', data_type, to_jsonb(s)) FROM trial.meant m LEFT JOIN trial.said s USING (relation)
	WHERE (m.owner, m.readers, m.producers) IS DISTINCT FROM (s.owner, s.readers, s.producers)"
check "the document names owner, readers and writers of all 23 as the matrix does" \
	"count(*) = 23 FROM trial.meant JOIN trial.said USING (relation, owner, readers, producers)"
check "spine.matrix names those who write and who read, and nobody else" \
	"bool_and(writers = ARRAY(SELECT unnest(owner || producers) ORDER BY 1)
		AND all_readers = ARRAY(SELECT DISTINCT unnest(owner || producers || readers) ORDER BY 1)) AND count(*) = 23
	 FROM trial.meant JOIN trial.listed USING (relation)"

# Where spine keeps the grants, reading is refused as well.
sql <<<"SELECT FROM spine.apply(trial.with_grants(:'document'), 'grants')" >/dev/null
sql -c "CALL trial.run('grants', '{insert, update, delete, truncate, select}')"
surprises grants
attempts=$(count "trial.result WHERE run = 'grants'")
check "$attempts attempts to write and read where grants are managed, 0 surprises" \
	"NOT EXISTS (SELECT FROM trial.surprise WHERE run = 'grants')"
check "no role but owner, writers, readers and superusers could read" \
	"count(*) FILTER (WHERE outcome = '') BETWEEN 100 AND 400 AND count(*) FILTER (WHERE outcome = '42501') > 400
	 FROM trial.result WHERE run = 'grants' AND action = 'select'"
exit $status
