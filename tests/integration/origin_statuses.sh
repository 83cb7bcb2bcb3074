#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What programs see of the origin's statuses: ENOENT, EACCES and EIO; and nothing of a 503 that
# passes within a moment.
. "$(dirname "$0")/lib.sh"
requires_fuse

names='"500","503","404","410","403","401","302","418"'
start_faulty "{\"/\": {\"links\": [$names, \"busy\", \"busy-body\", \"busy-dir/\"]},
	\"/500\": {\"status\": 500}, \"/503\": {\"status\": 503}, \"/404\": {\"status\": 404},
	\"/410\": {\"status\": 410}, \"/403\": {\"status\": 403}, \"/401\": {\"status\": 401},
	\"/302\": {\"status\": 302}, \"/418\": {\"status\": 418},
	\"/fine\": {\"size\": 1000000}, \"HEAD /busy-body\": {\"size\": 1000000},
	\"/busy\": [{\"status\": 503, \"times\": 2}, {\"size\": 1000000}],
	\"/busy-body\": [{\"status\": 503, \"times\": 2}, {\"size\": 1000000}],
	\"/busy-dir/\": [{\"status\": 500, \"times\": 2}, {\"links\": [\"inside\"]}]}"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_refused 'No such file' cat "$MOUNT/404"
assert_refused 'No such file' cat "$MOUNT/410"
assert_refused 'No such file' cat "$MOUNT/unlisted"
assert_refused 'Permission denied' cat "$MOUNT/403"
assert_refused 'Permission denied' cat "$MOUNT/401"
for status in 500 503 302 418; do
	assert_refused 'Input/output error' cat "$MOUNT/$status" &
	statuses+=($!)
done
for pid in "${statuses[@]}"; do wait "$pid"; done
curl -sf "$FAULTY_CONTROL?path=/fine" >"$TEST_DIR/expected"
for name in busy busy-body; do
	assert_same_file "$TEST_DIR/expected" "$MOUNT/$name"
done
assert_eq inside "$(ls "$MOUNT/busy-dir")" 'names after a passing 500'
assert_num "$(status_get .errors.origin)" -ge 6 'origin errors counted'
umount_fs
