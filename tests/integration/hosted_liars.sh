#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that lie, vanish or send giants: nothing is kept of what they give, and what another has is
# taken.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation

start_hosted
number=0
# Of malformed answers, wrong types and wrong versions nothing is kept; then somebody gives it.
for manner in type-fefe wrong-version wrong-type wrong-id wrong-index unknown-cipher size-0-and-block \
	size-0-and-iv short-iv odd-length wrong-size too-long giant wrong-frame surplus truncated reset plaintext \
	gzip noise status-500 status-404 redirect nego-always huge endless endless-chunked endless-head; do
	number=$((number + 1))
	make_octets "$TEST_DIR/file-$number" $((70000 + number)) $number
	content=(--file "$TEST_DIR/file-$number" --version 1)
	# Who fails all the time is left out for a while: each is another one.
	offers_and_stays "$TEST_DIR/liar-$number.out" "${content[@]}" --serve $manner --wait asked --source "127.0.1.$number"
	# Who offers next is asked when that one has failed.
	offers "${content[@]}" --source 127.0.0.3 --seed "$manner"
	asks "${content[@]}" --seed "$manner" --by-list
	stop_process "$CLIENT_PID"
done
# Nobody is there at all.
for manner in refused unaccepted; do
	number=$((number + 1))
	make_octets "$TEST_DIR/file-$number" $((70000 + number)) $number
	content=(--file "$TEST_DIR/file-$number" --version 1)
	offers "${content[@]}" --serve $manner --wait nothing --source "127.0.1.$number"
	offers "${content[@]}" --source 127.0.0.3 --seed "$manner"
	asks "${content[@]}" --seed "$manner" --by-list
done
asks --expect nothing --file "$TEST_DIR/file-1" --version 2 # of another kind

alive "$HOSTED_PID" || fail 'it is dead'
stop_hosted
