#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# SIGKILL in the middle of a cold read, then a remount: nothing is wrong, and what was complete is
# not fetched again.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir "$TEST_DIR/origin"
head -c 5000000 /dev/urandom >"$TEST_DIR/origin/before"
head -c 60000000 /dev/urandom >"$TEST_DIR/origin/during"
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin" 'location = /during { limit_rate 12m; }'
mount_fs "$URL" "$TEST_DIR/mnt"
assert_same_file "$TEST_DIR/origin/before" "$MOUNT/before"
cat "$MOUNT/during" >"$TEST_DIR/part" 2>"$TEST_DIR/cat.log" &
reader=$!
wait_until 20 sh -c "test \$(stat -c %s '$TEST_DIR/part') -gt 24000000"
have=$(stat -c %s "$TEST_DIR/part")
kill_fs
wait "$reader" && fail 'the reader was not told'
cmp -n "$(stat -c %s "$TEST_DIR/part")" "$TEST_DIR/origin/during" "$TEST_DIR/part"

mount_again
assert_same_file "$TEST_DIR/origin/before" "$MOUNT/before"
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets of the complete file from the origin'
assert_same_file "$TEST_DIR/origin/during" "$MOUNT/during"
# What the reader had, but for what the last moments brought.
assert_num "$(status_get .sources.cache.bytes)" -gt $((5000000 + have - 4000000)) 'octets kept'

# Read to the end, killed a moment later: when the index has been written and is left alone.
quiet() { python3 -c 'import os, sys, time
sys.exit(time.time() - os.stat(sys.argv[1]).st_mtime < 0.5)' "$CACHE/index-wal"; }
admin clear >/dev/null || fail clear
cat "$MOUNT/before" >/dev/null
wait_until 10 quiet
kill_fs
mount_again
assert_same_file "$TEST_DIR/origin/before" "$MOUNT/before"
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets of the file read last'
umount_fs
