#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The responder, asked as Windows and iPXE ask, and as no one should: who asks in the right words gets
# one answer a family in the literal form that such askers need, from port 3702, and everybody else gets
# silence.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/whole" 3000001 1
make_octets "$tree/second" 300000 2
make_octets "$tree/part" 3000001 3
lan_informed "$tree"
asked_of() { jq -r "$1" "$TEST_DIR/answers"; }
# answers COUNT [OPTION... ID...]: that many must come, to each of the styles.
answers() {
	local count=$1 styles_asked
	shift
	styles_asked=$(printf '%s\n' "$@" | grep -c '^--style' || :)
	lan_ask lan2 probe --expect "$count" "$@" >"$TEST_DIR/answers" || :
	assert_eq $((count * (styles_asked > 0 ? styles_asked : 1))) "$(wc -l <"$TEST_DIR/answers")" "answers to $*: $(cat "$TEST_DIR/answers")"
}

for version in 1 2; do
	lan_mount lan1 "$URL" versions=$version
	lan_read lan1 whole second
	read -r second < <(lan_ids $version "$tree/second") || :
	mapfile -t ids < <(lan_ids $version "$tree/whole")
	absent=$(printf '%064d' 7)
	port=$(lan_place lan1)
	port=${port##*:}
	wait_until 10 lan_ask lan2 probe "${ids[0]}"
	wait_until 10 lan_ask lan2 probe "$second"

	for form in 1 2; do
		# How a Probe is written has nothing to do with whose segments it asks for: every way in either form,
		# with the version that such askers have.
		styles=(plain)
		if [ $form = $version ]; then
			styles+=(bom wrapped prefixes commented reply-to no-to no-rule single-quotes cdata)
		fi
		# One behind the other, with a MessageID each.
		answers 2 --form $form "${styles[@]/#/--style=}" "${ids[0]}" "$absent" "$second"
		assert_eq "" "$(asked_of 'select(.literal != []) | "\(.style): \(.literal)"')" 'not as others need it'
		assert_eq "" "$(asked_of 'select(.malformed) | "\(.style): \(.malformed)"')" 'malformed answers'
		for style in "${styles[@]}"; do
			assert_eq "3702 $form 0,2
3702 $form 0,2" "$(asked_of "select(.style == \"$style\") |
				\"\(.port) \(.metadata) \([.claims[].index] | map(tostring) | join(\",\"))\"")" \
				"$style: port they come from, MetadataVersion, segments claimed"
			assert_eq "10.78.0.1:$port" "$(asked_of "select(.style == \"$style\" and (.from | test(\"^10\"))) |
				.xaddrs | join(\" \")")" "$style: XAddrs by IPv4"
		done
		assert_eq 1 "$(asked_of .endpoint | sort -u | wc -l)" 'endpoints'
		# By IPv6 the datagram comes from a link-local address; to form 1 one that iPXE can use is in front.
		if [ $form = 1 ]; then
			assert_match '^10\.78\.0\.1:' "$(asked_of 'select(.from | test("^fe80")) | .xaddrs[0]')" \
				'first XAddr by IPv6'
		fi
		# All copies of a Probe together get one answer a family.
		answers 2 --form $form --copies 4 "${ids[0]}"
		# Nothing that is not held is answered.
		answers 0 --form $form "$absent"
	done
	# Form 1: eight digits of blocks, whatever version the segment is of; ids as the asker spelled them.
	blocks=$([ $version = 1 ] && echo 46 || echo 1)
	answers 2 "${ids[0],,}"
	assert_eq $blocks "$(asked_of '.claims[0].count' | sort -u)" 'blocks claimed'
	assert_eq "[\"${ids[0],,}\"]" "$(asked_of '.ipxe[0] | tostring' | sort -u)" 'id as spelled'
	assert_eq '["10.78.0.1",'"$port]" "$(asked_of 'select(.from | test("^10")) | .suite | tostring')" \
		'as the test suite reads it'
	# Form 2: complete, and of an age.
	answers 2 --form 2 "${ids[0]}"
	assert_eq true "$(asked_of '.claims[0].whole' | sort -u)" 'claimed whole'
	assert_num "$(asked_of '.claims[0].age_ms // -1' | sort -n | head -n 1)" -ge 0 'age'
	# MessageNumber grows, InstanceId stays.
	answers 2 "${ids[0]}"
	first=$(asked_of '"\(.instance) \(.number)"' | sort -n -k2 | tail -n 1)
	answers 2 "${ids[0]}"
	second=$(asked_of '"\(.instance) \(.number)"' | sort -n -k2 | head -n 1)
	assert_eq "${first% *}" "${second% *}" InstanceId
	assert_num "${second#* }" -gt "${first#* }" MessageNumber
	# iPXE asks again with the same MessageID after a second, and is answered again.
	same=urn:uuid:aaaaaaaa-bbbb-cccc-dddd-00000000000$version
	lan_ask lan2 probe --wait 1 --message-id $same "${ids[0]}" >"$TEST_DIR/answers"
	assert_eq 2 "$(wc -l <"$TEST_DIR/answers")" 'answers at first'
	answers 2 --message-id $same "${ids[0]}"
	lan_ask lan2 ipxe "${ids[0]}" >"$TEST_DIR/answers" || fail 'no answer that iPXE could use'
	assert_eq "10.78.0.1:$port" "$(asked_of '.xaddrs[0]')" 'address for iPXE'

	# Once is enough: these are refused before anybody looks for a segment.
	if [ $version = 2 ]; then
		before=$(lan_status lan1 .errors.malformed)
		lan_ask lan2 hostile "${ids[0]}" || fail 'hostile Probes'
		wait_until 10 lan_counts lan1 .errors.malformed $((before + 30))
		lan_ask lan2 other || fail 'others are answered'
	fi
	lan_forget lan1
done

# A part of a segment, and a segment of which nothing is held.
lan_mount lan1 "$URL" versions=1
lan_knows lan1 part 1
mapfile -t ids < <(lan_ids 1 "$tree/part")
lan_answered() { lan_ask lan2 probe "$@"; }
wait_until 10 lan_answered "${ids[0]}"
answers 2 "${ids[0]}"
count=$(asked_of '.claims[0].count' | sort -u)
assert_num "$count" -ge 1 'blocks of a part'
assert_num "$count" -le 46 'blocks of a part'
umount_fs "$TEST_DIR/lan1"
answers 0 "${ids[0]}"
lan_leave
