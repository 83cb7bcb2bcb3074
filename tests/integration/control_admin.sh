#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What an administrator sees of the API and does to it: instances, kick, publications, unpublish,
# versions, read-timeout, mode; by the admin file and by peerdist.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_isolation # other mounts of ours would be found as well
requires_cmd python3 jq

mount_fs none "$TEST_DIR/mnt"
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@"
}

# A program of whose life we decide: each line that it is given is a Python statement.
mkfifo "$TEST_DIR/to" "$TEST_DIR/from"
PYTHONPATH=tests/lib python3 -u -c 'import sys
from control_client import *
for line in sys.stdin:
    try:
        print(eval(line))
    except Exception as error:
        print(repr(error))' <"$TEST_DIR/to" >"$TEST_DIR/from" &
program_pid=$!
started+=("$program_pid")
exec 3>"$TEST_DIR/to" 4<"$TEST_DIR/from"
# program EXPRESSION: its value.
program() {
	local answer
	echo "$1" >&3
	read -r -t 20 answer <&4 || fail "no answer to $1"
	echo "$answer"
}
expect_program() { # EXPECTED EXPRESSION
	assert_eq "$1" "$(program "$2")" "$2"
}
path=$MOUNT/.peerdist/control

assert_eq '' "$(peerdist instances)$(peerdist publications)" 'lists of nobody'
assert_eq '{"instances":[]}' "$(peerdist instances --json | jq -c .)" 'the same as JSON'
expect_program None "globals().update(a=Control('$path'))"
expect_program None "a.publish(b'\\x01\\x23', octets(100000))"
id=$(peerdist instances --json | jq '.instances[0].id')
assert_match "^$id uid $(id -u) pid [0-9]+ handles 0 operations 0" "$(peerdist instances)" instances
assert_eq "$(peerdist instances)" "$(admin instances | tail -n +2)" 'instances by the admin file'
assert_match "^$(id -u) 0123 length 100000 versions 1,2\$" "$(peerdist publications)" publications
assert_eq "$(id -u) 0123 100000 1,2" "$(peerdist publications --json |
	jq -r '.publications[] | "\(.uid) \(.id) \(.length) \(.versions)"')" 'publications as JSON'
assert_eq "$(peerdist publications)" "$(admin publications | tail -n +2)" 'by the admin file'
assert_eq '1 1' "$(status_get '"\(.api.instances) \(.api.publications)"')" 'status'
grep -qxF 'peerdist_api_publications 1' "$MOUNT/.peerdist/metrics" || fail 'metrics'

# Versions, B06, D17, D18.
peerdist versions 1 1
expect_program '(2, 1, 1)' "struct.unpack_from('<3I', a.ask('GetStatusEx', body=bytes(16))[2])"
expect_program 4050 "a.open_information(b'\\x01\\x23', (2, 2))[0]"
peerdist versions 2 2
expect_program '(2, 2, 2)' "struct.unpack_from('<3I', a.ask('GetStatusEx', body=bytes(16))[2])"
expect_program "b'\\x00\\x02'" "a.information(b'\\x01\\x23')[:2]"
peerdist versions 1 2
expect_program "b'\\x00\\x01'" "a.information(b'\\x01\\x23')[:2]"

# What is unpublished is gone for the program.
assert_refused 'publishes no such content' peerdist unpublish "$(id -u)" 0124
assert_refused 'publishes no such content' peerdist unpublish 4711 0123
peerdist unpublish "$(id -u)" 0123
expect_program 1168 "a.open_information(b'\\x01\\x23')[0]"
assert_eq '' "$(peerdist publications)" 'publications after unpublish'

# The mode: DISABLED, and back.
expect_program None "globals().update(k=a.wait(a.submit('RegisterForStatusChangeNotification')))"
expect_program None "globals().update(h=a.do('ClientOpenContent', body=bytes(16)))"
expect_program None "globals().update(r=a.submit('RegisterForStatusChangeNotification'))"
peerdist mode off
expect_program '(0, 0)' "(lambda c: (c.status, c.service))(a.wait(r))"
expect_program 0 'a.status()'
expect_program 1260 "a.ask('ClientOpenContent', body=bytes(16))[0]"
expect_program 4057 "a.ask('ClientCancelAsyncOperation', handle=h)[0]"
expect_program 0 "a.ask('ClientCloseContent', handle=h)[0]"
peerdist mode local
expect_program 2 'a.status()'
expect_program None "a.publish(b'again', octets(1000))"
expect_program 0 "a.open_information(b'again')[0]"

# The time that reads look for peers when they do not say: nobody is there in mode local, but it is
# taken and shown by nothing that ends later.
peerdist read-timeout 250
peerdist kick "$id"
expect_program 6 "a.ask('GetStatus', body=bytes(16))[0]"
expect_program 24 'a.poll(0, 0)'
assert_eq '' "$(peerdist instances)" 'instances after kick'
assert_refused 'there is no instance' peerdist kick "$id"

# What is wrong.
for line in kick 'kick x' 'kick -1' 'kick 1 2' unpublish 'unpublish 0' 'unpublish 0 0' 'unpublish 0 xy' \
	'unpublish x 00' 'unpublish 4294967295 00' read-timeout 'read-timeout 0' 'read-timeout -1' \
	'read-timeout 3600001' 'read-timeout 10x' 'instances x' 'publications x'; do
	if admin "$line" 2>/dev/null; then fail "'$line' was taken"; fi
done
for words in 'kick' 'kick x' 'unpublish 0' 'unpublish x 00' 'unpublish 0 0' 'read-timeout' 'read-timeout soon' \
	'read-timeout 0' 'read-timeout 3600001' 'versions 2 1' 'versions 0 3' 'versions 1 1.5'; do
	status=0
	# shellcheck disable=SC2086 # words
	peerdist $words 2>/dev/null || status=$?
	assert_eq 2 "$status" "status of peerdist $words"
done
exec 3>&- 4<&-
wait "$program_pid" || fail 'the program'
umount_fs

# The daemon is told to end while programs use it: they are told, and nothing hangs.
mount_again
path=$MOUNT/.peerdist/control
PYTHONPATH=tests/lib python3 - "$path" "$FS_PID" <<'END' || fail 'the end of the daemon'
import os, signal, sys
from control_client import *

control = Control(sys.argv[1])
control.wait(control.submit("RegisterForStatusChangeNotification"))
stream = control.publish_begin(b"the end")
pending = control.submit("ServerPublishAddToStream", stream, struct.pack("<QII", 0, 1000, 0))
os.kill(int(sys.argv[2]), signal.SIGTERM)
# The mount may be gone before the completions were taken, and the descriptor with it.
poller = select.poll()
poller.register(control.fd, select.POLLIN)
assert poller.poll(20000), "nobody told"
try:
    while True:
        control.status()
except OSError as error:
    assert error.errno in (errno.ENOTCONN, errno.ECONNABORTED), error
END
wait_for_end "$FS_PID" || fail 'status of the daemon'
unset "mount_pid[$MOUNT]"

# A server's directory has none of it.
mkdir "$TEST_DIR/tree" "$TEST_DIR/control"
background "$TEST_DIR/serve.log" "$BUILD/peerdist" serve --listen 127.0.0.1:0 \
	--key "$TEST_DIR/secret.key" --hashes "$TEST_DIR/hashes" --control "$TEST_DIR/control" \
	"$TEST_DIR/tree"
wait_until 20 test -e "$TEST_DIR/control/status"
for name in control instances publications; do
	[ ! -e "$TEST_DIR/control/$name" ] || fail "a server has $name"
done
assert_eq 'admin config metrics status' "$(echo "$TEST_DIR/control"/* | sed "s|$TEST_DIR/control/||g")" \
	"a server's files"
