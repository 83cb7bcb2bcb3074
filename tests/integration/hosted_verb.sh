#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The verb peerdist hosted: what it takes, what it refuses and how it says so, where it listens, and
# how it ends.
. "$(dirname "$0")/lib.sh"
requires_cmd curl openssl

number=0
cache=(--listen 127.0.0.1:0 --cache "$TEST_DIR/cache")
start_hosted() { # start_hosted [OPTION...]
	number=$((number + 1))
	log=$TEST_DIR/hosted-$number.log
	# shellcheck disable=SC2086 # words
	background "$log" ${AS:-} "$BUILD/peerdist" hosted "${cache[@]}" "$@"
	SERVER_PID=$background_pid
	wait_until 20 says_or_died
	alive "$SERVER_PID" || fail "peerdist hosted did not start: $(cat "$log")"
}
says_or_died() {
	alive "$SERVER_PID" || return 0
	grep -q '^serving' "$log"
}
# ends SIGNAL: of itself, with status 0.
ends() {
	kill -s "$1" "$SERVER_PID"
	wait_for_end "$SERVER_PID" || fail "status after SIG$1"
}
# refused STATUS TEXT OPTION...
refused() {
	local status=0 message
	message=$(timeout 20 ${AS:-} "$BUILD/peerdist" hosted "${@:3}" 2>&1 >"$TEST_DIR/stdout") || status=$?
	assert_eq "$1" "$status" "status of ${*:3}"
	[[ $message == "peerdist: "*"$2"* ]] || fail "message of ${*:3}: $message"
	assert_eq 1 "$(wc -l <<<"$message")" "lines of the message of ${*:3}"
	[ ! -s "$TEST_DIR/stdout" ] || fail "${*:3} wrote to stdout"
}
code() { # code URL [OPTION...]
	curl -s --noproxy '*' -m 10 -o /dev/null -w '%{http_code}' "${@:2}" "$1" || :
}

# Help tells every option, and nothing else happens.
help=$("$BUILD/peerdist" hosted --help)
for option in listen tls-listen tls-cert tls-key tls-old cache cache-size max-age allow plaintext interested \
	young exchanges queue uploads run-as control control-allow-other; do
	assert_match "--$option\b" "$help" help
	grep -qE "^\.It .*Fl -$option( |\$)" fs/peerdist.1 || fail "fs/peerdist.1 lacks --$option"
done

# Wrong usage.
refused 2 'hosted takes options only' "${cache[@]}" here
refused 2 '--tls-cert and --tls-key belong together' "${cache[@]}" --tls-cert "$TEST_DIR/tls.pem"
refused 2 '--tls-listen needs' "${cache[@]}" --tls-listen 127.0.0.1:0
refused 2 '--tls-old needs' "${cache[@]}" --tls-old
refused 2 '--control-allow-other needs --control' "${cache[@]}" --control-allow-other
refused 2 '--cache-size: give octets' "${cache[@]}" --cache-size much
refused 2 '--max-age: give seconds' "${cache[@]}" --max-age old
refused 2 '--young: give a number from 0 to 86400' "${cache[@]}" --young -1
refused 2 '--exchanges: give a number from 1 to 4096' "${cache[@]}" --exchanges 0
refused 2 '--queue: give a number from 1 to' "${cache[@]}" --queue 99999999999999999999
refused 2 '--uploads: give a number from 1 to 16384' "${cache[@]}" --uploads 16385
refused 2 '--allow cache.example: give a network' "${cache[@]}" --allow cache.example
refused 2 '--allow 10.0.0.0/33: give a network' "${cache[@]}" --allow 10.0.0.0/33
refused 2 '--allow 10.1.2.3/8: did you mean 10.0.0.0/8?' "${cache[@]}" --allow 10.1.2.3/8
mapfile -t many < <(printf -- '--listen\n127.0.0.1:%d\n' {1..16})
refused 2 '--listen: at most 16' "${cache[@]}" "${many[@]}"
refused 2 'unknown option `--alow`' "${cache[@]}" --alow 10.0.0.0/8
# What this machine does not give.
refused 2 'no place to listen on' --cache "$TEST_DIR/cache" --listen here:there
refused 2 'run-as nosuchuser: ' "${cache[@]}" --run-as nosuchuser
touch "$TEST_DIR/plain"
refused 1 "cache directory $TEST_DIR/plain cannot be written to: Not a directory; name another" \
	--listen 127.0.0.1:0 --cache "$TEST_DIR/plain"
refused 1 "$TEST_DIR/absent.pem" "${cache[@]}" --tls-listen 127.0.0.1:0 --tls-cert "$TEST_DIR/absent.pem" \
	--tls-key "$TEST_DIR/absent.key"
refused 1 'absent' "${cache[@]}" --control "$TEST_DIR/absent"

# One line says where it is; there the protocol is spoken, and nothing else.
start_hosted --listen '[::1]:0'
line=$(grep '^serving' "$log")
assert_match '^serving a hosted cache on http://127\.0\.0\.1:[0-9]+/ http://\[::1\]:[0-9]+/$' "$line"
read -r four six <<<"${line#* on }"
for url in "$four" "$six"; do
	assert_eq 404 "$(code "$url")" "answer at $url"
	assert_eq 400 "$(code "${url}0131501b-d67f-491b-9a40-c4bf27bcb4d4/" --data-binary short)" "a bad offer at $url"
	assert_eq 404 "$(code "${url}C574AC30-5794-4AEE-B1BB-6651C5315029/" --data-binary x)" \
		"version 1.0 by HTTP at $url"
done
assert_eq 700 "$(stat -c %a "$TEST_DIR/cache")" 'mode of the cache'

# The cache has one owner, who is named.
refused 1 'hosted cache on 127.0.0.1:0' --listen 127.0.0.1:0 --cache "$TEST_DIR/cache"
# And so has a port.
place=${four#http://}
refused 1 "${place%/}" --listen "${place%/}" --cache "$TEST_DIR/other"
# Without a certificate there is nothing to read again, and it goes on.
kill -HUP "$SERVER_PID"
wait_until 10 grep -q 'no certificate to read again' "$log"
assert_eq 404 "$(code "$four")" 'answer after SIGHUP'
ends TERM
start_hosted
ends INT

# Who is not named is not let in.
start_hosted --allow 192.0.2.0/24 --allow 2001:db8::1
read -r url <<<"$(sed -n 's/^serving .* on //p' "$log")"
assert_eq 403 "$(code "${url}0131501b-d67f-491b-9a40-c4bf27bcb4d4/" --data-binary short)" 'an offer of a stranger'
ends TERM
start_hosted --allow 127.0.0.1
read -r url <<<"$(sed -n 's/^serving .* on //p' "$log")"
assert_eq 400 "$(code "${url}0131501b-d67f-491b-9a40-c4bf27bcb4d4/" --data-binary short)" 'an offer of one who may'
ends TERM

# Its usual place is the user's own.
cache=(--listen 127.0.0.1:0)
if [ "$(id -u)" != 0 ]; then
	XDG_CACHE_HOME=$TEST_DIR/home start_hosted
	[ -d "$TEST_DIR/home/peerdistfs/hosted" ] || fail 'no cache in its usual place'
	ends TERM
elif command -v setpriv >/dev/null && id nobody >/dev/null 2>&1; then
	chmod 755 "$TEST_DIR"
	mkdir "$TEST_DIR/home"
	chown nobody "$TEST_DIR/home"
	AS="setpriv --reuid nobody --clear-groups env XDG_CACHE_HOME=$TEST_DIR/home"
	start_hosted
	[ -d "$TEST_DIR/home/peerdistfs/hosted" ] || fail 'no cache in its usual place'
	ends TERM
	refused 1 'only root can become another user' "${cache[@]}" --run-as nobody
fi
