#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows F of the API's cases: reads, from the cache and from peers on other machines.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

api_lan_mount
# Datagrams and segments that machine 1 has sent so far; what it sends late comes in that time.
# Membership of groups and addresses are the kernel's own affair.
order_packets() {
	sleep 0.2
	in_namespace lan1 awk '
		$1 == "Udp:" || $1 == "Tcp:" {
			for (i = 2; i <= NF; i++)
				if (!seen[$1]) name[$1, i] = $i
				else if (name[$1, i] ~ /^Out(Datagrams|Segs)$/) sum += $i
			seen[$1] = 1
		}
		END { print sum }' /proc/net/snmp >"$TEST_DIR/packets"
}
lan_join lan3 3
lan_join lan4 4
# MACHINE FILE INFORMATION: a peer there that gives wrong octets.
order_corrupt() {
	lan_script "$1" --retrieval wrong-bytes --file "$TEST_DIR/$2" --information "$TEST_DIR/$3"
}
api_rows reads
umount_fs
