#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist serve against every row of the decision table of Peer Distribution over HTTP, and against
# Microsoft's cases in the order of a Windows server. What it sends is judged by a model of its own.
# timeout: 300
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd python3
requires_file "$BUILD/peerdist"
[[ $("$BUILD/peerdist" --help) == *" serve "* ]] || skip 'no peerdist serve in this build'

head -c 32 /dev/urandom >"$TEST_DIR/secret.key"
head -c 17 /dev/urandom >"$TEST_DIR/other.key"
chmod 600 "$TEST_DIR"/*.key
python3 tests/lib/serve_table.py files "$TEST_DIR/tree"

# ask TABLE KEY [OPTION...]: a server of its own, all rows, and the server's end.
ask() {
	local table=$1 key=$TEST_DIR/$2
	start_serve "$TEST_DIR/tree" --key "$key" --hashes "$TEST_DIR/hashes-$table" "${@:3}"
	python3 tests/lib/serve_table.py "$table" "$SERVE_ADDRESS" "$TEST_DIR/tree" "$key" \
		>"$TEST_DIR/said" || fail "$table, $2: $(cat "$TEST_DIR/said")"
	echo "$table: $(cat "$TEST_DIR/said")"
	stop_server
}
ask eager secret.key
ask lazy secret.key --lazy
ask changes secret.key
# Hashes of a former run, other secret: every secret is the new one's.
ask eager other.key
