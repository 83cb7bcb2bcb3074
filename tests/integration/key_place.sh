#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Where the server secret is when nobody says, and whose: one key for all that is made on this
# machine, made at first use, readable for the daemon and nobody else.
. "$(dirname "$0")/lib.sh"
requires_file "$BUILD/peerdist"
requires_root
requires_isolation # /var/lib and the list of users are the test's own
requires_cmd setpriv

program=$TEST_DIR/peerdist # where other users get at it
cp "$BUILD/peerdist" "$program"
mount -t tmpfs -o mode=755 none /var/lib
place=/var/lib/peerdistfs
grep -v '^peerdistfs:' /etc/passwd >"$TEST_DIR/passwd"
mount --bind "$TEST_DIR/passwd" /etc/passwd
head -c 70000 /dev/urandom >"$TEST_DIR/file"
chmod 644 "$TEST_DIR/file"
owned() {
	stat -c '%u:%g %a' "$1"
}

# root's, where there is no such user; the second use takes the same.
"$program" info make "$TEST_DIR/file" -o "$TEST_DIR/first"
assert_eq '0:0 700' "$(owned $place)" directory
assert_eq '0:0 600' "$(owned $place/secret.key)" key
assert_eq 32 "$(stat -c %s $place/secret.key)" 'octets of the key'
"$program" info make "$TEST_DIR/file" -o "$TEST_DIR/second"
assert_same_file "$TEST_DIR/first" "$TEST_DIR/second"
"$program" info make --key $place/secret.key "$TEST_DIR/file" -o "$TEST_DIR/second"
assert_same_file "$TEST_DIR/first" "$TEST_DIR/second"

# A new key is another name for everything.
"$program" key new --force >/dev/null
"$program" info make "$TEST_DIR/file" -o "$TEST_DIR/second"
if cmp -s "$TEST_DIR/first" "$TEST_DIR/second"; then fail 'the same with another key'; fi

# The daemon's, where root's daemon becomes that user: when it is made, and when it is replaced.
echo 'peerdistfs:x:12345:12346::/nonexistent:/usr/sbin/nologin' >>"$TEST_DIR/passwd"
"$program" key set --hex 00 >/dev/null
assert_eq '12345:12346 600' "$(owned $place/secret.key)" 'key that was replaced'
rm -r $place
"$program" info make "$TEST_DIR/file" -o "$TEST_DIR/second"
assert_eq '12345:12346 700' "$(owned $place)" 'directory of the daemon'
assert_eq '12345:12346 600' "$(owned $place/secret.key)" 'key of the daemon'
as_user() { # HOME WORDS...
	setpriv --reuid 12345 --regid 12346 --clear-groups env -u XDG_STATE_HOME HOME="$1" \
		ASAN_OPTIONS=detect_leaks=0 "${@:2}"
}
as_user /nonexistent "$program" info make --key $place/secret.key "$TEST_DIR/file" \
	>"$TEST_DIR/by-daemon"
assert_same_file "$TEST_DIR/second" "$TEST_DIR/by-daemon"

# Another user's is below his home, and closed all the way that was made for it.
mkdir "$TEST_DIR/home" "$TEST_DIR/state"
chown 12345:12346 "$TEST_DIR/home" "$TEST_DIR/state"
as_user "$TEST_DIR/home" "$program" info make "$TEST_DIR/file" >/dev/null
for directory in .local .local/state .local/state/peerdistfs; do
	assert_eq '12345:12346 700' "$(owned "$TEST_DIR/home/$directory")" "$directory"
done
assert_eq '12345:12346 600' "$(owned "$TEST_DIR/home/.local/state/peerdistfs/secret.key")" 'his key'
as_user "$TEST_DIR/home" env XDG_STATE_HOME="$TEST_DIR/state" "$program" key new >/dev/null
assert_eq '12345:12346 600' "$(owned "$TEST_DIR/state/peerdistfs/secret.key")" 'his key elsewhere'

# He who may not read root's key is told so, and makes none.
rm -r $place
"$program" key new --key /var/lib/root.key >/dev/null
status=0
said=$(as_user "$TEST_DIR/home" "$program" info make --key /var/lib/root.key "$TEST_DIR/file" 2>&1) ||
	status=$?
assert_eq 1 "$status" "status with root's key"
assert_match 'root.key cannot be read: Permission denied' "$said"
