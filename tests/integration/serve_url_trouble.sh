#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist serve URL when its origin or its clients are difficult: what is told of an origin's
# errors, an origin that is gone and comes back, refuses, lies, has no ranges, no length or no
# validator; clients that are many, slow, or leave.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl nginx python3 jq

status() { # PATH OPTION...
	curl -s --noproxy '*' -D "$TEST_DIR/head" -o "$TEST_DIR/body" -w '%{http_code}' "${@:2}" "$URL$1" || :
}
serve() {
	start_serve "$URL" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" "$@"
}
WANT=(-H 'Accept-Encoding: peerdist' -H 'X-P2P-PeerDist: Version=1.1')

start_faulty '{
	"/good": {"size": 200000, "etag": "\"good\""},
	"/broken": {"status": 500}, "/busy": {"status": 503, "headers": {"Retry-After": "0"}},
	"/private": {"user": "me:mine", "size": 100000, "etag": "\"private\""}, "/forbidden": {"status": 403}, "/gone": {"status": 410},
	"/odd": {"status": 418},
	"/moved": {"redirect": "/good"}, "/round": {"redirect": "/round"},
	"/cut": {"size": 500000, "truncate": 300000, "etag": "\"cut\""},
	"/stalls": {"size": 500000, "stall": 300000, "etag": "\"stalls\""},
	"/silent": [{"size": 10, "stall": 0}],
	"/unnamed": {"size": 200000, "etag": null}, "/weak": {"size": 200000, "etag": "W/\"w\""},
	"/dated": {"size": 200000, "etag": null, "last_modified": "Thu, 01 Jan 2015 00:00:00 GMT"},
	"/whole": {"size": 200000, "ranges": false, "etag": "\"whole\""},
	"/chunked": {"size": 200000, "framing": "chunked", "etag": null},
	"/coded": {"body": "coded content", "gzip": true},
	"/restless": {"size": 100000, "etag": "changing"},
	"/garbage": {"garbage": "no HTTP at all"},
	"/page/": {"body": "<p>no listing"}, "/page": {"redirect": "/page/"}
}'
FAULTY=$URL
serve --timeout 4
assert_eq 200 "$(status good)"
curl -sf --noproxy '*' "$FAULTY_CONTROL?path=/good" >"$TEST_DIR/good"
assert_same_file "$TEST_DIR/body" "$TEST_DIR/good"

# Errors, as they are to be told.
for row in broken:502 busy:502 forbidden:403 private:403 gone:404 nothing:404 odd:502 round:502 garbage:502; do
	assert_eq "${row#*:}" "$(status "${row%:*}")" "status of ${row%:*}"
	[ "${row#*:}" = 404 ] || assert_eq "${row#*:}" "$(status "${row%:*}" -r 0-5)" "status of a range of ${row%:*}"
done
# Redirects are followed here, not passed on.
assert_eq 200 "$(status moved)"
assert_same_file "$TEST_DIR/body" "$TEST_DIR/good"
# Too slow to begin with.
faulty_set '/late' '{"delay": 30}'
assert_eq 504 "$(status late)" 'an origin that does not answer'
# Once octets are on their way the connection is cut.
for path in cut stalls; do
	: >"$TEST_DIR/body"
	curl -s --noproxy '*' -o "$TEST_DIR/body" "$URL$path" && fail "the answer for $path looks whole"
	curl -sf --noproxy '*' "$FAULTY_CONTROL?path=/$path" >"$TEST_DIR/honest"
	cmp -n "$(stat -c %s "$TEST_DIR/body")" "$TEST_DIR/honest" "$TEST_DIR/body" ||
		fail "octets of $path"
	assert_num "$(stat -c %s "$TEST_DIR/body")" -le 300000 "octets of $path"
done

# With no validator, or a weak one: content, but no content information.
for path in unnamed weak; do
	assert_eq 200 "$(status $path "${WANT[@]}")"
	assert_eq 200000 "$(stat -c %s "$TEST_DIR/body")" "octets of $path"
	! grep -qiE '^(etag|x-p2p)' "$TEST_DIR/head" || fail "headers of $path: $(cat "$TEST_DIR/head")"
	assert_eq 206 "$(status $path -r 5-9)"
done
informed() {
	status "$1" "${WANT[@]}" >/dev/null
	grep -qi '^Content-Encoding: peerdist' "$TEST_DIR/head"
}
wait_until 20 informed dated
assert_match 'Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT' "$(cat "$TEST_DIR/head")"

# No ranges there: none here, and not the whole for each that is asked.
for i in 1 2 3 4; do
	assert_eq 200 "$(status whole -r 5-9)" 'a range where there are none'
	assert_eq 200000 "$(stat -c %s "$TEST_DIR/body")"
done
assert_eq 1 "$(faulty_requests '.path == "/whole" and .range != null')" 'ranges asked for'
start_serve "$FAULTY" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --timeout 4
# No length, and a coding nobody has asked for: as it is, without ranges.
assert_eq 200 "$(status chunked)"
assert_eq 200000 "$(stat -c %s "$TEST_DIR/body")"
assert_eq 200 "$(status coded)"
assert_eq 'coded content' "$(cat "$TEST_DIR/body")"
# Another version at each answer: octets of one version, or none.
assert_match '^(200|503)$' "$(status restless)"
assert_eq 502 "$(status page/)" 'a directory that does not list'

# Credentials of ours, which nobody sees.
start_serve "$FAULTY" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --user me:mine --header 'X-Token: mine'
assert_eq 200 "$(status private)"
assert_num "$(faulty_requests '.path == "/private" and .headers["x-token"] == "mine"')" -ge 2 'requests with the header'
wait_until 20 informed private
! tr '\0' ' ' <"/proc/$SERVER_PID/cmdline" | grep -q mine || fail 'secrets among the words of the process'
start_serve "${FAULTY/:\/\//://me:mine@}" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
assert_eq 200 "$(status private)"
! tr '\0' ' ' <"/proc/$SERVER_PID/cmdline" | grep -q mine || fail 'secrets in the URL among the words'
! grep -q mine "$server_log" || fail 'secrets in what is said'
printf 'me:mine\n' >"$TEST_DIR/user"
start_serve "$FAULTY" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --user "@$TEST_DIR/user"
assert_eq 200 "$(status private)"
# Hashes that are kept are nobody's who may not read the content.
start_serve "$FAULTY" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
assert_eq 403 "$(status private "${WANT[@]}")"
! grep -qi '^x-p2p' "$TEST_DIR/head" || fail 'something of content information to who may not read'

# Gone, and back.
mkdir "$TEST_DIR/tree"
make_octets "$TEST_DIR/tree/large" 200000000 1
for ((i = 0; i < 40; i++)); do make_octets "$TEST_DIR/tree/file-$i" 300000 "$i"; done
start_nginx "$TEST_DIR/tree"
nginx=$SERVER_PID origin_port=$port nginx_command=("${SERVER_COMMAND[@]}")
serve --timeout 20
proxy=$SERVER_PID
assert_eq 200 "$(status file-0)"
stop_server "$nginx"
assert_eq 502 "$(status file-1)" 'an origin that is gone'
assert_eq 502 "$(status file-0)" 'the same of what was seen a moment ago'
assert_eq 502 "$(status '')" 'its listing'
serve_url=$URL
SERVER_COMMAND=("${nginx_command[@]}")
URL=http://127.0.0.1:$origin_port/
restart_server
URL=$serve_url
back() { [ "$(status file-1)" = 200 ]; }
wait_until 20 back

# Many clients at once, all with all files.
python3 - "$URL" "$TEST_DIR/tree" <<'END' || fail 'clients at the same time'
import http.client, sys, threading, urllib.parse
url, tree = sys.argv[1:]
address = urllib.parse.urlsplit(url).netloc
wrong = []


def run(number):
    connection = http.client.HTTPConnection(address, timeout=60)
    for index in range(40):
        name = f"file-{(index + number) % 40}"
        connection.request("GET", "/" + name)
        response = connection.getresponse()
        body = response.read()
        with open(f"{tree}/{name}", "rb") as file:
            if response.status != 200 or body != file.read():
                wrong.append((name, response.status, len(body)))


threads = [threading.Thread(target=run, args=(number,)) for number in range(48)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if wrong:
    sys.exit(f"{wrong[:5]}")
END

# Slow ones: what they have not taken stays where it is.
python3 - "$URL" >"$TEST_DIR/slow" <<'END' &
import socket, sys, urllib.parse
host, port = urllib.parse.urlsplit(sys.argv[1]).netloc.split(":")
connections = [socket.create_connection((host, int(port)), 60) for _ in range(20)]
for connection in connections:
    connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
for connection in connections:
    connection.recv(1000)
print("begun", flush=True)
sys.stdin.read()
END
slow=$!
started+=("$slow")
wait_until 20 grep -q begun "$TEST_DIR/slow"
assert_eq 200 "$(status file-3)" 'beside slow clients'
# One that takes all of it passes meanwhile; the memory of the server holds nothing whole.
assert_eq 200 "$(status large)"
assert_same_file "$TEST_DIR/body" "$TEST_DIR/tree/large"
kilobytes=$(awk '/^VmHWM/ { print $2 }' "/proc/$proxy/status")
echo "VmHWM $kilobytes kB"
[[ $BUILD == *thread* || $BUILD == *address* ]] || assert_num "$kilobytes" -lt 150000 'memory'

# The end of the server does not wait for them.
kill -s TERM "$proxy"
ended=0
wait_for_end "$proxy" || ended=$?
assert_eq 0 "$ended" 'status of the server'
