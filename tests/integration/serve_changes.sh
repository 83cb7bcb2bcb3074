#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Files that change while they are served: an answer is of one version or is cut, a tag never
# stands for two contents, and content information never for another than the tag's.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl python3

mkdir "$TEST_DIR/tree"
start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --min-size 1

# Same size, same mtime, another content at once, over and over: in place, and by rename. Reads go
# on meanwhile; a tag must always come with the same octets.
cat >"$TEST_DIR/watch.py" <<'END'
import http.client, os, sys, threading
address, folder = sys.argv[1:3]
ROUNDS, SIZE = 150, 3000
done = threading.Event()


def write(number):
    data = (b"%08d" % number) * (SIZE // 8)
    path = os.path.join(folder, "file")
    if number % 2:
        with open(path, "r+b") as file:
            file.write(data)
    else:
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.utime(path + ".new", (1000000000, 1000000000))
        os.rename(path + ".new", path)
    os.utime(path, (1000000000, 1000000000))


def change():
    try:
        for number in range(1, ROUNDS):
            write(number)
            asked.acquire(timeout=20)
    finally:
        done.set()


asked = threading.Semaphore(0)
write(0)
writer = threading.Thread(target=change)
writer.start()
seen, strong = {}, 0
connection = http.client.HTTPConnection(address, timeout=20)
while not done.is_set():
    asked.release()
    try:
        connection.request("GET", "/file")
        response = connection.getresponse()
        body = response.read()
    except (http.client.HTTPException, OSError):
        connection.close()  # cut: that is allowed
        continue
    tag = response.getheader("ETag")
    if response.status != 200 or len(body) != SIZE:
        sys.exit(f"status {response.status}, {len(body)} octets")
    if not tag.startswith("W/"):
        strong += 1
        if seen.setdefault(tag, body) != body:
            sys.exit(f"{tag} stands for two contents")
writer.join()
if strong < 10:
    sys.exit(f"only {strong} strong tags")
END
python3 "$TEST_DIR/watch.py" "$SERVE_ADDRESS" "$TEST_DIR/tree" || fail 'tags and contents'

# A body that is too long for the sockets' buffers stands still while its reader waits.
cat >"$TEST_DIR/hold.py" <<'END'
import socket, sys
host, port = sys.argv[1].split(":")
connection = socket.create_connection((host, int(port)), 20)
connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
data = connection.recv(65536)
print("begun", flush=True)
sys.stdin.readline()
try:
    while part := connection.recv(1 << 20):
        data += part
except ConnectionResetError:
    pass
head, _, body = data.partition(b"\r\n\r\n")
sizes = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
print(sizes[0], len(body), flush=True)
END
make_octets "$TEST_DIR/tree/large" 50000000 1
coproc HOLD { python3 "$TEST_DIR/hold.py" "$SERVE_ADDRESS"; }
read -r line <&"${HOLD[0]}"
assert_eq begun "$line"
truncate -s 30000000 "$TEST_DIR/tree/large"
echo >&"${HOLD[1]}"
read -r announced got <&"${HOLD[0]}"
assert_eq 50000000 "$announced" 'announced'
assert_num "$got" -lt 50000000 'octets of a file that was cut'
wait "$HOLD_PID" || :

# Appended: the answer keeps its length.
make_octets "$TEST_DIR/tree/large" 50000000 1
coproc HOLD { python3 "$TEST_DIR/hold.py" "$SERVE_ADDRESS"; }
read -r line <&"${HOLD[0]}"
echo more >>"$TEST_DIR/tree/large"
echo >&"${HOLD[1]}"
read -r announced got <&"${HOLD[0]}"
assert_eq '50000000 50000000' "$announced $got" 'a file that grows'
wait "$HOLD_PID" || :
alive "$SERVER_PID" || fail 'the server has died'

# Content information and tag of a file that is replaced: always of the same version.
tag_of() {
	tr -d '\r' <"$1" | sed -n 's/^ETag: //p'
}
informed() { # NAME: whether content information comes; answer in $TEST_DIR/ci, ci.head
	curl -s --noproxy '*' -D "$TEST_DIR/ci.head" -o "$TEST_DIR/ci" -H 'Accept-Encoding: peerdist' \
		-H 'X-P2P-PeerDist: Version=1.1' "$URL$1"
	grep -qi '^Content-Encoding: peerdist' "$TEST_DIR/ci.head"
}
for seed in 2 3 4; do
	make_octets "$TEST_DIR/next" 200000 $seed
	touch -d '2020-01-01' "$TEST_DIR/next"
	mv "$TEST_DIR/next" "$TEST_DIR/tree/kept"
	! informed kept || fail 'content information of a content that nobody has seen'
	wait_until 20 informed kept
	curl -sf --noproxy '*' -D "$TEST_DIR/plain.head" -o "$TEST_DIR/plain" "${URL}kept"
	assert_eq "$(tag_of "$TEST_DIR/plain.head")" "$(tag_of "$TEST_DIR/ci.head")" 'tags'
	assert_same_file "$TEST_DIR/plain" "$TEST_DIR/tree/kept"
	python3 "$MODEL" verify --whole "$TEST_DIR/ci" "$TEST_DIR/plain" || fail "content information $seed"
done
stop_server
