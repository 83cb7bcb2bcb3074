#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist info refuses what is no content information, and what is asked wrongly, with one line that
# says so and nothing else.
. "$(dirname "$0")/lib.sh"
requires_file "$BUILD/peerdist"
requires_cmd python3

secret=6e6f206d6f72652073656372657473
info() {
	timeout 60 "$BUILD/peerdist" info "$@"
}
# refused STATUS REGEX ARGUMENTS...: one line, and nothing on standard output.
refused() {
	local status=0 said
	info "${@:3}" >"$TEST_DIR/out" 2>"$TEST_DIR/said" </dev/null || status=$?
	assert_eq "$1" "$status" "status of ${*:3}"
	mapfile -t said <"$TEST_DIR/said"
	assert_eq 1 ${#said[@]} "lines on stderr of ${*:3}"
	assert_match "^peerdist: .*$2" "${said[0]}" "message of ${*:3}"
	[ ! -s "$TEST_DIR/out" ] || fail "something on stdout of ${*:3}"
}

file=$TEST_DIR/file made=$TEST_DIR/made
head -c 1048579 /dev/urandom >"$file"
info make --secret $secret "$file" -o "$made"

# What no reader may accept; and a valid one cut or prolonged.
python3 - "$TEST_DIR" tests/vectors/content-information/invalid.json "$made" <<-'END'
	import json, sys
	folder, vectors, made = sys.argv[1:]
	made = open(made, "rb").read()
	inputs = [bytes.fromhex(v["info"]) for v in json.load(open(vectors))["vectors"]]
	for number, octets in enumerate(inputs + [made[:-1], made[:31], made + b"\0"]):
	    with open(f"{folder}/invalid-{number}", "wb") as file:
	        file.write(octets)
END
invalid=("$TEST_DIR"/invalid-*)
assert_num ${#invalid[@]} -ge 102 'invalid inputs'
for bad in "${invalid[@]}"; do
	refused 1 'no content information' show --json "$bad"
done
bad=${invalid[0]}
refused 1 'no content information' show "$bad"
refused 1 'no content information' verify "$bad" "$file"
refused 1 'standard input is no content information' show -
truncate -s 257M "$TEST_DIR/enormous"
refused 1 'no content information' show "$TEST_DIR/enormous"

# What is asked wrongly.
: >"$TEST_DIR/empty"
mkfifo "$TEST_DIR/fifo"
refused 1 'empty' make --secret $secret "$TEST_DIR/empty"
refused 1 'no plain file' make --secret $secret "$TEST_DIR"
refused 1 'no plain file' make --secret $secret "$TEST_DIR/fifo"
refused 1 'No such file' make --secret $secret "$TEST_DIR/absent"
refused 1 'no key .*/absent' make --key "$TEST_DIR/absent" "$file"
refused 1 'beyond' make --secret $secret --range 1048579,1 "$file"
refused 1 'beyond' make --secret $secret --range 1,18446744073709551615 "$file"
refused 2 'one octet' make --secret $secret --range 5,0 "$file"
for range in '' 5 '5,' ',5' '-1,5' '5,-1' '5,5x' '18446744073709551616,1'; do
	refused 2 'START,LENGTH' make --secret $secret "--range=$range" "$file"
done
refused 2 'replaced' make --secret $secret "$file" -o "$file"
refused 2 'version' make --version 3 --secret $secret "$file"
refused 2 'hexadecimal' make --secret 0g "$file"
refused 2 'not both' make --secret $secret --key "$TEST_DIR/key" "$file"
refused 2 'usage' make --secret $secret
refused 2 'usage' show
refused 2 'usage' verify "$made"
refused 2 'mkae.*make' mkae
refused 2 'unknown option .--jsn' show --jsn "$made"
refused 1 'No such file' show "$TEST_DIR/absent"
refused 1 'Is a directory' show "$TEST_DIR"
[ ! -e "$TEST_DIR/absent" ] || fail 'a key was made under a name that was misspelt'
for verb in make show verify get; do
	assert_match "usage: peerdist info $verb" "$(info $verb --help)" "$verb --help"
done
