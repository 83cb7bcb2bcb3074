#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two machines on a LAN with IPv6 alone, content information 2.0: what the first has read, the second
# reads from the first, and the origin is asked for none of it.
# alone: not one answer may be late
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2 v6
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/one-block" 65536 1
make_octets "$tree/short-block" 70001 2
make_octets "$tree/middle" 1234567 3
make_octets "$tree/large" 20000001 4
files=(one-block short-block middle large)
lan_informed "$tree"
lan_mount lan1 "$URL" versions=2
lan_read lan1 "${files[@]}"
lan_mount lan2 "$URL" versions=2
lan_passes_on "${files[@]}"
assert_num "$(lan_status lan2 .discovery.probes)" -gt 0 'Probes of lan2'
assert_num "$(lan_status lan2 .discovery.answers)" -gt 0 'answers to lan2'
assert_num "$(lan_status lan1 .discovery.answered)" -gt 0 'answers of lan1'
assert_eq 0 "$(lan_status lan2 '[.peers[] | select(.bad > 0 or .banned)] | length')" 'bad peers'
assert_eq "$(lan_status lan2 .sources.peer.blocks)" "$(lan_status lan2 '[.peers[].blocks] | add')" \
	'blocks of all peers'

# Read again, it comes from the cache.
drop_pages "$TEST_DIR/lan2/middle"
before=$(lan_status lan2 .sources.peer.bytes)
lan_read lan2 middle
assert_eq "$before" "$(lan_status lan2 .sources.peer.bytes)" 'octets from peers, later'
lan_leave
