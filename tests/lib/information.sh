# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Origins with content information, and what stands between them and a mount. For tests that need
# them: . tests/lib/information.sh, behind lib.sh.

MODEL=tests/lib/peerdist_model.py

# start_informed DIR [BEHAVIOURS]: see tests/lib/information_origin.py; sets $INFORMED_CONTROL, a URL,
# and $INFORMED_LOG besides.
start_informed() {
	requires_cmd python3 curl jq
	prepare_server informed
	local first=$port
	SERVER_PORT='' choose_port
	INFORMED_CONTROL=http://$SERVER_ADDRESS:$port/
	INFORMED_LOG=$server_dir/requests.json
	printf '%s\n' "${2:-{\}}" >"$server_dir/behaviours.json"
	: >"$INFORMED_LOG"
	# The probe goes to the control port: it comes up first and leaves no line in the log. The
	# other one is listening by then.
	SERVER_PROBE=$INFORMED_CONTROL launch_server tests/lib/information_origin.py \
		--listen "$SERVER_ADDRESS:$first" --control "$SERVER_ADDRESS:$port" \
		--access-log "$ACCESS_LOG" --log "$INFORMED_LOG" "$1" "$server_dir/behaviours.json"
}

# informed_set PATH BEHAVIOUR: from now on (JSON; null takes it away).
informed_set() {
	"${SERVER_IN[@]}" curl -sf --noproxy '*' -X PUT --data-binary "$2" "$INFORMED_CONTROL?path=$1" >/dev/null ||
		fail "the origin refused '$2' for $1"
}

# informed_open NAME: opens a gate.
informed_open() {
	"${SERVER_IN[@]}" curl -sf --noproxy '*' "$INFORMED_CONTROL?open=$1" >/dev/null || fail "no gate $1"
}

# asked FILTER: how many requests a jq filter selects; they count as they come.
# answered FILTER: likewise; they count when the answer ended.
asked() {
	jq -s "map(select(.event == \"request\" and ($1))) | length" "$INFORMED_LOG"
}
answered() {
	jq -s "map(select(.event == \"answer\" and ($1))) | length" "$INFORMED_LOG"
}
# For wait_until: COUNT FILTER.
was_asked() {
	test "$(asked "$2")" -ge "$1"
}
was_answered() {
	test "$(answered "$2")" -ge "$1"
}
# Parts of such filters.
QUESTION='(.method == "GET" and .welcome != null)'
RANGE='(.method == "GET" and .range != null)'

# start_flipping [MODE]: a proxy in front of the last server; see tests/lib/flipping_proxy.py.
# $URL is the proxy's from then on. Sets $FLIP_LOG and $FLIP_CONTROL.
start_flipping() {
	local server=${URL#http://} first
	server=${server%/}
	server_number=$((server_number + 1))
	FLIP_LOG=$TEST_DIR/flips-$server_number.json
	: >"$FLIP_LOG"
	choose_port
	first=$port
	choose_port
	FLIP_CONTROL=http://127.0.0.1:$port/
	background "$TEST_DIR/flipping-$server_number.log" tests/lib/flipping_proxy.py \
		--listen "127.0.0.1:$first" --control "127.0.0.1:$port" --server "$server" \
		--log "$FLIP_LOG" "${1:-{\}}"
	FLIP_PID=$background_pid
	URL=http://127.0.0.1:$first/
	wait_until 20 flipping_or_died
	alive "$FLIP_PID" || fail "no proxy: $(cat "$TEST_DIR/flipping-$server_number.log")"
}
flipping_or_died() {
	alive "$FLIP_PID" || return 0
	curl -sf --noproxy '*' -m 5 -o /dev/null "$URL"
}
# flip_mode MODE
flip_mode() {
	curl -sf --noproxy '*' -X PUT --data-binary "$1" "$FLIP_CONTROL" >/dev/null ||
		fail "the proxy refused '$1'"
}
# flips FILTER: how many octets were flipped.
flips() {
	jq -s "map(select($1)) | length" "$FLIP_LOG"
}

# attribute FILE NAME: user.peerdist.NAME
attribute() {
	getfattr --absolute-names --only-values -n "user.peerdist.$2" "$1" && echo
}
# For wait_until: whether FILE's content information is of VERSION (0: it has none).
has_version() {
	test "$(attribute "$1" version)" = "$2"
}

# make_octets FILE SIZE SEED: random ones, the same each time; as old as a file that is not being
# written any more.
make_octets() {
	python3 -S -c 'import random, sys
with open(sys.argv[1], "wb") as file:
    file.write(random.Random(int(sys.argv[3])).randbytes(int(sys.argv[2])))' "$@"
	touch -d '1 hour ago' "$1"
}

# start_serve DIR|URL [OPTION...]: peerdist serve; sets $URL, $SERVE_ADDRESS, $SERVER_PID.
start_serve() {
	local folder=$1
	shift
	server_number=$((server_number + 1))
	server_log=$TEST_DIR/serve-$server_number.log
	background "$server_log" "$BUILD/peerdist" serve --listen 127.0.0.1:0 "$@" "$folder"
	SERVER_PID=$background_pid
	wait_until 20 serving_or_died
	URL=$(grep -oE ' on http://[0-9.]+:[0-9]+/' "$server_log" | head -n 1) ||
		fail "peerdist serve did not start: $(cat "$server_log")"
	URL=${URL# on }
	SERVE_ADDRESS=${URL#http://}
	SERVE_ADDRESS=${SERVE_ADDRESS%/}
}
serving_or_died() {
	alive "$SERVER_PID" || return 0
	grep -q ' on http://' "$server_log"
}
