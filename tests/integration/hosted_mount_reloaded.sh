#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A reload gives the mount other hosted caches while a command changes its mode, again and again: each
# uses a list that stays, and the last word counts.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_isolation

ROUNDS=150
file=$TEST_DIR/mount.conf
mkdir "$TEST_DIR/origin"
# names HOST...: the file, whole at any time.
names() {
	printf '[mount]\nmode=hosted\n' >"$file.new"
	printf 'hosted=%s\n' "$@" >>"$file.new"
	mv "$file.new" "$file"
}
names 127.0.0.1:1
MOUNT=$TEST_DIR/mnt
mkdir "$MOUNT"
mount_command[$MOUNT]=$(printf '%q ' "$DAEMON" -f -c "$file" -o "cache=$TEST_DIR/cache,listen=127.0.0.1:0" \
	"file://$TEST_DIR/origin" "$MOUNT")
launch_fs "$MOUNT"
wait_until 20 fs_answers_or_died "$MOUNT"

change_modes() {
	while [ ! -e "$TEST_DIR/over" ]; do
		admin 'mode hosted' && admin 'mode local' || return 1
	done
}
change_modes >"$TEST_DIR/changes" &
changing=$!
for ((i = 1; i <= ROUNDS; i++)); do
	names "127.0.0.$i:7" "127.0.1.$i:8"
	admin reload >"$TEST_DIR/reload" || fail "reload: $(cat "$TEST_DIR/reload")"
done
: >"$TEST_DIR/over"
wait "$changing" || fail "mode: $(tail -n 3 "$TEST_DIR/changes")"
admin reload >"$TEST_DIR/reload"
assert_eq "127.0.0.$ROUNDS:7 127.0.1.$ROUNDS:8" "$(status_get '[.hosted_caches[].host] | join(" ")')" 'hosted caches'
umount_fs
