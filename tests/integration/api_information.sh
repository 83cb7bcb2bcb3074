#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows D of the API's cases: content information of what was published.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/api.sh

api_mount
api_rows information
umount_fs
