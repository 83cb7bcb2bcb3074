#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist doctor says of each mount whether programs can use it, as they find it.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd jq

# Sets $verdict and $found, of the mount.
doctor() {
	timeout 60 "$BUILD/peerdist" doctor --json -o interface=lo >"$TEST_DIR/found" 2>/dev/null || :
	jq -r --arg mount "$MOUNT" '.findings[] | select(.check == "api" and (.text | startswith($mount)))
		| .verdict, .text, (.mend // "")' "$TEST_DIR/found" >"$TEST_DIR/lines"
	{ read -r verdict; read -r found; read -r mend; } <"$TEST_DIR/lines"
}

doctor_without_mount() {
	"$BUILD/peerdist" doctor --json -o interface=lo 2>/dev/null |
		jq '[.findings[] | select(.check == "api")] | length'
}

assert_eq 0 "$(doctor_without_mount)" 'findings without a mount'
mount_fs none "$TEST_DIR/mnt"
doctor
assert_eq ok "$verdict" 'of a mount that is well'
assert_match 'in content information 1 to 2' "$found"
echo 'versions 2 2' >"$MOUNT/.peerdist/admin"
doctor
assert_match 'in content information 2 to 2' "$found"
echo 'mode off' >"$MOUNT/.peerdist/admin"
wait_until 10 grep -q '"state": "disabled"' "$MOUNT/.peerdist/status"
doctor
assert_eq note "$verdict" 'of a mount that is off'
assert_match 'peerdist mode' "$mend"
kill -KILL "$FS_PID"
wait "$FS_PID" 2>/dev/null || :
doctor
assert_eq wrong "$verdict" 'of a mount whose daemon is dead'
assert_match 'fusermount3 -u' "$mend"
fusermount3 -u -z "$MOUNT"
