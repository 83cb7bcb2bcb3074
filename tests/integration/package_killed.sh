#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Export and import are jobs with progress. Whoever began one and is killed takes it with him, in
# both directions; nothing is left behind, what was taken in stays and is right; cancel ends them.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3 jq

peerdist() { timeout 60 "$BUILD/peerdist" "$@"; }
mkdir "$TEST_DIR/origin"
head -c 30000000 /dev/urandom >"$TEST_DIR/origin/file"
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/from"
from=$MOUNT package=$TEST_DIR/package
cat "$from/file" >/dev/null
peerdist info get "$from/file" >/dev/null
peerdist export "$package" "$from/file" >/dev/null
mount_fs "$URL" "$TEST_DIR/into"
into=$MOUNT
# runs COMMAND MOUNT: sets $number.
runs() {
	[[ $(admin jobs "$2") =~ (^|$'\n')([0-9]+)\ ([0-9]+)\ ([0-9]+)\ $1 ]] || return 1
	number=${BASH_REMATCH[2]} done=${BASH_REMATCH[3]} total=${BASH_REMATCH[4]}
}
gone() { ! runs "$@"; }
mkfifo "$TEST_DIR/pipe"

# Nobody empties the pipe: the job waits, with what it did so far in the list.
exec {keep}<>"$TEST_DIR/pipe"
"$BUILD/peerdist" export "$TEST_DIR/pipe" "$from/file" >/dev/null &
caller=$!
halfway() { runs export "$from" && [ "$done" -gt 0 ]; }
wait_until 20 halfway
assert_eq 30000000 "$total" 'octets of the job'
assert_num "$done" -lt 10000000 'octets that nobody reads'
# Others are not kept from anything meanwhile.
cmp "$from/file" "$TEST_DIR/origin/file" || fail 'a read beside it'
kill -KILL "$caller"
wait "$caller" || :
wait_until 20 gone export "$from"

# Cancelled, it says so, and the file beside is gone.
"$BUILD/peerdist" export "$TEST_DIR/pipe" "$from/file" >"$TEST_DIR/said" 2>&1 &
caller=$!
wait_until 20 halfway
peerdist cancel "$number" "$from" >/dev/null || fail cancel
cat <&"$keep" >/dev/null &
reader=$!
status=0
wait "$caller" || status=$?
assert_eq 1 "$status" 'status of a cancelled export'
assert_match 'export: it was cancelled' "$(<"$TEST_DIR/said")"
kill "$reader"
wait "$reader" || :
exec {keep}>&-

# Half of the package has been given when the giver is killed.
exec {keep}<>"$TEST_DIR/pipe"
"$BUILD/peerdist" import "$TEST_DIR/pipe" "$into" >/dev/null &
caller=$!
head -c 15000000 "$package" >&"$keep"
some() { runs import "$into" && [ "$done" -gt 10000000 ]; }
wait_until 20 some
kill -KILL "$caller"
wait "$caller" || :
wait_until 20 gone import "$into"
exec {keep}>&-
figures=$(peerdist import --json "$package" "$into")
assert_num "$(jq .present <<<"$figures")" -gt 100 'blocks that stayed'
assert_num "$(jq .blocks <<<"$figures")" -gt 100 'blocks that were left to come'
assert_same_file "$TEST_DIR/origin/file" "$into/file"

# The bar shows on a terminal only.
python3 - "$BUILD/peerdist" "$package" "$into" <<-'END'
	import os, pty, sys
	child, terminal = pty.fork()
	if child == 0:
	    os.execv(sys.argv[1], ["peerdist", "import", sys.argv[2], sys.argv[3]])
	said = b""
	try:
	    while True:
	        piece = os.read(terminal, 65536)
	        if not piece:
	            break
	        said += piece
	except OSError:
	    pass
	_, status = os.waitpid(child, 0)
	assert status == 0, (status, said)
	assert b"\r[" in said and b"%" in said, said
END

# A mount that is taken away does not wait for who gives nothing.
exec {keep}<>"$TEST_DIR/pipe"
"$BUILD/peerdist" import "$TEST_DIR/pipe" "$into" >"$TEST_DIR/said" 2>&1 &
caller=$!
wait_until 20 runs import "$into"
kill -TERM "${mount_pid[$into]}"
wait_for_end "${mount_pid[$into]}" || fail 'the daemon'
unset "mount_pid[$into]"
kill "$caller" 2>/dev/null || :
wait "$caller" || :
exec {keep}>&-
umount_fs "$from"
