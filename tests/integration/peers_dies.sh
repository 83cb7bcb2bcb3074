#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A peer that dies while it gives: the reader goes on with what others have, without an error.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse
requires_cmd tc

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 20000000 1
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 file
# So slowly that there is time to die in.
in_namespace lan1 tc qdisc add dev eth0 root tbf rate 40mbit burst 64kb latency 100ms ||
	skip 'no tbf here'
lan_mount lan2 "$URL"
timeout 60 cat "$TEST_DIR/lan2/file" >"$TEST_DIR/read" &
reader=$!
wait_until 20 lan_counts lan2 .sources.peer.bytes 2000000
kill_fs "$TEST_DIR/lan1"
wait $reader || fail "the reader: status $?"
assert_same_file "$tree/file" "$TEST_DIR/read"
assert_num "$(lan_status lan2 .sources.origin.bytes)" -gt 0 'octets from the origin'
assert_eq 20000000 "$(lan_status lan2 '.sources.origin.bytes + .sources.peer.bytes')" 'octets in all'
assert_eq 0 "$(lan_status lan2 .errors.hash)" 'wrong hashes'
lan_forget lan2

# The scripted one gives 20 blocks, and dies in the middle of the next exchange.
lan_script lan1 --file "$tree/file" --retrieval dies-after --dies-after 20
lan_mount lan2 "$URL"
lan_read lan2 file
assert_num "$(lan_status lan2 .sources.peer.blocks)" -gt 0 'blocks of the scripted peer'
assert_num "$(lan_status lan2 .sources.peer.blocks)" -le 20 'blocks of the scripted peer'
! alive "$SCRIPT_PID" || fail 'the scripted peer lives'
lan_leave
