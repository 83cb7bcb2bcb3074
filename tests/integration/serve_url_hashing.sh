#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist serve URL hashes what passes: a file that passed whole is not fetched again for its
# hashes, others are fetched once; what was hashed is found again after a restart, and is of the
# version that its validator names.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl nginx python3

mkdir "$TEST_DIR/tree"
for name in passes ranged asked left early late changes kept hinted; do
	make_octets "$TEST_DIR/tree/$name" 3000000 "${#name}"
done
make_octets "$TEST_DIR/tree/small" 60000 1
# So slow that a client can leave while it is being sent.
start_nginx "$TEST_DIR/tree" '
	location /left { limit_rate 2m; }
	location /early { limit_rate 2m; }
	location /late { limit_rate 2m; }
	location /secret { add_header Cache-Control "private, no-store"; alias '"$TEST_DIR/tree/passes"'; }'
ORIGIN=$URL
start_serve "$ORIGIN" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"

plain() { # NAME OPTION...
	curl -sf --noproxy '*' -o "$TEST_DIR/plain" "${@:2}" "$URL$1"
}
# ask NAME [OPTION...]: whether content information comes; answer in $TEST_DIR/ci, ci.head
ask() {
	curl -sf --noproxy '*' -D "$TEST_DIR/ci.head" -o "$TEST_DIR/ci" -H 'Accept-Encoding: peerdist' \
		-H 'X-P2P-PeerDist: Version=1.1' \
		-H "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=${version:-2}.0${hash:+, HashRequest=true}" \
		"${@:2}" "$URL$1" && grep -qi '^Content-Encoding: peerdist' "$TEST_DIR/ci.head"
}
# The same for who polls: a part of it, so that what is counted is not increased.
ready() { # NAME
	ask "$1" -r 0-99
}
# wholes NAME: how often the origin was asked for all of it.
wholes() {
	awk -F'\t' -v head="GET /$1 HTTP/1.1" '$1 == head && $4 == "-"' "$ACCESS_LOG" | wc -l
}
verified() { # NAME
	ask "$1" || fail "no content information of $1"
	python3 "$MODEL" verify --whole "$TEST_DIR/ci" "$TEST_DIR/tree/$1" || fail "content information of $1"
}
# Whether content information is at hand, without causing anything: a file in the directory of
# hashes for each content.
hashed() { # COUNT
	test "$(find "$TEST_DIR/hashes" -type f ! -name 'new-*' ! -name '*lock*' | wc -l)" -ge "$1"
}

# Whole to a client that has never heard of it: hashed in both versions, and not fetched again.
plain passes
wait_until 20 hashed 1
for version in 1 2; do
	verified passes
done
unset version
assert_eq 1 "$(wholes passes)" 'GETs of a file that passed whole'
for i in 1 2 3; do plain passes; done
assert_eq 4 "$(wholes passes)" 'GETs, one for each client'
assert_num "$(requests '^HEAD /passes ')" -le 3 'lookups of one file'

# Who is told to ask again had its hashes made of the very answer.
! ask hinted || fail 'content information of what nobody has seen'
assert_match 'MakeHashRequest=true' "$(cat "$TEST_DIR/ci.head")"
assert_same_file "$TEST_DIR/ci" "$TEST_DIR/tree/hinted"
hash=1 ask hinted || fail 'no content information after the wait'
verified hinted
assert_eq 1 "$(wholes hinted)" 'GETs of a file whose hashes were asked for after it'

# Who asks at once waits, and the content is fetched once for it however many ask.
asking=()
for i in 1 2 3 4 5; do
	curl -sf --noproxy '*' -o "$TEST_DIR/asked-$i" -D "$TEST_DIR/asked-$i.head" \
		-H 'X-P2P-PeerDist: Version=1.1' \
		-H 'X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0, HashRequest=true' "${URL}asked" &
	asking+=("$!")
done
wait "${asking[@]}"
for i in 1 2 3 4 5; do
	grep -qi '^Content-Encoding: peerdist' "$TEST_DIR/asked-$i.head" || fail "no content information for waiter $i"
done
assert_eq 1 "$(wholes asked)" 'GETs of a file whose hashes five have asked for'

# A range alone hashes nothing; with a hint it is read once for it.
plain ranged -r 0-99999
! ask ranged -r 100-200 || fail 'content information of a file of which a part has passed'
assert_match '206 ' "$(head -n 1 "$TEST_DIR/ci.head")"
assert_match 'MakeHashRequest=true' "$(cat "$TEST_DIR/ci.head")"
wait_until 20 ready ranged
verified ranged
assert_eq 1 "$(wholes ranged)" 'whole GETs of it'

# A client that leaves behind the middle: it is read to its end. One that leaves before: it is not,
# unless its hashes were promised.
leave() { # NAME OCTETS [HEADER...]: takes so many, and leaves
	python3 - "$SERVE_ADDRESS" "$@" <<'END'
import socket, sys
host, port = sys.argv[1].split(":")
name, octets, headers = sys.argv[2], int(sys.argv[3]), sys.argv[4:]
connection = socket.create_connection((host, int(port)), 30)
connection.sendall(f"GET /{name} HTTP/1.1\r\nHost: x\r\n{''.join(h + chr(13) + chr(10) for h in headers)}\r\n".encode())
got = 0
while got < octets and (part := connection.recv(65536)):
    got += len(part)
END
}
leave late 2000000
wait_until 20 requested 1 '^GET /late .*	200	3000000'
wait_until 20 ready late
verified late
assert_eq 1 "$(wholes late)" 'GETs of a file that had half passed'
leave early 200000
wait_until 20 requested 1 '^GET /early '
assert_eq 0 "$(requests '^GET /early .*	200	3000000')" 'whole reads for a client that has left early'
leave left 200000 'Accept-Encoding: peerdist' 'X-P2P-PeerDist: Version=1.1' \
	'X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0'
wait_until 20 requested 1 '^GET /left .*	200	3000000'
wait_until 20 ready left
assert_eq 1 "$(wholes left)" 'GETs of a file whose hashes were promised'

# Too small, and not to be stored.
plain small
! ask small || fail 'content information of a small file'
plain secret
! ask secret || fail 'content information of what must not be stored'
! grep -qi MakeHash "$TEST_DIR/ci.head" || fail 'a promise for what must not be stored'
assert_match 'no-store' "$(cat "$TEST_DIR/ci.head")" 'Cache-Control'

# The origin's copy changes: tag, octets and content information go together.
plain changes
wait_until 20 ready changes
old=$(tr -d '\r' <"$TEST_DIR/ci.head" | sed -n 's/^ETag: //p')
make_octets "$TEST_DIR/next" 2500000 77
touch -d '30 minutes ago' "$TEST_DIR/next"
mv "$TEST_DIR/next" "$TEST_DIR/tree/changes"
# What is believed of it is of the old version for a second; each answer is of one version.
plain changes -D "$TEST_DIR/plain.head"
assert_same_file "$TEST_DIR/plain" "$TEST_DIR/tree/changes"
new=$(tr -d '\r' <"$TEST_DIR/plain.head" | sed -n 's/^ETag: //p')
assert_eq "$(curl -sI --noproxy '*' "${ORIGIN}changes" | tr -d '\r' | sed -n 's/^ETag: //p')" "$new" 'tag'
[ "$old" != "$new" ] || fail 'the same tag'
wait_until 20 ready changes
assert_eq "$new" "$(tr -d '\r' <"$TEST_DIR/ci.head" | sed -n 's/^ETag: //p')" 'tag of the content information'
verified changes

# After a restart: no content is fetched.
plain kept
wait_until 20 hashed 8
stop_server
start_serve "$ORIGIN" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
before=$(requests '^GET ')
ask kept || fail 'no content information after a restart'
verified kept
assert_eq "$before" "$(requests '^GET ')" 'GETs after a restart'
plain kept
ask kept -r 0-99999 || fail 'no content information of a range'

# Gone at the origin: gone here, and its hashes with it.
count=$(find "$TEST_DIR/hashes" -type f | wc -l)
rm "$TEST_DIR/tree/kept"
wait_until 20 eval '[ "$(curl -s --noproxy "*" -o /dev/null -w "%{http_code}" "${URL}kept")" = 404 ]'
wait_until 20 eval '[ "$(find "$TEST_DIR/hashes" -type f | wc -l)" -lt "$count" ]'
stop_server
