#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# SIGTERM unmounts; a silent origin does not keep a mount from going; with umount -l the readers
# there are read on to the end of their file.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_root

mkdir "$TEST_DIR/origin"
head -c 8000000 /dev/urandom >"$TEST_DIR/origin/slow"
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin" 'location = /slow { limit_rate 3m; }'

# ended SECONDS WORDS: the daemon must end by itself, with status 0.
ended() {
	local status=0 before=$SECONDS
	wait_for_end "${mount_pid[$MOUNT]}" || status=$?
	unset "mount_pid[$MOUNT]"
	assert_eq 0 "$status" "status of the daemon, $2"
	assert_num $((SECONDS - before)) -le "$1" "seconds until it ended, $2"
	! mountpoint -q "$MOUNT" || fail "still mounted, $2"
}
mount_fs "$URL" "$TEST_DIR/mnt"
cat "$MOUNT/slow" >/dev/null
for signal in TERM INT; do
	kill -s "$signal" "$FS_PID"
	ended 3 "SIG$signal"
	mount_again
done
assert_eq 0 "$(status_get .requests.origin_bytes)" 'octets from the origin'
admin clear >/dev/null

# Lazily, under a reader: it gets all of it, then the daemon goes.
exec 3<"$MOUNT/slow"
head -c 1000 <&3 >"$TEST_DIR/got"
umount -l "$MOUNT"
cat <&3 >>"$TEST_DIR/got"
exec 3<&-
assert_same_file "$TEST_DIR/origin/slow" "$TEST_DIR/got"
ended 3 'umount -l'
stop_server

start_faulty '{"/": {"links": ["silent", "mute"]}, "/silent": {"size": 3000000, "stall": 100000},
	"/mute": {"delay": 600}}'
mount_fs "$URL" "$TEST_DIR/mnt2"
# reader NAME: one that is about to wait.
reader() {
	cat "$MOUNT/$1" >/dev/null 2>&1 &
	reader=$!
	wait_until 5 waits_for_fuse "$reader"
}
reader silent
kill "$FS_PID"
ended 4 'SIGTERM with a silent origin'
wait "$reader" && fail 'a reader of an unfinished file succeeded'
mount_again
# Also while clear waits for the kernel to drop the page that the reader waits for.
reader silent
echo clear >"$MOUNT/.peerdist/admin"
kill "$FS_PID"
ended 4 'SIGTERM with a silent origin and a clear under way'
wait "$reader" && fail 'a reader of an unfinished file succeeded after clear'
mount_again
reader mute
kill -KILL "$reader"
wait "$reader" || :
umount "$MOUNT"
ended 4 'umount with a silent origin'
mount_again
reader silent
# Who is still looking the name up would not find it any more.
has_it_open() { readlink "/proc/$reader/fd/"* | grep -q '/silent$'; }
wait_until 5 has_it_open
umount -l "$MOUNT"
kill -KILL "$reader"
wait "$reader" || :
ended 4 'umount -l with a silent origin'
