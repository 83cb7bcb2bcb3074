#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who may offer and ask: loopback, link-local and private addresses, or those of --allow; others get 403,
# also by TLS.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/hosted_alone.sh
requires_isolation
hosted_keys

# status_of PATH [curl's words]: of a POST from this machine.
status_of() {
	curl -s --noproxy '*' -m 20 -o /dev/null -w '%{http_code}' --data-binary '' "${@:2}" "$1" || :
}
retrieval=116B50EB-ECE2-41ac-8429-9F9E963361B7/
offers=0131501b-d67f-491b-9a40-c4bf27bcb4d4/
offers_1=C574AC30-5794-4AEE-B1BB-6651C5315029/
# An empty body is malformed: 400 is said to who may ask.
all_say() { # all_say STATUS WORDS...
	assert_eq "$1 $1" "$(status_of "http://$HOSTED/$retrieval" "${@:2}") $(status_of "http://$HOSTED/$offers" "${@:2}")" \
		"status with ${*:2}"
	[ -z "$HOSTED_TLS" ] || assert_eq "$1" "$(status_of "https://$HOSTED_TLS/$offers_1" -k "${@:2}")" 'by TLS'
}
start_hosted "${with_tls[@]}"
all_say 400
stop_hosted
start_hosted "${with_tls[@]}" --allow 127.0.0.8/30 --allow 10.0.0.0/8
all_say 403 --interface 127.0.0.1
all_say 403 --interface 127.0.0.12
assert_eq 4 "$(jq .served.forbidden "$HOSTED_CONTROL/status")" 'counted'
all_say 400 --interface 127.0.0.8
all_say 400 --interface 127.0.0.11
make_octets "$TEST_DIR/file" 100000 1
assert_fails "$HOSTED_CLIENT" offer "$HOSTED" --file "$TEST_DIR/file" --wait nothing >/dev/null
offers --file "$TEST_DIR/file" --source 127.0.0.9
asks --file "$TEST_DIR/file" --source 127.0.0.10
stop_hosted
for words in '300.0.0.0/8' '10.0.0.0/33' 'fd00::/129' 'name' ''; do
	status=0
	message=$(timeout 20 "$BUILD/peerdist" hosted --listen 127.0.0.1:0 --cache "$TEST_DIR/none" --allow "$words" 2>&1) || status=$?
	assert_eq 2 "$status" "status with --allow '$words'"
	assert_eq 1 "$(wc -l <<<"$message")" "lines of '$message'"
done

# On a LAN, where private, link-local, and others are.
lan_create 3
ip -n lan3 address add 198.51.100.3/24 dev eth0
ip -n lan1 address add 198.51.100.1/24 dev eth0
ip -n lan3 address add 2001:db8::3/64 dev eth0 nodad
ip -n lan1 address add 2001:db8::1/64 dev eth0 nodad
lan_post() { # lan_post NODE ADDRESS [WORDS...]
	in_namespace "$1" curl -s --noproxy '*' -g -m 20 -o /dev/null -w '%{http_code}' --data-binary '' "${@:3}" \
		"http://$2:$port/$retrieval" || :
}
HOSTED_LOG=$TEST_DIR/hosted-lan.log
background "$HOSTED_LOG" nsenter --net=/run/netns/lan1 "$BUILD/peerdist" hosted --listen 8080 \
	--cache "$TEST_DIR/cache-lan"
HOSTED_PID=$background_pid
wait_until 20 hosted_ready_or_died
alive "$HOSTED_PID" || fail "$(cat "$HOSTED_LOG")"
port=8080
assert_eq 400 "$(lan_post lan2 10.78.0.1)" 'private'
assert_eq 400 "$(lan_post lan2 '[fd78::1]')" 'unique local'
local_1=$(ip -n lan1 -6 -o address show dev eth0 scope link | awk '{ sub("/.*", "", $4); print $4; exit }')
assert_eq 400 "$(lan_post lan2 "[$local_1%25eth0]")" 'link-local'
assert_eq 403 "$(lan_post lan3 198.51.100.1)" 'a public one'
assert_eq 403 "$(lan_post lan3 '[2001:db8::1]')" 'a public one of IPv6'
kill -TERM "$HOSTED_PID"
wait_for_end "$HOSTED_PID" || fail 'its end'
