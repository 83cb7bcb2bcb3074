#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin that puts other octets under an ETag that it has given already, with content information
# to match: whoever has read some of the old ones is given none of the new, neither then nor from
# what is kept; who opens the file anew gets one of the two, whole.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

size=3000001
mkdir "$TEST_DIR/origin"
make_octets "$TEST_DIR/origin/file" $size 1
start_informed "$TEST_DIR/origin"
mount_fs -o revalidate=0,timeout=6,compute=off "$URL" "$TEST_DIR/mnt"

exec 5<"$MOUNT/file"
head -c 65536 <&5 | cmp - <(head -c 65536 "$TEST_DIR/origin/file")
wait_until 20 has_version "$MOUNT/file" 2
informed_set /file '{"content": 5, "of": "changed"}'
curl -s --noproxy '*' "${URL}file" >"$TEST_DIR/new"
cmp -s "$TEST_DIR/new" "$TEST_DIR/origin/file" && fail 'nothing was changed'

python3 - "$TEST_DIR/origin/file" "$TEST_DIR/new" <<-'END' || fail 'the reader from before'
	import errno, os, sys
	old, new = (open(name, "rb").read() for name in sys.argv[1:])
	failed = 0
	for at in range(0, len(old), 65536):
	    try:
	        got = os.pread(5, 65536, at)
	        assert got != new[at:at + len(got)], f"new octets at {at}"
	        assert got == old[at:at + len(got)], f"wrong octets at {at}"
	        failed += len(got) < len(old[at:at + 65536])
	    except OSError as error:
	        assert error.errno in (errno.ESTALE, errno.EIO), error
	        failed += 1
	assert failed, "nothing was left to be read"
END
exec 5<&-
drop_pages "$MOUNT/file"
cat "$MOUNT/file" >"$TEST_DIR/read" || fail 'opening it anew'
cmp -s "$TEST_DIR/read" "$TEST_DIR/origin/file" || assert_same_file "$TEST_DIR/new" "$TEST_DIR/read"
assert_num "$(status_get .errors.hash)" -ge 1 'hash errors'
umount_fs
