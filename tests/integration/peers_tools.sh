#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the tests of peers judge by, against itself: the second reading of the messages says what the
# vectors and the digests say, and the asker gets of the scripted peer what it is told to give.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_isolation
requires_cmd python3 jq

tests/lib/peer_messages.py check tests/vectors/retrieval
tests/lib/peer_probes.py check

lan_create 2
make_octets "$TEST_DIR/file" 2000000 1
read -r id < <(lan_ids 1 "$TEST_DIR/file") || :
content=(--file "$TEST_DIR/file" --version 1)
place() {
	echo "10.78.0.2:$(jq -r 'select(.event == "ready") | .port' "$SCRIPT_LOG")"
}
get() {
	lan_ask lan1 get "$(place)" "${content[@]}" "$@" 2>&1
}

lan_script lan2 "${content[@]}"
lan_ask lan1 probe "$id" >"$TEST_DIR/answers" || fail 'no answer'
jq -e '.literal == [] and .claims[0].count == 31 and (.ipxe[0] | length) == 1' "$TEST_DIR/answers" >/dev/null ||
	fail "answers: $(cat "$TEST_DIR/answers")"
assert_eq 2 "$(wc -l <"$TEST_DIR/answers")" 'answers by both families'
lan_ask lan1 ipxe "$id" >/dev/null || fail 'no answer to iPXE'
lan_ask lan1 hostile "$id" || fail 'hostile Probes'
for way in '' --by-list; do
	for cipher in 1 2 3; do
		# shellcheck disable=SC2086
		get $way --cipher $cipher --out "$TEST_DIR/copy" >"$TEST_DIR/got" || fail "$(cat "$TEST_DIR/got")"
		assert_same_file "$TEST_DIR/file" "$TEST_DIR/copy"
	done
done
stop_process "$SCRIPT_PID"

# What is wrong is found to be wrong.
for behaviour in wrong-bytes wrong-block wrong-cipher unknown-cipher wrong-id wrong-index wrong-type \
	wrong-version wrong-size too-long wrong-frame surplus truncated reset status-500 noise endless; do
	lan_script lan2 "${content[@]}" --retrieval "$behaviour"
	! timeout 60 "$BASH" -c ". tests/lib/network.sh; in_namespace lan1 $PEER_ASK get $(place) ${content[*]}" \
		>"$TEST_DIR/got" 2>&1 || fail "$behaviour is taken: $(cat "$TEST_DIR/got")"
	stop_process "$SCRIPT_PID"
done
