#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A listing of 10 GB costs an error for its directory alone, within a bounded time and memory.
. "$(dirname "$0")/lib.sh"
requires_fuse

start_faulty '{"/": {"links": ["endless/", "fine/"]},
	"/endless/": {"endless_listing": 10000000000}, "/fine/": {"links": ["file"]},
	"/fine/file": {"body": "fine"}}'
mount_fs "$URL" "$TEST_DIR/mnt"
ls "$MOUNT" >/dev/null
assert_refused 'Input/output error' ls "$MOUNT/endless" &
lister=$!
assert_eq file "$(ls "$MOUNT/fine")" 'names meanwhile'
assert_eq fine "$(cat "$MOUNT/fine/file")" 'content meanwhile'
wait "$lister"
# A sanitizer keeps what was freed.
limit=204800
if [[ $BUILD == *address* ]]; then limit=1048576; fi
kilobytes=$(awk '/^VmHWM/ { print $2 }' "/proc/$FS_PID/status")
assert_num "$kilobytes" -lt "$limit" 'KiB of memory at most'
assert_eq fine "$(cat "$MOUNT/fine/file")" 'content afterwards'
umount_fs
