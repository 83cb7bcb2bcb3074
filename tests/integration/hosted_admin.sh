#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the administrator of a hosted cache sees after true offers, and does: numbers, verify, trust reset,
# clear; and what the settings change that are about offers.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation
hosted_keys

start_hosted "${with_tls[@]}" --young 0
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@"
}
# numbers FILTER...: of the status, in a line.
numbers() {
	local filter
	for filter; do hosted_is "$filter"; done | xargs
}
assert_eq "$HOSTED" "$(hosted_is '.listen[0]')" listen
assert_eq "$HOSTED_TLS" "$(hosted_is '.tls_listen[0]')" tls_listen
assert_eq '0 0 0 0 0' "$(numbers .served.bytes .served.blocks .served.requests .pulled.bytes .pulled.blocks)" 'numbers at first'
make_octets "$TEST_DIR/opaque" 200000 1
make_octets "$TEST_DIR/plain" 300000 2
opaque=(--file "$TEST_DIR/opaque" --version 1)
plain=(--file "$TEST_DIR/plain" --version 1)
offers "${opaque[@]}" --source 127.0.0.2
offers "${plain[@]}" --protocol 1 --source 127.0.0.3
asks "${opaque[@]}" --by-list
asks "${plain[@]}" --by-list --expect encrypted
assert_eq '1 1 1' "$(numbers .offers.batched .offers.initial .offers.information)" 'offers by type'
assert_eq '500000 9 5' "$(numbers .pulled.bytes .pulled.blocks .pulled.verified)" 'octets, blocks, verified ones, that were pulled'
assert_num "$(hosted_is .cache.used)" -ge 500000 'cache.used'
assert_eq '127.0.0.2 200000 127.0.0.3 300000' \
	"$(hosted_is '[.peers[] | "\(.address) \(.bytes)"] | sort | join(" ")')" 'who gave what'
before=$(hosted_is .served.blocks)
asks "${opaque[@]}"
assert_eq 4 $(($(hosted_is .served.blocks) - before)) 'blocks given since'

# An offer of the cache's own listener is not pulled.
make_octets "$TEST_DIR/self" 20000 5
make_octets "$TEST_DIR/fresh" 20000 6
requests=$(hosted_is .served.requests)
offers --file "$TEST_DIR/self" --source 127.0.0.1 --announce "${HOSTED##*:}" --wait nothing
offers --file "$TEST_DIR/fresh" --source 127.0.0.1
assert_eq "$requests" "$(hosted_is .served.requests)" 'requests to itself'

# Who gave rubbish is forgiven at a word.
make_octets "$TEST_DIR/x" 20000 3
make_octets "$TEST_DIR/y" 20000 4
x=(--file "$TEST_DIR/x") y=(--file "$TEST_DIR/y")
offers --version 2 "${x[@]}" --serve rubbish --source 127.0.0.2
asks "${x[@]}" --serve rubbish
grows_old "${x[@]}"
offers --version 2 "${x[@]}" --source 127.0.0.3 --seed three
asks "${x[@]}" --seed three
grows_old "${x[@]}"
assert_eq 1 "$(hosted_is .pulled.replaced)" 'blocks replaced'
offers --version 2 "${x[@]}" "${y[@]}" --await 1: --source 127.0.0.2 --seed two
assert_eq '[1]' "$(offered .which)" 'pulled of the poisoner'
peerdist trust reset "$HOSTED_CONTROL" || fail 'trust reset'
offers --version 2 "${x[@]}" --source 127.0.0.2 --seed two
asks "${x[@]}" --seed two

# What changed on the disk is found, is no longer given, and comes again.
find "$HOSTED_CACHE/data" -type f -exec python3 -c '
import sys
for path in sys.argv[1:]:
    with open(path, "r+b") as file:
        octets = file.read()
        file.seek(0)
        file.write(bytes(octet ^ 1 if octet else 0 for octet in octets))
' {} +
asks "${plain[@]}" --expect nothing
asks "${opaque[@]}" --expect nothing
peerdist verify "$HOSTED_CONTROL" || fail verify
offers "${opaque[@]}" --source 127.0.0.4 --seed again
asks "${opaque[@]}" --seed again --by-list

# Cleared: nothing is left, and it can be pulled anew.
peerdist clear "$HOSTED_CONTROL" || fail clear
for name in opaque plain; do asks --file "$TEST_DIR/$name" --version 1 --expect nothing --by-list; done
"$HOSTED_CLIENT" segments "$HOSTED" "${opaque[@]}" >"$TEST_DIR/held"
assert_eq '[]' "$(jq -c .held "$TEST_DIR/held")" 'segments held after clear'
offers "${opaque[@]}" --source 127.0.0.4
asks "${opaque[@]}"
offers "${plain[@]}" --protocol 1 --source 127.0.0.4
asks "${plain[@]}" --expect encrypted
stop_hosted

# Settings. Every INITIAL_OFFER is answered INTERESTED; blocks in plaintext are kept and given; no more
# than two exchanges at a time.
HOSTED_CACHE=$TEST_DIR/settings
start_hosted "${with_tls[@]}" --interested --plaintext --exchanges 2
offers "${plain[@]}" --protocol 1
asks "${plain[@]}" --expect encrypted
offers "${plain[@]}" --protocol 1 --wait nothing
assert_eq '[1,0]' "$(offered .codes)" 'codes of what is known'
offers "${opaque[@]}" --serve plaintext
asks "${opaque[@]}" --serve plaintext
make_octets "$TEST_DIR/many" 3000000 7
timeout 60 "$HOSTED_CLIENT" crowd "$HOSTED" --file "$TEST_DIR/many" --offers 100 --sources 20 --pause 0.02 --wait pulled >"$TEST_DIR/crowd" ||
	fail "crowd: $(cat "$TEST_DIR/crowd")"
assert_eq 2 "$(jq .most "$TEST_DIR/crowd")" 'exchanges at a time'
stop_hosted
