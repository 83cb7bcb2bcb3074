# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows about sixteen machines that read one file over one origin link: started one second apart, and
# all at once.
#
#   lan1 ... lan16, each 1 Gbit/s up and down -- bridge -- router -- 50 Mbit/s, 20 ms -- origin
#
# BENCH_SCALE shrinks file and link alike, so that it takes as long. It is measured once: what comes
# out does not depend on who is faster by a few percent, and each takes about a minute.

CROWD_NODES=16 CROWD_DELAY_MS=10 # one way

row_sixteen() {
	crowd 1 1.3 '16, 1 s apart'
	local work='16, 1 s apart: longest / one alone'
	limit "$work" ours 1.3 x
}
row_crowd() {
	crowd 0 2 '16 at once'
}

# crowd SECONDS_APART TARGET WORK
crowd() {
	local octets mbit number alone=${crowd_alone:-}
	octets=$(scaled 268435456)
	mbit=$(scaled 50)
	ORIGIN_DIR=$TEST_DIR/crowd
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	lan_create $CROWD_NODES v4
	lan_content_server wan "$mbit" $CROWD_DELAY_MS
	for ((number = 1; number <= CROWD_NODES; number++)); do
		lan_shape "lan$number" eth0 1000
		lan_shape lan "to-lan$number" 1000
	done
	if [ -z "$alone" ]; then
		crowd_mount 1
		crowd_read 1
		alone=$(cat "$TEST_DIR/took-1") crowd_alone=$alone
		record 'one alone over the same link, s' ours "$alone"
		record 'one alone: octets over the link / file' ours "$(crowd_share)"
		lan_forget lan1
	fi
	for ((number = 1; number <= CROWD_NODES; number++)); do crowd_mount "$number"; done
	crowd_all "$1" "$3"
	limit "$3: octets over the link / file" ours "$2" x
	for ((number = 1; number <= CROWD_NODES; number++)); do lan_forget "lan$number"; done
	lan_remove
}

crowd_mount() {
	lan_mount "lan$1" "$URL" cache_size=4G
	crowd_before=$(link_octets)
}

# crowd_read NUMBER: how long it took goes to a file; what failed to another one.
crowd_read() {
	if timed read_whole "$TEST_DIR/lan$1/large.bin"; then
		echo "$elapsed" >"$TEST_DIR/took-$1"
	else
		echo "lan$1 after $elapsed s" >>"$TEST_DIR/failed"
	fi
}

# crowd_all SECONDS_APART WORK
crowd_all() {
	local number readers=() pids=() before start used longest
	for ((number = 1; number <= CROWD_NODES; number++)); do
		pids+=("${mount_pid[$TEST_DIR/lan$number]}")
	done
	rm -f "$TEST_DIR"/took-*
	used=$(spent_by "${pids[@]}") before=$(processor_busy) start=$EPOCHREALTIME
	for ((number = 1; number <= CROWD_NODES; number++)); do
		crowd_read "$number" &
		readers+=($!)
		if [ "$1" != 0 ]; then sleep "$1"; fi
	done
	for number in "${readers[@]}"; do wait "$number"; done
	longest=$(cat "$TEST_DIR"/took-* | sort -g | tail -n 1)
	record "$2: octets over the link / file" ours "$(crowd_share)"
	if [ -e "$TEST_DIR/failed" ]; then
		verdicts+=("$2: READS FAILED: $(sort "$TEST_DIR/failed" | paste -sd,)")
		rm "$TEST_DIR/failed"
	fi
	record "$2: longest, s" ours "$longest"
	record "$2: longest / one alone" ours \
		"$(awk -v l="$longest" -v a="$alone" 'BEGIN { print l / a }')"
	record "$2: Probes a node" ours "$(crowd_sum .discovery.probes $CROWD_NODES)"
	record "$2: of the origin: received / file" ours "$(crowd_sum .requests.origin_bytes "$octets")"
	record "$2: of the origin: given / file" ours "$(crowd_sum .sources.origin.bytes "$octets")"
	record "$2: wrong hashes" ours "$(crowd_sum .errors.hash 1)"
	awk -v w="$2" -v a="$before" -v b="$(processor_busy)" -v s="$start" -v e="$EPOCHREALTIME" \
		-v n="$(nproc)" -v u="$used" -v v="$(spent_by "${pids[@]}")" 'BEGIN {
		printf "%s: of %d cores %.0f%% were busy, the daemons had %.0f%%\n", w, n,
			(b - a) / (e - s) / n * 100, (v - u) / (e - s) / n * 100 }'
	for ((number = 1; number <= CROWD_NODES; number++)); do
		[ ! -e "$TEST_DIR/took-$number" ] || cmp "$ORIGIN_DIR/large.bin" "$TEST_DIR/lan$number/large.bin"
	done
}

# What came over the link since the last mount, as a part of the file; heads of packets, content
# information and what was sent twice count.
crowd_share() {
	awk -v b="$(link_octets)" -v a="$crowd_before" -v o="$octets" 'BEGIN { print (b - a) / o }'
}
link_octets() {
	ip -n router -s -j link show wan0 | jq '.[0].stats64.rx.bytes'
}

# crowd_sum FILTER DIVISOR: of all nodes' status.
crowd_sum() {
	local number
	for ((number = 1; number <= CROWD_NODES; number++)); do lan_status "lan$number" "$1"; done |
		awk -v d="$2" '{ s += $1 } END { print s / d }'
}

# Seconds that the machine's processors were not idle.
processor_busy() {
	awk -v t="$(getconf CLK_TCK)" '/^cpu / { print ($2 + $3 + $4 + $7 + $8) / t }' /proc/stat
}
