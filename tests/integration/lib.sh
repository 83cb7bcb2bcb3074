# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What every integration test begins with: . tests/integration/lib.sh
# The test runs from the top of the tree, under tests/run (by hand: just call the test; it hands
# itself to tests/run). It finds
#   $TEST_DIR  an empty directory that vanishes afterwards; everything goes there
#   $BUILD     where the programs are
# It ends by reaching its end (passed), by fail, or by a requires_ function (skipped). Whatever was
# started through these functions is ended in any case.
set -euo pipefail

script=$(realpath "$0")
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top"
if [ -z "${TEST_DIR:-}" ]; then
	exec tests/run --build "${BUILD:-build}" "${script#"$top"/}"
fi
BUILD=${BUILD:-$top/build}
PATH=$PATH:/usr/sbin:/sbin

. tests/lib/assert.sh
. tests/lib/process.sh
. tests/lib/servers.sh
. tests/lib/mounts.sh
. tests/lib/network.sh

trap 'finish $?' EXIT
trap 'exit 130' INT TERM HUP
