# Checks of copies by background workers: due ones run by themselves, at once
# where somebody asks or a schema changes; a check that hangs, fails or dies
# with the server keeps nobody else waiting and is made again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

$PostgreSQL::Test::Utils::timeout_default = 60;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'spine'
spine.steward_interval = 1s
autovacuum = off
});
$node->start;

sub ask { return $node->safe_psql('postgres', shift); }

sub becomes
{
	my ($query, $name, $expected) = @_;
	ok($node->poll_query_until('postgres', $query, $expected // 't'), $name)
	  or diag(ask('TABLE spine.check_state'));
}

# Seconds until a query is true.
sub seconds_until
{
	my $start = time;
	$node->poll_query_until('postgres', shift) or return 1000;
	return time - $start;
}

# A document with copies: name => definition.
sub document
{
	my %copies = @_;
	my $replicas = join ', ', map { qq{"$_": {"store": "main", "owner": "shop",
		"flow": "etl", $copies{$_}}} } sort keys %copies;
	return qq[{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"shop": {"kind": "team", "role": "shop"}},
		"contexts": {"shop": {"owner": "shop", "datasets": {"items": {
			"relation": "shop.item", "sot": {"store": "main"},
			"enforcement": "observe", "replicas": {$replicas}}}}}}];
}
my %copies = (
	good => '"locator": "shop.good", "validate": {"mode": "digest", "every": "PT1H"}',
	often => '"locator": "shop.often", "validate": {"mode": "digest", "every": "PT1S"}',
	bad => '"locator": "shop.bad", "validate": {"mode": "digest", "every": "PT1H"}');

ask(q{
	CREATE EXTENSION spine;
	CREATE ROLE shop LOGIN;
	CREATE SCHEMA shop AUTHORIZATION shop;
	SET ROLE shop;
	CREATE TABLE shop.item (id int PRIMARY KEY, name text);
	INSERT INTO shop.item SELECT i, 'item ' || i FROM generate_series(1, 1000) i;
	CREATE TABLE shop.good (LIKE shop.item INCLUDING ALL);
	INSERT INTO shop.good SELECT * FROM shop.item;
	CREATE TABLE shop.often (LIKE shop.item INCLUDING ALL);
	INSERT INTO shop.often SELECT * FROM shop.item;
	CREATE FUNCTION shop.broken(int) RETURNS text LANGUAGE plpgsql AS
		$$BEGIN RAISE 'secret %', $1 USING ERRCODE = 'P0099'; END$$;
	CREATE VIEW shop.bad AS SELECT id, shop.broken(id) AS name FROM shop.item;
	RESET ROLE;
	SELECT spine.apply('} . document(%copies) . q{')});

# ---- by themselves ----

becomes(q{SELECT verdict = 'equal' FROM spine.consistency
	WHERE placement = 'shop.items.good'}, 'a new copy is checked at once');
becomes(q{SELECT count(*) > 2 FROM spine.check_log
	WHERE placement = 'shop.items.often'}, 'another one again and again');
is(ask(q{SELECT count(*) FROM spine.check_log
	WHERE placement = 'shop.items.good'}), 1, 'which is not due, once');

# ---- one that fails ----

becomes(q{SELECT failures > 0 AND last_sqlstate = 'P0099'
	FROM spine.check_state WHERE placement = 'shop.items.bad'},
	'a check that fails is noted');
unlike(ask(q{SELECT last_error FROM spine.check_state
	WHERE placement = 'shop.items.bad'}), qr/secret/, 'without values of rows');
is(ask(q{SELECT ok, failures FROM spine.job WHERE name = 'check_replicas'}),
	't|0', 'the job goes on');
ask(q{UPDATE spine.check_state SET failures = 2, not_before = now()
	WHERE placement = 'shop.items.bad'});
becomes(q{SELECT count(*) = 1 FROM spine.open_alerts
	WHERE kind = 'replica_check' AND rule = 'shop.items.bad'},
	'one that fails three times raises an alert');
my $checks = ask(q{SELECT count(*) FROM spine.check_log});
becomes(qq{SELECT count(*) > $checks FROM spine.check_log},
	'and the others are checked');
ask(q{CREATE OR REPLACE FUNCTION shop.broken(int) RETURNS text LANGUAGE sql
		AS $$SELECT 'item ' || $1$$;
	UPDATE spine.check_state SET not_before = now() WHERE failures > 0});
becomes(q{SELECT count(*) = 0 FROM spine.open_alerts},
	'mended, its alert is resolved');

# ---- on demand ----

delete $copies{often};
ask(q{SELECT spine.apply('} . document(%copies) . q{');
	ALTER SYSTEM SET spine.steward_interval = '1h'; SELECT pg_reload_conf()});
ask(q{UPDATE shop.good SET name = 'touched' WHERE id = 7;
	SET ROLE shop; SELECT spine.request_check('shop.items.good')});
my $took = seconds_until(q{SELECT verdict = 'drift' FROM spine.consistency
	WHERE placement = 'shop.items.good'});
ok($took < 15, 'a check that is asked for is made at once');
becomes(q{SELECT assigned_to = '{shop}' FROM spine.open_alerts
	WHERE kind = 'replica_drift'}, 'drift is told at once, too');
ask(q{UPDATE shop.good SET name = 'item 7' WHERE id = 7;
	SELECT spine.request_check('shop.items.good')});
becomes(q{SELECT count(*) = 0 FROM spine.open_alerts},
	'and no longer once it is proved to be over');
ask(q{ALTER SYSTEM SET spine.steward_interval = '1s'; SELECT pg_reload_conf();
	SELECT spine.request_jobs()});

# ---- a schema change ----

ask(q{ALTER TABLE shop.item ALTER name TYPE varchar(50)});
becomes(q{SELECT verdict = 'equal' AND NOT unproven FROM spine.consistency
	WHERE placement = 'shop.items.good'}, 'a schema change is proved by itself');
ok(ask(q{SELECT count(*) > 0 FROM spine.outbox WHERE topic = 'SyncUpdated'
	AND payload ->> 'cause' = 'proved'}), 'and that is told');

# ---- one that hangs ----

my $hanging = q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'spine long steward' AND wait_event = 'PgSleep'
	AND datname = '%s'};
ask(q{CREATE OR REPLACE FUNCTION shop.broken(int) RETURNS text
		LANGUAGE plpgsql AS $$BEGIN
			IF $1 = 1 THEN PERFORM pg_sleep(120); END IF;
			RETURN 'item ' || $1; END$$;
	SELECT spine.request_check('shop.items.bad')});
becomes(sprintf($hanging, 'postgres'), 'a check hangs');
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN spine_alert');
ask(q{DELETE FROM spine.job_run WHERE job = 'alerts'});
becomes(q{SELECT count(*) = 1 FROM spine.job_run WHERE job = 'alerts'},
	'short jobs run meanwhile');
$listener->quit;
ask(q{SET statement_timeout = '5s'; SELECT spine.request_check('shop.items.bad')});
is(ask(q{SELECT count(*) FROM spine.check_request}), 2,
	'and who asks for another check does not wait');

# ---- restart in the middle ----

$node->restart;
becomes(sprintf($hanging, 'postgres'), 'after a restart it is made again');
is(ask(q{SELECT failures FROM spine.check_state
	WHERE placement = 'shop.items.bad'}), 0, 'which is no failure of the copy');
$node->stop('immediate');
$node->start;
becomes(sprintf($hanging, 'postgres'), 'after a crash as well');
ask(q{CREATE OR REPLACE FUNCTION shop.broken(int) RETURNS text LANGUAGE sql
		AS $$SELECT 'item ' || $1$$;
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE backend_type = 'spine long steward'});
becomes(q{SELECT count(*) = 0 FROM spine.check_request},
	'one that is terminated as well; requests are kept until they are answered');
becomes(q{SELECT verdict = 'equal' FROM spine.consistency
	WHERE placement = 'shop.items.bad'}, 'and answered');

# ---- DROP DATABASE ----

ask(q{CREATE DATABASE doomed});
$node->safe_psql('doomed', q{
	CREATE EXTENSION spine;
	CREATE SCHEMA shop AUTHORIZATION shop;
	SET ROLE shop;
	CREATE TABLE shop.item (id int PRIMARY KEY, name text);
	INSERT INTO shop.item VALUES (1, 'one');
	CREATE FUNCTION shop.slow(int) RETURNS text LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_sleep(120); RETURN 'one'; END$$;
	CREATE VIEW shop.bad AS SELECT id, shop.slow(id) AS name FROM shop.item;
	RESET ROLE;
	SELECT spine.apply('} . document(bad => $copies{bad}) . q{')});
becomes(sprintf($hanging, 'doomed'), 'a check hangs in another database');
my $start = time;
ask(q{DROP DATABASE doomed});
ok(time - $start < 5, 'and gives way to DROP DATABASE');

# ---- standbys ----

ask(q{SELECT pg_create_physical_replication_slot('standby', true)});
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity
	WHERE backend_type ~ 'spine'}), 0, 'a standby checks nothing by itself');
is($standby->safe_psql('postgres', q{SELECT verdict FROM spine.consistency
	WHERE placement = 'shop.items.good'}), 'equal', 'but shows how copies stand');
my ($status, $out, $err) = $standby->psql('postgres',
	q{SELECT spine.request_check('shop.items.good')});
isnt($status, 0, 'and takes no requests');

# A standby that lags keeps checks waiting.
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
ask(q{ALTER SYSTEM SET spine.check_max_lag = '1ms'; SELECT pg_reload_conf();
	INSERT INTO shop.item VALUES (5000, 'later')});
$standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'});
becomes(q{SELECT bool_or(replay_lag > '1 ms') FROM pg_stat_replication},
	'the standby lags');
ask(q{SELECT spine.request_check('shop.items.good');
	DELETE FROM spine.job_run WHERE job <> 'check_replicas'});
becomes(q{SELECT count(*) > 3 FROM spine.job_run}, 'stewards come');
is(ask(q{SELECT count(*) FROM spine.check_request}), 1,
	'and make no check while it does');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
ask(q{ALTER SYSTEM RESET spine.check_max_lag; SELECT pg_reload_conf();
	SELECT spine.request_jobs()});
becomes(q{SELECT count(*) = 0 FROM spine.check_request}, 'afterwards they do');

$standby->stop;
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'no crash but the one');
done_testing();
