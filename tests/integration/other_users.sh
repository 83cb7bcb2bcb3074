#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who may enter: without allow_other only who mounted; with it everyone reads, and admin remains the
# owner's unless its mode says otherwise.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd setpriv jq
own_dev_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
as() { # as UID COMMAND...
	setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}
tell() { # tell UID COMMAND: by a shell, as that user
	as "$1" sh -c "echo '$2' >'$MOUNT/.peerdist/admin'"
}
mount_fs "$URL" "$TEST_DIR/closed"
assert_refused 'Permission denied' as 4711 cat "$MOUNT/large-00.bin"
assert_refused 'Permission denied' as 4711 cat "$MOUNT/.peerdist/status"
umount_fs

mount_fs -o allow_other "$URL" "$TEST_DIR/open"
as 4711 cmp "$TEST_DIR/origin/large-05.bin" "$MOUNT/large-05.bin" || fail 'another user cannot read'
as 4711 jq -e .version "$MOUNT/.peerdist/status" >/dev/null || fail 'another user cannot see status'
assert_refused 'Permission denied' tell 4711 clear
assert_refused 'Permission denied' as 4711 cat "$MOUNT/.peerdist/admin"
assert_refused 'Permission denied|Read-only' as 4711 touch "$MOUNT/new"
assert_eq 600 "$(stat -c %a "$MOUNT/.peerdist/admin")" 'mode of admin'
tell 0 clear
umount_fs

mount_fs -o allow_other,admin_mode=0666 "$URL" "$TEST_DIR/shared"
tell 4711 clear || fail 'admin_mode=0666 is of no use'
umount_fs
mount_fs -o allow_other,admin_mode=0660,admin_group=4712 "$URL" "$TEST_DIR/group"
assert_refused 'Permission denied' tell 4711 clear
tell 4712 clear || fail 'admin_group is of no use'
setpriv --reuid 4711 --regid 4711 --groups 4712 sh -c "echo clear >'$MOUNT/.peerdist/admin'" ||
	fail 'a further group is of no use'
umount_fs

# Modes are checked: what umask takes away, nobody else gets.
mount_fs -o allow_other,umask=077 "$URL" "$TEST_DIR/masked"
assert_refused 'Permission denied' as 4711 cat "$MOUNT/large-00.bin"
umount_fs

# Somebody who is not root mounts, for himself.
chmod 777 "$TEST_DIR"
mkdir -m 755 "$TEST_DIR/own"
owner=$(id -u nobody)
chown "$owner:$owner" "$TEST_DIR/own"
FS_AS="setpriv --reuid $owner --regid $owner --clear-groups"
start_fs "$URL" "$TEST_DIR/own"
wait_until 20 as "$owner" test -e "$MOUNT/.peerdist/status"
as "$owner" cmp "$TEST_DIR/origin/large-05.bin" "$MOUNT/large-05.bin" || fail 'not his to read'
assert_eq "$owner" "$(as "$owner" stat -c %u "$MOUNT/large-05.bin")" owner
tell "$owner" clear || fail 'not his to administer'
assert_refused 'Permission denied' as 4712 ls "$MOUNT"
assert_refused 'Permission denied' ls "$MOUNT"
as "$owner" fusermount3 -u "$MOUNT"
wait_for_end "$FS_PID" || fail 'status of the daemon'
unset "mount_pid[$MOUNT]"
