#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows J of the API's cases: whose things are whose.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

api_lan_mount allow_other
api_rows users
umount_fs
