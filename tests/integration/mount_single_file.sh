#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin that is one file: the mount holds that file.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs "${URL}large-08.bin" "$TEST_DIR/mnt"
assert_eq large-08.bin "$(ls "$TEST_DIR/mnt")" 'names in the mount'
assert_same_file "$TEST_DIR/origin/large-08.bin" "$TEST_DIR/mnt/large-08.bin"
umount_fs
