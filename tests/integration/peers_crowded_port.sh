#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Hundreds of connections that say nothing, or half a request: those that ask are served all the same,
# and the daemon stays within its memory.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 3
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 1000000 1
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 file
place=$(lan_place lan1)
for node in lan2 lan3; do
	for half in '' --half; do
		# shellcheck disable=SC2086
		background "$TEST_DIR/hold-$node$half.log" nsenter --net="/run/netns/$node" \
			"$PEER_ASK" hold "$place" --connections 600 $half
		wait_until 30 grep -q connections "$TEST_DIR/hold-$node$half.log"
	done
done
wait_until 20 lan_ask lan2 get "$place" --file "$tree/file" --parallel 32
lan_ask lan2 get "$place" --file "$tree/file" --parallel 32 >"$TEST_DIR/got"
assert_eq 0 "$(jq .missing "$TEST_DIR/got")" 'blocks that were refused'
assert_num "$(peak_kib "$FS_PID")" -le $HOSTILE_KIB 'KiB'
assert_num "$(find "/proc/$FS_PID/fd" | wc -l)" -lt 1500 'descriptors'
lan_mount lan2 "$URL"
lan_read lan2 file
assert_eq 1000000 "$(lan_status lan2 .sources.peer.bytes)" 'octets from the crowded peer'
lan_leave
