#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Everything at once: readers that open, read, map, list and are killed, files that are replaced at
# the origin, and an administrator who clears, resizes, warms, verifies and pins. What is read is of
# one version, files that stay never fail, and it ends in order.
# STRESS_SECONDS (10), STRESS_READERS (12), STRESS_SEED, DAEMON (a build with a sanitizer).
# timeout: 7200
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_file "$BUILD/tests/integration/stress"

seconds=${STRESS_SECONDS:-10} readers=${STRESS_READERS:-12} seed=${STRESS_SEED:-$RANDOM}
echo "STRESS_SEED=$seed"
mkdir "$TEST_DIR/origin"
"$BUILD/tests/integration/stress" make "$TEST_DIR/origin"
start_nginx "$TEST_DIR/origin" 'location /once/ { etag off; add_header Last-Modified ""; }'
mount_fs -o 'revalidate=1,cache_size=32M' "$URL" "$TEST_DIR/mnt"

background "$TEST_DIR/stress.log" "$BUILD/tests/integration/stress" run \
	"$TEST_DIR/origin" "$MOUNT" "$seconds" "$readers" "$seed"
stress_pid=$background_pid
RANDOM=$seed
commands=(clear 'clear /changing' 'clear /lasting/d' 'resize 28M' 'resize 32M' 'resize 64M' 'warm /'
	'warm /lasting' verify 'verify /changing' 'pin /lasting/b' 'unpin /lasting/b' jobs status help
	'cancel 3')
while alive "$stress_pid"; do
	command=${commands[RANDOM % ${#commands[@]}]}
	# Some answers are read, most descriptors are closed at once.
	if [ $((RANDOM % 4)) = 0 ]; then
		admin "$command" >/dev/null 2>&1 || :
	else
		echo "$command" 2>/dev/null >"$MOUNT/.peerdist/admin" || :
	fi
	cat "$MOUNT/.peerdist/metrics" >/dev/null || fail 'metrics'
	alive "$FS_PID" || fail 'the daemon has died'
done
wait "$stress_pid" || fail 'a reader saw something wrong'
cat "$TEST_DIR/stress.log"

settled() {
	diff -r "$TEST_DIR/origin" "$MOUNT"
}
wait_until 20 settled
assert_eq 0 "$(status_get .errors.checksum)" 'checksum errors'
# A job that goes on, and readers that wait, end with the mount.
echo 'warm /' >"$MOUNT/.peerdist/admin"
umount_fs
