#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rows A of the API's cases: instances begin and end.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
. tests/lib/api.sh

api_lan_mount allow_other,control_mode=0600
api_rows startup
umount_fs
