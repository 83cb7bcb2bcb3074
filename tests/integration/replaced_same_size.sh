#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A new version of the same size is told by its ETag alone. It is never mixed with the old one, not
# even when the origin disregards If-Range, and no program that opens the file sees ESTALE.
. "$(dirname "$0")/lib.sh"
requires_fuse

size=6000000
start_faulty '{"/": {"links": ["file", "careless"]}}'
# version NAME SEED
version() {
	local more=
	if [ "$1" = careless ]; then more=', "if_range": false'; fi
	faulty_set "/$1" "{\"size\": $size, \"seed\": $2 $more}"
	curl -sf "$FAULTY_CONTROL?path=/$1" >"$TEST_DIR/$1.$2"
}
for name in file careless; do
	version $name 1
	mount_fs -o revalidate=0 "$URL" "$TEST_DIR/mnt"
	exec 5<"$MOUNT/$name"
	head -c 65536 <&5 >/dev/null
	version $name 2
	cat "$MOUNT/$name" >"$TEST_DIR/second" || fail "$name: opening it anew failed"
	assert_same_file "$TEST_DIR/$name.2" "$TEST_DIR/second"
	python3 - "$TEST_DIR/$name.1" <<-'END' || fail "$name: not the old version"
		import errno, os, sys
		with open(sys.argv[1], "rb") as file:
		    old = file.read()
		gone = 0
		for at in range(0, len(old), 65536):
		    try:
		        assert os.pread(5, 65536, at) == old[at:at + 65536], f"a mixture at {at}"
		    except OSError as error:
		        assert error.errno == errno.ESTALE, error
		        gone += 1
		assert gone > 0, "nothing was left to be read"
	END
	exec 5<&-
	version $name 3
	assert_eq "$size" "$(stat -c %s "$MOUNT/$name")" size
	cp "$MOUNT/$name" "$TEST_DIR/third"
	assert_same_file "$TEST_DIR/$name.3" "$TEST_DIR/third"
	umount_fs
done
