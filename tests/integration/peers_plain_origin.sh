#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin without content information: nothing is asked of peers, nothing is announced, and all is
# read as ever.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 3000000 1
lan_informed "$tree" '{"*": {"plain": true}}'
lan_script lan2 --file "$tree/file"
for compute in off 2; do
	lan_mount lan1 "$URL" compute=$compute
	lan_read lan1 file
	assert_eq 0 "$(lan_status lan1 .sources.peer.bytes)" 'octets from peers'
	assert_eq 3000000 "$(lan_status lan1 .sources.origin.bytes)" 'octets from the origin'
	assert_eq 0 "$(lan_status lan1 .discovery.probes)" 'Probes'
	read -r id < <(lan_ids 2 "$tree/file") || :
	! lan_ask origin probe "$id" | grep '"10.78.0.1"' || fail 'it is announced'
	lan_forget lan1
done
assert_eq 0 "$(scripted '.event == "request"')" 'requests'
lan_leave
