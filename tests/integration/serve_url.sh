#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist serve URL in front of nginx and of Apache: to plain clients as the origin itself, status,
# octets, validators and ranges, but that it is no open proxy.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl nginx apache2 python3

make_tree "$TEST_DIR/tree"
printf '<p>a page' >"$TEST_DIR/tree/page.html"
touch -d '2020-02-02' "$TEST_DIR/tree/page.html"
chmod -R a+rX "$TEST_DIR"

# header NAME: of $TEST_DIR/head.
header() {
	tr -d '\r' <"$TEST_DIR/head" | sed -n "s/^$1: //Ip"
}
fetch() { # URL OPTION...
	: >"$TEST_DIR/body"
	curl -s --path-as-is --noproxy '*' -D "$TEST_DIR/head" -o "$TEST_DIR/body" -w '%{http_code}' "${@:2}" "$1"
}
# answer URL OPTION...: what counts of the answer. A multipart body has a boundary of its server's
# choice.
answer() {
	local status boundary
	status=$(fetch "$@")
	echo "status $status"
	case $status in 200 | 206 | 304 | 412 | 416) ;; *) return ;; esac
	boundary=$(header Content-Type | sed -n 's/.*boundary=//p')
	[ "$status" = 416 ] || [ "$status" = 412 ] || for name in ETag Last-Modified Content-Range; do echo "$name: $(header $name)"; done
	[ "$status" = 412 ] || [ "$status" = 416 ] || [ "$status" = 304 ] ||
		sed "s/${boundary:-none of it}/boundary/g; /^Content-[Tt]ype: /d" "$TEST_DIR/body" |
		tr '[:upper:]' '[:lower:]' | sha256sum
}
rows=0
# same PATH OPTION...: TAG and DATE stand for the file's validators.
same() {
	local options=("${@:2}")
	options=("${options[@]//TAG/$tag}")
	options=("${options[@]//DATE/$date}")
	if [ "${options[0]:-}" = -I ]; then
		# The body that curl shows is the head.
		assert_eq "$(answer "$ORIGIN$1" "${options[@]}" | grep -v ' -$')" \
			"$(answer "$URL$1" "${options[@]}" | grep -v ' -$')" "HEAD of $1 ${options[*]}"
		grep -q "^HTTP/1.1 200" "$TEST_DIR/head" || return 0
		assert_eq "$(curl -sI --noproxy '*' "$ORIGIN$1" | grep -i '^content-length: ')" \
			"$(curl -sI --noproxy '*' "$URL$1" | grep -i '^content-length: ')" "length of $1"
	else
		assert_eq "$(answer "$ORIGIN$1" "${options[@]}")" "$(answer "$URL$1" "${options[@]}")" \
			"answers to $1 ${options[*]}"
	fi
	rows=$((rows + 1))
}

as_the_origin() {
	local file=large-02.bin path range condition
	tag=$(curl -sI --noproxy '*' "$ORIGIN$file" | tr -d '\r' | sed -n 's/^ETag: //p')
	date=$(curl -sI --noproxy '*' "$ORIGIN$file" | tr -d '\r' | sed -n 's/^Last-Modified: //p')
	assert_match '^"' "$tag"
	for path in empty $file many/file-001.txt large-11.bin nothing many/nothing nothing/ page.html \
		names/%ff%fe names/percent%2520encoded 'names/question%3Fmark=1&b=2' "$file?query"; do
		same "$path"
		same "$path" -I
	done
	for range in 0-0 5-9 65530- 65536-65536 -1 -70000 60000-99999999 65537- 0-0,2-3 0-9,65530-65534,-1 0-; do
		same $file -r "$range"
	done
	for condition in 'If-Match: TAG' 'If-Match: "other"' 'If-Match: *' 'If-None-Match: TAG' \
		'If-None-Match: "other"' 'If-None-Match: *' 'If-Modified-Since: DATE' \
		'If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT' 'If-Unmodified-Since: DATE' \
		'If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT'; do
		same $file -H "$condition"
		same $file -H "$condition" -r 5-9
	done
	for condition in 'If-Range: TAG' 'If-Range: "other"' 'If-Range: DATE'; do
		same $file -r 5-9 -H "$condition"
	done
	# What the origin has by that name is told; a name that no listing shows is found.
	assert_eq 301 "$(fetch "${URL}many")" 'a directory without its slash'
	assert_eq 'many/' "$(header Location)"
	assert_eq 404 "$(fetch "$URL$file/")" 'a file with a slash'
	assert_eq 405 "$(fetch "$URL$file" -X PUT -d x)" 'PUT'
	# Nobody's proxy.
	for path in http://elsewhere.example/large-02.bin "http://elsewhere.example:80/" \
		'http:///large-02.bin'; do
		assert_match '^4(00|21)$' "$(fetch "$URL" --request-target "$path")" "$path"
	done
	assert_eq 200 "$(fetch "$URL" --request-target "${URL}page.html")"
	assert_eq 400 "$(fetch "$URL../secret")"
	assert_eq 400 "$(fetch "$URL%2e%2e/secret")"
}

echo secret >"$TEST_DIR/secret"
start_nginx "$TEST_DIR/tree" 'location /hidden { autoindex off; } if_modified_since before;'
ORIGIN=$URL nginx=$SERVER_PID
mkdir "$TEST_DIR/tree/hidden"
echo unlisted >"$TEST_DIR/tree/hidden/file"
start_serve "$ORIGIN" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
as_the_origin
assert_num "$rows" -gt 50 'requests compared'
assert_eq 200 "$(fetch "${URL}hidden/file")" 'a file that no listing shows'
assert_eq 403 "$(fetch "${URL}hidden/")" 'a listing that the origin refuses'
fetch "${URL}page.html" >"$TEST_DIR/status"
assert_eq text/html "$(header Content-Type)" 'the media type of the origin'
stop_server
stop_server "$nginx"

start_apache "$TEST_DIR/tree"
ORIGIN=$URL
start_serve "${ORIGIN%/}" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
as_the_origin
stop_server

# What the client sends of itself does not go on.
start_faulty '{"/file": {"body": "content"}}'
start_serve "$URL" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"
assert_eq 200 "$(fetch "${URL}file" -u me:mine -H 'Cookie: a=b' -H 'X-Forwarded-For: 1.2.3.4' -A agent)"
assert_num "$(faulty_requests '.path == "/file"')" -ge 2 'requests to the origin'
assert_eq 0 "$(faulty_requests '.headers | keys | map(ascii_downcase) | any(. == "authorization" or
	. == "cookie" or . == "x-forwarded-for")')" 'headers that were passed on'
stop_server
