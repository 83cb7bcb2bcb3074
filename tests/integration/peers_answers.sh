#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Answers to Probes that are odd, useless or hostile. What can be understood is used; the rest leads
# nowhere, above all to no other machine, and costs neither time nor memory.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 3
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
size=2000001
make_octets "$tree/file" $size 1
lan_informed "$tree"

# Another machine, which nobody has a reason to ask: it answers no Probe, but has the content.
lan_script lan3 --file "$tree/file" --discovery nothing --port 1999
bystander=$SCRIPT_LOG

for form in 1 2; do
	for behaviour in normal duplicates crowded-behind as-urls counts-16 bad-ages other-ids several-matches \
		many-matches other-prefixes wrapped lying-counts; do
		name="$behaviour, form $form"
		LAN_LEAST=$((size * 8 / 10)) lan_try "$name" $form --discovery $behaviour
		lan_wrong_unless "$name" test "${seen[answers]}" -gt 0
	done
	behaviours=(nothing crowded foreign self-pointing odd-addresses counts-odd zero-counts truncated)
	# What is wrong here is the envelope or who sends it, which are the same in both forms.
	if [ $form = 2 ]; then
		behaviours+=(doctype entity entity-bomb external-entity deep wide wrong-namespaces utf-16 not-utf-8
			wrong-relates-to off-link late)
	fi
	for behaviour in "${behaviours[@]}"; do
		name="$behaviour, form $form"
		lan_try "$name" $form --discovery $behaviour --foreign 10.78.0.3:1999
		lan_wrong_unless "$name" test "${seen[peer]}" = 0
		lan_wrong_unless "$name: the peer is asked" test "$(scripted '.event == "connection"')" = 0
		case $behaviour in
		counts-odd | doctype | entity* | external-entity | deep | wide | wrong-namespaces | utf-16 | not-utf-8 | truncated)
			lan_wrong_unless "$name: not counted" test "${seen[malformed]}" -gt 0
			;;
		esac
	done
	name="lying-counts of nothing, form $form"
	make_octets "$TEST_DIR/other" $size 2
	LAN_HOLDS=$TEST_DIR/other lan_try "$name" $form --discovery lying-counts
	lan_wrong_unless "$name" test "${seen[peer]}" = 0
	name="forged-crowd, form $form"
	lan_try "$name" $form --discovery forged-crowd
done
assert_eq 0 "$(SCRIPT_LOG=$bystander scripted '.event == "connection"')" 'connections to a third machine'
lan_verdict
