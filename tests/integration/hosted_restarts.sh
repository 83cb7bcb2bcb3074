#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A hosted cache has after a restart what it had before, opaque and verified, whether it was asked to end
# or killed; and its limits hold.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation
requires_fuse
hosted_keys

start_hosted "${with_tls[@]}"
make_octets "$TEST_DIR/opaque" 1000000 1
make_octets "$TEST_DIR/blocks" 1000000 2
make_octets "$TEST_DIR/plain" 500000 3
opaque=(--file "$TEST_DIR/opaque" --version 2)
blocks=(--file "$TEST_DIR/blocks" --version 1)
plain=(--file "$TEST_DIR/plain" --version 1)
has_all() {
	asks "${opaque[@]}" --by-list --seed o
	asks "${blocks[@]}" --by-list --seed b
	asks "${plain[@]}" --by-list --expect encrypted
}
offers "${opaque[@]}" --seed o
offers "${blocks[@]}" --seed b
offers "${plain[@]}" --protocol 1
has_all
for signal in TERM INT KILL TERM; do
	stop_hosted $signal
	start_hosted "${with_tls[@]}"
	has_all
	# What a version 1.0 offer told is known.
	offers "${plain[@]}" --protocol 1 --wait nothing
	assert_eq '[0]' "$(offered .codes)" "INITIAL_OFFER after SIG$signal"
done
assert_eq '700' "$(stat -c %a "$HOSTED_CACHE")" 'mode of the cache'
assert_eq '' "$(find "$HOSTED_CACHE" -type f -perm /077)" 'files that others may read'
# Opaque is opaque: the octets of no such content are on the disk; those of the other are.
assert_fails grep -rqaF "$(dd if="$TEST_DIR/opaque" bs=16 count=1 skip=7 status=none | tr -d '\0\n')" "$HOSTED_CACHE"
# Another process on the same directory is refused.
assert_refused 'another|in use|locked' timeout 20 "$BUILD/peerdist" hosted --listen 127.0.0.1:0 --cache "$HOSTED_CACHE"
stop_hosted

# So small that not all fits: what is there is right, and the limit holds.
HOSTED_CACHE=$TEST_DIR/small
start_hosted --cache-size 3M
for number in 1 2 3 4 5 6 7 8; do
	make_octets "$TEST_DIR/file-$number" 1000000 $((100 + number))
	offers --file "$TEST_DIR/file-$number" --version 2 --seed $number
done
asks --file "$TEST_DIR/file-8" --version 2 --seed 8
used() { test "$(hosted_is .cache.used)" -le 3145728; }
wait_until 10 used
assert_num "$(du -sb --apparent-size "$HOSTED_CACHE" | cut -f 1)" -le $((6 * 1048576)) 'octets on disk'
stop_hosted
