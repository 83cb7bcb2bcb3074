#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Floods of Probes, good ones, unknown ones, repeats and noise, while files are read: these come as
# ever, memory stays where it was, and afterwards Probes are answered as before.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 4
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
for number in 1 2 3 4; do make_octets "$tree/file-$number" 5000000 $number; done
make_octets "$tree/held" 1000000 9
lan_informed "$tree"
lan_mount lan1 "$URL"
lan_read lan1 held
read -r id < <(lan_ids 2 "$tree/held") || :
wait_until 10 lan_ask lan3 probe "$id"
lan_mount lan2 "$URL"
number=0
for kind in good unknown repeat noise; do
	number=$((number + 1))
	flood=(flood --kind "$kind" --rate 3000 --seconds 2)
	if [ $kind = good ] || [ $kind = repeat ]; then flood+=("$id"); fi
	lan_ask lan3 "${flood[@]}" >"$TEST_DIR/flood-$kind" &
	flooding=$!
	lan_read lan1 "file-$number"
	lan_read lan2 "file-$number"
	wait $flooding
	echo "$kind: $(cat "$TEST_DIR/flood-$kind"), $(peak_kib "${mount_pid[$TEST_DIR/lan1]}") KiB"
	assert_num "$(jq .sent "$TEST_DIR/flood-$kind")" -ge 3000 'Probes'
	# What goes out to one address is bounded: 100 a second, and a second's worth at once.
	assert_num "$(jq .answers "$TEST_DIR/flood-$kind")" -le 600 'answers'
	assert_num "$(peak_kib "${mount_pid[$TEST_DIR/lan1]}")" -le $HOSTILE_KIB 'KiB'
done
assert_num "$(jq .answers "$TEST_DIR/flood-good")" -ge 50 'answers to good Probes'
assert_num "$(jq .answers "$TEST_DIR/flood-repeat")" -le 10 'answers to repeats'
assert_num "$(lan_status lan1 .discovery.received)" -gt 0 'Probes received'
assert_eq 0 "$(lan_status lan1 .errors.hash)" 'wrong hashes'
wait_until 10 lan_ask lan4 probe "$id"
lan_leave
