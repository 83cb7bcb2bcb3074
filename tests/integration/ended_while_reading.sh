#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# SIGTERM, with files open and blocks on their way: the daemon ends by itself, with status 0.
. "$(dirname "$0")/lib.sh"
requires_fuse
# What the kernel leaves open is not freed but ends with the process.
export ASAN_OPTIONS=detect_leaks=0

mkdir "$TEST_DIR/origin"
head -c 16000000 /dev/urandom >"$TEST_DIR/origin/file"
start_nginx "$TEST_DIR/origin" 'limit_rate 2m;'
for life in 1 2 3 4 5 6; do
	mount_fs "$URL" "$TEST_DIR/mnt-$life"
	exec 5<"$MOUNT/file"
	head -c 131072 <&5 >/dev/null
	dd bs=64K skip=$((life * 39)) count=1 status=none if="$MOUNT/file" of=/dev/null
	umount -l "$MOUNT"
	kill -TERM "$FS_PID"
	status=0
	wait_for_end "$FS_PID" || status=$?
	unset "mount_pid[$MOUNT]"
	assert_eq 0 "$status" 'status of the daemon'
	exec 5<&-
done
