#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist key: keys are made, set, and exchanged in Windows' format; nobody else sees them, and one
# is not lost by the way.
. "$(dirname "$0")/lib.sh"
requires_file "$BUILD/peerdist"
requires_cmd python3 jq openssl iconv

vectors=tests/vectors/content-information/keys.json
key=$TEST_DIR/key
key() {
	timeout 60 "$BUILD/peerdist" key "$@" </dev/null
}
hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}
unhex() {
	python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$1"
}
wide() { # TEXT: as UTF-16LE
	printf %s "$1" | iconv -f UTF-8 -t UTF-16LE
}
# refused STATUS REGEX ARGUMENTS...
refused() {
	local status=0
	key "${@:3}" >"$TEST_DIR/out" 2>"$TEST_DIR/said" || status=$?
	assert_eq "$1" "$status" "status of ${*:3}"
	assert_eq 1 "$(wc -l <"$TEST_DIR/said")" "lines on stderr of ${*:3}"
	assert_match "^peerdist: .*$2" "$(cat "$TEST_DIR/said")" "message of ${*:3}"
}

# new: 32 octets, closed to others, and never over another one unless forced.
key new --key "$key" >/dev/null
assert_eq '32 600' "$(stat -c '%s %a' "$key")" 'size and mode of a new key'
first=$(hex "$key")
refused 1 'already.*--force' new --key "$key"
assert_eq "$first" "$(hex "$key")" 'key after new was refused'
assert_match 'new names' "$(key new --key "$key" --force)" 'what --force says'
[ "$first" != "$(hex "$key")" ] || fail '--force made the same key'
assert_eq "$key" "$(echo "$key"*)" 'files left beside the key'

# set: by each of its ways.
assert_match 'new names' "$(key set --key "$key" --hex 00ff0a)" 'what set says'
assert_eq 00ff0a "$(hex "$key")" 'key set in hexadecimal'
assert_match 'nothing has changed' "$(key set --key "$key" --hex 00FF0A)" 'the same again'
printf 'raw\0key\n' >"$TEST_DIR/raw"
key set --key "$key" --file "$TEST_DIR/raw" >/dev/null
assert_same_file "$TEST_DIR/raw" "$key"
text='Grüße, 𝄞 passphrase'
wide "$text" >"$TEST_DIR/wide"
key set --passphrase "$text" --key "$key" >/dev/null
assert_same_file "$TEST_DIR/wide" "$key"
key set --hex 00 --key "$key" >/dev/null
key set --passphrase="$text" --key "$key" >/dev/null
assert_same_file "$TEST_DIR/wide" "$key"
key set --hex 00 --key "$key" >/dev/null
printf '%s\nsecond line\n' "$text" | "$BUILD/peerdist" key set --key "$key" --passphrase >/dev/null
assert_same_file "$TEST_DIR/wide" "$key"
assert_eq 600 "$(stat -c %a "$key")" 'mode of a key that was set'

# Windows' format, both ways; the octets follow from key and passphrase.
jq -c '.key_files[]' $vectors | while read -r vector; do
	passphrase=$(jq -r .passphrase <<<"$vector")
	unhex "$(jq -r .file <<<"$vector")" >"$TEST_DIR/theirs"
	key import --key "$TEST_DIR/imported" --passphrase "$passphrase" "$TEST_DIR/theirs" >/dev/null
	assert_eq "$(jq -r .secret_key <<<"$vector")" "$(hex "$TEST_DIR/imported")" 'imported key'
	key export --key "$TEST_DIR/imported" --passphrase "$passphrase" "$TEST_DIR/ours"
	assert_same_file "$TEST_DIR/theirs" "$TEST_DIR/ours"
	assert_eq 600 "$(stat -c %a "$TEST_DIR/ours")" 'mode of an exported key'
	# Another program opens it.
	openssl enc -d -aes-256-cbc -iv 00000000000000000000000000000000 \
		-K "$(wide "$passphrase" | sha256sum | cut -d ' ' -f 1)" \
		-in "$TEST_DIR/ours" -out "$TEST_DIR/plain"
	{ unhex "$(sha256sum <"$TEST_DIR/imported" | cut -d ' ' -f 1)" && cat "$TEST_DIR/imported"; } \
		>"$TEST_DIR/expected"
	assert_same_file "$TEST_DIR/expected" "$TEST_DIR/plain"
done
before=$(hex "$key")
jq -c '.bad_key_files[]' $vectors | while read -r vector; do
	unhex "$(jq -r .file <<<"$vector")" >"$TEST_DIR/bad"
	refused 1 'wrong passphrase or not a key file' import --key "$key" \
		--passphrase "$(jq -r .passphrase <<<"$vector")" "$TEST_DIR/bad"
done
assert_eq "$before" "$(hex "$key")" 'key after imports were refused'

# The passphrase is in nobody's sight while it works: here until somebody reads.
mkfifo "$TEST_DIR/fifo"
background "$TEST_DIR/export.log" "$BUILD/peerdist" key export --key "$key" \
	--passphrase very-secret "$TEST_DIR/fifo"
wait_until 20 sh -c '[ "$(awk "{ print \$3 }" "/proc/$1/stat")" = S ]' sh "$background_pid"
words=$(tr '\0' ' ' <"/proc/$background_pid/cmdline")
assert_match 'key export' "$words" 'command line'
if [[ $words == *very-secret* ]]; then fail "the passphrase shows: $words"; fi
cat "$TEST_DIR/fifo" >"$TEST_DIR/exported"
wait "$background_pid" || fail 'status of export into a FIFO'
key import --key "$TEST_DIR/again" --passphrase very-secret "$TEST_DIR/exported" >/dev/null
assert_same_file "$key" "$TEST_DIR/again"

# From a terminal it is asked for, twice where it is new, and does not show.
cat >"$TEST_DIR/typing.py" <<'END'
import os, pty, sys, termios, time
answers, command = sys.argv[1].split(","), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown, asked = b"", 0
while True:
    try:
        octets = os.read(terminal, 4096)
    except OSError:
        break
    if not octets:
        break
    shown += octets
    while asked < len(answers) and shown.count(b"assphrase:") > asked:
        # The prompt comes before the echo goes.
        deadline = time.monotonic() + 20
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            assert time.monotonic() < deadline, "the terminal echoes"
            time.sleep(0.01)
        os.write(terminal, answers[asked].encode() + b"\n")
        asked += 1
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
typed() { # ANSWERS COMMAND...
	timeout 60 python3 "$TEST_DIR/typing.py" "$1" "$BUILD/peerdist" key "${@:2}"
}
shown=$(typed hidden-words,hidden-words export --key "$key" "$TEST_DIR/typed")
if [[ $shown == *hidden* ]]; then fail "the passphrase was echoed: $shown"; fi
key import --key "$TEST_DIR/again" --passphrase hidden-words "$TEST_DIR/typed" >/dev/null
assert_same_file "$key" "$TEST_DIR/again"
rm "$TEST_DIR/again"
typed hidden-words import --key "$TEST_DIR/again" "$TEST_DIR/typed" >/dev/null
assert_same_file "$key" "$TEST_DIR/again"
assert_fails typed one,other export --key "$key" "$TEST_DIR/mistyped" >/dev/null
[ ! -e "$TEST_DIR/mistyped" ] || fail 'a mistyped passphrase was used'

# What cannot be.
refused 1 'no key' export --key "$TEST_DIR/absent" --passphrase x "$TEST_DIR/ours"
refused 1 'passphrase is empty' export --key "$key" --passphrase '' "$TEST_DIR/ours"
refused 1 'passphrase is empty' set --key "$key" --passphrase
refused 1 'not UTF-8' set --key "$key" --passphrase $'\xff'
refused 1 'No such file' import --key "$key" --passphrase x "$TEST_DIR/absent"
refused 1 'No such file' set --key "$key" --file "$TEST_DIR/absent"
refused 1 'No such file' new --key "$TEST_DIR/absent/key"
: >"$TEST_DIR/empty"
head -c 65536 /dev/zero >"$TEST_DIR/larger"
refused 1 'no secret key' set --key "$key" --file "$TEST_DIR/empty"
refused 1 'no secret key' set --key "$key" --file "$TEST_DIR/larger"
refused 2 'hexadecimal' set --key "$key" --hex 0
refused 2 'usage' set --key "$key"
refused 2 'usage' set --key "$key" --hex 00 --file "$TEST_DIR/raw"
refused 2 'usage' export --key "$key" --passphrase x
refused 2 'improt.*import' improt
refused 2 'needs a value' export --key "$key" "$TEST_DIR/ours" --passphrase
chmod 640 "$key"
refused 1 'chmod 600' export --key "$key" --passphrase x "$TEST_DIR/ours"
assert_eq "$before" "$(hex "$key")" 'key after all that was refused'
for verb in new set export import; do
	assert_match "usage: peerdist key $verb" "$(key $verb --help)" "$verb --help"
done
