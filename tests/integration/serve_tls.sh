#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# With a certificate, peerdist serve speaks TLS on what it listens on.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl openssl

mkdir "$TEST_DIR/tree" "$TEST_DIR/tree/sub"
make_octets "$TEST_DIR/tree/large" 3000000 1
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$TEST_DIR/tls.key" \
	-out "$TEST_DIR/tls.pem" 2>"$TEST_DIR/openssl.log"

server_log=$TEST_DIR/serve.log
background "$server_log" "$BUILD/peerdist" serve --listen 127.0.0.1:0 --listen 127.0.0.1:0 \
	--key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --tls-cert "$TEST_DIR/tls.pem" \
	--tls-key "$TEST_DIR/tls.key" "$TEST_DIR/tree"
SERVER_PID=$background_pid
wait_until 20 grep -q 'serving' "$server_log"
mapfile -t urls < <(grep -oE 'https://[0-9.]+:[0-9]+/' "$server_log")
assert_eq 2 "${#urls[@]}" 'addresses'
get() {
	curl -sf --noproxy '*' --cacert "$TEST_DIR/tls.pem" "$@"
}
for url in "${urls[@]}"; do
	get -o "$TEST_DIR/got" "${url}large" || fail "no answer at $url"
	assert_same_file "$TEST_DIR/tree/large" "$TEST_DIR/got"
done
get -o "$TEST_DIR/got" -r 1000-2999999 "${urls[0]}large"
tail -c +1001 "$TEST_DIR/tree/large" | cmp - "$TEST_DIR/got" || fail 'a range'
assert_eq "301 ${urls[0]}sub/" "$(get -o /dev/null -w '%{http_code} %{redirect_url}' "${urls[0]}sub")" 'redirect'
assert_fails curl -sf --noproxy '*' -m 5 -o /dev/null "http${urls[0]#https}"

# The form that a proxy would be asked in names the scheme.
status() {
	get -o /dev/null -w '%{http_code}' --request-target "$1" "${urls[0]}" || :
}
assert_eq 200 "$(status "${urls[0]}large")" 'absolute form'
assert_eq 421 "$(status "http${urls[0]#https}large")" 'absolute form without TLS'
stop_server
