# Months of the audit log: made by the steward, carried by a dump once with
# their rows, restored by several jobs, and removed when they are old.

use strict;
use warnings;

use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'spine'\n");
$node->start;

$node->safe_psql('postgres', q{
	CREATE ROLE keeper LOGIN;
	CREATE ROLE auditor LOGIN;
	CREATE EXTENSION spine;
	GRANT spine_auditor TO auditor;
	CREATE SCHEMA world;
	CREATE TABLE world.thing (id int PRIMARY KEY, v int NOT NULL DEFAULT 0);
	GRANT USAGE ON SCHEMA world TO keeper;
	GRANT ALL ON world.thing TO keeper;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"keeper": {"kind": "service", "role": "keeper"}},
		"contexts": {"world": {"owner": "keeper", "datasets": {"things":
			{"relation": "world.thing", "sot": {"store": "main", "locator": "world.thing"}}}}}}')});

# Rows of long ago, as if the job had never run.
$node->safe_psql('postgres', q{
	INSERT INTO spine.audit_log (at, xid, n, rev, dataset, action, actor, session_actor, via)
	SELECT '2019-12-31 23:00+00'::timestamptz + i * interval '1 day', '5', i, 1, 'old', 'insert', 'x', 'x', 'direct'
	FROM generate_series(1, 100) i});
$node->safe_psql('postgres',
	'SET ROLE keeper; INSERT INTO world.thing SELECT generate_series(1, 500)');

# Before there is a document, a restore may be under way: nothing is made.
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION spine');
$node->safe_psql('fresh', q{CALL spine.run_jobs('audit_months')});
is( $node->safe_psql('fresh',
		q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'spine.audit_log'::regclass}),
	'1', 'no month is made in a database that has no document');

my $months = q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'spine.audit_log'::regclass};
$node->safe_psql('postgres', q{CALL spine.run_jobs('audit_months')});
is($node->safe_psql('postgres', $months),
	'8', 'this month and the next two are made, and those that rows stand in');
is($node->safe_psql('postgres', 'SELECT count(*) FROM spine.audit_log_default'),
	'0', 'the default partition is empty then');
$node->safe_psql('postgres', 'SET ROLE keeper; UPDATE world.thing SET v = 1');

# A dump has each month and each row once.
my %facts = (
	rows => 'SELECT * FROM spine.audit_log ORDER BY at, xid, n',
	places =>
	  q{SELECT tableoid::regclass, count(*) FROM spine.audit_log GROUP BY 1 ORDER BY tableoid::regclass::text},
	bounds =>
	  q{SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), c.relacl::text, obj_description(c.oid), EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND deptype = 'e')
		FROM pg_class c WHERE c.relispartition AND c.relnamespace = 'spine'::regnamespace ORDER BY 1},
	triggers =>
	  q{SELECT tgrelid::regclass, tgname, tgenabled, tgfoid::regprocedure FROM pg_trigger WHERE tgname = 'refuse_change' ORDER BY tgrelid::regclass::text},
	health => q{SELECT check_name, detail FROM spine.health() WHERE NOT ok});
my %expected = map { $_ => $node->safe_psql('postgres', $facts{$_}) } keys %facts;
is($expected{health}, '', 'all is well before the dump');

my $dump = File::Spec->catfile($node->backup_dir, 'dump');
mkdir $node->backup_dir;
command_ok([ 'pg_dump', '-Fd', '-f', $dump, $node->connstr('postgres') ],
	'pg_dump');
foreach my $jobs (1, 4)
{
	my $database = "restored_$jobs";

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	command_ok(
		[
			'pg_restore', '-e', '-j', $jobs, '-d',
			$node->connstr($database), $dump
		],
		"pg_restore -j$jobs has no error");
	is($node->safe_psql($database, $facts{$_}), $expected{$_}, "-j$jobs: $_")
	  foreach sort keys %facts;

	$node->safe_psql($database, 'SET ROLE keeper; UPDATE world.thing SET v = 2');
	is( $node->safe_psql($database,
			q{SET ROLE auditor; SELECT count(*) FROM spine.audit_log WHERE new ->> 'v' = '2'}),
		'500',
		"-j$jobs: audit goes on, and is read");
	my (undef, undef, $error) =
	  $node->psql($database, 'DELETE FROM spine.audit_log_y2020m01');
	like($error, qr/only grows/, "-j$jobs: the months are kept");
	is($node->safe_psql($database, 'SELECT spine.make_audit_months()'),
		'0', "-j$jobs: no month is missing");
}

# Old months go when the database says so.
my $rows = $node->safe_psql('postgres',
	q{SELECT count(*) FROM spine.audit_log WHERE dataset = 'old'});
is($rows, '100', 'old rows are there');
$node->safe_psql('postgres', q{ALTER DATABASE postgres SET spine.audit_keep = '2 years'});
$node->safe_psql('postgres', q{CALL spine.run_jobs('audit_retention')});
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM spine.audit_log WHERE dataset = 'old'}),
	'0',
	'spine.audit_keep removes them');
is( $node->safe_psql('postgres',
		q{SELECT count(*), sum((detail ->> 'rows')::int), string_agg(DISTINCT via, ' ') FROM spine.audit_trail WHERE action = 'retention'}),
	'4|100|audit_retention', 'and leaves a record');
is($node->safe_psql('postgres', $months), '4', 'the months are gone');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM spine.audit_log WHERE dataset = 'world.things'}),
	'1000', 'the others stay');

# A reader that holds the default partition makes the job give up, not wait.
$node->safe_psql('postgres', q{
	INSERT INTO spine.audit_log (at, xid, n, rev, dataset, action, actor, session_actor, via)
	VALUES (date_trunc('month', now()) - interval '3 months', '5', 1, 1, 'late', 'insert', 'x', 'x', 'direct')});
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN');
$reader->query_safe('SELECT count(*) FROM spine.audit_log');
$node->psql('postgres', q{CALL spine.run_jobs('audit_months')});
is( $node->safe_psql('postgres',
		q{SELECT ok, last_sqlstate FROM spine.job WHERE name = 'audit_months'}),
	'f|55P03', 'the job gives up where it would have to wait');
$reader->query_safe('COMMIT');
$reader->quit;
$node->safe_psql('postgres', q{CALL spine.run_jobs('audit_months')});
is( $node->safe_psql('postgres', $months), '5', 'and does it later');

$node->stop;
done_testing();
