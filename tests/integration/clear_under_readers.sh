#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# clear while programs read: every byte is right, afterwards the cache is empty; clear PATH takes
# away what is below PATH and nothing else.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
cached() {
	getfattr --absolute-names --only-values -n user.peerdist.size_cached "$MOUNT/$1"
}

pids=()
for _ in 1 2 3; do
	(
		for _ in 1 2 3; do
			diff -r "$TEST_DIR/origin" "$MOUNT" || exit 1
			cmp "$TEST_DIR/origin/large-11.bin" "$MOUNT/large-11.bin" || exit 1
		done
	) >>"$TEST_DIR/readers.log" 2>&1 &
	pids+=($!)
done
reading() {
	local pid
	for pid in "${pids[@]}"; do if alive "$pid"; then return 0; fi; done
	return 1
}
# As fast as it goes, several at a time (more than some are refused); not for ever, since readers
# get nowhere where everything is slow.
clears=0
while reading && [ "$clears" -lt 100 ]; do
	if echo clear >"$MOUNT/.peerdist/admin"; then clears=$((clears + 1)); fi
	sleep 0.02
done 2>/dev/null
for pid in "${pids[@]}"; do wait "$pid" || fail 'a reader saw something wrong'; done
assert_num "$clears" -gt 3 'clears under readers'

# Everything, and the kernel's pages with it.
admin clear >/dev/null || fail clear
assert_num "$(du -s --block-size=1 "$CACHE/data" | cut -f 1)" -lt 100000 'octets of blocks after clear'
assert_num "$(status_get .cache.used)" -lt 5000000 'octets used after clear, of the index and its log'
assert_eq 0 "$(status_get .cache.contents)" contents
before=$(status_get .requests.origin_bytes)
assert_same_file "$TEST_DIR/origin/large-10.bin" "$MOUNT/large-10.bin"
assert_num "$(status_get .requests.origin_bytes)" -ge $((before + 8388608)) 'octets fetched anew'

# One directory.
cat "$MOUNT"/many/* "$MOUNT"/large-0* >/dev/null
answer=$(admin 'clear /many') || fail 'clear /many'
assert_match '^ok freed [0-9]' "$answer" answer
assert_eq 0 "$(cached many/file-000.txt)" 'octets of a file in it'
for name in large-00.bin large-10.bin; do
	assert_eq "$(stat -c %s "$MOUNT/$name")" "$(cached "$name")" "octets of $name"
done
before=$(requests 'GET /large-')
drop_pages "$MOUNT/large-10.bin"
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
assert_num "$(requests 'GET /large-10')" -le "$before" 'requests for what was not cleared'
# A name that only begins with the path is another one.
admin 'clear /large-1' >/dev/null || :
assert_eq 8388608 "$(cached large-10.bin)" 'octets of a file with a longer name'
umount_fs
