#!/usr/bin/perl
# lint.pl DIR: the rules of the house that text alone can show.
#
# Prints "ok - lint: RULE" or "not ok - lint: RULE" for each rule, and below
# the latter each place.  A line can be excused by a comment on it or on the
# line before: "lint: allow RULE because ...".

use strict;
use warnings;

my $dir = shift // '.';
chdir $dir or die "$dir: $!\n";

# Who may include whom: a room sees the rooms of the levels below its own.
my @levels = (
	[qw(base)],
	[qw(catalog)],
	[qw(audit)],
	[qw(ownership registry delivery events residency)],
	[qw(consistency cdc lineage governance)],
	[qw(worker)]);
# The programs outside the server see no room at all.
my %outside = map { $_ => 1 } qw(cli ui);

my %level;
foreach my $n (0 .. $#levels)
{
	$level{$_} = $n foreach @{ $levels[$n] };
}

my %rules = (
	arrows => 'rooms include downwards, and public headers only',
	elog => 'elog(ERROR) only for what cannot happen',
	errcode => 'every ereport(ERROR) has an errcode',
	alloc => 'no malloc, strdup, free',
	sleep => 'no sleep, system, popen',
	version => 'PG_VERSION_NUM only in src/base/compat.h',
	'sql-guard' => 'SQL scripts refuse to be run by psql',
	'sql-adopt' => 'SQL scripts adopt no existing object',
	'sql-definer' => 'SECURITY DEFINER pins its search path',
	'sql-comment' => 'every SQL function has a comment',
	'sql-schema' => 'what SQL scripts create is qualified with spine',
	'sql-rooms' => 'SQL parts are NN_name.sql in a room of the Makefile',
	tests => 'each test has its expected result and a name of its own',
	paths => 'no machine-specific path or host',
	versions => 'control file, META.json, Makefile and CHANGELOG.md agree');
my %findings = map { $_ => [] } keys %rules;

my @files = list_files();
lint_c($_) foreach grep { m{^src/.*\.[ch]$} } @files;
lint_sql($_) foreach grep { m{^sql/.*\.sql$} } @files;
lint_sql_set();
lint_tests();
lint_paths();
lint_versions();

my $failed = 0;
foreach my $rule (sort keys %rules)
{
	my @found = @{ $findings{$rule} };
	$failed = 1 if @found;
	print @found ? 'not ok' : 'ok', " - lint: $rule: $rules{$rule}\n";
	print "#   $_\n" foreach @found;
}
exit $failed;

# All source files, sorted.
sub list_files
{
	my $found = `find . \\( -name .git -o -path ./build -o -path ./results -o -path ./tmp_check -o -path ./output_iso \\) -prune -o -type f ! -name '*.o' ! -name '*.bc' ! -name '*.so' ! -name '*.d' ! -path './spine--*.sql' ! -path './regression.*' -print`;
	return sort map { s{^\./}{}r } split /\n/, $found;
}

sub slurp
{
	my ($file) = @_;
	open my $handle, '<', $file or return '';
	local $/;
	return scalar(<$handle>) // '';
}

# Report a rule's violation at a line, unless it is excused there.
sub found
{
	my ($rule, $file, $line, $text, $source) = @_;
	my @lines = split /\n/, $source // '', -1;
	foreach my $n ($line - 1, $line - 2)
	{
		return
		  if $n >= 0 && ($lines[$n] // '') =~ /lint: allow \Q$rule\E because/;
	}
	push @{ $findings{$rule} }, "$file:$line: $text";
}

# The line of an offset.
sub line_of
{
	my ($text, $offset) = @_;
	return 1 + (substr($text, 0, $offset) =~ tr/\n//);
}

# C without comments and the insides of strings, every line kept.
sub strip_c
{
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
			  {defined $1 ? $1 =~ s/[^\n]/ /gr
						  : substr($2, 0, 1) . ('_' x (length($2) - 2)) . substr($2, -1)}gse;
	return $text;
}

sub lint_c
{
	my ($file) = @_;
	my $source = slurp($file);
	my $code = strip_c($source);
	my @lines = split /\n/, $source;
	my ($room) = $file =~ m{^src/([^/]+)/};
	$room //= '';

	# Includes: quoted names are blanked in $code, so look at the source.
	while ($source =~ /^[ \t]*#[ \t]*include[ \t]*"([^"]+)"/mg)
	{
		my ($name, $line) = ($1, line_of($source, $-[0]));
		# The room catalog has the name of a server directory, so a header
		# is a room's only if it is there.
		next unless -e "src/$name" && $name =~ m{^([^/]+)/(.+)$};
		my ($other, $header) = ($1, $2);
		next if $other eq $room;
		if ($room eq '')
		{
			# spine.c starts all rooms; spine.h is what all start from.
			next if $file eq 'src/spine.c' && !$outside{$other};
			next if $other eq 'base';
		}
		elsif (!$outside{$room} && defined $level{$room}
			&& defined $level{$other} && $level{$other} < $level{$room})
		{
			next if $other eq 'base' || $header eq "spine_$other.h";
			found('arrows', $file, $line,
				"$name is not the public header of $other", $source);
			next;
		}
		found('arrows', $file, $line,
			($room || $file) . " may not include $name", $source);
	}
	found('arrows', $file, 1, "the table of rooms lacks $room", $source)
	  if $room ne '' && !defined $level{$room} && !$outside{$room};

	while ($code =~ /\belog\s*\(\s*(ERROR|FATAL|PANIC)\b/g)
	{
		my $line = line_of($code, $-[0]);
		my $before = $line > 1 ? $lines[ $line - 2 ] : '';
		next if "$before\n$lines[$line - 1]" =~ m{/\*.*cannot happen}i;
		found('elog', $file, $line, 'no /* cannot happen */', $source);
	}

	while ($code =~ /\bereport\s*(\(\s*(?:ERROR|FATAL|PANIC)\b)/g)
	{
		my ($start, $line) = ($-[1], line_of($code, $-[0]));
		my $call = balanced(substr($code, $start));
		found('errcode', $file, $line, 'no errcode', $source)
		  unless $call =~ /\berrcode/;
	}

	unless ($outside{$room})
	{
		while ($code =~ /(?<![\w.>])(malloc|calloc|realloc|strdup|strndup|free)\s*\(/g)
		{
			found('alloc', $file, line_of($code, $-[0]), $1, $source);
		}
		while ($code =~ /\b(pg_usleep|usleep|nanosleep|sleep|system|popen)\s*\(/g)
		{
			found('sleep', $file, line_of($code, $-[0]), $1, $source);
		}
	}

	while ($file ne 'src/base/compat.h'
		&& $code =~ /\b(PG_VERSION_NUM|PG_MAJORVERSION_NUM)\b/g)
	{
		found('version', $file, line_of($code, $-[0]), $1, $source);
	}
}

# The text from its opening parenthesis to the one that closes it.
sub balanced
{
	my ($text) = @_;
	my $depth = 0;
	while ($text =~ /([()])/g)
	{
		$depth += $1 eq '(' ? 1 : -1;
		return substr($text, 0, $+[0]) if $depth == 0;
	}
	return $text;
}

# Statements of a script, as [line, text].  Comments become blanks; a quoted
# body stays part of its statement.
sub statements
{
	my ($text) = @_;
	my ($current, $start, @statements) = ('', 0);
	pos($text) = 0;
	while (pos($text) < length $text)
	{
		my $at = pos $text;
		if ($text =~ /\G(?:--[^\n]*|\/\*.*?\*\/)/gcs) { $current .= ' '; }
		elsif ($text =~ /\G(?:'(?:''|[^'])*'|"[^"]*")/gcs
			|| $text =~ /\G\$(\w*)\$.*?\$\1\$/gcs)
		{
			$current .= substr($text, $at, pos($text) - $at);
		}
		elsif ($text =~ /\G;/gc)
		{
			push @statements, [ line_of($text, $start), $current ];
			$current = '';
		}
		else
		{
			$text =~ /\G./gcs;
			my $char = substr($text, $at, 1);
			$start = $at if $current !~ /\S/ && $char =~ /\S/;
			$current .= $char;
		}
	}
	return @statements;
}

my (%function_at, %commented);

sub lint_sql
{
	my ($file) = @_;
	my $source = slurp($file);

	# The first part of the install script, and each script that is one
	# by itself.
	if ($file =~ m{^sql/(header\.sql|updates/|releases/)})
	{
		my $command = $file =~ m{--.*--} ? 'ALTER EXTENSION spine UPDATE'
		  : 'CREATE EXTENSION spine';
		found('sql-guard', $file, 1, 'no \echo ... \quit on the first line',
			$source)
		  unless $source =~ /^\\echo Use "\Q$command\E[^"\n]*" to load this file\. \\quit\n/;
	}

	my $blank = $source;
	$blank =~ s{(--[^\n]*)|(/\*.*?\*/)}{($1 // $2) =~ s/[^\n]/ /gr}gse;
	while ($blank =~ /\b(OR\s+REPLACE|IF\s+NOT\s+EXISTS)\b(?!\s*\()/gi)
	{
		found('sql-adopt', $file, line_of($blank, $-[0]), uc $1, $source);
	}

	$blank =~ s/^\\[^\n]*//mg;    # psql's own lines
	foreach my $statement (statements($blank))
	{
		my ($line, $text) = @$statement;

		if ($text =~ /^\s*COMMENT\s+ON\s+(?:FUNCTION|PROCEDURE|AGGREGATE|ROUTINE)\s+([\w.]+)/i)
		{
			$commented{ lc $1 } = 1;
		}
		next
		  unless $text =~ /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?((?:\w+\s+){0,3}?)(TABLE|VIEW|FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN|SEQUENCE|OPERATOR)\s+(?:IF\s+NOT\s+EXISTS\s+)?("?[\w.~]+"?|\S+)/i;
		my ($kind, $name) = (uc $2, lc $3);

		found('sql-schema', $file, $line, "$kind $name", $source)
		  unless $name =~ /^spine\./;
		next unless $kind =~ /^(FUNCTION|PROCEDURE|AGGREGATE)$/;
		$function_at{$name} //= [ $file, $line, $source ];

		# Look at the clauses, not into the body.
		my $clauses = $text =~ s/\$(\w*)\$.*?\$\1\$//gsr;
		found('sql-definer', $file, $line, $name, $source)
		  if $clauses =~ /\bSECURITY\s+DEFINER\b/i
		  && $clauses !~ /\bSET\s+search_path\s*(?:=|TO)\s*pg_catalog\s*,\s*pg_temp\b(?!\s*,)/i;
	}
}

sub lint_sql_set
{
	foreach my $name (sort keys %function_at)
	{
		next if $commented{$name};
		my ($file, $line, $source) = @{ $function_at{$name} };
		next if $file =~ m{^sql/(updates|releases)/};
		found('sql-comment', $file, $line, $name, $source);
	}

	my ($rooms) = slurp('Makefile') =~ /^ROOMS\s*=\s*(.*)$/m;
	my %known = map { $_ => 1 } split ' ', $rooms // '';
	foreach my $file (grep { m{^sql/} } @files)
	{
		next if $file eq 'sql/header.sql';
		next if $file =~ m{^sql/updates/spine--[\d.]+--[\d.]+\.sql$};
		next if $file =~ m{^sql/releases/spine--[\d.]+\.sql$};
		next if $file =~ m{^sql/([^/]+)/\d\d_\w+\.sql$} && $known{$1};
		found('sql-rooms', $file, 1, 'not concatenated into the script', '');
	}
}

sub lint_tests
{
	my %there = map { $_ => 1 } @files;
	my %test;
	foreach my $file (@files)
	{
		next unless $file =~ m{^test/(?:sql/(\w+)\.sql|specs/(\w+)\.spec)$};
		my $name = $1 // $2;
		found('tests', $file, 1, 'a test of that name exists already', '')
		  if $test{$name}++;
		found('tests', $file, 1, "expected/$name.out is missing", '')
		  unless $there{"expected/$name.out"};
	}
	foreach my $file (grep { m{^expected/} } @files)
	{
		my ($name) = $file =~ m{^expected/(\w+?)(?:_\d)?\.out$};
		found('tests', $file, 1, 'belongs to no test', '')
		  unless defined $name
		  && ($test{$name} || $file =~ m{/(\w+)\.out$} && $test{$1});
	}
}

# Classes in the pattern keep it from finding itself.
sub lint_paths
{
	my $pattern = qr{/[w]ork\b|\.\./[s]hared|/[r]oot/|/[h]ome/\w|[d]eb\.debian\.org|[a]rchive\.ubuntu|[p]ypi\.org|/tmp/[p]gmatrix};
	foreach my $file (@files)
	{
		next unless -T $file;
		my $source = slurp($file);
		while ($source =~ /($pattern)/g)
		{
			found('paths', $file, line_of($source, $-[0]), $1, $source);
		}
	}
}

sub lint_versions
{
	my ($control) = slurp('spine.control') =~ /^default_version\s*=\s*'([^']+)'/m;
	my ($make) = slurp('Makefile') =~ /^EXTVERSION\s*=\s*(\S+)/m;
	my @meta = slurp('META.json') =~ /"version":\s*"([\d.]+)"/g;
	my ($log) = slurp('CHANGELOG.md') =~ /^## ([\d.]+)/m;

	$control //= 'none';
	found('versions', 'Makefile', 1, ($make // 'none') . " is not $control", '')
	  unless ($make // '') eq $control;
	found('versions', 'META.json', 1, ($meta[0] // 'none') . " is not $control.x", '')
	  unless ($meta[0] // '') =~ /^\Q$control\E\.\d+$/;
	found('versions', 'CHANGELOG.md', 1, ($log // 'none') . " is not $control", '')
	  unless ($log // '') =~ /^\Q$control\E(\.\d+)?$/;
}
