#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A tree with more hashes than may be kept: what is hashed ahead stays, over restarts too, and the
# rest is hashed when it is asked for. --hashes-size sets how much that is.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl

# Each takes 4 KiB of the directory, of which an eighth is for what is asked for.
FILES=40
FIT=14
mkdir "$TEST_DIR/tree"
for number in $(seq "$FILES"); do
	make_octets "$TEST_DIR/tree/file-$number" 70000 "$number"
done
kept() {
	find "$TEST_DIR/hashes" -name '????????????????????????????????????????????????????????????????' -printf '%f %i\n' | sort
}
keeps() {
	test "$(kept | wc -l)" -eq "$1"
}
was_full() {
	grep -q 'too small for the tree' "$server_log"
}
serve() {
	start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" "$@"
}

serve --hashes-size 64K
wait_until 60 was_full
wait_until 60 keeps "$FIT"
assert_eq 1 "$(grep -c 'too small for the tree' "$server_log")" 'how often it is said'
stop_server
before=$(kept)

serve --hashes-size 64K
wait_until 60 was_full
stop_server
assert_eq "$before" "$(kept)" 'what is kept over a restart'

# Those that are asked for are hashed nevertheless.
informed() {
	curl -sf --noproxy '*' -o /dev/null -D "$TEST_DIR/head" -H 'Accept-Encoding: peerdist' \
		-H 'X-P2P-PeerDist: Version=1.0' "$URL$1" && grep -qi '^Content-Encoding: peerdist' "$TEST_DIR/head"
}
serve --hashes-size 64K
for number in $(seq "$FILES"); do
	wait_until 60 informed "file-$number"
done
stop_server

# A file that fills the directory by itself is left out, and costs the others nothing.
mkdir "$TEST_DIR/few"
truncate -s 100M "$TEST_DIR/few/large"
for number in 1 2 3; do
	make_octets "$TEST_DIR/few/file-$number" 70000 "$number"
done
touch -d '1 hour ago' "$TEST_DIR/few/large"
kept_few() {
	test "$(find "$TEST_DIR/few-hashes" -type f ! -name 'new-*' | wc -l)" -eq 3
}
start_serve "$TEST_DIR/few" --key "$TEST_DIR/key" --hashes "$TEST_DIR/few-hashes" --hashes-size 64K
wait_until 60 was_full
wait_until 60 kept_few
stop_server

serve --hashes-size 1M
wait_until 60 keeps "$FILES"
! was_full || fail 'too small, though there is room'
stop_server

assert_refused '^peerdist: --hashes-size: ' "$BUILD/peerdist" serve --hashes-size 0 "$TEST_DIR/tree"
assert_refused '^peerdist: --hashes-size: ' "$BUILD/peerdist" publish --hashes-size 5% "$TEST_DIR/tree/file-1"
"$BUILD/peerdist" publish -r --hashes-size 64K --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" "$TEST_DIR/tree" >"$TEST_DIR/published"
[ "$(kept | wc -l)" -le 16 ] || fail "$(kept | wc -l) files are kept in 64 KiB"
