# No false alarm, no miss: while a loaded source feeds a lagging flow in its
# own database, a logical subscriber that stops and goes, and a delayed
# physical standby, differences of every kind are put into the copies at
# random.  An account that spine does not see says what must be found: every
# difference that was put in, at once, and nothing else as drift, ever.
#
# SPINE_CRASH_ROUNDS says how many rounds (make soak), SPINE_SEED repeats one.

use strict;
use warnings;

use List::Util qw(shuffle sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $rounds = $ENV{SPINE_CRASH_ROUNDS} // 5;
my $seed = $ENV{SPINE_SEED} // int(rand(1e9));
srand($seed);
note("SPINE_SEED=$seed, $rounds rounds");
$PostgreSQL::Test::Utils::timeout_default = 60;

# ---- the servers ----

my $main = PostgreSQL::Test::Cluster->new('main');
$main->init(allows_streaming => 'logical');
$main->append_conf('postgresql.conf', q{
autovacuum = off
max_connections = 40
shared_preload_libraries = 'spine'
spine.steward_interval = 1h
});
$main->start;
$main->backup('start');

my $sub = PostgreSQL::Test::Cluster->new('sub');
$sub->init;
$sub->append_conf('postgresql.conf', q{
autovacuum = off
wal_retrieve_retry_interval = 50ms
wal_receiver_status_interval = 1s
});
$sub->start;

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($main, 'start', has_streaming => 1);
$standby->append_conf('postgresql.conf', q{
recovery_min_apply_delay = 200ms
hot_standby_feedback = on
wal_receiver_status_interval = 1s
});
$standby->start;

# Rows that nobody but this test writes: the cold ones.  A function of their
# number, so that each can be put back.
my $tables = q{
	CREATE EXTENSION spine;
	CREATE SCHEMA w;
	CREATE TABLE w.item (id bigint PRIMARY KEY, a int, b text, n numeric(12,2), t timestamptz);
	CREATE TABLE w.event (v int, txt text);
	ALTER TABLE w.event REPLICA IDENTITY FULL;
	CREATE TABLE w.rot (id int PRIMARY KEY, b text);
	CREATE FUNCTION w.maybe(i int) RETURNS text IMMUTABLE LANGUAGE sql AS
		$$ SELECT CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'cold ' || i END $$;
	CREATE FUNCTION w.cold_item(i int) RETURNS w.item IMMUTABLE LANGUAGE sql AS
		$$ SELECT (i, i * 3, w.maybe(i), i / 2.0, '2024-01-01 00:00Z'::timestamptz + i * interval '1 min')::w.item $$;
	CREATE FUNCTION w.cold_event(i int) RETURNS SETOF w.event IMMUTABLE LANGUAGE sql AS
		$$ SELECT i, w.maybe(i) FROM generate_series(0, i % 2) $$;
};
my ($first, $last) = (1001, 1600);
$main->safe_psql('postgres', $tables . qq{
	INSERT INTO w.item SELECT i, i, 'hot', i, now() FROM generate_series(1, 400) i;
	INSERT INTO w.item SELECT (w.cold_item(i)).* FROM generate_series($first, $last) i;
	-- What they were before: a copy may have kept that.
	UPDATE w.item SET a = a - 1, n = n - 1 WHERE id >= $first;
	UPDATE w.item SET a = a + 1, n = n + 1 WHERE id >= $first;
	INSERT INTO w.event SELECT e.* FROM generate_series($first, $last) i, w.cold_event(i) e;
	INSERT INTO w.event SELECT i, 'blinks' FROM generate_series(904, 906) i;
	INSERT INTO w.rot SELECT i, 'row number ' || i FROM generate_series(1, 500) i;
	CREATE PUBLICATION p FOR TABLE w.item, w.event;

	-- The flow of the copies here: changes in their order, some time later.
	CREATE SCHEMA etl;
	CREATE TABLE etl.item (LIKE w.item INCLUDING ALL);
	CREATE TABLE etl.event (LIKE w.event);
	INSERT INTO etl.item TABLE w.item;
	INSERT INTO etl.event TABLE w.event;
	CREATE TABLE etl.queue (seq bigserial PRIMARY KEY, tab text, old jsonb, new jsonb,
		at timestamptz NOT NULL DEFAULT clock_timestamp());
	CREATE TABLE etl.worst (lag interval NOT NULL);
	INSERT INTO etl.worst VALUES ('0');
	CREATE FUNCTION etl.capture() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		INSERT INTO etl.queue (tab, old, new) VALUES (TG_TABLE_NAME,
			CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
			CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
		RETURN NULL;
	END \$\$;
	CREATE TRIGGER capture AFTER INSERT OR UPDATE OR DELETE ON w.item
		FOR EACH ROW EXECUTE FUNCTION etl.capture();
	CREATE TRIGGER capture AFTER INSERT OR UPDATE OR DELETE ON w.event
		FOR EACH ROW EXECUTE FUNCTION etl.capture();
	CREATE PROCEDURE etl.flow() LANGUAGE plpgsql AS \$\$
	DECLARE
		c etl.queue;
		e w.event;
	BEGIN
		LOOP
			UPDATE etl.worst SET lag = greatest(lag,
				(SELECT clock_timestamp() - min(at) FROM etl.queue));
			FOR c IN SELECT * FROM etl.queue
				WHERE at < clock_timestamp() - interval '0.3 s' ORDER BY seq LOOP
				IF c.tab = 'item' THEN
					DELETE FROM etl.item WHERE id = (coalesce(c.old, c.new) ->> 'id')::bigint;
					INSERT INTO etl.item SELECT (jsonb_populate_record(NULL::etl.item, c.new)).*
						WHERE c.new IS NOT NULL;
				ELSE
					e := jsonb_populate_record(NULL::w.event, c.old);
					DELETE FROM etl.event WHERE ctid = (SELECT ctid FROM etl.event
						WHERE v = e.v AND txt IS NOT DISTINCT FROM e.txt LIMIT 1);
					INSERT INTO etl.event SELECT (jsonb_populate_record(NULL::etl.event, c.new)).*
						WHERE c.new IS NOT NULL;
				END IF;
				DELETE FROM etl.queue WHERE seq = c.seq;
			END LOOP;
			COMMIT;
			PERFORM pg_sleep(0.1);
		END LOOP;
	END \$\$;
});
$sub->safe_psql('postgres', $tables . q{
	CREATE PROCEDURE w.stop_and_go() LANGUAGE plpgsql AS $$
	BEGIN
		LOOP
			ALTER SUBSCRIPTION s DISABLE;
			COMMIT;
			PERFORM pg_sleep(random() * 0.4);
			ALTER SUBSCRIPTION s ENABLE;
			COMMIT;
			PERFORM pg_sleep(0.5 + random());
		END LOOP;
	END $$});
$sub->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '"
	. $main->connstr . " dbname=postgres' PUBLICATION p");
$sub->wait_for_subscription_sync($main, 's');

foreach my $far ($sub, $standby)
{
	my ($name, $host, $port) = ($far->name, $far->host, $far->port);
	$main->safe_psql('postgres', qq{
		DO 'BEGIN CREATE FOREIGN DATA WRAPPER far; EXCEPTION WHEN OTHERS THEN END';
		CREATE SERVER $name FOREIGN DATA WRAPPER far
			OPTIONS (host '$host', port '$port', dbname 'postgres');
		DO \$\$ BEGIN EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER $name
			OPTIONS (user %L)', current_user); END \$\$});
}

sub copies
{
	my ($table) = @_;
	return qq{"relation": "w.$table", "sot": {"store": "main"}, "enforcement": "off",
		"replicas": {
			"etl": {"store": "main", "locator": "etl.$table", "flow": "etl", "max_lag": "PT5S"},
			"sub": {"store": "sub", "locator": "w.$table", "flow": "logical_replication"},
			"standby": {"store": "standby", "locator": "w.$table", "flow": "logical_replication"}}};
}
my ($items, $events) = (copies('item'), copies('event'));
my $document = <<"EOD";
{"kind": "DataSpine", "apiVersion": "spine/v1",
 "stores": {"main": {"kind": "postgres"}, "sub": {"kind": "postgres", "server": "sub"},
	"standby": {"kind": "postgres", "server": "standby"}},
 "parties": {"w": {"kind": "team"}},
 "contexts": {"w": {"owner": "w", "datasets": {
	"item": {$items},
	"event": {$events},
	"rot": {"relation": "w.rot", "sot": {"store": "main"}, "enforcement": "off",
		"replicas": {"standby": {"store": "standby", "locator": "w.rot", "flow": "logical_replication"}}}}}}}
EOD
$main->safe_psql('postgres', "SELECT spine.apply('$document')");

# ---- what goes on meanwhile ----

my $script = $main->basedir . '/load.sql';
append_to_file($script, q{
\set id random(1, 400)
\set v random(1, 50)
\set what random(1, 100)
\if :what <= 40
INSERT INTO w.item VALUES (:id, 1, 'hot', 0, now())
	ON CONFLICT (id) DO UPDATE SET a = item.a + 1, b = 'hot ' || item.a % 3, t = now();
\elif :what <= 55
DELETE FROM w.item WHERE id = :id;
\elif :what <= 65
BEGIN;
INSERT INTO w.item VALUES (:id + 500, 1, 'there and gone', 0, now()) ON CONFLICT DO NOTHING;
UPDATE w.item SET n = n + 1 WHERE id = :id;
COMMIT;
DELETE FROM w.item WHERE id = :id + 500;
UPDATE w.item SET n = n - 1 WHERE id = :id;
\elif :what <= 70
BEGIN;
UPDATE w.item SET a = -1 WHERE id = :id;
DELETE FROM w.event WHERE v = :v;
ROLLBACK;
\elif :what <= 87
INSERT INTO w.event VALUES (:v, CASE :v % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'hot' END);
\else
DELETE FROM w.event WHERE ctid = (SELECT ctid FROM w.event WHERE v = :v LIMIT 1);
\endif
});

# Rows that come and go all the time: whoever looks at the source now and then
# may miss that they were there.
my $blink = $main->basedir . '/blink.sql';
append_to_file($blink, q{
\set n random(901, 906)
\set pause random(20, 200)
\set rest random(20, 200)
INSERT INTO w.item VALUES (:n, 1, 'blinks', 0, '2024-01-01 00:00Z') ON CONFLICT DO NOTHING;
INSERT INTO w.event VALUES (:n, 'blinks');
\sleep :pause ms
DELETE FROM w.item WHERE id = :n;
DELETE FROM w.event WHERE ctid = (SELECT ctid FROM w.event WHERE v = :n
	OFFSET (:n > 903)::int LIMIT 1);
\sleep :rest ms
});

my ($in, $out) = ('', '');
my @background = (
	IPC::Run::start([ 'pgbench', '-n', '-c', '3', '-T', '86400', '-f', $blink,
			'-h', $main->host, '-p', $main->port, 'postgres' ], '<', \$in, '&>', \$out),
	IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-R', '120', '-T', '86400', '-f', $script,
			'-h', $main->host, '-p', $main->port, 'postgres' ], '<', \$in, '&>', \$out),
	IPC::Run::start([ 'psql', '-Xq', '-d', $main->connstr('postgres'), '-c', 'CALL etl.flow()' ],
		'<', \$in, '&>', \$out),
	IPC::Run::start([ 'psql', '-Xq', '-d', $sub->connstr('postgres'), '-c', 'CALL w.stop_and_go()' ],
		'<', \$in, '&>', \$out));

# ---- the account ----

# copy => { number of a cold row => { kind, put at, rows, found, confirmed } }
my %account = map { $_ => {} } qw(item.etl event.etl item.sub event.sub);
my (%put, %checked, @wrong);
my ($at_once, $hot) = (0, 0);
my $extra = 5000;

sub where
{
	my ($table, $copy) = split /\./, $_[0];
	return $copy eq 'etl' ? ($main, "etl.$table", $table) : ($sub, "w.$table", $table);
}

# Each kind of difference: the statement that makes it, given table and number,
# and how many keys it makes differ.
my %kinds = (
	item => {
		'one bit' => [ sub { "UPDATE $_[0] SET a = a # (1 << " . int(rand(31)) . ") WHERE id = $_[1]" }, 1 ],
		'one cent' => [ sub { "UPDATE $_[0] SET n = n + 0.01 WHERE id = $_[1]" }, 1 ],
		'missing' => [ sub { "DELETE FROM $_[0] WHERE id = $_[1]" }, 1 ],
		'extra' => [ sub { "INSERT INTO $_[0] SELECT (w.cold_item($_[1])).*" }, 1 ],
		'null' => [ sub { "UPDATE $_[0] SET b = CASE WHEN b IS NULL THEN '' WHEN b = '' THEN NULL ELSE b || ' ' END WHERE id = $_[1]" }, 1 ],
		'stale' => [ sub { "UPDATE $_[0] SET a = a - 1, n = n - 1 WHERE id = $_[1]" }, 1 ] },
	event => {
		'missing' => [ sub { "DELETE FROM $_[0] WHERE ctid = (SELECT ctid FROM $_[0] WHERE v = $_[1] LIMIT 1)" }, 1 ],
		'duplicate' => [ sub { "INSERT INTO $_[0] SELECT * FROM w.cold_event($_[1]) LIMIT 1" }, 1 ],
		'extra' => [ sub { "INSERT INTO $_[0] SELECT * FROM w.cold_event($_[1])" }, 1 ],
		'null' => [ sub { "UPDATE $_[0] SET txt = CASE WHEN txt IS NULL THEN '' WHEN txt = '' THEN NULL ELSE txt || ' ' END WHERE ctid = (SELECT ctid FROM $_[0] WHERE v = $_[1] LIMIT 1)" }, 2 ] });

sub put_in
{
	my ($copy, $kind) = @_;
	my ($node, $relation, $table) = where($copy);
	my $number = $kind eq 'extra' ? $extra++ : $first + int(rand($last - $first + 1));

	return if $account{$copy}{$number};
	my ($statement, $keys) = @{ $kinds{$table}{$kind} };
	$node->safe_psql('postgres', $statement->($relation, $number));
	$account{$copy}{$number} = { kind => $kind, keys => $keys };
	$put{$kind}++;
	return;
}

# A difference in a row that the load may mend or not.
sub put_in_hot
{
	my ($copy) = @_;
	my ($node, $relation, $table) = where($copy);
	my $id = 1 + int(rand(400));

	return if $table ne 'item';
	$account{$copy}{$id} = { kind => 'hot', keys => 0 };
	$node->safe_psql('postgres', "UPDATE $relation SET a = a # 1024 WHERE id = $id");
	$hot++;
	return;
}

sub take_out
{
	my ($copy, $number) = @_;
	my ($node, $relation, $table) = where($copy);
	my $column = $table eq 'item' ? 'id' : 'v';
	my $back = $number > $last ? '' : $table eq 'item' ?
		"INSERT INTO $relation SELECT (w.cold_item($number)).*" :
		"INSERT INTO $relation SELECT * FROM w.cold_event($number)";

	$node->safe_psql('postgres', "BEGIN; DELETE FROM $relation WHERE $column = $number; $back; COMMIT");
	delete $account{$copy}{$number};
	return;
}

sub wrong
{
	my $what = "@_";
	push @wrong, $what;
	diag($what);
	return;
}

# Check a copy, and compare what spine says with the account.
sub check
{
	my ($table, $name, $mode) = @_;
	my $copy = "$table.$name";
	my $column = $table eq 'item' ? 'id' : 'v';
	my $expected = $account{$copy} // {};
	# Two statements: the second must see what the first one wrote.
	my $said = $main->safe_psql('postgres', qq{
		SELECT verdict || ' ' || coalesce(drifted, -1) FROM spine.check_replica('w.$copy', '$mode');
		SELECT key ->> '$column', bool_or(confirmed_at IS NOT NULL), count(*), min(kind)
		  FROM spine.drift WHERE placement = 'w.$copy' GROUP BY 1});
	my ($verdict, @rows) = split /\n/, $said;
	my %open = map { my ($n, @rest) = split /\|/; $n => \@rest } @rows;

	$checked{$copy}++;
	($verdict) = split / /, $verdict;
	wrong("$copy: verdict $verdict") if $verdict !~ /^(equal|lagging|drift)$/;
	foreach my $number (keys %$expected)
	{
		my $entry = $expected->{$number};
		my $found = $open{$number};

		next if $entry->{kind} eq 'hot';
		if (!$found || $found->[1] < $entry->{keys})
		{
			wrong("$copy: $entry->{kind} of $number was missed, verdict $verdict");
			next;
		}
		$at_once++ unless $entry->{found}++;
		$entry->{confirmed} = 1 if $found->[0] eq 't';
	}
	my @drift = grep { $open{$_}[0] eq 't' } keys %open;
	foreach my $number (@drift)
	{
		wrong("$copy: false alarm, $open{$number}[2] of $number") unless $expected->{$number};
	}
	wrong("$copy: verdict $verdict, though drift is (@drift)")
	  if ($verdict eq 'drift') != (@drift > 0);
	return $verdict;
}

sub cold { my ($copy) = @_; return grep { $account{$copy}{$_}{kind} ne 'hot' } keys %{ $account{$copy} }; }

# ---- the rounds ----

my @placements = map { my $t = $_; map { [ $t, $_ ] } qw(etl sub standby) } qw(item event);
my $start = time;
foreach my $round (1 .. $rounds)
{
	foreach my $copy (shuffle keys %account)
	{
		my ($table) = split /\./, $copy;
		my @choice = keys %{ $kinds{$table} };

		put_in($copy, $choice[ rand @choice ]) foreach 1 .. int(rand(4));
		put_in_hot($copy) if rand() < 0.15;
	}
	check(@$_, rand() < 0.8 ? 'digest' : 'rows') foreach shuffle @placements;
	# What was confirmed may be put right: then it must be closed at the next check.
	foreach my $copy (keys %account)
	{
		take_out($copy, $_)
		  foreach grep { $account{$copy}{$_}{confirmed} && rand() < 0.3 } cold($copy);
	}
}
note(sprintf '%d rounds took %.1f s', $rounds, time - $start);

# ---- every difference is confirmed, under load ----

my $deadline = time + 60;
sub unconfirmed { my ($copy) = @_; return grep { !$account{$copy}{$_}{confirmed} } cold($copy); }
while ((my @open = grep { unconfirmed($_) } keys %account) && time < $deadline)
{
	check(split(/\./, $_), 'digest') foreach @open;
}
is(sum0(map { scalar unconfirmed($_) } keys %account), 0, 'every difference that was put in is confirmed');

# ---- and when all is put right, and quiet, all is proved equal ----

foreach my $process (@background)
{
	$process->signal('TERM');
	eval { $process->finish };
}
$sub->safe_psql('postgres', 'ALTER SUBSCRIPTION s ENABLE');
foreach my $copy (keys %account)
{
	my ($node, $relation, $table) = where($copy);
	take_out($copy, $_) foreach cold($copy);
	next if $table ne 'item';
	# Hot rows that differ: from the source, as they are now.
	$account{$copy} = {};
}
$main->wait_for_catchup('s');
$main->safe_psql('postgres', q{
	BEGIN;
	TRUNCATE etl.item, etl.event, etl.queue;
	INSERT INTO etl.item TABLE w.item;
	INSERT INTO etl.event TABLE w.event;
	COMMIT;
	UPDATE w.item SET a = a WHERE id <= 1000});
$main->wait_for_catchup('s');
$main->safe_psql('postgres', q{TRUNCATE etl.item; INSERT INTO etl.item TABLE w.item});
my %verdict = map { join('.', @$_) => check(@$_, 'digest') } @placements;
is_deeply(\%verdict, { map { join('.', @$_) => 'equal' } @placements }, 'all copies are proved equal');

# ---- a bit that a disk turns over ----

my $path = $standby->data_dir . '/'
  . $main->safe_psql('postgres', q{SELECT pg_relation_filepath('w.rot')});
# Nobody may have a reason left to write the page again.
$main->safe_psql('postgres', 'VACUUM FREEZE w.rot; CHECKPOINT');
$main->wait_for_catchup('standby', 'replay');
$standby->safe_psql('postgres', 'CHECKPOINT');
$standby->stop;
run_log([ 'pg_checksums', '--disable', '-D', $standby->data_dir ]);
my $heap = slurp_file($path);
my $at = index($heap, 'row number 123');
cmp_ok($at, '>', 0, 'the row stands in the standby\'s file');
open my $file, '+<:raw', $path or die "$path: $!";
seek $file, $at + 13, 0;
print $file chr(ord('3') ^ 1);
close $file;
$standby->start;
$main->wait_for_catchup('standby', 'replay');
is($main->safe_psql('postgres', q{
	SELECT verdict, drifted FROM spine.check_replica('w.rot.standby');
	SELECT key, kind, columns, confirmed_at IS NOT NULL FROM spine.drift}),
	qq{drift|1\n{"id": 123}|changed|["b"]|t}, 'a single bit of a standby\'s file is found');

# ---- the sum ----

is(scalar @wrong, 0, 'no false alarm, and no miss');
my $worst = $main->safe_psql('postgres', q{SELECT extract(epoch FROM lag) FROM etl.worst});
cmp_ok($worst, '<', 5, 'the flow kept its bound, as the test supposes');
note(sprintf '%d checks, %d differences put in (%s) and %d into rows under load, %d found at the first check',
	sum0(values %checked), sum0(values %put),
	(join ', ', map { "$put{$_} $_" } sort keys %put), $hot, $at_once);
cmp_ok(sum0(values %put), '>=', $rounds, 'differences were put in');
$standby->stop;
$sub->stop;
$main->stop;
done_testing();
