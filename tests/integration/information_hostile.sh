#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Content information that is wrong in itself, in its header or in its length, that never ends or
# never comes: it is not taken, it is counted, and the file is read as ever.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

size=300000
declare -A hostile=(
	# The structure.
	[cut-short]='"keep": 200'
	[cut-in-header]='"keep": 20'
	[header-only]='"keep": 31'
	[cut-between-chunks]='"chunk": 1, "keep": 104'
	[one-octet-more]='"append": "00"'
	[nothing]='"body": ""'
	[one-octet]='"body": "00"'
	[garbage]='"body": "3c68746d6c3e3c626f64793e546865207365727665722069732061742061206c756e63683c2f626f64793e"'
	[other-version]='"flip": 1'
	[other-hash]='"flip": 2'
	[other-chunk-type]='"flip": 31'
	[start-not-0]='"flip": 10'
	[segment-too-long]='"flip": 36'
	# What it speaks for.
	[first-part]='"part": [0, 100000]'
	[last-part]='"part": [65536, 234464]'
	[of-longer]='"of": "longer"'
	[of-shorter]='"of": "shorter"'
	[explicit-too-short]='"part": [0, 299999], "whole_zero": false'
	# The header.
	[no-length]='"peerdist": "Version=1.1"'
	[malformed-length]='"peerdist": "Version=1.1, ContentLength=300000a"'
	[empty-length]='"peerdist": "Version=1.1, ContentLength="'
	[negative-length]='"peerdist": "Version=1.1, ContentLength=-300000"'
	[huge-length]='"peerdist": "Version=1.1, ContentLength=9223372036854775808"'
	[wrapping-length]='"peerdist": "Version=1.1, ContentLength=18446744073709851616"'
	[other-length]='"peerdist": "Version=1.1, ContentLength=300001"'
	[two-lengths]='"peerdist": "Version=1.1, ContentLength=300000, ContentLength=300000"'
	[two-lines]='"peerdist": ["Version=1.1, ContentLength=300000", "Version=1.1, ContentLength=300000"]'
	[no-header]='"peerdist": null'
	[gzip-on-top]='"gzip": true'
	[gzip-alone]='"gzip": true, "encoding": "gzip"'
	[twice-encoded]='"encoding": "peerdist, peerdist"'
	[two-encodings]='"encoding": ["peerdist", "gzip"]'
	[encoded-before]='"encoding": "gzip, peerdist"'
	[other-etag]='"information_etag": "\"other\""'
	[partial]='"information_status": 206'
	[partial-range]='"information_status": 206, "information_headers": {"Content-Range": "bytes 0-299999/300000"}'
	[server-error]='"information_status": 500'
	# Its length, and how it comes.
	[too-large]='"announce": 1099511627776'
	[endless]='"endless": true'
	[broken-off]='"break": 200'
	[broken-off-at-once]='"break": 0'
	[stalled]='"stall": 200'
	[hanging]='"hang": true'
)
mkdir "$TEST_DIR/origin"
behaviours=
for name in "${!hostile[@]}"; do
	make_octets "$TEST_DIR/origin/$name" $size 1
	behaviours+=", \"/$name\": {${hostile[$name]}}"
done
make_octets "$TEST_DIR/origin/honest" $size 1
start_informed "$TEST_DIR/origin" "{${behaviours#,}}"
mount_fs -o timeout=6,compute=off "$URL" "$TEST_DIR/mnt"

errors() { status_get '.errors.origin'; }
counted() { test "$(errors)" -gt "$1"; }
# Also when that takes as long as a transfer may hang.
soon_counted() {
	local deadline=$((SECONDS + 8))
	until counted "$1"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.02
	done
}
wrong=()
# try NAME: what is not as it should be goes to $wrong.
try() {
	local before descriptor
	before=$(errors)
	exec {descriptor}<"$MOUNT/$1"
	if ! cat <&"$descriptor" >"$TEST_DIR/read"; then
		wrong+=("$1: not read")
	elif ! cmp "$TEST_DIR/origin/$1" "$TEST_DIR/read"; then
		wrong+=("$1: wrong octets")
	fi
	soon_counted "$before" || wrong+=("$1: not counted")
	exec {descriptor}<&-
	[ "$(attribute "$MOUNT/$1" version)" = 0 ] || wrong+=("$1: taken")
	[ "$(asked "$QUESTION and .path == \"/$1\"")" -ge 1 ] || wrong+=("$1: not asked")
}
for name in "${!hostile[@]}"; do try "$name"; done
[ ${#wrong[@]} = 0 ] || fail "$(printf '%s; ' "${wrong[@]}")"
assert_eq 0 "$(status_get .errors.hash)" 'hash errors'
# Of what has no end no more is taken than may be: a small part of the content, and what sockets hold.
taken=$(jq -s 'map(select(.event == "answer" and .path == "/endless") | .bytes) | max' "$INFORMED_LOG")
assert_num "$taken" -le $((32 << 20)) 'octets of endless content information'
head -c 1 "$MOUNT/honest" >/dev/null
wait_until 20 has_version "$MOUNT/honest" 2
assert_same_file "$TEST_DIR/origin/honest" "$MOUNT/honest"
umount_fs

# Only version 1.0 is accepted, and 2.0 comes.
informed_set /honest '{"answer_version": 2}'
mount_fs -o versions=1,compute=off "$URL" "$TEST_DIR/mnt-1"
assert_same_file "$TEST_DIR/origin/honest" "$MOUNT/honest"
wait_until 20 counted 0
assert_eq 0 "$(attribute "$MOUNT/honest" version)" 'version that was not asked for'
umount_fs
