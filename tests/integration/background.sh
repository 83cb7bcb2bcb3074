#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Without -f the command returns when the mount answers, and fusermount3 -u ends the daemon.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_isolation

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mkdir "$TEST_DIR/mnt"
"$DAEMON" -o "$(private_options "$TEST_DIR/mnt"),log=$TEST_DIR/daemon.log,max_read=65536" "$URL" \
	"$TEST_DIR/mnt"
assert_same_file "$TEST_DIR/origin/large-00.bin" "$TEST_DIR/mnt/large-00.bin"
fusermount3 -u "$TEST_DIR/mnt"
wait_until 20 sh -c "! pgrep -x peerdistfs"

# What goes wrong is told before the command returns.
assert_refused 'absent' "$DAEMON" -o "$(private_options "$TEST_DIR/mnt")" \
	"file://$TEST_DIR/absent" "$TEST_DIR/mnt"
if mountpoint -q "$TEST_DIR/mnt"; then fail 'mounted what is not there'; fi
