#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# file:// shows a local tree: its octets, its modes never wider, nothing outside of it.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin"
chmod 640 "$TEST_DIR/origin/empty"
ln -s /etc/passwd "$TEST_DIR/outside"
ln -s /etc/passwd "$TEST_DIR/origin/escape"
mount_fs "file://$TEST_DIR/origin" "$TEST_DIR/mnt"

mode=$(stat -c %a "$TEST_DIR/mnt/empty")
assert_eq 0 $((8#$mode & ~8#640)) "bits of mode $mode that the source does not have"
if cat "$TEST_DIR/mnt/escape" 2>/dev/null | grep -q root; then fail 'left the tree by a link'; fi
rm "$TEST_DIR/origin/escape"
umount_fs

mount_again
assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"
umount_fs
