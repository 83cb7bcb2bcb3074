#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows M10 to M16, M18 and M19: polling, frames and output of the control file.
# tap: one test a row
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mount_fs none "$TEST_DIR/mnt"
python3 tests/lib/control_moving.py "$MOUNT/.peerdist/control" "$BUILD/libpeerdist.so"
umount_fs
