#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# https: an authority that nobody vouches for is refused, and the log says why; cacert= and insecure
# accept it, over HTTP/2; a redirect out of https is not followed.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd openssl

keys=$TEST_DIR/keys
mkdir "$keys" "$TEST_DIR/origin"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=own authority' \
	-keyout "$keys/ca.key" -out "$keys/ca.pem" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj '/CN=127.0.0.1' \
	-keyout "$keys/server.key" -out "$keys/server.csr" 2>/dev/null
openssl x509 -req -in "$keys/server.csr" -CA "$keys/ca.pem" -CAkey "$keys/ca.key" -CAcreateserial \
	-days 2 -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$keys/server.pem" 2>/dev/null

# So small that content information, which comes by HTTP/1.1, is not asked for.
head -c 60000 /dev/urandom >"$TEST_DIR/origin/file"
start_nginx "$TEST_DIR/origin" "listen 127.0.0.1:8443 ssl http2;
	ssl_certificate $keys/server.pem; ssl_certificate_key $keys/server.key;
	location /out { return 302 ${URL:-http://127.0.0.1:8001/}file; }"
secure=https://127.0.0.1:8443/

mount_fs "$secure" "$TEST_DIR/mnt"
assert_refused 'Input/output error' ls "$MOUNT"
grep -qi certificate "$FS_LOG" || fail 'the log does not name the certificate'
umount_fs
for way in "cacert=$keys/ca.pem" insecure; do
	mount_fs -o "$way" "$secure" "$TEST_DIR/mnt-${way%%=*}"
	assert_same_file "$TEST_DIR/origin/file" "$MOUNT/file"
	assert_refused 'Input/output error' cat "$MOUNT/out"
	umount_fs
done
assert_num "$(requests '^GET /file HTTP/2')" -ge 2 'requests by HTTP/2'
assert_eq 0 "$(requests '^GET /file HTTP/1')" 'requests after a redirect out of https'
# Another name than the certificate's.
mount_fs -o "cacert=$keys/ca.pem" https://localhost:8443/ "$TEST_DIR/other"
assert_refused 'Input/output error' ls "$MOUNT"
umount_fs
