#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A file replaced at the origin while it is read: who has it open gets the old version to the end or
# ESTALE, never a mixture, and whoever opens it afterwards the new one, whole and without an error.
. "$(dirname "$0")/lib.sh"
requires_fuse

# replace OCTETS: at once, as one should.
replace() {
	head -c "$1" /dev/urandom >"$TEST_DIR/new"
	cp "$TEST_DIR/new" "$TEST_DIR/origin/.new"
	mv "$TEST_DIR/origin/.new" "$TEST_DIR/origin/file"
}
# Reads the beginning, lets COMMAND replace the file, and reads on.
# read_across COMMAND...
read_across() {
	local descriptor
	mv "$TEST_DIR/new" "$TEST_DIR/old"
	exec {descriptor}<"$MOUNT/file"
	dd bs=64K count=2 status=none <&"$descriptor" >"$TEST_DIR/read"
	"$@"
	if ! cat <&"$descriptor" >>"$TEST_DIR/read" 2>"$TEST_DIR/said"; then
		grep -q 'Stale file handle' "$TEST_DIR/said" || fail "the reader got: $(cat "$TEST_DIR/said")"
		truncate -s "$(stat -c %s "$TEST_DIR/read")" "$TEST_DIR/old"
	fi
	exec {descriptor}<&-
	assert_num "$(stat -c %s "$TEST_DIR/read")" -ge 131072 'octets read'
	assert_same_file "$TEST_DIR/old" "$TEST_DIR/read"
}
shows_new() {
	cat "$MOUNT/file" >"$TEST_DIR/read" || fail 'a new open failed'
	cmp -s "$TEST_DIR/new" "$TEST_DIR/read"
}

mkdir "$TEST_DIR/origin"
replace 24000000
start_nginx "$TEST_DIR/origin"

mount_fs -o revalidate=0 "$URL" "$TEST_DIR/mnt"
read_across replace 20000000
shows_new || fail 'cat: not the new version'
read_across replace 25000000
assert_eq 25000000 "$(stat -c %s "$MOUNT/file")" 'size by stat'
read_across replace 12000000
cp "$MOUNT/file" "$TEST_DIR/copy"
assert_same_file "$TEST_DIR/new" "$TEST_DIR/copy"
umount_fs

mount_fs -o revalidate=1 "$URL" "$TEST_DIR/mnt"
read_across replace 24000000
wait_until 5 shows_new
umount_fs

mount_fs -o revalidate=600 "$URL" "$TEST_DIR/mnt"
cat "$MOUNT/file" >/dev/null
read_across replace 20000000
shows_new && fail 'the new version shows before its time'
admin clear >/dev/null || fail clear
shows_new || fail 'not the new version after clear'
assert_eq 20000000 "$(stat -c %s "$MOUNT/file")" 'size after clear'
umount_fs
