#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Where a listing has no exact sizes, reading the names sends no further request, and ls -l shows
# sizes to the octet, asking for many at a time.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir "$TEST_DIR/origin"
for ((i = 1; i <= 60; i++)); do head -c $((i * 1234)) /dev/zero >"$TEST_DIR/origin/file-$i"; done
sizes() { (cd "$1" && find . -type f -printf '%s %p\n' | sort); }

start_apache "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_eq 60 "$(ls -U "$MOUNT" | wc -l)" names
assert_eq 0 "$(requests ^HEAD)" 'HEAD requests for the names'
assert_eq "$(sizes "$TEST_DIR/origin")" "$(sizes "$MOUNT")" sizes
# One that is answered just when its neighbour is asked for may be asked twice.
assert_num "$(requests ^HEAD)" -le 75 'HEAD requests for the sizes'
asked=$(requests ^HEAD)
assert_eq "$(sizes "$TEST_DIR/origin")" "$(sizes "$MOUNT")" 'sizes, again'
assert_eq "$asked" "$(requests ^HEAD)" 'HEAD requests, again'
umount_fs

links='' behaviours=''
for ((i = 1; i <= 40; i++)); do
	links+="<a href=\\\"f$i\\\">x</a> "
	behaviours+=", \"/f$i\": {\"size\": $i, \"delay\": 0.2}"
done
start_faulty "{\"/\": {\"body\": \"<html>$links</html>\",
	\"headers\": {\"Content-Type\": \"text/html\"}} $behaviours}"
mount_fs "$URL" "$TEST_DIR/slow"
ls "$MOUNT" >/dev/null
began=$(date +%s%N)
assert_eq 820 "$(sizes "$MOUNT" | awk '{ sum += $1 } END { print sum }')" 'sum of sizes'
took_ms=$((($(date +%s%N) - began) / 1000000))
assert_eq 40 "$(faulty_requests '.method == "HEAD"')" 'HEAD requests'
assert_num "$took_ms" -lt 3200 'ms for 40 sizes of 200 ms each'
umount_fs
