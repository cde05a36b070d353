# A check of a large table: caches are warmed in slices, so that no snapshot
# is held for long, at the rate that is allowed, and going on where a restart
# stopped it; meanwhile spine.progress tells how far it is.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

$PostgreSQL::Test::Utils::timeout_default = 60;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'spine'
spine.steward_interval = 1s
autovacuum = off
fsync = off
});
$node->start;

sub ask { return $node->safe_psql('postgres', shift); }

sub becomes
{
	my ($query, $name) = @_;
	ok($node->poll_query_until('postgres', $query), $name)
	  or diag(ask('TABLE spine.check_state'));
}

ask(q{
	CREATE EXTENSION spine;
	CREATE ROLE shop LOGIN;
	CREATE SCHEMA shop AUTHORIZATION shop;
	SET ROLE shop;
	CREATE TABLE shop.item (id int PRIMARY KEY, name text) WITH (fillfactor = 10);
	INSERT INTO shop.item SELECT i, 'item ' || i FROM generate_series(1, 60000) i;
	CREATE TABLE shop.mart (id int PRIMARY KEY, name text) WITH (fillfactor = 10);
	INSERT INTO shop.mart SELECT * FROM shop.item;
	RESET ROLE;
	VACUUM ANALYZE shop.item, shop.mart;
	ALTER SYSTEM SET spine.check_pages_per_second = 200;
	SELECT pg_reload_conf()});
my $pages = ask(q{SELECT (pg_relation_size('shop.item')
	+ pg_relation_size('shop.mart')) / 8192});
cmp_ok($pages, '>', 2000, 'the tables are large');
ask(q{SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
	"stores": {"main": {"kind": "postgres"}},
	"parties": {"shop": {"kind": "team", "role": "shop"}},
	"contexts": {"shop": {"owner": "shop", "datasets": {"items": {
		"relation": "shop.item", "sot": {"store": "main"},
		"enforcement": "observe", "replicas": {"mart": {"store": "main",
			"locator": "shop.mart", "owner": "shop", "flow": "etl",
			"validate": {"mode": "digest", "every": "P1D"}}}}}}}}')});

# ---- in slices, at a rate ----

becomes(q{SELECT count(*) = 1 FROM spine.progress
	WHERE placement = 'shop.items.mart' AND phase = 'warming'
	  AND done BETWEEN 200 AND total - 1 AND expected_end > now()
	  AND per_second IS NOT NULL}, 'progress is told between slices');
is(ask(qq{SELECT total = $pages FROM spine.progress}), 't',
	'of all pages of both sides');
is(ask(q{SELECT count(*) FROM spine.check_log}), 0, 'before the check begins');
is(ask(q{SELECT count(*) FROM pg_stat_activity
	WHERE backend_type = 'spine long steward' AND backend_xmin IS NOT NULL
	  AND state = 'idle'}), 0, 'no snapshot is held between slices');

# ---- and on after a restart ----

becomes(q{SELECT count(*) = 1 FROM spine.progress WHERE done > total / 3},
	'a third is read');
$node->restart;
my $done = 0;
ok($node->poll_query_until('postgres', q{
	SELECT count(*) = 1 FROM spine.progress WHERE done > 0}), 'it goes on');
cmp_ok(ask(q{SELECT coalesce(max(done), 999999) FROM spine.progress}), '>',
	$pages / 3, 'where it stopped');
ask(q{ALTER SYSTEM SET spine.check_pages_per_second = 0; SELECT pg_reload_conf()});
becomes(q{SELECT verdict = 'equal' FROM spine.consistency
	WHERE placement = 'shop.items.mart'}, 'and proves the copy');
is(ask(q{SELECT count(*) FROM spine.check_log}), 1, 'once');
becomes(q{SELECT count(*) = 0 FROM spine.progress}, 'then nothing runs');

# ---- drift in it is found ----

ask(q{UPDATE shop.mart SET name = 'touched' WHERE id = 4711;
	SELECT spine.request_check('shop.items.mart')});
becomes(q{SELECT verdict = 'drift' AND drift_open = 1 FROM spine.consistency
	WHERE placement = 'shop.items.mart'}, 'a row that differs is found');
is(ask(q{SELECT key ->> 'id' FROM spine.drift}), 4711, 'and named');

# ---- the storage is asked now and then ----

ask(q{UPDATE spine.check_state SET seen_at = now() - interval '8 days';
	DELETE FROM spine.job_run WHERE job = 'scrub_copies';
	SELECT spine.request_jobs()});
becomes(q{SELECT scrubbed_at IS NOT NULL FROM spine.check_state},
	'caches are compared with all rows');
is(ask(q{SELECT count(*) FROM spine.check_request}), 0, 'and are right');

# ---- what fails beforehand fails in the check ----

ask(q{REVOKE SELECT ON shop.mart FROM shop;
	SELECT spine.request_check('shop.items.mart')});
becomes(q{SELECT failures > 0 FROM spine.check_state}, 'a failure is noted');
is(ask(q{SELECT count(*) FROM spine.progress}), 0, 'and leaves no progress');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'no crash');
done_testing();
