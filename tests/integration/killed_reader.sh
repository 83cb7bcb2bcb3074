#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A process killed while it waits for an origin that is silent is gone at once, whatever it waits
# in; those who wait for the same get it when it comes.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

start_faulty '{"/": {"links": ["open", "list/", "read", "late", "alone"]},
	"/open": {"delay": 600}, "/list/": {"delay": 600},
	"/read": {"size": 300000, "stall": 70000}, "/late": {"size": 1000, "delay": 2}, "/alone": {"size": 1000, "delay": 2},
	"/absent": {"delay": 600}}'
mount_fs "$URL" "$TEST_DIR/mnt"
ls "$MOUNT" >/dev/null

# killed WORDS COMMAND...: in less than a second.
killed() {
	local before pid
	"${@:2}" >/dev/null 2>&1 &
	pid=$!
	wait_until 5 waits_for_fuse "$pid"
	before=$EPOCHREALTIME
	kill -KILL "$pid"
	wait "$pid" || :
	assert_num $(((${EPOCHREALTIME/./} - ${before/./}) / 1000)) -lt 1000 "ms until killed in $1"
}
killed open cat "$MOUNT/open"
killed 'stat of what no listing shows' stat "$MOUNT/absent"
killed readdir ls "$MOUNT/list"
killed read cat "$MOUNT/read"
killed 'direct read' dd if="$MOUNT/read" of=/dev/null bs=1M iflag=direct

# One of two is killed: the other gets the bytes, of one request.
cat "$MOUNT/late" >"$TEST_DIR/second" &
second=$!
killed 'a read that another waits for too' cat "$MOUNT/late"
wait "$second" || fail 'the other reader failed'
assert_eq 1000 "$(stat -c %s "$TEST_DIR/second")" 'octets of the other reader'
requested_once() { [ "$(faulty_requests '.method == "GET" and .path == "/late"')" = 1 ]; }
wait_until 5 requested_once
# Nobody waits at all: it is there afterwards.
killed 'the only read' cat "$MOUNT/alone"
kept() { [ "$(getfattr --absolute-names --only-values -n user.peerdist.size_cached "$MOUNT/alone")" = 1000 ]; }
wait_until 10 kept
umount_fs
