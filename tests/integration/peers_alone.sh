#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Nobody else is on the LAN: everything comes from the origin, at once and without a failed READ (the
# kernel would repeat a failed read-ahead, so that the reader alone does not notice; the log does).
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 1 v4
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 1000000 1
make_octets "$tree/more" 3000000 2
lan_informed "$tree"
# Many lives, since what is to be seen here is a matter of who comes first.
for round in {1..12}; do
	lan_mount lan1 "$URL"
	lan_read lan1 file more
	assert_eq 4000000 "$(lan_status lan1 .sources.origin.bytes)" 'octets from the origin'
	assert_eq 0 "$(lan_status lan1 '[.errors[]] | add')" 'errors'
	[ ! -s "$FS_LOG" ] || fail "round $round: $(cat "$FS_LOG")"
	lan_forget lan1
done
