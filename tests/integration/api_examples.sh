#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The example programs of the API at work: what a publisher has published on one machine both
# consumers read on another, over the peer protocol, with nothing but the content information; and
# a consumer that nobody helps says what is missing. One program uses all 28 functions.
# alone: not one answer may be late
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/examples.sh
requires_fuse

lan_create 3 v4
lan_origin
build_examples
mkdir "$TEST_DIR/origin" "$TEST_DIR/published"
published=$TEST_DIR/published
make_octets "$published/small" 70001 1
make_octets "$published/large" 9000001 2
lan_informed "$TEST_DIR/origin"
lan_mount lan1 "$URL"
lan_mount lan2 "$URL"

example lan1 every_function || fail "every_function: status $?"
assert_eq 0 "$(lan_status lan1 '.api.instances + .api.handles + .api.operations + .api.publications')" \
	'what is left of every_function'

start_publisher lan1 "$published/small" "$published/large"
assert_eq 2 "$(lan_status lan1 .api.publications)" publications
information=$TEST_DIR/information

# consumes NODE PROGRAM NAME: it reads all of it, and right.
consumes() {
	local out=$TEST_DIR/out-$2
	example "$1" "$2" "$information/$3.info" "$out" 20000 >"$TEST_DIR/$2.log" ||
		fail "$2 on $1: status $?: $(head -n 5 "$TEST_DIR/$2.log")"
	assert_same_file "$published/$3" "$out"
}
consumes lan2 consumer_events small
assert_eq 70001 "$(lan_status lan2 .sources.peer.bytes)" 'octets from the publisher'
# Reads in flight side by side may count the ends of a block twice, once as the cache's.
consumes lan2 consumer_port large
assert_num "$(lan_status lan1 .served.bytes)" -ge 9070002 'octets that the publisher gave'
assert_num "$(lan_status lan2 .sources.peer.bytes)" -gt 8000000 'octets from the publisher'
assert_eq 0 "$(lan_status lan2 .sources.origin.bytes)" 'octets from the origin'

# Again: from the cache, by the other one of each.
before=$(lan_status lan2 .sources.peer.bytes)
consumes lan2 consumer_port small
consumes lan2 consumer_events large
assert_eq "$before" "$(lan_status lan2 .sources.peer.bytes)" 'octets from peers, later'

# The publication ends with the publisher, what is cached does not.
stop_publisher
assert_eq 0 "$(lan_status lan1 .api.publications)" 'publications afterwards'
consumes lan2 consumer_port large

# Nobody near: a consumer names what it lacks.
umount_fs "$TEST_DIR/lan1"
umount_fs "$TEST_DIR/lan2"
lan_mount lan3 "$URL"
for program in consumer_port consumer_events; do
	status=0
	example lan3 $program "$information/small.info" "$TEST_DIR/out" 300 >"$TEST_DIR/missing" || status=$?
	assert_eq 3 "$status" "status of $program alone"
	assert_match '^missing 0 70001$' "$(cat "$TEST_DIR/missing")" "what $program lacks"
	[ ! -s "$TEST_DIR/out" ] || fail "$program has made something up"
done
assert_eq 0 "$(lan_status lan3 .sources.origin.bytes)" 'octets from the origin'
lan_leave
