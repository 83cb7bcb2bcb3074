#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Content information 1.0: a segment is offered at each further 20 % of its blocks, by either version of
# the protocol, and all of it comes to be pulled.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation
hosted_keys

tree=$TEST_DIR/origin
mkdir "$tree"
blocks=200
make_octets "$tree/file" $((blocks * 65536)) 1
make_octets "$tree/small" 100000 2
start_informed "$tree"
pulled_blocks() {
	jq -r 'select(.event == "pull" and .size != null) | "\(.id) \(.index)"' "$SCRIPTED_LOG" | sort -u | wc -l
}
all_pulled() { [ "$(pulled_blocks)" = $((blocks + 2)) ]; }
for protocol in 1 2; do
	tls='' secure=()
	if [ $protocol = 1 ]; then secure=(--tls-cert "$TEST_DIR/server.pem" --tls-key "$TEST_DIR/server.key"); fi
	start_scripted "${secure[@]}"
	if [ $protocol = 1 ]; then tls=",hosted_tls=$SCRIPTED_TLS,hosted_cacert=$TEST_DIR/ca.pem"; fi
	mount_fs -o "mode=hosted,hosted=$SCRIPTED,listen=127.0.0.1:0,compute=off,versions=1$tls" "$URL" "$TEST_DIR/mnt-$protocol"
	timeout 30 cmp "$tree/file" "$MOUNT/file" || fail "reading, protocol $protocol"
	timeout 30 cmp "$tree/small" "$MOUNT/small" || fail "reading, protocol $protocol"
	wait_until 20 all_pulled
	assert_eq 0 "$(noted '.event == "pull" and .wrong != null or .event == "unusable" or .event == "dropped"')" 'what is wrong'
	id=$(jq -r 'select(.event == "pull" and .index == 100) | .id' "$SCRIPTED_LOG" | head -n 1)
	if [ $protocol = 1 ]; then
		assert_eq 0 "$(noted '.event == "offer" and .type == 3')" 'offers by version 2.0'
		initial=$(noted ".event == \"offer\" and .type == 1 and .id == \"$id\"")
		# All hashes are there when it is first offered, or a part of them.
		assert_num "$(noted ".event == \"information\" and .id == \"$id\"")" -ge 1 'SEGMENT_INFO'
		assert_num "$(noted '.event == "offer" and .type == 2')" -le "$(noted '.event == "offer" and .type == 1')" 'SEGMENT_INFO'
		assert_eq 1 "$(jq -r 'select(.event == "offer" and .type == 2) | .tag' "$SCRIPTED_LOG" | sort -u | wc -l)" tags
	else
		assert_eq 0 "$(noted '.event == "offer" and .type != 3')" 'offers by version 1.0'
		initial=$(noted ".event == \"offer\" and any(.descriptors[]; .id == \"$id\")")
		assert_eq '[1,65536]' "$(jq -sc '[.[] | select(.event == "offer") | .descriptors[]] |
			[(map(.algorithm) | unique[]), (map(.block_size) | unique[])]' "$SCRIPTED_LOG")" 'algorithm, BlockSize'
	fi
	assert_num "$initial" -ge 1 'offers of a segment'
	assert_num "$initial" -le 5 'offers of a segment'
	# It is good for who asks the cache.
	for name in file small; do
		timeout 20 tests/lib/peer_ask.py get "$SCRIPTED" --file "$tree/$name" --version 1 >"$TEST_DIR/got" || fail "$(cat "$TEST_DIR/got")"
		assert_eq 0 "$(jq .missing "$TEST_DIR/got")" "blocks that are missing, protocol $protocol"
	done
	assert_eq 0 "$(status_get '[.errors[]] | add')" errors
	umount_fs

	# Less than a fifth is not worth an offer; another one is, behind it.
	stop_process "$SCRIPTED_PID"
done
