#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Row L13 of peerdist-api-cases.md: the headers that are installed for the library compile without a
# warning in every language, by every compiler and in both widths, with the sizes, offsets, values
# and signatures that tests/unit/peerdist_layout.h asserts; and what they declare depends on the
# version of Windows that is compiled for as it should.
# tap: the second width counts by itself, since not every machine has one
. "$(dirname "$0")/lib.sh"
requires_cmd gcc
requires_cmd g++
requires_cmd clang
requires_cmd clang++
requires_file "$BUILD/libpeerdist.a"

echo '1..6'
number=0
done_with() { # WORDS...: all of it held
	number=$((number + 1))
	echo "ok $number - $*"
}

# As make install lays them out: one directory, which is the only one that a program names.
include=$TEST_DIR/include
mkdir "$include"
cp fs/api/peerdist.h fs/api/shim/*.h "$include"

compile() { # ARGUMENTS...: of a compiler; 0 if it has no complaint
	"$@" -Wall -Wextra -pedantic -Werror -I"$include" -fsyntax-only 2>"$TEST_DIR/log"
}
compiles() {
	compile "$@" || fail "$*: $(cat "$TEST_DIR/log")"
}
refuses() { # WORD ARGUMENTS...: with a complaint about WORD
	local word=$1
	shift
	if compile "$@"; then fail "compiles: $*"; fi
	grep -q -- "$word" "$TEST_DIR/log" || fail "$*: $(cat "$TEST_DIR/log")"
}

cat >"$TEST_DIR/source.c" <<'END'
#include <windows.h>
#include <peerdist.h>
#include <PeerDist.h>
#include <winerror.h>
#include "tests/unit/peerdist_layout.h"
struct request {
	DWORD number;
	OVERLAPPED overlapped;
};
int __cdecl main(void)
{
	OVERLAPPED overlapped;
	struct request requests[3];
	LPOVERLAPPED packet = &requests[2].overlapped;
	if (CONTAINING_RECORD(packet, struct request, overlapped) != &requests[ARRAYSIZE(requests) - 1])
		return 1;
	HANDLE event = CreateEvent(NULL, TRUE, FALSE, NULL);
	ZeroMemory(&overlapped, sizeof(overlapped));
	overlapped.Offset = 1;
	overlapped.OffsetHigh = 2;
	overlapped.hEvent = event;
	if (event == INVALID_HANDLE_VALUE || !HasOverlappedIoCompleted(&overlapped))
		return 1;
	return CloseHandle(event) ? ERROR_SUCCESS : 1;
}
END
cp "$TEST_DIR/source.c" "$TEST_DIR/source.cc"

in_every_language() { # [FLAG]
	local compiler
	for compiler in gcc clang; do
		compiles "$compiler" "$@" -std=c11 -I. "$TEST_DIR/source.c"
		compiles "$compiler" "$@" -std=gnu11 -I. "$TEST_DIR/source.c"
	done
	for compiler in g++ clang++; do
		compiles "$compiler" "$@" -std=c++17 -I. "$TEST_DIR/source.cc"
		compiles "$compiler" "$@" -std=gnu++17 -I. "$TEST_DIR/source.cc"
	done
}

in_every_language
# The asserts can fail.
sed 's/DWORD dwMinVer;/uint64_t dwMinVer;/' fs/api/peerdist.h >"$include/peerdist.h"
refuses PEERDIST_STATUS_INFO gcc -std=c11 -I. "$TEST_DIR/source.c"
sed 's/DWORD cbMaxNumberOfBytes/uint64_t cbMaxNumberOfBytes/' fs/api/peerdist.h \
	>"$include/peerdist.h"
refuses PeerDistClientBlockRead g++ -std=c++17 -I. "$TEST_DIR/source.cc"
cp fs/api/peerdist.h "$include"
done_with L13 in the usual width of this machine

if [ "$(uname -m)" != x86_64 ]; then
	done_with "L13 for 32 bits # SKIP $(uname -m) has no flag for it"
elif [ "$(gcc -print-file-name=32/libgcc.a)" = 32/libgcc.a ]; then
	done_with 'L13 for 32 bits # SKIP no gcc-multilib here'
else
	in_every_language -m32
	done_with L13 for 32 bits
fi

# Each header needs no other before it.
for header in "$include"/*.h; do
	printf '#include <%s>\nPEERDIST_INSTANCE_HANDLE instance;\nDWORD code = ERROR_IO_PENDING;\n' \
		"${header##*/}" >"$TEST_DIR/alone.c"
	compiles gcc -std=c11 "$TEST_DIR/alone.c"
done
done_with each header stands alone

# Windows 7 had neither of these functions, nor their structures, and another version (1).
cat >"$TEST_DIR/seven.c" <<'END'
#include <peerdist.h>
_Static_assert(PEERDIST_VERSION == 0x0001, "version");
_Static_assert(PEERDIST_PUBLICATION_OPTIONS_VERSION == 1, "options");
_Static_assert(PEERDIST_RETRIEVAL_OPTIONS_CONTENTINFO_VERSION == 2, "marked for all");
DWORD (*seven)(PEERDIST_INSTANCE_HANDLE, PEERDIST_STATUS *) = PeerDistGetStatus;
END
older=(-DNTDDI_VERSION=0x06010000 -DNTDDI_VERSION=NTDDI_WIN7 -D_WIN32_WINNT=0x0601)
newer=(-DNTDDI_VERSION=0x06020000 -D_WIN32_WINNT=0x0602 -D_WIN32_WINNT=0x0A00)
since_eight=(PeerDistGetStatusEx PeerDistGetOverlappedResult
	PeerDistRegisterForStatusChangeNotificationEx PeerDistServerOpenContentInformationEx
	PeerDistClientGetInformationByHandle)
types_since_eight=(PEERDIST_RETRIEVAL_OPTIONS PEERDIST_STATUS_INFO PEERDIST_CLIENT_BASIC_INFO
	PEERDIST_CLIENT_INFO_BY_HANDLE_CLASS)
for version in "${older[@]}"; do
	compiles gcc -std=c11 "$version" "$TEST_DIR/seven.c"
done
for version in "${newer[@]}"; do
	compiles gcc -std=c11 "$version" -I. "$TEST_DIR/source.c"
done
refuses version gcc -std=c11 "$TEST_DIR/seven.c"
for name in "${since_eight[@]}"; do
	printf '#include <peerdist.h>\nenum { there = sizeof(&%s) };\n' "$name" \
		>"$TEST_DIR/name.c"
	compiles gcc -std=c11 "$TEST_DIR/name.c"
	refuses "$name" gcc -std=c11 "${older[0]}" "$TEST_DIR/name.c"
done
for name in "${types_since_eight[@]}"; do
	printf '#include <peerdist.h>\n%s variable;\n' "$name" >"$TEST_DIR/name.c"
	compiles gcc -std=c11 "$TEST_DIR/name.c"
	refuses "$name" gcc -std=c11 "${older[2]}" "$TEST_DIR/name.c"
done
done_with what Windows 7 had not is not there for Windows 7

# All 28 functions of the list of operations are declared.
functions=$(grep -oE '\bPeerDist[A-Za-z]+' fs/api/operations.h | sort -u | grep -v '^PeerDistLinux')
assert_eq 28 "$(wc -l <<<"$functions")" 'functions in operations.h'
for name in $functions; do
	grep -qE "\b(DWORD|BOOL) WINAPI $name\(" fs/api/peerdist.h || fail "not declared: $name"
done
done_with all 28 functions are declared

# Every code has its name.
{
	echo '#include <peerdist.h>'
	echo '#include <stdio.h>'
	echo 'int main(void) {'
	grep -oE '^#define (PEERDIST_)?ERROR_[A-Z0-9_]+' fs/api/peerdist.h | while read -r _ name; do
		echo "printf(\"$name %s\\n\", PeerDistLinuxErrorName($name));"
	done
	echo '}'
} >"$TEST_DIR/names.c"
gcc -std=c11 -I"$include" -o "$TEST_DIR/names" "$TEST_DIR/names.c" "$BUILD/libpeerdist.a"
"$TEST_DIR/names" >"$TEST_DIR/names.txt"
assert_eq 32 "$(wc -l <"$TEST_DIR/names.txt")" 'codes'
while read -r expected name; do
	assert_eq "$expected" "$name" 'name of a code'
done <"$TEST_DIR/names.txt"
done_with every code has its name
