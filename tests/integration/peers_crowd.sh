#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Six machines read the same file at the same time, which none of them has, from an origin behind a slow
# link: most of it crosses the link far less often than six times.
# timeout: 240
# alone: six daemons that are to keep up with one another
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse
requires_cmd tc

machines=6
lan_create $machines
lan_origin wan 20 10
tree=$TEST_DIR/origin
mkdir "$tree"
size=8000000
make_octets "$tree/file" $size 1
lan_informed "$tree"
for ((number = 1; number <= machines; number++)); do lan_mount "lan$number" "$URL"; done
readers=()
for ((number = 1; number <= machines; number++)); do
	timeout 120 cmp "$TEST_DIR/lan$number/file" "$tree/file" &
	readers+=($!)
done
for reader in "${readers[@]}"; do wait "$reader" || fail "a reader: status $?"; done
total=0
for ((number = 1; number <= machines; number++)); do
	total=$((total + $(lan_status "lan$number" '.sources.origin.bytes + .sources.peer.bytes')))
	assert_eq 0 "$(lan_status "lan$number" .errors.hash)" "wrong hashes of lan$number"
done
# A busy kernel may ask for a piece twice.
assert_num "$total" -ge $((machines * size)) 'octets in all'
assert_num "$total" -le $((machines * size + size / 100)) 'octets in all'
echo "the origin sent $(origin_sent) of $size"
assert_num "$(origin_sent)" -le $((3 * size)) 'octets of the origin'
lan_leave
