# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The file systems that are measured, behind one set of calls: start_system NAME, stop_system NAME,
# forget_system NAME (its cache). They show $URL, the pass-through daemons $ORIGIN_DIR, at
# $TEST_DIR/mnt-NAME. $FS_IN: words that run a command elsewhere, as $SERVER_IN.

FS_IN=()
declare -A system_pid=() system_message=()

# system_command NAME: sets command.
system_command() {
	local mount=$TEST_DIR/mnt-$1 cache=$TEST_DIR/cache-$1
	case $1 in
	ours) command=("$DAEMON" -f -o
		"cache=$cache,cache_size=32G,key=$TEST_DIR/secret.key,mode=local${OURS_OPTIONS:-}" "$URL" "$mount") ;;
	passthrough) command=("$BUILD/tests/bench/passthrough" "$ORIGIN_DIR" "$mount") ;;
	splice) command=("$BUILD/tests/bench/passthrough" --splice "$ORIGIN_DIR" "$mount") ;;
	rclone) command=(rclone mount --read-only --vfs-cache-mode full --cache-dir "$cache"
		--config "$cache/rclone.conf" --http-url "$URL" :http: "$mount") ;;
	httpdirfs) command=(httpdirfs -f --cache --cache-location "$cache" "$URL" "$mount") ;;
	esac
}

# start_system NAME: status 1, and $system_message says why, when it is not to be had.
start_system() {
	local name=$1 mount=$TEST_DIR/mnt-$1 log=$TEST_DIR/$1.log command
	system_command "$name"
	if ! command -v "${command[0]}" >/dev/null; then
		system_message[$name]='not built'
		case $name in rclone | httpdirfs) system_message[$name]='not installed' ;; esac
		return 1
	fi
	mkdir -p "$mount" "$TEST_DIR/cache-$name"
	chmod 700 "$TEST_DIR/cache-$name"
	background "$log" env "HOME=$TEST_DIR" "${FS_IN[@]}" "${command[@]}"
	system_pid[$name]=$background_pid
	until mountpoint -q "$mount"; do
		if ! alive "$background_pid"; then
			system_message[$name]="does not mount: $(tail -n 1 "$log")"
			return 1
		fi
		sleep 0.005
	done
}

stop_system() {
	local mount=$TEST_DIR/mnt-$1
	fusermount3 -u "$mount" 2>/dev/null || umount -l "$mount" || :
	# A crash of ours is worth a word; the others' ways to end are their own affair.
	wait_for_end "${system_pid[$1]}" || [ "$1" != ours ] || echo 'ours did not end with status 0' >&2
	unset "system_pid[$1]"
}

stop_all_systems() {
	local name
	for name in "${!system_pid[@]}"; do stop_system "$name" || :; done
}

forget_system() {
	rm -rf "$TEST_DIR/cache-$1"
}

# usable NAME: whether it has not failed so far.
usable() {
	[ -z "${system_message[$1]:-}" ]
}

# unusable NAME WORDS...: it is left out from now on, with these words.
unusable() {
	system_message[$1]=${*:2}
}

# prepare_pages FOLDER...: the state of the page cache that "warm" means; nothing is left to write.
prepare_pages() {
	sync
	if [ "$pages" = cold ]; then
		echo 3 >/proc/sys/vm/drop_caches
	else
		find "$@" -type f -exec cat {} + >/dev/null
	fi
}
