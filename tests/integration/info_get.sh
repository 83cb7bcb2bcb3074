#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist info get gives out the content information that a mount has made of a file, and an
# independent model finds that it describes the file.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mkdir "$TEST_DIR/origin"
head -c 3000001 /dev/urandom >"$TEST_DIR/origin/large"
head -c 3000001 /dev/urandom >"$TEST_DIR/origin/"$'strange\n\\name '
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
get() {
	timeout 60 "$BUILD/peerdist" info get "$@"
}
for name in large $'strange\n\\name '; do
	cat "$MOUNT/$name" >/dev/null
	get "$MOUNT/$name" -o "$TEST_DIR/info"
	assert_eq 600 "$(stat -c %a "$TEST_DIR/info")" mode
	python3 tests/lib/peerdist_model.py verify --whole "$TEST_DIR/info" "$TEST_DIR/origin/$name"
	get "$MOUNT/$name" >"$TEST_DIR/again"
	assert_same_file "$TEST_DIR/info" "$TEST_DIR/again"
	"$BUILD/peerdist" info verify "$TEST_DIR/info" "$MOUNT/$name" >/dev/null
done

# What is not there: one line, and what was there stays.
cp "$TEST_DIR/info" "$TEST_DIR/before"
for path in "$MOUNT/absent" "$TEST_DIR"; do
	assert_refused '^peerdist: ' get "$path" -o "$TEST_DIR/info"
	assert_same_file "$TEST_DIR/before" "$TEST_DIR/info"
done
umount_fs

# Where nothing is computed the file being whole does not help, and the refusal says so.
mount_fs -o compute=off "$URL" "$TEST_DIR/mnt-off"
assert_refused 'not cached whole' get "$MOUNT/large"
cat "$MOUNT/large" >/dev/null
whole() { test "$(python3 -c 'import os, sys
print(os.getxattr(sys.argv[1], "user.peerdist.size_cached").decode())' "$MOUNT/large")" = 3000001; }
wait_until 20 whole
assert_refused 'compute=' get "$MOUNT/large"
umount_fs
