#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A block that was altered on the disk of a peer is not given: the peer notices by itself, and the reader
# never sees a wrong hash.
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_create 2
lan_origin
tree=$TEST_DIR/origin
mkdir "$tree"
make_octets "$tree/file" 2000000 1
lan_informed "$tree"

# alter OFFSET: one octet of what lan1 holds of the file.
alter() {
	python3 - "$TEST_DIR/cache-lan1/data" "$tree/file" "$1" <<-'END' || fail "not in the cache at $1"
		import os, sys
		folder, name, offset = sys.argv[1], sys.argv[2], int(sys.argv[3])
		with open(name, "rb") as file:
		    file.seek(offset)
		    wanted = file.read(64)
		for entry in os.scandir(folder):
		    with open(entry, "r+b") as file:
		        found = file.read().find(wanted)
		        if found >= 0:
		            file.seek(found)
		            file.write(bytes([wanted[0] ^ 1]))
		            sys.exit(0)
		sys.exit(1)
	END
}
for version in 1 2; do
	lan_mount lan1 "$URL" versions=$version
	lan_read lan1 file
	alter 700000
	lan_mount lan2 "$URL" versions=$version
	lan_read lan2 file
	assert_eq 0 "$(lan_status lan2 .errors.hash)" "wrong hashes, version $version"
	assert_num "$(lan_status lan2 .sources.peer.bytes)" -gt 1000000 'octets from the peer'
	assert_num "$(lan_status lan2 .sources.origin.bytes)" -gt 0 'octets from the origin'
	assert_num "$(lan_status lan1 .errors.checksum)" -ge 1 'wrong checksums of the peer'
	lan_forget lan2
	lan_forget lan1
done
lan_leave
