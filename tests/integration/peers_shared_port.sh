#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Others on the machine use the port of discovery too: another WS-Discovery program gets every message,
# two mounts of one machine both answer, on retrieval ports of their own, and find each other by
# multicast. A program that has the port for itself is waited out: asking goes on.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 1000000 1
make_octets "$tree/other" 1000000 2
lan_informed "$tree"
read -r id < <(lan_ids 2 "$tree/file") || :

# listener ADDRESS [REUSE]: prints a line for every datagram on port 3702 that it gets.
listener() {
	exec python3 -c 'import socket, struct, sys
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if sys.argv[2:]:
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
made.bind((sys.argv[1], 3702))
made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                socket.inet_aton("239.255.255.250") + socket.inet_aton("10.78.0.1"))
print("ready", flush=True)
while True:
    print(len(made.recv(65536)), flush=True)' "$@"
}
export -f listener
listens() {
	background "$1" nsenter --net=/run/netns/lan1 bash -c 'listener "$@"' bash "${@:2}"
	wait_until 10 grep -q ready "$1"
}
heard() { test "$(wc -l <"$1")" -ge "$2"; }

# Before us and behind us.
listens "$TEST_DIR/before.log" 239.255.255.250 reuse
lan_mount lan1 "$URL"
listens "$TEST_DIR/behind.log" 239.255.255.250 reuse
lan_read lan1 file
wait_until 10 lan_ask lan2 probe "$id"
lan_ask lan2 other
for log in before behind; do wait_until 10 heard "$TEST_DIR/$log.log" 4; done
malformed=$(lan_status lan1 .errors.malformed)
lan_ask lan2 probe "$id" >"$TEST_DIR/answers"
assert_eq 2 "$(wc -l <"$TEST_DIR/answers")" 'answers beside others'
assert_eq 0 "$malformed" 'messages of others are no errors'

# Another mount of the same machine.
FS_AS='nsenter --net=/run/netns/lan1' mount_fs -o "mode=distributed,key=$TEST_DIR/key-lan1" "$URL" "$TEST_DIR/second"
port=$(lan_place second)
assert_match ':13(3[89]|4[0-9]|5[0-2])$' "$port" 'port of the second mount'
timeout 60 cmp "$tree/file" "$TEST_DIR/second/file"
assert_eq 1000000 "$(lan_status second .sources.peer.bytes)" 'octets from the first mount'
two_answer() { lan_ask lan2 probe "$id" >"$TEST_DIR/answers" && [ "$(wc -l <"$TEST_DIR/answers")" = 4 ]; }
wait_until 10 two_answer
assert_eq 2 "$(jq -r .endpoint "$TEST_DIR/answers" | sort -u | wc -l)" 'endpoints'
umount_fs "$TEST_DIR/second"
umount_fs "$TEST_DIR/lan1"
for pid in "${started[@]: -2}"; do stop_process "$pid"; done

# A program that shares it with nobody.
lan_mount lan2 "$URL"
lan_read lan2 other
rm -rf "$TEST_DIR/cache-lan1"
listens "$TEST_DIR/alone.log" ''
lan_mount lan1 "$URL"
lan_read lan1 other
assert_eq 1000000 "$(lan_status lan1 .sources.peer.bytes)" 'octets from peers without the port'
lan_leave
