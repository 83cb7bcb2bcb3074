#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Addresses and links come and go while mounted, and the peer follows them; on two networks it takes part
# in both, or in that which was named.
#
#   lan1 eth0 10.78.0.1 --- br0 --- lan2        lan1 eth1 10.79.0.1 --- far eth0 10.79.0.2
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2 v4
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 1000000 1
lan_informed "$tree"
read -r id < <(lan_ids 2 "$tree/file") || :
# answers NODE XADDR: the one answer that comes names it.
answers() {
	lan_ask "$1" probe --wait 0.3 "$id" >"$TEST_DIR/answers" &&
		[ "$(jq -r '.xaddrs | join(" ")' "$TEST_DIR/answers")" = "$2" ]
}
# A link of its own between lan1 and another machine.
new_namespace far
ip -n lan1 link add eth1 type veth peer name eth0 netns far
ip -n far address add 10.79.0.2/24 dev eth0
ip -n far link set eth0 up

lan_mount lan1 "$URL"
lan_read lan1 file
place=$(lan_place lan1)
port=${place##*:}
wait_until 10 answers lan2 "10.78.0.1:$port"

# One more network.
ip -n lan1 address add 10.79.0.1/24 dev eth1
ip -n lan1 link set eth1 up
wait_until 10 answers far "10.79.0.1:$port"
lan_ask far get "10.79.0.1:$port" --file "$tree/file" >"$TEST_DIR/got" || fail "$(cat "$TEST_DIR/got")"
answers lan2 "10.78.0.1:$port" || fail 'not answered on the first network'

# Another address in place of the first, and the first again.
ip -n lan1 address delete 10.78.0.1/24 dev eth0
ip -n lan1 address add 10.78.0.101/24 dev eth0
wait_until 10 answers lan2 "10.78.0.101:$port"
ip -n lan1 address delete 10.78.0.101/24 dev eth0
ip -n lan1 address add 10.78.0.1/24 dev eth0
wait_until 10 answers lan2 "10.78.0.1:$port"

# The link goes, and another one comes under its name.
ip -n lan1 link delete eth0
wait_until 10 answers far "10.79.0.1:$port"
ip -n lan link add to-new type veth peer name eth0 netns lan1
ip -n lan link set to-new master br0 up
in_namespace lan1 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip -n lan1 link set eth0 up
ip -n lan1 address add 10.78.0.1/24 dev eth0
wait_until 10 answers lan2 "10.78.0.1:$port"
lan_mount lan2 "$URL"
lan_read lan2 file
assert_eq 1000000 "$(lan_status lan2 .sources.peer.bytes)" 'octets from the peer'
umount_fs "$TEST_DIR/lan2"
umount_fs "$TEST_DIR/lan1"

# The one that was named, and not the other.
lan_mount lan1 "$URL" interface=eth1
lan_read lan1 file
wait_until 10 answers far "10.79.0.1:$port"
! lan_ask lan2 probe "$id" || fail 'answered on a network that was not named'
assert_fails lan_ask lan2 get "10.78.0.1:$port" --file "$tree/file" 2>/dev/null
lan_leave
