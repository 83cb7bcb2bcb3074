#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows J01, J03, J06, J09, J10, G18, M22 and M23: users beside each other, descriptors that are passed on, the lists; and
# who may open the control file at all.
# tap: one test a row
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_root
requires_cmd python3 setpriv

mount_fs -o control_mode=0660,control_group=4712,allow_other none "$TEST_DIR/group"
as() { # as UID COMMAND...
	setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}
assert_eq '660 4712' "$(stat -c '%a %g' "$MOUNT/.peerdist/control")" 'mode and group'
as 4712 sh -c "exec 3<>'$MOUNT/.peerdist/control'" || fail 'control_group is of no use'
assert_refused 'Permission denied' as 4711 sh -c "exec 3<>'$MOUNT/.peerdist/control'"
umount_fs
mount_fs none "$TEST_DIR/closed"
assert_eq 600 "$(stat -c %a "$MOUNT/.peerdist/control")" 'mode without allow_other'
umount_fs

mount_fs -o allow_other none "$TEST_DIR/mnt"
assert_eq 666 "$(stat -c %a "$MOUNT/.peerdist/control")" 'mode with allow_other'
python3 tests/lib/control_users.py "$MOUNT/.peerdist"
umount_fs
