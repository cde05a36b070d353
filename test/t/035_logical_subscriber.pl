# check_replica of a logical subscriber, from the publisher and from the
# subscriber: under load and with a lagging copy nothing is invented, and
# what is injected into the copy is found.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $pub = PostgreSQL::Test::Cluster->new('publisher');
$pub->init(allows_streaming => 'logical');
$pub->append_conf('postgresql.conf', q{
log_min_messages = warning
autovacuum = off});
$pub->start;

my $sub = PostgreSQL::Test::Cluster->new('subscriber');
$sub->init;
$sub->append_conf('postgresql.conf', q{
wal_retrieve_retry_interval = 100ms
autovacuum = off});
$sub->start;

my $tables = q{
	CREATE EXTENSION spine;
	CREATE ROLE keeper;
	CREATE SCHEMA w;
	CREATE TABLE w.account (id int PRIMARY KEY, name text, balance numeric(10, 2), changed timestamptz, active boolean);
	CREATE TABLE w.quiet (id bigint, region text, note text, PRIMARY KEY (region, id));
	GRANT USAGE ON SCHEMA w TO keeper;
	GRANT SELECT ON ALL TABLES IN SCHEMA w TO keeper};
$pub->safe_psql('postgres', $tables);
$sub->safe_psql('postgres', $tables);
$pub->safe_psql('postgres', q{
	INSERT INTO w.account SELECT i, 'name ' || i, i, now(), true FROM generate_series(1, 20000) i;
	INSERT INTO w.quiet SELECT i, 'r' || i % 3, '' FROM generate_series(1, 1000) i;
	CREATE PUBLICATION p FOR TABLE w.account, w.quiet});

# The same document in both, each with a server for the other.
sub document
{
	my ($main, $far, $sot, $copy) = @_;
	return qq{{"kind": "DataSpine", "apiVersion": "spine/v1",
 "stores": {"$main": {"kind": "postgres"}, "$far": {"kind": "postgres", "server": "$far"}},
 "parties": {"keeper": {"kind": "team", "role": "keeper"}},
 "contexts": {"w": {"owner": "keeper", "datasets": {
	"accounts": {"relation": "w.account", "sot": {"store": "pub"}, "enforcement": "observe",
		"replicas": {"copy": {"store": "sub", "locator": "w.account", "flow": "logical_replication", "max_lag": "PT1H"}}},
	"quiet": {"relation": "w.quiet", "sot": {"store": "pub"}, "enforcement": "observe",
		"replicas": {"copy": {"store": "sub", "locator": "w.quiet", "flow": "logical_replication"}}}}}}}};
}

sub connect_to
{
	my ($here, $name, $there) = @_;
	my ($host, $port) = ($there->host, $there->port);
	$here->safe_psql('postgres', qq{
		CREATE FOREIGN DATA WRAPPER other;
		CREATE SERVER $name FOREIGN DATA WRAPPER other
			OPTIONS (host '$host', port '$port', dbname 'postgres');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name});
}
connect_to($pub, 'sub', $sub);
connect_to($sub, 'pub', $pub);
$_->[0]->safe_psql('postgres', "SELECT spine.apply('$_->[1]')")
	foreach [ $pub, document('pub', 'sub') ], [ $sub, document('sub', 'pub') ];

# verdict, drifted, method; with a short wait unless one is given
sub check
{
	my ($node, $copy, $wait, $mode) = @_;
	$wait //= '30s';
	$mode //= 'digest';
	return $node->safe_psql('postgres', qq{
		SET spine.confirm_wait = '$wait';
		SELECT verdict, drifted FROM spine.check_replica('w.$copy.copy', '$mode')});
}

sub drift
{
	my ($node) = @_;
	return $node->safe_psql('postgres', q{
		SELECT coalesce(string_agg(concat_ws(' ', kind, key, columns, root_cause), E'\n' ORDER BY key), '')
		FROM spine.drift WHERE confirmed_at IS NOT NULL});
}

# ---- before the initial copy ----

$sub->safe_psql('postgres', q{CREATE SUBSCRIPTION s CONNECTION '}
	  . $pub->connstr . q{ dbname=postgres' PUBLICATION p WITH (enabled = false, create_slot = false, slot_name = s)});
$pub->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
is(check($pub, 'quiet', '100ms'), 'lagging|1000',
	'what the initial copy has not brought is not drift');
is(drift($pub), '', 'none of it is confirmed');
$sub->safe_psql('postgres', q{ALTER SUBSCRIPTION s ENABLE; ALTER SUBSCRIPTION s REFRESH PUBLICATION});
$sub->wait_for_subscription_sync($pub, 's');
is(check($pub, 'accounts'), 'equal|0', 'equal, asked on the publisher');
is(check($sub, 'accounts'), 'equal|0', 'equal, asked on the subscriber');
is($pub->safe_psql('postgres', q{SELECT method || ' ' || (lag = '0') FROM spine.check_log ORDER BY run_id DESC LIMIT 1}),
	'pages, remote pages true', 'by the pages of both, without lag');
is(check($pub, 'quiet'), 'equal|0', 'and a table of a composite key');

# ---- a copy that lags ----

$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s DISABLE');
$pub->poll_query_until('postgres', q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 's'});
$pub->safe_psql('postgres', q{
	UPDATE w.account SET balance = balance + 1 WHERE id <= 100;
	DELETE FROM w.account WHERE id = 200;
	INSERT INTO w.account VALUES (30000, 'new')});
foreach my $node ($pub, $sub)
{
	is(check($node, 'accounts', '300ms'), 'lagging|102', 'what did not arrive is not drift, on ' . $node->name);
	is(drift($node), '', 'none of it is confirmed');
}
ok($pub->safe_psql('postgres', q{SELECT lag > '0' FROM spine.check_log ORDER BY run_id DESC LIMIT 1}) eq 't',
	'the lag is measured');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s ENABLE');
is(check($pub, 'accounts'), 'equal|0', 'a check waits for a copy that catches up');
is($pub->safe_psql('postgres', 'SELECT count(*) FROM spine.drift'), 0, 'and closes what was suspected');

# ---- drift is found, whatever the lag allows ----

$sub->safe_psql('postgres', q{
	UPDATE w.account SET balance = balance + 0.01 WHERE id = 1;
	DELETE FROM w.account WHERE id = 2;
	INSERT INTO w.account VALUES (40000, 'extra');
	UPDATE w.account SET name = NULL WHERE id = 3;
	UPDATE w.quiet SET note = NULL WHERE id = 4});
my $injected = <<'EOD';
changed {"id": 1} ["balance"] written in the copy
missing {"id": 2}
changed {"id": 3} ["name"] written in the copy
extra {"id": 40000} written in the copy
EOD
chomp $injected;
is(check($pub, 'accounts'), 'drift|4', 'drift is told at once: the copy is past its last change');
is(drift($pub), $injected, 'named and explained');
is(check($sub, 'accounts'), 'drift|4', 'the same from the other side');
is(check($pub, 'accounts', '30s', 'rows'), 'drift|4', 'and row by row');
is(check($pub, 'quiet'), 'drift|1', 'NULL is not the empty text');
$sub->safe_psql('postgres', q{
	UPDATE w.account SET balance = balance - 0.01 WHERE id = 1;
	INSERT INTO w.account SELECT 2, 'name 2', 3, changed, true FROM w.account WHERE id = 3;
	DELETE FROM w.account WHERE id = 40000;
	UPDATE w.account SET name = 'name 3' WHERE id = 3;
	UPDATE w.quiet SET note = '' WHERE id = 4});
is(check($pub, 'accounts'), 'equal|0', 'mended, it is equal');
is(check($pub, 'quiet'), 'equal|0', 'here too');

# ---- a transaction that stays open ----

my $open = $pub->background_psql('postgres', on_error_stop => 0);
$open->query_safe('BEGIN; UPDATE w.account SET name = name WHERE id = 10; INSERT INTO w.account VALUES (50000, \'open\')');
$sub->safe_psql('postgres', q{
	UPDATE w.account SET name = 'drift' WHERE id IN (10, 11);
	INSERT INTO w.account VALUES (41000, 'extra')});
is(check($pub, 'accounts', '2s'), 'drift|3', 'beside an open transaction');
is(drift($pub), 'changed {"id": 11} ["name"] written in the copy',
	'what it might explain is not confirmed');
$open->query_safe('ROLLBACK');
$open->quit;
is(check($pub, 'accounts'), 'drift|3', 'after it');
like(drift($pub), qr/"id": 10}.*"id": 11}.*"id": 41000}/s, 'all of it is');
$sub->safe_psql('postgres', q{
	UPDATE w.account SET name = 'name ' || id WHERE id IN (10, 11);
	DELETE FROM w.account WHERE id = 41000});

# ---- under load ----

my $script = PostgreSQL::Test::Utils::tempdir . '/load.sql';
append_to_file($script, q{
\set id random(1, 19000)
\set other random(1, 100)
BEGIN;
UPDATE w.account SET balance = balance + :other, changed = now() WHERE id = :id;
INSERT INTO w.account VALUES (100000 + :id, 'new') ON CONFLICT (id) DO UPDATE SET name = w.account.name || '.';
DELETE FROM w.account WHERE id = 100000 + :id + :other;
COMMIT;
});
my $load = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 3, '-R', 400, '-T', 25, '-f', $script, $pub->connstr('postgres') ],
	'>', \my $out, '2>', \my $err);
my $deadline = time + 22;
my ($rounds, $wrong, $missed, $equal) = (0, 0, 0, 0);
while (time < $deadline)
{
	# Lag comes and goes.
	$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s ' . ($rounds % 3 == 1 ? 'DISABLE' : 'ENABLE'));
	my $node = $rounds % 2 ? $sub : $pub;
	my $verdict = check($node, 'accounts', $rounds % 3 == 1 ? '200ms' : '5s');
	$rounds++;
	$equal++ if $verdict =~ /^equal/;
	$wrong++, diag("invented: $verdict " . drift($node)) if $verdict =~ /drift/;
}
ok($rounds >= 3, "$rounds checks under load, $equal of them equal");
is($wrong, 0, 'none of them invents drift');

# Injected among rows that the load leaves alone, and found through it.
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s ENABLE');
$load->finish;
$load = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 3, '-R', 400, '-T', 15, '-f', $script, $pub->connstr('postgres') ],
	'>', \$out, '2>', \$err);
foreach my $round (1 .. 3)
{
	my $id = 19500 + $round;
	$sub->safe_psql('postgres', "UPDATE w.account SET name = 'drifted' WHERE id = $id");
	check($pub, 'accounts', '5s');
	$missed++ if drift($pub) !~ /"id": $id}/;
	$sub->safe_psql('postgres', "UPDATE w.account SET name = 'name $id' WHERE id = $id");
	$pub->safe_psql('postgres', 'UPDATE spine.drift_log SET closed_at = now() WHERE closed_at IS NULL');
}
is($missed, 0, 'drift is found under load');
$load->finish;
is(check($pub, 'accounts'), 'equal|0', 'afterwards both are equal');

done_testing();
