#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The verb serve: what is wrong is said in one line and by the exit status, and signals end it.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl

mkdir "$TEST_DIR/tree"
echo content >"$TEST_DIR/tree/file"
# ends STATUS REGEX WORDS...: of serve with these words.
ends() {
	local expected=$1 regex=$2 message status=0
	shift 2
	message=$(timeout 20 "$BUILD/peerdist" serve --listen 127.0.0.1:0 --key "$TEST_DIR/key" \
		--hashes "$TEST_DIR/hashes" "$@" 2>&1 >/dev/null) || status=$?
	assert_eq "$expected" "$status" "status of $*"
	assert_match "$regex" "$message"
	assert_eq 1 "$(printf '%s\n' "$message" | wc -l)" "lines of '$message'"
}
ends 2 'one directory'
ends 2 'one directory' "$TEST_DIR/tree" "$TEST_DIR/tree"
ends 2 'unknown option' --nothing "$TEST_DIR/tree"
ends 2 'needs a value' "$TEST_DIR/tree" --key
ends 2 'versions' --versions 3 "$TEST_DIR/tree"
ends 2 'versions' --versions 1, "$TEST_DIR/tree"
ends 2 'min-size' --min-size 0 "$TEST_DIR/tree"
ends 2 'min-size' --min-size 5% "$TEST_DIR/tree"
ends 2 'belong together' --tls-cert "$TEST_DIR/x" "$TEST_DIR/tree"
ends 1 'nothing.*No such file' "$TEST_DIR/nothing"
ends 1 'tree/file.*Not a directory' "$TEST_DIR/tree/file"
ends 1 'x.pem' --tls-cert "$TEST_DIR/x.pem" --tls-key "$TEST_DIR/x.pem" "$TEST_DIR/tree"
ends 2 'listen 127.0.0.1:x: no place' --listen 127.0.0.1:x "$TEST_DIR/tree"
ends 1 '192.0.2.1' --listen 192.0.2.1:0 "$TEST_DIR/tree"
ends 1 'key' --key "$TEST_DIR/tree" "$TEST_DIR/tree"
ends 1 'hashes|tree/file' --hashes "$TEST_DIR/tree/file" "$TEST_DIR/tree"
assert_match 'usage: peerdist serve' "$("$BUILD/peerdist" serve --help)" '--help'

# Both signals, also while a client is there and while hashes are being made.
make_octets "$TEST_DIR/tree/large" 200000000 1
for signal in TERM INT; do
	start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes-$signal"
	exec {client}<>"/dev/tcp/127.0.0.1/${SERVE_ADDRESS##*:}"
	printf 'GET /large HTTP/1.1\r\nHost: x\r\n\r\n' >&"$client"
	read -r line <&"$client"
	assert_match '200' "$line"
	kill -s "$signal" "$SERVER_PID"
	status=0
	wait_for_end "$SERVER_PID" || status=$?
	assert_eq 0 "$status" "status after SIG$signal"
	exec {client}>&-
done

# An address that is in use is named.
start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
ends 1 "$SERVE_ADDRESS.*in use" --listen "$SERVE_ADDRESS" "$TEST_DIR/tree"
stop_server

# Where key and hashes are by themselves, for somebody who is not root.
requires_root
mkdir -m 700 "$TEST_DIR/home"
chown 65534:65534 "$TEST_DIR/home"
server_log=$TEST_DIR/nobody.log
background "$server_log" setpriv --reuid 65534 --regid 65534 --clear-groups env "HOME=$TEST_DIR/home" \
	XDG_STATE_HOME= XDG_CACHE_HOME="$TEST_DIR/home/xdg" "$BUILD/peerdist" serve --listen 127.0.0.1:0 \
	--min-size 1 "$TEST_DIR/tree"
SERVER_PID=$background_pid
wait_until 20 grep -q serving "$server_log"
assert_eq '600 65534' "$(stat -c '%a %u' "$TEST_DIR/home/.local/state/peerdistfs/secret.key")" 'key'
assert_eq '700 65534' "$(stat -c '%a %u' "$TEST_DIR/home/xdg/peerdistfs/hashes")" 'hashes'
stop_server
