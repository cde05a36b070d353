# Connections to other servers: one that is gone, hangs or dies half-way, who
# may connect as whom, and that nothing outlives the statement.

use strict;
use warnings;

use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $here = PostgreSQL::Test::Cluster->new('here');
$here->init;
$here->start;
my $there = PostgreSQL::Test::Cluster->new('there');
$there->init;
$there->append_conf('postgresql.conf', "password_encryption = 'scram-sha-256'");
$there->start;

$there->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE keeper LOGIN PASSWORD 'open sesame';
	CREATE ROLE reader LOGIN PASSWORD 'reader''s';
	CREATE SCHEMA w;
	CREATE TABLE w.item (id int PRIMARY KEY, name text);
	INSERT INTO w.item SELECT i, 'name ' || i FROM generate_series(1, 1000) i;
	GRANT USAGE ON SCHEMA w TO keeper, reader;
	GRANT SELECT ON w.item TO keeper});
my ($host, $port) = ($there->host, $there->port);
my $silent_dir = PostgreSQL::Test::Utils::tempdir_short;
$here->safe_psql('postgres', qq{
	CREATE EXTENSION spine;
	CREATE ROLE keeper;
	CREATE SCHEMA w;
	CREATE TABLE w.item (id int PRIMARY KEY, name text);
	INSERT INTO w.item SELECT i, 'name ' || i FROM generate_series(1, 1000) i;
	GRANT USAGE ON SCHEMA w TO keeper;
	GRANT SELECT ON w.item TO keeper;
	CREATE FOREIGN DATA WRAPPER other;
	CREATE SERVER there FOREIGN DATA WRAPPER other OPTIONS (host '$host', port '$port', dbname 'postgres');
	CREATE SERVER silent FOREIGN DATA WRAPPER other OPTIONS (host '$silent_dir', port '5999', dbname 'postgres');
	GRANT USAGE ON FOREIGN SERVER there, silent TO keeper;
	CREATE USER MAPPING FOR CURRENT_USER SERVER there;
	CREATE USER MAPPING FOR CURRENT_USER SERVER silent OPTIONS (password 'open sesame');
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
	 "stores": {"main": {"kind": "postgres"}, "there": {"kind": "postgres", "server": "there"},
		"silent": {"kind": "postgres", "server": "silent"}},
	 "parties": {"keeper": {"kind": "team", "role": "keeper"}},
	 "contexts": {"w": {"owner": "keeper", "datasets": {
		"items": {"relation": "w.item", "sot": {"store": "main"}, "enforcement": "observe",
			"replicas": {"copy": {"store": "there", "locator": "w.item", "flow": "etl"},
				"silent": {"store": "silent", "locator": "w.item", "flow": "etl"}}}}}}}')});

# What a check gives; or its SQLSTATE.
sub check
{
	my ($copy, $set) = @_;
	my ($status, $out, $err) = $here->psql('postgres', ($set // '') . qq{;
		\\set VERBOSITY verbose
		SELECT verdict FROM spine.check_replica('w.items.$copy')});
	unlike("$out$err", qr/sesame/, 'no password is told');
	return $out if $status == 0;
	return $err =~ /ERROR:  (\w{5})/ ? $1 : $err;
}

sub why
{
	return $here->safe_psql('postgres', q{SELECT verdict || ': ' || why FROM spine.check_log ORDER BY run_id DESC LIMIT 1});
}

sub sessions
{
	return $there->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'spine'});
}

is(check('copy'), 'equal', 'a copy on another server');
is(sessions(), 0, 'no session stays');

# ---- passwords ----

is(check('copy', 'SET ROLE keeper'), '42704', 'without a mapping');
$here->safe_psql('postgres', q{CREATE USER MAPPING FOR keeper SERVER there OPTIONS (user 'keeper')});
is(check('copy', 'SET ROLE keeper'), '2F003', 'without a password');
$here->safe_psql('postgres', q{ALTER USER MAPPING FOR keeper SERVER there OPTIONS (ADD password 'open sesame')});
is(check('copy', 'SET ROLE keeper'), '2F003', 'a server that asks for none');
append_to_file($there->data_dir . '/pg_hba.conf', '');
my $hba = slurp_file($there->data_dir . '/pg_hba.conf');
open my $file, '>', $there->data_dir . '/pg_hba.conf' or die $!;
print $file "local all keeper,reader scram-sha-256\n$hba";
close $file;
$there->reload;
is(check('copy', 'SET ROLE keeper'), 'equal', 'a server that asks for it');
$here->safe_psql('postgres', q{ALTER USER MAPPING FOR keeper SERVER there OPTIONS (SET password 'close sesame')});
is(check('copy', 'SET ROLE keeper'), 'unreachable', 'a wrong one');
is(why(), 'unreachable: could not connect to server "there" (SQLSTATE 08001)', 'and why, for others');
$here->safe_psql('postgres', q{ALTER USER MAPPING FOR keeper SERVER there OPTIONS (SET user 'reader', SET password 'reader''s')});
is(check('copy', 'SET ROLE keeper'), 'incomparable', 'a user who may not read there');
is(why(), 'incomparable: server "there" could not do what it was asked (SQLSTATE 42501)', 'and why');
$there->safe_psql('postgres', q{GRANT SELECT ON w.item TO reader;
	ALTER TABLE w.item ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON w.item USING (id < 10)});
is(check('copy', 'SET ROLE keeper'), 'incomparable', 'or who sees some rows alone');
$there->safe_psql('postgres', 'ALTER TABLE w.item DISABLE ROW LEVEL SECURITY');
is(check('copy', 'SET ROLE keeper'), 'equal', 'or all of them');
is(sessions(), 0, 'no session stays');

# ---- a server that does not answer ----

my $silent = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => "$silent_dir/.s.PGSQL.5999", Listen => 10)
  or die "$!";
chmod 0777, "$silent_dir/.s.PGSQL.5999";
my $start = time;
is(check('silent', q{SET statement_timeout = '1s'}), '57014', 'connecting ends with the statement');
cmp_ok(time - $start, '<', 20, 'in time');
$here->safe_psql('postgres', q{ALTER SERVER silent OPTIONS (ADD connect_timeout '2')});
$start = time;
is(check('silent'), 'unreachable', 'or after its own time');
cmp_ok(time - $start, '<', 30, 'in time');
close $silent;
unlink "$silent_dir/.s.PGSQL.5999";
is(check('silent'), 'unreachable', 'nobody listens');

# ---- a query that does not end ----

my $lock = $there->background_psql('postgres');
$lock->query_safe('BEGIN; LOCK TABLE w.item');
is(check('copy', q{SET statement_timeout = '1s'}), '57014', 'a query there ends with the statement here');
ok($there->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'spine'}),
	'and is cancelled there, though it waits for a lock');

# Killed while it waits: by its own server, and here.
sub start_check
{
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $here->connstr('postgres'), '-c',
		  q{SELECT verdict FROM spine.check_replica('w.items.copy')} ],
		'>', \$out, '2>', \$err);
	$there->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'spine' AND wait_event_type = 'Lock'})
	  or die 'the check does not wait';
	return ($run, \$out, \$err);
}
my ($run, $out, $err) = start_check();
$there->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spine'});
$run->finish;
is($$out, "unreachable\n", 'a session that is ended there');
is(why(), 'unreachable: server "there" could not do what it was asked (SQLSTATE 57P01)', 'leaves an account');
($run, $out, $err) = start_check();
$here->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ 'check_replica' AND pid <> pg_backend_pid()});
$run->finish;
like($$err, qr/canceling statement due to user request/, 'a check that is cancelled here');
ok($there->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'spine'}),
	'is gone there');
($run, $out, $err) = start_check();
$here->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'check_replica' AND pid <> pg_backend_pid()});
$run->finish;
ok($there->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'spine'}),
	'as is one whose session here ends');
($run, $out, $err) = start_check();
$there->stop('immediate');
$run->finish;
is($$out, "unreachable\n", 'a server that crashes half-way');
is(check('copy'), 'unreachable', 'and one that is not there');
$there->start;
is(check('copy'), 'equal', 'until it is back');

# ---- a transaction in which much is done ----

is($here->safe_psql('postgres', q{
	BEGIN;
	SELECT count(*) FROM generate_series(1, 50), spine.check_replica('w.items.copy') WHERE verdict = 'equal';
	SAVEPOINT a;
	SELECT verdict FROM spine.check_replica('w.items.silent');
	ROLLBACK TO a;
	SELECT verdict FROM spine.check_replica('w.items.copy');
	COMMIT}), "50\nunreachable\nequal", 'many in one transaction');
is(sessions(), 0, 'no session stays');
unlike(slurp_file($here->logfile), qr/sesame(?!')/, 'no password in the log');

done_testing();
