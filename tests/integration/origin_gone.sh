#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Without the origin a fresh mount comes about and says EIO soon; one whose cache is warm shows all
# that is cached, knows what is not there, and refuses only with offline=no.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir -p "$TEST_DIR/origin/listed/below" "$TEST_DIR/origin/unlisted"
head -c 200000 /dev/urandom >"$TEST_DIR/origin/listed/file"
echo small | tee "$TEST_DIR/origin/small" >"$TEST_DIR/origin/unlisted/file"
start_nginx "$TEST_DIR/origin"
stop_server

began=$SECONDS
mount_fs "$URL" "$TEST_DIR/mnt"
assert_refused 'Input/output error' ls "$MOUNT"
assert_refused 'Input/output error' cat "$MOUNT/small"
assert_num $((SECONDS - began)) -le 6 'seconds until EIO'
restart_server
wait_until 5 ls "$MOUNT"
ls "$MOUNT/listed"
ls "$MOUNT/listed/below"
cat "$MOUNT/listed/file" "$MOUNT/small" >/dev/null
stop_server

for life in same next; do
	[ $life = same ] || remount
	began=$SECONDS
	assert_eq "$(printf '%s\n' listed small unlisted)" "$(ls "$MOUNT")" "names, $life mount"
	assert_same_tree "$TEST_DIR/origin/listed" "$MOUNT/listed"
	assert_eq small "$(cat "$MOUNT/small")" "content, $life mount"
	assert_refused 'No such file' stat "$MOUNT/absent"
	assert_refused 'No such file' stat "$MOUNT/listed/absent"
	assert_refused 'Input/output error' stat "$MOUNT/unlisted/file"
	assert_refused 'Input/output error' ls "$MOUNT/unlisted"
	assert_num $((SECONDS - began)) -le 6 "seconds for it all, $life mount"
done
umount_fs

mount_fs -o "offline=no,revalidate=0,cache=$CACHE" "$URL" "$TEST_DIR/strict"
assert_refused 'Input/output error' cat "$MOUNT/small"
assert_refused 'Input/output error' ls "$MOUNT"
restart_server
wait_until 5 cat "$MOUNT/small"
umount_fs
