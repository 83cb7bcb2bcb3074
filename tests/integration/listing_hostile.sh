#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Of a listing full of names that cannot be, exactly those that can be are shown, once each, and the
# log says so in one line.
. "$(dirname "$0")/lib.sh"
requires_fuse

long=$(printf '%255s' '' | tr ' ' n)
start_faulty "{\"/\": {\"links\": [\"good\", \"good\", \"../../etc/passwd\", \"..%2f..%2fetc%2fpasswd\",
		\"/etc/passwd\", \"%2e%2e\", \"%2e\", \"..\", \".\", \"\", \"a/b\", \"a%2fb\", \"nul%00\",
		\"%0a\", \"tab%09bell%07\", \"esc%1b%5b31m\", \"$long\", \"${long}n\", \".peerdist\",
		\".peerdist/\", \"http://elsewhere.example/file\", \"//elsewhere.example/file2\",
		\"javascript:alert(1)\", \"mailto:me@example\", \"?C=N;O=D\", \"#top\", \"%ff%fe\",
		\"sub/\", \"good/\", \"q%3fm\", \"back%5cslash\", \"%252e%252e\"]},
	\"/sub/\": {\"links\": [\".peerdist\", \"../good\", \"inside\"]}, \"*\": {\"body\": \"x\"}}"
mount_fs "$URL" "$TEST_DIR/mnt"
find "$MOUNT" -mindepth 1 -maxdepth 1 -printf '%y %f\0' | sort -z >"$TEST_DIR/names"
printf '%s\0' 'f good' $'f \n' $'f tab\tbell\a' $'f esc\e[31m' "f $long" $'f \xff\xfe' 'd sub' \
	'f q?m' 'f back\slash' 'f %2e%2e' | sort -z >"$TEST_DIR/expected"
cmp "$TEST_DIR/expected" "$TEST_DIR/names" ||
	fail "names: $(diff <(tr '\0\n' '\n?' <"$TEST_DIR/expected") <(tr '\0\n' '\n?' <"$TEST_DIR/names") | cat -v)"
assert_eq "$(printf '.peerdist\ninside')" "$(ls -A "$MOUNT/sub" | LC_ALL=C sort)" 'names in a folder'
[ -e "$MOUNT/.peerdist/status" ] || fail 'the control directory is hidden'
assert_eq 1 "$(grep -c 'impossible names' "$FS_LOG")" 'lines in the log'
if LC_ALL=C grep -q '[^[:print:][:space:]]' "$FS_LOG"; then fail 'control characters in the log'; fi
umount_fs
