#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The index deleted, truncated or overwritten under a running mount: reads stay right, names are
# answered, and the next mount works.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir "$TEST_DIR/origin"
for number in {10..49}; do
	head -c $((number * 3000)) /dev/urandom >"$TEST_DIR/origin/file-$number"
done
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin"
mount_fs -o revalidate=0 "$URL" "$TEST_DIR/mnt"

# spoiled COMMAND...: half of the files are read before, all after it.
spoiled() {
	local name
	for name in "$TEST_DIR"/origin/file-[12]*; do cat "$MOUNT/${name##*/}"; done >/dev/null
	(cd "$CACHE" && "$@")
	drop_pages "$MOUNT"/file-[12]*
	assert_same_tree "$TEST_DIR/origin" "$MOUNT"
	assert_eq 40 "$(ls "$MOUNT" | wc -l)" names
	admin clear >/dev/null || echo "clear failed after $*"
	assert_same_tree "$TEST_DIR/origin" "$MOUNT"
	remount
	assert_same_tree "$TEST_DIR/origin" "$MOUNT"
	admin clear || fail "clear after a remount after $*"
}
spoiled sh -c 'rm index*'
spoiled truncate -s 0 index
spoiled truncate -s 20000 index
spoiled sh -c 'for f in index-*; do if [ -e "$f" ]; then truncate -s 0 "$f"; fi; done'
spoiled dd if=/dev/urandom of=index bs=1000 count=60 conv=notrunc status=none
# The daemon may be making files in it.
spoiled sh -c 'until rm -rf data 2>/dev/null; do :; done'
umount_fs
