# The guard under logical replication: an apply worker is judged as the role
# that it runs as, a trusted subscription is not judged but audited, and what
# others' code writes meanwhile is judged as ever.  A copy that logical
# replication feeds takes nothing else.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $pub = PostgreSQL::Test::Cluster->new('publisher');
$pub->init(allows_streaming => 'logical');
$pub->append_conf('postgresql.conf', q{
logical_decoding_work_mem = 64kB
log_min_messages = warning});
$pub->start;

my $sub = PostgreSQL::Test::Cluster->new('subscriber');
$sub->init;
$sub->append_conf('postgresql.conf', q{
wal_retrieve_retry_interval = 100ms
max_logical_replication_workers = 12});
$sub->start;

my $connection = $pub->connstr . ' dbname=postgres';

# Two tables with a lifecycle: one trusts its subscription, one does not; a
# table without, and a copy.
my $tables = q{
	CREATE SCHEMA w;
	CREATE TABLE w.trusted (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new', v int);
	CREATE TABLE w.judged (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new', v int);
	CREATE TABLE w.copied (id int PRIMARY KEY, v int);
	CREATE TABLE w.other (id int PRIMARY KEY, v int)};
$pub->safe_psql('postgres', $tables . q{;
	INSERT INTO w.trusted VALUES (1, 'done', 1), (2, 'new', 2);
	INSERT INTO w.copied VALUES (1, 1);
	CREATE PUBLICATION p_trusted FOR TABLE w.trusted, w.copied, w.other;
	CREATE PUBLICATION p_judged FOR TABLE w.judged});
$sub->safe_psql('postgres', $tables);

my $lifecycle = <<'EOD';
"lifecycle": {"governing": "state", "states": {
	"new": {"initial": true, "owner": "keeper", "write": {"v": ["keeper"]}, "delete": ["keeper"]},
	"done": {"terminal": true}}, "transitions": {"new -> done": {"by": ["keeper"]}}}
EOD
my $document = <<"EOD";
{"kind": "DataSpine", "apiVersion": "spine/v1",
 "stores": {"main": {"kind": "postgres"}, "far": {"kind": "other"}},
 "parties": {"keeper": {"kind": "team", "role": "keeper"}},
 "contexts": {"w": {"owner": "keeper", "datasets": {
	"trusted": {"relation": "w.trusted", "sot": {"store": "main"},
		"on_apply": {"trust": ["s_trusted"]}, $lifecycle},
	"judged": {"relation": "w.judged", "sot": {"store": "main"},
		"on_apply": {"trust": ["s_trusted"]}, $lifecycle},
	"source": {"relation": "far.copied", "sot": {"store": "far"},
		"replicas": {"here": {"store": "main", "locator": "w.copied",
			"flow": "logical_replication"}}}}}}}
EOD
$sub->safe_psql('postgres', qq{
	CREATE EXTENSION spine;
	CREATE ROLE keeper LOGIN;
	GRANT USAGE ON SCHEMA w TO keeper;
	GRANT ALL ON ALL TABLES IN SCHEMA w TO keeper;
	SELECT spine.apply('$document')});

sub audited
{
	my ($where) = @_;
	return $sub->safe_psql('postgres', qq{
		SELECT coalesce(string_agg(action || ' ' || (key ->> 'id') || ' ' || via, ', '
			ORDER BY xid::text::bigint, n), '')
		FROM spine.audit_trail WHERE $where});
}

# Wait for a line in the subscriber's log, from a place on.
sub log_has
{
	my ($pattern, $from) = @_;
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if slurp_file($sub->logfile, $from) =~ $pattern;
		select(undef, undef, undef, 0.1);
	}
	return 0;
}

# ---- trusted: the initial copy, changes, TRUNCATE ----

$sub->safe_psql('postgres',
	"CREATE SUBSCRIPTION s_trusted CONNECTION '$connection' PUBLICATION p_trusted");
$sub->wait_for_subscription_sync($pub, 's_trusted');
is($sub->safe_psql('postgres', 'SELECT * FROM w.trusted ORDER BY id'),
	"1|done|1\n2|new|2",
	'a trusted subscription copies rows in any state');
is(audited("dataset = 'w.trusted'"), 'insert 1 apply, insert 2 apply',
	'and its rows are audited as applied');
is($sub->safe_psql('postgres', 'SELECT * FROM w.copied'),
	'1|1', 'the initial copy of a copy passes its guard');

$pub->safe_psql('postgres', q{
	INSERT INTO w.trusted VALUES (3, 'done', 3);
	UPDATE w.trusted SET state = 'new', v = 4 WHERE id = 3;
	DELETE FROM w.trusted WHERE id = 1;
	UPDATE w.copied SET v = 2});
$pub->wait_for_catchup('s_trusted');
is($sub->safe_psql('postgres', 'SELECT * FROM w.trusted ORDER BY id'),
	"2|new|2\n3|new|4", 'trusted changes are not judged');
is(audited("dataset = 'w.trusted' AND n > 0 AND (key ->> 'id')::int IN (1, 3)"),
	'insert 1 apply, insert 3 apply, update 3 apply, delete 1 apply',
	'but audited');
is($sub->safe_psql('postgres', 'SELECT v FROM w.copied'),
	2, 'a copy follows by logical replication');

$pub->safe_psql('postgres', 'TRUNCATE w.trusted');
$pub->wait_for_catchup('s_trusted');
is($sub->safe_psql('postgres', 'SELECT count(*) FROM w.trusted'),
	0, 'a trusted TRUNCATE passes');
is($sub->safe_psql('postgres',
		"SELECT via FROM spine.audit_trail WHERE action = 'truncate'"),
	'apply', 'and is audited');

# ---- a copy takes nothing else ----

my ($status, $out, $err) =
  $sub->psql('postgres', 'SET ROLE keeper; UPDATE w.copied SET v = 3');
like($err, qr/may not write "here", a copy of "w.source"/,
	'a copy is not written by hand');
($status, $out, $err) = $sub->psql('postgres',
	'SET session_replication_role = replica; DELETE FROM w.copied');
like($err, qr/may not write "here"/,
	'nor by who only says to be a replica');

# ---- streamed transactions, which parallel workers may apply from 16 on ----

$sub->safe_psql('postgres',
	"ALTER SUBSCRIPTION s_trusted SET (streaming = " .
	  ($sub->pg_version >= 16 ? 'parallel' : 'on') . ')');
$pub->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO w.trusted SELECT n, 'done', n FROM generate_series(1000, 4999) n;
	SAVEPOINT s;
	INSERT INTO w.trusted SELECT n, 'done', n FROM generate_series(5000, 5999) n;
	ROLLBACK TO s;
	UPDATE w.trusted SET v = v + 1 WHERE id < 2000;
	COMMIT});
$pub->wait_for_catchup('s_trusted');
is($sub->safe_psql('postgres', q{
		SELECT count(*), sum(v) FROM w.trusted}),
	'4000|' . (1000 + (1000 + 4999) * 2000),
	'a streamed transaction is applied');
is($sub->safe_psql('postgres', q{
		SELECT action, count(*) FROM spine.audit_trail
		WHERE dataset = 'w.trusted' AND (key ->> 'id')::int >= 1000
		AND via = 'apply' GROUP BY 1 ORDER BY 1}),
	"insert|4000\nupdate|1000", 'and audited, the rolled back part not');

# ---- trust is the worker's, not that of code which runs below it ----

my $from = -s $sub->logfile;
$sub->safe_psql('postgres', q{
	CREATE FUNCTION w.launder() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		UPDATE w.trusted SET v = 0 WHERE id = 1000;
		RETURN NEW;
	END $$;
	CREATE TRIGGER launder BEFORE INSERT ON w.other FOR EACH ROW
		EXECUTE FUNCTION w.launder();
	ALTER TABLE w.other ENABLE ALWAYS TRIGGER launder});
$pub->safe_psql('postgres', 'INSERT INTO w.other VALUES (1, 1)');
ok( log_has(qr/may not write attribute "v" of "w.trusted"/, $from),
	'a trigger that a trusted change fires is judged');
is($sub->safe_psql('postgres', 'SELECT v FROM w.trusted WHERE id = 1000'),
	1001, 'and changes nothing');
$sub->safe_psql('postgres', 'DROP TRIGGER launder ON w.other');
$pub->wait_for_catchup('s_trusted');

# An AFTER trigger and a default are no better.
$from = -s $sub->logfile;
$sub->safe_psql('postgres', q{
	CREATE TRIGGER launder AFTER UPDATE ON w.other FOR EACH ROW
		EXECUTE FUNCTION w.launder();
	ALTER TABLE w.other ENABLE ALWAYS TRIGGER launder});
$pub->safe_psql('postgres', 'UPDATE w.other SET v = 2');
ok( log_has(qr/may not write attribute "v" of "w.trusted"/, $from),
	'so is an AFTER trigger');
$sub->safe_psql('postgres', 'DROP TRIGGER launder ON w.other');
$pub->wait_for_catchup('s_trusted');

$from = -s $sub->logfile;
$sub->safe_psql('postgres', q{
	CREATE FUNCTION w.sly() RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		UPDATE w.trusted SET v = 0 WHERE id = 1000;
		RETURN 1;
	END $$;
	ALTER TABLE w.other ADD extra int;
	ALTER TABLE w.other ALTER extra SET DEFAULT w.sly()});
$pub->safe_psql('postgres', 'INSERT INTO w.other VALUES (2, 2)');
ok( log_has(qr/may not write attribute "v" of "w.trusted"/, $from),
	'and a column default');
$sub->safe_psql('postgres', 'ALTER TABLE w.other ALTER extra DROP DEFAULT');
$pub->wait_for_catchup('s_trusted');

# ---- not trusted: judged as the worker's role ----

$sub->safe_psql('postgres', q{
	CREATE SUBSCRIPTION s_judged CONNECTION '} . $connection . q{'
	PUBLICATION p_judged WITH (copy_data = false, disable_on_error = false)});
$sub->wait_for_subscription_sync($pub, 's_judged');
$from = -s $sub->logfile;
$pub->safe_psql('postgres', q{INSERT INTO w.judged VALUES (1, 'new', 1)});
ok( log_has(
		qr/may not insert into "w.judged" in state "new"/, $from),
	'a subscription that nobody trusts is judged');
is($sub->safe_psql('postgres', 'SELECT count(*) FROM w.judged'),
	0, 'its change is not applied');
like(
	slurp_file($sub->logfile, $from),
	qr/CONTEXT:.*processing remote data.*finished at [0-9A-F]+\/[0-9A-F]+/,
	'the log says where it stopped');

# It is skipped by its position.
my ($lsn) = slurp_file($sub->logfile, $from) =~
  /processing remote data[^\n]*finished at ([0-9A-F]+\/[0-9A-F]+)/;
$sub->safe_psql('postgres', "ALTER SUBSCRIPTION s_judged SKIP (lsn = '$lsn')");
$pub->wait_for_catchup('s_judged');
is($sub->safe_psql('postgres', 'SELECT count(*) FROM w.judged'),
	0, 'and can be skipped');

# As a party, the worker writes what the party may: from 16 on it runs as the
# tables' owner, before that as the subscription's.
my $modern = $sub->pg_version >= 16;
$sub->safe_psql('postgres',
	'ALTER SUBSCRIPTION s_judged SET (password_required = false)')
  if $modern;
$sub->safe_psql('postgres', q{
	ALTER ROLE keeper SUPERUSER;
	ALTER SUBSCRIPTION s_judged OWNER TO keeper;
	ALTER ROLE keeper NOSUPERUSER});
$sub->safe_psql('postgres', 'ALTER TABLE w.judged OWNER TO keeper')
  if $modern;
$pub->safe_psql('postgres', q{
	INSERT INTO w.judged VALUES (2, 'new', 2);
	UPDATE w.judged SET v = 3 WHERE id = 2;
	UPDATE w.judged SET state = 'done' WHERE id = 2});
$pub->wait_for_catchup('s_judged');
is($sub->safe_psql('postgres', 'SELECT * FROM w.judged'),
	'2|done|3', 'a worker that acts for a party writes what the party may');
is($sub->safe_psql('postgres', q{
		SELECT string_agg(actor || ' ' || party || ' ' || via, ', ' ORDER BY xid::text::bigint, n)
		FROM spine.audit_trail WHERE dataset = 'w.judged'}),
	join(', ', ('keeper keeper apply') x 3),
	'as the audit says');

$from = -s $sub->logfile;
$pub->safe_psql('postgres', 'DELETE FROM w.judged WHERE id = 2');
ok( log_has(qr/may not delete a row of "w.judged" in state "done"/, $from),
	'and nothing else');

# ---- the name alone is not trusted ----

$sub->safe_psql('postgres', 'DROP SUBSCRIPTION s_trusted');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s_judged DISABLE');
$sub->poll_query_until('postgres', q{
	SELECT count(*) = 0 FROM pg_stat_activity
	WHERE backend_type LIKE 'logical replication%worker'})
  or die 'the worker does not end';
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s_judged RENAME TO s_trusted');
$from = -s $sub->logfile;
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s_trusted ENABLE');
ok( log_has(qr/may not delete a row of "w.judged" in state "done"/, $from),
	'a trusted name in the hands of somebody else is judged');
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s_trusted DISABLE');

$sub->stop;
$pub->stop;
done_testing();
