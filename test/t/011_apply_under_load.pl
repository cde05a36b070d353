# Applying while the governed tables are written: nobody fails, nobody
# deadlocks, and a writer waits no longer than an apply holds its lock.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION spine;
	CREATE ROLE writer LOGIN;
	CREATE SCHEMA busy;
	CREATE TABLE busy.t (id int PRIMARY KEY, v int NOT NULL DEFAULT 0);
	CREATE TABLE busy.waits (writer int, longest interval, statements int);
	GRANT USAGE ON SCHEMA busy TO writer;
	GRANT ALL ON ALL TABLES IN SCHEMA busy TO writer;
	INSERT INTO busy.t SELECT generate_series(1, 1000);
	CREATE TABLE busy.go (stop boolean);
	GRANT SELECT ON busy.go TO writer});

# The document with its dataset in a mode; each differs from the one before.
sub document
{
	my ($mode, $note) = @_;
	return qq({"kind": "DataSpine", "apiVersion": "spine/v1",
		"stores": {"main": {"kind": "postgres"}},
		"parties": {"writer": {"kind": "service", "role": "writer"}},
		"contexts": {"busy": {"owner": "writer", "datasets": {"ts":
			{"relation": "busy.t", "description": "$note",
			 "enforcement": "$mode",
			 "sot": {"store": "main", "locator": "busy.t"}}}}}});
}

# Writers: single-row updates, each a transaction, until they are told to
# stop; each keeps the longest wait of a statement that it saw.
my $writer = q{DO $$
	DECLARE
		started timestamptz; longest interval := '0'; n int := 0; row int;
	BEGIN
		WHILE NOT EXISTS (SELECT FROM busy.go) LOOP
			started := clock_timestamp();
			row := 1 + random() * 999;
			UPDATE busy.t SET v = v + 1 WHERE id = row;
			COMMIT;
			longest := greatest(longest, clock_timestamp() - started);
			n := n + 1;
		END LOOP;
		INSERT INTO busy.waits VALUES (1, longest, n);
	END $$};
my @errors = ('', '');
my @writers = map {
	IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('postgres'),
			'-c', 'SET ROLE writer', '-c', $writer
		],
		'>', \my $out, '2>', \$errors[$_])
} 0 .. 1;
$node->poll_query_until('postgres', 'SELECT sum(v) > 100 FROM busy.t')
  or die 'the writers do not write';

# Attach, change without attaching, detach, again and again.
my ($applied, $longest) = (0, 0);
foreach my $round (1 .. 15)
{
	foreach my $mode (qw(enforce observe off))
	{
		my $document = document($mode, "round $round");
		my $took = $node->safe_psql('postgres', qq{
			SET lock_timeout = '60s';
			DO \$do\$ BEGIN PERFORM spine.apply(\$json\$$document\$json\$); END \$do\$;
			SELECT 1});
		$applied += $took;
	}
}
is($applied, 45, 'every apply under load went through');
$node->safe_psql('postgres', 'INSERT INTO busy.go VALUES (true)');
$_->finish foreach @writers;
is(join('', @errors), '', 'no writer failed');

my ($wait, $statements) = split /\|/, $node->safe_psql('postgres', q{
	SELECT extract(epoch FROM max(longest)) * 1000, sum(statements)
	FROM busy.waits});
note("longest wait of $statements writes beside $applied applies: $wait ms");
cmp_ok($wait, '<', 10000, 'no writer stalled');
is( $node->safe_psql(
		'postgres', 'SELECT sum(v) = (SELECT sum(statements) FROM busy.waits) FROM busy.t'),
	't', 'no write was lost');

$node->stop;
done_testing();
