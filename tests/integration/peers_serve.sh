#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same with peerdist serve as the origin, in both versions, behind a slow link: one file crosses it
# once, and a machine that accepts version 1.0 only shares nothing with one that accepts 2.0 only.
# alone: not one answer may be late
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 3 v4
lan_origin wan 100 5
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 6000000 1
lan_serve "$tree" --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes"
for version in 1 2; do
	wait_until 30 lan_serves file $version
done

lan_mount lan1 "$URL" versions=2
lan_read lan1 file
lan_mount lan2 "$URL" versions=2
lan_read lan2 file
assert_eq 6000000 "$(lan_status lan2 .sources.peer.bytes)" 'octets from the peer'
lan_mount lan3 "$URL" versions=1
lan_read lan3 file
assert_eq 0 "$(lan_status lan3 .sources.peer.bytes)" 'octets from peers with another version'
assert_eq 6000000 "$(lan_status lan3 .sources.origin.bytes)" 'octets from the origin'
lan_forget lan2
lan_mount lan2 "$URL" versions=1
lan_read lan2 file
assert_eq 6000000 "$(lan_status lan2 .sources.peer.bytes)" 'octets from the peer, version 1.0'
lan_leave
