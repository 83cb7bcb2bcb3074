#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A peer with a part of the file gives that part, the origin the rest: of whole segments (2.0), and of a
# segment's blocks (1.0).
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
size=20000000 half=10000000
make_octets "$tree/file" $size 1
lan_informed "$tree"
for version in 1 2; do
	lan_mount lan1 "$URL" versions=$version
	# The origin goes before read-ahead has got all of it.
	informed_set /file '{"content_rate": 4000000}'
	head -c $half "$TEST_DIR/lan1/file" | cmp -n $half - "$tree/file"
	stop_server
	has_version "$TEST_DIR/lan1/file" $version || fail 'no content information'
	assert_num "$(lan_status lan1 .cache.used)" -lt $((size - 1000000)) 'octets that lan1 holds'
	# Nobody reads there any more, so no more comes.
	umount_fs "$TEST_DIR/lan1"
	lan_again lan1
	restart_server
	lan_mount lan2 "$URL" versions=$version
	lan_read lan2 file
	given=$(lan_status lan2 .sources.peer.bytes)
	assert_num "$given" -ge $((half * 9 / 10)) "octets from the peer, version $version"
	assert_num "$given" -lt $size "octets from the peer, version $version"
	assert_eq $size $((given + $(lan_status lan2 .sources.origin.bytes))) 'octets in all'
	assert_eq 0 "$(lan_status lan2 '.errors.hash + .errors.peer')" 'errors'
	lan_forget lan2
	lan_forget lan1
done

# The scripted peer has the first half of all blocks.
lan_script lan2 --file "$tree/file" --version 1 --retrieval half
for attempt in 1 2 3; do # its answer may be late on a busy machine
	lan_mount lan1 "$URL" versions=1
	lan_read lan1 file
	given=$(lan_status lan1 .sources.peer.bytes)
	[ "$given" -lt $((half * 9 / 10)) ] || break
	lan_forget lan1
done
assert_num "$given" -ge $((half * 9 / 10)) 'octets from the scripted peer'
assert_num "$given" -le $((half + 65536)) 'octets from the scripted peer'
lan_leave
