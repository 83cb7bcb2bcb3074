#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Many listings of a large directory at once do not hold up who asks for a file's content
# information: that comes before most of them.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd python3

mkdir -p "$TEST_DIR/tree/crowd"
head -c 100000 /dev/zero >"$TEST_DIR/tree/file"
python3 -c '
import os, sys
for number in range(20000):
    os.close(os.open("%s/name-%d" % (sys.argv[1], number), os.O_CREAT))
' "$TEST_DIR/tree/crowd"
"$BUILD/peerdist" publish --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" "$TEST_DIR/tree/file" >"$TEST_DIR/published"
start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --lazy

cat >"$TEST_DIR/crowd.py" <<'END'
import http.client, select, socket, sys
address = sys.argv[1]
host, port = address.split(":")
LISTINGS = 60
waiting = [socket.create_connection((host, int(port))) for _ in range(LISTINGS)]
file = http.client.HTTPConnection(address, timeout=60)
file.connect()
for connection in waiting:
    connection.sendall(b"GET /crowd/ HTTP/1.1\r\nHost: x\r\n\r\n")
select.select(waiting, [], [])  # so they have been taken up
file.request("GET", "/file", headers={"Accept-Encoding": "peerdist", "X-P2P-PeerDist": "Version=1.0"})
answer = file.getresponse()
assert answer.getheader("Content-Encoding") == "peerdist", answer.status
answered = len(select.select(waiting, [], [], 0)[0])
assert answered < LISTINGS / 2, "%d of %d listings went first" % (answered, LISTINGS)
END
python3 "$TEST_DIR/crowd.py" "$SERVE_ADDRESS"
