#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Row M09: a C program that has nothing but the header of the messages, of 64 and of 32 bits.
# tap: one test a program
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_file "$BUILD/tests/integration/control_raw"

mount_fs none "$TEST_DIR/mnt"
echo 1..2
# run NUMBER BITS PROGRAM
run() {
	assert_eq "$2 bits" "$("$3" "$MOUNT/.peerdist/control")" "the program of $2 bits"
	echo "ok $1 - M09 a program of $2 bits"
}
run 1 "$(getconf LONG_BIT)" "$BUILD/tests/integration/control_raw"
program=$TEST_DIR/control_raw
if ! "${CC:-gcc}" -m32 -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -o "$program" \
	tests/integration/control_raw.c 2>"$TEST_DIR/compiler"; then
	echo 'ok 2 - M09 a program of 32 bits # SKIP the compiler makes none here (gcc-multilib)'
elif ! [ -e /proc/sys/abi/vsyscall32 ]; then
	echo 'ok 2 - M09 a program of 32 bits # SKIP the kernel runs none'
else
	run 2 32 "$program"
fi
umount_fs
