#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mode=off: reads are right, nothing has a name on disk, and the next mount starts with nothing.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs -o mode=off "$URL" "$TEST_DIR/mnt"
assert_eq off "$(status_get .mode)" mode
assert_eq disabled "$(status_get .state)" state
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
assert_eq '' "$(find "$CACHE" -type f 2>/dev/null)" 'files in the cache directory'
drop_pages "$MOUNT/large-10.bin"
before=$(requests 'GET /large-10')
assert_same_file "$TEST_DIR/origin/large-10.bin" "$MOUNT/large-10.bin"
assert_eq "$before" "$(requests 'GET /large-10')" 'requests for what is still here'
remount
assert_same_file "$TEST_DIR/origin/large-10.bin" "$MOUNT/large-10.bin"
assert_num "$(requests 'GET /large-10')" -gt "$before" 'requests after a remount'
umount_fs
