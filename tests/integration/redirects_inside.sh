#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An origin elsewhere may not redirect to services of this machine, neither by address nor by a name
# that leads here.
. "$(dirname "$0")/lib.sh"
requires_fuse

new_namespace far
ip link add wan0 type veth peer name wan1 netns far
ip address add 10.77.0.1/24 dev wan0
ip link set wan0 up
ip -n far address add 10.77.0.2/24 dev wan1
ip -n far link set wan1 up

start_faulty '{"*": {"body": "for local eyes"}}'
inside=$URL inside_log=$FAULTY_LOG
port=${inside#http://127.0.0.1:}
SERVER_IN=(in_namespace far) SERVER_ADDRESS=10.77.0.2
behaviours='"/fine": {"body": "fine"}'
number=0
for host in 127.0.0.1 localhost 0.0.0.0 '[::1]' '[::ffff:127.0.0.1]' 2130706433 127.1; do
	number=$((number + 1))
	behaviours+=", \"/to-$number\": {\"redirect\": \"http://$host:${port}secret\"}"
done
start_faulty "{\"/\": {\"links\": [\"fine\"]}, $behaviours}"
mount_fs "$URL" "$TEST_DIR/mnt"
assert_eq fine "$(cat "$MOUNT/fine")" content
for ((i = 1; i <= number; i++)); do
	assert_refused 'Input/output error' cat "$MOUNT/to-$i"
done
FAULTY_LOG=$inside_log
assert_eq 0 "$(faulty_requests true)" 'requests that came to this machine'
umount_fs
