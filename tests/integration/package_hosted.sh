#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Packages fill a hosted cache before anybody offered it anything: with what a mount has, of two
# origins under the same path, and with all that another hosted cache was offered, opaque blocks
# too.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation

peerdist() { timeout 60 "$BUILD/peerdist" "$@"; }
# What clients offered to one cache.
HOSTED_CACHE=$TEST_DIR/first start_hosted
make_octets "$TEST_DIR/offered-1" 300000 1
make_octets "$TEST_DIR/offered-2" 1000000 2
offers --file "$TEST_DIR/offered-1" --version 1 --seed one
offers --file "$TEST_DIR/offered-2" --version 2 --seed two
figures=$(peerdist export --json --control "$HOSTED_CONTROL" "$TEST_DIR/package")
assert_num "$(jq .opaque <<<"$figures")" -gt 5 'opaque blocks that went out'
opaque=$(jq .opaque <<<"$figures")
stop_hosted

# What mounts of two origins have under one path.
mkdir "$TEST_DIR/origin-1" "$TEST_DIR/origin-2"
for number in 1 2; do
	make_octets "$TEST_DIR/origin-$number/file" 1500001 "1$number"
	start_informed "$TEST_DIR/origin-$number"
	origins[number]=$URL
	mount_fs "$URL" "$TEST_DIR/mnt-$number"
	cat "$MOUNT/file" >/dev/null
	described() { peerdist export "$TEST_DIR/package-$number" "$MOUNT/file" >/dev/null 2>&1; }
	wait_until 20 described
	umount_fs
done

HOSTED_CACHE=$TEST_DIR/second start_hosted
figures=$(peerdist import --json --control "$HOSTED_CONTROL" "$TEST_DIR/package")
assert_eq "$opaque 0 0" "$(jq -r '"\(.opaque) \(.bad) \(.unfit)"' <<<"$figures")" 'figures of the import'
for number in 1 2; do
	figures=$(peerdist import --json "$TEST_DIR/package-$number" "$HOSTED_CONTROL")
	assert_eq '1 1500001 0 0' \
		"$(jq -r '"\(.contents) \(.octets) \(.bad) \(.unfit)"' <<<"$figures")" "import $number"
done
asks --file "$TEST_DIR/offered-1" --version 1 --seed one --by-list
asks --file "$TEST_DIR/offered-2" --version 2 --seed two --by-list
for number in 1 2; do
	mount_fs -o "mode=hosted,hosted=$HOSTED,listen=127.0.0.1:0,compute=off" \
		"${origins[number]}" "$TEST_DIR/client-$number"
	assert_same_file "$TEST_DIR/origin-$number/file" "$MOUNT/file"
	assert_eq '1500001 0' "$(status_get '"\(.sources.hosted.bytes) \(.sources.origin.bytes)"')" \
		"octets from the hosted cache and from origin $number"
	umount_fs
done

# A mount has no use for opaque blocks, and says how many they were.
mount_fs "${origins[1]}" "$TEST_DIR/mnt"
figures=$(peerdist import --json "$TEST_DIR/package" "$MOUNT")
assert_eq "0 $opaque 0" "$(jq -r '"\(.blocks) \(.unfit) \(.bad)"' <<<"$figures")" 'import into a mount'
umount_fs
# All of it goes on from there.
figures=$(peerdist export --json --control "$HOSTED_CONTROL" "$TEST_DIR/all")
assert_eq "2 $opaque" "$(jq -r '"\(.contents) \(.opaque)"' <<<"$figures")" 'what the second has'
stop_hosted
