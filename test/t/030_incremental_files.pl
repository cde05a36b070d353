# The files of the page cache are damaged, cut, filled up, half written, left
# over from a crash, or too old: the digest is that of all rows every time,
# and only the cache is lost.

use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf(
	'postgresql.conf', q{
autovacuum = off
restart_after_crash = on
wal_writer_delay = 10s
max_parallel_workers_per_gather = 0
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE TABLE t (id int PRIMARY KEY, a int, b text);
	INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(1, 30000) i});

my $again = q{SELECT i.digest = d.digest FROM spine.digest('t') d, spine.digest_incremental('t') i;};
my $way = q{SELECT method || coalesce(': ' || reason, '') FROM spine.last_incremental();};
my $directory = $node->data_dir . '/pg_spine';

# Compare; returns the method and its reason.
sub proof
{
	my ($what, $before) = @_;
	my $out = $node->safe_psql('postgres', ($before // '') . "\n$again $way");
	my @lines = split /\n/, $out;
	is($lines[-2], 't', $what);
	return $lines[-1];
}

sub files
{
	my ($suffix) = @_;
	my @files = sort grep { -e } glob "$directory/*.$suffix";
	return @files;
}

# Wait until something holds.
sub wait_until
{
	my ($what, $holds) = @_;
	for (1 .. 500 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $holds->();
		usleep(2_000);
	}
	die "timed out: $what";
}

# Begin to build a cache that is not there; returns the client, and the backend
# that has begun.  A client whose server dies may be gone before it is asked.
sub builder
{
	my $out = '';
	my $builder = IPC::Run::start(
		[
			'psql', '-XAtq', '-d',
			$node->connstr('postgres') . ' application_name=builder',
			'-c', 'SELECT pg_sleep(0.3)',
			'-c', "SELECT rows FROM spine.digest_incremental('t')"
		],
		'<', '/dev/null', '>', \$out, '2>', \$out);
	my $pid = '';
	wait_until('the builder', sub {
		$pid = $node->safe_psql('postgres',
			"SELECT pid FROM pg_stat_activity WHERE application_name = 'builder'");
		return $pid ne '' });
	wait_until('files of the cache', sub { return scalar files('rows') });
	return ($builder, $pid);
}

like(proof('built'), qr/^build/, 'it is built');
is(proof('unchanged'), 'none', 'it is there');
is(join(' ', map { sprintf '%04o', (stat $_)[2] & 07777 } files('map'), files('rows')),
	'0600 0600', 'the files are for the server alone');

# A base backup leaves them out.
$node->backup('base');
is(join(' ', glob($node->backup_dir . '/base/pg_spine/*')), '',
	'a base backup carries none');

# Bytes are changed, here and there, while the server runs.  The row that is
# updated makes the cache look at a page, and a third of the times the whole
# file of rows is read for odd buckets.
srand(20261130);
my $noticed = 0;
for my $round (1 .. 45)
{
	my ($file) = files($round % 2 ? 'map' : 'rows');
	open my $handle, '+<:raw', $file or die "$file: $!";
	my $size = -s $file;
	my $at = $round % 5 == 1 ? int(rand(1200)) : int(rand($size));
	seek $handle, $at, 0;
	read $handle, my $byte, 1;
	seek $handle, $at, 0;
	print $handle chr(ord($byte) ^ (1 << int(rand(8))));
	close $handle;
	my $id = 1 + int(rand(30000));
	my $buckets = $round % 3 ? 16 : 1000;
	my $out = $node->safe_psql('postgres', qq{
		UPDATE t SET a = a + 1 WHERE id = $id;
		SELECT bool_and(i.digest = d.digest) FROM spine.digest('t', buckets => $buckets) d
		  JOIN spine.digest_incremental('t', buckets => $buckets) i USING (bucket);
		$way});
	my ($same, $how) = split /\n/, $out;
	is($same, 't', "byte $at of the " . ($round % 2 ? 'map' : 'rows') . " changed: $how");
	$noticed++ if $how !~ /^(none|wal)/;
	$node->safe_psql('postgres', $again);
}
cmp_ok($noticed, '>', 5, "damage was noticed $noticed times");

# A scrub finds what nobody else would: a slot of a page that does not change.
# Its check is made right, as if we had written it wrong.
proof('built again');
{
	my ($file) = files('rows');
	open my $handle, '+<:raw', $file or die "$file: $!";
	seek $handle, 32 * 100, 0;
	print $handle "\0" x 8;
	close $handle;
}
my ($status, $stdout, $stderr) = $node->psql('postgres', "SELECT wrong FROM spine.scrub_digest('t')");
is($status, 0, 'a scrub of a damaged cache works');
cmp_ok($stdout, '>', 0, 'and counts what is wrong');
like($stderr, qr/page cache of table "t" is wrong/, 'and warns');
like(proof('after the scrub'), qr/^build/, 'the cache is built anew');
is($node->safe_psql('postgres', "SELECT wrong FROM spine.scrub_digest('t')"), '0', 'a good one has nothing wrong');

# Cut, emptied, taken away.
for my $suffix ('map', 'rows')
{
	for my $length (0, 5000, undef)
	{
		my ($file) = files($suffix);
		defined $length ? truncate($file, $length) : unlink($file);
		proof("$suffix cut to " . ($length // 'nothing at all'),
			'UPDATE t SET a = a + 1 WHERE id % 5000 = 7;');
		proof('once more');
	}
}

# A full disk, or what looks like one to the backend.
SKIP:
{
	skip 'no prlimit', 3 unless `which prlimit 2>/dev/null`;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	unlink files('map'), files('rows');
	system_or_bail('prlimit', "--pid=$pid", '--fsize=200000');
	is($session->query("$again"), 't', 'no room: the digest is right');
	is($session->query($way), 'full: the cache was damaged or could not be written', 'and says so');
	is(join(' ', files('map'), files('rows')), '', 'nothing is left of the cache');
	$session->quit;
}

# A backend is killed while it builds the cache; all of them go, the server
# comes back without having been started again.
$node->safe_psql('postgres', q{
	INSERT INTO t SELECT i, i, 'row ' || i FROM generate_series(30001, 300000) i});
my $hits = 0;
for my $round (1 .. 6)
{
	unlink files('map'), files('rows');
	my ($builder, $pid) = builder();
	usleep(5000 * $round);
	kill 'KILL', $pid;
	eval { $builder->finish };
	wait_until('the server is back', sub {
		return (eval { $node->psql('postgres', 'SELECT 1') } // 1) == 0 });
	my $how = proof("killed while it builds ($round)");
	$hits++ if $how =~ /^build/;
	is(proof('and then'), 'none', 'the cache is good again');
}
cmp_ok($hits, '>', 0, "a half written cache was not used, $hits times");

# Somebody else is using the cache: stopped in the midst of it.
my $busy = 0;
for my $round (1 .. 20)
{
	last if $busy;
	unlink files('map'), files('rows');
	my ($builder, $pid) = builder();
	kill 'STOP', $pid;

	# It may have been stopped while others wait for a page that it reads.
	my ($status, $out) = $node->psql('postgres', "SET statement_timeout = '10s';\n$again $way");
	my ($same, $how) = split /\n/, $out;
	is($same, 't', 'while another builds it') if $status == 0;
	$busy = $status == 0 && $how eq 'full: somebody else is using the cache';
	kill 'CONT', $pid;
	eval { $builder->finish };
}
ok($busy, 'two do not use a cache at once');
is(proof('after both'), 'none', 'the first one made it');

# Commits that are not flushed: what the cache counts on must not vanish.
my $rows = $node->safe_psql('postgres', q{
	SET synchronous_commit = off;
	INSERT INTO t VALUES (-1, 1, 'asynchronous');
	UPDATE t SET a = -7 WHERE id = 8;
	SELECT rows FROM spine.digest_incremental('t')});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), $rows,
	'what a cache has seen survives a crash');
is(proof('after a crash'), 'sweep: the server was started since', 'the cache is swept');
is(proof('and then'), 'none', 'once');

# Changes before a crash that the cache has not seen.
$node->safe_psql('postgres', q{
	UPDATE t SET a = -8 WHERE id % 1000 = 9;
	BEGIN; DELETE FROM t WHERE id < 100});
$node->stop('immediate');
$node->start;
like(proof('changed before a crash'), qr/^sweep/, 'swept again');

# The map is older than the file of rows, as if the machine had crashed.
my ($map) = files('map');
my $old = slurp_file($map);
proof('changed', "UPDATE t SET a = 0 WHERE id % 100 = 1; DELETE FROM t WHERE id % 1000 = 2;");
my $new = slurp_file($map);
$node->stop;
open my $handle, '+<:raw', $map or die "$map: $!";
seek $handle, 118784, 0;
print $handle substr($old, 118784, 64 * 500);
close $handle;
$node->start;
like(proof('old blocks in the map'), qr/^full/, 'the mixture is noticed');
like(proof('and then'), qr/^build/, 'and the cache built anew');

# The log since the last time is gone.
$node->safe_psql('postgres', 'CREATE TABLE filler (x text)');
proof('before the log goes', 'UPDATE t SET a = 3 WHERE id = 10;');
$node->safe_psql('postgres', 'UPDATE t SET a = 4 WHERE id = 11');
my $segment = $node->safe_psql('postgres', 'SELECT pg_walfile_name(pg_current_wal_lsn())');
wait_until('the segment is recycled', sub {
	$node->safe_psql('postgres', 'INSERT INTO filler VALUES (1)');
	$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
	$node->safe_psql('postgres', 'CHECKPOINT');
	return !-e $node->data_dir . "/pg_wal/$segment" });
is(proof('without the log'), 'sweep: the log since the last time is not at hand', 'it is swept');
is(proof('and then'), 'none', 'once');

# 2^31 transactions later.
$node->stop;
command_ok([ 'pg_resetwal', '-e', '1', $node->data_dir ], 'another epoch');
$node->start;
is(proof('in another epoch'), 'build: the cache is older than 2^31 transactions', 'it is built anew');

done_testing();
