#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Row G21 of the API's cases: a content of which nothing is cached is in a flash crowd when two other
# machines have asked for one of its segments, by a Probe or at the retrieval server; one that asks
# often is not two, nor are those who were given what they asked for.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/examples.sh
requires_fuse

lan_create 3
lan_origin
build_examples
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/probed" 3000000 1
make_octets "$tree/asked" 3000000 2
make_octets "$tree/held" 3000000 3
lan_informed "$tree"
lan_mount lan1 "$URL"

# ids FILE: of its segments; its content information goes to FILE.info.
ids() {
	lan_ids 2 "$tree/$1"
	mv "$TEST_DIR/ids.info" "$TEST_DIR/$1.info"
}
# crowd FILE
crowd() {
	example lan1 crowd "$TEST_DIR/$1.info"
}

ids probed >"$TEST_DIR/ids"
segment=$(sed -n 3p "$TEST_DIR/ids")
assert_eq 'no crowd' "$(crowd probed)" 'nobody has asked'
for time in 1 2; do lan_ask lan2 probe "$segment" >/dev/null || :; done
assert_eq 'no crowd' "$(crowd probed)" 'one machine has asked twice'
lan_ask lan3 probe "$segment" >/dev/null || :
assert_eq crowd "$(crowd probed)" 'two machines have asked'

# At the retrieval server.
ids asked >/dev/null
place=$(lan_place lan1)
lan_ask lan2 get "$place" --file "$tree/asked" >/dev/null || :
assert_eq 'no crowd' "$(crowd asked)" 'one machine has asked for blocks'
lan_ask lan3 segments "$place" --file "$tree/asked" >/dev/null || :
assert_eq crowd "$(crowd asked)" 'two machines have asked for blocks'

# What is given makes no crowd.
lan_knows lan1 held
lan_read lan1 held
ids held >"$TEST_DIR/ids"
segment=$(sed -n 1p "$TEST_DIR/ids")
for node in lan2 lan3; do lan_ask $node probe "$segment" >/dev/null || fail "$node has no answer"; done
assert_eq 'no crowd' "$(crowd held)" 'two machines were answered'
lan_leave
