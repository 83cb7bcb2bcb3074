#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rubbish in a hosted cache costs a mount one failed hash a segment and the way to the origin; never a wrong
# octet. It is offered anew, and then the cache is good.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation

tree=$TEST_DIR/origin
mkdir "$tree"
size=400001
make_octets "$tree/file" $size 1
make_octets "$tree/large" 20000000 2
start_informed "$tree"
python3 "$MODEL" make --version 2 --secret 6e6f206d6f72652073656372657473 "$tree/file" "$TEST_DIR/info"
count=$(python3 "$MODEL" decode "$TEST_DIR/info" | jq '.segments | length')
assert_num "$count" -gt 2 segments
assert_num "$count" -lt 12 'segments, or the cache would be left out'

# reads HOSTED NAME ORIGIN_BYTES HOSTED_BYTES HASH_ERRORS: by a new mount.
reads() {
	mount_fs -o "mode=hosted,hosted=$1,listen=127.0.0.1:0,compute=off,versions=2" "$URL" "$TEST_DIR/$2"
	timeout 30 cmp "$tree/file" "$MOUNT/file" || fail "$2 reads something else"
	assert_eq "$3 $4 $5" "$(status_get '"\(.sources.origin.bytes) \(.sources.hosted.bytes) \(.errors.hash)"')" \
		"octets from the origin, the cache, wrong hashes of $2"
}
# A scripted cache.
start_scripted --file "$tree/file" --poison 1000
reads "$SCRIPTED" first $size 0 "$count"
replaced() { [ "$(noted '.event == "pull" and .size != null')" = "$count" ]; }
wait_until 20 replaced
# Nothing more was asked of what was wrong.
assert_eq "$count" "$(noted '.event == "request" and .type == "GETBLKS"')" 'blocks asked of the cache'
umount_fs
reads "$SCRIPTED" second 0 $size 0
umount_fs

# Ours, poisoned by another machine.
start_hosted --young 0
offers --file "$tree/file" --version 2 --serve rubbish --source 127.0.0.2
asks --file "$tree/file" --version 2 --serve rubbish
grows_old --file "$tree/file" --version 2
reads "$HOSTED" third $size 0 "$count"
good() {
	timeout 20 tests/lib/peer_ask.py get "$HOSTED" --file "$tree/file" >"$TEST_DIR/got" && [ "$(jq .bytes "$TEST_DIR/got")" = $size ]
}
wait_until 20 good
umount_fs
# The poisoner tries again.
grows_old --file "$tree/file" --version 2
offers --file "$tree/file" --version 2 --serve rubbish --source 127.0.0.2 --wait nothing
reads "$HOSTED" fourth 0 $size 0
umount_fs
# A cache that lies with every answer, as a whole: to the origin, and asked less and less.
stop_process "$SCRIPTED_PID"
start_scripted --file "$tree/large" --hold 1000 --set retrieval=wrong-bytes --set pull=no
mount_fs -o "mode=hosted,hosted=$SCRIPTED,listen=127.0.0.1:0,compute=off,versions=2" "$URL" "$TEST_DIR/fifth"
timeout 30 cmp "$tree/large" "$MOUNT/large" || fail 'reading from a liar'
assert_eq 0 "$(status_get .sources.hosted.bytes)" 'octets from a liar'
assert_num "$(status_get .errors.hash)" -ge 12 'wrong hashes'
assert_num "$(status_get .errors.hash)" -le 100 'wrong hashes'
umount_fs
stop_hosted
