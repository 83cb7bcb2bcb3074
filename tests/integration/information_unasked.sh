#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Content information in place of content that somebody wanted, as a broken cache on the way hands it
# out: asked past the cache the content comes; if it never does the read fails, and no reader is
# given content information for content.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

mkdir "$TEST_DIR/origin"
for name in cached-small always-small; do make_octets "$TEST_DIR/origin/$name" 3000 1; done
for name in cached-large always-large; do make_octets "$TEST_DIR/origin/$name" 2000000 2; done
start_informed "$TEST_DIR/origin" '{"*": {"min_size": 1},
	"/cached-small": {"unasked": "cached"}, "/cached-large": {"unasked": "cached"},
	"/always-small": {"unasked": "always"}, "/always-large": {"unasked": "always"}}'
mount_fs -o timeout=6 "$URL" "$TEST_DIR/mnt"
for name in cached-small cached-large; do
	assert_same_file "$TEST_DIR/origin/$name" "$MOUNT/$name"
done
for name in always-small always-large; do
	message=$(LC_ALL=C cat "$MOUNT/$name" 2>&1 >"$TEST_DIR/read") && fail "$name was read"
	assert_match 'Input/output error' "$message" "$name"
	cmp -n "$(stat -c %s "$TEST_DIR/read")" "$TEST_DIR/origin/$name" "$TEST_DIR/read" ||
		fail "$name: wrong bytes"
done
assert_num "$(status_get .errors.malformed)" -gt 0 'malformed answers'
umount_fs
