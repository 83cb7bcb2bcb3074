#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Before anything is mounted: each mistake is answered with one line on stderr that names the object
# and says what to do, with status 2 where the words are wrong and 1 where the machine is.
. "$(dirname "$0")/lib.sh"
requires_file "$BUILD/peerdistfs"

mount=$TEST_DIR/mnt
mkdir "$mount"

# refused STATUS TEXT ARGUMENTS...
refused() {
	local status=0 message
	message=$(timeout 20 "$DAEMON" "${@:3}" 2>&1 >"$TEST_DIR/stdout") || status=$?
	assert_eq "$1" "$status" "status of ${*:3}"
	[[ $message == "peerdistfs: "*"$2"* ]] || fail "message of ${*:3}: $message"
	assert_eq 1 "$(wc -l <<<"$message")" "lines of the message of ${*:3}"
	[ ! -s "$TEST_DIR/stdout" ] || fail "${*:3} wrote to stdout"
}
cache=cache=$TEST_DIR/cache

refused 2 "unknown option \`cach_size\`; did you mean \`cache_size\`?" \
	-o cach_size=1G file:///usr "$mount"
refused 2 "did you mean \`revalidate\`?" -o "$cache,revaildate=5" file:///usr "$mount"
refused 2 "\`quux\`; peerdistfs --help" -o quux file:///usr "$mount"
refused 2 'a comma in a value of -o is written \,' -o "$cache,versions=1,2" file:///usr "$mount"
refused 2 'timeout=soon: not a number of seconds' -o timeout=soon file:///usr "$mount"
refused 2 "ORIGIN \`http:/localhost/\`: " -o "$cache" http:/localhost/ "$mount"
refused 2 "ORIGIN \`http://localhost:99999/\`: " -o "$cache" http://localhost:99999/ "$mount"
refused 2 "ORIGIN \`/usr/share\`: " -o "$cache" /usr/share "$mount"
refused 2 'MOUNTPOINT is missing' -o "$cache" file:///usr
refused 2 'ORIGIN is missing'
refused 1 "$TEST_DIR/absent does not exist; make it first" -o "$cache" file:///usr "$TEST_DIR/absent"
refused 1 '/proc is busy: ' -o "$cache" file:///usr /proc
refused 1 'interface=none0: there is no such network interface' -o "$cache,interface=none0" \
	file:///usr "$mount"
refused 2 'hosted=a:b: not HOST or HOST:PORT' -o "$cache,hosted=a:b" file:///usr "$mount"
refused 2 'hosted_tls=x: not a number' -o "$cache,hosted=h,hosted_tls=x" file:///usr "$mount"
refused 1 'hosted_cacert=' -o "$cache,hosted=h,hosted_cacert=$TEST_DIR/absent" file:///usr "$mount"
refused 2 'mode=hosted+distributed: which hosted cache' -o "$cache,mode=hosted+distributed" file:///usr "$mount"
refused 2 'mode=hosted: which hosted cache' -o "$cache,mode=hosted" file:///usr "$mount"
refused 2 'mode=distributed asks no hosted caches' -o "$cache,mode=distributed,hosted=h" \
	file:///usr "$mount"
refused 2 'listen=80x: not PORT or ADDRESS:PORT' -o "$cache,listen=80x" file:///usr "$mount"
refused 2 'upload_rate=fast: not a rate' -o "$cache,upload_rate=fast" file:///usr "$mount"
refused 1 "$mount/cache lies below the mount point" -o "cache=$mount/cache" file:///usr "$mount"
refused 1 'No such file or directory' -o "$cache,user=@$TEST_DIR/absent" file:///usr "$mount"
[ ! -e "$TEST_DIR/cache" ] || fail 'a refused command left a cache'

touch "$TEST_DIR/plain"
refused 1 "cache directory $TEST_DIR/plain cannot be written to: Not a directory" \
	-o "cache=$TEST_DIR/plain" file:///usr "$mount"
printf '[mount]\ntimeout=5\nlevle=info\n' >"$TEST_DIR/x.ini"
refused 2 "$TEST_DIR/x.ini:3: unknown option \`levle\`; did you mean \`level\`?" \
	-c "$TEST_DIR/x.ini" file:///usr "$mount"

# A secret that came with a mistake is not repeated.
refused 2 "ORIGIN \`gopher://***@localhost/\`" gopher://me:hush@localhost/ "$mount"

# Who is not root meets permissions.
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1 && command -v setpriv >/dev/null; then
	mkdir -m 755 "$TEST_DIR/shut"
	chmod a+x "$TEST_DIR"
	DAEMON=$TEST_DIR/as_nobody
	printf '#!/bin/sh\nexec setpriv --reuid nobody --clear-groups "%s" "$@"\n' \
		"$BUILD/peerdistfs" >"$DAEMON"
	chmod 755 "$DAEMON"
	if "$DAEMON" --version >/dev/null 2>&1; then
		refused 1 "cache directory $TEST_DIR/shut/c cannot be written to: Permission denied" \
			-o "cache=$TEST_DIR/shut/c" none "$mount"
		refused 1 'run_as=nobody: only root' -o "$cache,run_as=nobody" none "$mount"
		# Or no /dev/fuse: libfuse's words, and of which mount.
		mkdir -m 777 "$TEST_DIR/open"
		refused 1 "cannot mount on $mount: fuse" -o "cache=$TEST_DIR/open/c,mode=local,key=$TEST_DIR/open/key" none "$mount"
	fi
fi

# The command line's other half.
verbs=$("$BUILD/peerdist" help | awk '/^  [a-z]/ { print $1 }')
assert_match status "$verbs" 'verbs of peerdist'
for verb in $verbs; do
	grep -q "^\.It Cm $verb\( \|$\)" fs/peerdist.1 || fail "fs/peerdist.1 lacks $verb"
done
# told STATUS TEXT ARGUMENTS...
told() {
	local status=0 message
	message=$(timeout 20 "$BUILD/peerdist" "${@:3}" 2>&1 >/dev/null) || status=$?
	assert_eq "$1" "$status" "status of peerdist ${*:3}"
	[[ $message == "peerdist: "*"$2"* ]] || fail "message of peerdist ${*:3}: $message"
}
told 2 'a verb is missing'
told 2 "unknown verb \`stauts\`; did you mean \`status\`?" stauts
told 2 'usage: peerdist pin PATH' pin
told 2 "\`much\` is not a size" resize much "$mount"
told 2 "\`x\` is not the number of a job" cancel x "$mount"
told 2 "\`2 1\` are not the least and the highest version" versions 2 1 "$mount"
told 2 'a:b: not HOST or HOST:PORT' mode hosted a:b "$mount"
told 2 '--listen x: no place to listen on' hosted --listen x
told 2 '--tls-listen 70000: no place' hosted --listen 0 --tls-listen 70000 --tls-cert x --tls-key x
told 2 '--firewall prints rules' doctor --firewall --json
told 1 'does not exist; make it first' serve --listen 127.0.0.1:0 --key "$TEST_DIR/key" \
	--hashes "$TEST_DIR/hashes" --control "$TEST_DIR/absent" "$mount"
told 2 'metrics has no --json' metrics --json "$mount"
told 1 "$mount is not in a mount of peerdistfs" clear "$mount"
