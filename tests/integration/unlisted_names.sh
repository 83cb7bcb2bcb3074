#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A name that no listing shows is found if the origin has it, also where HEAD or the listing is
# refused; one that it has not is asked for once in `revalidate`.
. "$(dirname "$0")/lib.sh"
requires_fuse

for status in 405 501; do
	start_faulty "{\"/\": {\"links\": [\"listed\"]}, \"/hidden\": {\"size\": 100000},
		\"/listed\": {\"size\": 1000}, \"HEAD /hidden\": {\"status\": $status},
		\"HEAD /absent\": {\"status\": $status}, \"/closed\": {\"redirect\": \"/closed/\"},
		\"/closed/\": {\"status\": 403},
		\"/closed/file\": {\"size\": 100000}, \"HEAD /closed/file\": {\"status\": $status}}"
	curl -sf "$FAULTY_CONTROL?path=/hidden" >"$TEST_DIR/expected"
	mount_fs -o revalidate=600 "$URL" "$TEST_DIR/mnt-$status"
	assert_same_file "$TEST_DIR/expected" "$MOUNT/hidden"
	assert_same_file "$TEST_DIR/expected" "$MOUNT/closed/file"
	assert_refused 'Permission denied' ls "$MOUNT/closed"
	for time in 1 2 3 4; do
		assert_refused 'No such file' cat "$MOUNT/absent"
		assert_refused 'No such file' ls "$MOUNT/closed/absent"
	done
	assert_eq 1 "$(faulty_requests '.path == "/absent" and .method == "GET"')" 'questions for a name'
	assert_eq 1 "$(faulty_requests '.path == "/closed/absent" and .method == "GET"')" 'questions'
	assert_eq listed "$(ls "$MOUNT")" 'names shown'
	admin clear >/dev/null
	assert_refused 'No such file' cat "$MOUNT/absent"
	assert_eq 2 "$(faulty_requests '.path == "/absent" and .method == "GET"')" 'questions after clear'
	umount_fs
done
