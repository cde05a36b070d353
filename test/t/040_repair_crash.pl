# The server is cut off in the middle of a repair, at each of its steps, and of
# an undo: afterwards there is all of it or nothing, and what is there can be
# undone.
#
# A repair is held at a step by a lock on what the step needs.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
autovacuum = off
log_min_messages = fatal
});
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE keeper LOGIN;
	CREATE SCHEMA world;
	CREATE TABLE world.thing (id bigint PRIMARY KEY, name text);
	CREATE TABLE world.copy (id bigint PRIMARY KEY, name text, own text DEFAULT 'kept');
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"keeper": {"kind": "service", "role": "keeper"}},
		"contexts": {"world": {"owner": "keeper", "datasets": {"things":
			{"relation": "world.thing", "sot": {"store": "main"}, "enforcement": "observe",
			 "replicas": {"copy": {"store": "main", "locator": "world.copy", "flow": "etl", "owner": "keeper",
				"columns": {"id": "id", "name": "name"}}}}}}}}');
	INSERT INTO world.thing SELECT i, 'thing ' || i FROM generate_series(1, 300) i;
	INSERT INTO world.copy SELECT id, name FROM world.thing;
	UPDATE world.copy SET name = 'wrong', own = 'own ' || id WHERE id % 3 = 0;
	DELETE FROM world.copy WHERE id % 3 = 1;
	INSERT INTO world.copy SELECT i, 'extra' FROM generate_series(1001, 1100) i;
	SELECT * FROM spine.check_replica('world.things.copy');
});

my $repair = q{SELECT count(*), outcome FROM spine.repair_replica('world.things.copy', false) GROUP BY 2 ORDER BY 2};

# All that a repair writes.
sub state
{
	return $node->safe_psql('postgres', q{
		SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM world.copy c;
		SELECT count(*) FROM spine.repair_run;
		SELECT count(*) FROM spine.repair_row;
		SELECT count(*) FROM spine.audit_log WHERE via = 'repair';
		SELECT count(*) FROM spine.check_log;
		SELECT count(*) FROM spine.drift WHERE confirmed_at IS NOT NULL});
}

# Hold something, let a statement run into it, cut the server off.
sub cut_off
{
	my ($lock, $statement) = @_;
	my $holder = $node->background_psql('postgres');
	my $victim;

	$holder->query_safe("BEGIN; $lock");
	$victim = $node->background_psql('postgres', on_error_stop => 0);
	$victim->query_until(qr/started/, "\\echo started\nSET application_name = 'victim';\n$statement;\n");
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
		WHERE application_name = 'victim' AND wait_event_type = 'Lock'})
	  or die "the statement did not run into the lock";
	$node->stop('immediate');
	eval { $victim->quit };
	eval { $holder->quit };
	$node->start;
}

my $before = state();
my %steps = (
	'at a row in the middle' => q{SELECT FROM world.copy WHERE id = 150 FOR UPDATE},
	'at the last row' => q{INSERT INTO world.copy VALUES (298, 'held')},
	'at the run in the journal' => q{LOCK spine.repair_run IN SHARE MODE},
	'at the rows in the journal' => q{LOCK spine.repair_row IN SHARE MODE},
	'at the check afterwards' => q{LOCK spine.check_log IN SHARE MODE},
	'at the audit, before commit' => q{LOCK spine.audit_log_default IN SHARE MODE});
foreach my $step (sort keys %steps)
{
	cut_off($steps{$step}, $repair);
	is(state(), $before, "cut off $step: nothing is left of the repair");
}

is($node->safe_psql('postgres', $repair), '300|repaired', 'it is repaired after that');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM world.copy JOIN world.thing USING (id, name)}),
	'300', 'every row is the source\'s');
is( $node->safe_psql('postgres', q{SELECT verdict, repaired, failed FROM spine.repair_log}),
	'equal|300|0', 'and proved');
my $repaired = state();

$node->stop('immediate');
$node->start;
is(state(), $repaired, 'what was committed is there after a crash');

my $undo = q{SELECT count(*), outcome FROM spine.undo_repair((SELECT min(run_id) FROM spine.repair_run)) GROUP BY 2};
foreach my $step ('at a row in the middle', 'at the rows in the journal', 'at the check afterwards')
{
	cut_off($steps{$step}, $undo);
	is(state(), $repaired, "cut off $step: nothing is left of the undo");
}
is($node->safe_psql('postgres', $undo), '300|restored', 'it is undone after that');
is( (split /\n/, state())[0],
	(split /\n/, $before)[0],
	'every row is what it was, in columns that the repair does not know too');
is($node->safe_psql('postgres', $undo), '', 'undoing twice does nothing');

# A backend that is killed takes nothing of a repair with it either.
$node->safe_psql('postgres', q{SELECT * FROM spine.check_replica('world.things.copy')});
my $again = state();
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; $steps{'at a row in the middle'}");
my $victim = $node->background_psql('postgres', on_error_stop => 0);
$victim->query_until(qr/started/, "\\echo started\nSET application_name = 'victim';\n$repair;\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE application_name = 'victim' AND wait_event_type = 'Lock'});
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'});
eval { $victim->quit };
$holder->query_safe('ROLLBACK');
$holder->quit;
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'victim'});
is(state(), $again, 'nothing is left of a repair that was terminated');
is($node->safe_psql('postgres', $repair), '300|repaired', 'it is repaired after that');

$node->stop;
done_testing();
