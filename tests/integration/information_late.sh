#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Content information that trickles in: reads do not wait for it; what was cached meanwhile is checked
# when it has come, what is right stays, what is wrong is dropped, and all of it can be read without
# the origin then.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

size=3000001
mkdir "$TEST_DIR/origin"
make_octets "$TEST_DIR/origin/right" $size 1
make_octets "$TEST_DIR/origin/wrong" $size 2
make_octets "$TEST_DIR/origin/version-1" $size 3
start_informed "$TEST_DIR/origin" '{"/right": {"gate": "right"},
	"/version-1": {"gate": "version-1", "answer_version": 1},
	"/wrong": {"gate": "wrong", "corrupt": ["once", 2000000]}}'
mount_fs -o revalidate=1000,compute=off "$URL" "$TEST_DIR/mnt"
python3 - "$TEST_DIR/origin/wrong" >"$TEST_DIR/wrong.given" <<-'END'
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	data[2000000] ^= 1
	sys.stdout.buffer.write(data)
END
cached() { test "$(attribute "$1" size_cached)" = "$2"; }

for name in right version-1 wrong; do
	exec 5<"$MOUNT/$name"
	cat <&5 >"$TEST_DIR/read"
	# The rest of the content information waits until we let it come.
	assert_eq 1 "$(asked "$QUESTION and .path == \"/$name\"")" "$name: questions"
	assert_eq 0 "$(answered "$QUESTION and .path == \"/$name\"")" "$name: questions answered"
	assert_eq 0 "$(attribute "$MOUNT/$name" version)" "$name: version meanwhile"
	given=$TEST_DIR/origin/$name
	if [ "$name" = wrong ]; then given=$TEST_DIR/wrong.given; fi
	assert_same_file "$given" "$TEST_DIR/read"
	wait_until 20 cached "$MOUNT/$name" $size
	before=$(asked "$RANGE and .path == \"/$name\"")
	version=2
	if [ "$name" = version-1 ]; then version=1; fi
	informed_open "$name"
	wait_until 20 has_version "$MOUNT/$name" $version
	if [ "$name" != wrong ]; then
		assert_eq $size "$(attribute "$MOUNT/$name" size_cached)" "$name: octets kept"
		assert_eq 0 "$(status_get .errors.hash)" 'hash errors'
		drop_pages "$MOUNT/$name"
		assert_same_file "$TEST_DIR/origin/$name" "$MOUNT/$name"
		assert_eq "$before" "$(asked "$RANGE and .path == \"/$name\"")" "$name: ranges"
	fi
	exec 5<&-
done

# The one wrong block went, and comes anew.
cached=$(attribute "$MOUNT/wrong" size_cached)
assert_num "$cached" -lt $size 'octets kept of what was wrong'
assert_num "$cached" -ge $((size - 131072)) 'octets kept of what was wrong'
drop_pages "$MOUNT/wrong"
assert_same_file "$TEST_DIR/origin/wrong" "$MOUNT/wrong"
assert_eq $((before + 1)) "$(asked "$RANGE and .path == \"/wrong\"")" 'ranges of what was wrong'
wait_until 20 cached "$MOUNT/wrong" $size

stop_server
for name in right version-1 wrong; do
	drop_pages "$MOUNT/$name"
	assert_same_file "$TEST_DIR/origin/$name" "$MOUNT/$name"
done
remount
for name in right version-1 wrong; do
	assert_same_file "$TEST_DIR/origin/$name" "$MOUNT/$name"
done
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin'
umount_fs
