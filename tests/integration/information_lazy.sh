#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Origins that make hashes late: told MakeHashRequest, the mount sends one HashRequest; one that gets
# no hashes to that is left in peace until a later open; and an old one, that says nothing and has
# them after the content was sent, is asked again at a later open.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

size=6000001
mkdir "$TEST_DIR/origin"
for name in asked never served; do make_octets "$TEST_DIR/origin/$name" $size "${#name}"; done
start_informed "$TEST_DIR/origin" '{"/asked": {"lazy": "asked"}, "/never": {"lazy": "never"},
	"/served": {"lazy": "served"}}'
mount_fs -o revalidate=0,compute=off "$URL" "$TEST_DIR/mnt"
questions() { asked "$QUESTION and .path == \"/$1\" and .hash_request == $2"; }

exec 5<"$MOUNT/asked"
head -c 4096 <&5 >/dev/null
wait_until 20 has_version "$MOUNT/asked" 2
cat "$MOUNT/asked" >"$TEST_DIR/read"
exec 5<&-
assert_same_file "$TEST_DIR/origin/asked" "$TEST_DIR/read"
assert_eq 1 "$(questions asked false)" 'questions without HashRequest'
assert_eq 1 "$(questions asked true)" 'questions with HashRequest'
jq -c "select(.event == \"request\" and .hash_request)" "$INFORMED_LOG" >"$TEST_DIR/hash-request"
jq -e '.headers["x-p2p-peerdistex"] ==
		"MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true" and
	.headers["x-p2p-peerdist"] == "Version=1.1" and .headers["accept-encoding"] == "peerdist" and
	.headers["if-none-match"] == null and .headers["if-modified-since"] == null and
	.range == null' "$TEST_DIR/hash-request" >/dev/null ||
	fail "HashRequest: $(cat "$TEST_DIR/hash-request")"
assert_num "$(asked '.missing and .path == "/asked"')" -ge 1 'ranges for missing data'

assert_same_file "$TEST_DIR/origin/never" "$MOUNT/never"
wait_until 20 was_answered 1 "$QUESTION and .path == \"/never\" and .hash_request"
assert_eq 1 "$(questions never false)" 'questions without HashRequest'
assert_eq 1 "$(questions never true)" 'questions with HashRequest'
assert_eq 0 "$(attribute "$MOUNT/never" version)" version
assert_eq 0 "$(asked '.missing and .path == "/never"')" 'ranges for missing data'

# Of the whole of it nobody here has need; another client gets it, and then there are hashes.
head -c 4096 "$MOUNT/served" >/dev/null
assert_num "$(questions served false)" -ge 1 'questions'
assert_eq 0 "$(questions served true)" 'HashRequests that no hint told of'
assert_eq 0 "$(attribute "$MOUNT/served" version)" version
curl -s --noproxy '*' "${URL}served" | cmp - "$TEST_DIR/origin/served"
# The mount holds the answer that nobody follows for a moment, and an open meanwhile shares its
# question; sockets may have swallowed all of it, so that the origin does not see when that ends. Hence
# again and again, each time at a place that is not in the store yet.
place=$((size / 4096))
opened_later() {
	place=$((place - 5))
	[ "$place" -gt 5 ] || fail 'not asked at a later open'
	dd if="$MOUNT/served" of=/dev/null bs=4096 skip="$place" count=1 iflag=direct status=none
	has_version "$MOUNT/served" 2
}
wait_until 20 opened_later
assert_same_file "$TEST_DIR/origin/served" "$MOUNT/served"
assert_eq 0 "$(status_get .errors.origin)" 'origin errors'
assert_eq 0 "$(status_get .errors.hash)" 'hash errors'
umount_fs
