#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A peer that does not come to an end, or to a beginning: it is overtaken, not waited for.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 3000001 1
lan_informed "$tree"
for version in 1 2; do
	for behaviour in endless endless-chunked endless-head huge trickle silent stalled unaccepted refused slow; do
		name="$behaviour, version $version"
		LAN_PATIENCE=25 lan_try "$name" $version --retrieval $behaviour
		[ $behaviour = slow ] || lan_wrong_unless "$name" test "${seen[peer]}" = 0
	done
done
lan_verdict
