#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# warm, pin, verify, resize and clear through the admin file do what they say.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs -o cache_size=200M "$URL" "$TEST_DIR/mnt"

admin 'warm /many' || fail warm
wait_until 10 requested 100 'GET /many/file-'
before=$(requests 'GET /many/file-')
assert_same_tree "$TEST_DIR/origin/many" "$TEST_DIR/mnt/many"
assert_eq "$before" "$(requests 'GET /many/file-')" 'requests after warming'

cat "$TEST_DIR/mnt/large-10.bin" >/dev/null
admin 'verify' || fail verify
assert_eq 0 "$(status_get .errors.checksum)" 'checksum errors'

admin 'pin /large-10.bin' || fail pin
admin 'resize 20M' || fail resize
cat "$TEST_DIR/mnt/large-11.bin" "$TEST_DIR/mnt/large-09.bin" "$TEST_DIR/mnt/large-08.bin" >/dev/null
assert_eq 20971520 "$(status_get .cache.limit)" limit
assert_num "$(status_get .cache.used)" -le 20971520 used
pinned() {
	getfattr --absolute-names --only-values -n user.peerdist.size_cached "$TEST_DIR/mnt/large-10.bin"
}
assert_eq 8388608 "$(pinned)" 'octets of the pinned file in the cache'
admin 'unpin /large-10.bin' || fail unpin

admin clear || fail clear
assert_eq 0 "$(pinned)" 'octets in the cache after clear'
assert_same_tree "$TEST_DIR/origin" "$TEST_DIR/mnt"
umount_fs
