#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# verify finds each altered block, says how much it was, and drops it; what is good stays.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mkdir -p "$TEST_DIR/origin/deep/er"
head -c 3000000 /dev/urandom >"$TEST_DIR/origin/good"
head -c 3000000 /dev/urandom >"$TEST_DIR/origin/deep/er/bad"
head -c 1000 /dev/urandom >"$TEST_DIR/origin/deep/small"
find "$TEST_DIR/origin" -exec touch -d '1 hour ago' {} +
start_nginx "$TEST_DIR/origin"
# What is computed would be checked too.
mount_fs -o compute=off "$URL" "$TEST_DIR/mnt"
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
assert_match 'ok checked 6001000 bad 0' "$(admin verify)" 'verify of what is good'
umount_fs

# Octet 0 of ten blocks of one file, and one of the small one.
python3 - "$CACHE/data" "$TEST_DIR/origin/deep/er/bad" "$TEST_DIR/origin/deep/small" <<-'END'
	import os, sys
	for source, step in zip(sys.argv[2:], (65536, 1000)):
	    wanted = open(source, "rb").read()
	    for entry in os.scandir(sys.argv[1]):
	        with open(entry, "r+b") as file:
	            at = file.read().find(wanted)
	            for offset in range(0, min(10 * step, len(wanted)) if at >= 0 else 0, step):
	                file.seek(at + offset)
	                file.write(bytes([wanted[offset] ^ 1]))
END
mount_again
assert_match 'ok checked 3000000 bad 0' "$(admin 'verify /good')" 'verify of one file'
assert_match 'ok checked 3001000 bad 656360' "$(admin 'verify /deep/')" 'verify of a directory'
assert_match 'ok checked 5344640 bad 0' "$(admin verify)" 'verify once more'
assert_eq 11 "$(status_get .errors.checksum)" 'checksum errors'
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
assert_eq 656360 "$(status_get .sources.origin.bytes)" 'octets fetched anew'
umount_fs
