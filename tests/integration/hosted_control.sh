#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The control directory of peerdist hosted: it tells what the hosted cache has, was offered and did,
# takes the administrator's commands, and is there as long as the process is.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_fuse
requires_cmd curl jq

control=$TEST_DIR/control
MOUNT=$control
is() { # is VALUE FILTER: of the status, for wait_until
	test "$(status_get "$2")" = "$1"
}
peerdist() {
	timeout 60 "$BUILD/peerdist" "$@"
}
octets() { # octets HEX...: as such
	# shellcheck disable=SC2059 # that is the format
	printf "$(printf '%s' "$@" | sed 's/../\\x&/g')"
}
# offer PORT: in version 2.0, a segment of version 2 that is said to be at that port of ours.
offer() {
	octets 0002 0003 00000000 "$(printf %04x "$1")" 000000000000 00011170 00011170 0010 \
		57696e494e6574000000000000000000 04 1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100 |
		curl -sf --noproxy '*' -m 10 --data-binary @- "http://$HOSTED/0131501b-d67f-491b-9a40-c4bf27bcb4d4/" | od -An -tx1 |
		tr -d ' \n'
}

start_hosted --cache-size 50M --allow 127.0.0.0/8 --max-age 14d --queue 1000
assert_eq 'admin config metrics status' "$(find "$control" -mindepth 1 -printf '%f\n' | sort | xargs)" names
assert_eq '600 444 444 444' "$(cd "$control" && stat -c %a admin status metrics config | xargs)" modes
assert_eq "$("$BUILD/peerdist" --version | cut -d ' ' -f 2) hosted-server available" \
	"$(status_get '"\(.version) \(.mode) \(.state)"')" 'what it is'
assert_eq "$HOSTED" "$(status_get '.listen | join(" ")')" listen
assert_eq 0 "$(status_get '.tls_listen | length')" 'listening for TLS'
assert_eq "$TEST_DIR/hosted 52428800 0" "$(status_get '.cache | "\(.dir) \(.limit) \(.opaque)"')" cache
assert_num "$(status_get .cache.used)" -le 52428800 'octets used'
for line in listen=127.0.0.1:0 allow=127.0.0.0/8 cache_size=52428800 max_age=1209600 queue=1000 exchanges=64 \
	uploads=1024 young=60 plaintext=no interested=no tls_old=no "cache=$TEST_DIR/hosted"; do
	grep -qxF "$line" "$control/config" || fail "config lacks $line: $(cat "$control/config")"
done
for filter in .served.bytes .served.blocks .served.requests .offers.initial .offers.information .offers.batched \
	.offers.queued .offers.forgotten .offers.segments .offers.addresses .offers.exchanges .pulled.bytes \
	.pulled.blocks .pulled.verified .errors.hash .errors.checksum .errors.peer .errors.malformed; do
	assert_eq 0 "$(status_get "$filter")" "$filter at first"
done
assert_eq '[]' "$(status_get '.peers | tostring')" 'peers at first'
# Every number of the status is a metric of that value, and no other is.
assert_eq "$(jq -c 'del(.peers) | [.. | numbers] | sort' "$control/status")" \
	"$(grep '^peerdist_' "$control/metrics" | sed 's/.* //' | jq -sc sort)" 'numbers in status and metrics'
if command -v promtool >/dev/null; then promtool check metrics <"$control/metrics"; fi

# Offers are answered and counted; nobody is at the port that they name, and that is counted.
assert_eq 0000000100 "$(offer 1)" 'answer to an offer'
wait_until 20 is '1 1' '"\(.offers.batched) \(.offers.queued)"'
wait_until 20 is 1 .exchanges.refused
assert_eq '1 0 0' "$(status_get '"\(.errors.peer) \(.pulled.blocks) \(.offers.segments)"')" 'after an offer of nothing'
grep -qxF 'peerdist_offers_total{type="batched"} 1' "$control/metrics" || fail 'metrics: offers'
grep -qxF 'peerdist_offered_segments_total{fate="queued"} 1' "$control/metrics" || fail 'metrics: segments'
grep -qxF 'peerdist_errors_total{kind="peer"} 1' "$control/metrics" || fail 'metrics: errors'
assert_eq 127.0.0.1 "$(status_get '.peers[0].address')" 'who offered'
assert_eq 'address blocks bytes bad banned' "$(peerdist peers "$control" | head -n 1 | xargs)" 'columns of peers'
assert_eq '127.0.0.1 0 false' "$(peerdist peers --json "$control" | jq -r '.peers[0] | "\(.address) \(.blocks) \(.banned)"')" 'peers --json'
assert_eq '' "$(octets 0009 | curl -s --noproxy '*' -m 10 --data-binary @- "http://$HOSTED/0131501b-d67f-491b-9a40-c4bf27bcb4d4")"
wait_until 20 is 1 .errors.malformed

# Commands, by the file and by the verbs, which want it named.
assert_match 'clear.*verify.*resize SIZE.*peers.*trust reset.*status.*jobs.*cancel JOB.*help' \
	"$(admin help | tr '\n' ' ')" help
assert_match '^ok freed [0-9]+$' "$(admin clear)" clear
assert_eq 'ok checked 0 bad 0' "$(admin verify)" verify
assert_eq 'ok limit 20971520' "$(admin 'resize 20M')" resize
assert_eq 20971520 "$(status_get .cache.limit)" 'limit after resize'
grep -qxF cache_size=20971520 "$control/config" || fail 'limit in config'
assert_eq ok "$(admin 'trust reset')" trust
assert_eq ok "$(admin jobs)" jobs
for line in nothing 'warm /' 'clear /x' 'verify /x' 'resize much' 'resize' 'trust me' 'mode local' 'peers x' 'cancel x'; do
	if admin "$line" 2>/dev/null; then fail "'$line' was taken"; fi
done
assert_match "mode +hosted-server.*listen +127.*cache .*opaque .*offers .*batched 1,.*pulled .*peers +1 .*errors" \
	"$(peerdist status "$control" | tr '\n' ' ')" 'peerdist status'
assert_eq 1 "$(peerdist status --json "$control" | jq .offers.batched)" 'peerdist status --json'
assert_match 'freed [0-9]+' "$(peerdist clear "$control")" 'peerdist clear'
assert_match 'checked 0 bad 0' "$(peerdist verify "$control")" 'peerdist verify'
assert_match 'limit 31457280' "$(peerdist resize 30M "$control")" 'peerdist resize'
peerdist trust reset "$control"
peerdist metrics "$control" >"$TEST_DIR/metrics"
grep -qxF 'peerdist_cache_limit_bytes 31457280' "$TEST_DIR/metrics" || fail 'peerdist metrics'
assert_eq '' "$(peerdist jobs "$control")" 'peerdist jobs'
assert_refused 'no job 7 runs' peerdist cancel 7 "$control"
assert_refused "no such command for what $control belongs to" peerdist reload "$control"
assert_refused 'has no file instances' peerdist instances "$control"

# Blocks that came are counted, checked, carried out and in again, and forgotten.
head -c 1000000 /dev/urandom >"$TEST_DIR/content"
offers --file "$TEST_DIR/content"
assert_eq '1000000 0' "$(status_get '.pulled | "\(.bytes) \(.verified)"')" 'octets pulled'
assert_num "$(status_get .cache.opaque)" -ge 1000000 'opaque octets'
assert_match '^checked 1[0-9]{6} bad 0$' "$(peerdist verify "$control")" 'verify of blocks'
peerdist export --control "$control" "$TEST_DIR/package" >/dev/null
assert_match '^freed 1[0-9]{6}$' "$(peerdist clear "$control")" 'clear of blocks'
assert_eq 0 "$(status_get .cache.opaque)" 'opaque octets after clear'
asks --file "$TEST_DIR/content" --expect nothing
peerdist import --control "$control" "$TEST_DIR/package" >/dev/null
asks --file "$TEST_DIR/content" --expect replayed
assert_num "$(status_get .served.bytes)" -ge 1000000 'octets served'
given=$(status_get '.peers[0].bytes')
assert_num "$given" -ge 1000000 'octets of who offered'

# It ends while somebody is in there and has its files open, and begins anew with what it had.
(cd "$control" && while cat status; do :; done) >/dev/null 2>&1 &
reader=$!
started+=("$reader")
exec {holder}<>"$control/admin"
stop_hosted
if mountpoint -q "$control"; then fail 'the control directory is still there'; fi
wait "$reader" || :
exec {holder}>&-
start_hosted --cache-size 50M
assert_eq '0 52428800' "$(status_get '"\(.offers.batched) \(.cache.limit)"')" 'after a restart'
assert_match 'loopback' "$(grep '^allow=' "$control/config")" 'who may by default'

# One that was killed leaves it behind.
kill -KILL "$HOSTED_PID"
wait "$HOSTED_PID" 2>/dev/null || :
# The next one takes it away.
if cat "$control/status" 2>/dev/null; then fail 'somebody still answers'; fi
start_hosted
assert_eq 'hosted-server' "$(status_get .mode)" 'status after a kill'
stop_hosted
