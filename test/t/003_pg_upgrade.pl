# pg_upgrade of a cluster that has the extension, to the same major version:
# the schema goes through a binary-upgrade dump, which is where extensions
# with columns of type reg* and the like fail.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($bindir) = run_command([ 'pg_config', '--bindir' ]);

# From 18 on a staged extension is found by dynamic_library_path, which
# pg_upgrade's own check of the libraries does not follow.
my ($libdir) = run_command([ 'pg_config', '--pkglibdir' ]);
my ($version) = run_command([ 'pg_config', '--version' ]);
plan skip_all => 'needs an installed spine.so on PostgreSQL 18'
  if $version =~ / (\d+)/ && $1 >= 18 && !-e "$libdir/spine.so";

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->start;
$old->safe_psql('postgres', 'CREATE EXTENSION spine');
prepare($old);
my $before = observe($old);
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;

chdir $PostgreSQL::Test::Utils::tmp_check;
my ($stdout, $stderr) = run_command(
	[
		'pg_upgrade', '--no-sync',
		'-d', $old->data_dir, '-D', $new->data_dir,
		'-b', $bindir, '-B', $bindir,
		'-s', $new->host, '-p', $old->port, '-P', $new->port
	]);
unless (like($stdout, qr/^Upgrade Complete$/m, 'pg_upgrade'))
{
	diag($stdout, $stderr);
	diag(slurp_file($_))
	  foreach glob $new->data_dir . '/pg_upgrade_output.d/*/*.{txt,log}';
	BAIL_OUT('nothing to compare');
}

$new->start;
is(observe($new), $before, 'the new cluster shows what the old one showed');
check($new);
$new->stop;
done_testing();

# Put something into the old cluster that has to survive: governed tables,
# one of them partitioned, with rows in a late state.
sub prepare
{
	my ($node) = @_;
	$node->safe_psql('postgres', q{
		CREATE ROLE maker;
		CREATE ROLE keeper;
		CREATE SCHEMA old_world;
		CREATE TABLE old_world.doc (id int PRIMARY KEY,
			status text NOT NULL DEFAULT 'draft', body text);
		CREATE TABLE old_world.part (id int, status text, body text,
			PRIMARY KEY (id, status)) PARTITION BY LIST (status);
		CREATE TABLE old_world.part_a PARTITION OF old_world.part
			FOR VALUES IN ('draft');
		CREATE TABLE old_world.part_b PARTITION OF old_world.part DEFAULT;
		GRANT USAGE ON SCHEMA old_world TO PUBLIC;
		GRANT ALL ON ALL TABLES IN SCHEMA old_world TO PUBLIC});
	$node->safe_psql('postgres', 'SELECT spine.apply($json$'
		  . document() . '$json$)');
	$node->safe_psql('postgres', q{
		SET ROLE maker;
		INSERT INTO old_world.doc (id, body) VALUES (1, 'one'), (2, 'two');
		INSERT INTO old_world.part VALUES (1, 'draft', 'one');
		UPDATE old_world.doc SET status = 'final' WHERE id = 1;
		UPDATE old_world.part SET status = 'final' WHERE id = 1});
	return;
}

# Two datasets of one lifecycle, on a plain and on a partitioned table.
sub document
{
	my $lifecycle = q{"lifecycle": {"governing": "status", "states": {
		"draft": {"initial": true, "owner": "maker",
			"write": {"*": ["maker"]}},
		"final": {"terminal": true, "write": {"body": ["keeper"]}}},
		"transitions": {"draft -> final": {"by": ["maker"],
			"handoff": [{"emit": "Finalised"}]}}}};
	my $datasets = join ', ', map {
		qq{"$_": {"relation": "old_world.$_", "key": ["id"],
			"sot": {"store": "main", "locator": "old_world.$_"}, $lifecycle}}
	} qw(doc part);
	return qq({"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"maker": {"kind": "team", "role": "maker"},
			"keeper": {"kind": "team", "role": "keeper"}},
		"contexts": {"old": {"owner": "maker", "datasets": {$datasets}}}});
}

# A statement by a role must be refused with this SQLSTATE.
sub refused
{
	my ($node, $role, $sql, $sqlstate) = @_;
	my ($status, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY sqlstate\nSET ROLE $role;\n$sql");
	like($err, qr/ERROR:  $sqlstate/, "$role may not: $sql");
	return;
}

# What must be the same before and after, as text.
sub observe
{
	my ($node) = @_;
	my $members = $node->safe_psql('postgres', q{
		SELECT pg_catalog.pg_describe_object(classid, objid, 0)
		FROM pg_catalog.pg_depend
		JOIN pg_catalog.pg_extension e ON e.oid = refobjid
		WHERE refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
		  AND extname = 'spine' AND deptype = 'e'
		ORDER BY 1});
	# The rows of every table that the extension asks to be dumped.
	my $rows = '';
	foreach my $table (split /\n/, $node->safe_psql('postgres', q{
		SELECT t::pg_catalog.regclass
		FROM pg_catalog.pg_extension, pg_catalog.unnest(extconfig) t
		JOIN pg_catalog.pg_class c ON c.oid = t AND relkind IN ('r', 'p')
		WHERE extname = 'spine' ORDER BY 1}))
	{
		$rows .= "$table\n"
		  . $node->safe_psql('postgres',
			qq{SELECT t::text FROM $table t ORDER BY t::text COLLATE "C"})
		  . "\n";
	}
	return "$members\n$rows";
}

# What must work in the new cluster.
sub check
{
	my ($node) = @_;
	is( $node->safe_psql(
			'postgres',
			q{SELECT count(*) FROM pg_catalog.pg_extension
			  WHERE extname = 'spine'}),
		'1', 'the extension is there');
	foreach my $table (qw(old_world.doc old_world.part))
	{
		refused($node, 'maker', "UPDATE $table SET body = 'x' WHERE id = 1",
			'42501');
		refused($node, 'maker', "UPDATE $table SET status = 'draft' WHERE id = 1",
			'SP001');
		$node->safe_psql('postgres',
			"SET ROLE keeper; UPDATE $table SET body = 'kept' WHERE id = 1");
	}
	is( $node->safe_psql(
			'postgres', q{SELECT string_agg(check_name, ' ')
			FROM spine.health() WHERE NOT ok}),
		'', 'health has nothing to say');
	is( $node->safe_psql(
			'postgres', q{SELECT count(*) FROM spine.plan(spine.export())}),
		'0', 'nothing to plan');
	$node->safe_psql('postgres', 'SELECT spine.detach_all()');
	$node->safe_psql('postgres', 'DROP EXTENSION spine; CREATE EXTENSION spine');
	return;
}
