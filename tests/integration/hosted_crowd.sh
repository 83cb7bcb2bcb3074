#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Ten thousand clients' offers, of which each is answered at once; the same segment from many; and all
# the while somebody reads.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation

start_hosted
make_octets "$TEST_DIR/file" 1000000 1
content=(--file "$TEST_DIR/file" --version 2)
offers "${content[@]}"
asks "${content[@]}"
crowd() { # crowd WORDS...
	timeout 100 "$HOSTED_CLIENT" crowd "$HOSTED" "${content[@]}" "$@" >"$TEST_DIR/crowd" || fail "crowd $*: $(cat "$TEST_DIR/crowd")"
}
# Of segments that nobody has in the end: each is asked for, wherever it was in the queue.
crowd --offers 10000 --sources 2000 --of-each 5 --wait pulled
assert_eq 10000 "$(jq .segments "$TEST_DIR/crowd")" 'segments asked for'
asks "${content[@]}"
# More than may be queued, by one address and by few, which give nothing: OK, and forgotten.
crowd --offers 200000 --sources 4 --serve silent --wait asked
asks "${content[@]}"
kill -0 "$HOSTED_PID"
assert_num "$(awk '/^VmHWM:/ { print $2 }' "/proc/$HOSTED_PID/status")" -le "${CROWD_KIB:-262144}" 'KiB in memory'
stop_hosted

# The same segment by many: given once, or by the few that began at the same time.
start_hosted
make_octets "$TEST_DIR/same" 100000 2
content=(--file "$TEST_DIR/same" --version 1)
crowd --same --offers 2000 --sources 500 --wait asked
asks "${content[@]}"
assert_num "$(jq .blocks "$TEST_DIR/crowd")" -le 2 'blocks given'
stop_hosted
