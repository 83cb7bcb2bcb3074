#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that leave in the middle, read slowly, or not at all, of listings above all; a listing of
# 20,000 names comes whole to who takes it, and the server ends while others hold on.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl python3 jq

mkdir "$TEST_DIR/tree" "$TEST_DIR/tree/many"
python3 -c 'import os, sys
for number in range(20000):
    os.close(os.open(f"{sys.argv[1]}/a name of some length {number:05}", os.O_CREAT))' "$TEST_DIR/tree/many"
make_octets "$TEST_DIR/tree/large" 20000000 1
echo small >"$TEST_DIR/tree/small"
start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"

curl -sf --noproxy '*' -H 'Accept: application/json' "${URL}many/" >"$TEST_DIR/json"
assert_eq 20000 "$(jq length "$TEST_DIR/json")" 'names in JSON'
assert_eq 20001 "$(curl -sf --noproxy '*' "${URL}many/" | grep -c '<a href=')" 'names in HTML'
assert_eq 20001 "$(curl -sf --http1.0 --noproxy '*' "${URL}many/" | grep -c '<a href=')" 'names by HTTP/1.0'
assert_eq 20001 "$(curl -sf --limit-rate 3M --noproxy '*' "${URL}many/" | grep -c '<a href=')" 'names taken slowly'
assert_eq 0 "$(curl -sfI --noproxy '*' "${URL}many/" | grep -ci '^content-length: 0')" 'length said to HEAD'

# Who ends its sending is not gone, and gets all of it.
half_closed() {
	python3 - "$SERVE_ADDRESS" "$1" <<'END'
import socket, sys
host, port = sys.argv[1].split(":")
connection = socket.create_connection((host, int(port)), 60)
connection.sendall(b"GET /many/ HTTP/" + sys.argv[2].encode() + b"\r\nHost: x\r\n\r\n")
connection.shutdown(socket.SHUT_WR)
answer = b"".join(iter(lambda: connection.recv(1 << 20), b""))
print(answer.count(b"<a href="))
END
}
assert_eq 20001 "$(half_closed 1.0)" 'names by HTTP/1.0 to who sends no more'
assert_eq 20001 "$(half_closed 1.1)" 'names by HTTP/1.1 to who sends no more'

# A third of them ask and leave, a third read a little, a third close without warning.
cat >"$TEST_DIR/leave.py" <<'END'
import random, socket, sys
host, port = sys.argv[1].split(":")
chance = random.Random(int(sys.argv[2]))
for _ in range(150):
    connection = socket.create_connection((host, int(port)), 20)
    target = chance.choice([b"/many/", b"/", b"/large", b"/small", b"/nothing", b"/many"])
    more = chance.choice([b"", b"Range: bytes=0-5,1000-\r\n", b"Accept: application/json\r\n"])
    connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
    how = chance.randrange(3)
    if how == 1:
        connection.recv(chance.choice([1, 1000, 1000000]))
    if how == 2:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
END
python3 "$TEST_DIR/leave.py" "$SERVE_ADDRESS" 1 &
python3 "$TEST_DIR/leave.py" "$SERVE_ADDRESS" 2
wait $!
alive "$SERVER_PID" || fail 'the server has died'
curl -sf --noproxy '*' "${URL}small" >/dev/null || fail 'no answer any more'

# What they held is given back: descriptors, but for those of connections that end just now.
few_files() {
	test "$(find "/proc/$SERVER_PID/fd" -lname "$TEST_DIR/tree*" | wc -l)" -le 1
}
wait_until 20 few_files

# Who takes nothing does not hold up the end.
exec {holder}<>"/dev/tcp/127.0.0.1/${SERVE_ADDRESS##*:}"
printf 'GET /many/ HTTP/1.1\r\nHost: x\r\n\r\nGET /large HTTP/1.1\r\nHost: x\r\n\r\n' >&"$holder"
read -r line <&"$holder"
assert_match 200 "$line"
kill -TERM "$SERVER_PID"
status=0
wait_for_end "$SERVER_PID" || status=$?
assert_eq 0 "$status" 'status'
exec {holder}>&-
