# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows about the API through the control file: a call's round trip, publishing, reading what is
# cached. The program is tests/bench/api.c.

api() { PEERDIST_CONTROL=$TEST_DIR/mnt-ours/.peerdist/control "$BUILD/tests/bench/api" "$@"; }

api_calls() {
	local run work='a call, microseconds'
	start_system passthrough
	for ((run = 0; run < runs; run++)); do
		record "$work" passthrough "$(api empty "$TEST_DIR/mnt-passthrough/large.bin")"
		record "$work" ours "$(api status)"
	done
	stop_system passthrough
	limit_value "$work, of empty ones" \
		"$(awk -v o="$(median "$work" ours)" -v e="$(median "$work" passthrough)" \
			'BEGIN { printf "%.3f\n", o / e }')" 1.5 x
}

api_publishing() {
	local run work='publishing, MB/s'
	for ((run = 0; run < runs; run++)); do
		record "$work" disk "$(api making "$ORIGIN_DIR/large.bin")"
		record "$work" ours "$(api publish "$ORIGIN_DIR/large.bin")"
	done
	target "$work" ours disk 0.7
}

# A new mount has no pages of the file.
api_reading() {
	local run work='cached, by the API and by read(), MB/s' blocks='BlockReads of 64 KiB a second'
	api information "$ORIGIN_DIR/large.bin" "$TEST_DIR/information"
	cat "$TEST_DIR/mnt-ours/large.bin" >/dev/null
	api add "$ORIGIN_DIR/large.bin" "$TEST_DIR/information"
	for ((run = 0; run < runs; run++)); do
		stop_system ours
		start_system ours
		prepare_pages "$TEST_DIR/cache-ours"
		record "$work" ours "$(api stream "$TEST_DIR/information")"
		record "$work" passthrough "$(api read "$TEST_DIR/mnt-ours/large.bin")"
		record "$blocks" ours "$(api blocks "$TEST_DIR/information")"
	done
	target "$work" ours passthrough 0.6
	atleast "$blocks" "$(median "$blocks" ours)" 12000 'a second'
}

# In the table, `disk` is making both versions of content information from a file by as many threads,
# and in the third line `passthrough` is read() through our own mount.
row_api() {
	ORIGIN_DIR=$TEST_DIR/served
	make_file "$ORIGIN_DIR/large.bin" "$(scaled 1073741824)"
	serve_bench
	start_system ours
	api_calls
	api_publishing
	api_reading
	stop_system ours
	stop_server
	forget_system ours
	rm -rf "$ORIGIN_DIR" "$TEST_DIR/information"
}
