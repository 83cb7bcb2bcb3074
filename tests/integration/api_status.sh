#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows B of the API's cases: the status of the service and its changes.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/api.sh

api_mount
api_rows status
umount_fs
