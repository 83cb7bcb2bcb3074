#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# explain tells block by block what is cached and where it came from. Here nothing comes from peers,
# and it says why.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse
requires_isolation # other mounts of ours would be found as well
requires_cmd jq

size=$((3 * 1048576 + 777))
mkdir "$TEST_DIR/origin"
make_octets "$TEST_DIR/origin/file" "$size" 1
: >"$TEST_DIR/origin/empty"
start_nginx "$TEST_DIR/origin"
mount_fs -o compute=off "$URL" "$TEST_DIR/mnt"
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@"
}
# explained FILTER FILE
explained() {
	peerdist explain --json "$2" | jq -r "$1"
}
# becomes VALUE FILTER FILE: a block is given to its reader a moment before it is kept and noted.
becomes() {
	wait_until 10 explains "$@"
}
explains() {
	test "$(explained "$2" "$3")" = "$1"
}
# What came along with others was not asked of peers in any case.
ASKED='.runs | map(select(.why != "came along") | "\(.state) \(.from) \(.why)") | unique | join(",")'
# The runs follow one another from the first octet to the last, and the sums are theirs.
whole() {
	assert_eq "$size" "$(explained 'reduce .runs[] as $run (0;
		if . == $run.offset then . + $run.length else -1 end)' "$1")" 'octets of the runs'
	assert_eq "$(explained '[.runs[] | [.blocks, .length]] | transpose | map(add) | tostring' "$1")" \
		"$(explained '[.sources[] | [.blocks, .bytes]] | transpose | map(add) | tostring' "$1")" \
		'sums'
}

# Nothing was read: the name alone is known.
status=0
message=$(peerdist explain "$MOUNT/nothing" 2>&1) || status=$?
assert_eq 1 "$status" 'status of explain of what is not there'
assert_match '^peerdist: explain: /nothing: nothing is known' "$message"
assert_refused '/ is a directory; name a file' peerdist explain "$MOUNT"
ls -l "$MOUNT" >/dev/null
assert_eq absent "$(explained '.runs | map(.state) | unique | join(" ")' "$MOUNT/file")" 'before reading'
assert_eq 'nothing of it is cached' "$(explained .message "$MOUNT/file")" 'message before reading'
whole "$MOUNT/file"

# A plain origin: a part, then all of it.
dd if="$MOUNT/file" of=/dev/null bs=4096 count=1 skip=300 iflag=direct status=none
becomes 'absent cached' '.runs | map(.state) | unique | join(" ")' "$MOUNT/file"
whole "$MOUNT/file"
cat "$MOUNT/file" >/dev/null
assert_eq 'no content information' "$(explained .message "$MOUNT/file")" message
becomes 'cached origin no content information' "$ASKED" "$MOUNT/file"
becomes origin '.runs | map(.from) | unique | join(",")' "$MOUNT/file"
whole "$MOUNT/file"
assert_match 'offset +length +blocks +state' "$(peerdist explain "$MOUNT/file")" 'for people'
cat "$MOUNT/empty"
assert_eq '[] []' "$(explained '"\(.runs) \(.sources)"' "$MOUNT/empty")" 'of nothing'
# After a remount nobody knows any more.
remount
ls -l "$MOUNT" >/dev/null
assert_eq 'cached cache null' \
	"$(explained '.runs | map("\(.state) \(.from) \(.why)") | unique | join(",")' "$MOUNT/file")" \
	'after a remount'
umount_fs

# An origin with content information, but a mode without peers.
start_serve "$TEST_DIR/origin" --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes"
mount_fs -o compute=off "$URL" "$TEST_DIR/informed"
wait_until 30 sh -c "cat '$MOUNT/file' >/dev/null && '$BUILD/peerdist' explain '$MOUNT/file' |
	grep -q '^content information of version 2, '"
peerdist clear "$MOUNT" >/dev/null
cat "$MOUNT/file" >/dev/null
assert_match '^content information of version 2, [0-9]+ segments$' \
	"$(explained .message "$MOUNT/file")" message
becomes 'cached origin the mode has no peers' "$ASKED" "$MOUNT/file"
whole "$MOUNT/file"
umount_fs
