#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Many who open one file at the same moment, where each answer of the origin is a version of its
# own or nobody knows the length: all get it whole, and nobody an error.
. "$(dirname "$0")/lib.sh"
requires_fuse
requires_cmd python3

declare -A behaviour=(
	[no-validator]='{"size": 300000, "etag": null}'
	[no-length]='{"size": 300000, "framing": "chunked", "ranges": false}'
	[neither]='{"size": 300000, "etag": null, "framing": "chunked", "ranges": false}'
)
names=({no-validator,no-length,neither}-{1..8})
list() {
	local name separator=''
	printf '{"/": {"links": ['
	for name; do
		printf '%s"%s"' "$separator" "$name"
		separator=', '
	done
	printf ']}'
	for name; do printf ', "/%s": %s' "$name" "${behaviour[${name%-*}]}"; done
	printf '}'
}
start_faulty "$(list "${names[@]}")"
mount_fs "$URL" "$TEST_DIR/mnt"
curl -sf --noproxy '*' "${FAULTY_CONTROL}?path=/${names[0]}" >"$TEST_DIR/content"

cat >"$TEST_DIR/together.py" <<-'END'
	import sys, threading
	expected = open(sys.argv[1], "rb").read()
	start = threading.Barrier(12)
	wrong = []
	def read():
	    start.wait()
	    try:
	        with open(sys.argv[2], "rb") as file:
	            if file.read() != expected:
	                wrong.append("other bytes")
	    except OSError as error:
	        wrong.append(error)
	threads = [threading.Thread(target=read) for _ in range(12)]
	for thread in threads: thread.start()
	for thread in threads: thread.join()
	sys.exit(f"{sys.argv[2]}: {wrong}" if wrong else 0)
END
for name in "${names[@]}"; do
	python3 "$TEST_DIR/together.py" "$TEST_DIR/content" "$MOUNT/$name" || fail "$name"
done
umount_fs
