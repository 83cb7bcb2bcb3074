#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What reads web listings reads a whole tree from peerdist serve: wget, rclone, programs.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl wget rclone jq python3

tree=$TEST_DIR/tree
make_tree "$tree"
printf '<a href="elsewhere">an index is a file</a>' >"$tree/many/index.html"
echo colon >"$tree/a:b" # which rclone asks for as "./a:b"
find "$tree" -exec touch -h -d '2020-02-02 02:02:02 UTC' {} +
cp -a "$tree" "$TEST_DIR/plain"
printf 'seen' >"$tree/.hidden"
mkdir "$tree/.hidden directory"
printf 'seen' >"$tree/.hidden directory/.file"

# wget, which has ways of its own with names: as from nginx, which shows no hidden names.
start_nginx "$TEST_DIR/plain" 'index .none;'
NGINX=$URL
mirror() { # URL NAME; wget asks for things that are not there, so its status says nothing
	(cd "$TEST_DIR" && wget -q -r -l inf -np -nH -e robots=off --no-proxy --default-page=.listing \
		--restrict-file-names=unix,nocontrol -P "$2" "$1") || :
	# Where it puts the listings.
	find "$TEST_DIR/$2" -name '.listing*' -delete
}
mirror "$NGINX" wget-nginx
start_serve "$TEST_DIR/plain" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
mirror "$URL" wget-ours
assert_same_tree "$TEST_DIR/wget-nginx" "$TEST_DIR/wget-ours"
assert_same_tree "$TEST_DIR/plain/many" "$TEST_DIR/wget-ours/many"
assert_same_tree "$TEST_DIR/plain/deep" "$TEST_DIR/wget-ours/deep"
assert_eq "$(stat -c %Y "$tree/large-06.bin")" "$(stat -c %Y "$TEST_DIR/wget-ours/large-06.bin")" 'time by wget'

# rclone cannot name what is no UTF-8.
export HOME=$TEST_DIR RCLONE_CONFIG=$TEST_DIR/rclone.conf
: >"$RCLONE_CONFIG"
cp -a "$tree" "$TEST_DIR/readable"
find "$TEST_DIR/readable" -depth -print0 | python3 -c '
import os, shutil, sys
for path in sys.stdin.buffer.read().split(b"\0")[:-1]:
    name = os.path.basename(path)
    try:
        if name.decode().isprintable():
            continue
    except UnicodeDecodeError:
        pass
    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
'
start_serve "$TEST_DIR/readable" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
rclone copy --http-no-head=false --create-empty-src-dirs --http-url "$URL" :http: "$TEST_DIR/rclone" 2>"$TEST_DIR/rclone.log" ||
	fail 'rclone copy'
assert_same_tree "$TEST_DIR/readable" "$TEST_DIR/rclone"
assert_eq "$(stat -c %Y "$tree/large-06.bin")" "$(stat -c %Y "$TEST_DIR/rclone/large-06.bin")" 'time by rclone'

# JSON is JSON whatever the names are.
curl -sf --noproxy '*' -H 'Accept: application/json' "${URL}many/" >"$TEST_DIR/many.json"
assert_eq 201 "$(jq length "$TEST_DIR/many.json")" 'entries in JSON'
entry=$(jq -c '.[] | select(.name == "index.html")' "$TEST_DIR/many.json")
size=$(stat -c %s "$tree/many/index.html")
assert_eq '{"name":"index.html","url":"./index.html","type":"file","mtime":"Sun, 02 Feb 2020 02:02:02 GMT","size":'"$size}" \
	"$entry" 'an entry'
curl -sf --noproxy '*' -H 'Accept: application/json' "${URL}names/" | jq -e 'length > 30' >/dev/null ||
	fail 'odd names make bad JSON'
stop_server
