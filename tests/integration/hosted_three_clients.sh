#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A hosted cache, three clients, and an origin behind a slow link: what the first has read the second
# reads from the cache when the first has left, and the third when the cache was restarted besides.
# alone: not one answer may be late
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/hosted.sh
requires_fuse
requires_cmd tc

#   lan1, lan2, lan3: clients    lan4: the hosted cache    origin: behind 40 Mbit/s
lan_create 4
lan_origin
in_namespace origin tc qdisc add dev eth0 root tbf rate 40mbit burst 64kb latency 100ms || skip 'no tbf here'
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/large" 6000001 1
make_octets "$tree/one-block" 70000 2
lan_informed "$tree"
size=6070001
lan_hosted lan4

# cache_has_all VERSION: judged by content information.
cache_has_all() {
	local name
	for name in large one-block; do
		lan_ask lan3 get "$HOSTED" --file "$tree/$name" --version "$1" >"$TEST_DIR/got" || return 1
		[ "$(jq '"\(.bytes) \(.missing)"' -r "$TEST_DIR/got")" = "$(stat -c %s "$tree/$name") 0" ] || return 1
	done
}
# reads_from_cache NODE: everything, and the origin is not asked for an octet.
reads_from_cache() {
	local before
	before=$(origin_asked)
	lan_mount "$1" "$URL" "mode=hosted,hosted=$HOSTED,versions=$version"
	lan_read "$1" large one-block
	assert_eq "$size 0 0" "$(lan_status "$1" '.sources | "\(.hosted.bytes) \(.origin.bytes) \(.peer.bytes)"')" \
		"octets of $1 from cache, origin, peers, version $version"
	assert_num "$(lan_status "$1" .sources.hosted.blocks)" -gt 0 'blocks'
	assert_eq "$before" "$(origin_asked)" 'requests for content at the origin'
	assert_eq '0 0 0 0 0' "$(lan_status "$1" '.errors | "\(.hash) \(.checksum) \(.peer) \(.origin) \(.malformed)"')" "errors of $1"
	assert_eq 0 "$(lan_status "$1" .discovery.probes)" "Probes of $1"
}
for version in 2 1; do
	lan_mount lan1 "$URL" "mode=hosted,hosted=$HOSTED,versions=$version"
	lan_read lan1 large one-block
	assert_eq "$size 0" "$(lan_status lan1 '.sources | "\(.origin.bytes) \(.hosted.bytes)"')" 'octets of the first'
	wait_until 20 cache_has_all $version
	assert_num "$(lan_status lan1 .served.bytes)" -ge $size 'octets that the first gave'
	lan_forget lan1
	reads_from_cache lan2
	assert_num "$(hosted_status lan4 .served.bytes)" -ge $size 'octets that the cache gave'
	lan_forget lan2
	lan_hosted_stop lan4
	lan_hosted_again lan4
	reads_from_cache lan3
	# Nothing of it is offered again.
	assert_eq 0 "$(lan_status lan3 .served.bytes)" 'octets that the third gave'
	lan_forget lan3
done
