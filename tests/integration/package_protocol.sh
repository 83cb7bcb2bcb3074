#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The admin file with octets in an answer, and octets given to a command: what its manual says, from
# a program that knows nothing else; and what is malformed is refused and does no harm.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

mkdir "$TEST_DIR/origin"
head -c 3000001 /dev/urandom >"$TEST_DIR/origin/one"
head -c 200001 /dev/urandom >"$TEST_DIR/origin/two words"
start_nginx "$TEST_DIR/origin"
mount_fs "$URL" "$TEST_DIR/from"
from=$MOUNT
cat "$from"/* >/dev/null
for file in one 'two words'; do
	timeout 60 "$BUILD/peerdist" info get "$from/$file" >/dev/null
done
mount_fs "$URL" "$TEST_DIR/into"
python3 - "$from/.peerdist/admin" "$MOUNT/.peerdist/admin" <<-'END'
	import errno, os, sys

	def opened(path):
	    return os.open(path, os.O_RDWR)

	def refused(admin, octets):
	    try:
	        os.write(admin, octets)
	    except OSError as error:
	        return error.errno
	    return 0

	def answer(admin):
	    """Lines and octets."""
	    whole = b""
	    while piece := os.read(admin, 100000):
	        whole += piece
	    lines, octets = [], b""
	    while whole:
	        line, _, whole = whole.partition(b"\n")
	        if line.startswith(b"octets "):
	            size = int(line[7:])
	            octets, whole = octets + whole[:size], whole[size:]
	        elif not line.startswith(b"progress "):
	            lines.append(line)
	    return lines, octets

	source = opened(sys.argv[1])
	os.write(source, b"export /one two\\x20words\n")
	lines, package = answer(source)
	assert len(lines) == 1 and lines[0].startswith(b"ok contents 2 "), lines
	assert len(package) > 3200000 and package.startswith(b"peerdist package")
	# What was read is gone; the descriptor takes another command.
	assert os.pread(source, 100, 0) == b""
	for line in b"export", b"export \\x", b"export one\\", b"import one":
	    assert refused(source, line + b"\n") == errno.EINVAL, line
	os.write(source, b"jobs\n")
	assert answer(source)[0][0] == b"ok"

	target = opened(sys.argv[2])
	# Nobody takes octets yet.
	assert refused(target, b"octets 3\nabc") == errno.EINVAL
	assert refused(target, b"end\n") == errno.EINVAL
	os.write(target, b"import\n")
	for wrong in b"octets 3\nab", b"octets 3\nabcd", b"octets -3\nabc", b"octets x\nabc", \
	        b"octets 65536\n" + bytes(65536), b"octets 3", b"octets 0x3\nabc":
	    assert refused(target, wrong) == errno.EINVAL, wrong[:20]
	sizes = [1, 39, 7, 65000, 3, 0, 65536 - 13]
	at = 0
	while at < len(package):
	    size = sizes[0]
	    piece = package[at:at + size]
	    os.write(target, b"octets %d\n" % len(piece) + piece)
	    at += len(piece)
	    sizes.append(sizes.pop(0))
	os.write(target, b"end\n")
	lines, octets = answer(target)
	assert len(lines) == 1 and lines[0].startswith(b"ok contents 2 ") and not octets, lines
	assert b" bad 0" in lines[0]
	# It has ended: more is not wanted.
	assert refused(target, b"octets 1\na") == errno.EPIPE
	assert refused(target, b"end\n") == errno.EPIPE
	os.write(target, b"import\n")
	os.write(target, b"octets 100\n" + package[:100])
	os.write(target, b"end\n")
	lines, octets = answer(target)
	assert lines[0].startswith(b"error %d EBADMSG " % errno.EBADMSG), lines
	# A second command in the middle takes the first one's place, which ends.
	os.write(target, b"import\n")
	os.write(target, b"octets 100\n" + package[:100])
	os.write(target, b"jobs\n")
	assert answer(target)[0][0] == b"ok"
	def importing():
	    os.write(target, b"jobs\n")
	    return any(line.endswith(b" import") for line in answer(target)[0])
	while importing():
	    pass
END
stop_server
assert_same_file "$TEST_DIR/origin/one" "$MOUNT/one"
assert_same_file "$TEST_DIR/origin/two words" "$MOUNT/two words"
umount_fs
umount_fs "$from"
