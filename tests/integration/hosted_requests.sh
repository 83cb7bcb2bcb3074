#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A hosted cache answers every bad request as section 10 of the digest has it, and pulls what it should
# and nothing else; its paths are as tolerant as the digest says; and bad requests for blocks are
# answered as by any peer.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation
hosted_keys

start_hosted "${with_tls[@]}"
timeout 60 "$HOSTED_CLIENT" bad "$HOSTED" --tls-place "$HOSTED_TLS" --cacert "$TEST_DIR/ca.pem" \
	>"$TEST_DIR/bad" 2>&1 || fail "bad offers: $(cat "$TEST_DIR/bad")"
assert_num "$(jq -s 'last.requests' "$TEST_DIR/bad")" -ge 70 'bad offers'

make_octets "$TEST_DIR/file" 300000 1
content=(--file "$TEST_DIR/file" --version 1)
timeout 30 "$HOSTED_CLIENT" statuses "$HOSTED" "${content[@]}" >"$TEST_DIR/statuses" 2>&1 ||
	fail "statuses: $(cat "$TEST_DIR/statuses")"

# The table of bad requests is about a block that is held.
offers "${content[@]}"
asks "${content[@]}" --by-list
timeout 60 tests/lib/peer_ask.py badly "$HOSTED" "${content[@]}" >"$TEST_DIR/got" 2>&1 ||
	fail "bad requests for blocks: $(cat "$TEST_DIR/got")"
assert_num "$(jq -s 'last.requests' "$TEST_DIR/got")" -ge 140 'bad requests for blocks'
assert_eq '{"least": [1, 0], "most": [2, 0]}' "$(tests/lib/peer_ask.py versions "$HOSTED")" versions

# Without TLS there are no offers by version 1.0.
stop_hosted
HOSTED_CACHE=$TEST_DIR/second
start_hosted
assert_eq '' "$HOSTED_TLS" 'an address for TLS'
timeout 30 "$HOSTED_CLIENT" bad "$HOSTED" >"$TEST_DIR/bad" 2>&1 || fail "bad offers: $(cat "$TEST_DIR/bad")"
stop_hosted
