#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The mode in the configuration file takes effect at a reload: by the command, and by the signal.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd jq

mkdir "$TEST_DIR/origin" "$TEST_DIR/mnt"
file=$TEST_DIR/mount.conf
write_mode() {
	printf '[mount]\ncache=%s\nkey=%s\ninterface=lo\nlisten=0\nmode=%s\n' "$TEST_DIR/cache-mnt" \
		"$TEST_DIR/secret.key" "$1" >"$file"
}
is_mode() { # is_mode MODE LISTENS
	test "$(status_get '"\(.mode) \(.listen != null)"')" = "$1 $2"
}
ip link set lo up 2>/dev/null || :

write_mode local
MOUNT=$TEST_DIR/mnt
mount_command[$MOUNT]=$(printf '%q ' "$DAEMON" -f -c "$file" "file://$TEST_DIR/origin" "$MOUNT")
launch_fs "$MOUNT"
wait_until 20 fs_answers_or_died "$MOUNT"
is_mode local false || fail "begins as $(status_get .mode)"
write_mode distributed
"$BUILD/peerdist" reload "$MOUNT"
is_mode distributed true || fail "after the command: $(status_get '"\(.mode) \(.listen)"')"
write_mode local
kill -HUP "$FS_PID"
wait_until 10 is_mode local false
write_mode nonsense
assert_refused 'nonsense' "$BUILD/peerdist" reload "$MOUNT"
is_mode local false || fail 'a bad file changed the mode'
umount_fs "$MOUNT"
