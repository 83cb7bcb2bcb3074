#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Nothing can be written, made, renamed or removed; the reason given is EROFS, or EACCES by mode.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"

refused() {
	local message
	message=$(LC_ALL=C "$@" 2>&1) && fail "succeeded: $*"
	assert_match 'Read-only file system|Permission denied|Operation not permitted' "$message" "$*"
}
refused touch "$TEST_DIR/mnt/new"
refused mkdir "$TEST_DIR/mnt/new"
refused rm -f "$TEST_DIR/mnt/empty"
refused mv "$TEST_DIR/mnt/empty" "$TEST_DIR/mnt/full"
refused ln -s empty "$TEST_DIR/mnt/link"
refused truncate -s 1 "$TEST_DIR/mnt/empty"
refused dd if=/dev/zero of="$TEST_DIR/mnt/empty" count=1 conv=notrunc
umount_fs
