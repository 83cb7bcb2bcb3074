#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every way of reading gives the same bytes: read, pread, mmap, O_DIRECT, sendfile, splice, beyond
# the end, and many at random at once, cold and warm.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mkdir "$TEST_DIR/origin"
head -c 12345678 /dev/urandom >"$TEST_DIR/origin/large"
head -c 4097 /dev/urandom >"$TEST_DIR/origin/small"
: >"$TEST_DIR/origin/empty"
touch -d '1 hour ago' "$TEST_DIR"/origin/*
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/mnt"

cat >"$TEST_DIR/ways.py" <<'END'
import mmap, os, random, sys, threading

source, mounted, names = sys.argv[1], sys.argv[2], sys.argv[3:]

def by_mmap(file, size):
    if size == 0:
        return b""
    with mmap.mmap(file, size, prot=mmap.PROT_READ) as view:
        order = list(range(0, size, 50000))
        random.Random(1).shuffle(order)
        pieces = {at: view[at:at + 50000] for at in order}
        return b"".join(pieces[at] for at in sorted(pieces))

def by_direct(file, size):
    direct = os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_DIRECT)
    buffer, result = mmap.mmap(-1, 1 << 20), b""
    while count := os.preadv(direct, [buffer], len(result)):
        result += buffer[:count]
    os.close(direct)
    return result

def by_sendfile(file, size):
    sink = os.memfd_create("sink")
    at = 0
    while count := os.sendfile(sink, file, at, 300000):
        at += count
    result = os.pread(sink, size + 1, 0)
    os.close(sink)
    return result

def by_splice(file, size):
    out, into = os.pipe()
    result, at = b"", 0
    while count := os.splice(file, into, 65536, offset_src=at):
        at += count
        piece = b""
        while len(piece) < count:
            piece += os.read(out, count - len(piece))
        result += piece
    os.close(out)
    os.close(into)
    return result

def backwards(file, size):
    pieces = [os.pread(file, 70001, at) for at in range(0, size, 70001)][::1]
    for at in reversed(range(0, size, 70001)):
        pieces[at // 70001] = os.pread(file, 70001, at)
    return b"".join(pieces)

def at_random(name, data, seed, failures):
    rng = random.Random(seed)
    file = os.open(os.path.join(mounted, name), os.O_RDONLY)
    for _ in range(30):
        at, length = rng.randrange(len(data) + 10), rng.choice([1, 100, 65536, 400000])
        if os.pread(file, length, at) != data[at:at + length]:
            failures.append((name, at, length))
    os.close(file)

def drop(file):
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

for name in names:
    with open(os.path.join(source, name), "rb") as file:
        data = file.read()
    failures = []
    threads = [threading.Thread(target=at_random, args=(name, data, seed, failures))
               for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"at random: {failures[:5]}")
    file = os.open(os.path.join(mounted, name), os.O_RDONLY)
    for way in (by_mmap, by_direct, by_sendfile, by_splice, backwards):
        drop(file)
        got = way(file, len(data))
        if got != data:
            sys.exit(f"{name} {way.__name__}: {len(got)} of {len(data)} octets, or wrong ones")
    if os.pread(file, 10, len(data)) or os.pread(file, 10, len(data) + 1000000):
        sys.exit(f"{name}: something behind the end")
    os.close(file)
END
python3 "$TEST_DIR/ways.py" "$TEST_DIR/origin" "$MOUNT" large small empty || fail cold
remount
python3 "$TEST_DIR/ways.py" "$TEST_DIR/origin" "$MOUNT" large small empty || fail warm
assert_eq 0 "$(status_get .sources.origin.bytes)" 'octets from the origin after a remount'
umount_fs
