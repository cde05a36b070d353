# Background workers: a launcher that holds no database sends stewards into
# each one.  Nothing that happens to them, or to a database, may stop the
# others, block DROP DATABASE, or write on a standby.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# No poll here needs minutes.
$PostgreSQL::Test::Utils::timeout_default = 60;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'spine'
spine.steward_interval = 1s
restart_after_crash = on
autovacuum = off
});
$node->start;

# The launcher's process id, of a running one.
sub launcher
{
	my ($server) = @_;
	$server->poll_query_until('postgres', q{
		SELECT count(*) = 1 FROM pg_stat_activity
		WHERE backend_type = 'spine launcher' AND datname IS NULL})
	  or die 'there is no launcher';
	return $server->safe_psql('postgres', q{
		SELECT pid FROM pg_stat_activity
		WHERE backend_type = 'spine launcher'});
}

# Does a steward run jobs in a database from now on?  Jobs that run at every
# visit are noted once a minute only, so forget what is noted.
sub is_visited
{
	my ($server, $database) = @_;
	$server->safe_psql($database, 'DELETE FROM spine.job_run');
	return $server->poll_query_until($database, q{
		SELECT count(*) > 0 FROM spine.job_run WHERE run_by = 'steward'});
}

sub seconds_of
{
	my ($code) = @_;
	my $start = time;
	$code->();
	return time - $start;
}

# Preloaded, without the extension in any database.
my $pid = launcher($node);
ok($pid, 'the launcher runs without a database');

# A database gets the extension.
my $took = seconds_of(sub {
	$node->safe_psql('postgres', 'CREATE EXTENSION spine');
	$node->poll_query_until('postgres', q{
		SELECT count(*) = (SELECT count(*) FROM spine.jobs())
		FROM spine.job_run WHERE ok AND run_by = 'steward'})
	  or die 'the jobs did not run'; });
ok($took < 10, 'all jobs run soon after CREATE EXTENSION');
is( $node->safe_psql('postgres', q{
		SELECT string_agg(DISTINCT runs_by, ',') FROM spine.job}),
	'steward', 'spine.job says who runs them');
like(
	$node->safe_psql('postgres', q{
		SELECT ok, detail FROM spine.health() WHERE check_name = 'workers'}),
	qr/^t\|the launcher is running; a steward was here \d+ s ago$/,
	'spine.health says so, too');

# Asked for: a signal goes out long before the next visit is due.
$node->safe_psql('postgres', q{
	CREATE ROLE maker LOGIN;
	CREATE SCHEMA desk;
	CREATE TABLE desk.ticket (id int PRIMARY KEY, state text NOT NULL,
		since timestamptz NOT NULL DEFAULT now());
	GRANT USAGE ON SCHEMA desk TO maker;
	GRANT ALL ON desk.ticket TO maker;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"maker": {"kind": "service", "role": "maker"}},
		"contexts": {"desk": {"owner": "maker", "datasets": {"tickets": {
			"relation": "desk.ticket", "sot": {"store": "main"},
			"lifecycle": {"governing": "state", "entered_at": "since",
				"states": {"draft": {"initial": true, "owner": "maker"},
						   "open": {"owner": "maker"}},
				"transitions": {"draft -> open": {"by": ["maker"],
					"handoff": [{"notify": "ticket_opened"}]}}}}}}}}');
	ALTER SYSTEM SET spine.steward_interval = '1h';
	SELECT pg_reload_conf()});
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN spine_signal');
$node->safe_psql('postgres', q{
	SET ROLE maker;
	INSERT INTO desk.ticket VALUES (1, 'draft');
	UPDATE desk.ticket SET state = 'open';
	BEGIN;
	INSERT INTO desk.ticket VALUES (2, 'draft');
	UPDATE desk.ticket SET state = 'open' WHERE id = 2;
	ROLLBACK});
my $heard = '';
my $deadline = time + 30;
while ($heard !~ /spine_signal/ && time < $deadline)
{
	$heard .= $listener->query_safe('SELECT pg_backend_pid()');
	select undef, undef, undef, 0.02;
}
like($heard, qr/"topic": "ticket_opened"/,
	'a commit asks for a steward, which announces what was written');
unlike($heard, qr/spine_signal.*spine_signal/s, 'once');
$listener->quit;
$node->safe_psql('postgres', q{ALTER SYSTEM RESET spine.steward_interval});
$node->reload;

# A failing job stops no other, is noted, pauses, and works again.
$node->safe_psql('postgres', q{
	ALTER TABLE spine.outbox_progress RENAME TO hidden;
	DELETE FROM spine.job_run;
	SELECT spine.request_jobs()});
ok( $node->poll_query_until('postgres', q{
		SELECT bool_and(ok = (name <> 'signals')) FROM spine.job}),
	'a failing job does not stop the others');
is( $node->safe_psql('postgres', q{
		SELECT last_sqlstate, next_due > last_finished + interval '5 s'
		FROM spine.job WHERE name = 'signals'}),
	'42P01|t', 'it is tried again after a pause');
is( $node->safe_psql('postgres', q{
		SELECT ok FROM spine.health() WHERE check_name = 'jobs'}),
	'f', 'spine.health tells of it');
$node->safe_psql('postgres', q{
	ALTER TABLE spine.hidden RENAME TO outbox_progress;
	UPDATE spine.job_run SET next_due = now();
	SELECT spine.request_jobs()});
ok( $node->poll_query_until('postgres', 'SELECT bool_and(ok) FROM spine.job'),
	'and works again');

# Settings of a database do not bend what stewards do, nor run others' code.
$node->safe_psql('postgres', 'CREATE DATABASE odd');
$node->safe_psql('odd', q{
	CREATE EXTENSION spine;
	CREATE SCHEMA evil;
	CREATE TABLE evil.log (who name);
	CREATE FUNCTION evil.eq(name, name) RETURNS boolean LANGUAGE sql AS
		$$INSERT INTO evil.log VALUES (current_user); SELECT true$$;
	CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name,
		FUNCTION = evil.eq);
	GRANT USAGE ON SCHEMA evil TO PUBLIC;
	GRANT INSERT ON evil.log TO PUBLIC;
	ALTER DATABASE odd SET search_path = evil, pg_catalog;
	ALTER DATABASE odd SET role = maker;
	ALTER DATABASE odd SET default_transaction_read_only = on;
	ALTER DATABASE odd SET statement_timeout = 1});
$node->safe_psql('odd', q{
	RESET role;
	SET statement_timeout = 0;
	SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;
	SET role = none;
	DELETE FROM spine.job_run});
ok( $node->poll_query_until('odd', q{
		SET statement_timeout = 0;
		SET role = none;
		SELECT count(*) > 3 FROM spine.job_run
		WHERE run_by = 'steward' AND ok}, "SET\nSET\nt"),
	'stewards run whatever the settings of the database');
is( $node->safe_psql('odd', q{
		SET statement_timeout = 0;
		SET role = none;
		SELECT count(*) FROM evil.log}),
	0, 'and without operators of others');
$node->safe_psql('postgres', 'DROP DATABASE odd');

# The launcher is terminated; a worker is killed.
$pid = launcher($node);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 5000)");
isnt(launcher($node), $pid, 'a terminated launcher comes back');
ok(is_visited($node, 'postgres'), 'and sends stewards');

$pid = launcher($node);
kill 'KILL', $pid;
$node->poll_query_until('postgres', qq{
	SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'spine launcher' AND pid <> $pid})
  or die 'the server did not come back';
ok(is_visited($node, 'postgres'), 'workers come back after kill -9');

# A standby has no workers; promoted, it has.
# The slot keeps the WAL that thirty databases and a restart write meanwhile.
$node->safe_psql('postgres',
	"SELECT pg_create_physical_replication_slot('standby', true)");
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
$standby->start;

# A second database, and a steward that is stuck in it.
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION spine');
ok(is_visited($node, 'second'), 'a second database is visited, too');
ok(is_visited($node, 'postgres'), 'and the first one still');

$node->safe_psql('second', q{
	CREATE TYPE num AS ENUM ('one');
	CREATE FUNCTION slow(num) RETURNS json LANGUAGE plpgsql AS
		$$BEGIN PERFORM pg_sleep(60); RETURN '1'; END$$;
	CREATE CAST (num AS json) WITH FUNCTION slow(num);
	CREATE SCHEMA desk;
	CREATE TABLE desk.ticket (id num PRIMARY KEY, state text NOT NULL,
		since timestamptz NOT NULL DEFAULT now());
	INSERT INTO desk.ticket VALUES ('one', 'draft', '2001-01-01');
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"maker": {"kind": "service", "role": "maker"}},
		"contexts": {"desk": {"owner": "maker", "datasets": {"tickets": {
			"relation": "desk.ticket", "sot": {"store": "main"},
			"lifecycle": {"governing": "state", "entered_at": "since",
				"states": {"draft": {"initial": true, "owner": "maker"}},
				"alerts": {"old": {"state": "draft", "longer_than": "PT1S"}}
				}}}}}}');
	DELETE FROM spine.job_run;
	SELECT spine.request_jobs()});
$node->poll_query_until('postgres', q{
	SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'spine steward' AND datname = 'second'
	  AND wait_event = 'PgSleep'})
  or die 'no steward got stuck';
ok(is_visited($node, 'postgres'), 'a stuck steward does not stop the others');
$took = seconds_of(sub { $node->safe_psql('postgres', 'DROP DATABASE second') });
ok($took < 4, 'and gives way to DROP DATABASE');

# DROP DATABASE, RENAME and TEMPLATE are never blocked.
my $slowest = 0;
foreach my $round (1 .. 20)
{
	$node->safe_psql('postgres', 'CREATE DATABASE doomed STRATEGY file_copy');
	$node->safe_psql('doomed', 'CREATE EXTENSION spine') if $round % 2;
	$node->safe_psql('postgres', 'ALTER DATABASE doomed RENAME TO damned');
	$took = seconds_of(sub {
		$node->safe_psql('postgres', 'DROP DATABASE damned') });
	$slowest = $took if $took > $slowest;
}
ok($slowest < 4, 'twenty databases were dropped without FORCE');

# Thirty databases: each gets its turn.
$node->safe_psql('postgres', q{
	ALTER SYSTEM SET spine.workers = off; SELECT pg_reload_conf();
	CREATE DATABASE pattern});
$node->safe_psql('pattern', 'CREATE EXTENSION spine');
$node->safe_psql('pattern', 'DELETE FROM spine.job_run');
$node->safe_psql('postgres', join ';', map
	"CREATE DATABASE copy$_ TEMPLATE pattern STRATEGY file_copy", 1 .. 30);
is($node->safe_psql('copy7', 'SELECT DISTINCT runs_by FROM spine.job'),
	'run_jobs', 'spine.workers = off leaves the jobs to run_jobs');
$node->safe_psql('postgres',
	'ALTER SYSTEM RESET spine.workers; SELECT pg_reload_conf()');
my $unvisited = 0;
foreach my $n (1 .. 30)
{
	$node->poll_query_until("copy$n", q{
		SELECT count(*) > 0 FROM spine.job_run WHERE run_by = 'steward'})
	  or $unvisited++;
}
is($unvisited, 0, 'stewards come to all of thirty databases');

# The standby followed, and did nothing by itself.
$node->wait_for_catchup($standby);
is( $standby->safe_psql('postgres', q{
		SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'spine'}),
	0, 'a standby has no workers');
like(
	$standby->safe_psql('postgres', q{
		SELECT ok, detail FROM spine.health() WHERE check_name = 'workers'}),
	qr/^t\|a standby has none$/,
	'and spine.health knows that');
my ($status, $out, $err) = $standby->psql('postgres', 'CALL spine.run_jobs()');
like($err, qr/in a read-only transaction|during recovery/, 'run_jobs refuses there');
$node->stop('immediate');
$standby->promote;
ok(launcher($standby), 'a promoted standby has a launcher');
ok(is_visited($standby, 'postgres'), 'which sends stewards');
$standby->stop('immediate');
unlike(slurp_file($standby->logfile), qr/PANIC|TRAP/, 'no crash there');

# No slot for stewards: the log says what to do; with slots they come.
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
my $offset = -s $node->logfile;
$node->start;
ok( $node->wait_for_log(
		qr/no background worker slot for a steward.*HINT:  Raise max_worker_processes/s,
		$offset),
	'the log tells of missing slots');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
ok(is_visited($node, 'postgres'), 'stewards come after immediate stops');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'no crash but the one');
done_testing();
