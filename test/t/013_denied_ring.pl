# Refused attempts survive the rollback: shared memory keeps them, a job
# writes them to spine.denied_log.  Nothing is lost at a thousand a second;
# what is more is counted.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'spine'
max_worker_processes = 16
spine.denied_ring_size = 4096
});
$node->start;

my $setup = q{
	CREATE EXTENSION spine;
	CREATE SCHEMA world;
	CREATE TABLE world.thing (id int PRIMARY KEY, v int NOT NULL DEFAULT 0, note text);
	CREATE TABLE world.long (id text PRIMARY KEY, v int);
	INSERT INTO world.thing SELECT generate_series(1, 100);
	GRANT USAGE ON SCHEMA world TO PUBLIC;
	GRANT ALL ON ALL TABLES IN SCHEMA world TO PUBLIC;
	SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"keeper": {"kind": "team", "role": "keeper"}},
		"contexts": {"world": {"owner": "keeper", "datasets": {
			"things": {"relation": "world.thing", "sot": {"store": "main", "locator": "world.thing"}},
			"longs": {"relation": "world.long", "sot": {"store": "main", "locator": "world.long"}}}}}}')};
$node->safe_psql('postgres',
	'CREATE ROLE keeper LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE other LOGIN');
$node->safe_psql('postgres', $setup);

# The one value of a query.
sub value
{
	my ($sql, $database) = @_;
	return $node->safe_psql($database // 'postgres', $sql);
}

sub wait_for
{
	my ($sql, $database) = @_;
	return $node->poll_query_until($database // 'postgres', $sql);
}

# Run the job by hand until a query says true.
sub run_until
{
	my ($sql) = @_;
	my $deadline = time + 60;

	while (time < $deadline)
	{
		$node->safe_psql('postgres', q{CALL spine.run_jobs('denied')});
		return 1 if value($sql) eq 't';
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# So many attempts by a role, each in a transaction of its own.
sub attempt
{
	my ($role, $n, $statement, $pause) = @_;
	$pause //= 0;
	$statement //= 'UPDATE world.thing SET v = v + 1 WHERE id = 1 + i % 100';
	return qq{SET ROLE $role;
	DO \$\$
	DECLARE
		began timestamptz := clock_timestamp();
	BEGIN
		FOR i IN 1 .. $n LOOP
			BEGIN
				$statement;
				RAISE 'it passed';
			EXCEPTION WHEN insufficient_privilege THEN
				NULL;
			END;
			COMMIT;
			IF $pause > 0 THEN
				PERFORM pg_sleep(greatest(0, i * $pause
					- extract(epoch FROM clock_timestamp() - began)));
			END IF;
		END LOOP;
	END \$\$};
}

# One attempt, with all that is known of it, within a second or so.
my $began = time;
my ($status, undef, $error) = $node->psql('postgres',
	q{SET application_name = 'attack'; SET ROLE stranger; UPDATE world.thing SET v = 1 WHERE id = 7});
like($error, qr/stranger/, 'the write is refused');
ok(wait_for('SELECT count(*) = 1 FROM spine.denied'), 'and is in spine.denied');
my $took = time - $began;
note sprintf 'after %.2f s', $took;
is( value(
		q{SELECT dataset, action, rev, key, attribute, actor, session_actor = current_user, sqlstate,
			message <> '', mode, application, client, n, detail FROM spine.denied}),
	'world.things|update|1|{"id": 7}|v|stranger|t|42501|t|enforce|attack|||',
	'it says who tried what');
is(value('SELECT used, recorded, suppressed, lost FROM spine.denied_ring()'),
	'0|1|0|0', 'the ring is empty again');

# In a transaction that wrote, and goes on after a savepoint.
$node->safe_psql('postgres', q{
	BEGIN;
	CREATE TABLE world.own (i int);
	SET LOCAL ROLE stranger;
	SAVEPOINT a;
	DO $$ BEGIN DELETE FROM world.thing WHERE id = 8; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
	COMMIT});
ok(wait_for(q{SELECT count(*) = 1 FROM spine.denied WHERE action = 'delete' AND xid IS NOT NULL}),
	'an attempt that the transaction survives is there, with its xid');

# What does not fit is clipped to whole characters, or left out.
$node->safe_psql('postgres', q{
	SET ROLE keeper;
	INSERT INTO world.long SELECT repeat('é', 1200), 1});
$node->psql('postgres', q{SET ROLE stranger; UPDATE world.long SET v = 2});
ok(wait_for(q{SELECT count(*) = 1 FROM spine.denied WHERE dataset = 'world.longs'}),
	'an attempt at a row with a long key');
is(value(q{SELECT key IS NULL, detail FROM spine.denied WHERE dataset = 'world.longs'}),
	't|{"clipped": ["key"]}', 'is there without the key, and says so');

# A thousand a second for ten seconds, by five sessions of two roles.
my $before = value('SELECT count(*) FROM spine.denied');
my @clients;
$began = time;
foreach my $client (0 .. 4)
{
	my $role = $client % 2 ? 'stranger' : 'other';
	push @clients,
	  IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d',
			$node->connstr('postgres'),
			map { ('-c', $_) } split /;\n/, attempt($role, 2000, undef, 0.005), 2
		],
		'>', \my $out, '2>', \my $err);
}
ok($_->finish, 'a client was refused all along') foreach @clients;
$took = time - $began;
note sprintf '10000 attempts in %.1f s', $took;
ok( wait_for("SELECT count(*) >= $before + 10000 FROM spine.denied"),
	'all of them are written down');
note sprintf '%.2f s after the last', time - $began - $took;
is(value('SELECT count(*) FROM spine.denied'), $before + 10000, 'once each');
is( value('SELECT suppressed, lost FROM spine.denied_ring()'),
	'0|0', 'none was only counted');

# More than the rate: counted, and the count adds up.
$before = value('SELECT count(*) FROM spine.denied');
$node->append_conf('postgresql.conf', 'spine.denied_rate = 100');
$node->reload;
wait_for(q{SELECT current_setting('spine.denied_rate') = '100'});
$node->safe_psql('postgres', attempt('other', 5000));
ok( wait_for(q{
		SELECT count(*) + coalesce(sum((detail ->> 'suppressed')::int - 1), 0) = 5000
		FROM (SELECT * FROM spine.denied ORDER BY at OFFSET } . $before . q{) d}),
	'rows and counts are as many as the attempts');
cmp_ok(value('SELECT count(*) FROM spine.denied') - $before,
	'<', 4000, 'not all of them are rows');
is( value('SELECT recorded + suppressed + lost, lost FROM spine.denied_ring()'),
	($before + 5000) . '|0', 'the figures agree');

# The ring full, as no job runs: counted as well; what waits outlives the
# drainer's errors.
$node->append_conf('postgresql.conf', "spine.workers = off\nspine.denied_rate = 1000000");
$node->restart;
$before = value('SELECT count(*) FROM spine.denied');
$node->safe_psql('postgres', attempt('stranger', 6000));
is(value('SELECT capacity, used, lost, last_lost IS NOT NULL FROM spine.denied_ring()'),
	'4096|4096|1904|t', 'the ring is full');
is(value(q{SELECT ok FROM spine.health() WHERE check_name = 'denied_ring'}),
	'f', 'health tells');
$node->safe_psql('postgres',
	q{ALTER TABLE spine.denied_log ADD CONSTRAINT none CHECK (false) NOT VALID});
$node->psql('postgres', q{CALL spine.run_jobs('denied')});
is(value('SELECT used FROM spine.denied_ring()'),
	'4096', 'an error of the job frees nothing');
$node->safe_psql('postgres',
	q{ALTER TABLE spine.denied_log DROP CONSTRAINT none});
$node->safe_psql('postgres', q{CALL spine.run_jobs('denied')});
is(value('SELECT used FROM spine.denied_ring()'), '0', 'then it is drained');
ok( run_until(qq{SELECT count(*) = 4097
		FROM (SELECT * FROM spine.denied ORDER BY at OFFSET $before) d}),
	'counts are written when their second is over');
is( value(qq{SELECT count(*), sum((detail ->> 'suppressed')::int)
		FROM (SELECT * FROM spine.denied ORDER BY at OFFSET $before) d}),
	'4097|1904', 'with a row for those that are only counted');

# Another database has its own; those of one that is dropped are discarded.
$node->safe_psql('postgres', 'CREATE DATABASE gone');
$node->safe_psql('gone', $setup);
$node->safe_psql('gone', attempt('stranger', 10));
$node->safe_psql('postgres', q{CALL spine.run_jobs('denied')});
is(value('SELECT used FROM spine.denied_ring()'),
	'10', 'a database takes no attempts of another');
$node->safe_psql('postgres', 'DROP DATABASE gone');
$node->safe_psql('postgres', q{CALL spine.run_jobs('denied')});
is(value('SELECT used FROM spine.denied_ring()'),
	'0', 'attempts in a database that is dropped are discarded');

# A crash forgets what waits, and the ring works again.
$node->safe_psql('postgres', attempt('stranger', 10));
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', attempt('stranger', 3));
is(value('SELECT used, recorded FROM spine.denied_ring()'),
	'3|3', 'after a crash the ring starts empty, and works');

$node->stop;
done_testing();
