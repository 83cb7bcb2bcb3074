# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Hosted caches on the LAN of tests/lib/lan.sh, each `peerdist hosted` in a machine of its own. For
# tests that need them: . tests/lib/hosted.sh, behind lan.sh.

declare -A hosted_pid=() hosted_words=()

# lan_hosted NODE [OPTION...]: a hosted cache there, with a cache and a control directory of its own,
# at $HOSTED, "ADDRESS:PORT", by HTTP, and $HOSTED_TLS, empty without --tls-listen. Sets $HOSTED_PID.
lan_hosted() {
	local node=$1 address
	shift
	address=$(in_namespace "$node" ip -4 -o address show dev eth0 |
		awk '{ sub("/.*", "", $4); print $4; exit }')
	mkdir -p "$TEST_DIR/control-$node"
	hosted_words[$node]=$(printf '%q ' --listen "$address:0" \
		--cache "$TEST_DIR/hosted-$node" --control "$TEST_DIR/control-$node" "$@")
	lan_hosted_start "$node"
}

# lan_hosted_again NODE: as it was, at the port it had.
lan_hosted_again() {
	# Only the first time is it any port.
	hosted_words[$1]=$(sed "s/--listen [0-9.]*:0 /--listen $HOSTED /" <<<"${hosted_words[$1]}")
	lan_hosted_start "$1"
}

lan_hosted_start() {
	local words
	HOSTED_LOG=$TEST_DIR/hosted-$1.log
	: >"$HOSTED_LOG" # of the life before
	eval "words=(${hosted_words[$1]})"
	background "$HOSTED_LOG" nsenter --net="/run/netns/$1" "$BUILD/peerdist" hosted "${words[@]}"
	HOSTED_PID=$background_pid
	hosted_pid[$1]=$HOSTED_PID
	wait_until 20 hosted_says_or_died
	HOSTED=$(sed -n 's,.* http://\([^/ ]*\)/.*,\1,p' "$HOSTED_LOG" | head -n 1)
	HOSTED_TLS=$(sed -n 's,.* https://\([^/ ]*\)/.*,\1,p' "$HOSTED_LOG" | head -n 1)
	[ -n "$HOSTED" ] || fail "peerdist hosted did not start: $(cat "$HOSTED_LOG")"
}
hosted_says_or_died() {
	alive "$HOSTED_PID" || return 0
	grep -q ' http://' "$HOSTED_LOG"
}

# lan_hosted_stop NODE [SIGNAL]
lan_hosted_stop() {
	stop_process "${hosted_pid[$1]}" "${2:-TERM}"
}

# hosted_status NODE FILTER
hosted_status() {
	jq -r "$2" "$TEST_DIR/control-$1/status"
}
# For wait_until: hosted_counts NODE FILTER MINIMUM
hosted_counts() {
	test "$(hosted_status "$1" "$2")" -ge "$3"
}
