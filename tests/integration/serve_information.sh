#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist serve as an origin of content information: made at the start for all files that are large
# enough, kept over restarts, of the secret of the moment, and used by a mount.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl jq python3

tree=$TEST_DIR/tree
make_tree "$tree"
mkdir "$tree/.hidden"
make_octets "$tree/.hidden/file" 70000 7
mkfifo "$tree/fifo"
ln -s . "$tree/loop"
head -c 32 /dev/urandom >"$TEST_DIR/key"
chmod 600 "$TEST_DIR/key"

# ask NAME VERSION [OPTION...]: whether content information comes; it goes to $TEST_DIR/ci.
ask() {
	local name=$1 version=$2
	shift 2
	curl -sf --noproxy '*' -D "$TEST_DIR/head" -o "$TEST_DIR/ci" -H 'Accept-Encoding: peerdist' \
		-H 'X-P2P-PeerDist: Version=1.1' \
		-H "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=$version.0" \
		"$@" "$URL$name" && grep -qi '^Content-Encoding: peerdist' "$TEST_DIR/head"
}
secret() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

start_serve "$tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
# The walk comes to every file, and nobody has asked before.
last() {
	find "$tree" -type f -size +65535c | sed "s|^$tree/||" | sort
}
for name in $(last); do
	for version in 1 2; do
		wait_until 60 ask "$name" $version
		python3 "$MODEL" verify --whole --secret "$(secret "$TEST_DIR/key")" "$TEST_DIR/ci" "$tree/$name" ||
			fail "$name, version $version"
	done
done
! ask large-00.bin 2 || fail 'content information below min-size'
! ask many/file-000.txt 2 || fail 'content information of a small file'

# A range has its own.
ask large-11.bin 2 -r 1000000-3000000 || fail 'no content information of a range'
assert_match 'Content-Range: bytes 1000000-3000000/12345678' "$(cat "$TEST_DIR/head")"
assert_match 'ContentLength=2000001' "$(cat "$TEST_DIR/head")"
python3 "$MODEL" verify --secret "$(secret "$TEST_DIR/key")" "$TEST_DIR/ci" "$tree/large-11.bin" || fail 'range'
! ask large-11.bin 2 -H 'Range: bytes=0-1,999999999-' || fail 'content information though several ranges were named'

# What is kept is there at once after a restart, without hashing anew and without a walk.
stop_server
start_serve "$tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --lazy
ask large-11.bin 2 || fail 'the first question after a restart'
stop_server
# Another secret, another content information.
head -c 32 /dev/urandom >"$TEST_DIR/other"
chmod 600 "$TEST_DIR/other"
start_serve "$tree" --key "$TEST_DIR/other" --hashes "$TEST_DIR/hashes"
wait_until 60 ask large-11.bin 2
python3 "$MODEL" verify --whole --secret "$(secret "$TEST_DIR/other")" "$TEST_DIR/ci" "$tree/large-11.bin" ||
	fail 'content information of the former secret'
stop_server

# Offered versions and sizes.
start_serve "$tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes-1" --versions 1 --min-size 100
wait_until 60 ask large-11.bin 2
assert_eq 1 "$(python3 "$MODEL" decode "$TEST_DIR/ci" | jq .version)" 'version'
printf '%0100d' 1 >"$tree/just"
printf '%099d' 1 >"$tree/under"
touch -d '2020-01-01' "$tree/just" "$tree/under"
wait_until 60 ask just 1
! ask under 1 || fail 'content information below --min-size'
stop_server
