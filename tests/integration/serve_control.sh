#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The control directory of peerdist serve: it tells what the server does, takes commands, and is there
# as long as the server is, whoever has something open in it.
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse
requires_cmd curl jq

tree=$TEST_DIR/tree
control=$TEST_DIR/control
mkdir "$tree" "$control"
make_octets "$tree/large" 300000 1
make_octets "$tree/other" 200000 2
echo small >"$tree/small"
key=(--key "$TEST_DIR/key")
# Where the functions for mounts look; and taken away at the end in any case.
MOUNT=$control
start_controlled() { # start_controlled [OPTION...]
	start_serve "$tree" "${key[@]}" --control "$control" "$@"
	mounts=("$control")
	mount_pid[$control]=$SERVER_PID
}
ask() { # ask NAME [OPTION...]: for the content, or the content information
	curl -sf --noproxy '*' -o /dev/null "${@:2}" "$URL$1" || fail "$1 was not given"
}
informed=(-H 'Accept-Encoding: peerdist' -H 'X-P2P-PeerDist: Version=1.0')
is() { # is VALUE FILTER: of the status, for wait_until
	test "$(status_get "$2")" = "$1"
}
ends_with() { # ends_with STATUS: the server, by itself
	local status=0
	wait_for_end "$SERVER_PID" || status=$?
	unset "mount_pid[$control]"
	assert_eq "$1" "$status" 'status of the server'
	if mountpoint -q "$control"; then fail 'the control directory is still there'; fi
}

# What it is.
start_controlled --hashes "$TEST_DIR/hashes" --lazy
assert_eq 'admin config metrics status' "$(find "$control" -mindepth 1 -printf '%f\n' | sort | xargs)" names
assert_eq '600 444 444 444' "$(cd "$control" && stat -c %a admin status metrics config | xargs)" modes
assert_eq "$(id -u) $(id -g)" "$(stat -c '%u %g' "$control/admin")" owner
cmp "$control/config" "$control/.peerdist/config" || fail 'not the same by its other name'
assert_eq "$tree" "$(status_get .source)" source
assert_eq "$SERVE_ADDRESS" "$(status_get '.listen | join(" ")')" listen
assert_eq "$("$BUILD/peerdist" --version | cut -d ' ' -f 2)" "$(status_get .version)" version
assert_eq available "$(status_get .state)" state
assert_eq '0 0 0' "$(status_get '.served | "\(.bytes) \(.blocks) \(.requests)"')" 'served before any request'
for line in "source=$tree" lazy=yes versions=1,2 min_size=65536 "key=$TEST_DIR/key"; do
	grep -qxF "$line" "$control/config" || fail "config lacks $line"
done
if grep -qF "$(od -An -v -tx1 "$TEST_DIR/key" | tr -d ' \n')" "$control/config"; then fail 'config tells the key'; fi
assert_refused 'Read-only' touch "$control/new"
assert_refused 'Permission denied|Read-only' sh -c "echo x >'$control/status'"

# What it counts: requests of all kinds, octets of contents, content information apart.
ask large
ask large -r 100-299
ask small -I
curl -s --noproxy '*' -o /dev/null "${URL}nothing"
assert_eq 4 "$(status_get .served.requests)" requests
assert_eq 300200 "$(status_get .served.bytes)" octets
assert_eq '0 0' "$(status_get '"\(.served.information) \(.hashes.made)"')" 'content information before it was asked for'
ask large "${informed[@]}"
wait_until 20 is 1 .hashes.made
assert_eq '300000 0 0' "$(status_get '.hashes | "\(.octets_hashed) \(.queued) \(.failed)"')" hashes
before=$(status_get .served.bytes)
size=$(curl -sf --noproxy '*' "${informed[@]}" "${URL}large" | wc -c)
assert_eq "1 $size" "$(status_get '.served | "\(.information) \(.information_bytes)"')" 'content information given'
assert_eq "$before" "$(status_get .served.bytes)" 'octets after content information'
# Every number of the status is a metric of that value, and no other is.
assert_eq "$(jq -c '[.. | numbers] | sort' "$control/status")" \
	"$(grep '^peerdist_' "$control/metrics" | sed 's/.* //' | jq -sc sort)" 'numbers in status and metrics'
grep -qxF "peerdist_served_requests_total $(status_get .served.requests)" "$control/metrics" || fail 'metrics: requests'
grep -qxF "peerdist_hashed_bytes_total 300000" "$control/metrics" || fail 'metrics: hashes'

# Commands: hashes of one file, or of all, are made again when they are asked for.
assert_match $'^ok\n.*clear \[PATH\].*help' "$(admin help)" help
assert_eq "$(status_get .hashes.made)" "$(admin status | tail -n +2 | jq .hashes.made)" 'status by admin'
assert_eq ok "$(admin jobs)" jobs
ask other "${informed[@]}"
wait_until 20 is 2 .hashes.made
admin 'clear /large' >/dev/null || fail 'clear PATH'
ask large "${informed[@]}"
wait_until 20 is 3 .hashes.made
ask other "${informed[@]}"
assert_eq 2 "$(status_get .served.information)" 'content information of a file that was not cleared'
admin clear >/dev/null || fail clear
assert_eq 0 "$(find "$TEST_DIR/hashes" -type f | wc -l)" 'files of hashes after clear'
for line in nothing 'warm /' 'clear /..' 'clear /absent' 'clear /' 'status x' 'cancel 1'; do
	case $line in
	'clear /') admin "$line" >/dev/null || fail "$line" ;;
	'clear /..' | 'clear /absent') assert_match 'error 2 ENOENT' "$(admin "$line")" "$line" ;;
	'cancel 1') assert_refused 'No such file' admin "$line" ;;
	*) assert_refused 'Invalid argument' admin "$line" ;;
	esac
done

# By the verbs, which want it named.
assert_match "source +$tree.*requests $(status_get .served.requests),.*made 3,.*errors" \
	"$("$BUILD/peerdist" status "$control" | tr '\n' ' ')" 'peerdist status'
assert_eq "$(status_get .listen)" "$("$BUILD/peerdist" status --json "$control" | jq -r .listen)" 'peerdist status --json'
"$BUILD/peerdist" clear "$control/large" || fail 'peerdist clear PATH'
assert_refused 'absent cannot be found' "$BUILD/peerdist" clear "$control/absent"
"$BUILD/peerdist" clear "$control" || fail 'peerdist clear'
assert_refused 'no such command' "$BUILD/peerdist" reload "$control"
if [ -n "${TEST_ISOLATED:-}" ]; then assert_refused 'there is no mount|several' "$BUILD/peerdist" status; fi

# It ends while somebody reads all the time, one has admin open, and one is in there.
(cd "$control" && while cat status; do :; done) >/dev/null 2>&1 &
reader=$!
started+=("$reader")
exec {holder}<>"$control/admin"
echo jobs >&"$holder"
exec {halfway}<"$control/status"
read -r line <&"$halfway"
kill -TERM "$SERVER_PID"
ends_with 0
wait "$reader" || :
if { echo help >&"$holder"; } 2>/dev/null; then fail 'somebody still answers'; fi
exec {holder}>&- {halfway}<&-

# Taken away by somebody, while the server goes on.
start_controlled --hashes "$TEST_DIR/hashes"
fusermount3 -u "$control" || umount "$control"
ask small
wait_until 20 grep -q 'was unmounted' "$server_log"
kill -INT "$SERVER_PID"
ends_with 0

# What cannot be is said in one line.
refuses() { # refuses REGEX OPTION...
	local message status=0
	message=$(timeout 20 ${AS:-} "$BUILD/peerdist" serve --listen 127.0.0.1:0 "${key[@]}" \
		--hashes "$TEST_DIR/hashes" "${@:2}" "$tree" 2>&1 >/dev/null) || status=$?
	assert_eq 1 "$status" "status with ${*:2}"
	assert_match "$1" "$message"
	assert_eq 1 "$(printf '%s\n' "$message" | wc -l)" "lines of '$message'"
}
refuses 'absent does not exist; make it first' --control "$TEST_DIR/absent"
refuses 'small.*Not a directory' --control "$tree/small"
status=0
message=$("$BUILD/peerdist" serve --control-allow-other "$tree" 2>&1) || status=$?
assert_eq '2 peerdist: --control-allow-other needs --control' "$status $message" 'the option alone'
start_controlled --hashes "$TEST_DIR/hashes"
refuses 'another process' --control "$control"
# One who was killed leaves it behind.
kill -KILL "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null || :
mkdir -p "$TEST_DIR/beside"
ln -s "$control" "$TEST_DIR/beside/link"
refuses "has died.*fusermount3 -u $TEST_DIR/beside/link" --control "$TEST_DIR/beside/link"
# The next one takes it away.
start_controlled --hashes "$TEST_DIR/hashes"
kill -TERM "$SERVER_PID"
ends_with 0
