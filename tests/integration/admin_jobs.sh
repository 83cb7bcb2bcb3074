#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Long work is a job: reading gives its progress, jobs lists it, it outlives the descriptor that
# started it, cancel ends it with an answer that says so.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mkdir "$TEST_DIR/origin"
head -c 30000000 /dev/urandom >"$TEST_DIR/origin/slow"
head -c 3000000 /dev/urandom >"$TEST_DIR/origin/quick"
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin" 'location = /slow { limit_rate 2m; }'
mount_fs "$URL" "$TEST_DIR/mnt"
running() {
	[[ $(admin jobs) =~ (^|$'\n')([0-9]+)\ [0-9]+\ [0-9]+\ warm\ /slow ]] && number=${BASH_REMATCH[2]}
}
gone() { ! running; }

# Progress; and a reader of the answer that is killed is gone, the job is not.
(printf 'warm /slow\n' >&3 && cat <&3) 3<>"$MOUNT/.peerdist/admin" >"$TEST_DIR/answer" &
reader=$!
wait_until 10 grep -q '^progress [1-9][0-9]* 30000000$' "$TEST_DIR/answer"
pkill -KILL -P "$reader" cat || fail 'no reader of the answer'
wait "$reader" || :
running || fail 'the job did not outlive its reader'

# Cancelled, also while others want the same.
(printf 'warm /slow\n' >&3 && cat <&3) 3<>"$MOUNT/.peerdist/admin" >"$TEST_DIR/second" &
reader=$!
first=$number
admin "cancel $number" >/dev/null || fail cancel
second_runs() { running && [ "$number" != "$first" ]; }
wait_until 10 second_runs
admin "cancel $number" >/dev/null || fail 'cancel of the second'
wait_until 10 gone
wait "$reader" || fail 'the reader of a cancelled job'
assert_match $'error 125 ECANCELED$' "$(tail -n 1 "$TEST_DIR/second")" 'the answer of a cancelled job'
assert_refused 'No such file' admin "cancel $number"

# What is not there is an answer too; and several jobs at a time are listed.
answer=$(admin 'warm /absent') && fail 'what is not there was warmed'
assert_match 'error 2 ENOENT' "$answer" 'warm of what is not there'
admin 'warm /quick' >/dev/null || fail 'warm /quick'

# A job under way does not keep the mount from going.
echo 'warm /slow' >"$MOUNT/.peerdist/admin"
wait_until 10 running
before=$SECONDS
umount_fs
assert_num $((SECONDS - before)) -le 4 'seconds to unmount'
