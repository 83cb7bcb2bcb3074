#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The retrieval port of a mount, asked in every way there is: blocks decrypt to what the origin vouches
# for, lists say what is held, and every bad request is answered as the digest has it.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 3000001 1
make_octets "$tree/absent" 200000 2
lan_informed "$tree"
for version in 1 2; do
	content=(--file "$tree/file" --version "$version")
	lan_mount lan1 "$URL" versions=$version
	lan_read lan1 file
	place=$(lan_place lan1)
	has_all() {
		lan_ask lan2 get "$place" "${content[@]}" >"$TEST_DIR/got" && [ "$(jq .good "$TEST_DIR/got")" = "$blocks" ]
	}
	blocks=$([ $version = 1 ] && echo 46 || lan_ids 2 "$tree/file" | wc -l)
	wait_until 10 has_all
	for cipher in 1 2 3; do
		for options in '' --by-list '--parallel 32'; do
			# shellcheck disable=SC2086
			lan_ask lan2 get "$place" "${content[@]}" --cipher $cipher $options --out "$TEST_DIR/copy" \
				>"$TEST_DIR/got" || fail "cipher $cipher $options: $(cat "$TEST_DIR/got")"
			assert_same_file "$tree/file" "$TEST_DIR/copy"
		done
	done
	# No plaintext without the administrator's word.
	lan_ask lan2 get "$place" "${content[@]}" --cipher 0 --expect-cipher 1 >"$TEST_DIR/got" ||
		fail "plaintext asked for: $(cat "$TEST_DIR/got")"
	lan_ask lan2 versions "$place" >"$TEST_DIR/got"
	assert_eq '{"least": [1, 0], "most": [2, 0]}' "$(cat "$TEST_DIR/got")" versions
	lan_ask lan2 segments "$place" "${content[@]}" >"$TEST_DIR/got"
	assert_eq "$(lan_ids $version "$tree/file" | wc -l)" "$(jq '.held | length' "$TEST_DIR/got")" 'segments held'
	assert_num "$(jq '.ages | length' "$TEST_DIR/got")" -gt 0 'ages'
	lan_ask lan2 get "$place" --file "$tree/absent" --version $version --by-list >"$TEST_DIR/got"
	assert_eq 0 "$(jq .good "$TEST_DIR/got")" 'blocks of what is not held'
	lan_ask lan2 badly "$place" "${content[@]}" >"$TEST_DIR/got" || fail "bad requests: $(cat "$TEST_DIR/got")"
	assert_num "$(jq -s 'last.requests' "$TEST_DIR/got")" -ge 140 'bad requests'
	# By IPv6 as well.
	lan_ask lan2 get "[fd78::1]:${place##*:}" "${content[@]}" >"$TEST_DIR/got" || fail "IPv6: $(cat "$TEST_DIR/got")"
	assert_eq "$blocks" "$(jq .good "$TEST_DIR/got")" 'blocks by IPv6'
	assert_num "$(lan_status lan1 .served.blocks)" -ge $((10 * blocks)) 'blocks that were given'
	lan_forget lan1
done

lan_mount lan1 "$URL" versions=2,plaintext=yes
lan_read lan1 file
place=$(lan_place lan1)
wait_until 10 has_all
lan_ask lan2 get "$place" "${content[@]}" --cipher 0 --expect-cipher 0 >"$TEST_DIR/got" ||
	fail "plaintext: $(cat "$TEST_DIR/got")"
assert_eq "$blocks" "$(jq .good "$TEST_DIR/got")" 'blocks in plaintext'
lan_leave
