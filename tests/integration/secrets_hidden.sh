#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# User, password and headers given on the command line show up nowhere: not in the process list, the
# mount table, the control directory, the attributes or the log, not even at level debug.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs -o "header=X-Token: hush-one,header=X-Two: a\\,hush-two,level=debug" \
	"${URL/:\/\//:\/\/me:hush-three@}" "$TEST_DIR/mnt"
cat "$MOUNT/large-00.bin" >/dev/null

# absent_from TEXT WORDS
absent_from() {
	[ -n "$1" ] || fail "$2 is empty"
	if [[ $1 == *hush* ]]; then fail "$2 tells a secret: $1"; fi
}
absent_from "$(tr '\0' ' ' <"/proc/$FS_PID/cmdline")" 'process list'
absent_from "$(grep "$MOUNT" /proc/self/mountinfo)" 'mount table'
absent_from "$(cat "$MOUNT/.peerdist/config")" config
absent_from "$(cat "$MOUNT/.peerdist/status")" status
absent_from "$(getfattr --absolute-names --only-values -n user.peerdist.url "$MOUNT/large-00.bin")" URL
absent_from "log: $(cat "$FS_LOG")" log
grep -q '^user=\*\*\*$' "$MOUNT/.peerdist/config" || fail 'config does not show that there is a user'
# What may be identified is not for everyone.
assert_eq 0 "$((0$(stat -c %a "$MOUNT/large-00.bin") & 077))" 'permissions of others'
umount_fs
