#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a mount offers to a hosted cache by version 2.0: what came from the origin, once, up to 128 a
# message, one message at a time; and what it gives of that: ciphertext, whoever asks for what else.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_isolation

tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 30000001 1
make_octets "$tree/second" 700000 2
make_octets "$tree/third" 700000 3
start_informed "$tree"
# ids VERSION NAME
ids() {
	python3 "$MODEL" make --version "$1" --secret 6e6f206d6f72652073656372657473 "$tree/$2" "$TEST_DIR/ids.info"
	python3 "$MODEL" decode "$TEST_DIR/ids.info" | jq -r '.segments[].id' | sort -u
}
count=$(ids 2 file | wc -l)
assert_num "$count" -gt 300 segments
options() {
	# The scripted cache pulls all that is offered at once.
	echo "mode=hosted,hosted=$SCRIPTED,listen=127.0.0.1:0,uploads=1000,compute=off,versions=$1"
}
# offered_ids [N]: but for the first N messages.
offered_ids() {
	jq -rs --argjson n "${1:-0}" '[.[] | select(.event == "offer")][$n:][].descriptors[].id' "$SCRIPTED_LOG" | sort
}

# The first message is not answered: nothing else goes out until it is given up, and then it is sent
# once more. All else has come together in the meantime. It never disturbs reading. The cache asks for
# plaintext.
start_scripted --set offers=stall --set wish=0
mount_fs -o "$(options 2)" "$URL" "$TEST_DIR/mnt"
timeout 30 cmp "$tree/file" "$MOUNT/file" || fail 'reading'
assert_eq 30000001 "$(status_get .sources.origin.bytes)" 'octets from the origin'
wait_until 10 was_noted 1 '.event == "offer"'
assert_eq 1 "$(noted '.event == "offer"')" 'offers at a time'
assert_eq "$SCRIPTED hosted" "$("$BUILD/peerdist" peers --json "$MOUNT" | jq -r '.peers[] | "\(.address) \(.kind)"')" 'peers --json'
scripted_set offers=ok
all_offered() { [ "$(offered_ids | sort -u | wc -l)" = "$count" ]; }
wait_until 30 all_offered
assert_match "$SCRIPTED takes no offers: .*timed out" "$(cat "$FS_LOG")" 'the log'
sizes=$(jq -sc '[.[] | select(.event == "offer") | .descriptors | length]' "$SCRIPTED_LOG")
first=$(jq '.[0]' <<<"$sizes")
assert_num "$(jq max <<<"$sizes")" -le 128 'descriptors of a message'
assert_eq true "$(jq -c "$count - .[0] >= 128 and (.[1:-1] | all(. == 128))" <<<"$sizes")" "full messages: $sizes"
assert_eq "$(jq -s 'map(select(.event == "offer")) | .[0].descriptors' "$SCRIPTED_LOG")" \
	"$(jq -s --argjson n "$first" '[.[] | select(.event == "offer")][1:] | [.[].descriptors[]] | .[:$n]' "$SCRIPTED_LOG")" 'the first, again'
assert_eq "$(ids 2 file)" "$(offered_ids 1)" 'ids, each once that was answered'
# As section 6 has it.
assert_eq '[16,4,true,false,false]' "$(jq -sc '[.[] | select(.event == "offer")] |
	([.[].descriptors[]] | [(map(.tag | length / 2) | unique[]), (map(.algorithm) | unique[]), all(.block_size == .size)]) +
	[any(.padded), any(.tls)]' "$SCRIPTED_LOG")" 'tags, algorithms, BlockSize'
assert_eq 30000001 "$(jq -s '[.[] | select(.event == "offer")][1:] | [.[].descriptors[].size] | add' "$SCRIPTED_LOG")" 'sizes'
assert_eq 1 "$(jq -r 'select(.event == "offer") | "\(.descriptors[0].tag) \(.port)"' "$SCRIPTED_LOG" | sort -u | wc -l)" \
	'tags and ports'
assert_eq "$(status_get .listen)" "127.0.0.1:$(jq -s 'map(select(.event == "offer")) | .[0].port' "$SCRIPTED_LOG")" 'port'

# All is pulled, and none of it in plaintext.
pulled() { [ "$(noted '.event == "pull" and .size != null')" = $count ]; }
wait_until 60 pulled
assert_eq 0 "$(noted '.event == "pull" and (.wrong != null or .empty)')" 'pulls that gave nothing'
assert_eq 1 "$(noted '.event == "pull" and .size != null and .cipher != 1 and .cipher != 2 and .cipher != 3 or .event == "ready"')" \
	'ciphers'
assert_eq $count "$(jq -r 'select(.event == "pull") | .iv' "$SCRIPTED_LOG" | sort -u | wc -l)" 'initial vectors'
timeout 20 tests/lib/peer_ask.py get "$SCRIPTED" --file "$tree/file" >"$TEST_DIR/got" || fail "$(cat "$TEST_DIR/got")"
assert_eq $count "$(jq .good "$TEST_DIR/got")" 'blocks that the cache has'
assert_eq 0 "$(status_get '[.errors[]] | add')" errors
place=$(status_get .listen)
umount_fs

# What came from the cache is not offered, nor given to anybody; what came from the origin is.
rm -rf "$CACHE"
stop_process "$SCRIPTED_PID"
start_scripted --file "$tree/second" --hold 1000
mount_fs -o "$(options 2)" "$URL" "$TEST_DIR/mnt"
timeout 30 cmp "$tree/second" "$MOUNT/second" || fail 'reading the second'
assert_eq '700000 0' "$(status_get '.sources | "\(.hosted.bytes) \(.origin.bytes)"')" 'octets from the cache, the origin'
timeout 30 cmp "$tree/third" "$MOUNT/third" || fail 'reading the third'
count=$(ids 2 third | wc -l)
all_offered_and_pulled() { all_offered && [ "$(noted '.event == "pull" and .size != null')" = "$count" ]; }
wait_until 20 all_offered_and_pulled
assert_eq "$(ids 2 third)" "$(offered_ids)" 'ids of what came from the origin'
place=$(status_get .listen)
timeout 20 tests/lib/peer_ask.py get "$place" --file "$tree/third" --cipher 0 --expect-cipher 1 >"$TEST_DIR/got" || fail "$(cat "$TEST_DIR/got")"
assert_eq "$count" "$(jq .good "$TEST_DIR/got")" 'blocks on offer that it gives'
timeout 20 tests/lib/peer_ask.py get "$place" --file "$tree/second" >"$TEST_DIR/got" || :
assert_eq 0 "$(jq -s '[.[].good // 0] | add' "$TEST_DIR/got")" 'blocks given that are not on offer'
umount_fs
