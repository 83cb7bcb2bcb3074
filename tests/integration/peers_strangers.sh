#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who is not of the LAN is neither answered nor served: its connections are closed before anything is
# read. An address that was named in `listen` answers everybody.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2 v4
lan_origin wan 100 1
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 1000000 1
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 file
place=$(lan_place lan1)
wait_until 10 lan_ask lan2 get "$place" --file "$tree/file"
assert_fails lan_ask origin get "$place" --file "$tree/file" 2>/dev/null
# A machine on the same wire, but of another network.
read -r id < <(lan_ids 2 "$tree/file") || :
ip -n lan2 address flush dev eth0
ip -n lan2 address add 198.51.100.7/24 dev eth0
ip -n lan2 route add 10.78.0.0/24 dev eth0
ip -n lan1 route add 198.51.100.0/24 dev eth0
answered=$(lan_status lan1 .discovery.answered)
! lan_ask lan2 probe "$id" || fail 'a stranger is answered'
assert_eq "$answered" "$(lan_status lan1 .discovery.answered)" 'answers'
umount_fs

lan_mount lan1 "$URL" listen=10.78.0.1:4000
assert_eq 10.78.0.1:4000 "$(lan_place lan1)" 'listen'
lan_ask origin get 10.78.0.1:4000 --file "$tree/file" >"$TEST_DIR/got" || fail "not served: $(cat "$TEST_DIR/got")"
assert_eq 1000000 "$(jq .bytes "$TEST_DIR/got")" 'octets that were given beyond the router'
lan_leave
