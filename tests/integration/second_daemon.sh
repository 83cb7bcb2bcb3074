#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A cache directory has one owner: a second mount is refused with a message that names the first;
# when the first was killed, the directory is free.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
mkdir "$TEST_DIR/second"
second() {
	"$DAEMON" -f -o "cache=$CACHE,key=$TEST_DIR/secret.key,mode=local" "$URL" "$TEST_DIR/second"
}
status=0
message=$(second 2>&1) || status=$?
assert_eq 1 "$status" 'status of the second'
assert_eq 1 "$(wc -l <<<"$message")" 'lines of the message'
assert_match "pid $FS_PID " "$message" message
assert_match "$MOUNT" "$message" message
assert_fails mountpoint -q "$TEST_DIR/second"
assert_same_file "$TEST_DIR/origin/large-05.bin" "$MOUNT/large-05.bin"

kill_fs
mount_again
assert_same_file "$TEST_DIR/origin/large-05.bin" "$MOUNT/large-05.bin"
umount_fs
