#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A peer that gives wrong octets, or right ones in wrong messages: the reader gets what the origin
# vouches for, within bounds of time and memory, and the blame is counted.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
size=3000001
make_octets "$tree/file" $size 1
lan_informed "$tree"
for version in 1 2; do
	# Found by the hash alone.
	for behaviour in wrong-bytes wrong-block wrong-cipher; do
		name="$behaviour, version $version"
		lan_try "$name" $version --retrieval $behaviour
		lan_wrong_unless "$name" test "${seen[peer]}" = 0
		lan_wrong_unless "$name" test "${seen[hash]}" -gt 0
		lan_wrong_unless "$name" test "${seen[bad]}" -gt 0
	done
	behaviours=(wrong-size too-long wrong-id wrong-index surplus truncated)
	# Found before it is known whose block it is, so that the version makes no difference.
	if [ $version = 2 ]; then
		behaviours+=(unknown-cipher wrong-type wrong-version wrong-frame noise gzip status-500 status-404
			status-206 redirect reset nego-always)
	fi
	for behaviour in "${behaviours[@]}"; do
		name="$behaviour, version $version"
		lan_try "$name" $version --retrieval $behaviour
		lan_wrong_unless "$name" test "${seen[peer]}" = 0
		lan_wrong_unless "$name" test $((seen[peer_errors] + seen[malformed] + seen[hash])) -gt 0
		lan_wrong_unless "$name: asked too often" test "$(scripted '.event == "request"')" -le 40
	done
	# A list that says more than is true is no reason to wait; nothing is wrong with an empty block.
	name="wrong-list, version $version"
	lan_try "$name" $version --retrieval wrong-list
	name="empty, version $version"
	lan_try "$name" $version --retrieval empty
	lan_wrong_unless "$name" test "${seen[peer]}" = 0
	lan_wrong_unless "$name" test "${seen[hash]}" = 0
	# Two thirds of its blocks are good, and used: it is the nearest copy all the same.
	name="flaky, version $version"
	LAN_LEAST=$((size / 10)) lan_try "$name" $version --retrieval flaky
	lan_wrong_unless "$name" test "${seen[hash]}" -gt 0
done
lan_verdict
