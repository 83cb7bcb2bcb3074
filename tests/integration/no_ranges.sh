#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# From an origin that does no ranges a file is streamed whole, once: to a sequential reader, to a
# random one, to two at a time, to one that comes when another has gone.
. "$(dirname "$0")/lib.sh"
requires_fuse

more='"size": 3000000, "ranges": false, "rate": 30000000'
start_faulty "{\"/\": {\"links\": [[\"one\", 3000000], [\"random\", 3000000], [\"two\", 3000000],
		[\"left\", 3000000]]},
	\"/one\": {$more}, \"/random\": {$more}, \"/two\": {$more},
	\"/left\": {\"size\": 3000000, \"ranges\": false, \"rate\": 2000000}}"
curl -sf "$FAULTY_CONTROL?path=/one" >"$TEST_DIR/expected"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_same_file "$TEST_DIR/expected" "$MOUNT/one"
python3 - "$MOUNT/random" "$TEST_DIR/expected" <<-'END'
	import os, random, sys
	with open(sys.argv[2], "rb") as file:
	    expected = file.read()
	fd = os.open(sys.argv[1], os.O_RDONLY)
	for at in [2900000, 10] + [random.randrange(2999000) for _ in range(200)]:
	    assert os.pread(fd, 1000, at) == expected[at:at + 1000], at
END
cat "$MOUNT/two" >"$TEST_DIR/first" &
assert_same_file "$TEST_DIR/expected" "$MOUNT/two"
wait $!
assert_same_file "$TEST_DIR/expected" "$TEST_DIR/first"
head -c 100 "$MOUNT/left" >"$TEST_DIR/head"
tail -c 100 "$MOUNT/left" >"$TEST_DIR/tail"
cmp "$TEST_DIR/tail" <(tail -c 100 "$TEST_DIR/expected")
# A range may have been asked for and been disregarded, but the body came once.
for name in one two left; do
	wait_until 5 faulty_requested 1 ".path == \"/$name\" and .bytes > 0"
	assert_eq 1 "$(faulty_requests ".path == \"/$name\" and .bytes > 0")" "answers with $name"
done
# Whoever begins far behind the start has no use for the answer to the question for content
# information, which is dropped; the other one comes whole.
wait_until 5 faulty_requested 1 '.path == "/random" and .bytes == 3000000'
assert_eq 1 "$(faulty_requests '.path == "/random" and .bytes == 3000000')" 'whole answers with random'
umount_fs
