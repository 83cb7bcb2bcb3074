#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures ours beside others, in one run on one machine, and prints a table; ratios are what
# counts. run.sh [ROW...], ROW one of: large small reread wan list memory making serve verified
# described plain retrieval peer first alone sixteen crowd api opaque pulling offers terabyte, which are
# all made when none is named, in half an hour or more; and simulation, a thousand machines, which alone takes longer. As root.
#   BENCH_SCALE=0.1   smaller works, for a quick look (default 1: the figures of the targets)
#   BENCH_RUNS=5      alternating runs of which the median is taken
#   BENCH_PAGES=hot   "warm" reads find the files below each cache in the page cache: what is
#                     measured is the file system; cold: the page cache is emptied, and the disk is
#   BENCH_DIR=/var/tmp
# What would make the figures worthless: other load on the machine (the load is printed), a
# sanitizer's build, a disk that throttles, less free memory than four times the largest file.
set -euo pipefail

if [ -z "${BENCH_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes namespaces and mounts" >&2; exit 1; }
	cd "$(dirname "$0")/../.."
	TEST_DIR=$(mktemp -d "${BENCH_DIR:-/var/tmp}/peerdistfs-bench-XXXXXX")
	chmod 755 "$TEST_DIR"
	trap 'rm -rf "$TEST_DIR"' EXIT
	trap 'kill -KILL "$inside" 2>/dev/null; wait "$inside"; exit 130' INT TERM HUP
	export TEST_DIR BENCH_INSIDE=1 TEST_ISOLATED=1 BUILD=${BUILD:-$PWD/build} LC_ALL=C.UTF-8
	unshare --mount --net --pid --fork --kill-child --mount-proc "$0" "$@" &
	inside=$!
	wait "$inside"
	exit
fi

PATH=$PATH:/usr/sbin:/sbin
. tests/lib/assert.sh
. tests/lib/process.sh
. tests/lib/servers.sh
. tests/lib/mounts.sh
. tests/lib/network.sh
. tests/bench/systems.sh
. tests/bench/table.sh
. tests/bench/rows_throughput.sh
. tests/bench/rows_names.sh
. tests/bench/rows_information.sh
. tests/lib/lan.sh
. tests/bench/rows_peers.sh
. tests/bench/rows_crowd.sh
. tests/bench/rows_api.sh
. tests/bench/rows_hosted.sh
trap 'status=$?; stop_all_systems; finish "$status"' EXIT
trap 'exit 130' INT TERM HUP
ip link set lo up

scale=${BENCH_SCALE:-1}
runs=${BENCH_RUNS:-5}
pages=${BENCH_PAGES:-hot}
# scaled NUMBER: at least 1
scaled() {
	awk -v n="$1" -v s="$scale" 'BEGIN { n = int(n * s); print n < 1 ? 1 : n }'
}

if [ $# = 0 ]; then
	set -- large small reread wan list memory making serve verified described plain \
		retrieval peer first alone sixteen crowd api opaque pulling offers terabyte
fi
print_circumstances
for row; do
	declare -F "row_$row" >/dev/null || { echo "no row '$row'" >&2; exit 2; }
	"row_$row"
done
print_table
