# The page cache on a physical standby: while it replays, across its restart,
# after its promotion, and on the old primary that is rewound to follow it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf(
	'postgresql.conf', q{
autovacuum = off
wal_log_hints = on
wal_keep_size = 1GB
max_prepared_transactions = 10
max_parallel_workers_per_gather = 0
});
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE TABLE t (id int PRIMARY KEY, a int, b text);
	INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(1, 20000) i});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# Compare on a node; returns the method and its reason.
sub proof
{
	my ($node, $what) = @_;
	my $out = $node->safe_psql('postgres', q{
		SELECT i.digest = d.digest FROM spine.digest('t') d, spine.digest_incremental('t') i;
		SELECT method || coalesce(': ' || reason, '') FROM spine.last_incremental()});
	my ($same, $how) = split /\n/, $out;
	is($same, 't', $what . ' on ' . $node->name);
	return $how;
}

# Change on the primary, and compare on both.
sub change
{
	my ($what, $sql) = @_;
	$primary->safe_psql('postgres', $sql);
	$primary->wait_for_catchup($standby);
	proof($primary, $what);
	return proof($standby, $what);
}

like(change('built', 'SELECT 1'), qr/^build/, 'the standby has a cache of its own');
is(change('unchanged', 'SELECT 1'), 'none', 'which stays');
is(change('updated', 'UPDATE t SET a = 0 WHERE id % 100 = 1'), 'wal', 'and follows the log');
is(change('deleted', 'DELETE FROM t WHERE id % 100 = 2'), 'wal', 'again');
change('vacuumed', 'VACUUM t');
change('frozen', 'VACUUM FREEZE t');
like(change('cut', q{DELETE FROM t WHERE ctid >= '(60,0)'; VACUUM t}), qr/^sweep/, 'a cut is no matter of pages');
change('longer again', "INSERT INTO t SELECT i, 0, 'new' FROM generate_series(30000, 35000) i");

# A transaction that is open, prepared, and done; nothing else is logged.
$primary->safe_psql('postgres', q{
	BEGIN;
	UPDATE t SET a = -1 WHERE id < 20;
	SAVEPOINT s;
	DELETE FROM t WHERE id BETWEEN 100 AND 120;
	PREPARE TRANSACTION 'open'});
change('prepared', 'SELECT 1');
change('committed', "COMMIT PREPARED 'open'");
my $session = $primary->background_psql('postgres');
$session->query_safe('BEGIN; DELETE FROM t WHERE id BETWEEN 200 AND 220');
change('open', 'CHECKPOINT; INSERT INTO t VALUES (-5, 0, NULL)');
$session->query_safe('ROLLBACK');
change('undone', 'SELECT 1');
$session->quit;

# A snapshot of the standby that is older than the cache.
my $old = $standby->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t');
change('newer than a snapshot', 'INSERT INTO t VALUES (-6, 0, NULL)');
is($old->query_safe(q{SELECT i.digest = d.digest FROM spine.digest('t') d, spine.digest_incremental('t') i}),
	't', 'the older snapshot sees its own');
is($old->query_safe('SELECT reason FROM spine.last_incremental()'),
	'the cache is newer than the snapshot', 'without the cache');
$old->query_safe('COMMIT');
$old->quit;

# Restarts of the standby.
$standby->restart;
is(proof($standby, 'restarted'), 'sweep: the server was started since', 'swept');
is(change('and then', 'UPDATE t SET a = 9 WHERE id = 9'), 'wal', 'by the log again');
$standby->stop('immediate');
$primary->safe_psql('postgres', 'UPDATE t SET a = 10 WHERE id = 10');
$standby->start;
$primary->wait_for_catchup($standby);
like(proof($standby, 'after a crash'), qr/^sweep/, 'swept');

# Promotion: another timeline, another cache.  A write that only the old
# primary has is undone by rewinding it.
$primary->safe_psql('postgres', 'CHECKPOINT');
$standby->promote;
like(proof($standby, 'promoted'), qr/^build/, 'built anew');
$primary->safe_psql('postgres', "UPDATE t SET b = 'lost' WHERE id % 50 = 3");
proof($primary, 'what will be lost');
$primary->stop;
$standby->safe_psql('postgres', "CHECKPOINT; UPDATE t SET b = 'kept' WHERE id % 50 = 4");
my %kept = map { $_ => slurp_file($_) } glob $primary->data_dir . '/pg_spine/*';
isnt(join(' ', %kept), '', 'the old primary has caches');
my $config = $primary->data_dir . '/postgresql.conf';
my $settings = slurp_file($config);
command_ok(
	[
		'pg_rewind', '--no-sync', '-D', $primary->data_dir,
		'--source-server', $standby->connstr('postgres')
	],
	'the old primary is rewound');

# Whatever became of them: put them back.
foreach my $file (keys %kept)
{
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $kept{$file};
	close $handle;
}
unlink $config;
append_to_file($config, $settings);
append_to_file($primary->data_dir . '/postgresql.auto.conf',
	"\nprimary_conninfo = '" . $standby->connstr . " application_name=primary'\n");
append_to_file($primary->data_dir . '/standby.signal', '');
$primary->start;
$standby->wait_for_catchup('primary');
like(proof($primary, 'rewound'), qr/^build/, 'and which are of another timeline');
is( $primary->safe_psql('postgres', q{SELECT digest FROM spine.digest_incremental('t')}),
	$standby->safe_psql('postgres', q{SELECT digest FROM spine.digest_incremental('t')}),
	'both have the same rows');

done_testing();
