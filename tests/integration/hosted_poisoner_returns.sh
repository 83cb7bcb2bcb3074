#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An address whose block was replaced supplies none of that id for a day, also when the hosted cache has
# been started again since.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation

make_octets "$TEST_DIR/x" 20000 1
make_octets "$TEST_DIR/fresh" 20000 2
x=(--file "$TEST_DIR/x" --version 2)
start_hosted --young 0
offers "${x[@]}" --serve rubbish --source 127.0.0.2
asks "${x[@]}" --serve rubbish
grows_old "${x[@]}"
offers "${x[@]}" --source 127.0.0.3 --seed good
asks "${x[@]}" --seed good
stop_hosted
start_hosted --young 0
grows_old "${x[@]}"
offers "${x[@]}" --file "$TEST_DIR/fresh" --await 1: --serve rubbish --source 127.0.0.2
assert_eq '[1]' "$(offered .which)" 'pulled of the poisoner after a restart'
asks "${x[@]}" --seed good
stop_hosted
