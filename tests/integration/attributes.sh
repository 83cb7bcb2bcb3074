#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The extended attributes: found by name, not listed, and refused outside of "user." in the way
# that keeps ls -l from asking again.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd getfattr

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs -o compute=off,user=alice:opensesame "$URL" "$TEST_DIR/mnt"
file=$TEST_DIR/mnt/large-10.bin

attribute() {
	getfattr --absolute-names --only-values -n "user.peerdist.$1" "$file"
}
assert_eq "${URL}large-10.bin" "$(attribute url)" url
assert_eq 0 "$(attribute size_cached)" 'size_cached before reading'
cat "$file" >/dev/null
assert_eq 8388608 "$(attribute size_cached)" 'size_cached after reading'
assert_eq 0 "$(attribute version)" version
assert_match '"' "$(attribute validator)" validator
assert_eq '' "$(getfattr --absolute-names -d "$file")" 'listed attributes'
message=$(LC_ALL=C getfattr --absolute-names -n security.selinux "$file" 2>&1) && fail 'answered'
assert_match 'Operation not supported' "$message"
if grep -rq opensesame "$TEST_DIR/mnt/.peerdist/config" "$TEST_DIR/mnt/.peerdist/status" /proc/mounts \
	"/proc/$FS_PID/cmdline" "$FS_LOG"; then fail 'a password shows'; fi
umount_fs
