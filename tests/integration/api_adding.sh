#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows E of the API's cases: a consumer adds content information.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/api.sh

api_mount
api_rows adding
umount_fs
