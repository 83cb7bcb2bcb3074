# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows about one machine on the LAN and another: the server of blocks alone, reading from a peer,
# how soon the first block comes, what it costs when nobody is there; and a simulation of many.
# Machines are network namespaces: tests/lib/lan.sh.

# lan_content_server [wan MBIT DELAY]: `peerdist serve` of $ORIGIN_DIR, all of it hashed, on the LAN
# or behind a link. Sets $URL.
lan_content_server() {
	local options=(--key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes")
	lan_origin "$@"
	head -c 32 /dev/zero >"$TEST_DIR/serve.key"
	chmod 600 "$TEST_DIR/serve.key"
	"$BUILD/peerdist" publish -r "${options[@]}" "$ORIGIN_DIR" >/dev/null
	find "$ORIGIN_DIR" -type f -exec cat {} + >/dev/null
	lan_serve "$ORIGIN_DIR" "${options[@]}"
}

# After the row: machines, origin and link are gone.
lan_remove() {
	lan_end
	rm -rf "$ORIGIN_DIR" "$TEST_DIR/hashes"
}

# lan_shape NAMESPACE DEVICE MBIT: what leaves by it.
lan_shape() {
	ip netns exec "$1" tc qdisc replace dev "$2" root tbf rate "$3mbit" burst 256kb latency 50ms
}

# spent_by PID...: seconds of processor time so far.
spent_by() {
	local pid
	for pid; do cat /proc/"$pid"/task/*/schedstat; done |
		awk '{ s += $1 } END { printf "%.3f\n", s / 1e9 }'
}
# spent COMMAND...: likewise, of the command.
spent() {
	local TIMEFORMAT='%3U %3S'
	{ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ printf "%.3f\n", $1 + $2 }'
}

# prepare_memory OCTETS: takes as much and gives it back. A virtual machine's memory that was not
# used for a while is the host's to give, page by page, and writing to it takes five times as long.
prepare_memory() {
	head -c "$1" /dev/zero >"/dev/shm/bench-$$" || :
	rm -f "/dev/shm/bench-$$"
}

# cipher_rate [-decrypt]: MB/s of AES-128-CBC, 64 KiB at a time; on core $on_core, if that is set.
cipher_rate() {
	${on_core:+taskset -c "$on_core"} openssl speed -evp aes-128-cbc "$@" -bytes 65536 -seconds 1 \
		-mr 2>/dev/null | awk -F: '/^\+F/ { printf "%.1f\n", $4 / 1e6 }'
}

# ---- the server of blocks ----

# Server and client each have a core. `openssl speed` tells octets by processor time; so the
# server's are told by both, which are the same unless others use its core.
row_retrieval() {
	local run server place cipher='AES-128-CBC, one core, MB/s' work='blocks served, one core, MB/s'
	if [ "$(nproc)" -lt 2 ]; then
		echo 'retrieval: left out: needs two cores'
		return
	fi
	mkfifo "$TEST_DIR/until"
	mkdir "$TEST_DIR/retrieval"
	taskset -c 0 "$BUILD/tests/bench/retrieval_server" "$TEST_DIR/retrieval" \
		<"$TEST_DIR/until" >"$TEST_DIR/retrieval.place" &
	server=$!
	started+=("$server")
	exec 8>"$TEST_DIR/until"
	until [ -s "$TEST_DIR/retrieval.place" ]; do sleep 0.01; done
	read -ra place <"$TEST_DIR/retrieval.place"
	for ((run = 0; run < runs; run++)); do
		record "$cipher" ours "$(on_core=0 cipher_rate)"
		retrieval_run "$server"
	done
	exec 8>&-
	wait "$server" || :
	rm -rf "$TEST_DIR/retrieval" "$TEST_DIR/until"
	atleast "$work" "$(median "$work" ours)" \
		"$(awk -v a="$(median "$cipher" ours)" 'BEGIN { print a / 2 }')" 'MB/s (half of AES-128-CBC)'
}
retrieval_run() {
	local before answer
	before=$(spent_by "$1")
	answer=$(taskset -c 1 "$BUILD/tests/bench/retrieval_load" 127.0.0.1 "${place[@]}" "$(scaled 5)" |
		jq -r '."MB/s"')
	record "$work" ours "$answer"
	record "$work of processor time" ours "$(awk -v r="$answer" -v s="$(scaled 5)" -v a="$before" \
		-v b="$(spent_by "$1")" 'BEGIN { print r * s / (b - a) }')"
}

# ---- from a peer ----

row_peer() {
	local octets run version work
	octets=$(scaled 1073741824)
	ORIGIN_DIR=$TEST_DIR/peer
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	peer_costs
	lan_create 2 v4
	lan_content_server
	for version in 1 2; do
		work="from a peer, version $version, MB/s"
		lan_mount lan1 "$URL" "versions=$version,cache_size=32G"
		read_whole "$TEST_DIR/lan1/large.bin"
		for ((run = 0; run < runs; run++)); do peer_run; done
		lan_forget lan1
		peer_ceiling "$version"
		atleast "$work" "$(median "$work" ours)" 450 MB/s
	done
	lan_remove
}

peer_run() {
	local giver=${mount_pid[$TEST_DIR/lan1]} before
	lan_mount lan2 "$URL" "versions=$version,cache_size=32G"
	# Its cache, its reader's pages, and what is under way.
	prepare_memory $((3 * octets))
	before=$(spent_by "$giver" "$FS_PID")
	timed read_whole "$TEST_DIR/lan2/large.bin"
	record "$work" ours "$(rate "$octets" "$elapsed")"
	record "processor s/GiB, both daemons, version $version" ours "$(awk -v a="$before" \
		-v o="$octets" -v b="$(spent_by "$giver" "$FS_PID")" 'BEGIN { print (b - a) * 2 ^ 30 / o }')"
	assert_eq "$octets" "$(lan_status lan2 .sources.peer.bytes)" 'octets from the peer'
	if [ "$run" = 0 ]; then cmp "$ORIGIN_DIR/large.bin" "$TEST_DIR/lan2/large.bin"; fi
	lan_forget lan2
}

# What no way around is known for, in processor seconds a GiB.
declare -A cost=()
peer_costs() {
	local file=$ORIGIN_DIR/large.bin mount=$TEST_DIR/mnt-passthrough before
	cost[encrypting]=$(cost_of_rate "$(cipher_rate)")
	cost[decrypting]=$(cost_of_rate "$(cipher_rate -decrypt)")
	cost[hash1]=$(cost_of_rate "$(hash_rate sha256)")
	cost[hash2]=$(cost_of_rate "$(hash_rate sha512)")
	cost[exchange]=$(cost_of "$BUILD/tests/bench/retrieval_client" bare $((octets / 65536)) 8)
	cat "$file" >/dev/null
	prepare_memory $((3 * octets))
	cost[reading]=$(cost_of dd if="$file" of=/dev/null bs=64k)
	# One file into another: what the giver's store reads and the taker's writes.
	cost[store]=$(cost_of dd if="$file" of="$ORIGIN_DIR/../peer.copy" bs=64k)
	rm "$ORIGIN_DIR/../peer.copy"
	start_system passthrough || fail 'no pass-through daemon'
	before=$(spent_by "${system_pid[passthrough]}")
	cost[fuse]=$(cost_of read_whole "$mount/large.bin")
	cost[fuse]=$(awk -v c="${cost[fuse]}" -v r="${cost[reading]}" -v o="$octets" -v a="$before" \
		-v b="$(spent_by "${system_pid[passthrough]}")" 'BEGIN { print c + (b - a) * 2 ^ 30 / o - r }')
	stop_system passthrough
}
cost_of_rate() {
	awk -v r="$1" 'BEGIN { printf "%.3f\n", 2 ^ 30 / r / 1e6 }'
}
cost_of() {
	awk -v s="$(spent "$@")" -v o="$octets" 'BEGIN { printf "%.3f\n", s * 2 ^ 30 / o }'
}

# peer_ceiling VERSION
peer_ceiling() {
	local hash=${cost[hash$1]} ceiling
	ceiling=$(printf '%s\n' "${cost[encrypting]}" "${cost[decrypting]}" "$hash" "${cost[exchange]}" \
		"${cost[store]}" "${cost[fuse]}" |
		awk -v n="$(nproc)" '{ s += $1 } END { print n * 2 ^ 30 / 1e6 / s }')
	verdicts+=("from a peer, version $1: ceiling $(printf %.0f "$ceiling") MB/s =" \
		"  $(nproc) cores x 1 GiB / (seconds of processor time a GiB, both sides and the reader:" \
		"  encrypting ${cost[encrypting]} + decrypting ${cost[decrypting]} + hash $hash +" \
		"  bare exchanges of 64 KiB over loopback ${cost[exchange]} +" \
		"  one file into another ${cost[store]} + FUSE and its reader ${cost[fuse]})")
}

# ---- the first block ----

FIRST_FILES=30 FIRST_READS=1000

# The content information is there, since the last octets of each file were read before; the mount
# that reads the first ones is a new one, which knows no neighbour.
row_first() {
	local number
	ORIGIN_DIR=$TEST_DIR/first
	mkdir "$ORIGIN_DIR"
	# Each of its own octets: no segment is known from another file.
	for ((number = 0; number < FIRST_FILES; number++)); do
		make_octets "$ORIGIN_DIR/$number" 2097152 "$number"
	done
	make_file "$ORIGIN_DIR/long" $(((FIRST_READS + 1) * 65536))
	lan_create 2 v4
	lan_content_server
	lan_mount lan1 "$URL"
	cat "$TEST_DIR"/lan1/* >/dev/null
	lan_mount lan2 "$URL"
	for number in "$TEST_DIR"/lan2/*; do
		tail -c 1 "$number" >/dev/null
		wait_until 20 has_version "$number" 2
	done
	umount_fs "$TEST_DIR/lan2"
	lan_again lan2
	first_reads
	assert_eq 0 "$(lan_status lan2 .sources.origin.bytes)" 'octets from the origin'
	assert_num "$(lan_status lan2 .discovery.probes)" -ge $FIRST_FILES 'Probes'
	umount_fs "$TEST_DIR/lan2"
	umount_fs "$TEST_DIR/lan1"
	rm -rf "$TEST_DIR"/cache-lan?
	lan_remove
	limit 'first 64 KiB from a peer, ms' ours 60 ms
	# Less than an answer to a Probe takes (1 to 65 ms).
	limit 'following 64 KiB, 99th percentile, ms' ours 10 ms
}
first_reads() {
	local name value
	while IFS=$'\t' read -r name value; do record "$name" ours "$value"; done < <(python3 -c '
import os, sys, time
def timed(descriptor, place):
    before = time.perf_counter()
    assert len(os.pread(descriptor, 65536, place)) == 65536
    return 1000 * (time.perf_counter() - before)
for number in range(int(sys.argv[2])):
    descriptor = os.open(f"{sys.argv[1]}/{number}", os.O_RDONLY)
    print("first 64 KiB from a peer, ms", timed(descriptor, 0), sep="\t")
    os.close(descriptor)
# Each read is one of the daemon, not of the read-ahead of the kernel.
descriptor = os.open(f"{sys.argv[1]}/long", os.O_RDONLY | os.O_DIRECT)
timed(descriptor, 0)
times = sorted(timed(descriptor, 65536 * (1 + i)) for i in range(int(sys.argv[3])))
for name, share in (("median", 0.5), ("99th percentile", 0.99), ("longest", 1)):
    place = max(0, round(share * len(times)) - 1)
    print(f"following 64 KiB, {name}, ms", times[place], sep="\t")
' "$TEST_DIR/lan2" $FIRST_FILES $FIRST_READS)
}

# ---- nobody there ----

# Over 1 Gbit/s the target counts; over a veth, as fast as the machine, it is for information.
row_alone() {
	local octets run mode wire
	octets=$(scaled 1073741824)
	ORIGIN_DIR=$TEST_DIR/alone
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	lan_create 1 v4
	lan_content_server
	for wire in 'a veth' '1 Gbit/s'; do
		if [ "$wire" = '1 Gbit/s' ]; then lan_shape origin eth0 1000; fi
		for ((run = 0; run < runs; run++)); do
			for mode in local distributed; do
				lan_mount lan1 "$URL" "mode=$mode,cache_size=32G"
				prepare_memory $((3 * octets))
				timed read_whole "$TEST_DIR/lan1/large.bin"
				record "no peer, $wire, $mode, MB/s" ours "$(rate "$octets" "$elapsed")"
				lan_forget lan1
			done
		done
	done
	lan_remove
	atleast 'no peer, 1 Gbit/s' "$(alone_share '1 Gbit/s')" 0.97 'x local'
	verdicts+=("no peer, a veth, for information: $(alone_share 'a veth') x local")
}
alone_share() {
	awk -v d="$(median "no peer, $1, distributed, MB/s" ours)" \
		-v l="$(median "no peer, $1, local, MB/s" ours)" 'BEGIN { printf "%.3f\n", d / l }'
}

# ---- a thousand ----

# It takes a quarter of an hour or more; with a smaller file less.
row_simulation() {
	local apart
	for apart in together 1; do
		echo "simulation, started $apart (s apart):"
		"$BUILD/tests/bench/simulation" --nodes 1000 --size "$(scaled 16)" --start "$apart"
	done
}
