#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is cached whole is asked for at a later open, although no read has to be answered by the
# origin: when the origin did not say anything the first time, when what describes it was computed
# here, and when it is of a version that is not accepted any more. The octets stay.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

size=3000001
mkdir "$TEST_DIR/origin"
for name in lazy talker trouble forbidden; do
	make_octets "$TEST_DIR/origin/$name" $size "${#name}"
done
start_informed "$TEST_DIR/origin" '{"/lazy": {"lazy": "served"},
	"/trouble": [{"information_status": 503}, {}], "/forbidden": {"gate": "slow"}}'
questions() { asked "$QUESTION and .path == \"/$1\""; }
# of_origin NAME VERSION: whether its segments have the names that the origin gives them.
of_origin() {
	# The origin's, "no more secrets".
	python3 $MODEL make --version "$2" --secret 6e6f206d6f72652073656372657473 \
		"$TEST_DIR/origin/$1" "$TEST_DIR/info"
	python3 $MODEL decode "$TEST_DIR/info" | jq -r '(.segments | length), .segments[].id' \
		>"$TEST_DIR/expected"
	attribute "$MOUNT/$1" segments | cmp -s - "$TEST_DIR/expected"
}
# Whether an open sufficed by now: nobody waits for the answer, and opens share a question that runs.
opened_later() {
	: <"$MOUNT/$1"
	of_origin "$1" "$2"
}
# whole NAME...: reads them, which leaves them cached.
whole() {
	local name
	for name; do assert_same_file "$TEST_DIR/origin/$name" "$MOUNT/$name"; done
}
cached() { test "$(attribute "$MOUNT/$1" size_cached)" = $size; }

# Nothing is computed here: there is none first.
mount_fs -o revalidate=1000,compute=off "$URL" "$TEST_DIR/mnt"
whole lazy
wait_until 20 cached lazy
assert_eq 0 "$(attribute "$MOUNT/lazy" version)" 'version at first'
# As far as that goes it may be any web server, which a file that is here whole costs nothing.
before=$(questions lazy)
whole lazy
assert_eq "$before" "$(questions lazy)" 'questions to what may be a plain origin'
head -c 1 "$MOUNT/talker" >/dev/null
wait_until 20 has_version "$MOUNT/talker" 2
ranges=$(asked "$RANGE")
wait_until 30 opened_later lazy 2
whole lazy
assert_eq "$ranges" "$(asked "$RANGE")" 'ranges of what was cached'
umount_fs

# Computed here, in the place of what the origin would not give.
mount_fs -o revalidate=1000 "$URL" "$TEST_DIR/mnt-2"
whole trouble
wait_until 20 has_version "$MOUNT/trouble" 2
if of_origin trouble 2; then fail 'not computed here'; fi
ranges=$(asked "$RANGE")
wait_until 30 opened_later trouble 2
whole trouble
assert_eq "$ranges" "$(asked "$RANGE")" 'ranges of what was cached'
# It is not asked for any more.
before=$(questions trouble)
remount
whole trouble
assert_eq "$before" "$(questions trouble)" 'questions for what the origin has described'
assert_eq 0 "$(status_get .errors.hash)" 'hash errors'
umount_fs

# The other version than what it was cached with.
start_fs -o revalidate=1000,versions=1 "$URL" "$TEST_DIR/mnt-2"
wait_until 20 fs_answers_or_died "$MOUNT"
wait_until 30 opened_later trouble 1
whole trouble
assert_eq "$ranges" "$(asked "$RANGE")" 'ranges of what was cached'

# Forbidden while it comes: not taken, and nobody is blamed.
admin 'versions 1 2' >/dev/null
exec 5<"$MOUNT/forbidden"
cat <&5 >/dev/null
assert_eq 0 "$(answered "$QUESTION and .path == \"/forbidden\"")" 'forbidden: answers'
admin 'versions 1 1' >/dev/null
informed_open slow
wait_until 20 was_answered 1 "$QUESTION and .path == \"/forbidden\""
exec 5<&-
wait_until 30 opened_later forbidden 1
assert_eq 0 "$(status_get .errors.malformed)" 'malformed answers'
umount_fs
