# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows of the PeerDist API against a mount (tests/api/harness.h). For tests that need them:
# . tests/lib/api.sh, behind lib.sh.
#
# The script says "# tap: rows count each by themselves" to tests/run. It may define functions
# order_WORD: what a row asks for by order("WORD ..."). These are here:
#   kill     the daemon of $MOUNT, and the dead mount is taken away
#   stop     the daemon unmounts and ends, whoever uses it
#   mount    as it was mounted before

# api_mount [OPTIONS]: a mount without an origin; sets $MOUNT, and what the programs look for.
api_mount() {
	requires_fuse
	mount_fs ${1:+-o "$1"} none "$TEST_DIR/mnt"
	export PEERDIST_MOUNT=$MOUNT PEERDIST_CONTROL=$MOUNT/.peerdist/control
	PEERDIST_MODE=$(status_get .mode)
	export PEERDIST_MODE
}

# api_lan_mount [OPTIONS]: the same in a LAN's machine 1 (tests/lib/lan.sh is there too), in mode
# distributed; then rows may order as well:
#   peer NAME BEHAVIOUR FILE INFORMATION   a scripted peer on machine 2 that has the FILE; both are
#                                          of octets_save()
#   gone NAME                              and ends it
api_lan_mount() {
	requires_fuse
	lan_create 2 v4
	# For every life of the mount.
	FS_AS='nsenter --net=/run/netns/lan1'
	api_mount "mode=distributed,listen=0${1:+,$1}"
	lan_listens mnt || fail "it does not listen: $(cat "$FS_LOG")"
}
declare -A peers=()
order_peer() {
	local ways=(--retrieval "$2")
	if [ "$2" = tardy ]; then ways=(--discovery tardy); fi
	lan_script lan2 "${ways[@]}" --file "$TEST_DIR/$3" --information "$TEST_DIR/$4"
	peers[$1]=$SCRIPT_PID
}
order_gone() {
	stop_process "${peers[$1]}" KILL
}

order_kill() {
	kill_fs "$MOUNT"
}
order_stop() {
	local status=0
	kill -TERM "${mount_pid[$MOUNT]}"
	wait_for_end "${mount_pid[$MOUNT]}" || status=$?
	unset "mount_pid[$MOUNT]"
	assert_eq 0 "$status" 'status of the daemon'
}
order_mount() {
	mount_again "$MOUNT"
}

# api_rows PROGRAM [ROW...]: runs tests/api/test_PROGRAM and does what it orders. Its rows decide.
# By hand: API_ROWS='C01 C02' tests/integration/api_publish.sh
api_rows() {
	local program=$BUILD/tests/api/test_$1 words pid orders answers status=0
	requires_file "$program"
	shift
	rm -f "$TEST_DIR/orders" "$TEST_DIR/answers"
	mkfifo "$TEST_DIR/orders" "$TEST_DIR/answers"
	# shellcheck disable=SC2086 # words
	"$program" "$@" ${API_ROWS:-} 3>"$TEST_DIR/orders" 4<"$TEST_DIR/answers" &
	pid=$!
	started+=("$pid")
	exec {orders}<"$TEST_DIR/orders" {answers}>"$TEST_DIR/answers"
	# Until the program ends, or closes them.
	while read -r -a words <&"$orders"; do
		"order_${words[0]}" "${words[@]:1}" >&2
		echo "done" >&"$answers"
	done
	wait "$pid" || status=$?
	exec {orders}<&- {answers}>&-
	# 1: a row failed, and says so; anything else is no end for it.
	if [ "$status" = 1 ]; then show_logs >&2; fi
	[ "$status" -le 1 ] || fail "$program ended with status $status"
}
