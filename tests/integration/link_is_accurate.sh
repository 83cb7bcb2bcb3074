#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The link program that other tests and the benchmark rely on: 100 Mbit/s and 25 ms each way carry
# 16 MiB in the time they must, and a round trip takes 50 ms.
# alone: it measures time
. "$(dirname "$0")/lib.sh"

new_namespace near
new_namespace far
wan_link near far 100 25

mkdir "$TEST_DIR/origin"
head -c 16M /dev/urandom >"$TEST_DIR/origin/file"
SERVER_IN=(in_namespace far) SERVER_ADDRESS=10.77.0.2
start_nginx "$TEST_DIR/origin"

# Connecting takes one round trip, once the neighbours know each other's address.
in_namespace near curl -s -o /dev/null -r 0-0 "${URL}file"
connect_ms=$(in_namespace near curl -s -o /dev/null -r 0-0 -w '%{time_connect}\n' "${URL}file" |
	awk '{ print int($1 * 1000) }')
assert_num "$connect_ms" -ge 50 "round trip in ms"
assert_num "$connect_ms" -le 60 "round trip in ms"

# 16 MiB are 1342 ms on the line, 37 ms of headers, and the start of TCP on top.
total_ms=$(in_namespace near curl -s -o "$TEST_DIR/copy" -w '%{time_total}\n' "${URL}file" |
	awk '{ print int($1 * 1000) }')
echo "16 MiB: $total_ms ms"
assert_num "$total_ms" -ge 1400 "ms for 16 MiB"
assert_num "$total_ms" -le 2200 "ms for 16 MiB"
assert_same_file "$TEST_DIR/origin/file" "$TEST_DIR/copy"
