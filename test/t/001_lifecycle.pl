# The life of the extension: create, dump and restore, drop and create again,
# a second database, and a schema that somebody else made first.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# All that belongs to the extension, as "kind name" lines.
my $members = q{
	SELECT pg_catalog.pg_describe_object(classid, objid, 0)
	FROM pg_catalog.pg_depend
	WHERE refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
	  AND refobjid = (SELECT oid FROM pg_catalog.pg_extension
					  WHERE extname = 'spine')
	  AND deptype = 'e'
	ORDER BY 1};

# What is in the schema, or is the schema, whether a member or not.
my $traces = q{
	SELECT (SELECT count(*) FROM pg_catalog.pg_namespace
			WHERE nspname = 'spine')
		 + (SELECT count(*) FROM pg_catalog.pg_proc
			WHERE prosrc LIKE 'spine\_%' OR probin LIKE '%spine%')
		 + (SELECT count(*) FROM pg_catalog.pg_event_trigger
			WHERE evtname LIKE '%spine%')
		 + (SELECT count(*) FROM pg_catalog.pg_trigger
			WHERE tgname LIKE '%spine%')};

# Create.
$node->safe_psql('postgres', 'CREATE EXTENSION spine');
my $created = $node->safe_psql('postgres', $members);
like($created, qr/^schema spine$/m, 'the extension owns its schema');
is( $node->safe_psql(
		'postgres',
		q{SELECT extnamespace::pg_catalog.regnamespace, extrelocatable
		  FROM pg_catalog.pg_extension WHERE extname = 'spine'}),
	'pg_catalog|f',
	'the extension cannot be moved to another schema');

# A second database is independent of the first.
$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION spine');
is($node->safe_psql('second', $members),
	$created, 'a second database gets the same');

# Drop leaves nothing, and create works again.
$node->safe_psql('second', 'DROP EXTENSION spine');
is($node->safe_psql('second', $traces), '0', 'DROP EXTENSION leaves nothing');
$node->safe_psql('second', 'CREATE EXTENSION spine');
is($node->safe_psql('second', $members), $created, 'created again');
$node->safe_psql('postgres', 'DROP DATABASE second');

# Dump and restore.
my $dump = $node->basedir . '/spine.dump';
$node->command_ok(
	[ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ],
	'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(
	[
		'pg_restore', '-e', '-j4', '-d', $node->connstr('restored'), $dump
	],
	'pg_restore -j4');
is($node->safe_psql('restored', $members), $created, 'restored the same');
is(schema_dump('restored'), schema_dump('postgres'),
	'the restored database dumps the same');

# Somebody who may create schemas was there first.
$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	CREATE DATABASE attacked;
	GRANT CREATE ON DATABASE attacked TO mallory});
$node->safe_psql('attacked', q{
	SET SESSION AUTHORIZATION mallory;
	CREATE SCHEMA spine;
	CREATE FUNCTION spine.validate(jsonb) RETURNS text
		LANGUAGE sql AS 'SELECT ''mine''';
	CREATE TABLE spine.revision (rev int);
	CREATE TYPE spine.finding AS (x int)});
my ($rc, $out, $err) = $node->psql('attacked', 'CREATE EXTENSION spine');
isnt($rc, 0, 'CREATE EXTENSION fails if the schema is there');
like($err, qr/schema "spine" already exists/, 'and says why');
is($node->safe_psql('attacked', $members), '', 'nothing was adopted');
is( $node->safe_psql(
		'attacked',
		q{SELECT count(*) FROM pg_catalog.pg_class c
		  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		  WHERE nspname = 'spine'
			AND relowner <> 'mallory'::pg_catalog.regrole}),
	'0', 'nothing was added to the schema');

# The same by way of CREATE EXTENSION ... SCHEMA, and as no superuser.
($rc, $out, $err) =
  $node->psql('attacked', 'CREATE EXTENSION spine SCHEMA public');
isnt($rc, 0, 'CREATE EXTENSION fails in another schema');
($rc, $out, $err) = $node->psql('postgres', q{
	CREATE DATABASE plain OWNER mallory});
($rc, $out, $err) = $node->psql('plain', q{
	SET SESSION AUTHORIZATION mallory;
	CREATE EXTENSION spine});
like($err, qr/permission denied to create extension "spine"/,
	'only a superuser creates it');

$node->stop;
done_testing();

# A plain dump without the lines that differ from run to run.
sub schema_dump
{
	my ($database) = @_;
	my ($stdout, $stderr) = run_command(
		[ 'pg_dump', '-d', $node->connstr($database) ]);
	return join "\n", grep { !/^\\(un)?restrict / } split /\n/, $stdout;
}
