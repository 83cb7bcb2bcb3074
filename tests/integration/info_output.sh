#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What peerdist info make writes is whole or not there, is nobody else's, and speaks for a file that
# did not change while it was read.
. "$(dirname "$0")/lib.sh"
requires_file "$BUILD/peerdist"
requires_cmd python3

secret=6e6f206d6f72652073656372657473
make=("$BUILD/peerdist" info make --secret "$secret")
mkdir "$TEST_DIR/out"
mkfifo "$TEST_DIR/fifo"
head -c 200000 /dev/urandom >"$TEST_DIR/file"

names() { # DIR
	(cd "$1" && echo *)
}
waits_for_reader() { # PID: it has opened the file and sleeps at the FIFO, the first place to do so
	[ "$(awk '{ print $3 }' "/proc/$1/stat")" = S ]
}

# The secret is in nobody's sight while it works. It opens the FIFO before it hashes.
background "$TEST_DIR/make.log" "${make[@]}" "$TEST_DIR/file" -o "$TEST_DIR/fifo"
wait_until 20 waits_for_reader "$background_pid"
words=$(tr '\0' ' ' <"/proc/$background_pid/cmdline")
assert_match 'info make --secret ' "$words" 'command line'
if [[ $words == *"$secret"* ]]; then fail "the secret shows: $words"; fi
cat "$TEST_DIR/fifo" >"$TEST_DIR/through-fifo"
wait "$background_pid" || fail 'status of make into a FIFO'
[ -p "$TEST_DIR/fifo" ] || fail 'the FIFO was replaced'
"${make[@]}" "$TEST_DIR/file" -o "$TEST_DIR/out/info"
assert_same_file "$TEST_DIR/out/info" "$TEST_DIR/through-fifo"

# A file that changes while it is read, by growing, by shrinking, or in place.
for change in 'printf x >>"$1"' 'truncate -s 100000 "$1"' 'printf x | dd of="$1" conv=notrunc'; do
	cp "$TEST_DIR/file" "$TEST_DIR/changing"
	background "$TEST_DIR/make.log" "${make[@]}" "$TEST_DIR/changing" -o "$TEST_DIR/fifo"
	wait_until 20 waits_for_reader "$background_pid"
	sh -c "$change" sh "$TEST_DIR/changing" 2>/dev/null
	cat "$TEST_DIR/fifo" >/dev/null
	status=0
	wait "$background_pid" || status=$?
	assert_eq 1 "$status" "status after $change"
	assert_match 'was changed' "$(cat "$TEST_DIR/make.log")" "message after $change"
	assert_eq 1 "$(wc -l <"$TEST_DIR/make.log")" "lines after $change"
done

# What is there is replaced as a whole, through a link too, and closed to others.
echo former >"$TEST_DIR/out/former"
chmod 644 "$TEST_DIR/out/former"
ln -s former "$TEST_DIR/out/link"
"${make[@]}" "$TEST_DIR/file" -o "$TEST_DIR/out/link"
[ -L "$TEST_DIR/out/link" ] || fail 'the link was replaced'
assert_same_file "$TEST_DIR/out/info" "$TEST_DIR/out/former"
assert_eq 600 "$(stat -c %a "$TEST_DIR/out/former")" mode
rm "$TEST_DIR/out/link"

# Interrupted: nothing is left of it.
truncate -s 1T "$TEST_DIR/long"
for signal in INT TERM; do
	# A shell's background jobs ignore INT.
	background "$TEST_DIR/make.log" python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "${make[@]}" "$TEST_DIR/long" -o "$TEST_DIR/out/long"
	wait_until 20 sh -c 'ls "$1"/long.*' sh "$TEST_DIR/out"
	kill -s $signal "$background_pid"
	status=0
	wait "$background_pid" || status=$?
	assert_num "$status" -gt 128 "status after SIG$signal"
	assert_eq 'former info' "$(names "$TEST_DIR/out")" "files after SIG$signal"
done

# A full disk: an error, and what was there is still there.
if [ -n "${TEST_ISOLATED:-}" ]; then
	mkdir "$TEST_DIR/small"
	mount -t tmpfs -o size=64k none "$TEST_DIR/small"
	echo former >"$TEST_DIR/small/info"
	head -c 20000000 /dev/zero >"$TEST_DIR/zeros"
	head -c 50000 /dev/zero >"$TEST_DIR/small/filler"
	assert_refused 'No space left' "${make[@]}" --version 1 "$TEST_DIR/zeros" \
		-o "$TEST_DIR/small/info"
	assert_eq former "$(cat "$TEST_DIR/small/info")" 'what was there'
	assert_eq 'filler info' "$(names "$TEST_DIR/small")" 'files on the full disk'
	umount "$TEST_DIR/small"
fi
assert_refused 'No space left' sh -c 'exec "$@" >/dev/full' sh "${make[@]}" "$TEST_DIR/file"

# Not to a terminal.
python3 - "${make[@]}" "$TEST_DIR/file" <<-'END' || fail 'output to a terminal'
	import os, pty, subprocess, sys
	master, slave = pty.openpty()
	made = subprocess.run(sys.argv[1:], stdout=slave, stderr=subprocess.PIPE, text=True)
	assert made.returncode == 2 and "terminal" in made.stderr, made
	os.set_blocking(master, False)
	try:
	    assert not os.read(master, 1)
	except BlockingIOError:
	    pass
END

# Large content information is shown in little memory.
case $BUILD in
*address* | *thread*) ;;
*)
	python3 - "$BUILD/peerdist" "$TEST_DIR/large" <<-'END' || fail 'memory of show'
		import resource, struct, subprocess, sys
		program, path = sys.argv[1:]
		count = (64 << 20) // 68
		with open(path, "wb") as file:
		    file.write(bytes([0, 2, 4]) + bytes(28) + struct.pack(">BI", 0, 68 * count))
		    one = struct.pack(">I", 131072) + bytes(range(64))
		    for _ in range(count // 1000):
		        file.write(one * 1000)
		    file.write(one * (count % 1000))
		subprocess.run([program, "info", "show", path], stdout=subprocess.DEVNULL, check=True)
		kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		assert kib < 24 << 10, f"{kib} KiB"
	END
	;;
esac
