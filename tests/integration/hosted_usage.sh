#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Which modes and hosted caches go together, and what is said of those that do not; how the mode is changed
# while mounted.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation
requires_cmd jq ss

mkdir "$TEST_DIR/mnt"
own=cache=$TEST_DIR/cache-own,key=$TEST_DIR/own.key
# refused STATUS REGEX OPTIONS
refused() {
	local status=0 message
	message=$(timeout 20 "$DAEMON" -f -o "$own,$3" file:///usr/share/doc "$TEST_DIR/mnt" 2>&1) || status=$?
	assert_eq "$1" "$status" "status with $3"
	assert_match "$2" "$message" "message with $3"
	if mountpoint -q "$TEST_DIR/mnt"; then fail "mounted with $3"; fi
}
refused 2 'hosted' mode=hosted
refused 2 'hosted' mode=hosted+distributed
refused 2 'hosted' mode=distributed,hosted=cache.test
refused 2 'mode' mode=distributed+hosted,hosted=cache.test
refused 2 'mode' mode=host,hosted=cache.test
for place in '' cache.test:0 cache.test:65536 cache.test:http http://cache.test '[::1' cache.test/x; do
	refused 2 'hosted' "mode=hosted,hosted=$place"
done
refused 2 'hosted_tls' mode=hosted,hosted=cache.test,hosted_tls=no

# At mount: given alone it implies the mode.
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 500000 1
start_informed "$tree"
start_scripted
mkdir "$TEST_DIR/alone"
DAEMON_LOG=$TEST_DIR/alone.log
background "$DAEMON_LOG" "$DAEMON" -f -o "$own,hosted=$SCRIPTED,listen=127.0.0.1:0,interface=lo" "$URL" "$TEST_DIR/alone"
mount_pid[$TEST_DIR/alone]=$background_pid
mounts+=("$TEST_DIR/alone")
MOUNT=$TEST_DIR/alone
wait_until 20 fs_answers_or_died "$MOUNT"
alive "$background_pid" || fail "$(cat "$DAEMON_LOG")"
assert_eq hosted "$(status_get .mode)" 'mode with hosted= alone'
grep -qxF "hosted=$SCRIPTED" "$MOUNT/.peerdist/config" || fail "config: $(cat "$MOUNT/.peerdist/config")"
# No discovery.
assert_eq '' "$(ss -Hlnu 'sport = :3702')" 'sockets of discovery in mode hosted'
timeout 30 cmp "$tree/file" "$MOUNT/file" || fail reading
assert_eq 0 "$(status_get .discovery.probes)" Probes
wait_until 20 was_noted 1 '.event == "offer"'

# While mounted.
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@" "$MOUNT"
}
is_mode() {
	assert_eq "$1" "$(status_get .mode)" mode
	assert_eq "mode=$1" "$(grep '^mode=' "$MOUNT/.peerdist/config")" 'mode in config'
}
peerdist mode hosted+distributed "$SCRIPTED"
is_mode hosted+distributed
discovers() { [ "$(ss -Hlnu 'sport = :3702' | wc -l)" -gt 0 ]; }
wait_until 10 discovers
peerdist mode local
is_mode local
left() { ! discovers; }
wait_until 10 left
# The list is kept for a later change.
peerdist mode hosted
is_mode hosted
assert_eq "hosted=$SCRIPTED" "$(grep '^hosted=' "$MOUNT/.peerdist/config")" 'list after mode local'
peerdist mode hosted 127.0.0.1:9 127.0.0.1:10
assert_eq $'hosted=127.0.0.1:9\nhosted=127.0.0.1:10' "$(grep '^hosted=' "$MOUNT/.peerdist/config")" 'another list'
for words in 'distributed 127.0.0.1:9' 'local 127.0.0.1:9' 'off x' 'hosted x:0'; do
	# shellcheck disable=SC2086
	if peerdist mode $words 2>/dev/null; then fail "mode $words was taken"; fi
	is_mode hosted
done
umount_fs "$MOUNT"
# Without a list there is none to change to.
mount_fs "$URL" "$TEST_DIR/bare"
if peerdist mode hosted 2>"$TEST_DIR/said"; then fail 'mode hosted without a cache'; fi
is_mode local
peerdist mode hosted "$SCRIPTED"
is_mode hosted
umount_fs
# Kept with off and local.
mount_fs -o "mode=off,hosted=$SCRIPTED" "$URL" "$TEST_DIR/off"
is_mode off
umount_fs
