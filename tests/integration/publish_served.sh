#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What peerdist publish has hashed, a lazy peerdist serve with the same directory of hashes gives out
# at the first request, also one that runs already, and also for ranges; with another key, too.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl
requires_file "$BUILD/peerdist"
"$BUILD/peerdist" --help | grep -qw serve || skip 'no peerdist serve in this build'

mkdir "$TEST_DIR/tree"
head -c 3000000 /dev/urandom >"$TEST_DIR/tree/file"

# coding VERSION [CURL OPTION...]: the coding of the answer, whose body goes to $TEST_DIR/answer.
coding() {
	curl -sS --max-time 20 -o "$TEST_DIR/answer" -D "$TEST_DIR/head" -H 'Accept-Encoding: peerdist' \
		-H 'X-P2P-PeerDist: Version=1.1' -H \
		"X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=$1" \
		"${@:2}" "http://$SERVE_ADDRESS/file"
	tr -d '\r' <"$TEST_DIR/head" | sed -n 's/^Content-Encoding: //p'
}
# check_answer KEY: what was answered is of the file, and has the secrets of that key.
check_answer() {
	"$BUILD/peerdist" info verify "$TEST_DIR/answer" "$TEST_DIR/tree/file" >/dev/null
	"$BUILD/peerdist" info make --version 1 --key "$1" -o "$TEST_DIR/expected" "$TEST_DIR/tree/file"
	assert_eq peerdist "$(coding 1.0)" 'version 1'
	assert_same_file "$TEST_DIR/expected" "$TEST_DIR/answer"
}
serve() {
	start_serve "$TEST_DIR/tree" --lazy --key "$TEST_DIR/$1" --hashes "$TEST_DIR/hashes"
}

serve key
"$BUILD/peerdist" publish -r --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" "$TEST_DIR/tree" >/dev/null
assert_eq peerdist "$(coding 2.0)" 'first request of a server that ran'
check_answer "$TEST_DIR/key"
assert_eq peerdist "$(coding 1.0 -r 100000-299999)" 'a range'
assert_match 'Content-Range: bytes 100000-299999/3000000' "$(cat "$TEST_DIR/head")"
"$BUILD/peerdist" info make --version 1 --key "$TEST_DIR/key" --range 100000,200000 \
	-o "$TEST_DIR/expected" "$TEST_DIR/tree/file"
assert_same_file "$TEST_DIR/expected" "$TEST_DIR/answer"
stop_server

serve other
assert_eq peerdist "$(coding 2.0)" 'first request of a server with another key'
check_answer "$TEST_DIR/other"
stop_server
