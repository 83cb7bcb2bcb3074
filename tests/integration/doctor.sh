#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist doctor finds what is wrong with the network and with an origin, says how to mend it, and
# fails then; what is right it calls so.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse
requires_isolation # interfaces of our own
requires_cmd ip jq python3

# doctor ARGUMENTS...: sets $status; the findings are in $TEST_DIR/found.
doctor() {
	status=0
	timeout 60 "$BUILD/peerdist" doctor --json "$@" >"$TEST_DIR/found" 2>"$TEST_DIR/said" || status=$?
}
# verdicts CHECK: of the findings.
verdicts() {
	jq -r --arg check "$1" '[.findings[] | select(.check == $check) | .verdict] | unique | join(" ")' \
		"$TEST_DIR/found"
}
# Whatever is wrong has its cure, and is counted.
consistent() {
	assert_eq "$(jq '[.findings[] | select(.verdict == "wrong")] | length' "$TEST_DIR/found")" \
		"$(jq .wrong "$TEST_DIR/found")" 'number of findings that are wrong'
	assert_eq 0 "$(jq '[.findings[] | select(.verdict != "ok" and .mend == null)] | length' \
		"$TEST_DIR/found")" 'findings without a cure'
	assert_eq "$(($(jq .wrong "$TEST_DIR/found") > 0))" "$status" status
}

# Loopback is not taken unless it is named.
doctor
consistent
assert_eq wrong "$(verdicts interfaces)" 'no interface'
assert_match 'doctor: [0-9]+ wrong' "$(cat "$TEST_DIR/said")"

ip link add near type veth peer name far
ip address add 10.66.0.1/24 dev near
ip link set near up
ip link set far up
doctor_is_well() {
	doctor -o interface=near
	[ "$status" = 0 ]
}
wait_until 20 doctor_is_well # an IPv6 address is checked first
consistent
assert_eq 'ok ok ok ok' "$(for check in interfaces multicast discovery retrieval; do
	verdicts "$check"; done | xargs)" 'a network that is well'
assert_match '^ok +retrieval: TCP 1337 is free$' \
	"$("$BUILD/peerdist" doctor -o interface=near | grep retrieval)" 'for people'
doctor -o interface=near,interface=absent
consistent
assert_match 'absent cannot take part' "$(jq -r '.findings[] | select(.verdict == "wrong") | .text' \
	"$TEST_DIR/found")"

# Programs that have the ports for themselves.
background "$TEST_DIR/taker.log" python3 -c 'import socket, time
ports = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(16)]
for number, port in enumerate(ports):
    port.bind(("0.0.0.0", 1337 + number))
    port.listen()
ports += [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
ports[-1].bind(("0.0.0.0", 3702))
print("taken", flush=True)
time.sleep(1000)'
taker=$background_pid
wait_until 20 grep -q taken "$TEST_DIR/taker.log"
doctor -o interface=near
consistent
assert_eq 'wrong wrong' "$(verdicts discovery) $(verdicts retrieval)" 'ports that are taken'
doctor -o interface=near,listen=1400,discovery_port=3999
assert_eq 'ok ok' "$(verdicts discovery) $(verdicts retrieval)" 'other ports'
doctor -o interface=near,listen=1337
assert_eq note "$(verdicts retrieval)" 'a port that perhaps a mount has'
doctor -o interface=near,listen=10.66.0.77:1337
assert_eq wrong "$(verdicts retrieval)" 'an address that is not ours'
stop_process "$taker"

# Origins: with content information, plain, without validators, and none at all.
mkdir "$TEST_DIR/origin"
make_octets "$TEST_DIR/origin/file" 300000 1
start_serve "$TEST_DIR/origin" --key "$TEST_DIR/serve.key" --hashes "$TEST_DIR/hashes"
gives_information() {
	doctor -o interface=near "$URL"
	[ "$(verdicts 'content information')" = ok ]
}
wait_until 30 gives_information
consistent
assert_eq 'ok ok ok' "$(for check in origin validators ranges; do verdicts "$check"; done | xargs)"
doctor -o interface=near "${URL}file"
assert_eq 'ok ok ok ok' "$(for check in origin validators ranges 'content information'; do
	verdicts "$check"; done | xargs)" 'a single file'
stop_process "$SERVER_PID"
doctor -o interface=near "$URL"
consistent
assert_eq wrong "$(verdicts origin)" 'an origin that is gone'
start_nginx "$TEST_DIR/origin"
doctor -o interface=near "$URL"
consistent
assert_eq 'ok ok ok note' "$(for check in origin validators ranges 'content information'; do
	verdicts "$check"; done | xargs)" 'a plain origin'
doctor -o interface=near "${URL}nothing"
assert_eq wrong "$(verdicts origin)" 'a file that is not there'
start_nginx "$TEST_DIR/origin" 'etag off; add_header Last-Modified ""; max_ranges 0;'
doctor -o interface=near "${URL}file"
consistent
assert_eq 'wrong wrong' "$(verdicts validators) $(verdicts ranges)" 'neither validators nor ranges'

# Rules for the firewall name what we need, from our networks only.
rules=$("$BUILD/peerdist" doctor --firewall -o interface=near,listen=1400)
assert_match '10\.66\.0\.0/24.*tcp dport 1400 accept' "$rules" 'rules'
assert_refused 'listen=0' "$BUILD/peerdist" doctor --firewall -o listen=0

# Words.
for words in '--nonsense' '-o timeout=soon' 'a b' '--firewall --json' 'gopher://x/'; do
	status=0
	# shellcheck disable=SC2086
	"$BUILD/peerdist" doctor $words >"$TEST_DIR/found" 2>&1 || status=$?
	assert_eq 2 "$status" "status of doctor $words"
done
