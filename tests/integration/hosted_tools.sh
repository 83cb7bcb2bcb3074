#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the tests of hosted caches judge by, against itself: the second reading of the messages says what
# the digest says, and the scripted client and the scripted cache find each other good; and bad, where
# they are told to be.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation
requires_cmd curl

tests/lib/hosted_messages.py check
make_octets "$TEST_DIR/file" 1000001 1
hosted_keys
start_scripted --tls-cert "$TEST_DIR/server.pem" --tls-key "$TEST_DIR/server.key"
HOSTED=$SCRIPTED HOSTED_TLS=127.0.0.1:$SCRIPTED_TLS

# By version 2.0, of both kinds of content; what was given is what is got.
for version in 1 2; do
	content=(--file "$TEST_DIR/file" --version "$version")
	asks --expect nothing "${content[@]}"
	offers "${content[@]}" --seed a$version --source 127.0.0.3
	assert_match '^\[0\]$' "$(offered .codes)" codes
	asks "${content[@]}" --seed a$version
	asks "${content[@]}" --seed a$version --by-list --cipher 3
	assert_fails "$HOSTED_CLIENT" ask "$HOSTED" "${content[@]}" --seed other 2>/dev/null
	assert_fails "$HOSTED_CLIENT" ask "$HOSTED" "${content[@]}" --seed a$version --expect encrypted 2>/dev/null
	# Of another, who replaces it.
	offers "${content[@]}" --seed b --serve rubbish
	asks "${content[@]}" --seed b --serve rubbish
done
assert_eq '[16,1]' "$("$HOSTED_CLIENT" offer "$HOSTED" --file "$TEST_DIR/file" --version 1 | jq -c '[.blocks, .lists]')" \
	'blocks and lists'
"$HOSTED_CLIENT" segments "$HOSTED" "${content[@]}" --unknown 3 >"$TEST_DIR/held" || fail segments
assert_eq "$(jq '.held | length' "$TEST_DIR/held")" "$(offered .segments)" 'segments held'

# By version 1.0: in plaintext, encrypted anew.
content=(--file "$TEST_DIR/file" --version 1)
offers "${content[@]}" --protocol 1
assert_eq '[1,0]' "$(offered .codes)" 'codes of the first offer'
for cipher in 1 2 3; do asks "${content[@]}" --expect encrypted --cipher $cipher; done
offers "${content[@]}" --protocol 1 --wait nothing
assert_eq '[0]' "$(offered .codes)" 'codes of the second offer'
assert_fails "$HOSTED_CLIENT" offer "$HOSTED_TLS" --protocol 1 "${content[@]}" --cacert "$TEST_DIR/unknown.pem" >/dev/null
assert_fails "$HOSTED_CLIENT" offer "$HOSTED_TLS" --protocol 1 "${content[@]}" --cacert "$TEST_DIR/ca.pem" \
	--name other.test >/dev/null
openssl verify -CAfile "$TEST_DIR/ca.pem" "$TEST_DIR/expired.pem" >"$TEST_DIR/verified" 2>&1 || :
grep -q 'expired' "$TEST_DIR/verified" || fail "expired.pem: $(cat "$TEST_DIR/verified")"

# What is told to be wrong is wrong.
for manner in 401 close garbage code long status; do
	scripted_set offers=$manner
	assert_fails "$HOSTED_CLIENT" offer "$HOSTED" "${content[@]}" --wait nothing >/dev/null
done
scripted_set offers=ok segments=nego
assert_fails "$HOSTED_CLIENT" segments "$HOSTED" "${content[@]}" 2>/dev/null
scripted_set segments=yes retrieval=wrong-bytes
assert_fails "$HOSTED_CLIENT" ask "$HOSTED" "${content[@]}" --expect encrypted 2>/dev/null
scripted_set retrieval=good
"$HOSTED_CLIENT" bad "$HOSTED" --tls-place "$HOSTED_TLS" --cacert "$TEST_DIR/ca.pem" >"$TEST_DIR/bad" ||
	fail "$(cat "$TEST_DIR/bad")"
