#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The origin is dead but peers are alive: who holds the content information reads on.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 20000000 1
make_octets "$tree/later" 3000000 2
make_octets "$tree/unknown" 1000000 3
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 file later
# lan2 learns of it while nobody else is there who could give it.
lan_mount lan2 "$URL" mode=local,timeout=8
lan_knows lan2 file
lan_knows lan2 later
stop_server
lan_admin lan2 'mode distributed' >/dev/null
lan_read lan2 file
assert_num "$(lan_status lan2 .sources.peer.bytes)" -gt 10000000 'octets from the peer'
# What was never described cannot be had of anybody.
assert_fails timeout 60 cat "$TEST_DIR/lan2/unknown" >/dev/null

# A peer that came up without its origin gives what it has.
umount_fs "$TEST_DIR/lan1"
lan_again lan1
before=$(lan_status lan2 .sources.peer.bytes)
lan_read lan2 later
assert_num "$(lan_status lan2 .sources.peer.bytes)" -gt "$before" 'octets from the peer, later'
lan_leave
