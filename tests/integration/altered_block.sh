#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A cached block that was altered on disk, in a sparse file or in a pack, is noticed, counted and
# fetched anew; without the origin the read fails and gives no wrong byte.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir "$TEST_DIR/origin"
python3 -c 'import random, sys; sys.stdout.buffer.write(random.Random(1).randbytes(1000003))' \
	>"$TEST_DIR/origin/large"
printf 'small %0500d\n' 7 >"$TEST_DIR/origin/small"
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin"
mount_fs -o revalidate=1000,compute=off "$URL" "$TEST_DIR/mnt"

# The data file that holds the octets of an origin's file from an offset on: PATH OFFSET.
place_of() {
	python3 - "$CACHE/data" "$1" "$2" <<-'END'
		import os, sys
		folder, name, offset = sys.argv[1], sys.argv[2], int(sys.argv[3])
		with open(name, "rb") as file:
		    file.seek(offset)
		    wanted = file.read(64)
		for entry in os.scandir(folder):
		    with open(entry, "rb") as file:
		        found = file.read().find(wanted)
		    if found >= 0:
		        print(entry.path, found)
		        break
	END
}
# alter NAME OFFSET: one octet of what is cached of it.
alter() {
	local path offset
	read -r path offset <<<"$(place_of "$TEST_DIR/origin/$1" "$2")"
	[ -n "$path" ] || fail "$1 is not in the cache at $2"
	[ "$(dd if="$path" bs=1 skip="$offset" count=1 status=none)" != '~' ] || fail 'nothing to alter'
	printf '~' | dd of="$path" bs=1 seek="$offset" conv=notrunc status=none
}
read_all() {
	assert_same_file "$TEST_DIR/origin/large" "$MOUNT/large"
	assert_same_file "$TEST_DIR/origin/small" "$MOUNT/small"
}

read_all
umount_fs
alter large 500000
alter small 100
mount_again
read_all
assert_eq 2 "$(status_get .errors.checksum)" 'checksum errors'
assert_eq $((65536 + 507)) "$(status_get .sources.origin.bytes)" 'octets fetched anew'

# Also while it is mounted, and what was fetched anew is kept.
alter large 900000
drop_pages "$MOUNT/large" "$MOUNT/small"
read_all
assert_eq 3 "$(status_get .errors.checksum)" 'checksum errors'
remount
read_all
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin after a remount'

# Truncated and vanished data files are absent data.
umount_fs
read -r path _ <<<"$(place_of "$TEST_DIR/origin/large" 0)"
truncate -s 200000 "$path"
read -r path _ <<<"$(place_of "$TEST_DIR/origin/small" 0)"
rm "$path"
mount_again
# Many bad blocks in one request; no page of the kernel's hides an error.
dd if="$MOUNT/large" bs=1M iflag=direct status=none | cmp - "$TEST_DIR/origin/large"
read_all
umount_fs

alter large 500000
alter small 100
stop_server
mount_again
for name in large small; do
	message=$(LC_ALL=C cat "$MOUNT/$name" 2>&1 >"$TEST_DIR/got") && fail "$name was read"
	assert_match 'Input/output error' "$message" "reading $name"
	cmp -n "$(stat -c %s "$TEST_DIR/got")" "$TEST_DIR/origin/$name" "$TEST_DIR/got" ||
		fail "wrong bytes of $name"
done
umount_fs
