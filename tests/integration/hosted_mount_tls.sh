#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Offers by version 1.0 go to a cache whose certificate is good only: another name, an expired one and one
# of an unknown authority are refused. Nothing of it is told to such a cache, and reading goes on.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation
hosted_keys

tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 500000 1
start_informed "$tree"
for name in other expired unknown; do
	start_scripted --tls-cert "$TEST_DIR/$name.pem" --tls-key "$TEST_DIR/$name.key"
	mount_fs -o "mode=hosted,hosted=$SCRIPTED,hosted_tls=$SCRIPTED_TLS,hosted_cacert=$TEST_DIR/ca.pem,listen=127.0.0.1:0,compute=off,versions=1" \
		"$URL" "$TEST_DIR/mnt-$name"
	timeout 30 cmp "$tree/file" "$MOUNT/file" || fail "reading, $name"
	assert_eq '500000 0' "$(status_get '.sources | "\(.origin.bytes) \(.hosted.bytes)"')" "octets, $name"
	# It was tried, and the log says what is wrong.
	wait_until 20 grep -qi certificate "$FS_LOG"
	umount_fs
	assert_eq 0 "$(noted '.event == "offer"')" "offers to a cache whose certificate is $name"
	stop_process "$SCRIPTED_PID"
done
# The right one; by its name as well; against ours, from which another mount reads.
for host in 127.0.0.1 localhost; do
	start_scripted --tls-cert "$TEST_DIR/server.pem" --tls-key "$TEST_DIR/server.key"
	mount_fs -o "mode=hosted,hosted=$host:${SCRIPTED##*:},hosted_tls=$SCRIPTED_TLS,hosted_cacert=$TEST_DIR/ca.pem,listen=127.0.0.1:0,compute=off,versions=1" \
		"$URL" "$TEST_DIR/mnt-$host"
	timeout 30 cmp "$tree/file" "$MOUNT/file" || fail "reading, $host"
	wait_until 20 was_noted 8 '.event == "pull" and .size != null'
	assert_eq 0 "$(noted '.event == "pull" and .wrong != null')" 'wrong pulls'
	umount_fs
	stop_process "$SCRIPTED_PID"
done
# A server that wants authentication, or answers nonsense, is left alone.
for manner in 401 garbage code long close status interested; do
	start_scripted --tls-cert "$TEST_DIR/server.pem" --tls-key "$TEST_DIR/server.key" --set offers=$manner
	mount_fs -o "mode=hosted,hosted=$SCRIPTED,hosted_tls=$SCRIPTED_TLS,hosted_cacert=$TEST_DIR/ca.pem,listen=127.0.0.1:0,compute=off,versions=1" \
		"$URL" "$TEST_DIR/mnt-$manner"
	timeout 30 cmp "$tree/file" "$MOUNT/file" || fail "reading, $manner"
	wait_until 20 was_noted 1 '.event == "offer"'
	umount_fs
	assert_num "$(noted '.event == "offer"')" -le 6 "offers to a cache that answers $manner"
	if [ $manner != interested ]; then
		assert_eq 0 "$(noted '.event == "offer" and .type == 2')" "SEGMENT_INFO to a cache that answers $manner"
	fi
	stop_process "$SCRIPTED_PID"
done
start_hosted "${with_tls[@]}"
options=mode=hosted,hosted=$HOSTED,hosted_tls=${HOSTED_TLS##*:},hosted_cacert=$TEST_DIR/ca.pem,listen=127.0.0.1:0,compute=off,versions=1
mount_fs -o "$options" "$URL" "$TEST_DIR/giver"
timeout 30 cmp "$tree/file" "$MOUNT/file" || fail 'reading from the origin'
asks --file "$tree/file" --version 1 --expect encrypted
umount_fs
mount_fs -o "$options" "$URL" "$TEST_DIR/taker"
timeout 30 cmp "$tree/file" "$MOUNT/file" || fail 'reading from the cache'
assert_eq '0 500000' "$(status_get '.sources | "\(.origin.bytes) \(.hosted.bytes)"')" 'octets from the origin, the cache'
umount_fs
stop_hosted
