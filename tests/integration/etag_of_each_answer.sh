#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin that gives every answer an ETag of its own: no open fails with ESTALE, whatever
# `revalidate` is; small files are read, and large ones once their ETags are known to be worth nothing.
. "$(dirname "$0")/lib.sh"
requires_fuse

more='"etag": "changing"'
start_faulty "{\"/\": {\"links\": [\"small\", [\"middle\", 200000], [\"large\", 9000000]]},
	\"/small\": {\"size\": 1000, $more}, \"/middle\": {\"size\": 200000, $more},
	\"/large\": {\"size\": 9000000, $more}}"
for name in small middle large; do curl -sf "$FAULTY_CONTROL?path=/$name" >"$TEST_DIR/$name"; done
for seconds in 60 0; do
	mount_fs -o "revalidate=$seconds" "$URL" "$TEST_DIR/mnt-$seconds"
	for name in small middle large; do
		python3 - "$MOUNT/$name" "$TEST_DIR/$name" <<-'END' || fail "$name, revalidate=$seconds"
			import errno, sys
			with open(sys.argv[2], "rb") as file:
			    expected = file.read()
			lost = 0
			for _ in range(8):
			    with open(sys.argv[1], "rb", buffering=0) as file:  # no ESTALE here
			        try:
			            assert file.readall() == expected, "wrong bytes"
			        except OSError as error:
			            assert error.errno == errno.ESTALE, error
			            lost += 1
			assert lost <= (2 if len(expected) > 65536 else 0), f"{lost} reads failed"
		END
	done
	umount_fs
done
