# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Processes that a test starts, and what happens at its end, however it comes.

started=() # process ids, in order

# background LOG COMMAND...: starts it; its id goes to $background_pid.
background() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null &
	background_pid=$!
	started+=("$background_pid")
}

alive() {
	kill -0 "$1" 2>/dev/null
}

# stop_process PID [SIGNAL]: ends it and waits for it.
stop_process() {
	local deadline=$((SECONDS + 6)) pause_ms=10
	kill -s "${2:-TERM}" "$1" 2>/dev/null || return 0
	while alive "$1" && [ "$SECONDS" -lt "$deadline" ]; do pause_longer; done
	kill -KILL "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

# finish STATUS: the trap at exit.
finish() {
	local status=$1 index
	trap '' INT TERM HUP
	set +e
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then show_logs; fi
	unmount_all
	for ((index = ${#started[@]} - 1; index >= 0; index--)); do
		stop_process "${started[index]}"
	done
	exit "$status"
}

# The ends of all logs, for whoever reads why a test failed.
show_logs() {
	local log
	for log in "$TEST_DIR"/*.log; do
		[ -s "$log" ] || continue
		echo "--- ${log##*/}"
		tail -n 60 "$log"
	done
}
