#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A cache smaller than the files that are read, one after the other, at random, by several at once:
# every byte is right, and the directory never holds more than the limit.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mkdir "$TEST_DIR/origin"
head -c 50000000 /dev/urandom >"$TEST_DIR/origin/large"
for number in {10..59}; do head -c 30000 /dev/urandom >"$TEST_DIR/origin/small-$number"; done
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin"

cat >"$TEST_DIR/reader.py" <<-'END'
	import os, random, sys
	random.seed(int(sys.argv[3]))
	with open(sys.argv[1], "rb") as source, open(sys.argv[2], "rb", 0) as mounted:
	    size = os.fstat(source.fileno()).st_size
	    for _ in range(40):
	        offset, length = random.randrange(size), random.choice([1, 5000, 200000, 1000000])
	        source.seek(offset)
	        if os.pread(mounted.fileno(), length, offset) != source.read(length):
	            sys.exit(f"wrong bytes at {offset}, {length}")
END
# The most that the directory held, in octets, until the file `stop` is there.
watch_usage() {
	local most=0 octets
	while [ ! -e "$TEST_DIR/stop" ]; do
		octets=$(du -s --block-size=1 "$CACHE" 2>/dev/null | cut -f 1)
		if [ "${octets:-0}" -gt "$most" ]; then most=$octets; fi
		sleep 0.01
	done
	echo "$most" >"$TEST_DIR/most"
}

# read_with LIMIT_MIB
read_with() {
	local pids=() pid seed
	mount_fs -o "cache_size=$1M" "$URL" "$TEST_DIR/mnt-$1"
	rm -f "$TEST_DIR/stop"
	watch_usage &
	local watcher=$!
	for _ in 1 2; do assert_same_file "$TEST_DIR/origin/large" "$MOUNT/large"; done
	drop_pages "$MOUNT/large"
	for seed in 1 2 3; do
		python3 "$TEST_DIR/reader.py" "$TEST_DIR/origin/large" "$MOUNT/large" "$seed" &
		pids+=($!)
	done
	cmp "$TEST_DIR/origin/large" "$MOUNT/large" &
	pids+=($!)
	assert_same_tree "$TEST_DIR/origin" "$MOUNT"
	for pid in "${pids[@]}"; do wait "$pid" || fail "a reader of a cache of $1 MiB"; done
	touch "$TEST_DIR/stop"
	wait "$watcher"
	assert_num "$(status_get .cache.used)" -le $(($1 * 1048576)) used
	assert_num "$(status_get .cache.evicted)" -gt 10000000 'octets evicted'
	assert_num "$(cat "$TEST_DIR/most")" -le $(($1 * 1048576)) 'most octets of the directory'
	assert_eq 0 "$(status_get .errors.checksum)" 'checksum errors'
	umount_fs
}
read_with 2
read_with 16
