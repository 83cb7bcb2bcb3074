#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run_as: after mounting the daemon is that user and nobody else; its cache works, also in the next
# mount; and SIGTERM unmounts all the same.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_root
id nobody >/dev/null 2>&1 || skip 'no user nobody here'

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs -o run_as=nobody "$URL" "$TEST_DIR/mnt"
nobody=$(id -u nobody)
assert_eq "$nobody $nobody $nobody $nobody" \
	"$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$FS_PID/status")" 'user ids of the daemon'
assert_eq 0000000000000000 "$(awk '/^CapEff:/ { print $2 }' "/proc/$FS_PID/status")" capabilities
for thread in "/proc/$FS_PID"/task/*; do
	assert_eq "$nobody" "$(awk '/^Uid:/ { print $2 }' "$thread/status")" 'user of a thread'
done
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
assert_eq 12345678 "$(getfattr --absolute-names --only-values -n user.peerdist.size_cached \
	"$MOUNT/large-11.bin")" 'octets kept'
assert_eq '' "$(find "$CACHE" ! -user nobody)" 'of the cache that is not his'
assert_eq '' "$(find "$CACHE" -perm /077)" 'of the cache that others could read'
remount
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin in the second mount'
admin clear >/dev/null || fail clear
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
umount_fs

# Whoever it is, it takes its mount away, and nothing of it is left.
mount_again
kill "$FS_PID"
wait_for_end "$FS_PID" || fail 'status of the daemon after SIGTERM'
unset "mount_pid[$MOUNT]"
if mountpoint -q "$MOUNT"; then fail 'still mounted after SIGTERM'; fi
wait_until 5 sh -c '! pgrep -x peerdistfs'

# What root had cached there becomes his.
mount_fs "$URL" "$TEST_DIR/changed"
assert_same_file "$TEST_DIR/origin/large-10.bin" "$MOUNT/large-10.bin"
umount_fs
mount_fs -o run_as=nobody "$URL" "$TEST_DIR/changed"
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
umount_fs
assert_refused 'nosuchuser' "$DAEMON" -f -o "$(private_options "$TEST_DIR/mnt"),run_as=nosuchuser" \
	"$URL" "$TEST_DIR/mnt"
