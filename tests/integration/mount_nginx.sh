#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A tree behind nginx reads the same through the mount: cold, again, and after a remount.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin"
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"

assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"
assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"
assert_num "$(status_get .sources.origin.bytes)" -ge 20000000 'octets from the origin'
assert_num "$(status_get .cache.used)" -le "$(status_get .cache.limit)" 'cache used'
assert_eq 0 "$(status_get .errors.malformed)" 'malformed answers'

remount
assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin after a remount'
umount_fs
