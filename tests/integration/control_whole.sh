#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows M08 and M09: a publisher and a consumer without the library.
# tap: one test a row
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mount_fs none "$TEST_DIR/mnt"
control=$MOUNT/.peerdist/control

# For all of its rows: the program says how many there are.
python3 tests/lib/control_whole.py "$control"
umount_fs
