#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist doctor asks the hosted caches that a mount would have, says of each whether it answers, and
# without peers looks for nothing that only these need.
. "$(dirname "$0")/lib.sh"
requires_isolation # no network but loopback: no interface that could have peers
requires_cmd jq

# doctor KEYS: sets $status; the findings are in $TEST_DIR/found.
doctor() {
	status=0
	timeout 60 "$BUILD/peerdist" doctor --json -o "$1" >"$TEST_DIR/found" 2>"$TEST_DIR/said" || status=$?
}
# told FILTER: of the findings about hosted caches.
told() {
	jq -r ".findings[] | select(.check == \"hosted\") | $1" "$TEST_DIR/found"
}
# start_cache NAME NETWORK: sets $place.
start_cache() {
	background "$TEST_DIR/$1.log" "$BUILD/peerdist" hosted --listen 127.0.0.1:0 \
		--cache "$TEST_DIR/$1" --allow "$2"
	wait_until 20 grep -q ' http://' "$TEST_DIR/$1.log"
	place=$(sed -n 's,.* http://\([^/ ]*\)/.*,\1,p' "$TEST_DIR/$1.log")
}
chmod 755 "$TEST_DIR"
start_cache open 127.0.0.0/8
open=$place open_pid=$background_pid
start_cache closed 192.0.2.0/24
closed=$place

doctor "hosted=$open"
assert_eq 'ok note' "$(told .verdict | xargs)" 'one that answers'
assert_match "$open answers at $open" "$(told .text)" text
assert_match 'TCP 1337' "$(told .mend)" 'the way back'
assert_eq '' "$(jq -r '.findings[] | select(.check == "interfaces") | .text' "$TEST_DIR/found")" 'peers'
doctor "hosted=localhost:${open#*:}"
assert_eq 'ok note' "$(told .verdict | xargs)" 'by name'

doctor "hosted=$closed,hosted=$open,hosted=none.invalid"
assert_eq 'wrong ok wrong note' "$(told .verdict | xargs)" 'several'
assert_match 'gives no blocks to this machine' "$(told .text)" 'one that does not let us'
assert_match 'none.invalid cannot be looked up' "$(told .text)" 'one without an address'
assert_eq 0 "$(jq '[.findings[] | select(.verdict != "ok" and .mend == null)] | length' \
	"$TEST_DIR/found")" 'findings without a cure'
assert_eq 1 "$status" status

doctor "hosted=$open,mode=hosted+distributed"
assert_eq wrong "$(jq -r '.findings[] | select(.check == "interfaces") | .verdict' "$TEST_DIR/found")" 'with peers'
assert_eq 'ok note' "$(told .verdict | xargs)" 'with peers'
doctor "hosted=$open,mode=local"
assert_eq '' "$(told .text)" 'those that are not used'

stop_process "$open_pid"
doctor "hosted=$open"
assert_eq 'wrong note' "$(told .verdict | xargs)" 'one that is gone'
assert_match "nothing answers at $open" "$(told .text)" text
doctor mode=hosted
assert_eq 2 "$status" 'a mode without any'
