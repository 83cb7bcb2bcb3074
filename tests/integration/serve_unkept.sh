#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# When hashes cannot be kept the log says so, and files are served all the same.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl

mkdir "$TEST_DIR/tree"
head -c 100000 /dev/zero >"$TEST_DIR/tree/file"
start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --lazy
rm -rf "$TEST_DIR/hashes"

curl -sf --noproxy '*' -o "$TEST_DIR/got" -H 'Accept-Encoding: peerdist' -H 'X-P2P-PeerDist: Version=1.1' \
	-H 'X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true' "${URL}file"
cmp "$TEST_DIR/tree/file" "$TEST_DIR/got"
grep -q 'content information cannot be kept in the directory of hashes: No such file' "$server_log" ||
	fail "nothing is said: $(cat "$server_log")"
