#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Hundreds of connections that say nothing, or half a request: those that ask are served all the same,
# and the daemon stays within its memory. Who says nothing makes room for who asks, also of the same
# address; with half a request he has a while (tests/unit/test_retrieval_limits.c), but only the places of
# his own address.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 4
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 1000000 1
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 file
place=$(lan_place lan1)
# crowded_by NODE [--half]
crowded_by() {
	background "$TEST_DIR/hold-$1${2:-}.log" nsenter --net="/run/netns/$1" \
		"$PEER_ASK" hold "$place" --connections 600 "${@:2}"
	wait_until 30 grep -q connections "$TEST_DIR/hold-$1${2:-}.log"
}
# served NODE
served() {
	wait_until 20 lan_ask "$1" get "$place" --file "$tree/file" --parallel 32
	lan_ask "$1" get "$place" --file "$tree/file" --parallel 32 >"$TEST_DIR/got"
	assert_eq 0 "$(jq .missing "$TEST_DIR/got")" "blocks that were refused to $1"
}
for node in lan2 lan3; do crowded_by $node; done
served lan2
for node in lan2 lan3; do crowded_by $node --half; done
served lan4
assert_num "$(peak_kib "$FS_PID")" -le $HOSTILE_KIB 'KiB'
assert_num "$(find "/proc/$FS_PID/fd" | wc -l)" -ge 400 'descriptors: it is crowded'
assert_num "$(find "/proc/$FS_PID/fd" | wc -l)" -lt 1500 'descriptors'
lan_mount lan4 "$URL"
lan_read lan4 file
assert_eq 1000000 "$(lan_status lan4 .sources.peer.bytes)" 'octets from the crowded peer'
lan_leave
