#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist publish hashes files once: not again when they have not changed, not when only the key has,
# and not when another process has done it. What it cannot do it tells.
. "$(dirname "$0")/lib.sh"
requires_file "$BUILD/peerdist"
requires_cmd jq

tree=$TEST_DIR/tree
hashes=$TEST_DIR/hashes
peerdist() {
	timeout 100 "$BUILD/peerdist" "$@"
}
publish() {
	peerdist publish --key "$TEST_DIR/key" --hashes "$hashes" "$@"
}
# told FIELD JSON
told() {
	jq -r "$1" <<<"$2"
}
# counts JSON: hashed known small failed
counts() {
	jq -r '"\(.hashed) \(.known) \(.small) \(.failed | length)"' <<<"$1"
}

mkdir -p "$tree/below/deeper"
head -c 3000000 /dev/urandom >"$tree/large"
head -c 65536 /dev/urandom >"$tree/below/least"
head -c 65535 /dev/urandom >"$tree/below/small"
head -c 200000 /dev/urandom >"$tree/below/deeper/"$'strange\n\xff name'
: >"$tree/empty"
ln -s /etc "$tree/outside"
ln -s large "$tree/link"
mkfifo "$tree/fifo"
octets=$((3000000 + 65536 + 200000))

# One file, in a directory and with a key that are made.
answer=$(publish --json "$tree/large" 2>"$TEST_DIR/errors")
assert_eq '1 0 0 0' "$(counts "$answer")" 'one file'
assert_eq 3000000 "$(told .octets_hashed "$answer")"
[ ! -s "$TEST_DIR/errors" ] || fail "publish wrote to stderr: $(cat "$TEST_DIR/errors")"
assert_eq 700 "$(stat -c %a "$hashes")" 'mode of the directory'
assert_eq 600 "$(stat -c %a "$hashes"/*)" 'mode of what is kept'
assert_eq 600 "$(stat -c %a "$TEST_DIR/key")" 'mode of the key'

# A link that is named is followed; those below are not.
assert_eq '0 1 0 0' "$(counts "$(publish --json "$tree/link")")" 'a link'

# All below a directory.
answer=$(publish -r --json "$tree")
assert_eq '2 1 2 0' "$(counts "$answer")" 'the tree'
assert_eq 5 "$(told .files "$answer")" 'files of the tree'
assert_eq $((octets - 3000000)) "$(told .octets_hashed "$answer")"
answer=$(publish -r --json "$tree")
assert_eq '0 3 2 0' "$(counts "$answer")" 'the tree again'
assert_eq 0 "$(told .octets_hashed "$answer")"
assert_match '^0 hashed \(0 octets\), 3 known already, 2 too small, 0 failed$' \
	"$(publish -r "$tree")" 'for people'
assert_eq '1 3 1 0' "$(counts "$(publish -r --json --min-size 1 "$tree")")" 'from one octet on'

# Changed, even with the same size and time of modification.
touch -r "$tree/below/least" "$TEST_DIR/stamp"
head -c 65536 /dev/urandom >"$tree/below/least"
touch -r "$TEST_DIR/stamp" "$tree/below/least"
assert_eq '1 2 2 0' "$(counts "$(publish -r --json "$tree")")" 'one changed'

# Damaged hashes are made anew, those of one file only.
kept=$(grep -lF "file:" "$hashes"/* | head -n 1)
printf x | dd of="$kept" bs=1 seek=200 conv=notrunc status=none
answer=$(publish -r --json --min-size 1 "$tree" 2>/dev/null)
assert_eq '1 3 1 0' "$(counts "$answer")" 'with one damaged'

# Versions that are missing are added; one that is there is enough for who wants only that.
rm -r "$hashes"
publish -r --versions 1 "$tree" >/dev/null
assert_eq '0 3 2 0' "$(counts "$(publish -r --json --versions 1 "$tree")")" 'version 1 again'
answer=$(publish -r --json "$tree")
assert_eq '3 0 2 0' "$(counts "$answer")" 'both versions after one'
assert_eq '0 3 2 0' "$(counts "$(publish -r --json --versions 2 "$tree")")" 'version 2 of both'

# Another key: nothing is read.
before=$(sha256sum "$hashes"/* | sort)
mv "$TEST_DIR/key" "$TEST_DIR/old"
answer=$(publish -r --json "$tree")
assert_eq '0 3 2 0' "$(counts "$answer")" 'with another key'
[ "$before" != "$(sha256sum "$hashes"/* | sort)" ] || fail 'the same hashes for another key'
mv "$TEST_DIR/old" "$TEST_DIR/key"
publish -r "$tree" >/dev/null
assert_eq "$before" "$(sha256sum "$hashes"/* | sort)" 'hashes with the old key again'

# Several at once in one directory of hashes.
rm -r "$hashes"
workers=()
for i in 1 2 3; do
	background "$TEST_DIR/log.$i" peerdist publish -r --key "$TEST_DIR/key" --hashes "$hashes" "$tree"
	workers+=("$background_pid")
done
for worker in "${workers[@]}"; do
	wait "$worker" || fail "one of several at once: $(cat "$TEST_DIR"/log.*)"
done
assert_eq "$before" "$(sha256sum "$hashes"/* | sort)" 'hashes of several at once'

# What cannot be done is told, with status 1; the rest is done.
assert_refused "^peerdist: publish: $tree is a directory; with -r" publish "$tree"
assert_refused "^peerdist: publish $tree/absent: No such file" publish "$tree/absent"
assert_refused "^peerdist: publish: $tree/fifo is neither" publish "$tree/fifo"
assert_refused '^peerdist: publish takes one path' publish
assert_refused '^peerdist: --versions: ' publish --versions 3 "$tree/large"
assert_refused '^peerdist: --min-size: ' publish --min-size 0 "$tree/large"
assert_refused '^peerdist: unknown option `--hashing' publish --hashing "$hashes" "$tree/large"
chmod 770 "$hashes"
assert_refused "^peerdist: the directory of hashes $hashes may be written to by others" \
	publish "$tree/large"
chmod 700 "$hashes"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod a+x "$TEST_DIR"
	chmod 600 "$tree/large"
	mkdir -m 777 "$TEST_DIR/theirs"
	status=0
	answer=$(timeout 100 setpriv --reuid nobody --clear-groups "$BUILD/peerdist" publish -r --json \
		--key "$TEST_DIR/theirs/key" --hashes "$TEST_DIR/theirs/hashes" "$tree" \
		2>"$TEST_DIR/errors") || status=$?
	assert_eq 1 "$status" 'status with a file that cannot be read'
	assert_eq '2 0 2 1' "$(counts "$answer")" 'with a file that cannot be read'
	assert_eq "$tree/large: Permission denied" "$(told '.failed[0] | "\(.path): \(.error)"' "$answer")"
	assert_eq "peerdist: publish $tree/large: Permission denied" "$(cat "$TEST_DIR/errors")"
fi

# Killed at any time, it leaves hashes that hold and nothing half written that is believed.
head -c 100000000 /dev/zero >"$tree/zeros"
for delay in 0.01 0.05 0.1 0.2; do
	timeout -s KILL "$delay" "$BUILD/peerdist" publish -r --key "$TEST_DIR/key" \
		--hashes "$hashes" "$tree" >/dev/null 2>&1 || :
done
publish -r "$tree" >/dev/null
assert_eq '0 4 2 0' "$(counts "$(publish -r --json "$tree")")" 'after it was killed'
