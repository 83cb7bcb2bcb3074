#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows H of the API's cases: cancelling, of what a silent peer has, and while machine 3 gives it.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

lan_create 3 v4
FS_AS='nsenter --net=/run/netns/lan3' mount_fs -o mode=distributed,listen=0 none "$TEST_DIR/other"
export PEERDIST_OTHER=$MOUNT/.peerdist/control
FS_AS='nsenter --net=/run/netns/lan1'
api_mount mode=distributed,listen=0
export PEERDIST_FIRST=$PEERDIST_CONTROL
for node in mnt other; do lan_listens "$node" || fail "it does not listen"; done
api_rows cancel
lan_leave
