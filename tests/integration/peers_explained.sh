#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# explain and peers tell of a LAN what happened there: of every block which machine gave it, and if it
# came from the origin, why.
# timeout: 180
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 3 v4
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/given" 3000000 3
make_octets "$tree/half" 8000000 2
make_octets "$tree/altered" 600000 1
make_octets "$tree/small" 1000 4
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

# reads_and_tells REASON: lan1 says why blocks came from the origin.
reads_and_tells() {
	local reason=$1
	lan_read lan1 altered
	becomes true lan1 altered \
		"any(.sources[]; .from == \"origin\" and .why == \"$reason\" and .blocks >= 1)"
	# The command of the control directory, of which that is made, tells it of each run.
	lan_admin lan1 'explain altered' >"$TEST_DIR/explained"
	assert_match '^ok content information of version 2, 8 segments' "$(head -n 1 "$TEST_DIR/explained")"
	awk -F '\t' -v why="$reason" '$5 == "origin" && $7 == why { found = 1 } END { exit !found }' \
		"$TEST_DIR/explained" || fail "not '$reason': $(cat "$TEST_DIR/explained")"
}
# reads_and_explains REASON [OPTION... of the scripted peer]
reads_and_explains() {
	local reason=$1
	shift
	if [ $# != 0 ]; then lan_script lan3 --file "$tree/altered" "$@"; fi
	lan_mount lan1 "$URL"
	reads_and_tells "$reason"
	if [ "$reason" = 'hash mismatch' ]; then
		assert_num "$(peerdist peers --json "$TEST_DIR/lan1" | jq '[.peers[].bad] | add')" -ge 1 'bad blocks'
	fi
	lan_forget lan1
	if [ $# != 0 ]; then stop_process "$SCRIPT_PID"; fi
}
reads_and_explains 'no answer'
reads_and_explains 'no answer' --discovery doctype
reads_and_explains 'hash mismatch' --retrieval wrong-bytes
reads_and_explains 'not there after all' --retrieval empty
reads_and_explains 'timed out' --retrieval silent

lan_mount lan1 "$URL"
lan_read lan1 given small
becomes 3000000 lan1 given '[.sources[] | select(.from == "origin") | .bytes] | add'
whys=$(explained lan1 given '[.sources[].why] | unique | join(",")')
assert_match '^(came along,)?no (answer|neighbours)(,no neighbours)?$' "$whys" 'why, says the first'
lan_admin lan1 'explain small' >"$TEST_DIR/explained"
assert_match '^ok no content information' "$(head -n 1 "$TEST_DIR/explained")"
assert_fails "$BUILD/peerdist" explain "$TEST_DIR/lan1/absent" 2>/dev/null

# The second: from the first, which is named.
dd if="$TEST_DIR/lan1/half" of=/dev/null bs=1M count=2 iflag=direct status=none
lan_mount lan2 "$URL"
lan_read lan2 given half
becomes "peer $(lan_place lan1) null" lan2 given \
	'.runs | map("\(.from) \(.address) \(.why)") | unique | join(",")'
assert_eq '[{"offset":0,"length":3000000}]' \
	"$(explained lan2 given '[.runs[] | {offset, length}] | tostring')" 'one run'
lan_admin lan2 'explain given' >"$TEST_DIR/explained"
assert_match '^ok content information of version 2, [1-9][0-9]* segments' "$(head -n 1 "$TEST_DIR/explained")"
assert_eq 3000000 "$(awk -F '\t' -v place="$(lan_place lan1)" \
	'NF == 7 && $5 == "peer" && $6 == place && $4 == "cached" { sum += $2 } END { print sum }' \
	"$TEST_DIR/explained")" 'octets explained'
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

# Without peers that is the reason.
lan_forget lan1
lan_mount lan1 "$URL" mode=local
reads_and_tells 'the mode has no peers'
lan_leave
