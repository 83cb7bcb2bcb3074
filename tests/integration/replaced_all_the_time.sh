#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Files that are replaced many times a second, read by several at once: every open succeeds, what is
# read is of one version, and a reader that loses its version is told so.
. "$(dirname "$0")/lib.sh"
requires_fuse

cat >"$TEST_DIR/files.py" <<'END'
"""files.py write DIR | read DIR REPORT: a version is one octet, repeated as often as it says."""
import errno, itertools, os, random, sys, time

SIZES = {"small": 200, "middle": 4000, "large": 40000}


def write(folder):
    for number in itertools.count():
        for name, unit in SIZES.items():
            octet = 1 + number % 250
            with open(f"{folder}/.{name}", "wb") as file:
                file.write(bytes([octet]) * (octet * unit))
            os.rename(f"{folder}/.{name}", f"{folder}/{name}")
        time.sleep(0.1)


def read(folder, report):
    done = dict.fromkeys(SIZES, 0)
    lost = 0
    end = time.monotonic() + 3
    while time.monotonic() < end:
        name = random.choice(list(SIZES))
        with open(f"{folder}/{name}", "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            try:
                content = file.readall()
            except OSError as error:
                assert error.errno == errno.ESTALE, error
                lost += 1
                continue
        assert len(content) == size, f"{name}: {len(content)} of {size} octets"
        assert content == content[:1] * size and size == content[0] * SIZES[name], f"{name}: a mixture"
        done[name] += 1
    assert min(done.values()) > 0, f"never read: {done}"
    print(done, "lost:", lost, file=open(report, "w"))


{"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])
END
mkdir "$TEST_DIR/origin"
start_nginx "$TEST_DIR/origin"
background "$TEST_DIR/writer.log" python3 "$TEST_DIR/files.py" write "$TEST_DIR/origin"
wait_until 5 test -e "$TEST_DIR/origin/large"
mount_fs -o revalidate=0 "$URL" "$TEST_DIR/mnt"
for reader in 1 2 3; do
	python3 "$TEST_DIR/files.py" read "$MOUNT" "$TEST_DIR/report-$reader" &
	readers+=($!)
done
for pid in "${readers[@]}"; do wait "$pid" || fail 'a reader'; done
cat "$TEST_DIR"/report-*
umount_fs
