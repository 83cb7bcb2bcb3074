#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A thousand instances of the API at once, and eight threads with all kinds of calls; under
# ThreadSanitizer where make check has built the program so.
# tap: each row is a test
. "$(dirname "$0")/lib.sh"
. tests/lib/api.sh

api_mount
api_rows threads thousand_instances
checked=$BUILD/thread
if [ -x "$checked/tests/api/test_threads" ]; then BUILD=$checked; fi
api_rows threads eight_threads
umount_fs
