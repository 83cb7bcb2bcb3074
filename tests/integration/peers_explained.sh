#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# explain and peers tell of a LAN what happened there: which machine gave which block, and why the
# origin had to be asked for the others.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 3 v4
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/given" 3000000 1
make_octets "$tree/half" 8000000 2
make_octets "$tree/altered" 500000 3
lan_informed "$tree"
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@"
}
# explained NODE FILE FILTER
explained() {
	peerdist explain --json "$TEST_DIR/$1/$2" | jq -r "$3"
}

# A block is given to its reader a moment before it is kept and noted.
becomes() { # VALUE NODE FILE FILTER
	wait_until 10 explains "$@"
}
explains() {
	test "$(explained "${@:2}")" = "$1"
}

lan_mount lan1 "$URL"
lan_read lan1 given
becomes 3000000 lan1 given '[.sources[] | select(.from == "origin") | .bytes] | add'
whys=$(explained lan1 given '[.sources[].why] | unique | join(",")')
assert_match '^(came along,)?no (answer|neighbours)(,no neighbours)?$' "$whys" 'why, says the first'

# The second: from the first, which is named.
dd if="$TEST_DIR/lan1/half" of=/dev/null bs=1M count=2 iflag=direct status=none
lan_mount lan2 "$URL"
lan_read lan2 given half
becomes "peer $(lan_place lan1) null" lan2 given \
	'.runs | map("\(.from) \(.address) \(.why)") | unique | join(",")'
assert_eq '[{"offset":0,"length":3000000}]' \
	"$(explained lan2 given '[.runs[] | {offset, length}] | tostring')" 'one run'
becomes 8000000 lan2 half '[.runs[] | select(.from == "peer" or .from == "origin") | .length] | add'
for source in peer origin; do
	assert_eq "$(explained lan2 half "[.runs[] | select(.from == \"$source\") | .length] | add")" \
		"$(explained lan2 half "[.sources[] | select(.from == \"$source\") | .bytes] | add")" \
		"octets of the half file from $source"
	assert_num "$(explained lan2 half "[.sources[] | select(.from == \"$source\") | .bytes] | add")" \
		-ge 1000000 "octets of the half file from $source"
done
assert_eq 0 "$(explained lan2 half '[.sources[] | select(.from == "origin" and .why == null)] | length')" \
	'from the origin without a reason'

# Who gave it is in the list, in each of its forms.
peers=$(peerdist peers --json "$TEST_DIR/lan2")
assert_eq "$(lan_place lan1) 0 0 0" \
	"$(jq -r '.peers[] | "\(.address) \(.bad) \(.failures) \(.banned_s)"' <<<"$peers")" 'peers --json'
assert_eq "$(lan_status lan2 .sources.peer.bytes)" "$(jq '[.peers[].bytes] | add' <<<"$peers")" \
	'octets of peers'
assert_match "$(lan_place lan1) +[0-9]" "$(peerdist peers "$TEST_DIR/lan2")" 'peers for people'
assert_eq "$(lan_place lan1) false" "$(lan_status lan2 '.peers[] | "\(.address) \(.banned)"')" 'peers in status'
assert_eq ok "$(lan_status lan2 .discovery.verdict)" verdict
assert_match 'peer +[1-9][0-9.]* MiB' "$(peerdist status "$TEST_DIR/lan2")" 'status for people'

# clear forgets that too.
peerdist clear "$TEST_DIR/lan2" >/dev/null
assert_eq 0 "$(explained lan2 given '[.runs[] | select(.from == "peer")] | length')" 'after clear'

# A block that is not what it should be comes from the origin, and that is told.
lan_script lan3 --file "$tree/altered" --retrieval wrong-bytes
lan_read lan2 altered
becomes true lan2 altered \
	'any(.sources[]; .from == "origin" and .why == "hash mismatch" and .blocks >= 1)'
assert_num "$(peerdist peers --json "$TEST_DIR/lan2" | jq '[.peers[].bad] | add')" -ge 1 'bad blocks'
umount_fs "$TEST_DIR/lan2"
umount_fs "$TEST_DIR/lan1"
