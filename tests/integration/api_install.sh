#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The library as others get it: what `make install` puts into a prefix is all that the example
# programs need, which are Windows programs (rows L13, L14 of the API's cases): as C and as C++, by
# each compiler that is here, with the flags of pkg-config alone. It exports what peerdist.h declares
# and nothing else, needs nothing but libc, and uninstalling leaves nothing.
# timeout: 300
. "$(dirname "$0")/lib.sh"
requires_cmd make pkg-config nm ldd readelf gcc
requires_file "$BUILD/libpeerdist.so"

prefix=$TEST_DIR/prefix
programs=$TEST_DIR/programs
mkdir "$programs"

# What is built stays as it is.
make_it() {
	env -u MAKEFLAGS -u MAKELEVEL -u DESTDIR make -s -o all B="$BUILD" "$@" >"$TEST_DIR/make.log" 2>&1 ||
		fail "make $*: $(cat "$TEST_DIR/make.log")"
}
# What is there below a folder that is no folder.
left() {
	(cd "$1" && find . ! -type d | sort)
}

make_it PREFIX="$prefix" MOUNT_HELPER_DIR="$prefix/sbin" install
for file in bin/peerdist lib/libpeerdist.so.1 lib/libpeerdist.so lib/libpeerdist.a \
	lib/pkgconfig/peerdist.pc include/peerdist/{peerdist,PeerDist,windows,winerror,control}.h \
	share/man/man3/peerdist{,_status,_publish,_consume,_waiting}.3 \
	share/man/man7/peerdist-hosted{,-windows}.7; do
	[ -e "$prefix/$file" ] || fail "not installed: $file"
done
assert_eq libpeerdist.so.1 "$(readlink "$prefix/lib/libpeerdist.so")" 'the link'
assert_match 'soname: \[libpeerdist\.so\.1\]' "$(readelf -d "$prefix/lib/libpeerdist.so.1")" soname

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
read -ra flags < <(pkg-config --cflags peerdist)
read -ra libs < <(pkg-config --libs peerdist)
read -ra curl_libs < <(pkg-config --libs libcurl)
read -ra curl_flags < <(pkg-config --cflags libcurl)

# build OUTPUT COMPILER... -- SOURCE...: with the flags of pkg-config; libcurl's for the one that
# needs it.
build() {
	local output=$1 compiler=() more=() more_flags=()
	shift
	while [ "$1" != -- ]; do
		compiler+=("$1")
		shift
	done
	shift
	if [[ $output == *copy* ]]; then more=("${curl_libs[@]}") more_flags=("${curl_flags[@]}"); fi
	"${compiler[@]}" -Wall -Wextra -Werror "${flags[@]}" "${more_flags[@]}" -o "$programs/$output" \
		"${@/#/tests/examples/}" -x none "${libs[@]}" "${more[@]}" >"$TEST_DIR/compiler" 2>&1 ||
		fail "${compiler[*]} does not build $output: $(head -n 20 "$TEST_DIR/compiler")"
}
build_all() {
	local mark=$1 name
	shift
	for name in publisher consumer_port consumer_events crowd; do
		build "$name-$mark" "$@" -- "$name.c" example.c
	done
	build "copy-$mark" "$@" -- copy.c copy_http.c example.c
	build "every_function-$mark" "$@" -- every_function.c
}

built=0
for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || continue
	build_all "$compiler-c" "$compiler" -std=c11 -pedantic
	build_all "$compiler-gnu" "$compiler" -std=gnu17
	built=$((built + 1))
done
for compiler in g++ clang++; do
	command -v "$compiler" >/dev/null || continue
	build_all "$compiler" "$compiler" -std=c++17 -x c++
	built=$((built + 1))
done
assert_num "$built" -ge 2 'languages and compilers'
# For 32 bits, where there is a compiler for that.
if gcc -m32 -x c -fsyntax-only - <<<'#include <stdio.h>' 2>/dev/null; then
	gcc -m32 -Wall -Wextra -Werror "${flags[@]}" -fsyntax-only \
		tests/examples/{example,publisher,consumer_port,consumer_events,crowd,copy,every_function}.c \
		2>"$TEST_DIR/compiler" || fail "not for 32 bits: $(head -n 20 "$TEST_DIR/compiler")"
fi

# Everything that peerdist.h declares, and nothing else. 28 of it is the API of Windows.
gcc -w -fpreprocessed -dD -E -P "$prefix/include/peerdist/peerdist.h" 2>/dev/null | grep -v '^ *#' | tr '\n' ' ' |
	tr ';{}' '\n\n\n' | grep -v typedef |
	sed -nE 's/^.*\b([A-Za-z][A-Za-z0-9]*) *\(.*$/\1/; T; p' | sed 's/.*[ *]//' | sort >"$TEST_DIR/declared"
nm -D --defined-only "$prefix/lib/libpeerdist.so.1" | awk '{ print $3 }' | sort >"$TEST_DIR/exported"
diff "$TEST_DIR/declared" "$TEST_DIR/exported" >"$TEST_DIR/difference" ||
	fail "declared (<) is not exported (>): $(cat "$TEST_DIR/difference")"
assert_eq 28 "$(grep '^PeerDist' "$TEST_DIR/exported" | grep -vc '^PeerDistLinux')" 'functions of the API'
nm -u "$programs/every_function-gcc-c" | grep -oE 'PeerDist[A-Za-z]*' | sort -u >"$TEST_DIR/used"
assert_eq 28 "$(wc -l <"$TEST_DIR/used")" 'functions that the example uses'

# needs FILE REGEX...: it needs libraries, each of which one of the others allow.
needs_only() {
	local file=$1 allowed=$2
	ldd "$file" | awk '{ print $1 }' | grep -vE "$allowed" >"$TEST_DIR/needed" || :
	[ ! -s "$TEST_DIR/needed" ] || fail "$file needs $(tr '\n' ' ' <"$TEST_DIR/needed")"
}
readonly system='^(linux-vdso\.|libc\.so|/lib.*/ld-linux|libpthread\.so)'
needs_only "$prefix/lib/libpeerdist.so.1" "$system"
needs_only "$programs/consumer_port-gcc-c" "$system|^libpeerdist\.so\.1$"
assert_match "libpeerdist\.so\.1 => $prefix/lib/" "$(ldd "$programs/publisher-gcc-c")" 'what is used'

# Without a service it says so: nothing is mounted here.
unset PEERDIST_CONTROL
for mark in gcc-c gcc-gnu; do
	assert_refused 'error 4065' "$programs/publisher-$mark" "$TEST_DIR" "$0"
done

# The static library, alone and with all the rest.
gcc "${flags[@]}" -o "$programs/static" tests/examples/every_function.c -pthread \
	"$prefix/lib/libpeerdist.a" || fail 'cannot be linked statically'
needs_only "$programs/static" "$system"
read -ra all_libs < <(pkg-config --static --libs peerdist)
gcc -static "${flags[@]}" -o "$programs/all_static" tests/examples/every_function.c "${all_libs[@]}" \
	2>"$TEST_DIR/compiler" || fail "cannot be linked with nothing shared: $(cat "$TEST_DIR/compiler")"
assert_refused 'status: 1, not 2' "$programs/static"
assert_refused 'status: 1, not 2' "$programs/all_static"

make_it PREFIX="$prefix" MOUNT_HELPER_DIR="$prefix/sbin" uninstall
assert_eq '' "$(left "$prefix")" 'what is left'
[ ! -e "$prefix/include/peerdist" ] || fail 'the folder of the headers is left'

# Into a tree that is to be /usr elsewhere.
make_it DESTDIR="$TEST_DIR/tree" PREFIX=/usr install
assert_eq "$TEST_DIR/tree/usr/lib" \
	"$(PKG_CONFIG_PATH=$TEST_DIR/tree/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$TEST_DIR/tree \
		pkg-config --variable=libdir peerdist | sed "s|^/usr|$TEST_DIR/tree/usr|")" 'where the library is'
if grep -rlF "$TEST_DIR" "$TEST_DIR/tree/usr/lib/pkgconfig"; then fail 'names a place of the build'; fi
if grep -q rpath "$TEST_DIR/tree/usr/lib/pkgconfig/peerdist.pc"; then fail 'an rpath for /usr'; fi
make_it DESTDIR="$TEST_DIR/tree" PREFIX=/usr uninstall
assert_eq '' "$(left "$TEST_DIR/tree")" 'what is left'
