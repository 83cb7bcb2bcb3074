#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows I of the API's cases: how completions are told. Under AddressSanitizer where make check has
# built the program so.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

api_lan_mount
# NAME: a peer that holds its answers back gives them.
order_release() {
	kill -USR1 "${peers[$1]}"
}
checked=$BUILD/address+undefined
if [ -x "$checked/tests/api/test_completion" ]; then BUILD=$checked; fi
api_rows completion
umount_fs
