#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A machine that was alone on the LAN notices when another one comes: from then on it reads from it,
# also the rest of a file that it began to read before of a slow origin.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse
requires_cmd tc

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/before" 4000000 1
make_octets "$tree/after" 80000000 2
lan_serve "$tree" --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes"
wait_until 30 lan_serves before 2
wait_until 30 lan_serves after 2
# The one that will come has read all of it, somewhere else.
lan_mount lan1 "$URL"
lan_read lan1 before after
umount_fs "$TEST_DIR/lan1"

in_namespace origin tc qdisc add dev eth0 root tbf rate 160mbit burst 256kb latency 50ms || skip 'no tbf here'
lan_mount lan2 "$URL"
lan_read lan2 before
assert_eq 0 "$(lan_status lan2 .sources.peer.bytes)" 'octets from peers, alone'
assert_eq 4000000 "$(lan_status lan2 .sources.origin.bytes)" 'octets from the origin, alone'

# Of the origin it would take 4 s.
timeout 60 cat "$TEST_DIR/lan2/after" >"$TEST_DIR/read" &
reader=$!
wait_until 20 lan_counts lan2 .sources.origin.bytes 6000000
lan_again lan1
wait $reader || fail "the reader: status $?"
assert_same_file "$tree/after" "$TEST_DIR/read"
echo "from the one that came: $(lan_status lan2 .sources.peer.bytes)"
assert_num "$(lan_status lan2 .sources.peer.bytes)" -ge 10000000 'octets from the one that came'
lan_leave
