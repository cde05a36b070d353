# Audit and guard across the ways a transaction can end: prepared, committed
# by another session, rolled back, killed half-way, cut off by a crash.  The
# law: a committed governed write has its audit row, an aborted one has none.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE writer LOGIN;
	CREATE SCHEMA world;
	CREATE TABLE world.thing (id int PRIMARY KEY, v int NOT NULL DEFAULT 0);
	GRANT USAGE ON SCHEMA world TO writer;
	GRANT ALL ON world.thing TO writer;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"writer": {"kind": "service", "role": "writer"}},
		"contexts": {"world": {"owner": "writer", "datasets": {"things":
			{"relation": "world.thing",
			 "sot": {"store": "main", "locator": "world.thing"}}}}}}')});

# The rows that the audit trail says there are, against those that there are.
my $divergence = q{
	WITH last AS (
		SELECT DISTINCT ON (key) (key ->> 'id')::int AS id,
			   (new ->> 'v')::int AS v
		FROM spine.audit_log
		WHERE new ? 'v'
		ORDER BY key, (new ->> 'v')::int DESC)
	SELECT count(*) FROM world.thing t FULL JOIN last l USING (id)
	WHERE t.v IS DISTINCT FROM l.v};

sub audited
{
	return $node->safe_psql('postgres',
		'SELECT count(*) FROM spine.audit_log');
}

# Two-phase commit.
$node->safe_psql('postgres', q{
	SET ROLE writer;
	BEGIN;
	INSERT INTO world.thing VALUES (1), (2);
	PREPARE TRANSACTION 'kept';
	BEGIN;
	INSERT INTO world.thing VALUES (3);
	PREPARE TRANSACTION 'dropped'});
is(audited(), 0, 'nothing is audited before COMMIT PREPARED');
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', q{COMMIT PREPARED 'kept'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'dropped'});
is(audited(), 2, 'COMMIT PREPARED brings the audit rows, after a crash too');
is($node->safe_psql('postgres', $divergence), 0, 'and no others');

# A backend that is ended in the middle of its transaction.
my $victim = $node->background_psql('postgres');
$victim->query_safe('SET ROLE writer');
$victim->query_safe('BEGIN');
$victim->query_safe('UPDATE world.thing SET v = 100');
my $pid = $victim->query_safe('SELECT pg_backend_pid()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres',
	"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
  or die 'the backend did not end';
is(audited(), 2, 'a terminated transaction leaves no audit row');
eval { $victim->quit };

# A statement that is cancelled after some of its rows were written.
$node->safe_psql('postgres',
	'SET ROLE writer; INSERT INTO world.thing SELECT generate_series(10, 5000)');
my $before = audited();
my ($status, $out, $err) = $node->psql('postgres', q{
	SET ROLE writer;
	UPDATE world.thing SET v = v + 1 / (4000 - id)});
like($err, qr/division by zero/, 'a statement fails half-way');
is(audited(), $before, 'a failed statement leaves no audit row');

# Immediate stops under load: what was committed is audited, and only that.
foreach my $round (1 .. 3)
{
	my @clients = map {
		IPC::Run::start(
			[
				'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
				'SET ROLE writer',
				'-c', q{DO $$ BEGIN FOR i IN 1 .. 100000 LOOP
					UPDATE world.thing SET v = v + 1
					WHERE id = 10 + (random() * 4000)::int;
					COMMIT; END LOOP; END $$}
			],
			'>', \my $o, '2>', \my $e)
	} 1 .. 2;
	my $start = audited();
	$node->poll_query_until('postgres',
		"SELECT count(*) > $start + 500 FROM spine.audit_log")
	  or die 'the clients do not write';
	$node->stop('immediate');
	eval { $_->finish } foreach @clients;
	$node->start;
	is($node->safe_psql('postgres', $divergence),
		0, "after crash $round, rows and audit agree");
}

$node->stop;
done_testing();
