#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is wrong with a URL for peerdist serve, or with the options for one, is said in one line.
. "$(dirname "$0")/lib.sh"

# ends STATUS REGEX WORDS...: of serve with these words.
ends() {
	local message status=0
	message=$(timeout 20 "$BUILD/peerdist" serve --listen 127.0.0.1:0 --key "$TEST_DIR/key" \
		--hashes "$TEST_DIR/hashes" "${@:3}" 2>&1 >/dev/null) || status=$?
	assert_eq "$1" "$status" "status of ${*:3}"
	assert_match "$2" "$message"
	assert_eq 1 "$(printf '%s\n' "$message" | wc -l)" "lines of '$message'"
	! [[ $message == *hidden* ]] || fail "a secret is told: $message"
}
ends 2 'user: ' --user hidden http://localhost/
ends 2 'no URL' --user me:hidden "$TEST_DIR"
ends 2 'no URL' --insecure "$TEST_DIR"
ends 2 'directory itself' "file://$TEST_DIR"
ends 2 'scheme' ftp://localhost/
ends 2 'query' 'http://me:hidden@localhost/?q'
ends 2 'http://' http://
ends 2 'connections=0' --connections 0 http://localhost/
ends 2 'timeout' --timeout soon http://localhost/
ends 2 'header' --header hidden http://localhost/
ends 2 'follow-links' --follow-links http://localhost/
ends 1 'cacert.*No such file' --cacert "$TEST_DIR/nothing" https://localhost/
ends 1 'user.*No such file' --user "@$TEST_DIR/nothing" http://localhost/
