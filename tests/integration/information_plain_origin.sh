#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin that knows nothing of content information: after three plain answers it is not asked any
# more, also by the next mount; and the answers that nobody wanted do not come whole.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

mkdir "$TEST_DIR/origin"
for number in 1 2 3 4 5 6; do make_octets "$TEST_DIR/origin/file-$number" 400000 "$number"; done
truncate -s 64M "$TEST_DIR/origin/huge"
touch -d '1 hour ago' "$TEST_DIR/origin/huge"
start_informed "$TEST_DIR/origin" '{"*": {"plain": true}}'
mount_fs -o compute=off "$URL" "$TEST_DIR/mnt"

# In the middle, where the answer to the question does not come by.
head -c 40004096 "$TEST_DIR/origin/huge" | tail -c 4096 >"$TEST_DIR/expected"
dd if="$MOUNT/huge" bs=4096 skip=9765 count=1 status=none iflag=direct >"$TEST_DIR/read"
assert_same_file "$TEST_DIR/expected" "$TEST_DIR/read"
wait_until 20 was_answered 1 "$QUESTION"
# The mount drops it after 256 KiB; sockets hold some.
bytes=$(jq -s "map(select(.event == \"answer\" and $QUESTION) | .bytes) | add" "$INFORMED_LOG")
assert_num "$bytes" -lt $((32 << 20)) 'octets sent for nothing'

# The answer that a reader follows is what it reads: one request.
assert_same_file "$TEST_DIR/origin/file-1" "$MOUNT/file-1"
assert_eq 1 "$(asked '.method == "GET" and .path == "/file-1"')" 'requests for what was read whole'
for number in 2 3 4 5; do assert_same_file "$TEST_DIR/origin/file-$number" "$MOUNT/file-$number"; done
assert_eq 3 "$(asked "$QUESTION")" 'questions'
for number in 1 2 3 4 5; do assert_eq 0 "$(attribute "$MOUNT/file-$number" version)" version; done
assert_eq 0 "$(asked .missing)" 'requests that speak of missing data'

remount
assert_same_file "$TEST_DIR/origin/file-6" "$MOUNT/file-6"
assert_eq 3 "$(asked "$QUESTION")" 'questions after a remount'
assert_eq 0 "$(status_get .errors.origin)" 'origin errors'

# What was plain to who accepted other versions is asked again.
admin 'versions 1 1' >/dev/null
admin 'clear /file-6' >/dev/null
assert_same_file "$TEST_DIR/origin/file-6" "$MOUNT/file-6"
assert_eq 4 "$(asked "$QUESTION")" 'questions after other versions'
umount_fs

# Another origin is another matter; one word of the protocol is enough for it.
informed_set '*' '{"lazy": "never"}'
mount_fs -o compute=off "$URL" "$TEST_DIR/mnt-2"
for number in 1 2 3 4 5 6; do assert_same_file "$TEST_DIR/origin/file-$number" "$MOUNT/file-$number"; done
for number in 1 2 3 4 5 6; do
	assert_num "$(asked "$QUESTION and .number > 0 and .path == \"/file-$number\" and .hash_request")" \
		-ge 1 "hash requests for file-$number"
done
umount_fs
