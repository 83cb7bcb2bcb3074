#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A whole life of a mount, on this machine alone: an origin on loopback, a cold read, a read with
# the origin stopped, a flush. Everything lies in one temporary directory and is gone at the end,
# also after Ctrl-C. As root it first installs the packages that are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" = 0 ]; then tests/deps install build test; fi
make "-j$(nproc)" all
BUILD=${BUILD:-$PWD/build}
PATH=$PATH:/usr/sbin:/sbin
TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/peerdistfs-demo-XXXXXX")
chmod 755 "$TEST_DIR"

. tests/lib/assert.sh
. tests/lib/process.sh
. tests/lib/servers.sh
. tests/lib/mounts.sh

clean_up() {
	local status=$1
	(finish "$status") || :
	rm -rf "$TEST_DIR"
	exit "$status"
}
trap 'clean_up $?' EXIT
trap 'exit 130' INT TERM HUP

step() {
	printf '\n\033[1m%s\033[0m\n' "$*"
}
# show COMMAND: prints it and does it.
show() {
	echo "  \$ $*"
	"$@"
}

# read_all: every file to its end; says how long it took.
read_all() {
	local start=$EPOCHREALTIME
	find "$MOUNT" -type f -exec cat {} + | wc -c | awk -v a="$start" \
		'{ "date +%s.%N" | getline b; printf "  %.1f MB in %.2f s\n", $1 / 1e6, b - a }'
}

# where_from: what readers were given since the last call, by source.
declare -A given=()
where_from() {
	local source bytes blocks
	printf '  %-8s %14s %10s\n' 'from' 'octets' 'blocks'
	while read -r source bytes blocks; do
		printf '  %-8s %14d %10d\n' "$source" $((bytes - ${given[$source/bytes]:-0})) \
			$((blocks - ${given[$source/blocks]:-0}))
		given[$source/bytes]=$bytes given[$source/blocks]=$blocks
	done < <(status_get '.sources | to_entries[] | "\(.key) \(.value.bytes) \(.value.blocks)"')
}
cache_line() {
	status_get '.cache | "  in the cache: \(.used) octets of at most \(.limit), \(.contents) files"'
}

requires_fuse
step 'An origin: nginx on loopback, over a tree of a few hundred files, some of them large'
make_tree "$TEST_DIR/origin"
start_nginx "$TEST_DIR/origin"
echo "  $URL: $(find "$TEST_DIR/origin" -type f -printf x | wc -c) files," \
	"$(du -sh "$TEST_DIR/origin" | cut -f1)"

step 'Mounted'
MOUNT=$TEST_DIR/mnt
echo "  \$ peerdistfs $URL $MOUNT"
mount_fs "$URL" "$MOUNT"
show ls "$MOUNT"

step 'Read once: it comes from the origin'
read_all
where_from
show diff -r "$TEST_DIR/origin" "$MOUNT"
echo '  every file is as it is at the origin'

step 'Unmounted, mounted again, origin stopped, read again: it comes from the cache'
umount_fs "$MOUNT"
stop_server
mount_again "$MOUNT"
given=()
read_all
where_from
show diff -r "$TEST_DIR/origin" "$MOUNT"
echo '  the same, without an origin'
cache_line

step 'Flushed through the control directory'
echo "  \$ echo clear > $MOUNT/.peerdist/admin"
admin clear | sed 's/^/  /'
cache_line
if cat "$MOUNT/large-00.bin" >/dev/null 2>&1; then fail 'read something that is nowhere'; fi
echo '  nothing is left to read without the origin'
restart_server
wait_until 60 cat "$MOUNT/large-00.bin"
echo '  with the origin back, it is read again'

umount_fs "$MOUNT"
stop_server

step 'The same tree by peerdist serve: now the origin vouches for every block'
show "$BUILD/peerdist" key new --key "$TEST_DIR/serve.key"
show "$BUILD/peerdist" publish -r --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes" "$TEST_DIR/origin"
background "$TEST_DIR/serve.log" "$BUILD/peerdist" serve --listen 127.0.0.1:0 \
	--key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes" "$TEST_DIR/origin"
SERVER_PID=$background_pid
wait_until 20 grep -q http "$TEST_DIR/serve.log"
sed 's/^/  /' "$TEST_DIR/serve.log"
URL=$(grep -o 'http://.*' "$TEST_DIR/serve.log")
MOUNT=$TEST_DIR/vouched
mount_fs "$URL" "$MOUNT"
given=()
read_all
where_from
largest=$(cd "$MOUNT" && find . -type f -printf '%s %P\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
show getfattr --absolute-names -n user.peerdist.version "$MOUNT/$largest"
show "$BUILD/peerdist" info get "$MOUNT/$largest" -o "$TEST_DIR/largest.info"
echo "  \$ peerdist info show $TEST_DIR/largest.info | head -n 14"
"$BUILD/peerdist" info show "$TEST_DIR/largest.info" >"$TEST_DIR/largest.txt"
head -n 14 "$TEST_DIR/largest.txt" | sed 's/^/  /'
show "$BUILD/peerdist" info verify "$TEST_DIR/largest.info" "$TEST_DIR/origin/$largest"

step 'Cleaning up'
