# Drift that the document has repaired by itself is: checked, mended as the
# copy's owner and proved, by stewards, and nobody is paged for it; what slots
# tell of the subscribers they feed is sampled.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

$PostgreSQL::Test::Utils::timeout_default = 60;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'spine'
spine.steward_interval = 1s
autovacuum = off
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
	CREATE TABLE shop.item (id int PRIMARY KEY, name text);
	INSERT INTO shop.item SELECT i, 'item ' || i FROM generate_series(1, 1000) i;
	CREATE TABLE shop.mart (LIKE shop.item INCLUDING ALL);
	INSERT INTO shop.mart SELECT * FROM shop.item;
	RESET ROLE;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"shop": {"kind": "team", "role": "shop"}},
		"contexts": {"shop": {"owner": "shop", "datasets": {"items": {
			"relation": "shop.item", "sot": {"store": "main"},
			"enforcement": "observe", "replicas": {"mart": {"store": "main",
				"locator": "shop.mart", "owner": "shop", "flow": "etl",
				"validate": {"mode": "digest", "every": "PT1S"},
				"repair": {"policy": "auto", "max_rows": 5}}}}}}}}')});
becomes(q{SELECT verdict = 'equal' FROM spine.consistency}, 'the copy is equal');

# ---- mended by itself ----

ask(q{SET ROLE shop;
	UPDATE shop.mart SET name = 'touched' WHERE id IN (7, 8);
	DELETE FROM shop.mart WHERE id = 9;
	INSERT INTO shop.mart VALUES (2000, 'extra')});
becomes(q{SELECT repaired = 4 AND by_policy AND actor = 'shop' AND verdict = 'equal'
	FROM spine.repair_log ORDER BY run_id DESC LIMIT 1}, 'drift is repaired by itself');
is(ask(q{SELECT count(*) FROM shop.item FULL JOIN shop.mart USING (id)
	WHERE item IS DISTINCT FROM mart AND item.name IS DISTINCT FROM mart.name}), 0,
	'to the last row');
becomes(q{SELECT verdict = 'equal' AND drift_open = 0 FROM spine.consistency},
	'and proved');
is(ask(q{SELECT count(*) FROM spine.alert}), 0, 'nobody was told');

# ---- what is too much is told of ----

ask(q{UPDATE shop.mart SET name = 'lost' WHERE id < 100});
becomes(q{SELECT count(*) = 2 FROM spine.open_alerts
	WHERE kind IN ('replica_drift', 'replica_repair')}, 'more than the cap is told of');
is(ask(q{SELECT count(*) FROM shop.mart WHERE name = 'lost'}), 99, 'and left alone');
ask(q{UPDATE shop.mart SET name = 'item ' || id WHERE name = 'lost'});
becomes(q{SELECT count(*) = 0 FROM spine.open_alerts}, 'until it is over');

# ---- slots ----

# What feeds the copy is noted by checks of other servers; here it is said, again
# and again, as each check of this copy takes it away.
ask(q{SELECT pg_create_logical_replication_slot('feed', 'pgoutput')});
my $sampled = 0;
foreach my $round (1 .. 50)
{
	ask(q{UPDATE spine.check_state SET slots = '{feed}';
		SELECT spine.request_jobs()});
	$sampled = ask(q{SELECT count(*) FROM spine.replica_lag
		WHERE measured_by = 'slot' AND lag_bytes >= 0});
	last if $sampled;
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM spine.job_run
		WHERE finished_at > now() - interval '1 s'});
}
ok($sampled, 'what a slot tells is sampled');
is(ask(q{SELECT count(*) FROM spine.replica_sample WHERE active}), 0,
	'also that nobody reads from it');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'no crash');
done_testing();
