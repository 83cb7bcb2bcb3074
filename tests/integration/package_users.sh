#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Packages go through the admin file: who may not open it gets nothing out and nothing in, though he
# may read the mount. The file of the package is the caller's, whoever the daemon runs as.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_root
requires_cmd setpriv

peerdist() { timeout 60 "$BUILD/peerdist" "$@"; }
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups timeout 60)
chmod 755 "$TEST_DIR"
mkdir "$TEST_DIR/origin"
head -c 2000001 /dev/urandom >"$TEST_DIR/origin/file"
start_nginx "$TEST_DIR/origin"
mount_fs -o allow_other,umask=022 "$URL" "$TEST_DIR/mnt"
cat "$MOUNT/file" >/dev/null
peerdist info get "$MOUNT/file" >/dev/null
peerdist export "$TEST_DIR/package" "$MOUNT/file" >/dev/null
mkdir -m 777 "$TEST_DIR/public"
install -m 644 "$TEST_DIR/package" "$TEST_DIR/public/package"
# Where the programs are may be closed to others.
install -m 755 "$BUILD/peerdist" "$TEST_DIR/public/peerdist"
"${nobody[@]}" cmp "$TEST_DIR/origin/file" "$MOUNT/file" || fail 'another user cannot read'
assert_refused 'admin is not yours to open' \
	"${nobody[@]}" "$TEST_DIR/public/peerdist" export "$TEST_DIR/public/mine" "$MOUNT/file"
[ ! -e "$TEST_DIR/public/mine" ] || fail 'another user got a package'
assert_refused 'admin is not yours to open' \
	"${nobody[@]}" "$TEST_DIR/public/peerdist" import "$TEST_DIR/public/package" "$MOUNT"
umount_fs

# The other way round: the daemon is somebody who cannot open the caller's files.
mkdir -m 700 "$TEST_DIR/private"
install -m 600 "$TEST_DIR/package" "$TEST_DIR/private/package"
mount_fs -o "run_as=nobody" "$URL" "$TEST_DIR/as"
assert_eq 65534 "$(stat -c %u "/proc/${mount_pid[$MOUNT]}")" 'the daemon'
peerdist import "$TEST_DIR/private/package" "$MOUNT" >/dev/null
stop_server
assert_same_file "$TEST_DIR/origin/file" "$MOUNT/file"
peerdist export "$TEST_DIR/private/again" "$MOUNT" >/dev/null
assert_same_file "$TEST_DIR/package" "$TEST_DIR/private/again"
umount_fs
