#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A peer may give its blocks in many ways; in all of these they are taken, and nothing is counted as an
# error.
# timeout: 240
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
	for behaviour in good chunked http-1.0 closes-idle plaintext aes-192 aes-256 nego; do
		name="$behaviour, version $version"
		LAN_LEAST=$((size * 8 / 10)) lan_try "$name" $version --retrieval $behaviour
		lan_wrong_unless "$name" test "${seen[hash]}" = 0
		lan_wrong_unless "$name" test "${seen[peer_errors]}" = 0
		lan_wrong_unless "$name" test "${seen[malformed]}" = 0
		# What the asker sent was in order too, by the second reading of the messages.
		# (Also the cipher that it wished for.)
		events=$(scripted_any '.malformed' '.incompatible' '.event == "malformed"' \
			'.event == "request" and .type == null' '.event == "probe" and .canonical == false' \
			'.event == "probe" and .octets > 1472' '.type == "GETSEGLIST"' '.type == "NEGO_REQ"' \
			'.event == "request" and .cipher != 1')
		lan_wrong_unless "$name: in the log" test -z "$events"
		lan_wrong_unless "$name" test "$(scripted '.event == "request"')" -gt 0
	done
done
lan_verdict
