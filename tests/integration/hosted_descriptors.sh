#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# With few descriptors, and more idle connections than there are, by HTTP and by TLS, offers are still
# taken, what is offered is fetched, and it is given to who asks.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation
hosted_keys

# hold PLACE: connections that say nothing, until it is ended.
hold() {
	for fd in {10..54}; do eval "exec $fd<>/dev/tcp/${1%:*}/${1##*:}"; done
	echo held
	exec sleep infinity
}

ulimit -n 64
start_hosted "${with_tls[@]}"
for place in "$HOSTED" "$HOSTED_TLS"; do
	background "$TEST_DIR/hold-$place.log" hold "$place"
	wait_until 20 grep -q held "$TEST_DIR/hold-$place.log"
done
make_octets "$TEST_DIR/file" 300000 1
offers --file "$TEST_DIR/file"
asks --file "$TEST_DIR/file" --expect replayed
offers --file "$TEST_DIR/file" --version 1 --protocol 1
asks --file "$TEST_DIR/file" --version 1 --expect encrypted
stop_hosted
