# Copies behind foreign tables and views are repaired through them.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "log_min_messages = fatal\n");
$node->start;
my ($port, $host) = ($node->port, $node->host);
$node->safe_psql('postgres', 'CREATE DATABASE away');
$node->safe_psql('away', q{
	CREATE TABLE item (id int PRIMARY KEY, name text, at timestamptz, own text DEFAULT 'own');
	CREATE TABLE bag (id int, name text);
	INSERT INTO item SELECT i, 'name ' || i, '2024-01-01 00:00:00+00' FROM generate_series(1, 20) i;
	UPDATE item SET name = 'wrong', own = 'mine' WHERE id = 3;
	DELETE FROM item WHERE id = 4;
	INSERT INTO item VALUES (99, 'extra', NULL, 'kept');
	INSERT INTO bag SELECT 1 + i % 2, 'x' FROM generate_series(1, 6) i;
	INSERT INTO bag VALUES (9, 'extra')});
$node->safe_psql('postgres', qq{
	CREATE EXTENSION spine;
	CREATE EXTENSION postgres_fdw;
	CREATE ROLE shop;
	CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'away');
	CREATE USER MAPPING FOR postgres SERVER away;
	CREATE SCHEMA shop;
	CREATE TABLE shop.item (id int PRIMARY KEY, name text, at timestamptz);
	CREATE TABLE shop.line (id int PRIMARY KEY, item int, name text);
	INSERT INTO shop.item SELECT i, 'name ' || i, '2024-01-01 00:00:00+00' FROM generate_series(1, 20) i;
	INSERT INTO shop.line SELECT i, 1 + i % 2, 'x' FROM generate_series(1, 6) i;
	CREATE FOREIGN TABLE shop.far (id int, name text, at timestamptz, own text) SERVER away OPTIONS (schema_name 'public', table_name 'item');
	CREATE FOREIGN TABLE shop.bag (id int, name text) SERVER away OPTIONS (schema_name 'public', table_name 'bag');
	CREATE TABLE shop.base (id int PRIMARY KEY, name text, at timestamptz, own text DEFAULT 'own');
	INSERT INTO shop.base SELECT id, CASE id WHEN 5 THEN 'wrong' ELSE name END, at FROM shop.item WHERE id <> 6;
	CREATE VIEW shop.face AS SELECT id, name, at FROM shop.base;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"shop": {"kind": "team", "role": "shop"}},
		"contexts": {"shop": {"owner": "shop", "datasets": {
			"items": {"relation": "shop.item", "sot": {"store": "main"}, "enforcement": "observe", "replicas": {
				"far": {"store": "main", "locator": "shop.far", "flow": "fdw", "key": ["id"], "columns": {"id": "id", "name": "name", "at": "at"}},
				"face": {"store": "main", "locator": "shop.face", "flow": "etl", "key": ["id"]}}},
			"lines": {"relation": "shop.line", "sot": {"store": "main"}, "enforcement": "observe", "replicas": {
				"bag": {"store": "main", "locator": "shop.bag", "flow": "fdw", "columns": {"id": "item", "name": "name"}}}}}}}}')});

my $image = 'SELECT md5(string_agg(i::text, $$,$$ ORDER BY id)) FROM item i';
my $before = $node->safe_psql('away', $image);
is($node->safe_psql('postgres', q{SELECT verdict, drifted FROM spine.check_replica('shop.items.far')}), 'drift|3', 'a foreign table drifts');
is($node->safe_psql('postgres', q{SELECT action, key, outcome FROM spine.repair_replica('shop.items.far', false) ORDER BY 1}),
	qq(delete|{"id": 99}|repaired\ninsert|{"id": 4}|repaired\nupdate|{"id": 3}|repaired), 'and is repaired');
is($node->safe_psql('postgres', q{SELECT verdict FROM spine.check_replica('shop.items.far')}), 'equal', 'which a check proves');
is($node->safe_psql('away', q{SELECT name, own FROM item WHERE id = 3}), 'name 3|mine', 'columns that are not mapped are left alone');
is($node->safe_psql('postgres', q{SELECT outcome, count(*) FROM spine.undo_repair((SELECT max(run_id) FROM spine.repair_run)) GROUP BY 1}),
	'restored|3', 'and undone');
is($node->safe_psql('away', $image), $before, 'to the last column');

# A row that changes there while the repair waits for it.
$node->safe_psql('postgres', q{SELECT spine.check_replica('shop.items.far')});
my $holder = $node->background_psql('away');
$holder->query_safe(q{BEGIN; UPDATE item SET name = 'changed' WHERE id = 3});
my $repair = $node->background_psql('postgres', on_error_stop => 0);
$repair->query_until(qr/started/, "\\echo started\nSELECT count(*) FROM spine.repair_replica('shop.items.far', false);\n");
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'away' AND wait_event_type = 'Lock'})
  or die 'the repair did not wait';
$holder->query_safe('COMMIT');
$holder->quit;
$repair->quit;
is($node->safe_psql('away', 'SELECT name FROM item WHERE id = 3'), 'changed', 'a row that changes meanwhile is left alone');
is($node->safe_psql('postgres', 'SELECT repaired, skipped, failed FROM spine.repair_log ORDER BY run_id DESC LIMIT 1'), '2|1|0', 'and skipped');

# Without a key rows of a foreign table have no place of their own.
is($node->safe_psql('postgres', q{SELECT verdict, drifted FROM spine.check_replica('shop.lines.bag')}), 'drift|1', 'rows without a key');
is($node->safe_psql('postgres', q{SELECT action, outcome FROM spine.repair_replica('shop.lines.bag', false)}), 'delete|repaired', 'are repaired where they are alone');
$node->safe_psql('away', q{INSERT INTO bag VALUES (1, 'x')});
is($node->safe_psql('postgres', q{SELECT verdict, drifted FROM spine.check_replica('shop.lines.bag')}), 'drift|1', 'one too many of several');
like($node->safe_psql('postgres', q{SELECT action, outcome FROM spine.repair_replica('shop.lines.bag', false)}),
	qr/^delete\|failed: several rows have the same key and values/, 'is not guessed at');
is($node->safe_psql('away', 'SELECT count(*) FROM bag'), '7', 'and all of them are left');

# A view that can be written.
is($node->safe_psql('postgres', q{SELECT verdict, drifted FROM spine.check_replica('shop.items.face')}), 'drift|2', 'a view drifts');
is($node->safe_psql('postgres', q{SELECT action, key, outcome FROM spine.repair_replica('shop.items.face', false) ORDER BY 1}),
	qq(insert|{"id": 6}|repaired\nupdate|{"id": 5}|repaired), 'and is repaired');
is($node->safe_psql('postgres', q{SELECT outcome, count(*) FROM spine.undo_repair((SELECT max(run_id) FROM spine.repair_run)) GROUP BY 1}),
	'restored|2', 'and undone');
is($node->safe_psql('postgres', 'SELECT count(*), max(name) FROM shop.base WHERE id IN (5, 6)'), '1|wrong', 'to what it was');

$node->stop;
done_testing();
