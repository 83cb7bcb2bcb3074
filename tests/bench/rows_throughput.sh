# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows about octets: a large file, small files, the second read, a long line.

caches=(ours rclone httpdirfs)

# serve_bench: nginx over $ORIGIN_DIR as fast as it goes.
serve_bench() {
	start_nginx "$ORIGIN_DIR" 'access_log off;' '
		sendfile on; tcp_nopush on; keepalive_requests 10000000;
		open_file_cache max=20000 inactive=10m; open_file_cache_valid 10m;'
}

read_whole() {
	dd if="$1" of=/dev/null bs=1M status=none
}

# make_file PATH OCTETS: random, so that nothing compresses it.
make_file() {
	mkdir -p "$(dirname "$1")"
	openssl enc -aes-128-ctr -nosalt -k bench </dev/zero 2>/dev/null | head -c "$2" >"$1" || :
}

row_large() {
	local octets name run
	octets=$(scaled 1073741824)
	ORIGIN_DIR=$TEST_DIR/large
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	serve_bench
	for ((run = 0; run < runs; run++)); do
		prepare_large_source
		timed curl -sf --noproxy '*' -o /dev/null "${URL}large.bin"
		record 'large file cold, MB/s' curl "$(rate "$octets" "$elapsed")"
		for name in "${caches[@]}"; do
			if usable "$name"; then large_cached "$name" "$octets"; fi
		done
		prepare_pages "$ORIGIN_DIR"
		timed read_whole "$ORIGIN_DIR/large.bin"
		record 'large file warm, MB/s' disk "$(rate "$octets" "$elapsed")"
		for name in passthrough splice; do
			large_read "$name" "$octets" 'large file warm, MB/s' "$ORIGIN_DIR" || :
		done
	done
	stop_server
	for name in "${caches[@]}"; do forget_system "$name"; done
	rm -r "$ORIGIN_DIR"
	target 'large file cold, MB/s' ours rclone 2
	target 'large file warm, MB/s' ours passthrough 0.85
}

prepare_large_source() {
	sync
	cat "$ORIGIN_DIR/large.bin" >/dev/null
}

large_cached() {
	forget_system "$1"
	prepare_large_source
	large_read "$1" "$2" 'large file cold, MB/s' || return 0
	large_read "$1" "$2" 'large file warm, MB/s' "$TEST_DIR/cache-$1" || :
}

# large_read NAME OCTETS WORK [FOLDER of pages to prepare]: in a mount of its own.
large_read() {
	local file=$TEST_DIR/mnt-$1/large.bin
	start_system "$1" || return 1
	if [ $# = 4 ]; then prepare_pages "$4"; fi
	if timed read_whole "$file" 2>"$TEST_DIR/read.err" && [ "$(stat -c %s "$file")" = "$2" ]; then
		record "$3" "$1" "$(rate "$2" "$elapsed")"
		# Figures of wrong octets count for nothing; once is enough to know.
		[ "$run" != 0 ] || cmp "$file" "$ORIGIN_DIR/large.bin" || unusable "$1" 'gives wrong octets'
	else
		unusable "$1" "cannot read: $(tail -n 1 "$TEST_DIR/read.err") $(tail -n 1 "$TEST_DIR/$1.log")"
	fi
	stop_system "$1"
	usable "$1"
}

row_small() {
	local count name run
	count=$(scaled 2000)
	ORIGIN_DIR=$TEST_DIR/small
	mkdir -p "$ORIGIN_DIR/files"
	make_small "$ORIGIN_DIR/files" "$count" 4096
	serve_bench
	for ((run = 0; run < runs; run++)); do
		for name in "${caches[@]}"; do
			usable "$name" || continue
			forget_system "$name"
			small_read "$name" "$count" 'small files cold, files/s' || continue
			small_read "$name" "$count" 'small files warm, files/s' "$TEST_DIR/cache-$name" || :
		done
		for name in passthrough splice; do
			small_read "$name" "$count" 'small files warm, files/s' "$ORIGIN_DIR" || :
		done
		prepare_pages "$ORIGIN_DIR"
		record 'small files warm, files/s' disk \
			"$("$BUILD/tests/bench/smallfiles" "$ORIGIN_DIR/files/%d" 0 "$count")"
	done
	stop_server
	for name in "${caches[@]}"; do forget_system "$name"; done
	rm -r "$ORIGIN_DIR"
	target 'small files cold, files/s' ours rclone 4
	target 'small files warm, files/s' ours rclone 5
}

# make_small FOLDER COUNT OCTETS: files 0 to COUNT-1
make_small() {
	python3 -c '
import os, sys
folder, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
body = os.urandom(size)
for number in range(count):
    with open(os.path.join(folder, str(number)), "wb") as file:
        file.write(body)
    os.utime(file.name, (1500000000 + number, 1500000000 + number))
' "$1" "$2" "$3"
}

# small_read NAME COUNT WORK [FOLDER]
small_read() {
	local figure
	start_system "$1" || return 1
	if [ $# = 4 ]; then prepare_pages "$4"; fi
	if figure=$("$BUILD/tests/bench/smallfiles" "$TEST_DIR/mnt-$1/files/%d" 0 "$2" 2>"$TEST_DIR/read.err"); then
		record "$3" "$1" "$figure"
	else
		unusable "$1" "cannot read: $(tail -n 1 "$TEST_DIR/read.err")"
	fi
	stop_system "$1"
	usable "$1"
}

row_reread() {
	local octets before after work='second read: octets from daemon'
	octets=$(scaled 268435456)
	ORIGIN_DIR=$TEST_DIR/reread
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	serve_bench
	forget_system ours
	if start_system ours; then
		read_whole "$TEST_DIR/mnt-ours/large.bin"
		before=$(status_get '[.sources[].bytes] | add' "$TEST_DIR/mnt-ours")
		read_whole "$TEST_DIR/mnt-ours/large.bin"
		after=$(status_get '[.sources[].bytes] | add' "$TEST_DIR/mnt-ours")
		record "$work" ours $((after - before))
		stop_system ours
	fi
	stop_server
	rm -r "$ORIGIN_DIR"
	limit "$work" ours 0 octets
}

row_wan() {
	local octets run name work='100 Mbit/s, 50 ms: seconds'
	octets=$(scaled 67108864)
	ORIGIN_DIR=$TEST_DIR/wan
	make_file "$ORIGIN_DIR/large.bin" "$octets"
	new_namespace near
	new_namespace far
	wan_link near far 100 25
	SERVER_IN=(in_namespace far) SERVER_ADDRESS=10.77.0.2
	serve_bench
	# nsenter by its own name, since env starts the file systems.
	FS_IN=(nsenter --net=/run/netns/near)
	for ((run = 0; run < runs; run++)); do
		timed in_namespace near curl -sf -o /dev/null "${URL}large.bin"
		record "$work" curl "$elapsed"
		for name in ours rclone; do
			forget_system "$name"
			start_system "$name" || continue
			if timed read_whole "$TEST_DIR/mnt-$name/large.bin"; then record "$work" "$name" "$elapsed"; fi
			stop_system "$name"
		done
	done
	stop_server
	stop_process "$LINK_PID"
	SERVER_IN=() SERVER_ADDRESS=127.0.0.1 FS_IN=()
	ip netns delete near
	ip netns delete far
	rm -r "$ORIGIN_DIR"
	# Speed is the inverse of the time.
	target "$work" curl ours 0.95
}
