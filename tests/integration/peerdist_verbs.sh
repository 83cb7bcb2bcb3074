#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist finds the mount that is meant, has its daemon do what is asked, and says what came of it.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_isolation # other mounts of ours would be found as well
requires_cmd jq

make_tree "$TEST_DIR/origin" plain
name=$'strange\n\\name '
echo strange >"$TEST_DIR/origin/$name"
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@"
}
cached() {
	getfattr --absolute-names --only-values -n user.peerdist.size_cached "$1"
}

# By mount point, by any path in it, from within it, and as the only one.
for named in "$MOUNT" "$MOUNT/many" "$MOUNT/many/absent/name" ''; do
	assert_eq "$MOUNT" "$(peerdist status --json ${named:+"$named"} | jq -r .mountpoint)" "$named"
done
assert_eq "$MOUNT" "$(cd "$MOUNT/many" && peerdist status --json . | jq -r .mountpoint)" relative
assert_match "mountpoint +$MOUNT" "$(peerdist status)" 'status for people'
assert_match 'peerdist_' "$(peerdist metrics)" metrics

# Work is waited for; nothing but the answer is written where there is no terminal.
assert_eq '' "$(peerdist warm "$MOUNT/large-00.bin" 2>&1 >/dev/null)" 'stderr of warm'
assert_eq "$(stat -c %s "$MOUNT/large-00.bin")" "$(cached "$MOUNT/large-00.bin")" 'cached by warm'
peerdist warm "$MOUNT/$name" >/dev/null
assert_eq 8 "$(cached "$MOUNT/$name")" 'cached by warm of a strange name'
peerdist pin "$MOUNT/large-00.bin"
peerdist unpin "$MOUNT/large-00.bin"
peerdist verify >/dev/null
assert_eq array "$(peerdist jobs --json | jq -r '.data | type')" 'jobs as JSON'
peerdist resize 300M "$MOUNT" >/dev/null
assert_eq 314572800 "$(peerdist status --json | jq .cache.limit)" limit
peerdist versions 1 1 "$MOUNT" >/dev/null
assert_eq versions=1 "$(grep '^versions=' "$MOUNT/.peerdist/config")" 'versions shown'
assert_refused 'each 1 or 2' peerdist versions 2 1
peerdist clear "$MOUNT/large-00.bin" >/dev/null
assert_eq 0 "$(cached "$MOUNT/large-00.bin")" 'cached after clear'
assert_eq 8 "$(cached "$MOUNT/$name")" 'cached elsewhere after clear of one file'
peerdist clear >/dev/null
assert_eq 0 "$(cached "$MOUNT/$name")" 'cached after clear of all'

# What the daemon refuses is told with status 1.
status=0
message=$(peerdist cancel 4711 2>&1) || status=$?
assert_eq 1 "$status" 'status of cancel without a job'
assert_match '^peerdist: cancel.*: .' "$message"
status=0
message=$(peerdist warm "$MOUNT/absent" 2>&1) || status=$?
assert_eq 1 "$status" 'status of warm of what is not there'
assert_match '^peerdist: warm.*: .' "$message"

# With two mounts one has to be named.
first=$MOUNT
mount_fs file:///usr/share/doc "$TEST_DIR/other"
status=0
message=$(peerdist status 2>&1) || status=$?
assert_eq 1 "$status" 'status with two mounts'
[[ $message == *"$first"*"$MOUNT"* ]] || fail "two mounts are not listed: $message"
assert_eq file:///usr/share/doc "$(peerdist status --json "$MOUNT" | jq -r .origin)" origin

# A bind mount of one is the same one.
umount_fs "$MOUNT"
mkdir "$TEST_DIR/bound"
mount --bind "$first" "$TEST_DIR/bound"
peerdist status >/dev/null || fail 'a bind mount counts twice'
umount "$TEST_DIR/bound"

# A directory that only looks like one of ours is not written to.
mkdir -p "$TEST_DIR/trap/.peerdist"
echo precious >"$TEST_DIR/precious"
ln -s "$TEST_DIR/precious" "$TEST_DIR/trap/.peerdist/admin"
mount -t tmpfs none "$TEST_DIR/bound"
cp -a "$TEST_DIR/trap/.peerdist" "$TEST_DIR/bound"
assert_fails peerdist clear "$TEST_DIR/bound" 2>/dev/null
umount "$TEST_DIR/bound"
assert_eq precious "$(cat "$TEST_DIR/precious")" 'file behind the link'
umount_fs "$first"
