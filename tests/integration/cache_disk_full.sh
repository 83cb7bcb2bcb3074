#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The disk of the cache full, from the start or filled by somebody else while files are read: reads
# stay correct, names are answered, the log says so, and with room again blocks are kept again.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_root
requires_isolation

mkdir "$TEST_DIR/origin"
for number in 1 2 3; do head -c 6000000 /dev/urandom >"$TEST_DIR/origin/large-$number"; done
for number in {10..99}; do head -c 2000 /dev/urandom >"$TEST_DIR/origin/small-$number"; done
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin"

mkdir "$TEST_DIR/cache-mnt"
mount -t tmpfs -o size=24M,mode=700 tmpfs "$TEST_DIR/cache-mnt"
fill() { cat /dev/zero >"$TEST_DIR/cache-mnt/somebody-elses" 2>/dev/null || :; }
make_room() { rm "$TEST_DIR/cache-mnt/somebody-elses"; }
kept() { # the octets of large-3 in the cache
	getfattr --absolute-names --only-values -n user.peerdist.size_cached "$MOUNT/large-3"
}
all_right() {
	drop_pages "$MOUNT"/large-*
	assert_same_tree "$TEST_DIR/origin" "$MOUNT"
	assert_eq 93 "$(ls "$MOUNT" | wc -l)" names
}

# Filled while it is in use, from one moment to the next.
mount_fs -o cache_size=100M "$URL" "$TEST_DIR/mnt"
assert_same_file "$TEST_DIR/origin/large-1" "$MOUNT/large-1"
fill
all_right
all_right
assert_match 'warning' "$(cat "$FS_LOG")" 'the log'
assert_match '[Nn]o space left' "$(cat "$FS_LOG")" 'the log'

# With room again it is used, after a while; until then nothing is wrong.
make_room
stored() { drop_pages "$MOUNT/large-3"; cat "$MOUNT/large-3" >/dev/null; [ "$(kept)" = 6000000 ]; }
wait_until 20 stored
remount
all_right
umount_fs

# Full at the start, with what was cached before, and with nothing at all. Nothing is kept then; the
# next mount with room finds what was there.
fill
mount_again
all_right
make_room
remount
all_right
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin, all cached before'
umount_fs
rm -rf "$TEST_DIR"/cache-mnt/*
fill
mount_again
all_right
make_room
remount
wait_until 20 stored
umount_fs
