#!/usr/bin/perl
# ownership.pl: what the guard costs, beside what it is compared with.
#
# Runs inside dev/server.sh (see ownership.sh).  For each scenario one table,
# one statement and several variants of what stands in the statement's way.
# A round runs each variant once, in random order, in the same session on the
# same rows: switch it on, warm up, run, roll back, switch it off,
# CHECKPOINT, VACUUM.  The figure is the backend's time on a CPU for the
# statement alone.
#
# A busy neighbour can only add to that time, so the best of all rounds says
# most.  Beside it stand the median of the rounds, and the median of the
# comparisons of runs of the same round, with an interval that holds it with
# 95 %.  Where a few nanoseconds matter, the statement is cut into slices of
# the table's pages; each slice is then compared for itself.
#
#   --rows N        rows of each table (120000)
#   --rounds N      rounds of each scenario (11)
#   --only A,B      these scenarios; reload and writers are two of them
#   --variants A,B  these variants, and those that they are compared with
#   --seed N        of the random order

use strict;
use warnings;

use FindBin;
use Getopt::Long;
use IPC::Open2;
use List::Util qw(max min shuffle sum);

my %option = (rows => 120_000, rounds => 11, seed => time);
GetOptions(\%option, 'rows=i', 'rounds=i', 'only=s', 'variants=s', 'seed=i')
  or exit 2;
srand $option{seed};

# Executions of a prepared statement in each slice of a run.
my $singles = 400;

# How long, and how often, many sessions write at once.
my ($writers_seconds, $writers_rounds) = (2, 5);

# Lines about goals of the scenario reload.
my @reload_goals;

# ---- variants ----

# SQL that puts an AFTER UPDATE trigger on a table.
sub after_update
{
	my ($function) = @_;
	return 'CREATE TRIGGER rival AFTER UPDATE ON bench.TABLE FOR EACH ROW '
	  . "EXECUTE FUNCTION bench.$function()";
}

# What each variant is called, and how it is switched on and off for a table;
# TABLE stands for its name, WHEN for the trigger's time and event.
my %variant = (
	none => { name => 'no trigger' },
	floor => {
		name => 'empty C row trigger',
		on => 'CREATE TRIGGER rival WHEN ON bench.TABLE FOR EACH ROW '
		  . 'EXECUTE FUNCTION bench.floor_TIME()',
		off => 'DROP TRIGGER rival ON bench.TABLE' },
	spine => {
		name => 'spine, audit none',
		on => q{SELECT bench.govern('TABLE', 'none')},
		off => q{SELECT bench.govern('TABLE', 'off')} },
	audit => {
		name => 'spine, audit all',
		on => q{SELECT bench.govern('TABLE', 'all')},
		off => q{SELECT bench.govern('TABLE', 'off')} },
	hand => {
		name => 'PL/pgSQL, rules written out',
		on => 'CREATE TRIGGER rival WHEN ON bench.TABLE FOR EACH ROW '
		  . 'EXECUTE FUNCTION bench.by_hand()',
		off => 'DROP TRIGGER rival ON bench.TABLE' },
	table => {
		name => 'PL/pgSQL, rules in a table',
		rounds => 3,
		on => 'CREATE TRIGGER rival WHEN ON bench.TABLE FOR EACH ROW '
		  . 'EXECUTE FUNCTION bench.by_table()',
		off => 'DROP TRIGGER rival ON bench.TABLE' },
	spi => {
		name => 'C trigger, audit row through SPI',
		on => after_update('spi_audit'),
		off => 'DROP TRIGGER rival ON bench.TABLE' },
	plaudit => {
		name => 'PL/pgSQL, audit row',
		rounds => 5,
		on => after_update('plpgsql_audit'),
		off => 'DROP TRIGGER rival ON bench.TABLE' },
	records => {
		name => 'PL/pgSQL, both rows as jsonb',
		rounds => 5,
		on => after_update('records_audit'),
		off => 'DROP TRIGGER rival ON bench.TABLE' },
	both => {
		name => 'PL/pgSQL, rules written out and audit row',
		on => 'CREATE TRIGGER rival WHEN ON bench.TABLE FOR EACH ROW '
		  . 'EXECUTE FUNCTION bench.by_hand(); '
		  . (after_update('plpgsql_audit') =~ s/rival/rival2/r),
		off => 'DROP TRIGGER rival ON bench.TABLE; '
		  . 'DROP TRIGGER rival2 ON bench.TABLE' },
	check => {
		name => 'CHECK constraint',
		on => 'SELECT bench.use_check()',
		off => 'ALTER TABLE bench.TABLE DROP CONSTRAINT rival' },
	rls => {
		name => 'row level security',
		on => 'ALTER TABLE bench.TABLE ENABLE ROW LEVEL SECURITY',
		off => 'ALTER TABLE bench.TABLE DISABLE ROW LEVEL SECURITY' });
my @basic = qw(none floor spine audit);

# ---- scenarios ----

my @scenarios = (
	{
		key => 'bulk',
		title => 'Bulk UPDATE of a governed attribute',
		about => '7 columns, 5 states, 2 parties',
		table => 'orders',
		statement => 'UPDATE bench.orders SET total_price = total_price + 1',
		variants => [qw(none floor spine audit check rls hand table)] },
	{
		key => 'trail',
		title => 'The same, with a record of each write',
		about => '7 columns; spine checks and records, the others record '
		  . 'only; no index on any of the records',
		table => 'orders',
		rounds => 7,
		statement => 'UPDATE bench.orders SET total_price = total_price + 1',
		variants => [qw(none floor audit spi plaudit records)] },
	{
		key => 'wide',
		title => 'The same at 64 states, 64 attributes, 64 parties',
		about => '66 columns, of which 65 bigint; rows in all 64 states',
		table => 'wide',
		statement => 'UPDATE bench.wide SET c40 = c40 + 1',
		variants => [@basic] },
	{
		key => 'mixed',
		title => 'The same with columns of many types and NULLs',
		about => '66 columns of eight types, some NULL, the state in the '
		  . 'middle; 64 states, 64 attributes, 64 parties',
		table => 'mixed',
		statement => 'UPDATE bench.mixed SET c41 = c41 + 1',
		variants => [@basic] },
	{
		key => 'own',
		title => "The guard's own cost: 7 columns",
		about => 'The first scenario again, in slices',
		table => 'orders',
		slices => 10,
		statement => 'UPDATE bench.orders SET total_price = total_price + 1 WHERE SLICE',
		variants => [qw(floor spine)] },
	{
		key => 'own-wide',
		title => "The guard's own cost: 64 states, 64 attributes, 64 parties",
		about => 'The second scenario again, in slices',
		table => 'wide',
		slices => 10,
		statement => 'UPDATE bench.wide SET c40 = c40 + 1 WHERE SLICE',
		variants => [qw(floor spine)] },
	{
		key => 'own-mixed',
		title => "The guard's own cost: the same with many types and NULLs",
		about => 'The third scenario again, in slices',
		table => 'mixed',
		slices => 10,
		statement => 'UPDATE bench.mixed SET c41 = c41 + 1 WHERE SLICE',
		variants => [qw(floor spine)] },
	{
		key => 'partitioned',
		title => 'Bulk UPDATE of a partitioned table',
		about => '7 columns, 8 hash partitions',
		table => 'parts',
		statement => 'UPDATE bench.parts SET total_price = total_price + 1',
		variants => [@basic] },
	{
		key => 'open',
		title => 'Bulk UPDATE of an attribute that no rule names',
		about => '7 columns; the states are not locked',
		table => 'orders',
		statement => q{UPDATE bench.orders SET note = 'as settled'},
		variants => [@basic] },
	{
		key => 'insert',
		title => 'Bulk INSERT',
		about => '7 columns, a primary key; floor: an empty C AFTER trigger, '
		  . 'since the guard judges the row as stored',
		table => 'orders',
		event => 'insert',
		statement => q{INSERT INTO bench.orders
			SELECT id + 1000000000, 'open', customer, total_price,
				tracking_code, note FROM bench.orders},
		variants => [@basic] },
	{
		key => 'single',
		title => 'Single-row UPDATE, prepared, each a transaction',
		about => 'by primary key, ' . 10 * $singles
		  . ' executions in a run',
		table => 'orders',
		slices => 10,
		prepared => 'UPDATE bench.orders SET total_price = total_price + 1 '
		  . 'WHERE id = $1',
		variants => [qw(none floor spine audit hand)] });

# ---- sessions ----

# A psql that stays: run SQL in it and return the lines that it prints.  One
# that expects refusals keeps quiet about errors.
sub session
{
	my ($user, $quiet) = @_;

	open my $stderr, '>&', \*STDERR or die "stderr: $!\n";
	open STDERR, '>', '/dev/null' or die "/dev/null: $!\n" if $quiet;
	my $pid = open2(my $out, my $in, qw(stdbuf -oL psql -XAtq -v),
		'ON_ERROR_STOP=1', '-U', $user);
	open STDERR, '>&', $stderr or die "stderr: $!\n";
	print $in "SET client_min_messages = error;\n";
	return { in => $in, out => $out, pid => $pid };
}

sub run_sql
{
	my ($session, $sql) = @_;
	my ($in, $out) = @{$session}{qw(in out)};
	my @lines;

	print $in "$sql\n\\echo ---\n";
	$in->flush;
	while (my $line = <$out>)
	{
		chomp $line;
		return @lines if $line eq '---';
		push @lines, $line;
	}
	die "psql ended on: $sql\n";
}

# Make the tables.
sub setup
{
	system('psql', '-Xq', '-v', 'ON_ERROR_STOP=1',
		'-v', "rows=$option{rows}", '-v', "floor=$FindBin::Bin/floor/floor",
		'-f', "$FindBin::Bin/ownership.sql") == 0
	  or die "the tables could not be made\n";
	return;
}

setup();
my $admin = session($ENV{PGUSER});
my $app = session('bench_app');

# ---- one run ----

sub filled
{
	my ($sql, $scenario) = @_;
	my $insert = ($scenario->{event} // '') eq 'insert';
	my %word = (
		TABLE => $scenario->{table},
		WHEN => $insert ? 'AFTER INSERT' : 'BEFORE UPDATE',
		TIME => $insert ? 'after' : 'before');

	$sql =~ s/\b(TABLE|WHEN)\b(?! bench)/$word{$1}/g;
	$sql =~ s/floor_TIME/floor_$word{TIME}/;
	return "$sql;";
}

sub switch
{
	my ($scenario, $variant, $way) = @_;
	my $sql = $variant{$variant}{$way};

	run_sql($admin, filled($sql, $scenario)) if $sql;
	return;
}

# Rows of other runs are gone.  VACUUM is the first to touch each page after
# the checkpoint, so that it, and not the next run, writes the page's image.
sub tidy
{
	my ($scenario) = @_;
	run_sql($admin, "TRUNCATE spine.audit_log_default, bench.trail,
			bench.trail_records;
		CHECKPOINT;
		VACUUM bench.$scenario->{table};");
	return;
}

# The statement of each slice.
sub statements
{
	my ($scenario) = @_;
	my $slices = $scenario->{slices} or return ($scenario->{statement});
	my ($pages) = run_sql($admin,
		"SELECT pg_relation_size('bench.$scenario->{table}') / 8192;");
	my @first = map { int($pages * $_ / $slices) } 0 .. $slices - 1;

	return map {
		my $in = "ctid >= '($first[$_],0)'";
		$in .= " AND ctid < '($first[$_ + 1],0)'" if $_ < $#first;
		$scenario->{statement} =~ s/WHERE SLICE/WHERE $in/r
	} 0 .. $#first;
}

# Time on a CPU of each slice, in ns for each of its rows.
sub bulk_run
{
	my ($scenario) = @_;
	$scenario->{statements} //= [ statements($scenario) ];
	my @all = @{ $scenario->{statements} };
	my @timed = map { timed("$_;") } @all;
	my $warm_up = $scenario->{statement} =~ s/ WHERE SLICE//r;
	my @ns = run_sql($app, "
		BEGIN;
		$warm_up WHERE id <= 1000;
		ROLLBACK;
		BEGIN;
		@timed
		ROLLBACK;");

	return [ map { $_ * @all / $option{rows} } @ns ];
}

# SQL that prints the time on a CPU of some SQL.
sub timed
{
	my ($sql) = @_;
	return "SELECT bench.cpu() AS before \\gset\n$sql\n"
	  . "SELECT bench.cpu() - :before;\n";
}

# The same for prepared statements, for each execution.
sub single_run
{
	my ($scenario) = @_;
	my $slices = $scenario->{slices};
	my $step = int($option{rows} / $slices / $singles) || 1;
	my @timed = map {
		my $first = $_ * $singles;
		timed(join '', map { 'EXECUTE one(' . ($first + $_) * $step . ");\n" }
			  1 .. $singles)
	} 0 .. $slices - 1;
	my @ns = run_sql($app, "
		PREPARE one(bigint) AS $scenario->{prepared};
		@{[ map { 'EXECUTE one(1);' } 1 .. 10 ]}
		@timed
		DEALLOCATE one;");

	return [ map { $_ / $singles } @ns ];
}

# All rounds of a scenario: variant => [[ns of each slice] of each round].
sub measure
{
	my ($scenario) = @_;
	my @variants = wanted_variants($scenario);
	my %ns;

	tidy($scenario);
	foreach my $round (1 .. $option{rounds})
	{
		foreach my $variant (shuffle @variants)
		{
			next if $round > ($variant{$variant}{rounds} // $round) ||
			  $round > ($scenario->{rounds} // $round);
			switch($scenario, $variant, 'on');
			push @{ $ns{$variant} },
			  $scenario->{prepared} ? single_run($scenario)
			  : bulk_run($scenario);
			switch($scenario, $variant, 'off');
			tidy($scenario);
		}
	}
	return \%ns;
}

sub wanted_variants
{
	my ($scenario) = @_;
	my @all = @{ $scenario->{variants} };

	return @all unless $option{variants};
	my %wanted = map { $_ => 1 } qw(none floor), split /,/, $option{variants};
	return grep { $wanted{$_} } @all;
}

# ---- figures ----

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	my $half = @sorted / 2;
	return @sorted % 2 ? $sorted[$half]
	  : ($sorted[ $half - 1 ] + $sorted[$half]) / 2;
}

# An interval that holds the median with at least 95 %, whatever the
# distribution: between the k-th values from both ends.
sub interval
{
	my @sorted = sort { $a <=> $b } @_;
	my $n = @sorted;
	my ($k, $term, $tail) = (0, 0.5**$n, 0);

	while ($tail + $term <= 0.025)
	{
		$tail += $term;
		$k++;
		$term *= ($n - $k + 1) / $k;
	}
	$k = 1 if $k < 1;
	return ($sorted[ $k - 1 ], $sorted[ $n - $k ]);
}

sub mean { return sum(@_) / @_; }

# The least time of each slice, and of those the mean.
sub best
{
	my ($rounds) = @_;
	return mean(map { my $n = $_; min(map { $_->[$n] } @$rounds) }
		  0 .. $#{ $rounds->[0] });
}

# Figures of one variant against another.
sub against
{
	my ($own, $other, $compare) = @_;
	my @pairs;

	foreach my $round (0 .. $#$own)
	{
		push @pairs,
		  map { $compare->($own->[$round][$_], $other->[$round][$_]) }
		  0 .. $#{ $own->[$round] };
	}
	my ($low, $high) = interval(@pairs);
	return {
		best => $compare->(best($own), best($other)),
		median => median(@pairs),
		low => $low,
		high => $high };
}

sub ratio { my ($a, $b) = @_; return $a / $b; }
sub difference { my ($a, $b) = @_; return $a - $b; }

# ---- report ----

# A comparison: of the best, then the median of the pairs and its interval.
sub compared
{
	my ($own, $other, $compare, $format) = @_;
	return '– | –' unless $other;
	return sprintf "$format | $format [$format … $format]",
	  @{ against($own, $other, $compare) }{qw(best median low high)};
}

sub report
{
	my ($scenario, $ns) = @_;

	print "\n### $scenario->{title}\n\n$scenario->{about}.  ",
	  "`test/bench/ownership.sh --only $scenario->{key}`\n\n",
	  "| variant | ns/row, best | median | × no trigger, best | pairs "
	  . "| ns/row over the empty trigger, best | pairs |\n",
	  "|---|--:|--:|--:|--:|--:|--:|\n";
	foreach my $variant (wanted_variants($scenario))
	{
		my $own = $ns->{$variant};

		printf "| %s | %.0f | %.0f | %s | %s |\n", $variant{$variant}{name},
		  best($own), median(map { mean(@$_) } @$own),
		  compared($own, $ns->{none}, \&ratio, '%.2f'),
		  compared($own, $ns->{floor}, \&difference, '%+.0f');
	}
	return;
}

# What was promised; the best figures decide.
sub goals
{
	my ($all) = @_;
	my @rows;

	foreach my $key (qw(bulk wide mixed))
	{
		my $ns = $all->{$key} or next;
		push @rows, goal("$key: audit none, × no trigger", $ns->{spine},
			$ns->{none}, \&ratio, 1.40, '%.2f');
		push @rows, goal("$key: audit all, × no trigger", $ns->{audit},
			$ns->{none}, \&ratio, 2.50, '%.2f');
	}
	if (my $ns = $all->{bulk})
	{
		foreach my $base (qw(none floor))
		{
			push @rows, less($ns, $base) if $ns->{table} && $ns->{$base};
		}
	}
	foreach my $key (qw(own own-wide own-mixed))
	{
		my $ns = $all->{$key} or next;
		push @rows, goal("$key: audit none, ns/row over the empty trigger",
			$ns->{spine}, $ns->{floor}, \&difference, 25, '%.0f');
	}
	push @rows, @reload_goals;
	return unless @rows;
	print "\n### Goals\n\n| goal | at most | best | pairs | |\n",
	  "|---|--:|--:|--:|---|\n", @rows;
	return;
}

sub goal
{
	my ($name, $own, $other, $compare, $limit, $format) = @_;
	return () unless $own;
	my $best = $compare->(best($own), best($other));

	return sprintf "| %s | $format | %s | %s |\n", $name, $limit,
	  compared($own, $other, $compare, $format),
	  $best <= $limit ? 'met' : 'missed';
}

# How much less the guard adds than PL/pgSQL with rules in a table.
sub less
{
	my ($ns, $base) = @_;
	my $floor = best($ns->{$base});
	my $times = (best($ns->{table}) - $floor) / (best($ns->{spine}) - $floor);

	return sprintf "| bulk: rules in a table add … × what audit none adds "
	  . "to %s | at least 100 | %.0f | – | %s |\n",
	  $base eq 'none' ? 'no trigger' : 'the empty trigger', $times,
	  $times >= 100 ? 'met' : 'missed';
}

# ---- after a change of rules ----

# What one statement of a warm session costs: ns on a CPU, then µs by the
# clock; or nothing if it was refused.
sub one_statement
{
	my ($session, $sql) = @_;
	my @lines = run_sql($session, "\\set ON_ERROR_STOP off
		BEGIN;
		SELECT bench.cpu() AS cpu, clock_timestamp() AS clock \\gset
		$sql;
		\\set refused :ERROR
		\\if :refused
		\\else
		SELECT bench.cpu() - :cpu,
			extract(epoch FROM clock_timestamp() - :'clock') * 1e6;
		\\endif
		ROLLBACK;");
	return $lines[0] ? split(/\|/, $lines[0]) : ();
}

# Apply a change of a dataset's rules; then, in sessions that are warm, its
# first statement beside one that follows.
sub reload
{
	my @sessions = map { session('bench_app', 1) } 1 .. 8;
	my %case = (
		orders => [ 'total_price', '5 states, 7 columns, 2 parties' ],
		wide => [ 'c40', '64 states, 64 attributes, 64 parties' ]);
	my $rounds = $option{rounds};
	my ($obeyed, $asked) = (0, 0);

	print "\n### First statement after a change of its rules\n\n",
	  "8 sessions that have written to the table before; an apply changes ",
	  "who may write one attribute; then each session writes it.  The first ",
	  "such statement, less the median of five that follow.  ",
	  "`test/bench/ownership.sh --only reload`\n\n",
	  "| dataset | added, µs on a CPU, best | median | worst | µs by the clock, ",
	  "median | warm statement, µs on a CPU, median |\n|---|--:|--:|--:|--:|--:|\n";
	foreach my $table (qw(orders wide))
	{
		my ($attribute, $about) = @{ $case{$table} };
		my $write = "UPDATE bench.$table SET $attribute = $attribute + 1 WHERE id = ";
		my (@cpu, @clock, @warm);

		run_sql($admin, "SELECT bench.govern_attribute('$table', '$attribute', true);");
		foreach my $session (@sessions)
		{
			one_statement($session, $write . $_) foreach 1 .. 3;
		}
		foreach my $round (1 .. $rounds)
		{
			foreach my $open ('false', 'true')
			{
				run_sql($admin,
					"SELECT bench.govern_attribute('$table', '$attribute', $open);");
				foreach my $session (@sessions)
				{
					my ($cpu, $clock) = one_statement($session, $write . $round);
					$asked++;
					$obeyed++ if defined $cpu == ($open eq 'true');
					next unless defined $cpu && $open eq 'true';
					my @after = map { [ one_statement($session, $write . $round) ] } 1 .. 5;
					my $warm = median(map { $_->[0] } @after);
					push @warm, $warm / 1e3;
					push @cpu, ($cpu - $warm) / 1e3;
					push @clock, $clock - median(map { $_->[1] } @after);
				}
			}
		}
		run_sql($admin, "SELECT bench.govern('$table', 'off');");
		printf "| %s | %.0f | %.0f | %.0f | %.0f | %.0f |\n", $about, min(@cpu),
		  median(@cpu), max(@cpu), median(@clock), median(@warm);
		push @reload_goals, sprintf
		  "| reload: %s, µs on a CPU added to the first statement | 2000 "
		  . "| %.0f | median %.0f | %s |\n", $about, min(@cpu), median(@cpu),
		  median(@cpu) <= 2000 ? 'met' : 'missed';
	}
	printf "\n%d of %d first statements obeyed the rules just applied.\n",
	  $obeyed, $asked;
	push @reload_goals, sprintf
	  "| reload: first statements that obey | %d | %d | – | %s |\n", $asked,
	  $obeyed, $obeyed == $asked ? 'met' : 'missed';
	return;
}

# ---- many writers ----

# One run of pgbench: (transactions per second, 99th percentile in ms).
sub writers_run
{
	my ($clients) = @_;
	my $prefix = "$ENV{SPINE_TMP}/writers";
	my $script = "$prefix.sql";

	open my $handle, '>', $script or die "$script: $!\n";
	print $handle "\\set id random(1, $option{rows})\n",
	  "UPDATE bench.orders SET total_price = total_price + 1 WHERE id = :id;\n";
	close $handle;
	my $out = `pgbench -n -M prepared -c $clients -j 2 -T $writers_seconds -U bench_app -l --log-prefix=$prefix -f $script 2>&1`;
	my ($tps) = $out =~ /tps = ([\d.]+)/ or die "pgbench: $out\n";
	die "pgbench: $out\n" if $out =~ /number of failed transactions: [1-9]|aborted/;
	my @latency;
	foreach my $file (glob "$prefix.[0-9]*")
	{
		open my $log, '<', $file or die "$file: $!\n";
		push @latency, (split)[2] while <$log>;
		close $log;
		unlink $file;
	}
	@latency = sort { $a <=> $b } @latency;
	return ($tps, $latency[ int(0.99 * @latency) ] / 1000);
}

# Sessions that write at once, with and without something in their way.
sub writers
{
	my @variants = qw(none spine audit both);
	my %orders = (table => 'orders');

	print "\n### Concurrent writers\n\n",
	  "pgbench, prepared single-row UPDATEs of random rows of `orders`, each a ",
	  "transaction, $writers_seconds s a run, $writers_rounds rounds; × is the median of the ",
	  "comparisons with no trigger in the same round, with its interval.  ",
	  "`test/bench/ownership.sh --only writers`\n\n",
	  "| writers | variant | transactions/s, median | × no trigger | p99, ms, ",
	  "median | × no trigger |\n|--:|---|--:|--:|--:|--:|\n";
	foreach my $clients (8, 32)
	{
		my (%tps, %p99);

		tidy(\%orders);
		foreach my $round (1 .. $writers_rounds)
		{
			foreach my $variant (shuffle @variants)
			{
				switch(\%orders, $variant, 'on');
				my ($tps, $p99) = writers_run($clients);
				push @{ $tps{$variant} }, [$tps];
				push @{ $p99{$variant} }, [$p99];
				switch(\%orders, $variant, 'off');
				tidy(\%orders);
			}
		}
		foreach my $variant (@variants)
		{
			my @figures = map {
				my $own = $_->{$variant};
				(median(map { $_->[0] } @$own),
					@{ against($own, $_->{none}, \&ratio) }{qw(median low high)})
			} \%tps, \%p99;

			printf "| %d | %s | %.0f | %.2f [%.2f … %.2f] "
			  . "| %.2f | %.2f [%.2f … %.2f] |\n", $clients,
			  $variant{$variant}{name}, @figures;
		}
	}
	return;
}

sub slurp
{
	my ($file) = @_;
	open my $handle, '<', $file or return '';
	local $/;
	return scalar(<$handle>) // '';
}

sub circumstances
{
	my ($version) = run_sql($admin, 'SHOW server_version;');
	my ($settings) = run_sql($admin, q{SELECT string_agg(name || ' ' ||
			current_setting(name), ', ' ORDER BY name) FROM pg_settings
		WHERE name IN ('autovacuum', 'fsync', 'full_page_writes', 'jit',
			'shared_buffers', 'synchronous_commit', 'wal_level');});
	my $cpuinfo = slurp('/proc/cpuinfo');
	my $cores = () = $cpuinfo =~ /^processor\s*:/mg;
	my ($model) = $cpuinfo =~ /^model name\s*:\s*(.*)$/m;
	my ($load) = slurp('/proc/loadavg') =~ /^(\S+)/;

	print "PostgreSQL $version, $settings; ",
	  "$option{rows} rows in each table, $option{rounds} rounds, ",
	  "seed $option{seed}; $cores cores",
	  $model ? " ($model)" : '', ", load $load at the start.\n",
	  "Time on a CPU of the backend, best of the rounds and median.\n";
	return;
}

$| = 1;
circumstances();
my %only = map { $_ => 1 } split /,/, $option{only} // '';
my %all;
foreach my $scenario (@scenarios)
{
	next if %only && !$only{ $scenario->{key} };
	$all{ $scenario->{key} } = measure($scenario);
	report($scenario, $all{ $scenario->{key} });
}
reload() if !%only || $only{reload};
writers() if !%only || $only{writers};
goals(\%all);
