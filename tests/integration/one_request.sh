#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two readers of one cold block cause one request, while it is under way and afterwards.
. "$(dirname "$0")/lib.sh"
requires_fuse

start_faulty '{"/": {"links": ["file"]}, "/file": {"size": 60000, "rate": 60000}}'
mount_fs "$URL" "$TEST_DIR/mnt"
cat "$TEST_DIR/mnt/file" >"$TEST_DIR/first" &
first=$!
cat "$TEST_DIR/mnt/file" >"$TEST_DIR/second" &
second=$!
wait "$first"
wait "$second"
assert_same_file "$TEST_DIR/first" "$TEST_DIR/second"
assert_eq 60000 "$(stat -c %s "$TEST_DIR/first")" size
requested_once() { [ "$(faulty_requests '.method == "GET" and .path == "/file"')" = 1 ]; }
wait_until 5 requested_once
umount_fs
