#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that offer and then stall, more of them than are asked at once: others are not held up, and
# what the stalling ones offered, others give.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation

start_hosted
make_octets "$TEST_DIR/wanted" 2000000 1001
number=0
for manner in silent stalled trickle unaccepted; do
	for _ in 1 2 3; do
		number=$((number + 1))
		make_octets "$TEST_DIR/many-$number" 2500000 $number
		wait=asked
		if [ $manner = unaccepted ]; then wait=nothing; fi
		offers_and_stays "$TEST_DIR/staller-$number.out" --version 2 --file "$TEST_DIR/many-$number" --wait $wait \
			--serve $manner --source "127.0.2.$number"
	done
done
offers --file "$TEST_DIR/wanted" --version 2 --source 127.0.0.9
asks --file "$TEST_DIR/wanted" --version 2
for number in 1 4 7 10; do
	offers --file "$TEST_DIR/many-$number" --version 2 --source 127.0.0.10
	asks --file "$TEST_DIR/many-$number" --version 2
done
alive "$HOSTED_PID" || fail 'it is dead'
stop_hosted
