# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows about names: a large listing without its origin, memory and start with a million entries.
# Only ours: the others keep no names over the origin's end.

row_list() {
	local count run mount=$TEST_DIR/mnt-ours
	count=$(scaled 100000)
	ORIGIN_DIR=$TEST_DIR/list
	mkdir -p "$ORIGIN_DIR/many"
	make_small "$ORIGIN_DIR/many" "$count" 0
	serve_bench
	forget_system ours
	if start_system ours; then
		timed ls -l "$mount/many" >"$TEST_DIR/ls.first"
		record 'ls -l of the large folder, first, s' ours "$elapsed"
		stop_server
		for ((run = 0; run < runs; run++)); do
			timed ls -l "$mount/many" >"$TEST_DIR/ls.second"
			record 'the same without origin, s' ours "$elapsed"
		done
		cmp "$TEST_DIR/ls.first" "$TEST_DIR/ls.second"
		assert_eq $((count + 1)) "$(wc -l <"$TEST_DIR/ls.second")" 'lines of ls -l'
		strace -f -o "$TEST_DIR/trace" -e trace=getxattr,lgetxattr ls -l "$mount/many" >/dev/null
		record 'getxattr calls of ls' ours "$(grep -c getxattr "$TEST_DIR/trace" || :)"
		stop_system ours
	else
		stop_server
	fi
	timed ls -l "$ORIGIN_DIR/many" >/dev/null
	record 'the same without origin, s' disk "$elapsed"
	forget_system ours
	rm -r "$ORIGIN_DIR"
	limit 'the same without origin, s' ours 0.6 s
	limit 'getxattr calls of ls' ours 10 calls
}

# A thousand folders of a thousand files of 20 octets.
row_memory() {
	local folders
	folders=$(scaled 1000)
	ORIGIN_DIR=$TEST_DIR/million
	mkdir -p "$ORIGIN_DIR"
	make_million "$folders"
	serve_bench
	forget_system ours
	if start_system ours; then
		find "$TEST_DIR/mnt-ours" -type f -print0 | xargs -0 -n 1000 -P 4 cat >/dev/null
		stop_system ours
		stop_server
		measure_million "$folders"
	else
		stop_server
	fi
	forget_system ours
	rm -r "$ORIGIN_DIR"
	limit 'remount with it all cached, s' ours 1 s
	limit 'resident after 1,000 reads, MiB' ours 64 MiB
	limit 'resident after all lookups, MiB' ours 256 MiB
}

make_million() {
	local folder
	for ((folder = 0; folder < $1; folder++)); do
		mkdir "$ORIGIN_DIR/$folder"
	done
	python3 -c '
import os, sys
root, folders = sys.argv[1], int(sys.argv[2])
for folder in range(folders):
    for number in range(1000):
        with open(f"{root}/{folder}/{number}", "w") as file:
            file.write(f"{folder:9} {number:9}\n")
        # Old enough for Last-Modified to be a validator.
        os.utime(file.name, (1500000000, 1500000000))
' "$ORIGIN_DIR" "$1"
}

measure_million() {
	local mount=$TEST_DIR/mnt-ours read
	timed start_system ours || return 0
	timed_status "$mount"
	record 'remount with it all cached, s' ours "$elapsed"
	read=$(($1 < 1000 ? $1 : 1000))
	"$BUILD/tests/bench/smallfiles" "$mount/%d/7" 0 "$read" >/dev/null
	record 'resident after 1,000 reads, MiB' ours "$(resident_mib "${system_pid[ours]}")"
	timed find "$mount" -type f -size +0 -printf x >"$TEST_DIR/found"
	assert_eq $(($1 * 1000)) "$(wc -c <"$TEST_DIR/found")" 'files found'
	record 'looking all of them up, s' ours "$elapsed"
	record 'resident after all lookups, MiB' ours "$(resident_mib "${system_pid[ours]}")"
	stop_system ours
}

# Adds the first answer to what the mount took.
timed_status() {
	local mounting=$elapsed
	timed cat "$1/.peerdist/status" >/dev/null
	elapsed=$(awk -v a="$mounting" -v b="$elapsed" 'BEGIN { print a + b }')
}

resident_mib() {
	awk '/^VmRSS/ { printf "%.1f\n", $2 / 1024 }' "/proc/$1/status"
}
