#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist hosted --run-as: once it serves, the process is that user and nobody else; the cache is
# his, also at the next start; its control directory remains root's and vanishes with it; and a key
# that only root can read is not read again, which is said.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_root
requires_cmd curl jq openssl
id nobody >/dev/null 2>&1 || skip 'no user nobody here'

control=$TEST_DIR/control
chmod 755 "$TEST_DIR"
MOUNT=$control
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
	-keyout "$TEST_DIR/tls.key" -out "$TEST_DIR/tls.pem" 2>"$TEST_DIR/openssl.log"
chmod 600 "$TEST_DIR/tls.key"
start_as() { # start_as USER
	start_hosted --tls-listen 127.0.0.1:0 --tls-cert "$TEST_DIR/tls.pem" --tls-key "$TEST_DIR/tls.key" \
		--run-as "$1"
}
ends() {
	stop_hosted
	if mountpoint -q "$control"; then fail 'the control directory is still there'; fi
}
answers() {
	assert_eq 400 "$(curl -s --noproxy '*' -m 10 --cacert "$TEST_DIR/tls.pem" -o /dev/null -w '%{http_code}' \
		--data-binary short "https://$HOSTED_TLS/C574AC30-5794-4AEE-B1BB-6651C5315029")" "answer $1"
}

# As root first, so that the cache is there, and his to take over.
start_as root
assert_eq 0 "$(stat -c %u "$TEST_DIR/hosted/index")" 'owner of the index of root'
ends
start_as nobody
nobody=$(id -u nobody)
for thread in "/proc/$HOSTED_PID"/task/*; do
	assert_eq "$nobody $nobody $nobody $nobody" "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "$thread/status")" \
		'user of a thread'
	assert_eq 0000000000000000 "$(awk '/^CapEff:/ { print $2 }' "$thread/status")" 'capabilities of a thread'
done
assert_eq '' "$(find "$TEST_DIR/hosted" ! -user nobody)" 'of the cache that is not his'
assert_eq '' "$(find "$TEST_DIR/hosted" -perm /077)" 'of the cache that others could read'
grep -qxF run_as=nobody "$control/config" || fail 'config'
answers 'as another user'

# Root administers it.
assert_eq '0 600' "$(stat -c '%u %a' "$control/admin")" 'owner of admin'
assert_match 'freed [0-9]+' "$("$BUILD/peerdist" clear "$control")" clear
assert_eq 'ok limit 20971520' "$(admin 'resize 20M')" resize

# Root's key is beyond it by now; one that it may read is not.
kill -HUP "$HOSTED_PID"
wait_until 10 grep -q "the former certificate stays in use: .*$TEST_DIR/tls.key" "$HOSTED_LOG"
answers 'after a reload that failed'
chown nobody "$TEST_DIR/tls.key"
kill -HUP "$HOSTED_PID"
wait_until 10 grep -q 'the certificate was read again' "$HOSTED_LOG"
answers 'after a reload'
ends

# While somebody is in the control directory as well; nothing of it is left.
start_as nobody
(cd "$control" && while cat status; do :; done) >/dev/null 2>&1 &
reader=$!
started+=("$reader")
ends
wait "$reader" || :
