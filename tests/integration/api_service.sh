#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows K of the API's cases: the service goes away and comes back.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

api_lan_mount
api_rows service
umount_fs
