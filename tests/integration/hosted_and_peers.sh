#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Mode hosted+distributed: blocks come from peers and the hosted cache, whoever has them; what came from
# the origin is offered, what came from peers is not; and when one side fails the other goes on.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/hosted_alone.sh
requires_fuse

lan_create 3
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
for number in 1 2 3 4; do make_octets "$tree/file-$number" 1000000 $number; done
lan_informed "$tree"
# lan3 is the hosted cache; it has file-3.
SCRIPTED_IN=(nsenter --net=/run/netns/lan3) SCRIPTED_AT=10.78.0.3:0
start_scripted --file "$tree/file-3" --hold 1000
SCRIPTED=10.78.0.3:${SCRIPTED##*:}
lan_mount lan2 "$URL" versions=2
lan_read lan2 file-1
lan_mount lan1 "$URL" "versions=2,mode=hosted+distributed,hosted=$SCRIPTED"
assert_eq hosted+distributed "$(lan_status lan1 .mode)" mode
sources() {
	lan_status "$1" '.sources | "\(.peer.bytes) \(.hosted.bytes) \(.origin.bytes)"'
}
# From the peer; from the hosted cache; from the origin.
lan_read lan1 file-1
assert_eq '1000000 0 0' "$(sources lan1)" 'from peers, cache, origin'
lan_read lan1 file-3
assert_eq '1000000 1000000 0' "$(sources lan1)" 'from peers, cache, origin'
assert_eq 0 "$(noted '.event == "offer"')" 'offers of what came from peers or the cache'
lan_read lan1 file-2
assert_eq '1000000 1000000 1000000' "$(sources lan1)" 'from peers, cache, origin'
count=$(lan_ids 2 "$tree/file-2" | sort -u | wc -l)
pulled() { [ "$(noted '.event == "pull" and .size != null')" = "$count" ]; }
wait_until 20 pulled
assert_eq "$(lan_ids 2 "$tree/file-2" | sort -u)" \
	"$(jq -r 'select(.event == "offer") | .descriptors[].id' "$SCRIPTED_LOG" | sort)" 'offered'
# It serves peers all that it holds, what came from the cache too.
lan_read lan2 file-2 file-3
assert_eq 2000000 "$(lan_status lan2 .sources.peer.bytes)" 'octets that it gave to the peer'
# The cache is gone: peers go on.
stop_process "$SCRIPTED_PID"
lan_read lan2 file-4
lan_read lan1 file-4
assert_eq 2000000 "$(lan_status lan1 .sources.peer.bytes)" 'octets from peers without the cache'
assert_eq 0 "$(lan_status lan1 .errors.hash)" 'wrong hashes'
lan_forget lan1
# The peers are gone: the cache goes on.
lan_forget lan2
SCRIPTED_AT=$SCRIPTED
start_scripted --file "$tree/file-3" --hold 1000
lan_mount lan1 "$URL" "versions=2,mode=hosted+distributed,hosted=$SCRIPTED_AT"
lan_read lan1 file-3
assert_eq '0 1000000 0' "$(sources lan1)" 'from peers, cache, origin without peers'
lan_leave
