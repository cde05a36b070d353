# The DDL guard lets a restore pass without a word, whatever the order in which
# it brings tables, rows, document and triggers, and tells what
# --disable-triggers leaves behind.

use strict;
use warnings;

use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# (No invariant: a NOT VALID constraint of a partitioned table may deadlock
# pg_restore -j, with or without spine.)
# A partitioned table with rows in a late state, a child table, and triggers of
# others, of which the dataset names one.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE maker;
	CREATE SCHEMA w;
	CREATE TABLE w.doc (id int PRIMARY KEY, status text NOT NULL, body text)
		PARTITION BY RANGE (id);
	CREATE TABLE w.doc_1 PARTITION OF w.doc FOR VALUES FROM (0) TO (100);
	CREATE TABLE w.doc_2 (body text, status text NOT NULL, id int NOT NULL);
	ALTER TABLE w.doc ATTACH PARTITION w.doc_2 FOR VALUES FROM (100) TO (200);
	CREATE TABLE w.line (doc int, n int, PRIMARY KEY (doc, n));
	INSERT INTO w.doc SELECT i, 'final', 'x' FROM generate_series(0, 199) i;
	CREATE FUNCTION w.touch() RETURNS trigger LANGUAGE plpgsql
		AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER declared BEFORE UPDATE ON w.doc
		FOR EACH ROW EXECUTE FUNCTION w.touch();
	CREATE TRIGGER also_undeclared AFTER UPDATE ON w.doc
		FOR EACH ROW EXECUTE FUNCTION w.touch();
	CREATE TRIGGER undeclared BEFORE INSERT ON w.line
		FOR EACH ROW EXECUTE FUNCTION w.touch();
	CREATE RULE quiet AS ON INSERT TO w.line WHERE new.n < 0 DO INSTEAD NOTHING;
});
$node->safe_psql(
	'postgres', q{SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"parties": {"maker": {"kind": "team", "role": "maker"}},
		"contexts": {"w": {"owner": "maker", "datasets": {"docs":
			{"relation": "w.doc", "triggers": ["declared"], "lifecycle": {"governing": "status",
			 "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"]}}, "final": {"terminal": true}},
			 "transitions": {"draft -> final": {"by": ["maker"]}},
			 "children": {"lines": {"relation": "w.line", "via": ["doc"], "write": {"draft": ["maker"]}}}}}}}}}')});

my $logged =
  q{SELECT coalesce(string_agg(detail::text, ' '), '') FROM spine.audit_trail WHERE action = 'ddl'};
my $guards =
  q{SELECT detail FROM spine.health() WHERE check_name IN ('guards', 'functions', 'triggers') ORDER BY check_name};
is($node->safe_psql('postgres', $logged), '', 'nothing was logged at first');
my $expected = $node->safe_psql('postgres', $guards);
like($expected, qr/all guarded/, 'all is guarded at first');

mkdir $node->backup_dir;
my $dump = File::Spec->catfile($node->backup_dir, 'dump');
command_ok([ 'pg_dump', '-Fd', '-f', $dump, $node->connstr('postgres') ],
	'pg_dump');
foreach my $how ([ '-j', 1 ], [ '-j', 4 ], ['-1'])
{
	my $name = join '', 'restored', map { s/\W//gr } @$how;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	command_ok(
		[ 'pg_restore', '-e', @$how, '-d', $node->connstr($name), $dump ],
		"pg_restore @$how");
	# With several jobs a trigger of others may come after the guard's: then
	# it is one that was put on a governed table.
	my $log = $node->safe_psql($name, $logged);
	$log =~ s/\{"command": "(CREATE TRIGGER|CREATE RULE)"[^}]*\}\s*//g
	  if $how->[-1] eq '4';
	is($log, '', "pg_restore @$how logs nothing");
	is($node->safe_psql($name, $guards),
		$expected, "pg_restore @$how: as it was");
}

# Rows past the guard: the superuser's way, and it shows.
$node->safe_psql('postgres', 'CREATE DATABASE past_it TEMPLATE restored1');
$node->safe_psql('past_it', 'TRUNCATE spine.state_entry');
command_ok(
	[
		'pg_restore', '-e', '--data-only', '--disable-triggers',
		'-t', 'line', '-d', $node->connstr('past_it'), $dump
	],
	'pg_restore --data-only --disable-triggers');
like(
	$node->safe_psql('past_it', $logged),
	qr/disable trigger \\"~spine_guard\\" of governed table \\"w\.line\\"/,
	'the triggers that it disabled are logged');
is( $node->safe_psql(
		'past_it', q{SELECT ok FROM spine.health() WHERE check_name = 'guards'}),
	'f',
	'and not ENABLE ALWAYS any more');
$node->safe_psql('past_it', 'SELECT spine.apply(spine.export())');
is( $node->safe_psql(
		'past_it', q{SELECT ok FROM spine.health() WHERE check_name = 'guards'}),
	't',
	'until the document is applied');

$node->stop;
done_testing();
