#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The mode in the configuration file takes effect at a reload: by the command, and by the signal.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd jq

mkdir "$TEST_DIR/origin" "$TEST_DIR/mnt"
file=$TEST_DIR/mount.conf
write_mode() { # write_mode MODE [LINE...]
	printf '[mount]\ncache=%s\nkey=%s\ninterface=lo\nlisten=0\nmode=%s\n' "$TEST_DIR/cache-mnt" \
		"$TEST_DIR/secret.key" "$1" >"$file"
	if [ $# -gt 1 ]; then printf '%s\n' "${@:2}" >>"$file"; fi
}
hosts() {
	sed -n 's/^hosted=//p' "$MOUNT/.peerdist/config" | xargs
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

# Hosted caches are named there, and take effect with it.
write_mode hosted hosted=127.0.0.1:9
"$BUILD/peerdist" reload "$MOUNT"
is_mode hosted true || fail "after hosted caches: $(status_get '"\(.mode) \(.listen)"')"
assert_eq 127.0.0.1:9 "$(hosts)" 'hosted caches'
write_mode hosted hosted=127.0.0.2:9 hosted=127.0.0.3
"$BUILD/peerdist" reload "$MOUNT"
assert_eq '127.0.0.2:9 127.0.0.3' "$(hosts)" 'hosted caches of the same mode'
write_mode hosted
assert_refused 'which hosted cache' "$BUILD/peerdist" reload "$MOUNT"
write_mode distributed hosted=127.0.0.1:9
assert_refused 'asks no hosted caches' "$BUILD/peerdist" reload "$MOUNT"
assert_eq 'hosted 127.0.0.2:9 127.0.0.3' "$(status_get .mode) $(hosts)" 'after files that contradict themselves'
write_mode hosted+distributed hosted=127.0.0.3
"$BUILD/peerdist" reload "$MOUNT"
is_mode hosted+distributed true || fail "after both: $(status_get '"\(.mode) \(.listen)"')"
write_mode local
"$BUILD/peerdist" reload "$MOUNT"
is_mode local false || fail "after neither: $(status_get '"\(.mode) \(.listen)"')"
umount_fs "$MOUNT"
