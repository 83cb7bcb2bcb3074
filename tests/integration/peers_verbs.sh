#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The administrator's verbs about other machines, where there are none: mode changes while mounted
# and shows in status; peers and trust answer; what is wrong is refused, and changes nothing.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_isolation # other mounts of ours would be found as well
requires_cmd jq

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs -o interface=lo,listen=127.0.0.1:0 "$URL" "$TEST_DIR/mnt"
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@"
}
# mode_is MODE STATE: in status, in the configuration, and for people.
mode_is() {
	assert_eq "$1 $2" "$(status_get '.mode + " " + .state')" "mode and state"
	assert_eq "mode=$1" "$(grep '^mode=' "$MOUNT/.peerdist/config")" 'mode shown'
	assert_match "mode +${1/+/\\+}" "$(peerdist status)" 'mode for people'
}
# told STATUS TEXT ARGUMENTS...
told() {
	local status=0 message
	message=$(peerdist "${@:3}" 2>&1 >/dev/null) || status=$?
	assert_eq "$1" "$status" "status of peerdist ${*:3}"
	[[ $message == "peerdist: "*"$2"* ]] || fail "message of peerdist ${*:3}: $message"
}

mode_is local available
assert_eq null "$(status_get .listen)" 'listening in mode local'
peerdist mode distributed
mode_is distributed available
assert_match '^127\.0\.0\.1:[0-9]+$' "$(status_get .listen)" 'listening in mode distributed'
assert_eq string "$(status_get '.discovery.verdict | type')" 'verdict in mode distributed'
peerdist mode distributed "$MOUNT" # already
mode_is distributed available
peerdist mode off
mode_is off disabled
assert_eq null "$(status_get .listen)" 'listening in mode off'
# What is kept is kept further on.
cat "$MOUNT/large-10.bin" >/dev/null
remount
assert_num "$(status_get .cache.used)" -ge 8388608 'cache used after mode off and a remount'
mode_is local available

# Nobody is there.
assert_eq '[]' "$(status_get '.peers | tostring')" peers
assert_eq '[]' "$(peerdist peers --json | jq -r '.peers | tostring')" 'peers --json'
assert_match '^address +blocks' "$(peerdist peers)" 'peers for people'
peerdist trust reset
assert_eq '' "$(peerdist trust reset --json | jq -r .message)" 'message of trust reset'
admin peers >/dev/null || fail 'peers by the admin file'

# Usage is checked before anything is asked; the rest is refused by the daemon, by the write itself.
told 2 'usage: peerdist mode MODE' mode
told 2 "\`lokal\` is not a mode; there are off, local, distributed, hosted and hosted+distributed" mode lokal
told 2 'trust can only be reset' trust me
told 2 'usage: peerdist trust reset' trust
told 2 'usage: peerdist explain PATH' explain
told 1 'mode hosted: which hosted cache?' mode hosted
told 2 'a:b: not HOST or HOST:PORT' mode hosted+distributed a a:b "$MOUNT"
for line in 'mode' 'mode lokal' 'mode hosted' 'mode hosted a:b' 'mode hosted+distributed' 'mode local a' \
	'mode distributed a' 'trust' 'trust me' 'peers x'; do
	if admin "$line" 2>/dev/null; then fail "'$line' was taken"; fi
done
mode_is local available

# Hosted caches are named behind the mode, and remembered for the next time.
hosts_are() { # hosts_are [HOST...]: in the configuration
	assert_eq "$*" "$(sed -n 's/^hosted=//p' "$MOUNT/.peerdist/config" | xargs)" 'hosted caches'
}
hosts_are
peerdist mode hosted 127.0.0.1:9 [::1]:9 "$MOUNT"
mode_is hosted available
hosts_are 127.0.0.1:9 '[::1]:9'
peerdist mode hosted+distributed
mode_is hosted+distributed available
peerdist mode local
mode_is local available
hosts_are 127.0.0.1:9 '[::1]:9'
peerdist mode hosted+distributed 127.0.0.2
mode_is hosted+distributed available
hosts_are 127.0.0.2
peerdist mode distributed
mode_is distributed available
peerdist mode hosted
mode_is hosted available
hosts_are 127.0.0.2
# A failure changes nothing.
told 2 'a:b: not HOST or HOST:PORT' mode hosted+distributed a:b
mode_is hosted available
hosts_are 127.0.0.2
umount_fs
