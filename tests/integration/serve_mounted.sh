#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Our own mount of peerdist serve: every name, exact sizes and times, the same octets.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

make_tree "$TEST_DIR/tree"
start_serve "$TEST_DIR/tree" --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_same_tree "$TEST_DIR/tree" "$TEST_DIR/mnt"

# list DIR: what stat tells of its files, sorted.
list() {
	(cd "$1" && find . -path ./.peerdist -prune -o -type f -printf '%s %T@ %P\0' | sort -z | sha256sum)
}
assert_eq "$(list "$TEST_DIR/tree")" "$(list "$TEST_DIR/mnt")" 'sizes and times'
assert_eq 0 "$(status_get .errors.malformed)" 'malformed answers'
umount_fs
stop_server
