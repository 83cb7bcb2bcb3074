#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A machine answers by IPv4 and IPv6; it is asked at its IPv4 address, once that is known, and not as
# if it were two.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2 both
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/first" 3000000 1
make_octets "$tree/second" 5000000 2
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 first second
lan_mount lan2 "$URL"
lan_read lan2 first
known() { test "$(lan_status lan2 '[.peers[] | select(.address | startswith("10.78.0.1:"))] | length')" = 1; }
wait_until 10 known
by_ipv6() { lan_status lan2 '[.peers[] | select(.address | startswith("[")) | .blocks] | add // 0'; }
before=$(by_ipv6)
lan_read lan2 second
assert_eq "$before" "$(by_ipv6)" 'blocks by IPv6, once IPv4 is known'
assert_num "$(lan_status lan2 .sources.peer.bytes)" -ge 5000000 'octets from peers'
lan_leave
