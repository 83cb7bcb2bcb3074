#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Sixteen machines: one has read, fifteen read at once. Each gets the octets that there are, and the
# origin gives hardly any of them again.
# timeout: 240
# alone: sixteen daemons
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse
requires_cmd tc

lan_create 16
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
size=6000000
make_octets "$tree/file" $size 1
lan_informed "$tree"
for number in {1..16}; do lan_start "lan$number" "$URL" cache_size=100M; done
for number in {1..16}; do wait_until 60 fs_answers_or_died "$TEST_DIR/lan$number"; done
lan_read lan1 file
sent=$(origin_sent)
# From now on it is far away.
in_namespace origin tc qdisc add dev eth0 root tbf rate 20mbit burst 64kb latency 100ms || skip 'no tbf here'
readers=()
for number in {2..16}; do
	timeout 120 cmp "$TEST_DIR/lan$number/file" "$tree/file" &
	readers+=($!)
done
for reader in "${readers[@]}"; do wait "$reader" || fail "a reader: status $?"; done
peers=0
for number in {2..16}; do
	peers=$((peers + $(lan_status "lan$number" .sources.peer.bytes)))
	assert_eq 0 "$(lan_status "lan$number" .errors.hash)" "wrong hashes of lan$number"
done
echo "from peers: $peers of $((15 * size)); from the origin, again: $(($(origin_sent) - sent))"
assert_num $(($(origin_sent) - sent)) -le $((2 * size)) 'octets of the origin for fifteen more'
assert_num $peers -ge $((13 * size)) 'octets from peers'
lan_leave
