#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What was cleared is neither announced nor given any more; the rest is.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/gone" 1000000 1
make_octets "$tree/kept" 1000000 2
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 gone kept
place=$(lan_place lan1)
read -r gone < <(lan_ids 2 "$tree/gone") || :
read -r kept < <(lan_ids 2 "$tree/kept") || :
for id in "$gone" "$kept"; do wait_until 10 lan_ask lan2 probe "$id"; done

lan_admin lan1 'clear /gone' >/dev/null
! lan_ask lan2 probe "$gone" || fail 'it is announced'
lan_ask lan2 get "$place" --file "$tree/gone" >"$TEST_DIR/got"
assert_eq 0 "$(jq .good "$TEST_DIR/got")" 'blocks of what was cleared'
lan_ask lan2 probe --expect 2 "$kept" >/dev/null || fail 'the rest is not announced'
lan_ask lan2 get "$place" --file "$tree/kept" >"$TEST_DIR/got"
assert_eq 0 "$(jq .missing "$TEST_DIR/got")" 'missing blocks of what was kept'

# Read again, it is given again.
lan_read lan1 gone
wait_until 10 lan_ask lan2 probe "$gone"
lan_admin lan1 clear >/dev/null
for id in "$gone" "$kept"; do ! lan_ask lan2 probe "$id" || fail 'it is announced'; done
lan_mount lan2 "$URL"
lan_read lan2 gone kept
assert_eq 0 "$(lan_status lan2 .sources.peer.bytes)" 'octets from an empty peer'
lan_leave
