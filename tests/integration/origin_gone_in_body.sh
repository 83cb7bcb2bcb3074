#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin that dies in the middle of a file: the reader gets EIO within seconds, and once it is
# back the same open file is read on, without a mixture and without fetching what came before.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir "$TEST_DIR/origin"
head -c 8000000 /dev/urandom >"$TEST_DIR/origin/file"
start_nginx "$TEST_DIR/origin" 'limit_rate 2m;'
mount_fs "$URL" "$TEST_DIR/mnt"
exec 5<"$MOUNT/file"
head -c 131072 <&5 >"$TEST_DIR/read"
stop_server
began=$SECONDS
assert_refused 'Input/output error' dd bs=64K skip=120 count=1 status=none if="$MOUNT/file"
assert_num $((SECONDS - began)) -le 8 'seconds until EIO'
cmp -n 131072 "$MOUNT/file" "$TEST_DIR/origin/file" || fail 'what had been read is gone'

restart_server 5<&-
whole() { cmp "$MOUNT/file" "$TEST_DIR/origin/file"; }
wait_until 12 whole
cat <&5 >>"$TEST_DIR/read" || fail 'the open file cannot be read on'
assert_same_file "$TEST_DIR/origin/file" "$TEST_DIR/read"
exec 5<&-
assert_eq 123 "$(status_get .sources.origin.blocks)" 'blocks from the origin'
# What each connection had brought of a block when it broke is lost.
assert_num "$(status_get .requests.origin_bytes)" -lt $((8000000 + 8 * 65536 + 4096)) 'octets fetched'
umount_fs
