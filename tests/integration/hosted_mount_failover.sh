#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A hosted cache that is not there, stalls, answers nonsense or knows no lists: the next one is asked, and
# at last the origin; no read fails, and none is wrong.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation

tree=$TEST_DIR/origin
mkdir "$tree"
size=1000001
make_octets "$tree/file" $size 1
make_octets "$tree/large" 20000000 2
start_informed "$tree"
start_scripted --file "$tree/file" --hold 1000
good=$SCRIPTED
choose_port
nobody=127.0.0.1:$port

number=0
# reads FILTER SERVERS...: by a new mount; the filter holds of its status.
reads() {
	local servers=''
	for server in "${@:2}"; do servers+=",hosted=$server"; done
	number=$((number + 1))
	mount_fs -o "mode=hosted$servers,listen=127.0.0.1:0,compute=off,versions=2" "$URL" "$TEST_DIR/mnt-$number"
	timeout 30 cmp "$tree/file" "$MOUNT/file" || fail "reading with ${*:2}"
	status_get . >"$TEST_DIR/status"
	jq -e "$1" "$TEST_DIR/status" >/dev/null || fail "not $1 with ${*:2}: $(jq -c '[.sources, .errors]' "$TEST_DIR/status")"
	umount_fs
	rm -rf "$CACHE"
}
all=".sources.hosted.bytes == $size and .sources.origin.bytes == 0"
none=".sources.hosted.bytes == 0 and .sources.origin.bytes == $size"
# So that nothing new is offered and kept.
curl -sf --noproxy '*' --data-binary 'pull=no' "http://$good/set"
reads "$all" "$good"
reads ".sources.hosted.bytes > 0 and .errors.hash == 0" "$nobody" "$good"
reads "$none" "$nobody"
for words in segments=silent segments=status segments=garbage retrieval=silent retrieval=reset retrieval=status-500 \
	retrieval=noise retrieval=huge retrieval=truncated segments=empty; do
	start_scripted --file "$tree/file" --hold 1000 --set pull=no --set "$words"
	# Also by name.
	reads ".sources.hosted.bytes + .sources.origin.bytes == $size and .errors.hash == 0" "localhost:${SCRIPTED##*:}" "$good"
	[[ $words == retrieval=* ]] && reads "$none" "$SCRIPTED"
	stop_process "$SCRIPTED_PID"
done
# One that knows no lists, as Windows Server 2008 R2: it is asked without; and once only with.
start_scripted --file "$tree/file" --hold 1000 --set segments=nego
reads "$all" "$SCRIPTED"
assert_eq 1 "$(noted '.event == "request" and .type == "GETSEGLIST"')" 'lists asked of it'
# One that claims all and has nothing.
stop_process "$SCRIPTED_PID"
start_scripted --set segments=all --set pull=no
reads "$none" "$SCRIPTED"
# A name that nobody has.
reads ".sources.hosted.bytes == $size" "nobody.invalid:80" "$good"
reads "$none" "nobody.invalid:80"

# Offers go to one that takes them.
stop_process "$SCRIPTED_PID"
start_scripted
mount_fs -o "mode=hosted,hosted=$nobody,hosted=$SCRIPTED,listen=127.0.0.1:0,compute=off,versions=2" "$URL" "$TEST_DIR/offering"
timeout 30 cmp "$tree/file" "$MOUNT/file" || fail 'reading from the origin'
all_pulled() { [ "$(jq -rs 'map(select(.event == "pull" and .size != null) | .id) | unique | length' "$SCRIPTED_LOG")" = "$segments" ]; }
segments=$(python3 "$MODEL" make --version 2 --secret 00 "$tree/file" "$TEST_DIR/info" &&
	python3 "$MODEL" decode "$TEST_DIR/info" | jq '.segments | length')
wait_until 20 all_pulled
umount_fs

# It goes away while something is read.
start_scripted --file "$tree/large" --hold 1000 --set retrieval=slow
mount_fs -o "mode=hosted,hosted=$SCRIPTED,listen=127.0.0.1:0,compute=off,versions=2" "$URL" "$TEST_DIR/going"
timeout 60 cmp "$tree/large" "$MOUNT/large" &
reader=$!
wait_until 20 was_noted 1 '.event == "request" and .type == "GETBLKS"'
kill -KILL "$SCRIPTED_PID"
wait $reader || fail "the reader: status $?"
umount_fs
