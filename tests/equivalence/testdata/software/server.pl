# A server that forks for each connection and reaps in a handler; its clients are its
# children too.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ":sys_wait_h";

my ($clients, $requests) = (3, shift);
my $listener = IO::Socket::INET->new(Listen => 50, LocalAddr => "127.0.0.1", Proto => "tcp") or die;
my %ended;
my $reaped = 0;
$SIG{CHLD} = sub {
	local ($!, $?);
	while ((my $pid = waitpid(-1, WNOHANG)) > 0) {
		$ended{ $? >> 8 }++;
		$reaped++;
	}
};

sub client {
	my $number = shift;
	for my $i (1 .. $requests) {
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $listener->sockport, Proto => "tcp") or exit 9;
		print $s "line $number $i\n" x 50;
		shutdown $s, 1;
		my $answer = join "", <$s>;
		exit 8 if $answer ne scalar reverse("line $number $i\n" x 50);
	}
	exit 10 + $number;
}

for my $number (1 .. $clients) {
	my $pid = fork;
	die unless defined $pid;
	client($number) if $pid == 0;
}
my $served = 0;
while ($served < $clients * $requests) {
	my $s = $listener->accept or next;    # a handler has interrupted it
	$served++;
	my $pid = fork;
	die unless defined $pid;
	if ($pid == 0) {
		$SIG{CHLD} = "DEFAULT";
		my $text = join "", <$s>;
		print $s scalar reverse $text;
		exit 20;
	}
	close $s;
}
select undef, undef, undef, 0.01 while $reaped < $served + $clients;
print "$_: $ended{$_}\n" for sort keys %ended;

$SIG{CHLD} = "DEFAULT";

# Pipes to and from programs, and the statuses that they leave.
open my $in, "-|", "seq 1000; exit 3" or die;
my $sum = 0;
$sum += $_ while <$in>;
close $in;
print "$sum ", $? >> 8, "\n";
open my $out, "|-", "sort -rn | head -n 2" or die;
print $out "$_\n" for 1 .. 1000;
close $out;
print `echo back; exit 4`, $? >> 8, "\n";
print system("kill -9 \$\$") & 127, "\n";
eval {
	local $SIG{ALRM} = sub { die "alarm\n" };
	alarm 1;
	select undef, undef, undef, 30;
};
print $@;
