#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients of the API that are killed, at each stage: the service has nothing left of them.
# tap: each stage is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

api_lan_mount
api_rows killed
umount_fs
