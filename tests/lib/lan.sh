# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Several machines on one LAN, each a network namespace of the test's own. For tests that need it:
# . tests/lib/lan.sh, behind lib.sh.
#
#   lan1 eth0 10.78.0.1  fd78::1 --+
#   lan2 eth0 10.78.0.2  fd78::2 --+-- br0 in namespace `lan` --+-- eth0 10.78.0.254 fd78::fe  origin
#   ...                            |                        or  +-- router -- link -- 10.77.0.2 origin
#
# Nothing leads out of it. Link-local addresses are there too where IPv6 is.

. tests/lib/information.sh

LAN_FAMILY=both
lan_size=0
PEER_ASK=tests/lib/peer_ask.py
SECRET=6e6f206d6f72652073656372657473 # of tests/lib/information_origin.py

# lan_create N [v4|v6|both]: the bridge, and lan1 to lanN on it.
lan_create() {
	local number
	lan_size=$1 LAN_FAMILY=${2:-both}
	new_namespace lan
	ip -n lan link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
	ip -n lan link set br0 up
	for ((number = 1; number <= $1; number++)); do lan_join "lan$number" "$number"; done
}

# lan_join NAME NUMBER: one more namespace on the bridge.
lan_join() {
	new_namespace "$1"
	ip -n lan link add "to-$1" type veth peer name eth0 netns "$1"
	ip -n lan link set "to-$1" master br0 up
	if [ "$LAN_FAMILY" = v4 ]; then
		in_namespace "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	else
		# No wait for duplicates of addresses.
		in_namespace "$1" sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	fi
	ip -n "$1" link set eth0 up
	if [ "$LAN_FAMILY" != v6 ]; then ip -n "$1" address add "10.78.0.$2/24" dev eth0; fi
	if [ "$LAN_FAMILY" != v4 ]; then
		ip -n "$1" address add "fd78::$(printf %x "$2")/64" dev eth0 nodad
		wait_until 10 lan_has_link_local "$1"
	fi
}
lan_has_link_local() {
	ip -n "$1" -6 address show dev eth0 scope link -tentative | grep -q fe80
}

# lan_origin [wan MBIT_PER_SECOND DELAY_MS]: a namespace `origin` on the bridge, or behind a link.
# Servers are started there from then on (SERVER_IN, SERVER_ADDRESS). Sets $LINK_PID with a link.
lan_origin() {
	local number
	if [ "${1:-}" = wan ]; then
		lan_join router 254
		new_namespace origin
		wan_link router origin "$2" "$3"
		in_namespace router sysctl -qw net.ipv4.ip_forward=1
		ip -n origin route add 10.78.0.0/24 via 10.77.0.1
		for ((number = 1; number <= lan_size; number++)); do
			ip -n "lan$number" route add 10.77.0.0/24 via 10.78.0.254
		done
		SERVER_ADDRESS=10.77.0.2
	else
		lan_join origin 254
		SERVER_ADDRESS=10.78.0.254
		if [ "$LAN_FAMILY" = v6 ]; then SERVER_ADDRESS='[fd78::fe]'; fi
	fi
	# The process that is started is the server, not a shell that waits for it.
	SERVER_IN=(nsenter --net=/run/netns/origin)
}

# lan_end: the machines, the origin's server and the link go, for another LAN.
lan_end() {
	local name
	stop_server
	if [ -n "${LINK_PID:-}" ]; then stop_process "$LINK_PID"; fi
	for name in $(ip netns list | cut -d' ' -f1); do ip netns delete "$name"; done
	SERVER_IN=() SERVER_ADDRESS=127.0.0.1 LINK_PID=
}

# lan_informed DIR [BEHAVIOURS]: start_informed in the origin's namespace.
lan_informed() {
	start_informed "$@"
}
# lan_serve DIR [OPTION...]: peerdist serve there; sets $URL and $SERVER_PID.
lan_serve() {
	local folder=$1
	shift
	server_number=$((server_number + 1))
	server_log=$TEST_DIR/serve-$server_number.log
	background "$server_log" "${SERVER_IN[@]}" "$BUILD/peerdist" serve \
		--listen "$SERVER_ADDRESS:0" "$@" "$folder"
	SERVER_PID=$background_pid
	wait_until 20 serving_or_died
	URL=$(grep -oE ' on http://[][0-9a-f.:]+:[0-9]+/' "$server_log" | head -n 1) ||
		fail "peerdist serve did not start: $(cat "$server_log")"
	URL=${URL# on }
}

# lan_serves NAME VERSION: whether it has the content information by now.
lan_serves() {
	"${SERVER_IN[@]}" curl -sf --noproxy '*' -o /dev/null -D "$TEST_DIR/served" "$URL$1" \
		-H 'Accept-Encoding: peerdist' -H 'X-P2P-PeerDist: Version=1.1' \
		-H "X-P2P-PeerDistEx: MinContentInformation=$2.0, MaxContentInformation=$2.0" &&
		grep -qi '^Content-Encoding: peerdist' "$TEST_DIR/served"
}

# lan_mount NODE URL [OPTIONS]: a mount of that machine, as NODE below $TEST_DIR, with a cache and a
# key of its own; in mode distributed. Sets $MOUNT, $FS_PID, ...
lan_mount() {
	lan_start "$@"
	wait_until 20 fs_answers_or_died "$MOUNT"
	alive "$FS_PID" || fail "no mount: $(cat "$FS_LOG")"
	lan_listens "$1" || fail "$1 does not listen: $(cat "$FS_LOG")"
}
# The same without waiting.
lan_start() {
	local FS_AS="nsenter --net=/run/netns/$1"
	start_fs -o "mode=distributed,compute=off,key=$TEST_DIR/key-$1${3:+,$3}" "$2" "$TEST_DIR/$1"
}
# lan_again NODE: as it was mounted before.
lan_again() {
	FS_AS="nsenter --net=/run/netns/$1" mount_again "$TEST_DIR/$1"
	lan_listens "$1" || fail "$1 does not listen: $(cat "$FS_LOG")"
}
# Modes without peers have no port.
lan_listens() {
	[ "$(lan_status "$1" '(.mode | contains("distributed") | not) or .listen != null')" = true ]
}
# lan_leave: unmounts all there is; each daemon must end by itself, with status 0 (with a sanitizer:
# without a finding).
lan_leave() {
	local mount
	for mount in "${mounts[@]}"; do
		if [ -n "${mount_pid[$mount]:-}" ]; then umount_fs "$mount"; fi
	done
}
# lan_forget NODE: unmounts, and throws its cache away.
lan_forget() {
	umount_fs "$TEST_DIR/$1"
	rm -rf "$TEST_DIR/cache-$1"
}

# lan_status NODE FILTER
lan_status() {
	status_get "$2" "$TEST_DIR/$1"
}
# lan_admin NODE COMMAND
lan_admin() {
	admin "$2" "$TEST_DIR/$1"
}
# For wait_until: lan_counts NODE FILTER MINIMUM
lan_counts() {
	test "$(lan_status "$1" "$2")" -ge "$3"
}

# lan_place NODE: where its retrieval port is, for peer_ask.py.
lan_place() {
	lan_status "$1" .listen
}

# lan_knows NODE FILE [VERSION]: opens it and waits until its content information is there. The
# first octet is read, so what came with it came from somewhere.
lan_knows() {
	head -c 1 "$TEST_DIR/$1/$2" >/dev/null
	wait_until 20 has_version "$TEST_DIR/$1/$2" "${3:-2}"
}

# lan_ids VERSION FILE: the segment ids of its content, with the origin's secret.
lan_ids() {
	python3 "$MODEL" make --version "$1" --secret "$SECRET" "$2" "$TEST_DIR/ids.info"
	python3 "$MODEL" decode "$TEST_DIR/ids.info" | jq -r '.segments[].id'
}

# lan_script NODE [OPTION...]: a scripted peer there (tests/lib/peer_script.py) with the origin's
# secret; sets $SCRIPT_LOG, $SCRIPT_PID.
script_number=0
lan_script() {
	lan_script_start "$@"
	lan_script_ready
}
# The same in two steps.
lan_script_start() {
	local node=$1
	shift
	requires_cmd python3 jq
	script_number=$((script_number + 1))
	SCRIPT_LOG=$TEST_DIR/script-$script_number.json
	: >"$SCRIPT_LOG"
	background "$TEST_DIR/script-$script_number.log" nsenter --net="/run/netns/$node" \
		tests/lib/peer_script.py --family "$(lan_families)" --log "$SCRIPT_LOG" "$@"
	SCRIPT_PID=$background_pid
}
lan_script_ready() {
	wait_until 20 script_is_ready_or_died
	alive "$SCRIPT_PID" || fail "no peer: $(cat "$TEST_DIR/script-$script_number.log")"
}
script_is_ready_or_died() {
	alive "$SCRIPT_PID" || return 0
	grep -q '"ready"' "$SCRIPT_LOG"
}
lan_families() {
	case $LAN_FAMILY in
	v4) echo 4 ;;
	v6) echo 6 ;;
	*) echo both ;;
	esac
}
# scripted FILTER: how many lines of its log a jq filter selects.
scripted() {
	jq -s "map(select($1)) | length" "$SCRIPT_LOG"
}
# scripted_any FILTER...: those that select a line, in one go.
scripted_any() {
	local number filters=("$@") program=empty
	for number in "${!filters[@]}"; do
		program+=", (if any(.[]; ${filters[number]}) then $number else empty end)"
	done
	for number in $(jq -s "$program" "$SCRIPT_LOG"); do echo "[${filters[number]}]"; done
}
# For wait_until: was_scripted COUNT FILTER
was_scripted() {
	test "$(scripted "$2")" -ge "$1"
}

# lan_ask NODE VERB...: peer_ask.py in that namespace.
lan_ask() {
	local node=$1 verb=$2
	shift 2
	case $verb in
	probe | ipxe | hostile | flood | other) set -- --family "$(lan_families)" "$@" ;;
	esac
	in_namespace "$node" "$PEER_ASK" "$verb" "$@"
}

# resident_kib PID: what it has in memory now; peak_kib: had at most.
resident_kib() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}
peak_kib() {
	awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"
}

# lan_read NODE NAME...: each file is read in the end, and is $tree's.
lan_read() {
	local node=$1 name
	shift
	for name; do
		timeout 60 cat -- "$TEST_DIR/$node/$name" >"$TEST_DIR/read-$node" ||
			fail "$node reads $name: status $?"
		cmp -- "$tree/$name" "$TEST_DIR/read-$node" || fail "$node reads $name: other octets"
	done
}

# What the informed origin has sent: octets of content, whoever asked.
origin_sent() {
	jq -s 'map(select(.event == "answer" and .kind == "content" and .method == "GET") | .bytes) |
		add // 0' "$INFORMED_LOG"
}
# How often content was asked of it, and not its description.
origin_asked() {
	asked '.method == "GET" and .welcome == null and (.path | endswith("/") | not)'
}

# lan_passes_on NAME...: what lan1 has read before, lan2 gets from it, all of it, and the origin is
# not asked for a single octet of it.
lan_passes_on() {
	local before size=0 name
	for name; do size=$((size + $(stat -c %s "$tree/$name"))); done
	before=$(origin_asked)
	lan_read lan2 "$@"
	assert_eq "$size" "$(lan_status lan2 .sources.peer.bytes)" 'octets that lan2 got from peers'
	assert_eq 0 "$(lan_status lan2 .sources.origin.bytes)" 'octets that lan2 got from the origin'
	assert_eq "$before" "$(origin_asked)" 'requests for content at the origin'
	assert_num "$(lan_status lan1 .served.bytes)" -ge "$size" 'octets that lan1 gave'
	assert_num "$(lan_status lan1 .served.blocks)" -gt 0 'blocks that lan1 gave'
	for name in hash checksum peer origin malformed; do
		assert_eq 0 "$(lan_status lan2 ".errors.$name")" "errors of lan2: $name"
		assert_eq 0 "$(lan_status lan1 ".errors.$name")" "errors of lan1: $name"
	done
}

# ---- tables of behaviours ----

HOSTILE_KIB=${HOSTILE_KIB:-120000} # what it needs, and 64 MiB under way
wrong=()

# lan_try NAME VERSION [OPTION... of the scripted peer]: a new peer on lan2 that holds $tree/file (or
# $LAN_HOLDS), and a new mount on lan1 that reads $tree/file. What is not as it must be in any case
# goes to $wrong; what else there is to see is in $seen.
# $LAN_LEAST: octets that must come from the peer; on a busy machine an answer may come too late for
# that, so there are three attempts.
declare -A seen=()
lan_try() {
	local attempt
	for attempt in 1 2 3; do
		lan_try_once "$@"
		[ "${seen[peer]:-0}" -lt "${LAN_LEAST:-0}" ] || return 0
	done
	wrong+=("$1: ${seen[peer]:-0} octets from the peer")
}
lan_try_once() {
	local name=$1 version=$2 status=0 started=$SECONDS
	shift 2
	# Nobody is asked before something is read.
	lan_script_start lan2 --file "${LAN_HOLDS:-$tree/file}" --version "$version" "$@"
	lan_mount lan1 "$URL" "versions=$version,timeout=15"
	lan_script_ready
	timeout "${LAN_PATIENCE:-30}" cat "$TEST_DIR/lan1/file" >"$TEST_DIR/read" || status=$?
	if [ "$status" != 0 ]; then
		wrong+=("$name: not read, status $status")
	elif ! cmp -s "$tree/file" "$TEST_DIR/read"; then
		wrong+=("$name: wrong octets")
	fi
	if alive "$FS_PID"; then
		lan_see
		[ "${seen[kib]}" -le $HOSTILE_KIB ] || wrong+=("$name: ${seen[kib]} KiB")
		umount_fs "$TEST_DIR/lan1"
	else
		wrong+=("$name: the daemon is dead")
		umount -l "$TEST_DIR/lan1"
	fi
	rm -rf "$TEST_DIR/cache-lan1"
	stop_process "$SCRIPT_PID"
	echo "$name: $((SECONDS - started)) s, from the peer ${seen[peer]:-?}, origin ${seen[origin]:-?};" \
		"errors: hash ${seen[hash]:-?} peer ${seen[peer_errors]:-?} malformed ${seen[malformed]:-?};" \
		"${seen[kib]:-?} KiB; asked $(grep -c '"event": "request"' "$SCRIPT_LOG") times"
}
# More may be wrong of NAME.
lan_wrong_unless() {
	local name=$1
	shift
	"$@" || wrong+=("$name: not [${*:2}]")
}
lan_see() {
	local name value
	seen=()
	while read -r name value; do seen[$name]=$value; done < <(lan_status lan1 '
		"peer \(.sources.peer.bytes)", "origin \(.sources.origin.bytes)", "hash \(.errors.hash)",
		"peer_errors \(.errors.peer)", "malformed \(.errors.malformed)",
		"answers \(.discovery.answers)",
		"bad \([.peers[].bad] | add // 0)", "banned \([.peers[] | select(.banned)] | length)"')
	seen[kib]=$(peak_kib "$FS_PID")
}
lan_verdict() {
	[ ${#wrong[@]} = 0 ] || fail "$(printf '%s; ' "${wrong[@]}")"
}

# lan_two_machines FAMILY VERSION: a test of its own. What lan1 has read lan2 reads from it, and the
# origin is asked for none of it.
lan_two_machines() {
	local tree=$TEST_DIR/origin files=(one-block short-block middle large) before
	lan_create 2 "$1"
	lan_origin
	mkdir "$tree"
	make_octets "$tree/one-block" 65536 1
	make_octets "$tree/short-block" 70001 2
	make_octets "$tree/middle" 1234567 3
	# In version 1.0 more than a segment.
	make_octets "$tree/large" $((($2 == 1 ? 36 : 20) * 1000000 + 1)) 4
	lan_informed "$tree"
	lan_mount lan1 "$URL" "versions=$2"
	lan_read lan1 "${files[@]}"
	lan_mount lan2 "$URL" "versions=$2"
	lan_passes_on "${files[@]}"
	assert_num "$(lan_status lan2 .discovery.probes)" -gt 0 'Probes of lan2'
	assert_num "$(lan_status lan2 .discovery.answers)" -gt 0 'answers to lan2'
	assert_num "$(lan_status lan1 .discovery.answered)" -gt 0 'answers of lan1'
	assert_eq 0 "$(lan_status lan2 '[.peers[] | select(.bad > 0 or .banned)] | length')" 'bad peers'
	assert_eq "$(lan_status lan2 .sources.peer.blocks)" "$(lan_status lan2 '[.peers[].blocks] | add')" \
		'blocks of all peers'

	# Read again, it comes from the cache.
	drop_pages "$TEST_DIR/lan2/middle"
	before=$(lan_status lan2 .sources.peer.bytes)
	lan_read lan2 middle
	assert_eq "$before" "$(lan_status lan2 .sources.peer.bytes)" 'octets from peers, later'
	lan_leave
}
