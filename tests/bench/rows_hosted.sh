# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows about hosted caches: opaque blocks served from the store beside nginx, pulling what is
# offered beside reading it from a peer, how many offers a second are taken, and a cache of 1 TiB.

. tests/lib/hosted.sh

# start_alone NAME COMMAND...: on core 0, until $NAME.until is closed; its first line is waited for.
start_alone() {
	local name=$1
	shift
	mkfifo "$TEST_DIR/$name.until"
	taskset -c 0 "$@" <"$TEST_DIR/$name.until" >"$TEST_DIR/$name.says" &
	started+=("$!")
	alone_pid=$!
	exec 8>"$TEST_DIR/$name.until"
	until [ -s "$TEST_DIR/$name.says" ]; do sleep 0.01; done
}
end_alone() {
	exec 8>&-
	wait "$alone_pid" || :
	rm -f "$TEST_DIR/$1.until" "$TEST_DIR/$1.says"
}

# load HOST PORT WHAT NUMBER [SECONDS [CONNECTIONS]]: from core 1.
load() {
	taskset -c 1 "$BUILD/tests/bench/retrieval_load" "$@"
}

# ---- serving ----

# Each has one core and its loader the other. What nginx sends are bodies of the same octets, by
# sendfile(2) from the page cache, without a question in the request to look up.
row_opaque() {
	local work='opaque blocks served, one core, MB/s' run place octets=65644 number
	if [ "$(nproc)" -lt 2 ]; then
		echo 'opaque: left out: needs two cores'
		return
	fi
	mkdir "$TEST_DIR/bodies" "$TEST_DIR/opaque"
	for ((number = 0; number < 512; number++)); do
		make_octets "$TEST_DIR/bodies/$number" "$octets" "$number"
	done
	ORIGIN_DIR=$TEST_DIR/bodies
	start_nginx "$ORIGIN_DIR" 'access_log off; keepalive_requests 1000000;' 'tcp_nopush on;'
	for pid in $(pgrep -P "$SERVER_PID") "$SERVER_PID"; do
		taskset -cp 0 "$pid" >/dev/null
	done
	start_alone opaque "$BUILD/tests/bench/retrieval_server" "$TEST_DIR/opaque" opaque
	read -ra place <"$TEST_DIR/opaque.says"
	for ((run = 0; run < runs; run++)); do
		record "$work" nginx "$(load 127.0.0.1 "$(url_port)" get 512 "$(scaled 5)" |
			jq '."MB/s"')"
		record "$work" ours "$(load 127.0.0.1 "${place[@]}" "$(scaled 5)" |
			jq '."MB/s"')"
	done
	end_alone opaque
	stop_server
	rm -rf "$TEST_DIR/bodies" "$TEST_DIR/opaque"
	target "$work" ours nginx 0.6
}
url_port() {
	sed 's,.*:\([0-9]*\)/.*,\1,' <<<"$URL"
}

# ---- pulling ----

# lan1 has a content and offers all of it at once; the cache pulls it. Beside: lan2 reads it from
# lan1 through a mount. Version 2.0 of both.
row_pulling() {
	local octets run work='version 2, MB/s' place
	octets=$(scaled 1073741824)
	ORIGIN_DIR=$TEST_DIR/pulling
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	lan_create 3 v4
	lan_content_server
	lan_mount lan1 "$URL" cache_size=32G
	read_whole "$TEST_DIR/lan1/large.bin"
	"$BUILD/peerdist" info get "$TEST_DIR/lan1/large.bin" -o "$TEST_DIR/large.info"
	place=$(lan_place lan1)
	for ((run = 0; run < runs; run++)); do
		pulling_read
		pulling_run
	done
	umount_fs "$TEST_DIR/lan1"
	rm -rf "$TEST_DIR"/cache-lan1 "$TEST_DIR/large.info"
	lan_remove
	target "$work" pulling reading 0.7
}
pulling_read() {
	lan_mount lan2 "$URL" cache_size=32G
	prepare_memory $((3 * octets))
	timed read_whole "$TEST_DIR/lan2/large.bin"
	record "$work" reading "$(rate "$octets" "$elapsed")"
	assert_num "$(lan_status lan2 .sources.peer.bytes)" -ge "$octets" 'octets from the peer'
	lan_forget lan2
}
pulling_run() {
	local start
	lan_hosted lan3 --cache-size 32G
	prepare_memory $((3 * octets))
	in_namespace lan1 tests/lib/hosted_client.py offer "$HOSTED" --file "$ORIGIN_DIR/large.bin" \
		--information "$TEST_DIR/large.info" --announce "${place##*:}" --wait nothing >/dev/null &
	wait_until 120 hosted_counts lan3 .pulled.blocks 1
	start=$(awk '{ print $1 }' /proc/uptime)
	wait_until 120 hosted_counts lan3 .pulled.bytes "$octets"
	record "$work" pulling "$(awk -v o="$octets" -v a="$start" '{ print o / ($1 - a) / 1e6 }' /proc/uptime)"
	wait "$!"
	lan_hosted_stop lan3
	rm -rf "$TEST_DIR/hosted-lan3"
}

# ---- offers ----

# Each names a segment that nobody has, at a port where nobody listens: what is measured is taking
# them. Of one address half of the queue is accepted, the others are answered and forgotten.
row_offers() {
	local run work='offers a second, one each message'
	lan_create 2 v4
	for ((run = 0; run < runs; run++)); do
		lan_hosted lan1 --cache-size 1G
		record "$work" ours "$(in_namespace lan2 "$BUILD/tests/bench/retrieval_load" "${HOSTED%:*}" \
			"${HOSTED##*:}" offer 9 "$(scaled 5)" | jq '."blocks/s"')"
		lan_hosted_stop lan1
		rm -rf "$TEST_DIR/hosted-lan1"
	done
	ORIGIN_DIR=$TEST_DIR/none
	lan_remove
	atleast "$work" "$(median "$work" ours)" 5000 'a second'
}

# ---- a large one ----

# 16 million blocks of 64 KiB, made without their octets: what is looked up is the index.
row_terabyte() {
	local says=$TEST_DIR/terabyte.says
	mkdir "$TEST_DIR/terabyte"
	"$BUILD/tests/bench/opaque" "$(scaled 16777216)" "$TEST_DIR/terabyte" | tee "$says"
	record '1 TiB: opening, s' ours "$(terabyte_says opening)"
	record '1 TiB: memory, MiB' ours "$(terabyte_says 'memory, looked')"
	record '1 TiB: looks, held' ours "$(terabyte_says 'looks, held')"
	record '1 TiB: looks, not held' ours "$(terabyte_says 'looks, not held')"
	limit '1 TiB: opening, s' ours 2 s
	limit '1 TiB: memory, MiB' ours 256 MiB
	atleast '1 TiB: looks, held' "$(median '1 TiB: looks, held' ours)" 100000 'a second'
	atleast '1 TiB: looks, not held' "$(median '1 TiB: looks, not held' ours)" 100000 'a second'
	rm -rf "$TEST_DIR/terabyte" "$says"
}
# terabyte_says NAME
terabyte_says() {
	sed -n "s/^$1  *\([0-9.]*\) .*/\1/p" "$says"
}
