#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Offers by version 1.0, over TLS: the cache is told what a segment is, pulls it, checks it, and gives it
# encrypted anew. What it knows it is not told twice. The certificate is read again upon SIGHUP.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation
hosted_keys

start_hosted "${with_tls[@]}"
[ -n "$HOSTED_TLS" ] || fail "no address for TLS: $(cat "$HOSTED_LOG")"
for size in 19 65536 150000 1000000; do
	make_octets "$TEST_DIR/file-$size" $size $size
	content=(--file "$TEST_DIR/file-$size" --version 1)
	offers "${content[@]}" --protocol 1 --initial-only --wait nothing
	assert_eq '[1]' "$(offered .codes)" "INITIAL_OFFER of $size"
	asks "${content[@]}" --expect nothing
	offers "${content[@]}" --protocol 1
	assert_eq '[1,0]' "$(offered .codes)" "codes of $size"
	blocks=$(((size + 65535) / 65536))
	assert_eq "[$((blocks > 3)),$blocks]" "$(offered '[.lists, .blocks]')" "lists, blocks of $size"
	for cipher in 1 2 3; do asks "${content[@]}" --expect encrypted --cipher $cipher --by-list; done
	# Known now.
	offers "${content[@]}" --protocol 1 --wait nothing
	assert_eq '[0]' "$(offered .codes)" "a second INITIAL_OFFER of $size"
done
[ ! -w /dev/fuse ] || hosted_has .cache.opaque 0 || fail "opaque octets: $(hosted_is .cache.opaque)"
# Without an initial offer.
make_octets "$TEST_DIR/file" 250000 1
content=(--file "$TEST_DIR/file" --version 1)
offers "${content[@]}" --protocol 1 --info-only
assert_eq '[[0],4]' "$(offered '[.codes, .given]')" 'SEGMENT_INFO alone'
asks "${content[@]}" --expect encrypted
# No plaintext for who asks for it.
timeout 20 tests/lib/peer_ask.py get "$HOSTED" "${content[@]}" --cipher 0 --expect-cipher 1 >"$TEST_DIR/got" 2>&1 ||
	fail "cipher 0: $(cat "$TEST_DIR/got")"
# It was opaque before: what can be checked is better.
make_octets "$TEST_DIR/both" 250000 2
content=(--file "$TEST_DIR/both" --version 1)
offers "${content[@]}" --serve rubbish
asks "${content[@]}" --serve rubbish
offers "${content[@]}" --protocol 1 --source 127.0.0.2
asks "${content[@]}" --expect encrypted
# Lies are found out; another has the truth. A client in plaintext: likewise true.
number=10
for manner in wrong-bytes rubbish wrong-cipher wrong-block; do
	number=$((number + 1))
	make_octets "$TEST_DIR/$manner" 260000 $number
	content=(--file "$TEST_DIR/$manner" --version 1)
	offers "${content[@]}" --protocol 1 --serve $manner --wait asked --source 127.0.0.6
	offers "${content[@]}" --protocol 1 --source 127.0.0.7
	asks "${content[@]}" --expect encrypted
done
# A list of some blocks only: they come, and whoever has the content information can read them.
make_octets "$TEST_DIR/part" 500000 7
content=(--file "$TEST_DIR/part" --version 1)
offers "${content[@]}" --protocol 1 --info-only --blocks 0:3
assert_eq '["0",3]' "$(offered '["\(.codes[0])", .given]')" 'blocks of an incomplete list'
some_is_there() {
	timeout 20 tests/lib/peer_ask.py get "$HOSTED" "${content[@]}" >"$TEST_DIR/got" && [ "$(jq .good "$TEST_DIR/got")" = 3 ]
}
wait_until 20 some_is_there
# A complete list proves the rest.
offers "${content[@]}" --protocol 1 --source 127.0.0.2
asks "${content[@]}" --expect encrypted

# Another certificate, without an end of what is under way.
subject_is() {
	openssl s_client -connect "$HOSTED_TLS" </dev/null 2>/dev/null | openssl x509 -noout -subject | grep -q "CN *= *$1\$"
}
subject_is server || fail 'the certificate'
cp "$TEST_DIR/other.pem" "$TEST_DIR/server.pem"
cp "$TEST_DIR/other.key" "$TEST_DIR/server.key"
kill -HUP "$HOSTED_PID"
wait_until 10 subject_is other
# One that is none changes nothing.
echo nothing >"$TEST_DIR/server.pem"
kill -HUP "$HOSTED_PID"
wait_until 10 grep -q 'server\.pem' "$HOSTED_LOG"
subject_is other || fail 'the certificate after a bad one'
asks "${content[@]}" --expect encrypted
stop_hosted
