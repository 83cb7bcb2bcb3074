#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The copy tool, as a download manager would use the API: from an origin with content information
# the first machine takes a file once, the second has it of the first; a file that changes meanwhile
# is never mixed; from an origin without, and without a service, it is an ordinary download.
# alone: not one answer may be late
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/examples.sh
requires_fuse

lan_create 2 v4
lan_origin
build_examples
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 5000001 1
make_octets "$tree/other" 3000001 2
export no_proxy='*'

# copies NODE NEAR ORIGIN NAME: what came from where.
copies() {
	rm -f "$TEST_DIR/copy"
	example "$1" copy "$URL$4" "$TEST_DIR/copy" 3000 >"$TEST_DIR/copy.log" 2>&1 ||
		fail "copy of $4 on $1: status $?: $(cat "$TEST_DIR/copy.log")"
	assert_same_file "$tree/$4" "$TEST_DIR/copy"
	assert_eq "near $2 origin $3" "$(cat "$TEST_DIR/copy.log")" "where $1 has $4 from"
}

lan_serve "$tree" --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes"
for version in 1 2; do
	wait_until 30 lan_serves file $version
	wait_until 30 lan_serves other $version
done
lan_mount lan1 "$URL"
lan_mount lan2 "$URL"
copies lan1 0 5000001 file
copies lan1 5000001 0 file
copies lan2 5000001 0 file
assert_eq 5000001 "$(lan_status lan2 .sources.peer.bytes)" 'octets from the first machine'

# Another version of the file: its information is another one, and nothing of the old one is used.
make_octets "$tree/file" 5000001 3
touch -d '2030-01-01' "$tree/file"
wait_until 30 lan_serves file 2
rm -f "$TEST_DIR/copy"
example lan2 copy "${URL}file" "$TEST_DIR/copy" 3000 >"$TEST_DIR/copy.log" || fail "copy: status $?"
assert_same_file "$tree/file" "$TEST_DIR/copy"
assert_match '^near 0 ' "$(cat "$TEST_DIR/copy.log")" 'nothing of the old version'

# The service goes away: the origin alone.
lan_admin lan1 'mode off' >/dev/null
copies lan1 0 3000001 other
lan_admin lan1 'mode distributed' >/dev/null
PEERDIST_CONTROL=$TEST_DIR/nothing in_namespace lan1 timeout 60 "$EXAMPLES/copy" "${URL}other" \
	"$TEST_DIR/copy" >"$TEST_DIR/copy.log" || fail "copy without a service: status $?"
assert_same_file "$tree/other" "$TEST_DIR/copy"
stop_server

# An origin without content information.
start_nginx "$tree"
copies lan1 0 3000001 other
assert_eq 1 "$(requests 'GET /other')" 'requests at an ordinary origin'
assert_refused 'status 404' example lan1 copy "${URL}absent" "$TEST_DIR/absent"
[ ! -e "$TEST_DIR/absent" ] || fail 'a failed copy left a file'
stop_server

# One whose information is of another version than its content, once and always.
lan_informed "$tree" '{"/file": [{"information_etag": "\"old\""}, {}],
	"/other": {"information_etag": "\"old\""}}'
rm -f "$TEST_DIR/copy"
example lan1 copy "${URL}file" "$TEST_DIR/copy" 300 >"$TEST_DIR/copy.log" || fail "copy: status $?"
assert_same_file "$tree/file" "$TEST_DIR/copy"
assert_eq 2 "$(asked '.path == "/file" and .welcome != null')" 'questions about a file that changed'
assert_num "$(asked '.path == "/file" and .missing != null and .range != null')" -ge 2 'ranges of it'
assert_refused 'changes all the time' example lan1 copy "${URL}other" "$TEST_DIR/mixed" 300
[ ! -e "$TEST_DIR/mixed" ] || fail 'what was mixed is there'
lan_leave
