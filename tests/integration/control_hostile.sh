#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows A15, M16, M17 and M20: processes that are killed, or stand still, with all that they have.
# tap: one test a row
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

# A file system that never answers is one of ours whose origin falls silent.
start_faulty '{"/": {"links": ["silent"]}, "/silent": {"size": 1000000, "stall": 70000}}'
mount_fs -o timeout=3600 "$URL" "$TEST_DIR/silent"
silent=$MOUNT/silent
stat "$silent" >/dev/null
mount_fs none "$TEST_DIR/mnt"
python3 tests/lib/control_hostile.py "$MOUNT/.peerdist/control" "$silent"
umount_fs
