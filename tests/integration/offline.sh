#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What was warmed is all there without the origin, in this mount and in the next one; a name that
# a complete listing does not show is ENOENT.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin"
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
admin 'warm /' || fail 'warm'
stop_server
assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"

remount
assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin'
message=$(LC_ALL=C cat "$TEST_DIR/mnt/no such name" 2>&1) && fail 'read what is not there'
assert_match 'No such file or directory' "$message"
umount_fs
