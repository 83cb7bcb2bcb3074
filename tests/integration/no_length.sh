#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Contents whose length no header tells (chunked, until the connection closes, compressed without
# being asked): cat, cp, and stat afterwards, are right, with and without a validator; empty ones too.
. "$(dirname "$0")/lib.sh"
requires_fuse

behaviours='' links='' number=0
for framing in length chunked close; do
	for gzip in false true; do
		for etag in '' ', "etag": null'; do
			for size in 0 1000 500000; do
				number=$((number + 1))
				names+=("$size-$framing-$gzip-$number")
				links+="<a href=\\\"${names[-1]}\\\">x</a> "
				behaviours+=", \"/${names[-1]}\": {\"size\": $size, \"framing\": \"$framing\",
					\"gzip\": $gzip $etag}"
			done
		done
	done
done
start_faulty "{\"/\": {\"body\": \"<html><title>Files</title>$links</html>\",
	\"headers\": {\"Content-Type\": \"text/html\"}} $behaviours}"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_eq "${#names[@]}" "$(ls "$MOUNT" | wc -l)" names
# all_right COMMAND...: what it prints of each file is right.
all_right() {
	local name
	for name in "${names[@]}"; do
		"$@" "$MOUNT/$name" >"$TEST_DIR/read" || fail "$name: cannot be read"
		curl -sf "$FAULTY_CONTROL?path=/$name" | cmp - "$TEST_DIR/read" || fail "$name: wrong after $*"
		assert_eq "${name%%-*}" "$(stat -c %s "$MOUNT/$name")" "size of $name"
	done
}
copied() { rm -f "$TEST_DIR/copy"; cp "$1" "$TEST_DIR/copy" && cat "$TEST_DIR/copy"; }
all_right cat
admin clear >/dev/null
all_right copied
umount_fs
mount_fs -o revalidate=0 "$URL" "$TEST_DIR/each-time"
all_right copied
umount_fs
