# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Saying that a test failed, does not apply, or holds.

# fail WORDS...: the test failed; says so with the line that asked.
fail() {
	local depth=1
	while [[ ${BASH_SOURCE[depth]:-} == *tests/lib/* ]]; do depth=$((depth + 1)); done
	echo "FAILED ${BASH_SOURCE[depth]:-?}:${BASH_LINENO[depth - 1]:-?}: $*" >&2
	exit 1
}

# skip WORDS...: the test says nothing on this machine, and why.
skip() {
	echo "$*"
	exit 77
}

requires_cmd() {
	local command
	for command; do
		command -v "$command" >/dev/null || skip "no $command here"
	done
}
requires_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}
requires_file() {
	[ -e "$1" ] || skip "no $1 here"
}
# Namespaces of the test's own, for mounts and networks that nobody else may see.
requires_isolation() {
	[ -n "${TEST_ISOLATED:-}" ] || skip "needs namespaces (root)"
}
requires_fuse() {
	[ -c /dev/fuse ] || skip "no /dev/fuse here"
	[ -w /dev/fuse ] || skip "/dev/fuse is not ours to open"
	requires_cmd fusermount3
	requires_file "$BUILD/peerdistfs"
}

# assert_eq EXPECTED ACTUAL [WORDS]
assert_eq() {
	[ "$1" = "$2" ] || fail "${3:-values}: expected '$1', got '$2'"
}
# assert_num LEFT -lt|-le|-gt|-ge|-eq|-ne RIGHT [WORDS]
assert_num() {
	test "$1" "$2" "$3" || fail "${4:-numbers}: $1 is not $2 $3"
}
# assert_match REGEX TEXT [WORDS]
assert_match() {
	[[ $2 =~ $1 ]] || fail "${3:-text}: '$2' does not match '$1'"
}
# assert_fails COMMAND...: it must end with a status of its own, neither 0 nor by a signal.
assert_fails() {
	local status=0
	"$@" || status=$?
	[ "$status" != 0 ] || fail "succeeded, but should not: $*"
	[ "$status" -lt 128 ] || fail "ended by signal $((status - 128)): $*"
}
# assert_refused REGEX COMMAND...: it must fail and say why.
assert_refused() {
	local message
	if message=$(LC_ALL=C "${@:2}" 2>&1 >/dev/null); then fail "succeeded, but should not: ${*:2}"; fi
	assert_match "$1" "$message" "what was said by ${*:2}"
}
assert_same_file() {
	cmp -- "$1" "$2" || fail "$1 and $2 differ"
}
# The same names, kinds and octets.
assert_same_tree() {
	diff -r --no-dereference -- "$1" "$2" >"$TEST_DIR/diff.out" 2>&1 ||
		fail "trees $1 and $2 differ: $(head -n 20 "$TEST_DIR/diff.out")"
}

# To ask costs as much as to wait a while: from 10 ms on the pauses grow, to 200 ms.
pause_ms=10
# pause_longer: in a loop, behind pause_ms=10.
pause_longer() {
	local seconds
	printf -v seconds 0.%03d "$pause_ms"
	sleep "$seconds"
	pause_ms=$((pause_ms < 140 ? pause_ms * 3 / 2 : 200))
}

# wait_until SECONDS COMMAND...: until it succeeds; fails the test when it never does.
wait_until() {
	local seconds=$1 deadline=$((SECONDS + $1)) pause_ms=10
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "not within $seconds s: $*"
		pause_longer
	done
}
