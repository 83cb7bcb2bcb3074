#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A name that changes at the origin from file to directory and back, or goes, is at the next look
# what it is there.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir -p "$TEST_DIR/origin/thing" "$TEST_DIR/origin/going/below"
echo inside | tee "$TEST_DIR/origin/thing/file" >"$TEST_DIR/origin/going/below/file"
start_nginx "$TEST_DIR/origin"
mount_fs -o revalidate=0 "$URL" "$TEST_DIR/mnt"
look() { find "$MOUNT" -mindepth 1 -printf '%y %P\n' | sort; }
for round in 1 2; do
	assert_eq inside "$(cat "$MOUNT/thing/file")" 'content below the directory'
	[ -f "$MOUNT/going/below/file" ] || [ "$round" = 2 ] || fail 'no file to go'
	rm -r "$TEST_DIR/origin/thing" "$TEST_DIR/origin/going/below" 2>/dev/null || :
	echo "a file" >"$TEST_DIR/origin/thing"
	assert_eq 'a file' "$(cat "$MOUNT/thing")" 'content of the file'
	assert_refused 'Not a directory' cat "$MOUNT/thing/file"
	assert_refused 'No such file' cat "$MOUNT/going/below/file"
	assert_refused 'No such file' ls "$MOUNT/going/below"
	assert_eq "$(printf 'd going\nf thing')" "$(look)" names
	rm "$TEST_DIR/origin/thing"
	assert_refused 'No such file' cat "$MOUNT/thing"
	mkdir "$TEST_DIR/origin/thing"
	echo inside >"$TEST_DIR/origin/thing/file"
	assert_eq inside "$(cat "$MOUNT/thing/file")" 'content below the directory'
	assert_eq "$(printf 'd going\nd thing\nf thing/file')" "$(look)" 'names at last'
done
umount_fs
