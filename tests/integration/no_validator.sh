#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Without a validator that tells one version from the next, all of a file's octets come from one
# answer: no ranges, nothing pieced together, and another answer after `revalidate`.
. "$(dirname "$0")/lib.sh"
requires_fuse

size=3000000
now=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
declare -A kind=(
	[none]='"etag": null'
	[weak]='"etag": "W/\"same\""'
	[young]="\"etag\": null, \"last_modified\": \"$now\", \"date\": \"$now\""
)
# version NAME SEED [MORE]
version() {
	faulty_set "/$1" "{\"size\": $size, \"seed\": $2, ${kind[$1]} ${3:-}}"
	curl -sf "$FAULTY_CONTROL?path=/$1" >"$TEST_DIR/$1.$2"
}
# is_version NAME SEED...: reads it; 0 if it is the first of these, 1 if another one, and nothing else.
is_version() {
	local name=$1 seed
	cat "$MOUNT/$name" >"$TEST_DIR/read" || fail "$name: cannot be read"
	for seed in "${@:2}"; do
		if cmp -s "$TEST_DIR/$name.$seed" "$TEST_DIR/read"; then
			[ "$seed" = "$2" ]
			return
		fi
	done
	fail "$name: a mixture"
}

start_faulty '{"/": {"links": [["none", 3000000], ["weak", 3000000], ["young", 3000000]]}}'
mount_fs -o revalidate=2 "$URL" "$TEST_DIR/mnt"
for name in "${!kind[@]}"; do
	version "$name" 1 ', "rate": 30000000'
	(is_version "$name" 1) &
	tail -c 100 "$MOUNT/$name" >/dev/null
	wait $! || fail "$name: not what the origin has"
	wait_until 5 faulty_requested 1 ".path == \"/$name\" and .method == \"GET\""
	assert_eq 1 "$(faulty_requests ".path == \"/$name\" and .method == \"GET\"")" "answers with $name"
	version "$name" 2
	wait_until 6 is_version "$name" 2 1
	assert_eq "$size" "$(stat -c %s "$MOUNT/$name")" "size of $name"
done
assert_eq 0 "$(faulty_requests '.range != null')" 'requests with a range'

# An answer that breaks off, and the next one of another version: the reader gets one of them.
for attempt in 1 2 3 4; do
	admin clear >/dev/null || fail clear
	version none 3 ', "rate": 5000000, "truncate": 1000000'
	if cat "$MOUNT/none" >"$TEST_DIR/read" 2>"$TEST_DIR/said"; then fail 'a cut file was read'; fi
	cmp -n "$(stat -c %s "$TEST_DIR/read")" "$TEST_DIR/read" "$TEST_DIR/none.3" || fail 'a mixture'
	grep -q 'Input/output error' "$TEST_DIR/said" || fail "said: $(cat "$TEST_DIR/said")"
	version none 4
	is_version none 4 || fail 'the next open does not get what the origin has'
done
umount_fs
