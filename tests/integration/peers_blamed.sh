#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A peer that gives nothing but wrong blocks is put out, and asked no more; `trust reset` forgets it.
# A good one beside it goes on giving.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

# One address each: blame goes to addresses.
lan_create 3 v4
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
for number in {1..8}; do make_octets "$tree/file-$number" 2000000 $number; done
lan_informed "$tree"
files=()
for number in {1..8}; do files+=(--file "$tree/file-$number"); done
lan_script lan3 "${files[@]}"
lan_script lan2 "${files[@]}" --retrieval wrong-bytes
lan_mount lan1 "$URL"
banned() { test "$(lan_status lan1 '[.peers[] | select(.banned)] | length')" -ge 1; }
number=1
until banned; do
	[ $number -le 6 ] || fail "never put out: $(lan_status lan1 .peers)"
	lan_read lan1 file-$number
	number=$((number + 1))
done
assert_num "$(lan_status lan1 .errors.hash)" -ge 4 'wrong hashes'
# Never the good one.
assert_eq 0 "$(lan_status lan1 '[.peers[] | select(.banned and .bad == 0)] | length')" 'good ones put out'
requests=$(scripted '.event == "request"')
hashes=$(lan_status lan1 .errors.hash)
lan_read lan1 file-7
assert_eq "$requests" "$(scripted '.event == "request"')" 'requests of the one that is out'
assert_eq "$hashes" "$(lan_status lan1 .errors.hash)" 'wrong hashes, later'
assert_num "$(lan_status lan1 .sources.peer.bytes)" -ge 1000000 'octets from the good one'
lan_admin lan1 'trust reset'
assert_eq 0 "$(lan_status lan1 '[.peers[] | select(.banned)] | length')" 'put out, after trust reset'
lan_leave
