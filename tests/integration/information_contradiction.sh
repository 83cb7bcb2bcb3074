#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin whose octets contradict its own content information, each time in the same way: readers
# get the octets, the content information is dropped for this version of the file, counted, and
# spoken of once.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

mkdir "$TEST_DIR/origin"
for name in other one-block last-block version-1 altered honest; do
	make_octets "$TEST_DIR/origin/$name" 3000001 1
done
start_informed "$TEST_DIR/origin" '{"/other": {"of": "other"}, "/one-block": {"wrong": [1500000]},
	"/last-block": {"wrong": [3000000]}, "/version-1": {"answer_version": 1, "wrong": [1500000]},
	"/altered": {"corrupt": ["octet", 1500000]}}'
mount_fs -o revalidate=1000,compute=off "$URL" "$TEST_DIR/mnt"

# What the origin really gives for /altered.
python3 - "$TEST_DIR/origin/altered" >"$TEST_DIR/altered.given" <<-'END'
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	data[1500000] ^= 1
	sys.stdout.buffer.write(data)
END
for name in other one-block last-block version-1 altered; do
	given=$TEST_DIR/origin/$name
	if [ "$name" = altered ]; then given=$TEST_DIR/altered.given; fi
	errors=$(status_get .errors.hash)
	assert_same_file "$given" "$MOUNT/$name"
	assert_num "$(status_get .errors.hash)" -gt "$errors" "$name: hash errors"
	assert_eq 0 "$(attribute "$MOUNT/$name" version)" "$name: version"
	questions=$(asked "$QUESTION and .path == \"/$name\"")

	# It is not asked for again, and nothing more is wrong.
	errors=$(status_get .errors.hash)
	drop_pages "$MOUNT/$name"
	assert_same_file "$given" "$MOUNT/$name"
	assert_eq "$errors" "$(status_get .errors.hash)" "$name: hash errors of the second reading"
	assert_eq "$questions" "$(asked "$QUESTION and .path == \"/$name\"")" "$name: questions"
	assert_eq 1 "$(grep -cE "(^|[^-a-z0-9])$name([^-a-z0-9]|$)" "$FS_LOG")" "lines of the log about $name"
done
assert_same_file "$TEST_DIR/origin/honest" "$MOUNT/honest"
assert_eq 2 "$(attribute "$MOUNT/honest" version)" 'version of what is honest'

# A new version is trusted anew.
make_octets "$TEST_DIR/origin/other" 2000001 2
informed_set /other '{}'
admin 'clear /other' >/dev/null || fail clear
assert_same_file "$TEST_DIR/origin/other" "$MOUNT/other"
assert_eq 2 "$(attribute "$MOUNT/other" version)" 'version of a new version'
umount_fs
