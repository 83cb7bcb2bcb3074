#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The model that other tests judge by says what the vectors say; where a folder of vectors beside
# the tree is newer than ours, that one too.
. "$(dirname "$0")/lib.sh"
requires_cmd python3

vectors=tests/vectors/content-information
[ -d "$vectors" ] || fail "no $vectors"
for name in keys v1 v2 segmentation unusual invalid; do
	[ -e "$vectors/$name.json" ] || fail "no $vectors/$name.json"
done
for folder in "$vectors" ../shared/vectors/content-information; do
	[ -d "$folder" ] || continue
	if [ "$folder" != "$vectors" ] && diff -q "$folder" "$vectors" -x README.md >/dev/null; then
		echo "$folder: the same as ours"
		continue
	fi
	python3 tests/lib/model_vectors.py "$folder" >"$TEST_DIR/said" 2>&1 ||
		fail "$folder: $(cat "$TEST_DIR/said")"
	cat "$TEST_DIR/said"
done
if grep -q absent "$TEST_DIR/said"; then fail "$(cat "$TEST_DIR/said")"; fi

# By hand: the worked example of the format's description.
model=tests/lib/peerdist_model.py
printf hello >"$TEST_DIR/hello"
python3 $model make --version 2 --secret 6e6f206d6f72652073656372657473 "$TEST_DIR/hello" \
	"$TEST_DIR/info"
assert_eq 7229bcb491fe8433b09f68e3a58d507ef6bc1adfc00954c9902231a00839cc76 \
	"$(python3 $model decode "$TEST_DIR/info" | python3 -c \
		'import json, sys; print(json.load(sys.stdin)["segments"][0]["id"])')" 'segment id'
python3 $model verify --whole "$TEST_DIR/info" "$TEST_DIR/hello"
printf hellp >"$TEST_DIR/hello"
assert_refused 'other octets' python3 $model verify "$TEST_DIR/info" "$TEST_DIR/hello"
