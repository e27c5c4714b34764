#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
#
# asn2mmdb.pl OUT CSV... - ip-location-db's ASN lists (first, last, number, "name") as a
# MaxMind DB. Uses Debian's libmaxmind-db-writer-perl.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my ($out, @csv) = @ARGV;
die "usage: asn2mmdb.pl OUT CSV...\n" unless @csv;

my %types = (
	autonomous_system_number       => 'uint32',
	autonomous_system_organization => 'utf8_string',
);
my $tree = MaxMind::DB::Writer::Tree->new(
	ip_version            => 6,
	record_size           => 28,
	database_type         => 'IP-ASN',
	languages             => ['en'],
	description           => { en => 'ASN of ip-location-db, see geodata-attribution.md' },
	map_key_type_callback => sub { $types{ $_[0] } },
	alias_ipv6_to_ipv4        => 0,
	remove_reserved_networks  => 0,
);

my ($lines, $bad) = (0, 0);
for my $csv (@csv) {
	open my $in, '<:encoding(UTF-8)', $csv or die "$csv: $!\n";
	while (my $line = <$in>) {
		my ($first, $last, $asn, $name) =
		    $line =~ /^([0-9a-fA-F.:]+),([0-9a-fA-F.:]+),(\d+),(.*?)\r?$/;
		if (!defined $asn || $asn > 4294967295) {
			$bad++;
			next;
		}
		if ($name =~ s/^"(.*)"$/$1/) {
			$name =~ s/""/"/g;
		}
		$tree->insert_range($first, $last, {
			autonomous_system_number       => $asn,
			autonomous_system_organization => $name,
		});
		$lines++;
		printf STDERR "\rasn.mmdb: %d ranges", $lines
		    if $lines % 20000 == 0 && -t STDERR;
	}
	close $in;
}
printf STDERR "%sasn.mmdb: %d ranges, %d lines not understood\n",
    -t STDERR ? "\r" : "", $lines, $bad;
die "asn.mmdb: too many lines not understood\n" if $bad > $lines / 100;
open my $fh, '>:raw', "$out.new" or die "$out.new: $!\n";
$tree->write_tree($fh);
close $fh or die "$out.new: $!\n";
rename "$out.new", $out or die "$out: $!\n";
