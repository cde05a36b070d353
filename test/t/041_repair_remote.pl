# A copy on another server is repaired there: by its own function, in one
# transaction with its own journal, whatever crashes meanwhile.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = PostgreSQL::Test::Cluster->new('here');
my $there = PostgreSQL::Test::Cluster->new('there');
foreach my $node ($here, $there)
{
	$node->init;
	$node->append_conf('postgresql.conf', q{
autovacuum = off
lc_monetary = 'C'
log_min_messages = fatal
});
	$node->start;
	$node->safe_psql('postgres', q{
		CREATE EXTENSION spine;
		CREATE ROLE shop;
		CREATE ROLE keeper LOGIN;
		CREATE ROLE stranger LOGIN});
}

# The copy has columns of its own, generated ones, no unique key in a second
# one, and a document on its own node that guards it.
$there->safe_psql('postgres', q{
	SET timezone = 'Asia/Tokyo';
	CREATE SCHEMA shop;
	CREATE TABLE shop."the copy" (id bigint PRIMARY KEY, name text, at timestamptz, raw bytea,
		twice bigint GENERATED ALWAYS AS (id * 2) STORED, own text DEFAULT 'own');
	CREATE TABLE shop.bag (id int, name text);
	GRANT USAGE ON SCHEMA shop TO keeper, stranger;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO keeper;
	GRANT SELECT ON ALL TABLES IN SCHEMA shop TO stranger;
	INSERT INTO shop."the copy" (id, name, at, raw) SELECT i, 'name ' || i, '2024-01-01 00:00:00+00'::timestamptz + i * interval '1.5 days', decode(md5(i::text), 'hex')
	  FROM generate_series(1, 500) i WHERE i % 50 <> 0;
	UPDATE shop."the copy" SET name = NULL, own = 'mine' WHERE id % 7 = 1 AND id < 50;
	UPDATE shop."the copy" SET at = at + interval '1 microsecond', raw = '\x' WHERE id = 60;
	INSERT INTO shop."the copy" (id, name) VALUES (1000, 'it''s \ extra');
	INSERT INTO shop.bag SELECT i % 10, 'x' FROM generate_series(1, 100) i;
	INSERT INTO shop.bag VALUES (1, 'x'), (1, 'x'), (77, 'y');
	DELETE FROM shop.bag WHERE ctid = (SELECT min(ctid) FROM shop.bag WHERE id = 2)});

my $port = $there->port;
my $host = $there->host;
my $document = q[{"kind": "DataSpine", "apiVersion": "spine/v1",
	"stores": {"main": {"kind": "postgres"SERVER1}, "far": {"kind": "postgres"SERVER2}},
	"parties": {"shop": {"kind": "team", "role": "shop"}, "keeper": {"kind": "team", "role": "keeper"}},
	"contexts": {"shop": {"owner": "shop", "datasets": {
		"items": {"relation": "shop.item", "sot": {"store": "main"}, "enforcement": "enforce",
			"replicas": {"copy": {"store": "far", "locator": "shop.\"the copy\"", "owner": "keeper", "flow": "logical_replication", "repair": {"max_rows": 50},
				"columns": {"id": "id", "name": "name", "at": "at", "raw": "raw", "twice": "(id * 2)::bigint"}}}},
		"lines": {"relation": "shop.line", "sot": {"store": "main"}, "enforcement": "enforce",
			"replicas": {"bag": {"store": "far", "locator": "shop.bag", "owner": "keeper", "flow": "etl",
				"columns": {"id": "item", "name": "name"}}}}}}}}];

sub document
{
	my ($first, $second) = @_;
	return $document =~ s/SERVER1/$first/r =~ s/SERVER2/$second/r;
}

$here->safe_psql('postgres', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres');
	CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'keeper');
	CREATE SCHEMA shop;
	CREATE TABLE shop.item (id int PRIMARY KEY, name text, at timestamptz, raw bytea);
	CREATE TABLE shop.line (id int PRIMARY KEY, item int, name text);
	ALTER TABLE shop.item OWNER TO shop;
	ALTER TABLE shop.line OWNER TO shop;
	GRANT USAGE ON SCHEMA shop TO shop});
$here->safe_psql('postgres', 'SELECT spine.apply(' . "'" . (document('', ', "server": "far"') =~ s/'/''/gr) . "')");
$here->safe_psql('postgres', q{
	SET ROLE shop;
	INSERT INTO shop.item SELECT i, 'name ' || i, '2024-01-01 00:00:00+00'::timestamptz + i * interval '1.5 days', decode(md5(i::text), 'hex') FROM generate_series(1, 500) i;
	INSERT INTO shop.line SELECT i, i % 10, 'x' FROM generate_series(1, 100) i});
# On the other node "far" is this database.
$there->safe_psql('postgres', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw;
	ALTER DATABASE postgres SET spine.store = 'far';
	ALTER ROLE keeper SET default_transaction_isolation = 'serializable'});
$there->safe_psql('postgres', 'SELECT spine.apply(' . "'" . (document(', "server": "here"', '') =~ s/'/''/gr) . "')");

my ($status, $out, $err) = $there->psql('postgres', q{SET ROLE keeper; DELETE FROM shop."the copy"});
like($err, qr/may not write "copy"/, 'the copy is guarded on its node');

my $image = q{SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM shop."the copy" c};
my $before = $there->safe_psql('postgres', $image);
is($here->safe_psql('postgres', q{SELECT verdict, drifted FROM spine.check_replica('shop.items.copy')}),
	'drift|19', 'drift is found');

# Dry run.
my $dry = $here->safe_psql('postgres', q{SELECT statement FROM spine.repair_replica('shop.items.copy') WHERE key = '{"id": 1}' AND outcome = 'proposed'});
like($dry, qr/^UPDATE shop\."the copy" AS row_ SET name = 'name 1' WHERE row_\.id OPERATOR/, 'the statement that would be run there');
is($there->safe_psql('postgres', $image), $before, 'and nothing is done');

# A lock there holds the repair; either server is cut off.
my $repair = q{SELECT action, count(*), outcome FROM spine.repair_replica('shop.items.copy', false) GROUP BY 1, 3 ORDER BY 1};

# Hold something on a node until the other's statement runs into it.
sub hold
{
	my ($node, $lock) = @_;
	my $holder = $node->background_psql('postgres');
	my $victim = $here->background_psql('postgres', on_error_stop => 0);

	$holder->query_safe("BEGIN; $lock");
	$victim->query_until(qr/started/, "\\echo started\n$repair;\n");
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()})
	  or die "the repair did not run into the lock";
	return ($holder, $victim);
}

my ($holder, $victim) = hold($there, q{SELECT FROM shop."the copy" WHERE id = 43 FOR UPDATE});
$there->stop('immediate');
eval { $victim->quit; };
eval { $holder->quit; };
$there->start;
is($there->safe_psql('postgres', $image), $before, 'the copy\'s server is cut off: nothing is left there');
is($there->safe_psql('postgres', 'SELECT count(*) FROM spine.repair_run'), '1', 'nor in its journal (but the dry run)');
is($here->safe_psql('postgres', 'SELECT count(*) FROM spine.repair_run'), '1', 'nor here');

($holder, $victim) = hold($there, q{SELECT FROM shop."the copy" WHERE id = 43 FOR UPDATE});
$here->stop('immediate');
eval { $victim->quit; };
$here->start;
$holder->query_safe('ROLLBACK');
$holder->quit;
$there->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'spine'})
  or die "the other server's session did not end";
# Whether that session noticed in time is for it to know: all or nothing.
my $left = $there->safe_psql('postgres', 'SELECT coalesce(sum(repaired), 0) FROM spine.repair_run');
my $drift = $here->safe_psql('postgres', q{SELECT drifted FROM spine.check_replica('shop.items.copy')});
ok(($left == 0 && $drift == 19) || ($left == 19 && $drift == 0), "the source's server is cut off: all ($left) or nothing");
is($there->safe_psql('postgres', q{SELECT count(*) FROM spine.undo_repair((SELECT token FROM spine.repair_run WHERE repaired > 0))}),
	$left, 'what is there is taken back by its token') if $left > 0;

# Cut off between the commit there and the one here.
$here->safe_psql('postgres', q{SELECT spine.check_replica('shop.items.copy')});
($holder, $victim) = hold($here, 'LOCK spine.check_log IN SHARE MODE');
$here->stop('immediate');
eval { $victim->quit; };
eval { $holder->quit; };
$here->start;
is($here->safe_psql('postgres', 'SELECT count(*) FROM spine.repair_run WHERE NOT dry_run'), '0', 'cut off between both commits: this node knows nothing');
is($there->safe_psql('postgres', 'SELECT repaired FROM spine.repair_run ORDER BY run_id DESC LIMIT 1'), '19', 'the other has all of it');
is($here->safe_psql('postgres', q{SELECT verdict FROM spine.check_replica('shop.items.copy')}), 'equal', 'which a check proves');
is($there->safe_psql('postgres', q{SELECT outcome, count(*) FROM spine.undo_repair((SELECT token FROM spine.repair_run ORDER BY run_id DESC LIMIT 1)) GROUP BY 1}),
	'restored|19', 'and its token takes back');
is($there->safe_psql('postgres', $image), $before, 'to the last column');

# Now without a crash, and undone from here.
$here->safe_psql('postgres', q{SELECT spine.check_replica('shop.items.copy')});
is($here->safe_psql('postgres', $repair), "delete|1|repaired\ninsert|10|repaired\nupdate|8|repaired", 'repaired');
is($here->safe_psql('postgres', q{SELECT verdict, repaired, failed, server FROM spine.repair_log WHERE NOT dry_run}), 'equal|19|0|far', 'and proved');
is($there->safe_psql('postgres', q{SELECT count(*) FROM shop."the copy" WHERE own = 'mine'}), '7', 'columns that are not mapped are left alone');
is( $there->safe_psql('postgres', q{SELECT actor, repaired FROM spine.repair_log ORDER BY run_id DESC LIMIT 1}),
	'keeper|19', 'the journal there says as whom');
is( $here->safe_psql('postgres', q{SELECT count(*), count(old_row), count(new_row) FROM spine.repair_rows((SELECT max(run_id) FROM spine.repair_run))}),
	'19|0|0', 'values are not kept here');
is( $there->safe_psql('postgres', q{SELECT count(old_row), count(new_row) FROM spine.repair_rows((SELECT max(run_id) FROM spine.repair_run))}),
	'9|18', 'but there');
is($there->safe_psql('postgres', q{SELECT count(*) FROM spine.audit_log WHERE via = 'repair' AND action = 'insert' AND detail ->> 'run' = (SELECT max(run_id)::text FROM spine.repair_run)}),
	'10', 'the audit log there has each row');
my $run = $here->safe_psql('postgres', 'SELECT max(run_id) FROM spine.repair_run');
is($here->safe_psql('postgres', "SELECT outcome, count(*) FROM spine.undo_repair($run) GROUP BY 1"), 'restored|19', 'undone from here');
is($there->safe_psql('postgres', $image), $before, 'to the last column');
is($here->safe_psql('postgres', "SELECT count(*) FROM spine.undo_repair($run)"), '0', 'undoing twice does nothing');
is($here->safe_psql('postgres', 'SELECT undone_run IS NOT NULL FROM spine.repair_log WHERE run_id = ' . $run), 't', 'which the log shows');

# A row that changes between the look and the write.
$there->safe_psql('postgres', q{ALTER TABLE shop."the copy" DISABLE TRIGGER "~spine_replica"});
($holder, $victim) = hold($there, q{UPDATE shop."the copy" SET name = 'changed' WHERE id = 1});
$holder->query_safe('COMMIT');
$holder->quit;
$victim->quit;
$there->safe_psql('postgres', q{ALTER TABLE shop."the copy" ENABLE ALWAYS TRIGGER "~spine_replica"});
is($there->safe_psql('postgres', q{SELECT name FROM shop."the copy" WHERE id = 1}), 'changed', 'a row that changes meanwhile is left alone');
is($here->safe_psql('postgres', 'SELECT repaired, skipped FROM spine.repair_log ORDER BY run_id DESC LIMIT 1'), '18|1', 'and skipped');

# Without a key.
is($here->safe_psql('postgres', q{SELECT verdict, drifted FROM spine.check_replica('shop.lines.bag')}), 'drift|4', 'rows without a key drift');
is($here->safe_psql('postgres', q{SELECT action, count(*), outcome FROM spine.repair_replica('shop.lines.bag', false) GROUP BY 1, 3 ORDER BY 1}),
	"delete|3|repaired\ninsert|1|repaired", 'and are repaired by number');
is($here->safe_psql('postgres', q{SELECT verdict FROM spine.check_replica('shop.lines.bag')}), 'equal', 'which a check proves');

# Who may not write there.
$here->safe_psql('postgres', q{SELECT spine.check_replica('shop.items.copy'); ALTER USER MAPPING FOR postgres SERVER far OPTIONS (SET user 'stranger')});
($status, $out, $err) = $here->psql('postgres', q{SELECT * FROM spine.repair_replica('shop.items.copy', false)});
isnt($status, 0, 'who may only read there repairs nothing');
like($err, qr/permission denied/, 'and is told');
$here->safe_psql('postgres', q{ALTER USER MAPPING FOR postgres SERVER far OPTIONS (SET user 'keeper')});
$there->stop;
($status, $out, $err) = $here->psql('postgres', q{SELECT * FROM spine.repair_replica('shop.items.copy', false)});
isnt($status, 0, 'a server that is not there is an error');
$here->stop;
done_testing();
