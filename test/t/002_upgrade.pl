# ALTER EXTENSION UPDATE: from every version that was ever released, the
# upgraded extension equals a fresh one, by a fingerprint of the catalogs.
#
# That the fingerprint notices a difference is tested as well, with two made-up
# older versions: one whose update script does nothing needed, and one whose
# update script forgets something.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'needs a stage that it may write to (make check has one)'
  unless $ENV{SPINE_STAGE};

my ($share) = run_command([ 'pg_config', '--sharedir' ]);
my $scripts = "$ENV{SPINE_STAGE}$share/extension";
my ($current) =
  slurp_file("$scripts/spine.control") =~ /^default_version *= *'(.+)'/m;
my $install = slurp_file("$scripts/spine--$current.sql");
my $guard = qq{\\echo Use "ALTER EXTENSION spine UPDATE" to load this file. \\quit\n};

# Older versions that are really there, before any is made up.
my @released = grep { $_ ne $current }
  map { m{/spine--([0-9.]+)\.sql$} ? $1 : () } glob "$scripts/spine--*.sql";

# 0.0.1 is the current script; its update has nothing to do.  0.0.2 likewise,
# but its update changes something that a fresh install does not have.
append_to_file("$scripts/spine--0.0.1.sql", $install);
append_to_file("$scripts/spine--0.0.1--$current.sql", $guard);
append_to_file("$scripts/spine--0.0.2.sql", $install);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION spine');
my $fresh = fingerprint('fresh');
cmp_ok(scalar(split /\n/, $fresh), '>', 5, 'the fingerprint says something');

foreach my $version (@released, '0.0.1')
{
	is(upgraded_from($version), $fresh, "$version upgrades to $current");
}

# One difference of each kind that the fingerprint looks at.
my @forgotten = (
	[ 'a table', 'CREATE TABLE spine.planted (a int)' ],
	[ 'a function', q{CREATE FUNCTION spine.planted() RETURNS int
		LANGUAGE sql AS 'SELECT 1'} ],
	[ 'a privilege', 'GRANT CREATE ON SCHEMA spine TO pg_monitor' ],
	[ 'a comment', q{COMMENT ON SCHEMA spine IS 'planted'} ],
	[ 'a type', 'CREATE TYPE spine.planted AS (a int)' ],
	[ 'a sequence', 'CREATE SEQUENCE spine.planted' ],
	[ 'a view', 'CREATE VIEW spine.planted AS SELECT 1 AS a' ]);
foreach my $case (@forgotten)
{
	my ($what, $sql) = @$case;
	my $update = "$scripts/spine--0.0.2--$current.sql";
	unlink $update;
	append_to_file($update, "$guard$sql;\n");
	isnt(upgraded_from('0.0.2'), $fresh, "$what too many is noticed");
}

$node->stop;
done_testing();

# The fingerprint of a database whose extension came from an older version.
sub upgraded_from
{
	my ($version) = @_;

	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS upgraded');
	$node->safe_psql('postgres', 'CREATE DATABASE upgraded');
	$node->safe_psql('upgraded',
		"CREATE EXTENSION spine VERSION '$version'");
	$node->safe_psql('upgraded', 'ALTER EXTENSION spine UPDATE');
	return fingerprint('upgraded');
}

# What the catalogs say of the extension's objects, but for OIDs.
sub fingerprint
{
	my ($database) = @_;

	return $node->safe_psql($database, q{
SET search_path = pg_catalog;
CREATE TEMP VIEW member AS
	SELECT classid, objid FROM pg_depend d
	JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass
	  AND d.deptype = 'e' AND e.extname = 'spine';
CREATE TEMP VIEW relation AS
	SELECT objid FROM member WHERE classid = 'pg_class'::regclass;
-- objects, with comments and initial privileges
SELECT 'object', o.type, o.identity, obj_description(m.objid, c.relname),
	   (SELECT array_agg(a::text ORDER BY a::text)
		FROM pg_init_privs i, unnest(initprivs) a
		WHERE i.classoid = m.classid AND i.objoid = m.objid
		  AND i.objsubid = 0)
FROM member m JOIN pg_class c ON c.oid = m.classid,
	 pg_identify_object(m.classid, m.objid, 0) o
ORDER BY 2, 3;
-- privileges as they are
SELECT 'acl', nspname, (SELECT array_agg(a::text ORDER BY a::text)
						FROM unnest(nspacl) a)
FROM pg_namespace JOIN member ON objid = oid
WHERE classid = 'pg_namespace'::regclass ORDER BY 2;
SELECT 'acl', oid::regclass, relkind, relpersistence, reloptions,
	   relrowsecurity, pg_get_userbyid(relowner),
	   (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) a)
FROM pg_class WHERE oid IN (SELECT objid FROM relation)
ORDER BY oid::regclass::text COLLATE "C";
-- columns
SELECT 'column', attrelid::regclass, attnum, attname,
	   format_type(atttypid, atttypmod), attnotnull, attidentity,
	   attgenerated, attstorage, attcollation::regcollation, attacl,
	   pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)
FROM pg_attribute
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid IN (SELECT objid FROM relation) AND attnum > 0
  AND NOT attisdropped
ORDER BY attrelid::regclass::text COLLATE "C", attname;
-- constraints, indexes, triggers, rules, policies, partitions
SELECT 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid IN (SELECT objid FROM relation)
   OR contypid IN (SELECT objid FROM member)
ORDER BY conrelid::regclass::text COLLATE "C", conname;
SELECT 'index', pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid IN (SELECT objid FROM relation) ORDER BY 2;
SELECT 'trigger', tgenabled, pg_get_triggerdef(oid)
FROM pg_trigger WHERE tgrelid IN (SELECT objid FROM relation)
  AND NOT tgisinternal
ORDER BY 3;
SELECT 'rule', pg_get_ruledef(oid)
FROM pg_rewrite WHERE ev_class IN (SELECT objid FROM relation) ORDER BY 2;
SELECT 'policy', polrelid::regclass, polname, polcmd, polpermissive,
	   pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
FROM pg_policy WHERE polrelid IN (SELECT objid FROM relation) ORDER BY 2, 3;
SELECT 'inherits', inhrelid::regclass, inhparent::regclass,
	   pg_get_expr(relpartbound, inhrelid), pg_get_partkeydef(inhparent)
FROM pg_inherits JOIN pg_class ON oid = inhrelid
WHERE inhparent IN (SELECT objid FROM relation)
ORDER BY inhrelid::regclass::text COLLATE "C";
-- functions
SELECT 'function', pg_get_functiondef(oid), pg_get_userbyid(proowner),
	   (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(proacl) a)
FROM pg_proc JOIN member ON objid = oid
WHERE classid = 'pg_proc'::regclass AND prokind <> 'a'
ORDER BY oid::regprocedure::text COLLATE "C";
-- event triggers, enums, sequences
SELECT 'event trigger', evtname, evtevent, evtenabled, evttags,
	   evtfoid::regprocedure
FROM pg_event_trigger JOIN member ON objid = oid
WHERE classid = 'pg_event_trigger'::regclass ORDER BY 2;
SELECT 'enum', enumtypid::regtype, enumlabel
FROM pg_enum JOIN member ON objid = enumtypid
WHERE classid = 'pg_type'::regclass
ORDER BY enumtypid::regtype::text COLLATE "C", enumsortorder;
SELECT 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart,
	   seqincrement, seqmax, seqmin, seqcache, seqcycle
FROM pg_sequence WHERE seqrelid IN (SELECT objid FROM relation)
ORDER BY seqrelid::regclass::text COLLATE "C";
-- what is dumped, and the extension itself
SELECT 'config', t::regclass, extcondition[n]
FROM pg_extension, unnest(extconfig) WITH ORDINALITY AS u (t, n)
WHERE extname = 'spine' ORDER BY t::regclass::text COLLATE "C";
SELECT 'extension', extversion, extrelocatable, extnamespace::regnamespace
FROM pg_extension WHERE extname = 'spine';
	});
}
