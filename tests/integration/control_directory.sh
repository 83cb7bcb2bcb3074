#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# .peerdist is found by name and not listed; its files answer; clear empties the cache.
. "$(dirname "$0")/lib.sh"
requires_fuse

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
if [[ $(ls -a "$TEST_DIR/mnt") == *peerdist* ]]; then fail 'the control directory is listed'; fi

assert_eq "$TEST_DIR/mnt" "$(status_get .mountpoint)" mountpoint
assert_match '^peerdist_' "$(grep -v '^#' "$TEST_DIR/mnt/.peerdist/metrics" | head -n 1)" metrics
# Every number of the status is a metric, and no other is.
assert_eq "$(jq '[.. | numbers] | length' "$MOUNT/.peerdist/status")" \
	"$(grep -c '^peerdist_' "$MOUNT/.peerdist/metrics")" 'numbers in status and metrics'
for number in served_requests_total discovery_probes_total 'errors_total{kind="hash"}' \
	'errors_total{kind="peer"}' 'source_blocks_total{source="hosted"}' cache_limit_bytes; do
	grep -qF "peerdist_$number " "$MOUNT/.peerdist/metrics" || fail "metrics lacks $number"
done
for default in 'listen=1337 to 1352' 'interface=all with multicast' "run_as=$(id -un)"; do
	grep -qxF "$default" "$MOUNT/.peerdist/config" || fail "config lacks $default"
done
assert_match "cache=$CACHE" "$(cat "$TEST_DIR/mnt/.peerdist/config")" config
assert_eq 600 "$(stat -c %a "$TEST_DIR/mnt/.peerdist/admin")" 'mode of admin'

cat "$TEST_DIR/mnt/large-10.bin" >"$TEST_DIR/copy"
assert_num "$(status_get .cache.used)" -ge 8388608 'cache used after reading'
echo clear >"$TEST_DIR/mnt/.peerdist/admin"
wait_until 20 sh -c "jq -e '.cache.used < 1000000' '$TEST_DIR/mnt/.peerdist/status'"
assert_same_file "$TEST_DIR/origin/large-10.bin" "$TEST_DIR/mnt/large-10.bin"

if admin 'no-such-command' 2>/dev/null; then fail 'an unknown command was taken'; fi
admin help >/dev/null || fail 'help'
umount_fs
