#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin that trickles an octet a second, or goes silent: EIO within about the timeout, and other
# files are read meanwhile.
. "$(dirname "$0")/lib.sh"
requires_fuse

start_faulty '{"/": {"links": [["slow", 400000], ["silent", 400000], ["small", 1000], "fine"]},
	"HEAD /slow": {"size": 400000}, "/slow": {"size": 400000, "rate": 1},
	"HEAD /silent": {"size": 400000}, "/silent": {"size": 400000, "stall": 0},
	"HEAD /small": {"size": 1000}, "/small": {"size": 1000, "rate": 1}, "/fine": {"size": 1000}}'
mount_fs -o timeout=3 "$URL" "$TEST_DIR/mnt"
began=$SECONDS
for name in slow silent small; do
	assert_refused 'Input/output error' cat "$MOUNT/$name" &
	readers+=($!)
done
alone=$SECONDS
assert_eq 1000 "$(cat "$MOUNT/fine" | wc -c)" 'octets of another file'
assert_num $((SECONDS - alone)) -le 1 'seconds for another file'
for pid in "${readers[@]}"; do wait "$pid"; done
assert_num $((SECONDS - began)) -ge 2 'seconds until EIO'
assert_num $((SECONDS - began)) -le 8 'seconds until EIO'
umount_fs
