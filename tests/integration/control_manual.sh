#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The manual of the control file: its table is the list's, and its walk-through works as it stands.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

page=fs/api/peerdist_control.4
tests/lib/control_page.py check fs/api/operations.h "$page"
# A page that lacks one is not the same.
sed '/PeerDistClientBlockRead/d' "$page" >"$TEST_DIR/page"
assert_fails tests/lib/control_page.py check fs/api/operations.h "$TEST_DIR/page"

tests/lib/control_page.py example "$page" >"$TEST_DIR/walk.py"
grep -q 'fcntl.ioctl' "$TEST_DIR/walk.py" || fail 'no walk-through'
if grep -qE 'os\.p?(read|write)v?\(' "$TEST_DIR/walk.py"; then fail 'more than ioctl'; fi
mount_fs none "$TEST_DIR/mnt"
said=$(python3 "$TEST_DIR/walk.py" "$MOUNT") || fail "the walk-through failed: $said"
assert_match '^status 2'$'\n''content information of [0-9]+ octets'$'\n''read 100000 octets$' "$said"
# As it is shown: roff takes nothing away.
if command -v man >/dev/null; then
	MANWIDTH=200 man -l "$page" 2>/dev/null | grep -qF 'while (piece := get(0x27, opened))[0] == 0:' ||
		fail 'the page shows the walk-through otherwise'
fi
umount_fs
