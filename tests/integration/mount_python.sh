#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A tree behind another server reads the same: Python's http.server: no ranges, no sizes in the listing.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_python "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"
umount_fs
