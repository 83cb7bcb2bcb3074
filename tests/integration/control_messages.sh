#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows M01 to M07: what the control file takes for a message.
# tap: one test a row
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mount_fs none "$TEST_DIR/mnt"
python3 tests/lib/control_messages.py "$MOUNT/.peerdist/control"
umount_fs
