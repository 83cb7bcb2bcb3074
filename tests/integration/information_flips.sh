#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Something between mount and server turns single bits over, in content, in content information, or
# in both: readers get the right octets or EIO, whatever it does and however it repeats itself.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_fuse

mkdir "$TEST_DIR/origin"
names=(a b c)
make_octets "$TEST_DIR/origin/a" 3000001 1
make_octets "$TEST_DIR/origin/b" 3000001 2
make_octets "$TEST_DIR/origin/c" 150000 3
start_informed "$TEST_DIR/origin"
start_flipping
number=0
wrong=() # all of them, as they tell more together

# Piece by piece: an error of one must hide no wrong octet of another.
compare() {
	python3 - "$1" "$2" <<-'END'
		import errno, os, sys
		with open(sys.argv[1], "rb") as file:
		    right = file.read()
		file, failed = os.open(sys.argv[2], os.O_RDONLY), 0
		for at in range(0, len(right), 65536):
		    try:
		        got, wanted = os.pread(file, 65536, at), right[at:at + 65536]
		        assert got == wanted[:len(got)], f"wrong octets at {at}"
		        failed += got != wanted  # short: what follows failed
		    except OSError as error:
		        assert error.errno == errno.EIO, error
		        failed += 1
		print(f"{failed} of {(len(right) + 65535) // 65536} reads failed")
	END
}
# flipped MODE VERSIONS [KNOWN]: a mount of its own; KNOWN: content information comes unharmed first.
flipped() {
	number=$((number + 1))
	: >"$FLIP_LOG"
	if [ -z "${3:-}" ]; then flip_mode "$1"; else flip_mode '{}'; fi
	mount_fs -o "timeout=6,compute=off,versions=${2/,/\\,}" "$URL" "$TEST_DIR/mnt-$number"
	if [ -n "${3:-}" ]; then
		for name in "${names[@]}"; do
			head -c 1 "$MOUNT/$name" >/dev/null
			wait_until 20 has_version "$MOUNT/$name" "${2##*,}"
		done
		flip_mode "$1"
	fi
	failed=0
	for name in "${names[@]}"; do
		said=$(compare "$TEST_DIR/origin/$name" "$MOUNT/$name" 2>&1) ||
			wrong+=("$1, versions=$2, $name: ${said##*$'\n'}")
		echo "$1, versions=$2, $name: $said"
		[[ $said == '0 of '* ]] || failed=$((failed + 1))
	done
	hash_errors=$(status_get .errors.hash)
	hits=$(flips '.kind == "content"')
	umount_fs
}
for versions in 1,2 1; do
	for mode in '{"flip": "once", "in": "content", "at": 5000}' \
		'{"flip": "position", "in": "content", "at": 100}' \
		'{"flip": "position", "in": "content", "at": 40000}' \
		'{"flip": "position", "in": "content", "at": -1}' \
		'{"flip": "random", "in": "content", "seed": 1}' \
		'{"flip": "random", "in": "content", "seed": 2, "chance": 0.3}'; do
		flipped "$mode" $versions known
		assert_num "$hits" -gt 0 'octets flipped in content'
		assert_num "$hash_errors" -gt 0 "$mode: hash errors"
	done
	# Content information that was turned over is refused, or what it says is not so and the
	# readings agree about that; the content is read in any case.
	for at in 2 40 60 80 120; do
		flipped "{\"flip\": \"position\", \"in\": \"information\", \"at\": $at}" $versions
		assert_eq 0 "$failed" 'files not read whole'
		assert_num "$(flips '.kind == "information"')" -gt 0 'octets flipped in content information'
	done
	# Both turned over at the same place: where the content information is refused, readings of the
	# content that do not agree are.
	for at in 2 60 1500; do
		flipped "{\"flip\": \"position\", \"in\": \"both\", \"at\": $at}" $versions
		assert_num "$(flips '.kind == "information"')" -gt 0 'octets flipped in content information'
	done
	flipped '{"flip": "random", "seed": 3, "chance": 0.3}' $versions known
done

[ ${#wrong[@]} = 0 ] || fail "$(printf '%s\n' "${wrong[@]}")"

# With nothing in the way all of it is right, also what was kept of the bad times.
flip_mode '{}'
for mount in "$TEST_DIR"/mnt-*; do
	mount_again "$mount"
	for name in "${names[@]}"; do assert_same_file "$TEST_DIR/origin/$name" "$mount/$name"; done
	umount_fs "$mount"
done
