#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# peerdist info make, show and verify: what is made is what an independent model makes of the same
# file, what is shown is what the model reads, and what does not match is found.
. "$(dirname "$0")/lib.sh"
requires_file "$BUILD/peerdist"
requires_cmd python3 jq openssl

model=tests/lib/peerdist_model.py
secret=6e6f206d6f72652073656372657473
info() {
	timeout 60 "$BUILD/peerdist" info "$@"
}
# show_the_same INFO...: what the model reads is what is shown, field for field.
show_the_same() {
	local info
	for info; do info show --json --secrets "$info" >"$info.shown"; done
	python3 - "$@" <<-'END' || fail 'show --json'
		import json, sys
		sys.path.insert(0, "tests/lib")
		import peerdist_model as reader
		for path in sys.argv[1:]:
		    model = reader.description(reader.decode(reader.read_file(path)))
		    with open(path + ".shown") as file:
		        shown = json.load(file)
		    model.pop("fetch")
		    if "chunks" in model:
		        model["chunks"] = len(model["chunks"])
		    counts = model.pop("cBlocks", None)
		    if counts is not None:
		        assert counts == [s["block_count"] for s in shown["segments"]], path
		    assert len(model["segments"]) == len(shown["segments"]), path
		    for expected, got in zip([model] + model["segments"], [shown] + shown["segments"]):
		        for name in expected:
		            if name != "segments":
		                assert got[name] == expected[name], (path, name, expected[name], got[name])
	END
}
noise() { # SIZE FILE: the same octets each time
	head -c "$1" /dev/zero | openssl enc -aes-128-ctr -out "$2" \
		-K 00000000000000000000000000000000 -iv 00000000000000000000000000000000
}

# Octet for octet what the model makes, whole and in part.
for size in 1 65535 65536 65537 131073 1048579 33554437; do
	file=$TEST_DIR/file-$size
	noise "$size" "$file"
	for version in 1 2; do
		made=$TEST_DIR/made-$size-$version
		info make --version $version --secret $secret "$file" -o "$made"
		assert_eq 600 "$(stat -c %a "$made")" 'mode of what was made'
		# The model's cutter is slow.
		[ $version = 2 ] && [ "$size" -gt 2000000 ] || {
			python3 $model make --version $version --secret $secret "$file" "$TEST_DIR/expected"
			assert_same_file "$TEST_DIR/expected" "$made"
		}
		python3 $model verify --whole --secret $secret "$made" "$file"
		assert_match '^matches' "$(info verify "$made" "$file")" "verify of $made"
		assert_eq true "$(info verify --json "$made" "$file" | jq .match)" "verify of $made"
	done
done
file=$TEST_DIR/file-1048579
for version in 1 2; do
	for range in 0,1 0,65536 70000,100000 1048578,1 524288,524291; do
		part=$TEST_DIR/part-$version-$range
		info make --version $version --secret=$secret --range $range "$file" >"$part"
		python3 $model make --version $version --secret $secret --range $range "$file" \
			"$TEST_DIR/expected"
		assert_same_file "$TEST_DIR/expected" "$part"
		assert_eq "[${range%,*},${range#*,}]" "$(info show --json "$part" | jq -c .range)"
		info verify "$part" "$file" >/dev/null
	done
done
show_the_same "$TEST_DIR"/made-* "$TEST_DIR"/part-*

# What others write.
python3 - "$TEST_DIR" tests/vectors/content-information/unusual.json <<-'END'
	import json, sys
	for vector in json.load(open(sys.argv[2]))["vectors"]:
	    with open(f"{sys.argv[1]}/unusual-{vector['name']}", "wb") as file:
	        file.write(bytes.fromhex(vector["info"]))
END
unusual=("$TEST_DIR"/unusual-*)
assert_num ${#unusual[@]} -ge 10 'unusual vectors'
show_the_same "${unusual[@]}"
for form in "${unusual[@]}"; do
	info show --blocks "$form" >/dev/null
done

# A pipe and a file on standard input do as well.
made=$TEST_DIR/made-1048579-2
info show --json "$made" >"$TEST_DIR/by-name"
info show --json - <"$made" >"$TEST_DIR/by-file"
cat "$made" | info show --json - >"$TEST_DIR/by-pipe"
assert_same_file "$TEST_DIR/by-name" "$TEST_DIR/by-file"
assert_same_file "$TEST_DIR/by-name" "$TEST_DIR/by-pipe"

# Segment secrets come out only when asked for.
kp=$(python3 $model decode "$made" | jq -r '.segments[0].kp')
assert_num ${#kp} -eq 64 'digits of Kp'
for words in '' --json --blocks '--json --blocks'; do
	# shellcheck disable=SC2086
	if info show $words "$made" | grep -q "$kp"; then fail "show $words shows Kp"; fi
done
assert_match "$kp" "$(info show --secrets "$made")" 'show --secrets'

# What does not match is found, and where.
for version in 1 2; do
	made=$TEST_DIR/made-1048579-$version
	damaged=$TEST_DIR/damaged
	cp "$file" "$damaged"
	printf '\377\0\377' | dd of="$damaged" bs=1 seek=300000 conv=notrunc status=none
	found=$(info verify --json "$made" "$damaged" 2>"$TEST_DIR/said") && fail 'damage not found'
	assert_eq 'false 1 1 0 0' \
		"$(jq -r '"\(.match) \(.bad_blocks) \(.bad_ranges) \(.missing) \(.excess)"' <<<"$found")"
	jq -e '.first_bad_ranges[0] | .[0] <= 300000 and .[0] + .[1] > 300002' <<<"$found" \
		>/dev/null || fail "damage elsewhere: $found"
	assert_eq 1 "$(wc -l <"$TEST_DIR/said")" 'lines on stderr'
	# Two far apart are two; a part that it is not in matches all the same.
	printf x | dd of="$damaged" bs=1 seek=900000 conv=notrunc status=none
	assert_eq 2 "$(info verify --json "$made" "$damaged" 2>/dev/null | jq .bad_ranges)"
	info verify "$TEST_DIR/part-$version-0,65536" "$damaged" >/dev/null ||
		fail 'damage outside of the part'

	head -c 1000000 "$file" >"$damaged"
	found=$(info verify --json "$made" "$damaged" 2>/dev/null) && fail 'cut not found'
	assert_eq 'false 48579 0' "$(jq -r '"\(.match) \(.missing) \(.excess)"' <<<"$found")"
	assert_eq 1048579 "$(jq '.first_bad_ranges[-1] | .[0] + .[1]' <<<"$found")"
	{ cat "$file" && echo; } >"$damaged"
	found=$(info verify --json "$made" "$damaged" 2>/dev/null) && fail 'addition not found'
	assert_eq 'false 0 1 0' \
		"$(jq -r '"\(.match) \(.missing) \(.excess) \(.bad_blocks)"' <<<"$found")"
	: >"$damaged"
	assert_fails info verify "$made" "$damaged" >/dev/null 2>&1
done
