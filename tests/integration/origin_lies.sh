#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Answers that lie about ranges or lengths, break off, or are no HTTP at all: the right bytes or EIO,
# soon; never a wrong byte, and the mount goes on.
. "$(dirname "$0")/lib.sh"
requires_fuse

size=400000
# One file each; HEAD tells the truth, so that the lie meets the reader.
declare -A lie=(
	[wrong-start]='"content_range": "bytes 1-400000/400000"'
	[wrong-total]='"content_range": "bytes 0-65535/500000"'
	[no-content-range]='"headers": {"Content-Range": null}'
	[odd-content-range]='"content_range": "octets, all of them"'
	[too-long]='"content_length": 500000'
	[too-short]='"content_length": 1000'
	[two-lengths]='"headers": {"Content-Length ": "7"}'
	[garbage]='"garbage": "The server is at lunch\r\n\r\n"'
	[old-http]='"garbage": "HTTP/0.9 lunch"'
	[endless-headers]='"endless_headers": true'
	[interim]='"interim": 100000'
	[multipart]='"headers": {"Content-Type": "multipart/byteranges; boundary=x", "Content-Range": null}'
	[unsatisfied]='"status": 416, "headers": {"Content-Range": "bytes */400000"}'
	[no-content]='"status": 204'
	[dropped]='"drop": true'
	[other-etag]='"etag": "\"other\""'
	[encoded]='"headers": {"Content-Encoding": "rot13"}'
)
# Broken off always, but each answer brings something.
lie[truncated]='"truncate": 100000'

behaviours=
links="[\"honest\", $size]"
for name in "${!lie[@]}"; do
	behaviours+=", \"HEAD /$name\": {\"size\": $size}, \"/$name\": {\"size\": $size, ${lie[$name]}}"
	links+=", [\"$name\", $size]"
done
start_faulty "{\"/\": {\"links\": [$links]}, \"/honest\": {\"size\": $size} $behaviours}"
curl -sf "$FAULTY_CONTROL?path=/honest" >"$TEST_DIR/expected"
mount_fs -o timeout=6 "$URL" "$TEST_DIR/mnt"

read_one() {
	if cat "$MOUNT/$1" >"$TEST_DIR/$1.read" 2>"$TEST_DIR/$1.said"; then
		assert_same_file "$TEST_DIR/expected" "$TEST_DIR/$1.read"
		echo "$1: right"
	else
		grep -qE 'Input/output error|Stale' "$TEST_DIR/$1.said" || fail "$1: $(cat "$TEST_DIR/$1.said")"
		cmp -n "$(stat -c %s "$TEST_DIR/$1.read")" "$TEST_DIR/expected" "$TEST_DIR/$1.read" ||
			fail "$1: wrong bytes"
		echo "$1: $(cat "$TEST_DIR/$1.said")"
	fi
}
began=$SECONDS
for name in "${!lie[@]}"; do
	read_one "$name" &
	readers+=($!)
done
for pid in "${readers[@]}"; do wait "$pid"; done
assert_num $((SECONDS - began)) -le 10 seconds
assert_same_file "$TEST_DIR/expected" "$MOUNT/honest"
assert_same_file "$TEST_DIR/expected" "$TEST_DIR/truncated.read"
assert_num "$(status_get .errors.malformed)" -ge 8 'malformed answers counted'
assert_num "$(status_get .errors.origin)" -gt "$(status_get .errors.malformed)" 'errors counted'
umount_fs
