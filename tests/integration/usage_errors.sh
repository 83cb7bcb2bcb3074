#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a user does wrong is answered with one line that names it, and status 1 or 2.
. "$(dirname "$0")/lib.sh"
requires_fuse

mkdir "$TEST_DIR/mnt"
options=$(private_options "$TEST_DIR/mnt")

# refused STATUS REGEX ARGUMENTS...
refused() {
	local status=0 message
	message=$(timeout 20 "$DAEMON" -f "${@:3}" 2>&1) || status=$?
	assert_eq "$1" "$status" "status of ${*:3}"
	assert_match "$2" "$message" "message of ${*:3}"
	if mountpoint -q "$TEST_DIR/mnt"; then fail "mounted by ${*:3}"; fi
}
refused 2 'cache_size' -o "$options,cache_sise=1G" file:///usr "$TEST_DIR/mnt"
refused 1 'nowhere' -o "$options" file:///usr "$TEST_DIR/nowhere"
refused 2 'gopher' -o "$options" gopher://localhost/ "$TEST_DIR/mnt"
refused 2 '' -o "$options" file:///usr
touch "$TEST_DIR/plain"
refused 1 'plain' -o "cache=$TEST_DIR/plain/cache,key=$TEST_DIR/key" file:///usr "$TEST_DIR/mnt"

mount_fs file:///usr/share/doc "$TEST_DIR/busy"
refused 1 'busy' -o "$options" file:///usr "$TEST_DIR/busy"
refused 1 "$TEST_DIR/busy" -o "cache=$CACHE,key=$TEST_DIR/secret.key" file:///usr/share/doc \
	"$TEST_DIR/mnt"
umount_fs

"$DAEMON" --help | grep -q MOUNTPOINT || fail '--help'
"$DAEMON" --version | grep -q '[0-9]' || fail '--version'
