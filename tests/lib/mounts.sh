# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mounting, and the control directory. The daemon runs in the foreground as our child, so that its
# end and its status are seen: one that leaks or crashes at unmount fails the test.

DAEMON=${DAEMON:-$BUILD/peerdistfs}
declare -A mount_pid=() mount_command=()
mounts=()

# Options that keep the daemon off the machine's own places.
# private_options MOUNT
private_options() {
	local name
	name=$(basename "$1")
	echo "cache=$TEST_DIR/cache-$name,key=$TEST_DIR/secret.key,mode=local"
}

# mount_fs [-o OPTIONS] URL MOUNT: returns when the mount answers.
mount_fs() {
	start_fs "$@"
	wait_until 20 fs_answers_or_died "$MOUNT"
	alive "$FS_PID" || fail "no mount: $(cat "$FS_LOG")"
}

# The same without waiting. Sets $MOUNT, $FS_PID, $FS_LOG, $CACHE.
start_fs() {
	local options='' url
	if [ "$1" = -o ]; then
		options=,$2
		shift 2
	fi
	url=$1 MOUNT=$2
	options=$(private_options "$MOUNT")$options
	CACHE=$TEST_DIR/cache-$(basename "$MOUNT")
	mkdir -p "$MOUNT"
	mount_command[$MOUNT]=$(printf '%q ' "$DAEMON" -f -o "$options" "$url" "$MOUNT")
	launch_fs "$MOUNT"
}

# launch_fs MOUNT: FS_AS may hold words that run a command as somebody else (setpriv ...).
launch_fs() {
	FS_LOG=$TEST_DIR/mount-$(basename "$1").log
	# The same file for every life of the mount: append. The process is the daemon, no shell.
	eval "exec ${FS_AS:-} ${mount_command[$1]}" >>"$FS_LOG" 2>&1 </dev/null &
	FS_PID=$!
	mount_pid[$1]=$FS_PID
	mounts+=("$1")
}

fs_answers_or_died() {
	alive "${mount_pid[$1]}" || return 0
	mountpoint -q "$1" && [ -e "$1/.peerdist/status" ]
}

# umount_fs [MOUNT]: the daemon must end by itself, with status 0.
umount_fs() {
	local mount=${1:-$MOUNT} status=0
	# What has ended a moment ago may keep it busy still.
	wait_until 5 unmounts "$mount"
	wait_for_end "${mount_pid[$mount]}" || status=$?
	unset "mount_pid[$mount]"
	assert_eq 0 "$status" "status of the daemon of $mount"
}

unmounts() {
	fusermount3 -u "$1" 2>/dev/null || umount "$1"
}

# wait_for_end PID: its exit status; a process that does not end is ended.
wait_for_end() {
	local deadline=$((SECONDS + 30)) pause_ms=10
	while alive "$1" && [ "$SECONDS" -lt "$deadline" ]; do pause_longer; done
	if alive "$1"; then
		kill -ABRT "$1"
		wait "$1" || :
		return 99
	fi
	wait "$1"
}

# kill_fs [MOUNT]: SIGKILL, and the dead mount taken away.
kill_fs() {
	local mount=${1:-$MOUNT}
	kill -KILL "${mount_pid[$mount]}"
	wait "${mount_pid[$mount]}" 2>/dev/null || :
	unset "mount_pid[$mount]"
	umount -l "$mount"
}

# mount_again [MOUNT]: as it was mounted before.
mount_again() {
	MOUNT=${1:-$MOUNT}
	launch_fs "$MOUNT"
	wait_until 20 fs_answers_or_died "$MOUNT"
	alive "$FS_PID" || fail "no mount: $(cat "$FS_LOG")"
}
remount() {
	umount_fs "${1:-$MOUNT}"
	mount_again "${1:-$MOUNT}"
}

# At the end of a test; says nothing and fails at nothing.
unmount_all() {
	local mount
	for mount in "${mounts[@]}"; do
		[ -n "${mount_pid[$mount]:-}" ] || continue
		fusermount3 -uz "$mount" 2>/dev/null || umount -l "$mount" 2>/dev/null
		stop_process "${mount_pid[$mount]}"
	done
}

# status_get FILTER [MOUNT]: of the status, by jq.
status_get() {
	jq -r "$1" "${2:-$MOUNT}/.peerdist/status"
}

# admin COMMAND [MOUNT]: writes it and prints the answer; status 1 when that is an error.
admin() {
	local answer descriptor
	exec {descriptor}<>"${2:-$MOUNT}/.peerdist/admin" || return 1
	if ! printf '%s\n' "$1" >&"$descriptor"; then
		exec {descriptor}>&-
		return 1
	fi
	answer=$(cat <&"$descriptor")
	exec {descriptor}>&-
	printf '%s\n' "$answer"
	[[ $answer =~ (^|$'\n')ok($|[[:space:]]) ]]
}

# For tests that mount as somebody else: a /dev/fuse that all may open, seen by this test only.
own_dev_fuse() {
	requires_root
	requires_isolation
	mkdir -p "$TEST_DIR/dev"
	mount -t tmpfs -o mode=755 tmpfs "$TEST_DIR/dev"
	mknod -m 666 "$TEST_DIR/dev/fuse" c 10 229
	mount --bind "$TEST_DIR/dev/fuse" /dev/fuse
}

# make_tree DIR [plain|wild]: a few hundred files, the same each time; wild: with names that are
# no UTF-8 or hold control characters.
make_tree() {
	requires_cmd python3
	tests/make_tree.py "$1" "${2:-wild}"
}

# drop_pages FILE...: what the kernel keeps of them, so that the next read asks the daemon.
drop_pages() {
	local file
	for file; do dd if="$file" of=/dev/null iflag=nocache count=0 status=none; done
}

# waits_for_fuse PID: whether it is held up in a request to a daemon, or for a page from one.
waits_for_fuse() {
	grep -qE 'fuse|folio|request_wait' "/proc/$1/wchan"
}
