#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The admin file: one command a write, its answer by reading, as often as wished; what is malformed
# is refused by the write itself.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

make_tree "$TEST_DIR/origin" plain
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"

python3 - "$MOUNT/.peerdist/admin" <<'END' || fail 'see above'
import errno, os, select, sys

path = sys.argv[1]

def opened(flags=os.O_RDWR):
    return os.open(path, flags)

def read_all(admin):
    pieces = []
    while piece := os.read(admin, 4096):
        pieces.append(piece)
    return b"".join(pieces).decode()

def expect(what, condition, *values):
    if not condition:
        sys.exit(f"{what}: {values}")

def refused(line, number=errno.EINVAL):
    admin = opened()
    try:
        os.write(admin, line)
        sys.exit(f"{line[:40]} was taken")
    except OSError as error:
        expect(f"the refusal of {line[:40]}", error.errno == number, error)
    answer = read_all(admin)
    # One line: number, name, and the reason in words.
    words = f"error {number} {errno.errorcode[number]} "
    expect(f"the answer to {line[:40]}", answer.startswith(words) and answer.count("\n") == 1, answer)
    os.close(admin)

# Before any command there is nothing to read.
admin = opened()
expect("nothing asked", read_all(admin) == "")
# Two commands on one descriptor, and the second answer again from its beginning.
os.write(admin, b"help\n")
help_text = read_all(admin)
expect("help", help_text.startswith("ok\n") and "\nwarm PATH" in help_text, help_text)
os.write(admin, b"jobs\n")
expect("jobs", read_all(admin) == "ok\n")
os.lseek(admin, 0, os.SEEK_SET)
expect("jobs once more", read_all(admin) == "ok\n")
# In small pieces, without an end of line, with spaces around.
os.write(admin, b"  help  ")
expect("in pieces", "".join(os.read(admin, 3).decode() for _ in range(4)) == help_text[:12])
os.close(admin)

for line in (b"", b"\n", b" ", b"nothing", b"Help", b"help me", b"clea", b"clear\0/x", b"clear \0many", b"pin", b"warm",
             b"resize", b"resize much", b"resize -5", b"cancel", b"cancel x", b"cancel -1",
             b"cancel 99999999999999", b"pin \\x", b"pin \\x00", b"pin a\\", b"\xff\xfe", b"status x",
             b"help" + b" " * 70000):
    if line == b"":
        continue
    if len(line) > 65536 or b"\0" in line:
        admin = opened()
        try:
            os.write(admin, line)
            if b"\0" not in line:
                sys.exit("a long line was taken")
        except OSError as error:
            expect("a long line", error.errno == errno.EINVAL, error)
        os.close(admin)
    else:
        refused(line)
refused(b"cancel 4711", errno.ENOENT)
admin = opened()
try:
    taken = os.write(admin, b"pin " + b"x" * 100000)
    sys.exit(f"100 KB were taken: {taken}")
except OSError as error:
    expect("100 KB", error.errno == errno.EINVAL, error)
os.close(admin)
# Only to write to, as a shell does; only to read from.
admin = opened(os.O_WRONLY | os.O_TRUNC)
os.write(admin, b"unpin /none")
os.close(admin)
admin = opened(os.O_RDONLY)
expect("only read from", read_all(admin) == "")
os.close(admin)
# A job: poll says when there is something to read, reading waits for the end.
admin = opened(os.O_RDWR | os.O_NONBLOCK)
os.write(admin, b"warm /")
text = ""
poller = select.poll()
poller.register(admin, select.POLLIN)
while True:
    expect("poll", poller.poll(20000) != [])
    try:
        piece = os.read(admin, 4096)
    except BlockingIOError:
        continue
    if piece == b"":
        break
    text += piece.decode()
expect("warm", text.endswith("ok\n"), text)
os.close(admin)
END
assert_same_tree "$TEST_DIR/origin" "$MOUNT"
umount_fs
