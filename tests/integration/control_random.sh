#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Row M21: random octets as messages, for 10 s, or as long as CONTROL_RANDOM_SECONDS says (make fuzz:
# 10 minutes, and other seeds). The daemon lives, and has nothing left of it all; under a sanitizer it
# says so itself when it ends.
# timeout: 900
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3 jq

mount_fs none "$TEST_DIR/mnt"
seed=${CONTROL_RANDOM_SEED:-1}
noise=()
for part in 1 2; do
	background "$TEST_DIR/noise-$part.log" python3 tests/lib/control_random.py \
		"$MOUNT/.peerdist/control" "${CONTROL_RANDOM_SECONDS:-10}" $((seed + part))
	noise+=("$background_pid")
done
for part in "${noise[@]}"; do
	wait "$part" || fail "noise with seed $seed"
done
cat "$TEST_DIR"/noise-?.log
alive "$FS_PID" || fail "the daemon has ended, seed $seed"
nothing_left() { [ "$(status_get '[.api[]] | add')" = 0 ]; }
wait_until 20 nothing_left
umount_fs
