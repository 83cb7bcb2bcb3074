#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Askers that want many blocks and take none: others are served all the same, and memory stays bounded.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 3
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 2000000 1
lan_informed "$tree"
lan_mount lan1 "$URL" versions=1
lan_read lan1 file
place=$(lan_place lan1)
background "$TEST_DIR/hold.log" nsenter --net=/run/netns/lan2 \
	"$PEER_ASK" hold "$place" --connections 200 --deaf --file "$tree/file" --version 1
wait_until 30 grep -q connections "$TEST_DIR/hold.log"
got_all() {
	lan_ask lan3 get "$place" --file "$tree/file" --version 1 --parallel 32 >"$TEST_DIR/got" &&
		[ "$(jq .missing "$TEST_DIR/got")" = 0 ]
}
wait_until 30 got_all
echo "$(peak_kib "$FS_PID") KiB"
# 200 connections of at most a whole answer each.
assert_num "$(peak_kib "$FS_PID")" -le $((HOSTILE_KIB + 200 * 256)) 'KiB'
lan_mount lan3 "$URL" versions=1
lan_read lan3 file
# What is late on a busy machine may come from the origin as well.
assert_num "$(lan_status lan3 .sources.peer.bytes)" -ge 1000000 'octets from the peer'
lan_leave
