#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make install puts the helper where mount(8) looks, so that a line of fstab mounts; make uninstall
# leaves nothing behind. Where mount(8) looks is covered in this test's own view.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_root
requires_isolation
requires_cmd make

# installed DIR install|uninstall: what is built as it is.
installed() {
	# $BUILD is all of the path, also when a sanitized build is under test.
	env -u MAKEFLAGS make -s -o all B="$BUILD" SANITIZE= DESTDIR="$1" PREFIX="$TEST_DIR/prefix" "$2" >/dev/null
}

installed "$TEST_DIR/staged" install || fail 'make install'
link=$TEST_DIR/staged/sbin/mount.peerdistfs
assert_eq "$TEST_DIR/prefix/bin/peerdistfs" "$(readlink "$link")" 'what the helper is'
assert_same_file "$BUILD/peerdistfs" "$TEST_DIR/staged$TEST_DIR/prefix/bin/peerdistfs"

mkdir -p "$TEST_DIR/prefix/bin" "$TEST_DIR/work" "$TEST_DIR/mnt" "$TEST_DIR/origin"
cp "$TEST_DIR/staged$TEST_DIR/prefix/bin/peerdistfs" "$TEST_DIR/prefix/bin"
# TEST_DIR may itself lie on an overlay, which cannot be the upper part of another.
mount -t tmpfs none "$TEST_DIR/work"
mkdir "$TEST_DIR/work/upper" "$TEST_DIR/work/work"
cp -a "$link" "$TEST_DIR/work/upper"
sbin=$(realpath /sbin)
mount -t overlay -o "lowerdir=$sbin,upperdir=$TEST_DIR/work/upper,workdir=$TEST_DIR/work/work" \
	overlay "$sbin" || skip 'no overlay can be mounted over /sbin here'

echo content >"$TEST_DIR/origin/file"
options=$(private_options "$TEST_DIR/mnt"),log=$TEST_DIR/daemon.log
words=_netdev,nofail,noauto,users,nosuid,nodev,noatime,nosymfollow,x-systemd.automount,comment=x
echo "file://$TEST_DIR/origin $TEST_DIR/mnt peerdistfs $words,$options 0 0" >"$TEST_DIR/fstab"
mount --fstab "$TEST_DIR/fstab" "$TEST_DIR/mnt" || fail 'mount by fstab'
assert_eq content "$(cat "$TEST_DIR/mnt/file")" 'what is read'
assert_eq fuse.peerdistfs "$(findmnt -n -o FSTYPE "$TEST_DIR/mnt")" 'type of the mount'
assert_refused 'is busy|already mounted' mount -t peerdistfs -o "$options" "file://$TEST_DIR/origin" \
	"$TEST_DIR/mnt"
umount "$TEST_DIR/mnt" || fail umount
wait_until 20 sh -c '! pgrep -x peerdistfs'
assert_fails mount -t peerdistfs -o "$options" "file://$TEST_DIR/absent" "$TEST_DIR/mnt" 2>/dev/null

installed "$TEST_DIR/staged" uninstall || fail 'make uninstall'
assert_eq '' "$(find "$TEST_DIR/staged" ! -type d)" 'what make uninstall left'
