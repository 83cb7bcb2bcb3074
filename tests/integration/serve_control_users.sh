#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who may look into the control directory of peerdist serve: the server's user, or everyone if so
# wished; admin is the server's user's alone. Who is not root can have one too.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse
requires_cmd setpriv jq
own_dev_fuse

chmod 755 "$TEST_DIR"
tree=$TEST_DIR/tree
MOUNT=$TEST_DIR/control
mkdir "$tree" "$MOUNT"
echo small >"$tree/small"
as() { # as UID COMMAND...
	setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}
start_controlled() { # start_controlled [OPTION...]
	start_serve "$tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --control "$MOUNT" "$@"
	mounts=("$MOUNT")
	mount_pid[$MOUNT]=$SERVER_PID
}

start_controlled
assert_refused 'Permission denied' as 4711 cat "$MOUNT/status"
admin help >/dev/null || fail 'no help for the owner'
stop_server

start_controlled --control-allow-other
as 4711 jq -e .version "$MOUNT/status" >/dev/null || fail 'not for others to see'
assert_refused 'Permission denied' as 4711 cat "$MOUNT/admin"
assert_refused 'Permission denied' as 4711 sh -c "echo clear >'$MOUNT/admin'"
assert_refused 'Permission denied' as 4711 touch "$MOUNT/new"
assert_refused 'not yours to open' as 4711 "$BUILD/peerdist" clear "$MOUNT"
admin clear >/dev/null || fail 'not for the owner to clear'
stop_server

# Somebody who is not root; and what the helper that mounts for him refuses is said in one line.
mkdir -m 700 "$TEST_DIR/own" "$TEST_DIR/own/control"
owner=$(id -u nobody)
serve_as_owner() { # serve_as_owner CONTROL
	exec setpriv --reuid "$owner" --regid "$owner" --clear-groups "$BUILD/peerdist" serve \
		--listen 127.0.0.1:0 --key "$TEST_DIR/own/key" --hashes "$TEST_DIR/own/hashes" --control "$1" "$tree"
}
chown -R "$owner:$owner" "$TEST_DIR/own"
status=0
message=$(serve_as_owner "$MOUNT" 2>&1 >/dev/null) || status=$?
assert_eq 1 "$status" 'status of who may not mount there'
assert_match "cannot mount the control directory $MOUNT: " "$message"
assert_eq 1 "$(printf '%s\n' "$message" | wc -l)" "lines of '$message'"

MOUNT=$TEST_DIR/own/control
server_log=$TEST_DIR/owner.log
background "$server_log" setpriv --reuid "$owner" --regid "$owner" --clear-groups "$BUILD/peerdist" serve \
	--listen 127.0.0.1:0 --key "$TEST_DIR/own/key" --hashes "$TEST_DIR/own/hashes" --control "$MOUNT" "$tree"
SERVER_PID=$background_pid
wait_until 20 serving_or_died
mounts=("$MOUNT")
mount_pid[$MOUNT]=$SERVER_PID
assert_eq "$owner 600" "$(as "$owner" stat -c '%u %a' "$MOUNT/admin")" 'owner of admin'
as "$owner" sh -c "echo clear >'$MOUNT/admin'" || fail 'not his to administer'
assert_refused 'Permission denied' cat "$MOUNT/status"
kill -TERM "$SERVER_PID"
wait_for_end "$SERVER_PID" || fail 'status of the server'
unset "mount_pid[$MOUNT]"
if mountpoint -q "$MOUNT"; then fail 'the control directory is still there'; fi
