# A dump carries the revisions; the projection comes back by itself, in any
# order and with several jobs, and what was exported is exported again.

use strict;
use warnings;

use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $head = '"kind": "DataSpine", "apiVersion": "spine/v1"';

# 40 contexts of 10 datasets, some with tables that hold rows.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE clerk LOGIN;
	CREATE SCHEMA shop;
	CREATE TABLE shop.sale (id int PRIMARY KEY, status text NOT NULL,
							note text) PARTITION BY RANGE (id);
	CREATE TABLE shop.sale_1 PARTITION OF shop.sale FOR VALUES FROM (0) TO (1000);
	CREATE TABLE shop.sale_2 PARTITION OF shop.sale FOR VALUES FROM (1000) TO (2000);
	CREATE TABLE shop.line (id int PRIMARY KEY, sale int REFERENCES shop.sale);
	INSERT INTO shop.sale SELECT i, 'gone', 'x' FROM generate_series(0, 1999) i;
	INSERT INTO shop.line SELECT i, i FROM generate_series(0, 1999) i;
});
$node->safe_psql(
	'postgres', qq{
	SELECT spine.apply(jsonb_build_object('contexts', (
		SELECT jsonb_object_agg('c' || c, jsonb_build_object('owner', 'clerk', 'datasets', (
			SELECT jsonb_object_agg('d' || d, jsonb_build_object('description', 'Dataset ' || d,
				'attributes', '{"a": {}, "b": {"description": "two"}}'::jsonb))
			FROM generate_series(1, 10) d)))
		FROM generate_series(1, 40) c))
	|| '{$head, "parties": {"clerk": {"kind": "team", "role": "clerk"}}, "terms": {"pii": {"email": {}}}}', 'first');
	SELECT spine.apply('{$head, "contexts": {"shop": {"owner": "clerk", "datasets": {"sales":
		{"relation": "shop.sale", "lifecycle": {"governing": "status",
			"states": {"open": {"initial": true, "owner": "clerk", "write": {"*": ["clerk"]}}, "gone": {"terminal": true}},
			"transitions": {"open -> gone": {"by": ["clerk"]}},
			"children": {"lines": {"relation": "shop.line", "via": ["sale"], "write": {"open": ["clerk"]}}}}}}}}}', 'second');
	SELECT spine.apply('{$head, "contexts": {"c7": {"description": "changed"}}}', 'third');
});

# What must be the same afterwards.
my %facts = (
	document => 'SELECT spine.export()',
	revisions =>
	  'SELECT rev, at, author, message, sha256, parent_sha256 FROM spine.revision ORDER BY rev',
	assets =>
	  'SELECT asset, kind, parent, name, owner, relation, relid::regclass, definition, local FROM spine.asset ORDER BY asset, kind',
	parties =>
	  'SELECT party, kind, role, roleid::regrole, definition FROM spine.party ORDER BY party',
	entries => 'SELECT * FROM spine.entry ORDER BY section, name',
	shown => 'SELECT * FROM spine.projection',
	rows => 'SELECT count(*), sum(id) FROM shop.sale',
	plan => 'SELECT * FROM spine.plan(spine.export())',
	health => 'SELECT check_name, detail FROM spine.health() WHERE NOT ok',
	triggers =>
	  q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname LIKE '~spine%' ORDER BY tgrelid::regclass::text, tgname});
my %expected = map { $_ => $node->safe_psql('postgres', $facts{$_}) } keys %facts;
is($expected{plan}, '', 'nothing is left to do before the dump');
is($expected{health}, '', 'all is well before the dump');

sub compare
{
	my ($database, $how) = @_;

	foreach my $fact (sort keys %facts)
	{
		is($node->safe_psql($database, $facts{$fact}),
			$expected{$fact}, "$how: $fact");
	}
	my ($status, undef, $stderr) = $node->psql($database,
		q{UPDATE shop.sale SET note = 'y' WHERE id = 5});
	isnt($status, 0, "$how: the guard refuses");
	like($stderr, qr/\S/, "$how: and says why");
	$node->safe_psql($database,
		qq{SELECT spine.apply('{$head, "contexts": {"c8": {"description": "after"}}}')}
	);
	is( $node->safe_psql(
			$database, q{SELECT rev FROM spine.asset WHERE asset = 'c8'}),
		'4',
		"$how: applying goes on");
}

# A dump in the directory format, restored with one and with four jobs.
my $dump = File::Spec->catfile($node->backup_dir, 'dump');
mkdir $node->backup_dir;
command_ok([ 'pg_dump', '-Fd', '-f', $dump, $node->connstr('postgres') ],
	'pg_dump');
foreach my $jobs (1, 4)
{
	$node->safe_psql('postgres', "CREATE DATABASE restored_$jobs");
	command_ok(
		[
			'pg_restore', '-e', '-j', $jobs, '-d',
			$node->connstr("restored_$jobs"), $dump
		],
		"pg_restore -j$jobs has no error");
	compare("restored_$jobs", "pg_restore -j$jobs");
}

# Section by section.
$node->safe_psql('postgres', 'CREATE DATABASE sections');
foreach my $section (qw(pre-data data post-data))
{
	command_ok(
		[
			'pg_restore', '-e', "--section=$section", '-d',
			$node->connstr('sections'), $dump
		],
		"pg_restore --section=$section");
}
compare('sections', 'by sections');

# A plain dump, read by psql.
my $plain = File::Spec->catfile($node->backup_dir, 'plain.sql');
command_ok([ 'pg_dump', '-f', $plain, $node->connstr('postgres') ],
	'pg_dump, plain');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok(
	[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $plain, '-d',
		$node->connstr('plain') ],
	'psql reads it');
compare('plain', 'plain dump');

# Only the revisions, into a database without tables and roles: what is
# missing is said, not raised, and is found once it is there.
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql('bare', 'CREATE EXTENSION spine');
command_ok(
	[
		'pg_restore', '-e', '--data-only', '--schema=spine', '-t', 'revision',
		'-d', $node->connstr('bare'), $dump
	],
	'the revisions alone');
is($node->safe_psql('bare', 'SELECT spine.export()'),
	$expected{document}, 'the revisions alone: export');
is( $node->safe_psql(
		'bare',
		'SELECT check_name FROM spine.health() WHERE NOT ok ORDER BY 1'),
	'relations',
	'the revisions alone: the missing table is told');
is($node->safe_psql('bare', 'SELECT count(*) FROM spine.asset'),
	$node->safe_psql('postgres', 'SELECT count(*) FROM spine.asset'),
	'the revisions alone: all assets');

$node->stop;
done_testing();
