#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Redirects: followed ten times, to other hosts too, but not in a circle and not out of HTTP; what
# the origin alone may know is not told elsewhere.
. "$(dirname "$0")/lib.sh"
requires_fuse

start_faulty '{"*": {"size": 70000}, "/moved": {"size": 70000, "seed": 1}}'
elsewhere=$URL elsewhere_log=$FAULTY_LOG
curl -sf "$FAULTY_CONTROL?path=/moved" >"$TEST_DIR/moved"
hops=
for hop in 1 2 3 4 5 6 7 8 9 10; do hops+="\"/hop-$hop\": {\"redirect\": \"hop-$((hop - 1))\"},"; done
start_faulty "{$hops \"/hop-0\": {\"size\": 70000, \"seed\": 1},
	\"/\": {\"links\": [[\"far\", 70000], [\"circle\", 70000], [\"hop-10\", 70000],
		[\"hop-11\", 70000], [\"local\", 70000], [\"odd\", 70000], \"there/\"]},
	\"/hop-11\": {\"redirect\": \"hop-10\"}, \"/circle\": {\"redirect\": \"/circle\"},
	\"/far\": {\"redirect\": \"${elsewhere}moved\"}, \"/there/\": {\"redirect\": \"/here/\"},
	\"/here/\": {\"links\": [\"inside\"]}, \"/there/inside\": {\"body\": \"found\"},
	\"/hidden\": {\"redirect\": \"/hidden/\"}, \"/hidden/\": {\"links\": [\"below\"]},
	\"/hidden/below\": {\"body\": \"below\"},
	\"/local\": {\"redirect\": \"file:///etc/passwd\"}, \"/odd\": {\"redirect\": \"//\"}}"
mount_fs -o 'user=me:word,header=X-Token: hush' "$URL" "$TEST_DIR/mnt"

assert_same_file "$TEST_DIR/moved" "$MOUNT/far"
assert_same_file "$TEST_DIR/moved" "$MOUNT/hop-10"
for name in hop-11 circle local odd; do
	assert_refused 'Input/output error' cat "$MOUNT/$name"
done
assert_num "$(faulty_requests '.path == "/circle"')" -le 44 'requests in the circle'
assert_eq inside "$(ls "$MOUNT/there")" 'names behind a redirect'
assert_eq found "$(cat "$MOUNT/there/inside")" 'content behind a redirect'
assert_eq below "$(cat "$MOUNT/hidden/below")" 'content of a directory known by its redirect'
assert_num "$(faulty_requests '.headers.authorization != null')" -gt 0 'requests with the password'
FAULTY_LOG=$elsewhere_log
assert_num "$(faulty_requests '.path == "/moved"')" -gt 0 'requests elsewhere'
assert_eq 0 "$(faulty_requests '.headers.authorization != null or .headers."x-token" != null')" \
	'secrets told elsewhere'
umount_fs
