# Backends are ended and killed, workers are killed, the server is cut off,
# under write load and again and again: after each recovery every committed
# governed write has its audit row, and no undone write has one.
#
# SPINE_CRASH_ROUNDS says how often; make soak asks for many.

use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{SPINE_CRASH_ROUNDS} || 15;
my $clients = 3;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'spine'
restart_after_crash = on
max_prepared_transactions = 10
max_worker_processes = 16
log_statement = none
log_min_messages = fatal
spine.denied_rate = 1000000
});
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE keeper LOGIN;
	CREATE ROLE stranger LOGIN;
	CREATE SCHEMA world;
	CREATE TABLE world.thing (id bigint PRIMARY KEY, state text NOT NULL DEFAULT 'draft', v int NOT NULL DEFAULT 0);
	CREATE SEQUENCE world.things;
	GRANT USAGE ON SCHEMA world TO PUBLIC;
	GRANT ALL ON ALL TABLES IN SCHEMA world TO PUBLIC;
	GRANT ALL ON SEQUENCE world.things TO PUBLIC;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"keeper": {"kind": "service", "role": "keeper"}},
		"contexts": {"world": {"owner": "keeper", "datasets": {"things":
			{"relation": "world.thing",
			 "sot": {"store": "main", "locator": "world.thing"},
			 "lifecycle": {"governing": "state",
				"states": {"draft": {"initial": true, "owner": "keeper", "write": {"*": ["keeper"]}, "delete": ["keeper"]},
						   "open": {"owner": "keeper", "write": {"*": ["keeper"]}}},
				"transitions": {"draft -> open": {"by": ["keeper"], "with_write": ["v"]}}}}}}}}');

	-- Each write of a row takes its v one further, so that an undone write
	-- cannot be mistaken for one that was committed.
	CREATE PROCEDURE world.write(client int) LANGUAGE plpgsql AS $$
	DECLARE
		one bigint;
	BEGIN
		LOOP
			one := nextval('world.things') * 10 + client;
			INSERT INTO world.thing (id) VALUES (one);
			FOR i IN 1 .. 5 LOOP
				UPDATE world.thing SET v = v + 1 WHERE id = one;
				BEGIN
					UPDATE world.thing SET v = v + 1 WHERE id % 10 = client AND id > one - 300;
					IF random() < 0.3 THEN
						RAISE 'undo';
					END IF;
					BEGIN
						UPDATE world.thing SET v = v + 1, state = 'open' WHERE id = one AND state = 'draft';
						IF random() < 0.5 THEN
							RAISE 'undo';
						END IF;
					EXCEPTION WHEN raise_exception THEN
						NULL;
					END;
					CONTINUE WHEN random() < 0.7;
					-- fails at the last row, when others wait to be audited
					UPDATE world.thing SET v = v + 1 + 0 / (one - id)::int WHERE id % 10 = client AND id > one - 300;
				EXCEPTION WHEN raise_exception OR division_by_zero THEN
					NULL;
				END;
				IF random() < 0.2 THEN
					ROLLBACK;
				ELSE
					COMMIT;
				END IF;
			END LOOP;
			DELETE FROM world.thing WHERE id % 10 = client AND id > one - 100 AND state = 'draft' AND random() < 0.2;
			COMMIT;
		END LOOP;
	END $$;

	CREATE PROCEDURE world.attempt() LANGUAGE plpgsql AS $$
	BEGIN
		LOOP
			BEGIN
				UPDATE world.thing SET v = -5 WHERE id = -1;
			EXCEPTION WHEN insufficient_privilege THEN
				NULL;
			END;
			COMMIT;
			PERFORM pg_sleep(0.001);
		END LOOP;
	END $$;

	-- Rows whose audit does not tell their whole life, write by write.
	CREATE VIEW world.divergence AS
		WITH log AS (
			SELECT (key ->> 'id')::bigint AS id,
				count(*) FILTER (WHERE action <> 'delete') AS writes,
				count(DISTINCT (new ->> 'v')::int) AS steps,
				max((new ->> 'v')::int) AS v,
				count(*) FILTER (WHERE action = 'insert') AS inserts,
				count(*) FILTER (WHERE action = 'delete') AS deletes,
				count(*) FILTER (WHERE action = 'update' AND from_state <> to_state) AS moves,
				max((old ->> 'v')::int) FILTER (WHERE action = 'delete') AS last_v
			FROM spine.audit_log
			WHERE dataset = 'world.things'
			GROUP BY 1)
		SELECT * FROM log FULL JOIN (SELECT id, state, v AS real_v FROM world.thing) t USING (id)
		WHERE (inserts = 1 AND writes = v + 1 AND steps = writes
			AND CASE deletes
				WHEN 0 THEN real_v = v AND moves = (state = 'open')::int
				WHEN 1 THEN real_v IS NULL AND last_v = v AND moves = 0
			END) IS NOT TRUE});
$node->safe_psql('postgres', 'SET ROLE keeper; INSERT INTO world.thing VALUES (-1)');

# The slot keeps the WAL that crashes part the standby from.
$node->safe_psql('postgres',
	"SELECT pg_create_physical_replication_slot('standby', true)");
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
$standby->start;

# Writes within savepoints that the client itself sets and undoes.
my $script = join '', map {
	my $id = -10 - $_ % 7;
	"BEGIN;
	 INSERT INTO world.thing VALUES ($id) ON CONFLICT DO NOTHING;
	 UPDATE world.thing SET v = v + 1 WHERE id = $id;
	 SAVEPOINT a;
	 UPDATE world.thing SET v = v + 1 WHERE id = $id;
	 SAVEPOINT b;
	 UPDATE world.thing SET v = v + 1 WHERE id = $id;
	 ROLLBACK TO a;
	 UPDATE world.thing SET v = v + 1 WHERE id = $id;
	 RELEASE a;
	 " . ($_ % 5 ? 'COMMIT' : 'ROLLBACK') . ";\n"
} 1 .. 20000;
my $script_file = $node->basedir . '/savepoints.sql';
append_to_file($script_file, $script);

# Start a client that writes until it is stopped; it may lose its server.
sub start_client
{
	my ($role, @what) = @_;
	my ($out, $err) = ('', '');

	return IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('postgres') . " application_name=load",
			'-c', "SET ROLE $role", @what
		],
		'>', \$out, '2>', \$err);
}

sub value
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub await
{
	my ($sql, $what) = @_;
	$node->poll_query_until('postgres', $sql) or die "not in time: $what";
	return;
}

# The process of one of those that match, of the server's own view.
sub pid_of
{
	my ($condition) = @_;
	return value(
		"SELECT pid FROM pg_stat_activity WHERE $condition ORDER BY random() LIMIT 1");
}

my %way = (
	'a backend is ended' => sub {
		my $pid = pid_of(q{application_name = 'load'});
		value("SELECT pg_terminate_backend($pid)");
		await("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)",
			'the end of a backend');
	},
	'a backend is killed' => sub {
		kill 'KILL', pid_of(q{application_name = 'load'}) or die 'no backend';
	},
	'the launcher is killed' => sub {
		kill 'KILL', pid_of(q{backend_type = 'spine launcher'})
		  or die 'no launcher';
	},
	'the server is cut off' => sub {
		$node->stop('immediate');
		$node->start;
	});
my @ways = sort keys %way;

foreach my $round (1 .. $rounds)
{
	my $how = $ways[ $round % @ways ];
	my $id = -1000 - $round;

	# A transaction that is prepared before the crash and ended after it.
	value(qq{SET ROLE keeper; BEGIN; INSERT INTO world.thing VALUES ($id);
		UPDATE world.thing SET v = v + 1 WHERE id = $id;
		SAVEPOINT a; UPDATE world.thing SET v = v + 1 WHERE id = $id; ROLLBACK TO a;
		PREPARE TRANSACTION 'round_$round'});

	my @load = (
		start_client('keeper', '-f', $script_file),
		start_client('stranger', '-c', 'CALL world.attempt()'),
		map { start_client('keeper', '-c', "CALL world.write($_)") }
		  1 .. $clients);
	my $written = value('SELECT last_value FROM world.things');
	await(
		"SELECT last_value > $written + 10 AND (SELECT count(*) = $clients + 2 FROM pg_stat_activity WHERE application_name = 'load') FROM world.things",
		'load before the crash');
	await(q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'spine launcher')},
		'the launcher, back after the last crash');

	$way{$how}->();
	# No client comes back; what is left of them in the server ends.
	$_->signal('TERM') foreach @load;
	$_->finish foreach @load;
	await(q{SELECT count(pg_terminate_backend(pid)) = 0 FROM pg_stat_activity WHERE application_name = 'load'},
		'recovery, and the end of the load');

	is(value('SELECT * FROM world.divergence'),
		'', "round $round: $how, and rows and audit agree");
	value(($round % 2 ? 'COMMIT' : 'ROLLBACK') . " PREPARED 'round_$round'");
}

is(value('SELECT * FROM world.divergence'), '', 'so do prepared transactions');
is( value('SELECT count(*) FROM world.thing WHERE id < -1000 AND v = 1'),
	int(($rounds + 1) / 2),
	'those that were committed are there');
cmp_ok(value('SELECT count(*) FROM world.thing'),
	'>', $rounds, 'there was something to tell');
note value('SELECT count(*) FROM world.thing') . ' rows, '
  . value('SELECT count(*) FROM spine.audit_log') . ' audit rows, '
  . value('SELECT count(*) FROM spine.denied') . ' refused attempts written down';
ok( $node->poll_query_until('postgres', q{SELECT used = 0 FROM spine.denied_ring()}),
	'what was refused is drained after the last crash');

# The standby tells the same, takes no write, and goes on when promoted.
$node->wait_for_catchup($standby, 'replay', $node->lsn('flush'));
my $rows = value('SELECT count(*) FROM spine.audit_trail');
is($standby->safe_psql('postgres', 'SELECT * FROM world.divergence'),
	'', 'rows and audit agree on the standby');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM spine.audit_trail'),
	$rows, 'it has all of the trail');
my (undef, undef, $error) = $standby->psql('postgres',
	'SET ROLE keeper; UPDATE world.thing SET v = v + 1 WHERE id = -1');
like($error, qr/read-only/, 'it takes no write');
$node->stop('immediate');
$standby->promote;
$standby->safe_psql('postgres',
	'SET ROLE keeper; UPDATE world.thing SET v = v + 1 WHERE id = -1');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM spine.audit_trail'),
	$rows + 1, 'promoted, it audits');
is($standby->safe_psql('postgres', 'SELECT * FROM world.divergence'),
	'', 'and nothing is missing');
$standby->psql('postgres',
	'SET ROLE stranger; UPDATE world.thing SET v = v + 1 WHERE id = -1');
ok( $standby->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM spine.denied WHERE key = '{"id": -1}' AND at > now() - interval '1 minute' AND attribute = 'v' AND xid > (SELECT max(xid) FROM spine.audit_log WHERE key = '{"id": -1}')}),
	'what it refuses is in spine.denied');

$standby->stop;
done_testing();
