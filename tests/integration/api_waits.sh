#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows F05 to F08 of the API's cases, which wait for time to pass: side by side.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

api_lan_mount
# It orders the peer that all of them wait for.
api_rows waits F06
ids=()
for row in F05 F07 F08; do
	"$BUILD/tests/api/test_waits" "$row" >"$TEST_DIR/$row.out" 2>&1 &
	ids+=($!)
	started+=($!)
done
for id in "${ids[@]}"; do
	status=0
	wait "$id" || status=$?
	[ "$status" -le 1 ] || fail "a program ended with status $status"
done
cat "$TEST_DIR"/F0?.out
umount_fs
