#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is no package, or a damaged one, is refused with a line that says so, what is right of it
# comes in and nothing else; nothing to export is an error, and leaves what was in the file.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3 jq

peerdist() { timeout 60 "$BUILD/peerdist" "$@"; }
mkdir "$TEST_DIR/origin"
head -c 2000001 /dev/urandom >"$TEST_DIR/origin/file"
head -c 3000 /dev/urandom >"$TEST_DIR/origin/unread"
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/from"
from=$MOUNT package=$TEST_DIR/package
cat "$from/file" >/dev/null
peerdist info get "$from/file" >/dev/null
peerdist export "$package" "$from/file" >/dev/null

# Export.
cp "$package" "$TEST_DIR/before"
assert_refused '^peerdist: export: /unread: nothing of it is cached' \
	peerdist export "$package" "$from/file" "$from/unread"
assert_refused '^peerdist: export: /absent: ' peerdist export "$package" "$from/absent"
assert_same_file "$TEST_DIR/before" "$package"
assert_refused '^peerdist: .*/no/such cannot be written' \
	peerdist export "$TEST_DIR/no/such" "$from"
assert_refused 'cannot be written: No space left' peerdist export /dev/full "$from/file"
assert_refused 'is not below a mount|not in a mount|no mount' peerdist export "$package" "$TEST_DIR"
for words in export 'export file' import 'import a b c' 'export --json - mount' \
	'import --control x y z' 'export --unknown'; do
	status=0
	# shellcheck disable=SC2086 # words
	peerdist $words >"$TEST_DIR/said" 2>&1 || status=$?
	assert_eq 2 "$status" "status of: peerdist $words"
	assert_eq 1 "$(wc -l <"$TEST_DIR/said")" "lines said by: peerdist $words"
done
assert_eq '' "$(find "$TEST_DIR" -maxdepth 1 -name 'package.*')" 'what was left behind'

# Import.
mount_fs "$URL" "$TEST_DIR/into"
into=$MOUNT
cached() { admin "clear" "$into" >/dev/null; }
assert_refused 'no package of peerdist export' peerdist import "$TEST_DIR/origin/file" "$into"
assert_refused 'no package of peerdist export' peerdist import /dev/null "$into"
assert_refused 'cannot be read: No such file' peerdist import "$TEST_DIR/absent" "$into"
assert_refused 'is a directory' peerdist import "$TEST_DIR" "$into"
head -c 1000000 "$package" >"$TEST_DIR/short"
assert_refused 'cut short or damaged; 1 contents and [1-9][0-9]* blocks of it were kept' \
	peerdist import "$TEST_DIR/short" "$into"
assert_same_file "$TEST_DIR/origin/file" "$into/file"
cached

cat "$package" "$package" >"$TEST_DIR/two"
assert_refused "import: $TEST_DIR/two: octets follow the end .*; 1 contents and [1-9][0-9]* blocks" \
	peerdist import "$TEST_DIR/two" "$into"
cached

# An octet of a block is another one: all but that comes in, and the status says so.
python3 - "$package" "$TEST_DIR/altered" <<-'END'
	import sys
	octets = bytearray(open(sys.argv[1], "rb").read())
	octets[len(octets) // 2] ^= 1
	open(sys.argv[2], "wb").write(octets)
END
assert_refused '1 records of .* do not hold; the others were taken in' \
	peerdist import "$TEST_DIR/altered" "$into"
stop_server
status=0
cmp "$TEST_DIR/origin/file" "$into/file" >"$TEST_DIR/compared" 2>&1 || status=$?
assert_match 'Input/output error' "$(<"$TEST_DIR/compared")" 'reading what did not come in'
umount_fs "$into"
umount_fs "$from"
