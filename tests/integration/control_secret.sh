#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The server secret of who publishes: made at first use, also where nothing is computed; where it
# cannot be had, publishing fails and the rest goes on.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

# publishes: 0, or the code that completing a stream ends with.
publishes() {
	PYTHONPATH=tests/lib python3 - "$MOUNT/.peerdist/control" <<'END'
import sys
from control_client import *

with Control(sys.argv[1]) as control:
    stream = control.publish_begin(b"secret")
    added = control.wait(control.send("ServerPublishAddToStream", stream, octets(1000))).status
    done = 0
    if added == SUCCESS:
        done = control.wait(control.submit("ServerPublishCompleteStream", stream)).status
    print(added or done)
    control.status()
END
}

mount_fs -o "compute=off,key=$TEST_DIR/late.key" none "$TEST_DIR/late"
[ ! -e "$TEST_DIR/late.key" ] || fail 'a key is made before anybody needs it'
assert_eq 0 "$(publishes)" 'publishing with compute=off'
[ -s "$TEST_DIR/late.key" ] || fail 'no key was made'
umount_fs

echo 'no key' >"$TEST_DIR/wrong.key"
mount_fs -o "compute=off,key=$TEST_DIR/wrong.key" none "$TEST_DIR/wrong"
assert_num "$(publishes)" -ne 0 'publishing with a file that is no key'
assert_eq 'no key' "$(cat "$TEST_DIR/wrong.key")" 'the file that is no key'
grep -q 'nothing can be published: ' "$FS_LOG" || fail "the log does not say why: $(cat "$FS_LOG")"
assert_eq available "$(status_get .state)"
umount_fs
