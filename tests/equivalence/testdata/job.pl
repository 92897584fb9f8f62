# Hashes, regular expressions, a sort and files.
use strict;
use warnings;
my ($n) = @ARGV;
my ($x, %seen) = (42);
for my $i (1 .. $n) {
    $x = ($x * 1664525 + 1013904223) % 4294967296;
    my $word = sprintf "%08x", $x;
    $seen{$1}++ if $word =~ /^(\w\w).*[02468ace]$/;
}
open my $out, '>', 'perl.out' or die "perl.out: $!";
print $out "$_ $seen{$_}\n" for sort { $seen{$b} <=> $seen{$a} || $a cmp $b } keys %seen;
close $out or die "perl.out: $!";
open my $in, '<', 'perl.out' or die "perl.out: $!";
my @lines = <$in>;
print scalar(@lines), " lines, first $lines[0]";
local $SIG{ALRM} = sub { print "alarm\n" };
alarm 1;
select undef, undef, undef, 0.05;
alarm 0;
exit 12;
