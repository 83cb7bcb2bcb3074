#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is pinned is not evicted; the wish outlives clear and a remount. A limit below what is used
# evicts at once; one below what is pinned is refused.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs -o cache_size=40M "$URL" "$TEST_DIR/mnt"
cached() {
	getfattr --absolute-names --only-values -n user.peerdist.size_cached "$MOUNT/$1"
}
fill() { # with more than the limit, and not from the kernel's pages
	local number
	for number in 11 09 08 11 09; do
		drop_pages "$MOUNT/large-$number.bin"
		cat "$MOUNT/large-$number.bin" >/dev/null
	done
}
kept() {
	assert_eq 8388608 "$(cached large-10.bin)" "octets of the pinned file, $1"
}
admin 'pin /large-10.bin' >/dev/null || fail pin
cat "$MOUNT/large-10.bin" >/dev/null
admin 'resize 20M' >/dev/null || fail 'resize 20M'
fill
kept 'after reading others'
assert_num "$(status_get .cache.used)" -le 20971520 used

admin clear >/dev/null || fail clear
assert_eq 0 "$(cached large-10.bin)" 'octets after clear'
cat "$MOUNT/large-10.bin" >/dev/null
fill
kept 'fetched again after clear'
remount
admin 'resize 20M' >/dev/null || fail 'resize after a remount'
fill
kept 'after a remount'

# 30 MB in use, of which the pinned 8 MB must stay.
admin 'resize 40M' >/dev/null || fail 'resize 40M'
fill
admin 'resize 12M' >/dev/null || fail 'resize 12M'
assert_num "$(du -s --block-size=1 "$CACHE" | cut -f 1)" -le 12582912 'octets of the directory'
kept 'after the resize'
drop_pages "$MOUNT/large-08.bin"
cat "$MOUNT/large-08.bin" >/dev/null
others=$(cached large-08.bin)
assert_num "$others" -gt 0 'octets of a file without a pin'
assert_refused 'Device or resource busy' admin 'resize 4M'
assert_eq 12582912 "$(status_get .cache.limit)" 'limit after a refused resize'
kept 'after the refused resize'
assert_eq "$others" "$(cached large-08.bin)" 'octets of the other after the refused resize'

admin 'unpin /large-10.bin' >/dev/null || fail unpin
admin 'resize 4M' >/dev/null || fail 'resize without a pin'
assert_num "$(cached large-10.bin)" -lt 8388608 'octets of what is pinned no more'
umount_fs

# However large the cache was meant to be when it was opened.
mount_fs -o cache_size=1G "$URL" "$TEST_DIR/large"
admin 'resize 5M' >/dev/null || fail 'resize 5M of a new cache'
cat "$MOUNT/large-10.bin" >/dev/null
assert_num "$(du -s --block-size=1 "$CACHE" | cut -f 1)" -le 5242880 'octets of the directory'
assert_num "$(cached large-10.bin)" -gt 0 'octets kept in 5 MiB'
umount_fs
