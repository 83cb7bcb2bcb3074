#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows G of the API's cases: adding data, flushing it, and what is known of a content. Machine 1 is
# asked; machine 2 has a service too, with a small cache.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

# As lan_mount says; before, since the last mount is the one of the rows.
lan_create 3 v4
FS_AS='nsenter --net=/run/netns/lan2' mount_fs -o mode=distributed,listen=0,cache_size=16M none \
	"$TEST_DIR/small"
export PEERDIST_OTHER=$MOUNT/.peerdist/control PEERDIST_SMALL=$MOUNT/.peerdist/control
FS_AS='nsenter --net=/run/netns/lan1'
api_mount allow_other,mode=distributed,listen=0
export PEERDIST_FIRST=$PEERDIST_CONTROL
for node in mnt small; do lan_listens "$node" || fail "it does not listen"; done

# MACHINE INFORMATION: asks the LAN for its segment.
order_wanted() {
	local segment
	segment=$(python3 "$MODEL" decode "$TEST_DIR/$2" | jq -r '.segments[0].id')
	# Nobody has it.
	lan_ask "$1" probe "$segment" >/dev/null || :
}
api_rows data
lan_leave
