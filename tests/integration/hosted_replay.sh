#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What clients offer by version 2.0, of either kind of content, a hosted cache pulls as the digest has it
# and gives on octet for octet, whatever cipher is asked for; headers, lists and next blocks are its
# own. It has no key to any of it.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation

start_hosted
number=0
# pulled BYTES VERSION LISTS BLOCKS WORDS...: offered once, it is asked for so often.
pulled() {
	number=$((number + 1))
	make_octets "$TEST_DIR/file-$number" "$1" $number
	content=(--file "$TEST_DIR/file-$number" --version "$2")
	asks --expect nothing --by-list "${content[@]}"
	offers "${content[@]}" --seed "$number" "${@:5}"
	assert_eq "[[0],$3,$4,$4,[]]" "$(offered '[.codes, .lists, .blocks, .given, .odd]')" "codes, lists, blocks of $*"
	asks "${content[@]}" --seed "$number" --by-list "${@:5}"
}
# Up to three blocks, all adjacent, without a list; else one list, and each block once.
pulled 1 1 0 1
pulled 65536 1 0 1
pulled 65537 1 0 2
pulled 196608 1 0 3
pulled 196609 1 1 4
pulled 2000000 1 1 31
# Of 2.0 a segment is a block.
pulled 20000 2 0 1
make_octets "$TEST_DIR/lengths" 1500000 99
count=$(python3 "$MODEL" make --version 2 --secret 00 "$TEST_DIR/lengths" "$TEST_DIR/info" &&
	python3 "$MODEL" decode "$TEST_DIR/info" | jq '.segments | length')
assert_num "$count" -gt 5 'segments'
content=(--file "$TEST_DIR/lengths" --version 2)
offers "${content[@]}" --seed long --batch 7
assert_eq "[0,$count,$count]" "$(offered '[.lists, .blocks, .given]')" 'lists, blocks of many segments'
for cipher in 0 1 2 3; do asks "${content[@]}" --seed long --by-list --cipher $cipher; done
"$HOSTED_CLIENT" segments "$HOSTED" "${content[@]}" --unknown 5 >"$TEST_DIR/held" || fail segments
assert_eq "$count" "$(jq '.held | length' "$TEST_DIR/held")" 'segments held'
assert_num "$(jq .ages "$TEST_DIR/held")" -gt 0 'ages'
# It decrypts for who has the key.
for way in '' --by-list '--parallel 32'; do
	# shellcheck disable=SC2086
	timeout 30 tests/lib/peer_ask.py get "$HOSTED" "${content[@]}" --out "$TEST_DIR/copy" $way >"$TEST_DIR/got" 2>&1 ||
		fail "get $way: $(cat "$TEST_DIR/got")"
	assert_same_file "$TEST_DIR/lengths" "$TEST_DIR/copy"
done

# Whatever the client's cipher is, and however its answers are sent.
for manner in aes-192 aes-256 chunked http-1.0 closes-idle; do
	pulled 300000 1 1 5 --serve $manner
done
# One that tells its versions first is asked again.
make_octets "$TEST_DIR/nego" 300000 96
content=(--file "$TEST_DIR/nego" --version 1)
offers_and_stays "$TEST_DIR/nego.out" "${content[@]}" --serve nego
asks "${content[@]}" --by-list
stop_process "$CLIENT_PID"
# A second offer of the same by the same client asks for nothing more.
make_octets "$TEST_DIR/other" 5000 98
content=(--file "$TEST_DIR/lengths" --file "$TEST_DIR/other" --version 2)
offers "${content[@]}" --await "$count:"
assert_eq 1 "$(offered .given)" 'blocks given, of which one is new'
# Half of it: what is missing comes from another.
make_octets "$TEST_DIR/half" 1000000 97
content=(--file "$TEST_DIR/half" --version 1)
offers "${content[@]}" --serve half --source 127.0.0.4 --blocks 0:8 --seed half
asks "${content[@]}" --seed half --serve half --blocks 0:8 --by-list
offers "${content[@]}" --source 127.0.0.5 --blocks 8:16 --seed rest
assert_eq 8 "$(offered .given)" 'blocks of the second half'
asks "${content[@]}" --wait 20 --seed rest --blocks 15:16 --expect-held 0:16
stop_hosted
