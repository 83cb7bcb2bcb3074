#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mode local: no Probe goes out, none is answered, and no port is open. The mode can be changed while
# mounted, by the command and by the control file, and both sides see it at once.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
for number in {0..6}; do make_octets "$tree/file-$number" 1000000 $number; done
lan_informed "$tree"
read -r id < <(lan_ids 2 "$tree/file-1") || :
# It holds everything, and notes who asks.
files=()
for number in {0..6}; do files+=(--file "$tree/file-$number"); done
lan_script lan2 "${files[@]}"

# Whether lan1 answers; the scripted peer does.
answers() {
	lan_ask lan2 probe "$id" | grep -q '"from": "10\.78\.0\.1"'
}
# silent: the mount takes no part.
silent() {
	assert_eq null "$(lan_status lan1 '.listen // "null"')" 'listen'
	assert_eq '' "$(in_namespace lan1 ss -Hlnu 'sport = :3702')" 'sockets of discovery'
	assert_eq '' "$(in_namespace lan1 ss -Hlnt)" 'ports that are open'
	! in_namespace lan1 ip maddress show dev eth0 | grep -qE '239\.255\.255\.250|ff02::c$' || fail 'in the groups'
	! answers || fail 'it answers'
}
takes_part() {
	[ "$(lan_status lan1 '.listen // "null"')" != null ] && answers
}
requires_cmd ss

lan_mount lan1 "$URL" mode=local
lan_read lan1 file-1
silent
assert_eq 0 "$(scripted '.event != "ready" and .from != "10.78.0.2" and (.from | test("^fe80") | not)')" 'what lan1 sent'
assert_eq 1000000 "$(lan_status lan1 .sources.origin.bytes)" 'octets from the origin'

"$BUILD/peerdist" mode distributed "$MOUNT"
assert_eq distributed "$(lan_status lan1 .mode)" mode
wait_until 10 takes_part
place=$(lan_place lan1)
lan_ask lan2 get "$place" --file "$tree/file-1" >"$TEST_DIR/got"
assert_eq 1000000 "$(jq .bytes "$TEST_DIR/got")" 'octets it gives'
lan_read lan1 file-2
assert_eq 1000000 "$(lan_status lan1 .sources.peer.bytes)" 'octets from peers'

echo mode local >"$MOUNT/.peerdist/admin"
# The write starts it.
left() { [ "$(lan_status lan1 '"\(.mode) \(.listen)"')" = 'local null' ]; }
wait_until 10 left
silent
assert_fails lan_ask lan2 get "$place" --file "$tree/file-1" 2>/dev/null
requests=$(scripted '.event == "request"')
lan_read lan1 file-3
assert_eq "$requests" "$(scripted '.event == "request"')" 'requests in mode local'
assert_eq 1000000 "$(lan_status lan1 .sources.peer.bytes)" 'octets from peers, later'

# To and fro, also while something is read.
for round in 4 5 6; do
	timeout 60 cmp "$tree/file-$round" "$MOUNT/file-$round" &
	reader=$!
	for mode in distributed local distributed local distributed; do lan_admin lan1 "mode $mode" >/dev/null; done
	wait $reader || fail "a reader: status $?"
done
wait_until 10 takes_part
assert_eq 0 "$(lan_status lan1 .errors.hash)" 'wrong hashes'
umount_fs

# Off: likewise, from the start.
lan_mount lan1 "$URL" mode=off
lan_read lan1 file-0
silent
umount_fs
! answers || fail 'it answers when it is gone'
lan_leave
