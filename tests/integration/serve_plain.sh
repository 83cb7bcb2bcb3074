#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# To plain clients peerdist serve is as nginx: the same statuses, octets and headers for a table of
# requests. Where RFC 9110 and nginx differ we follow the RFC, and the table asks for what is said
# there.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl nginx python3

make_tree "$TEST_DIR/tree"
ln -s large-00.bin "$TEST_DIR/tree/link.bin"
start_nginx "$TEST_DIR/tree" 'if_modified_since before;'
NGINX=$URL
start_serve "$TEST_DIR/tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
OURS=$URL

# etag_of BASE PATH: of the file as it is now.
etag_of() {
	curl -sI --noproxy '*' "$1$2" | tr -d '\r' | sed -n 's/^[Ee][Tt][Aa][Gg]: //p'
}

# answer BASE PATH OPTION...: what counts of the answer, in lines.
answer() {
	local base=$1 path=$2 boundary
	shift 2
	: >"$TEST_DIR/body"
	curl -s --path-as-is --noproxy '*' -D "$TEST_DIR/head" -o "$TEST_DIR/body" \
		-w 'status %{http_code}\nto %{redirect_url}\n' "$@" "$base$path" |
		sed "s|to $base|to |"
	tr -d '\r' <"$TEST_DIR/head" | { grep -iE '^(content-range|last-modified):' || :; } |
		tr '[:upper:]' '[:lower:]' | sort
	# Pages of listings, redirects and errors look as each likes.
	grep -qE '^HTTP/1.[01] 20' "$TEST_DIR/head" || return 0
	tr -d '\r' <"$TEST_DIR/head" | sed -n 's/; charset=utf-8//; s/boundary=.*/boundary/; /^[Cc]ontent-[Tt]ype:/p'
	[[ $path != */ ]] && [ -n "$path" ] || return 0
	boundary=$(tr -d '\r' <"$TEST_DIR/head" | sed -n 's/.*boundary=//p')
	# To HEAD, curl's body is the head.
	[ "${1:-}" = -I ] || sed "s/--${boundary:-none of it}/--boundary/" "$TEST_DIR/body" | sha256sum
	if [ -z "$boundary" ]; then
		tr -d '\r' <"$TEST_DIR/head" | grep -i '^content-length:' | tr '[:upper:]' '[:lower:]'
	fi
}

rows=0
# same PATH OPTION...: ETAG in an option stands for the server's own tag of the file.
same() {
	local path=$1 ours nginx base tag=
	shift
	for base in "$OURS" "$NGINX"; do
		[[ $* != *ETAG* ]] || tag=$(etag_of "$base" "$path")
		answer "$base" "$path" "${@//ETAG/$tag}" \
			>"$TEST_DIR/answer-$([ "$base" = "$OURS" ] && echo ours || echo nginx)"
	done
	ours=$(cat "$TEST_DIR/answer-ours") nginx=$(cat "$TEST_DIR/answer-nginx")
	assert_eq "$nginx" "$ours" "answers to $path $*"
	rows=$((rows + 1))
}

file=large-02.bin
modified=$(curl -sI --noproxy '*' "$NGINX$file" | tr -d '\r' | sed -n 's/^Last-Modified: //p')
later='Wed, 01 Jan 2025 00:00:00 GMT' before='Sat, 01 Jan 2000 00:00:00 GMT'

for path in '' many many/ names/ 'directories/with%20space' empty "$file" link.bin many/file-001.txt \
	nothing nothing/ many/nothing large-00.bin/ large-00.bin/x names/%ff%fe names/latin1-%e9 \
	names/percent%2520encoded 'names/question%3Fmark=1&b=2' "names/$(printf 'x%.0s' {1..255})" \
	"names/$(printf 'x%.0s' {1..256})" 'many?query' "$file?query" many//file-001.txt \
	'many%20' %zz % %00 "$file%00"; do
	same "$path"
	same "$path" -I
done
for range in 0-0 0-9 65530- 65536-65536 -1 -70000 60000-99999999 65537- 65537-70000 99999999999999999999- \
	0-0,2-3 0-9,65530-65536,-1 5-6,0-1 0-0,70000- 70000-,80000- 0-,0-,0-; do
	same "$file" -r "$range"
	same empty -r "$range"
done
same "$file" -H 'Range: items=0-1'
for condition in 'If-Match: ETAG' 'If-Match: "other"' 'If-Match: *' 'If-Match: "other", ETAG' \
	'If-None-Match: ETAG' 'If-None-Match: "other"' 'If-None-Match: *' 'If-None-Match: W/ETAG' \
	"If-Modified-Since: $modified" "If-Modified-Since: $later" "If-Modified-Since: $before" \
	"If-Unmodified-Since: $modified" "If-Unmodified-Since: $later" "If-Unmodified-Since: $before" \
	'If-Modified-Since: at noon'; do
	same "$file" -H "$condition"
	same "$file" -I -H "$condition"
	same "$file" -H "$condition" -r 5-9
done
for condition in 'If-Range: ETAG' 'If-Range: "other"' "If-Range: $modified" "If-Range: $before"; do
	same "$file" -r 5-9 -H "$condition"
	same "$file" -r 70000- -H "$condition"
done
same "$file" -H 'If-None-Match: "other"' -H "If-Modified-Since: $modified"
same "$file" -H 'If-Match: "other"' -H 'If-None-Match: ETAG'
for method in POST PUT DELETE; do same "$file" -X "$method" -d x; done
same "$file" -H 'Accept-Encoding: gzip, deflate, br'
same "$file" -H 'Accept-Encoding: gzip' --http1.0
same "$file" -H 'Host: elsewhere.example'
same "$file" -H 'Host:' --http1.0
same "$file" -H 'Host:'
same "$file" -H 'Host: a/b'
assert_num "$rows" -gt 150 'requests compared'

# What nginx has not, or has otherwise.
said=$(curl -si --noproxy '*' -X OPTIONS "$OURS$file" | tr -d '\r')
assert_match '^HTTP/1.1 200 ' "$said" 'OPTIONS'
assert_match $'\nAllow: GET, HEAD, OPTIONS\n' "$said" 'OPTIONS'
assert_match $'\nAllow: GET, HEAD, OPTIONS\n' "$(curl -si --noproxy '*' -X PUT -d x "$OURS$file" | tr -d '\r')" 'PUT'
for range in x 5-2 0-1-2 1,2; do # malformed: as if there were none
	assert_eq 200 "$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' -H "Range: bytes=$range" "$OURS$file")" "range $range"
done
many=
for ((i = 0; i < 33; i++)); do many+=$i-$i,; done
assert_eq 200 "$(curl -s -o /dev/null -w '%{http_code}' --noproxy '*' -r "${many%,}" "$OURS$file")" 'too many ranges'
assert_match 'bytes \*/65537' "$(curl -si --noproxy '*' -r 65537- "$OURS$file")" '416'
stop_server
