#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A whole life of a mount, on this machine alone: an origin on loopback, a cold read, a read with
# the origin stopped, a flush, an origin that vouches for every block; and two machines on a LAN, of
# which the second reads what the first has read. With HOSTED=1 in the environment: also a branch with
# a hosted cache, which remembers for three machines. Everything lies in one temporary directory and is
# gone at the end, also after Ctrl-C. As root it first installs the packages that are missing, and
# all the rest happens in namespaces of its own; without them the two machines are left out.
set -euo pipefail

if [ -z "${DEMO_INSIDE:-}" ]; then
	cd "$(dirname "$0")/.."
	if [ "$(id -u)" = 0 ]; then tests/deps install build test; fi
	make "-j$(nproc)" all build/tests/link
	TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/peerdistfs-demo-XXXXXX")
	chmod 755 "$TEST_DIR"
	trap 'rm -rf "$TEST_DIR"' EXIT
	trap 'kill -s "$end" "$inside"; wait "$inside" || :; exit 130' INT TERM HUP
	export TEST_DIR DEMO_INSIDE=1 BUILD=${BUILD:-$PWD/build}
	isolate=(unshare --mount --net --pid --fork --kill-child --mount-proc)
	if "${isolate[@]}" true 2>/dev/null; then
		export TEST_ISOLATED=1
		end=KILL # all that is in the namespaces goes with them
	else
		isolate=() end=TERM
	fi
	"${isolate[@]}" "$0" &
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
. tests/lib/lan.sh
wanted_hosted=${HOSTED:-}
. tests/lib/hosted.sh
trap 'finish $?' EXIT
trap 'exit 130' INT TERM HUP

step() {
	printf '\n\033[1m%s\033[0m\n' "$*"
}
# show COMMAND: prints it and does it.
show() {
	{
		echo "\$ $*"
		"$@"
	} | sed "s,$TEST_DIR/,,g; /./s/^/  /"
}
peerdist() {
	"$BUILD/peerdist" "$@"
}

# read_all: every file to its end; says how long it took, and what readers were given by whom.
read_all() {
	local start=$EPOCHREALTIME
	find "$MOUNT" -type f -exec cat {} + | wc -c | awk -v a="$start" \
		'{ "date +%s.%N" | getline b; printf "  %.1f MB in %.2f s\n", $1 / 1e6, b - a }'
	status_get '.sources | to_entries[] | select(.value.bytes > 0) |
		"  from \(.key): \(.value.bytes) octets, \(.value.blocks) blocks"'
}
cache_line() {
	status_get '.cache | "  in the cache: \(.used) octets of at most \(.limit), \(.contents) files"'
}

# ---- one machine ----

life_of_a_mount() {
	step 'An origin: nginx on loopback, over a tree of a few hundred files, some of them large'
	make_tree "$tree"
	start_nginx "$tree"
	echo "  $URL: $(find "$tree" -type f -printf x | wc -c) files, $(du -sh "$tree" | cut -f1)"

	step 'Mounted'
	MOUNT=$TEST_DIR/mnt
	echo "  \$ peerdistfs $URL mnt"
	mount_fs "$URL" "$MOUNT"
	show ls "$MOUNT"

	step 'Read once: it comes from the origin'
	read_all
	show diff -r "$tree" "$MOUNT"
	echo '  every file is as it is at the origin'

	step 'Unmounted, mounted again, origin stopped, read again: it comes from the cache'
	umount_fs "$MOUNT"
	stop_server
	mount_again "$MOUNT"
	read_all
	show diff -r "$tree" "$MOUNT"
	echo '  the same, without an origin'
	cache_line

	step 'Flushed through the control directory'
	echo "  \$ echo clear > mnt/.peerdist/admin"
	admin clear | sed 's/^/  /'
	cache_line
	if cat "$MOUNT/large-00.bin" >/dev/null 2>&1; then fail 'read something that is nowhere'; fi
	echo '  nothing is left to read without the origin'
	restart_server
	wait_until 60 cat "$MOUNT/large-00.bin"
	echo '  with the origin back, it is read again'
	umount_fs "$MOUNT"
	stop_server
}

vouched_for() {
	local file=large-11.bin
	step 'The same tree by peerdist serve: now the origin vouches for every block'
	show peerdist key new --key "$TEST_DIR/serve.key"
	show peerdist publish -r "${serve_options[@]}" "$tree"
	start_serve "$tree" "${serve_options[@]}"
	MOUNT=$TEST_DIR/vouched
	mount_fs "$URL" "$MOUNT"
	read_all
	show getfattr --absolute-names -n user.peerdist.version "$MOUNT/$file"
	show peerdist info get "$MOUNT/$file" -o "$TEST_DIR/file.info"
	show peerdist info show "$TEST_DIR/file.info" | awk 'NR < 15'
	show peerdist info verify "$TEST_DIR/file.info" "$tree/$file"
	umount_fs "$MOUNT"
	stop_server
}

# ---- two machines ----

LINK_MBIT=40 LINK_DELAY=15 # each way, ms

# Why there cannot be two machines, or nothing.
no_machines() {
	if [ "$(id -u)" != 0 ]; then
		echo 'this is not root'
	elif [ -z "${TEST_ISOLATED:-}" ]; then
		echo 'no namespaces are to be had'
	elif ! command -v ip >/dev/null; then
		echo 'there is no ip'
	elif ! [ -w /dev/net/tun ]; then
		echo 'there is no /dev/net/tun'
	fi
}

# machine_reads NODE peer|hosted: a line of the table.
machine_reads() {
	local before start end
	before=$(link_octets)
	start=$EPOCHREALTIME
	cat "$TEST_DIR/$1/backup.tar" >"$TEST_DIR/read"
	end=$EPOCHREALTIME
	lan_status "$1" "\"\(.sources.origin.bytes) \(.sources.$2.bytes)\"" |
		awk -v n="$1" -v a="$start" -v b="$end" -v s="$size" -v l=$(($(link_octets) - before)) '{
			printf "  %-8s %12d %12d %14d %9.2f %8.1f\n", n, $1, $2, l, b - a, s / (b - a) / 1e6 }'
	cmp "$tree/backup.tar" "$TEST_DIR/read"
}
# What came from the origin so far, whatever it was: the link's count.
link_octets() {
	ip -n router -s -j link show wan0 | jq '.[0].stats64.rx.bytes'
}

two_machines() {
	local why size
	step 'Two machines on a LAN, the origin far away'
	why=$(no_machines)
	if [ -n "$why" ]; then
		echo "  left out, since $why"
		return
	fi
	tree=$TEST_DIR/far
	mkdir "$tree"
	make_octets "$tree/backup.tar" 40000000 1
	size=$(stat -c %s "$tree/backup.tar")
	peerdist publish "${serve_options[@]}" "$tree/backup.tar" >/dev/null
	lan_create 2 v4
	lan_origin wan $LINK_MBIT $LINK_DELAY
	lan_serve "$tree" "${serve_options[@]}"
	cat <<-END
		  lan1 10.78.0.1 --+
		                   +-- bridge -- router -- $LINK_MBIT Mbit/s, $((2 * LINK_DELAY)) ms -- ${URL%/}
		  lan2 10.78.0.2 --+
	END
	lan_mount lan1 "$URL"
	lan_mount lan2 "$URL"
	echo "  both read the same file of $size octets, the second when the first has read it"
	printf '\n  %-8s %12s %12s %14s %9s %8s\n' machine 'from origin' 'from peer' 'over the link' \
		seconds MB/s
	machine_reads lan1 peer
	machine_reads lan2 peer
	echo
	show peerdist explain "$TEST_DIR/lan2/backup.tar"
	show peerdist peers "$TEST_DIR/lan2"
	umount_fs "$TEST_DIR/lan2"
	umount_fs "$TEST_DIR/lan1"
}

# ---- a branch with a hosted cache ----

# client_reads NODE: a mount that asks the hosted cache, reads, and leaves; a line of the table.
client_reads() {
	lan_mount "$1" "$URL" "mode=hosted,hosted=$HOSTED"
	machine_reads "$1" hosted
}
branch_with_hosted_cache() {
	local why size
	step 'A branch: three clients, a hosted cache, the origin far away'
	why=$(no_machines)
	if [ -n "$why" ]; then
		echo "  left out, since $why"
		return
	fi
	tree=$TEST_DIR/office
	mkdir "$tree"
	make_octets "$tree/backup.tar" 40000000 2
	size=$(stat -c %s "$tree/backup.tar")
	peerdist publish "${serve_options[@]}" "$tree/backup.tar" >/dev/null
	lan_create 4 v4
	lan_origin wan $LINK_MBIT $LINK_DELAY
	lan_serve "$tree" "${serve_options[@]}"
	lan_hosted lan4
	echo "  \$ peerdist hosted --listen $HOSTED ...      # on lan4"
	echo "  \$ peerdistfs -o hosted=$HOSTED ${URL%/} ...  # on lan1 to lan3"
	printf '\n  %-8s %12s %12s %14s %9s %8s\n' machine 'from origin' 'from cache' 'over the link' \
		seconds MB/s
	client_reads lan1
	wait_until 60 hosted_counts lan4 .pulled.bytes "$size"
	umount_fs "$TEST_DIR/lan1"
	echo '  lan1 has offered what it fetched, the cache has pulled it, and lan1 leaves'
	client_reads lan2
	umount_fs "$TEST_DIR/lan2"
	lan_hosted_stop lan4
	lan_hosted_again lan4
	echo '  the cache is stopped and started again'
	client_reads lan3
	umount_fs "$TEST_DIR/lan3"
	echo
	hosted_status lan4 '"  the cache: \(.cache.used) octets, pulled \(.pulled.bytes), served \(.served.bytes)"'
	lan_hosted_stop lan4
}

requires_fuse
if [ -n "${TEST_ISOLATED:-}" ]; then ip link set lo up; fi
tree=$TEST_DIR/origin
serve_options=(--key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes")
life_of_a_mount
vouched_for
two_machines
if [ -n "$wanted_hosted" ]; then
	if [ -z "$(no_machines)" ]; then lan_end; fi
	branch_with_hosted_cache
fi
step 'Cleaning up'
