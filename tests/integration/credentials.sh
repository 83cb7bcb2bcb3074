#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Logging in: user= literally, from a file, in the URL; netrc=; header=; and by way of a proxy. A
# wrong password is EACCES.
. "$(dirname "$0")/lib.sh"
requires_fuse

start_faulty '{"/": {"links": ["file"], "user": "me:a:b@c"},
	"/file": {"body": "inside", "user": "me:a:b@c"}}'
echo 'me:a:b@c' >"$TEST_DIR/user"
printf 'machine elsewhere login x password y\nmachine 127.0.0.1\n\tlogin me password a:b@c\n' \
	>"$TEST_DIR/netrc"
chmod 600 "$TEST_DIR/user" "$TEST_DIR/netrc"

# let_in NAME OPTIONS [URL]
let_in() {
	mount_fs -o "$2" "${3:-$URL}" "$TEST_DIR/mnt-$1"
	assert_eq inside "$(cat "$MOUNT/file")" "content with $1"
	assert_eq file "$(ls "$MOUNT")" "names with $1"
	umount_fs
}
let_in literal 'user=me:a:b@c'
let_in file "user=@$TEST_DIR/user"
let_in netrc "netrc=$TEST_DIR/netrc"
let_in url level=info "${URL/:\/\//:\/\/me:a%3Ab%40c@}"
let_in header "header=Authorization: Basic $(printf 'me:a:b@c' | base64)"
mount_fs -o user=me:wrong "$URL" "$TEST_DIR/wrong"
assert_refused 'Permission denied' ls "$MOUNT"
assert_refused 'Permission denied' cat "$MOUNT/file"
umount_fs

origin=$URL
start_nginx /var/empty 'location / { proxy_pass http://$http_host$request_uri; }'
let_in proxy "user=me:a:b@c,proxy=$URL" "$origin"
assert_num "$(requests 'file HTTP/1.1.200')" -ge 1 'requests by way of the proxy'
