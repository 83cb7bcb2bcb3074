#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A mount of an origin with content information: every file of 64 KiB and more gets it, of the newest
# version that is accepted; it is asked for once, in the words of the specification, and kept. What
# is missing then is fetched by ranges that say so, and nothing else says so.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

tree=$TEST_DIR/origin
mkdir -p "$tree/folder"
make_octets "$tree/tiny" 1000 1
make_octets "$tree/65535" 65535 2
make_octets "$tree/65536" 65536 3
make_octets "$tree/70000" 70000 4
make_octets "$tree/folder/middle" 700001 5
make_octets "$tree/folder/large" 35000003 6
head -c 9000000 /dev/zero >"$tree/zeros"
touch -d '1 hour ago' "$tree/zeros"
informed=(65536 70000 folder/middle folder/large zeros)
start_informed "$tree"

# segment_ids VERSION FILE: their number, then the ids one a line, as of the attribute.
segment_ids() {
	# The origin's, "no more secrets".
	python3 $MODEL make --version "$1" --secret 6e6f206d6f72652073656372657473 "$2" "$TEST_DIR/info"
	python3 $MODEL decode "$TEST_DIR/info" | jq -r '(.segments | length), .segments[].id'
}
# check_words FROM VERSION: one question for each file, in the right words, in the log from line
# FROM on.
check_words() {
	local max=$2.0 log=$TEST_DIR/requests-$2
	tail -n "+$1" "$INFORMED_LOG" | jq -c 'select(.event == "request")' >"$log"
	jq -c "select((.path | test(\"tiny|65535\")) and $QUESTION)" "$log" >"$TEST_DIR/odd"
	[ ! -s "$TEST_DIR/odd" ] || fail "asked for a small file: $(cat "$TEST_DIR/odd")"
	for name in "${informed[@]}"; do
		jq -c "select(.path == \"/$name\" and $QUESTION)" "$log" >"$TEST_DIR/questions"
		assert_eq 1 "$(wc -l <"$TEST_DIR/questions")" "questions for $name"
		jq -e ".headers | .[\"accept-encoding\"] == \"peerdist\" and
			.[\"x-p2p-peerdist\"] == \"Version=1.1\" and .range == null and
			.[\"x-p2p-peerdistex\"] ==
				\"MinContentInformation=1.0, MaxContentInformation=$max\"" \
			"$TEST_DIR/questions" >/dev/null || fail "question: $(cat "$TEST_DIR/questions")"
	done
	jq -c 'select(.missing and .range == null)' "$log" >"$TEST_DIR/odd"
	[ ! -s "$TEST_DIR/odd" ] || fail "missing data without a range: $(cat "$TEST_DIR/odd")"
}
# Ranges from line FROM of the log on: each says what it is.
check_ranges() {
	tail -n "+$1" "$INFORMED_LOG" |
		jq -c "select(.event == \"request\" and $RANGE)" >"$TEST_DIR/ranges"
	assert_num "$(wc -l <"$TEST_DIR/ranges")" -gt 0 ranges
	jq -c 'select((.missing and .if_range != null and
		.headers["x-p2p-peerdist"] == "Version=1.1, MissingDataRequest=true" and
		.headers["accept-encoding"] == null and .headers["x-p2p-peerdistex"] == null) | not)' \
		"$TEST_DIR/ranges" >"$TEST_DIR/odd"
	[ ! -s "$TEST_DIR/odd" ] || fail "ranges: $(head -n 3 "$TEST_DIR/odd")"
}
lines() { wc -l <"$INFORMED_LOG"; }

for version in 2 1; do
	options=revalidate=1000,compute=off
	if [ "$version" = 1 ]; then options+=,versions=1; fi
	first=$(($(lines) + 1))
	mount_fs -o "$options" "$URL" "$TEST_DIR/mnt-$version"
	for name in "${informed[@]}"; do
		head -c 1 "$MOUNT/$name" >/dev/null
		wait_until 20 has_version "$MOUNT/$name" $version
	done
	second=$(($(lines) + 1))
	assert_same_tree "$tree" "$MOUNT"
	check_words "$first" $version
	check_ranges "$second"
	for name in tiny 65535; do assert_eq 0 "$(attribute "$MOUNT/$name" version)" "$name"; done
	for name in 65536 folder/middle; do
		assert_eq "$(segment_ids $version "$tree/$name")" "$(attribute "$MOUNT/$name" segments)" \
			"segments of $name"
	done
	assert_eq 0 "$(status_get .errors.hash)" 'hash errors'
	assert_eq 0 "$(status_get .errors.origin)" 'origin errors'

	# All is there now, and so it is after a remount: nothing is asked for any more.
	third=$(lines)
	for name in "${informed[@]}"; do
		drop_pages "$MOUNT/$name"
		assert_same_file "$tree/$name" "$MOUNT/$name"
	done
	remount
	for name in "${informed[@]}"; do
		assert_same_file "$tree/$name" "$MOUNT/$name"
		assert_eq $version "$(attribute "$MOUNT/$name" version)" "version of $name after a remount"
	done
	assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin after a remount'
	tail -n "+$((third + 1))" "$INFORMED_LOG" |
		jq -c 'select(.event == "request" and .method == "GET" and (.path | endswith("/") | not))' \
			>"$TEST_DIR/odd"
	[ ! -s "$TEST_DIR/odd" ] || fail "asked again: $(head -n 3 "$TEST_DIR/odd")"
	umount_fs
done

# Content information outlives the mount also when the content is not whole.
mount_fs -o revalidate=1000,compute=off "$URL" "$TEST_DIR/mnt-part"
head -c 1 "$MOUNT/folder/large" >/dev/null
wait_until 20 has_version "$MOUNT/folder/large" 2
remount
from=$(($(lines) + 1))
assert_same_file "$tree/folder/large" "$MOUNT/folder/large"
assert_eq 2 "$(attribute "$MOUNT/folder/large" version)" 'version after a remount'
check_ranges "$from"
assert_eq 0 "$(tail -n "+$from" "$INFORMED_LOG" | jq -c "select($QUESTION)" | wc -l)" \
	'questions after a remount'
umount_fs
