# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows about content information: making it, reading it, serving, reading with every block checked
# against it, what an open file with much of it takes, and what asking for it costs on plain origins.

# hash_rate FUNCTION: MB/s of one core, 64 KiB at a time.
hash_rate() {
	openssl speed -evp "$1" -bytes 65536 -seconds 1 -mr 2>/dev/null |
		awk -F: '/^\+F/ { printf "%.1f\n", $4 / 1e6 }'
}

# atleast WORK FIGURE MIN WORDS
atleast() {
	verdicts+=("$(awk -v w="$1" -v v="$2" -v m="$3" -v u="$4" 'BEGIN {
		printf "%s: %.2f %s, target %.2f: %s", w, v, u, m, (v >= m ? "reached" : "NOT REACHED") }')")
}

row_making() {
	local out name clock core cores share
	out=$("$BUILD/tests/bench/content" "$(scaled 512)" "$TEST_DIR")
	echo "$out"
	while IFS=$'\t' read -r name clock core cores; do
		case $name in
		'cutter, portable') atleast "$name" "$core" 1 GB/s ;;
		'cutter, AVX2') atleast "$name" "$core" 2.5 GB/s ;;
		'cutter, AVX-512 and GFNI') atleast "$name" "$core" 5 GB/s ;;
		'version 1 from a file') atleast "$name" "$cores" 0.9 'of all cores hashing' ;;
		'version 2 from a file, cut by content')
			share=0.5
			grep -qw avx2 /proc/cpuinfo && share=0.65
			grep -qw avx512f /proc/cpuinfo && grep -qw gfni /proc/cpuinfo && share=0.8
			atleast "$name" "$cores" "$share" 'of all cores hashing'
			;;
		'reading 1 MiB of version '*) limit_value "$name" "$clock" 5 ms ;;
		esac
	done < <(awk '{ name = substr($0, 1, 38); sub(/ +$/, "", name); $0 = substr($0, 39)
		print name "\t" $1 "\t" $2 "\t" $3 }' <<<"$out")
}

# limit_value WORK VALUE MAX UNIT
limit_value() {
	record "$1" ours "$2"
	limit "$1" ours "$3" "$4"
}

# start_content_server FOLDER: `peerdist serve`, all of it hashed. Sets $URL.
start_content_server() {
	head -c 32 /dev/zero >"$TEST_DIR/serve.key"
	chmod 600 "$TEST_DIR/serve.key"
	"$BUILD/peerdist" publish -r --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes" "$1" >/dev/null
	background "$TEST_DIR/serve.log" "$BUILD/peerdist" serve --listen 127.0.0.1:0 \
		--key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes" "$1"
	SERVER_PID=$background_pid
	until grep -q http "$TEST_DIR/serve.log"; do sleep 0.01; done
	URL=$(grep -o 'http://[^ ]*' "$TEST_DIR/serve.log")
}

row_serve() {
	local octets run work='1 GiB by curl, MB/s' served nginx
	octets=$(scaled 1073741824)
	ORIGIN_DIR=$TEST_DIR/served
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	start_content_server "$ORIGIN_DIR"
	served=$URL
	serve_bench
	nginx=$URL
	for ((run = 0; run < runs; run++)); do
		timed curl -sf --noproxy '*' -o /dev/null "${nginx}large.bin"
		record "$work" curl "$(rate "$octets" "$elapsed")"
		timed curl -sf --noproxy '*' -o /dev/null "${served}large.bin"
		record "$work" ours "$(rate "$octets" "$elapsed")"
	done
	stop_server
	rm -r "$ORIGIN_DIR"
	target "$work" ours curl 0.9
}

# Cold, from `serve` without content information (-o versions=... cannot say none, so from nginx),
# then with version 1 and 2.
row_verified() {
	local octets run version plain hash work='cold 1 GiB, checked, MB/s' served nginx
	octets=$(scaled 1073741824)
	ORIGIN_DIR=$TEST_DIR/verified
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	start_content_server "$ORIGIN_DIR"
	served=$URL
	serve_bench
	nginx=$URL
	for ((run = 0; run < runs; run++)); do
		URL=$nginx verified_cold "$work: plain" compute=off "$octets"
		for version in 1 2; do
			URL=$served verified_cold "$work: version $version" "versions=$version" "$octets"
		done
	done
	stop_server
	forget_system ours
	rm -r "$ORIGIN_DIR"
	plain=$(median "$work: plain" ours)
	for version in 1 2; do
		hash=$(hash_rate "$([ "$version" = 1 ] && echo sha256 || echo sha512)")
		atleast "$work: version $version" "$(median "$work: version $version" ours)" \
			"$(awk -v p="$plain" -v h="$hash" -v c="$(nproc)" \
				'BEGIN { print 0.9 / (1 / p + 1 / (c * h)) }')" MB/s
	done
}

# verified_cold WORK OPTIONS OCTETS
verified_cold() {
	forget_system ours
	prepare_large_source_of "$ORIGIN_DIR/large.bin"
	OURS_OPTIONS=,$2 start_system ours || return 0
	timed read_whole "$TEST_DIR/mnt-ours/large.bin"
	record "$1" ours "$(rate "$3" "$elapsed")"
	stop_system ours
}

prepare_large_source_of() {
	sync
	cat "$1" >/dev/null
}

# What an open file with 64 MiB of content information adds, and how soon its first octet comes.
row_described() {
	local before after pid
	background "$TEST_DIR/big.log" python3 tests/bench/described_origin.py "$TEST_DIR/big.url"
	SERVER_PID=$background_pid
	until [ -s "$TEST_DIR/big.url" ]; do sleep 0.01; done
	URL=$(cat "$TEST_DIR/big.url")
	forget_system ours
	start_system ours || return 0
	pid=${system_pid[ours]}
	head -c 4096 "$TEST_DIR/mnt-ours/small" >/dev/null
	before=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
	exec 9<"$TEST_DIR/mnt-ours/described"
	timed head -c 4096 <&9 >/dev/null
	record '64 MiB of it: first octets, ms' ours "$(awk -v s="$elapsed" 'BEGIN { print s * 1000 }')"
	until [ "$(getfattr --absolute-names -n user.peerdist.version --only-values "$TEST_DIR/mnt-ours/described")" = 2 ]; do
		sleep 0.05
	done
	dd if="$TEST_DIR/mnt-ours/described" of=/dev/null bs=1M skip=50000 count=4
	sleep 3 # what is kept for the reader just behind goes
	after=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
	exec 9<&-
	stop_system ours
	stop_server
	limit_value '64 MiB of it: resident, KiB more' $((after - before)) 4096 KiB
}

# 1,000 large files of a plain origin, of which 4 KiB are read each.
row_plain() {
	local count i
	count=$(scaled 1000)
	ORIGIN_DIR=$TEST_DIR/plain
	mkdir -p "$ORIGIN_DIR"
	head -c 1048576 /dev/urandom >"$ORIGIN_DIR/0"
	for ((i = 1; i < count; i++)); do ln "$ORIGIN_DIR/0" "$ORIGIN_DIR/$i"; done
	serve_bench
	forget_system ours
	start_system ours || return 0
	"$BUILD/tests/bench/smallfiles" "$TEST_DIR/mnt-ours/%d" 0 "$count" 4096 >/dev/null
	record 'plain origin: octets a file read 4 KiB' ours \
		$(($(status_get .requests.origin_bytes "$TEST_DIR/mnt-ours") / count))
	stop_system ours
	stop_server
	rm -r "$ORIGIN_DIR"
}
