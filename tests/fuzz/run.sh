#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs every fuzz target of a folder: run.sh FOLDER RUNS SECONDS. SECONDS, if not empty, stands in
# place of RUNS. New inputs go to FOLDER/found-NAME; a crash is left in FOLDER and fails the run:
# move it to tests/corpus/NAME once it is mended. Status 1 when a target failed.
set -eu

folder=$1 runs=$2 seconds=$3
failed=0 passed=0

for target in "$folder"/fuzz_*; do
	case $target in *.o | *.d | *'*') continue ;; esac
	name=${target##*/fuzz_}
	corpus=tests/corpus/$name
	mkdir -p "$folder/found-$name"
	set -- "$folder/found-$name"
	if [ -d "$corpus" ]; then set -- "$@" "$corpus"; fi
	if [ -f "tests/fuzz/$name.dict" ]; then set -- "$@" "-dict=tests/fuzz/$name.dict"; fi
	if [ -n "$seconds" ]; then
		set -- "$@" "-max_total_time=$seconds"
	else
		set -- "$@" "-runs=$runs"
	fi
	if "$target" -artifact_prefix="$folder/crash-$name-" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 "$@" >"$folder/$name.log" 2>&1; then
		echo "ok      $name: $(grep -a number_of_executed_units "$folder/$name.log")"
		passed=$((passed + 1))
	else
		echo "FAILED  $name, log in $folder/$name.log"
		tail -n 40 "$folder/$name.log"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
