#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows C of the API's cases: publishing.
# tap: each row is a test
# timeout: 300
. "$(dirname "$0")/lib.sh"
. tests/lib/api.sh

api_mount
api_rows publish
umount_fs
