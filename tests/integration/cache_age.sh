#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What was not used for longer than cache_max_age= goes, but for what is pinned, and is fetched anew.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_root
requires_isolation

mkdir "$TEST_DIR/origin"
for name in large kept; do head -c 3000000 /dev/urandom >"$TEST_DIR/origin/$name"; done
head -c 2000 /dev/urandom >"$TEST_DIR/origin/small"
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin"

cached() { getfattr --absolute-names --only-values -n user.peerdist.size_cached "$MOUNT/$1"; }
is_gone() { test "$(cached "$1")" = 0; }

mount_fs -o cache_max_age=2s "$URL" "$TEST_DIR/mnt"
"$BUILD/peerdist" pin "$MOUNT/kept" >/dev/null
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
for name in large small; do wait_until 40 is_gone "$name"; done
assert_eq 3000000 "$(cached kept)" 'octets of what is pinned'
drop_pages "$MOUNT"/*
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
umount_fs "$MOUNT"
