#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The index deleted, truncated, overwritten or older than the data, between two mounts, also after
# a kill: the mount comes up, reads right, and caches again.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir "$TEST_DIR/origin"
for number in 1 2 3 4 5 6 7 8 9; do
	head -c $((number * 40000)) /dev/urandom >"$TEST_DIR/origin/file-$number"
	head -c $((number * 100)) /dev/urandom >"$TEST_DIR/origin/small-$number"
done
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_same_tree "$TEST_DIR/origin" "$MOUNT"

# spoiled WORDS COMMAND...: with the cache as it is after COMMAND.
spoiled() {
	echo "$1"
	(cd "$CACHE" && "${@:2}")
	mount_again
	assert_same_tree "$TEST_DIR/origin" "$MOUNT"
	umount_fs
}
garbage() {
	dd if=/dev/urandom of=index bs=1 seek="$1" count="$2" conv=notrunc status=none
}
keep() { cp index "$TEST_DIR/older"; }
older() { cp "$TEST_DIR/older" index; }
emptied() { rm -r data && mkdir -m 700 data; }

umount_fs
keep_in_cache() { (cd "$CACHE" && keep); }
keep_in_cache
spoiled deleted rm index
spoiled empty truncate -s 0 index
spoiled 'a part of its head' truncate -s 50 index
spoiled 'one page' truncate -s 4096 index
spoiled 'half a page' truncate -s 10000 index
spoiled 'without its end' truncate -s 40960 index
spoiled 'longer' truncate -s +8192 index
spoiled 'garbage as head' garbage 0 100
spoiled 'garbage inside' garbage 4096 30000
spoiled 'garbage in one place' garbage 20000 16
spoiled 'all garbage' garbage 0 100000
spoiled 'older than the data' older
spoiled 'data gone' emptied

# After a kill there is a log beside it.
killed() {
	mount_again
	rm -rf "$TEST_DIR/copy"
	cp -r "$MOUNT" "$TEST_DIR/copy"
	admin clear >/dev/null || fail clear
	assert_same_tree "$TEST_DIR/origin" "$MOUNT"
	kill_fs
}
killed
spoiled 'killed' true
killed
spoiled 'killed, index deleted' rm index
killed
spoiled 'killed, log deleted' sh -c 'rm -f index-*'
killed
spoiled 'killed, log truncated' sh -c 'for f in index-*; do truncate -s 20000 "$f"; done'
killed
spoiled 'killed, log is garbage' sh -c 'for f in index-*; do head -c 50000 /dev/urandom >"$f"; done'

mount_again
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin at the end'
umount_fs
