# check_replica of a physical standby: what replay has not reached is not
# drift, under load neither; what cannot be there by replay is found.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', q{
log_min_messages = warning
autovacuum = off
hot_standby_feedback = on
synchronous_commit = local});
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE keeper;
	CREATE SCHEMA w;
	CREATE TABLE w.account (id int PRIMARY KEY, name text, balance numeric(10, 2));
	CREATE TABLE w.mart (id int PRIMARY KEY, name text);
	CREATE TABLE w.still (id int PRIMARY KEY, name text);
	INSERT INTO w.still SELECT i, 'name ' || i FROM generate_series(10001, 19999) i;
	GRANT USAGE ON SCHEMA w TO keeper;
	GRANT SELECT ON ALL TABLES IN SCHEMA w TO keeper;
	INSERT INTO w.account SELECT i, 'name ' || i, i FROM generate_series(1, 20000) i;
	INSERT INTO w.mart SELECT id, name FROM w.account});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my ($host, $port) = ($standby->host, $standby->port);
$primary->safe_psql('postgres', qq{
	CREATE FOREIGN DATA WRAPPER other;
	CREATE SERVER standby FOREIGN DATA WRAPPER other OPTIONS (host '$host', port '$port', dbname 'postgres');
	CREATE USER MAPPING FOR CURRENT_USER SERVER standby;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
	 "stores": {"main": {"kind": "postgres"}, "standby": {"kind": "postgres", "server": "standby"}},
	 "parties": {"keeper": {"kind": "team", "role": "keeper"}},
	 "contexts": {"w": {"owner": "keeper", "datasets": {
		"still": {"relation": "w.still", "sot": {"store": "main"}, "enforcement": "observe",
			"replicas": {"standby": {"store": "standby", "locator": "w.still"}}},
		"accounts": {"relation": "w.account", "sot": {"store": "main"}, "enforcement": "observe",
			"replicas": {"standby": {"store": "standby", "locator": "w.account"},
				"mart": {"store": "standby", "locator": "w.mart", "flow": "etl", "max_lag": "PT1H"}}}}}}}')});
$primary->wait_for_catchup($standby, 'replay');

sub check
{
	my ($copy, $wait, $mode) = @_;
	$wait //= '30s';
	$mode //= 'digest';
	return $primary->safe_psql('postgres', qq{
		SET spine.confirm_wait = '$wait';
		SELECT verdict, drifted FROM spine.check_replica('w.$copy', '$mode')});
}

sub last_run
{
	my ($what) = @_;
	return $primary->safe_psql('postgres', "SELECT $what FROM spine.check_log ORDER BY run_id DESC LIMIT 1");
}

is(check('accounts.standby'), 'equal|0', 'a standby is equal');
is(last_run(q{method || ' ' || (lag = '0')}), 'pages, remote pages true', 'without lag');
is(check('accounts.standby', '30s', 'rows'), 'equal|0', 'row by row too');
is(check('accounts.standby', '30s', 'sample'), 'equal|0', 'and in a sample');

# ---- replay stands still ----

$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'});
$primary->safe_psql('postgres', q{
	UPDATE w.account SET balance = balance + 1 WHERE id <= 100;
	DELETE FROM w.account WHERE id = 200;
	INSERT INTO w.account VALUES (30000, 'new')});
is(check('accounts.standby', '300ms'), 'lagging|102', 'what is not replayed is lag');
is(check('accounts.standby', '300ms', 'rows'), 'lagging|102', 'row by row too');
is(check('accounts.standby', '300ms', 'count'), 'equal|0', 'numbers of rows alone do not tell');
is($primary->safe_psql('postgres', 'SELECT count(*), count(confirmed_at) FROM spine.drift'), '102|0',
	'suspects, none of them confirmed');
is(last_run(q{lag BETWEEN '0.1s' AND '5min'}), 't', 'the lag is measured');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
is(check('accounts.standby'), 'equal|0', 'replayed, it is equal');
is($primary->safe_psql('postgres', 'SELECT count(*) FROM spine.drift'), 0, 'and nothing is suspected');

# ---- another table on the standby is no copy by replay ----

is(check('accounts.mart', '300ms'), 'lagging|2', 'a mart on the standby is held to its bound');
$primary->safe_psql('postgres', q{ALTER TABLE w.mart ADD balance numeric; UPDATE w.mart SET balance = id WHERE id <> 7});
$primary->wait_for_catchup($standby, 'replay');
is(check('accounts.mart', '300ms'), 'lagging|102', 'however far replay is');

# ---- under load ----

my $script = PostgreSQL::Test::Utils::tempdir . '/load.sql';
append_to_file($script, q{
\set id random(1, 20000)
\set hot random(1, 10)
BEGIN;
UPDATE w.account SET balance = balance + 1 WHERE id IN (:id, :hot);
INSERT INTO w.account VALUES (100000 + :id, 'new') ON CONFLICT (id) DO UPDATE SET name = w.account.name || '.';
DELETE FROM w.account WHERE id = 100007 + :id;
COMMIT;
});
my $load = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 3, '-R', 400, '-T', 20, '-f', $script, $primary->connstr('postgres') ],
	'>', \my $out, '2>', \my $err);
my $deadline = time + 18;
my ($rounds, $wrong, %verdicts) = (0, 0);
while (time < $deadline)
{
	$standby->safe_psql('postgres', $rounds % 3 == 1 ? 'SELECT pg_wal_replay_pause()' : 'SELECT pg_wal_replay_resume()');
	my $verdict = check('accounts.standby', $rounds % 3 == 1 ? '200ms' : '3s', $rounds % 5 == 4 ? 'rows' : 'digest');
	$verdicts{ $verdict =~ s/\|.*//r }++;
	$rounds++;
	$wrong++, diag("invented: $verdict") if $verdict =~ /drift/;
}
$load->finish;
ok($rounds >= 3, "$rounds checks under load: " . join(', ', map { "$verdicts{$_} $_" } sort keys %verdicts));
is($wrong, 0, 'none of them invents drift');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
is(check('accounts.standby'), 'equal|0', 'afterwards both are equal');

# ---- a page of the standby that is not what it was ----

# No page image in the WAL to be replayed may mend it.
$primary->safe_psql('postgres', $_) foreach 'VACUUM FREEZE w.still', 'CHECKPOINT';
$primary->wait_for_catchup($standby, 'replay');
$standby->safe_psql('postgres', 'CHECKPOINT');
$standby->stop;
my $path = $standby->data_dir . '/' . $primary->safe_psql('postgres', q{SELECT pg_relation_filepath('w.still')});
my $bytes = slurp_file($path);
$bytes =~ s/name 12345/name 12335/g;
open my $file, '>:raw', $path or die $!;
print $file $bytes;
close $file;
$standby->start;
is(check('still.standby'), 'drift|1', 'a changed bit is drift');
is($primary->safe_psql('postgres', q{SELECT kind, key, columns FROM spine.drift WHERE placement = 'w.still.standby'}),
	'changed|{"id": 12345}|["name"]', 'and named');

# ---- promoted, it is a server of its own ----

$standby->promote;
$primary->safe_psql('postgres', q{UPDATE w.still SET name = 'after' WHERE id = 10001});
like(check('still.standby', '300ms'), qr/^drift\|2/, 'a promoted standby is held to its promise');

done_testing();
