#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `explain` says of every block where it came from, and if not from a peer, why.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 600000 1
make_octets "$tree/small" 1000 2
lan_informed "$tree"

# explained REASON NAME: what lan1 says of the blocks of NAME that came from the origin.
explained() {
	lan_admin lan1 "explain $2" >"$TEST_DIR/explained"
	awk -F '\t' -v why="$1" '$5 == "origin" && $7 == why { found = 1 } END { exit !found }' \
		"$TEST_DIR/explained" || fail "not '$1': $(cat "$TEST_DIR/explained")"
}
# reads_and_explains REASON [OPTION... of the scripted peer]
reads_and_explains() {
	local reason=$1
	shift
	if [ $# != 0 ]; then lan_script lan2 --file "$tree/file" "$@"; fi
	lan_mount lan1 "$URL"
	lan_read lan1 file
	explained "$reason" file
	lan_forget lan1
	if [ $# != 0 ]; then stop_process "$SCRIPT_PID"; fi
}
reads_and_explains 'no answer'
reads_and_explains 'no answer' --discovery doctype
reads_and_explains 'hash mismatch' --retrieval wrong-bytes
reads_and_explains 'not there after all' --retrieval empty
reads_and_explains 'timed out' --retrieval silent

lan_script lan2 --file "$tree/file"
lan_mount lan1 "$URL"
lan_read lan1 file small
lan_admin lan1 'explain file' >"$TEST_DIR/explained"
assert_match '^ok content information of version 2, 8 segments' "$(head -n 1 "$TEST_DIR/explained")"
assert_eq 600000 "$(awk -F '\t' 'NF == 7 && $5 == "peer" && $6 ~ /^(10\.78\.0\.2|\[fe80:.*eth0\]):[0-9]+$/ &&
	$4 == "cached" { sum += $2 } END { print sum }' "$TEST_DIR/explained")" 'octets explained'
lan_admin lan1 'explain small' >"$TEST_DIR/explained"
assert_match '^ok no content information' "$(head -n 1 "$TEST_DIR/explained")"
# The command says the same, and fails for what is not there.
"$BUILD/peerdist" explain --json "$MOUNT/file" >"$TEST_DIR/explained"
assert_eq 600000 "$(jq '[.runs[] | select(.from == "peer") | .length] | add' "$TEST_DIR/explained")" 'octets explained'
assert_fails "$BUILD/peerdist" explain "$MOUNT/absent" 2>/dev/null
umount_fs

lan_mount lan1 "$URL" mode=local
lan_admin lan1 clear >/dev/null
lan_read lan1 file
explained 'the mode has no peers' file
lan_leave
