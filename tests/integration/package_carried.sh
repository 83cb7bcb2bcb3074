#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What one mount has cached is carried into another's cache as one file, and read there without the
# origin; in part, under other names, and with figures that say how much it was.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3 jq

peerdist() { timeout 120 "$BUILD/peerdist" "$@"; }
origin=$TEST_DIR/origin
mkdir -p "$origin/dir/deep" "$origin/other"
head -c 5000001 /dev/urandom >"$origin/dir/large"
head -c 70000 /dev/urandom >"$origin/dir/deep/"$'strange \n\\name '
head -c 3000000 /dev/urandom >"$origin/other/file"
head -c 300000 /dev/urandom >"$origin/not read"
touch -d '1 hour ago' "$origin"/*/* "$origin"/*
start_nginx "$origin"
mount_fs "$URL" "$TEST_DIR/from"
from=$MOUNT
for file in dir/large dir/deep/$'strange \n\\name ' other/file; do
	cat "$from/$file" >/dev/null
done

package=$TEST_DIR/package
figures=$(peerdist export --json "$package" "$from/dir" "$from/other/file" "$from/dir/large")
assert_eq '3 0' "$(jq -r '"\(.contents) \(.lacking)"' <<<"$figures")" 'contents and lacking blocks'
assert_eq 8070001 "$(jq -r .octets <<<"$figures")" 'octets that went out'
assert_eq 600 "$(stat -c %a "$package")" 'mode of the package'
# To standard output it is the same, and nothing else is said.
peerdist export - "$from/dir" "$from/other/file" >"$TEST_DIR/streamed"
assert_same_file "$package" "$TEST_DIR/streamed"

# Another machine: another directory for its cache, and a source that it can never reach.
mount_fs "$URL" "$TEST_DIR/into"
into=$MOUNT
stop_server
figures=$(peerdist import --json "$package" "$into")
assert_eq '3 8070001 0 0 0' \
	"$(jq -r '"\(.contents) \(.octets) \(.bad) \(.unfit) \(.present)"' <<<"$figures")" \
	'figures of the import'
for file in dir/large dir/deep/$'strange \n\\name ' other/file; do
	assert_same_file "$origin/$file" "$into/$file"
done
assert_eq 0 "$(status_get .sources.origin.bytes "$into")" 'octets from the origin'
assert_fails cat "$into/not read" 2>/dev/null
# It outlives the mount.
remount "$into"
assert_same_file "$origin/dir/large" "$into/dir/large"
# From a pipe too; all of it is there by now.
figures=$(peerdist import --json - "$into" <"$TEST_DIR/streamed")
assert_eq '0 0' "$(jq -r '"\(.blocks) \(.bad)"' <<<"$figures")" 'what was there already'
umount_fs "$into"

# What is there decides: the origin's validator, not the name.
head -c 5000001 /dev/urandom >"$origin/dir/large"
start_nginx "$origin"
mount_fs "$URL" "$TEST_DIR/later"
peerdist import "$package" "$MOUNT" >/dev/null
assert_same_file "$origin/dir/large" "$MOUNT/dir/large"
assert_same_file "$origin/other/file" "$MOUNT/other/file"
umount_fs "$MOUNT"
umount_fs "$from"
