#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What was read before an unmount is not fetched again after it; what was not, is.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_same_file "$TEST_DIR/origin/large-10.bin" "$TEST_DIR/mnt/large-10.bin"
wait_until 10 requested 1 'GET /large-10'

remount
before=$(requests 'GET /large-10')
assert_same_file "$TEST_DIR/origin/large-10.bin" "$TEST_DIR/mnt/large-10.bin"
assert_same_file "$TEST_DIR/origin/large-09.bin" "$TEST_DIR/mnt/large-09.bin"
assert_eq 5000001 "$(status_get .sources.origin.bytes)" 'octets from the origin'
assert_eq 8388608 "$(status_get .sources.cache.bytes)" 'octets from the cache'
assert_eq "$before" "$(requests 'GET /large-10')" 'requests for the file that is here'
umount_fs
