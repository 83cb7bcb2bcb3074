#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Nothing outside of the directory is served, however it is asked for, and of what is in it only
# files and directories.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl python3

# The secret lies beside the tree, below it and where links lead to.
mkdir -p "$TEST_DIR/up/tree/sub" "$TEST_DIR/up/outside"
echo "the secret" | tee "$TEST_DIR/up/secret" "$TEST_DIR/up/outside/secret" >/dev/null
tree=$TEST_DIR/up/tree
echo inside >"$tree/file"
echo deeper >"$tree/sub/file"
ln -s ../secret "$tree/link-up"
ln -s "$TEST_DIR/up/secret" "$tree/link-absolute"
ln -s ../outside "$tree/link-directory"
ln -s "$tree/file" "$tree/link-absolute-inside"
ln -s ../../secret "$tree/sub/link-up"
ln -s sub/file "$tree/link-inside"
ln -s ../file "$tree/sub/link-inside"
ln -s sub "$tree/link-to-sub"
ln -s loop "$tree/loop"
ln -s . "$tree/here"
ln -s /proc/self/root/etc/hostname "$tree/link-magic"
mkfifo "$tree/fifo"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$tree/socket"
if [ "$(id -u)" = 0 ]; then mknod "$tree/device" c 1 5; else : >"$TEST_DIR/no-device"; fi
printf 'back\\slash' >"$tree/..\\secret"

start_serve "$tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes"

# status TARGET [HEADER...]: what the server says to the target as it stands; the body goes to
# $TEST_DIR/body.
cat >"$TEST_DIR/ask.py" <<'END'
import socket, sys
host, port = sys.argv[1].split(":")
target = sys.argv[2].encode("utf-8", "surrogateescape")
lines = sys.argv[3:] or ["Host: " + sys.argv[1]]
with socket.create_connection((host, int(port)), 20) as connection:
    connection.sendall(b"GET " + target + b" HTTP/1.1\r\nConnection: close\r\n" +
                       b"".join(line.encode() + b"\r\n" for line in lines if line) + b"\r\n")
    answer = b""
    while part := connection.recv(65536):
        answer += part
head, _, body = answer.partition(b"\r\n\r\n")
sys.stdout.buffer.write(head.split(b" ")[1])
open(sys.argv[0] + ".body", "wb").write(answer)
END
status() {
	python3 "$TEST_DIR/ask.py" "$SERVE_ADDRESS" "$@"
	! grep -q 'the secret' "$TEST_DIR/ask.py.body" || fail "the secret is out: $*"
}
refused() {
	assert_match '^4(00|03|04|21)$' "$(status "$@")" "$*"
}

assert_eq 200 "$(status /file)"
for target in /../secret /sub/../../secret /./../secret /.. /../ /sub/.. '/..;/secret' \
	/%2e%2e/secret /%2E./secret /.%2e/secret /sub/%2e%2e/%2e%2e/secret /..%2fsecret /sub%2f..%2f..%2fsecret \
	/..%5csecret-no '/..\secret-no' /%5c..%5csecret /%252e%252e/secret /..%252fsecret \
	/%c0%ae%c0%ae/secret /..%c0%afsecret /..%c1%9csecret /%e0%80%ae%e0%80%ae/secret \
	/file%00 /%00 /..%00/secret /file%00/../../secret '/%u002e%u002e/secret' \
	//../secret ///..///secret "/$TEST_DIR/up/secret-no" //etc/passwd /etc/passwd /proc/self/environ \
	/link-up /link-absolute /link-directory/ /link-directory/secret /sub/link-up /link-to-sub/link-up \
	/link-to-sub/../../secret /link-absolute-inside /link-magic /loop /loop/ /here/here/here/link-up \
	/fifo /socket /device secret ../secret '' '?' 'http://' 'file:///etc/passwd' '*'; do
	refused "$target"
done
for target in /link-inside /sub/link-inside /link-to-sub/file /here/here/file '/..%5csecret' '/..\secret' //file; do
	assert_eq 200 "$(status "$target")" "$target"
done

# Absolute forms: for ourselves, and for nobody else; we are no proxy.
assert_eq 200 "$(status "http://$SERVE_ADDRESS/file")"
assert_eq 200 "$(status "http://localhost:${SERVE_ADDRESS##*:}/file" "Host: $SERVE_ADDRESS")"
for target in http://elsewhere.example/file http://192.0.2.1/file "https://$SERVE_ADDRESS/file" \
	"http://$SERVE_ADDRESS@elsewhere.example/file" http://elsewhere.example:80/file 'http:///file' \
	"http://$SERVE_ADDRESS/../secret" "http://$SERVE_ADDRESS/%2e%2e/secret" 'http://[2001:db8::1]/file'; do
	refused "$target" 'Host: elsewhere.example'
	refused "$target"
done
assert_eq 421 "$(status http://elsewhere.example/file 'Host: elsewhere.example')"

# Host, once and possible.
assert_eq 400 "$(status /file '')" 'no Host'
assert_eq 400 "$(status /file 'Host: a' 'Host: b')" 'two Hosts'
assert_eq 400 "$(status /file 'Host: a/b')" 'no host'

# A directory whose name is another host's.
mkdir "$tree/elsewhere.example" "$tree/a:b"
location() {
	curl -s --path-as-is --noproxy '*' -o /dev/null -w '%{http_code} %{redirect_url}' "$URL$1"
}
assert_match "^301 http://$SERVE_ADDRESS/+elsewhere.example/\$" "$(location /elsewhere.example)" 'redirect of //host'
assert_eq "301 ${URL}a%3Ab/?x=y" "$(location 'a:b?x=y')" 'redirect of a:b'
assert_match $'\nLocation: elsewhere.example/\r' "$(curl -si --path-as-is --noproxy '*' "$URL/elsewhere.example")"

# Listings show what can be had.
listing=$(curl -sf --noproxy '*' "$URL" | sed -n 's/.*href="\([^"]*\)".*/\1/p' | tr '\n' ' ')
assert_eq '../ a%3Ab/ elsewhere.example/ here/ link-to-sub/ sub/ ..%5Csecret file link-inside ' "$listing" 'listing'

# Links are followed where that is wanted, but nothing else changes.
stop_server
start_serve "$tree" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes" --follow-links
for target in link-up link-absolute link-directory/secret link-absolute-inside link-inside; do
	curl -sf --noproxy '*' -o /dev/null "$URL$target" || fail "link $target is not followed"
done
for target in /../secret /%2e%2e/secret /..%2fsecret /link-directory/../secret /fifo /socket /device /loop \
	/link-magic; do
	refused "$target"
done
stop_server
